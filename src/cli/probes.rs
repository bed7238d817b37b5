//! `fleetstat probes`.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::cli::args::{FormatWord, ProbesArgs};
use crate::cli::setting::Setting;
use crate::cli::{Ended, request, to_stdout};
use crate::model::deadline::Deadlines;
use crate::probe::site::SiteProbe;
use crate::probe::{PROBES, Probe, Usage};
use crate::report::rows::write_answers;
use crate::report::standard::{ProbeRow, Probes};

/// Prints the command standard, of every platform or of one, and the site's own probes: for people
/// as pages, else one row a command.
pub(super) fn probes(setting: &Setting, args: &ProbesArgs) -> Ended {
    let mut site = request::site_probes(&args.site)?;
    site.retain(|probe| args.platform.is_none_or(|only| only == probe.platform));
    if setting.global.format != FormatWord::Table {
        let standard = PROBES.into_iter().flatten();
        let standard = standard.filter(|p| args.platform.is_none_or(|only| only == p.platform));
        let rows: Vec<ProbeRow> = standard.map(row).chain(site.iter().map(site_row)).collect();
        return to_stdout(|out| write_answers(out, setting.layout(), Probes, &rows).map(drop));
    }
    let standard = args.platform.map(crate::probe::standard::command_standard);
    let mut page = standard.unwrap_or_else(crate::probe::standard::whole_standard);
    if !site.is_empty() {
        page += "\n## Probes of the site\n\n";
    }
    for probe in &site {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "- `{}` ({}): `{}`", probe.id, probe.needs, probe.words().join(" "));
    }
    to_stdout(|out| out.write_all(page.as_bytes()))
}

fn words<T: ToString>(items: impl IntoIterator<Item = T>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

fn row(probe: &Probe) -> ProbeRow {
    let defaults = Deadlines::default();
    let first = probe.first_byte.unwrap_or(defaults.first_byte).as_secs();
    let total = probe.total.unwrap_or(defaults.command).as_secs();
    let usage = match probe.usage {
        Usage::Planned => "planned",
        Usage::Fallback => "fallback",
        Usage::FindTools => "find_tools",
        Usage::Rich => "rich",
        Usage::Check => "check",
    };
    let fallback = probe.fallback.as_ref();
    ProbeRow {
        id: probe.id.to_string(),
        platform: probe.platform.to_string(),
        command: words(probe.command().words()),
        other_paths: words(probe.tool.paths().iter().skip(1)),
        views: [words(probe.views), words(probe.context_for)],
        usage: usage.to_owned(),
        privilege: probe.needs.to_string(),
        grants: probe.grants.iter().map(|grant| grant.as_str().to_owned()).collect(),
        deadlines: Some([first, total]),
        usable_exits: words(probe.usable_exits),
        fallback_on: fallback.map(|f| words(f.on.iter().map(|on| on.as_str()))).unwrap_or_default(),
        fallback: fallback.map(|f| words(f.probes)).unwrap_or_default(),
        cannot_say: words(probe.cannot_say),
        verified: Some(probe.verified.to_string()),
        manual: Some(probe.manual.to_owned()),
        reads: Some(probe.reads.to_owned()),
        digest: Some(probe.digest().to_string()),
    }
}

fn site_row(probe: &SiteProbe) -> ProbeRow {
    ProbeRow {
        id: probe.id.to_string(),
        platform: probe.platform.to_string(),
        command: words(probe.words()),
        views: [words(&probe.views), Vec::new()],
        usage: "site".to_owned(),
        privilege: probe.needs.to_string(),
        ..ProbeRow::default()
    }
}
