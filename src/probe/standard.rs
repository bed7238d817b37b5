//! The command standard of a platform as one page of Markdown, printed from the table of probes.
//!
//! Comes in: a platform. Goes out: text for `fleetstat probes` and the pages of
//! `docs/reference/commands`, the same to the byte, and their index.

use std::fmt::Write as _;

use crate::model::deadline::Deadlines;
use crate::model::digest::{Hasher, Sha256};
use crate::model::host::Platform;
use crate::model::snapshot::View;
use crate::probe::command::ENVIRONMENT;
use crate::probe::table::{Privilege, Probe, Usage};
use crate::probe::{platform_probes, text_readers};

/// Adds a line. Writing to a String cannot fail.
macro_rules! line {
    ($page:expr, $($text:tt)*) => {{ let _ = writeln!($page, $($text)*); }};
}

/// The command standard of every platform, one page after the other.
#[must_use]
pub fn whole_standard() -> String {
    let pages = Platform::ALL.iter().map(|&each| command_standard(each));
    pages.collect::<Vec<_>>().join("\n")
}

/// The page that leads to that of each platform.
#[must_use]
pub fn index() -> String {
    let mut page = String::from(
        "# Command standard\n\n\
         Printed from the table in `src/probe`; a test compares. Nothing else reaches a host. \
         `fleetstat probes` prints\nall pages, `fleetstat probes --platform NAME` one.\n\n\
         How a command was verified: `live` ran against the real tool, `recorded` against recorded \
         answers, `grammar`\nagainst what its manual says.\n\n\
         | platform | commands | live | recorded | grammar |\n|---|---:|---:|---:|---:|\n",
    );
    for platform in Platform::ALL {
        let of = |word: &str| {
            platform_probes(*platform).filter(|probe| probe.verified.to_string() == word).count()
        };
        let all = platform_probes(*platform).count();
        let [live, recorded, grammar] = ["live", "recorded", "grammar"].map(of);
        line!(
            page,
            "| [{platform}](commands/{platform}.md) | {all} | {live} | {recorded} | {grammar} |"
        );
    }
    page
}

/// The command standard of one platform.
#[must_use]
pub fn command_standard(platform: Platform) -> String {
    let mut page = format!("# Command standard: {platform}\n\n");
    introduction(platform, &mut page);
    overview(platform, &mut page);
    readers(platform, &mut page);
    privileges(platform, &mut page);
    gaps(platform, &mut page);
    page.push_str("## Each command\n");
    platform_probes(platform).for_each(|probe| section(probe, &mut page));
    page
}

fn introduction(platform: Platform, page: &mut String) {
    line!(
        page,
        "Printed from the table in `src/probe`; a test compares. Nothing else reaches a host.\n"
    );
    if platform == Platform::Windows {
        line!(
            page,
            "Every command runs as it stands, one argument vector each, never a script of the host's:"
        );
        line!(
            page,
            "no word of it means anything to cmd.exe or PowerShell. A program that is not at its path is"
        );
        line!(page, "not looked for.\n");
        return;
    }
    line!(
        page,
        "Every command runs as `{} COMMAND`, one argument vector each, never a script.",
        ENVIRONMENT.join(" ")
    );
    line!(
        page,
        "Where the host has it, `/usr/bin/timeout -k 2 SECONDS` stands before the command, with the"
    );
    line!(
        page,
        "command's deadline less 5 s; on hosts marked `fragile`, `/usr/bin/nice -n 19` before that."
    );
    match crate::probe::tools_probe(platform) {
        Some(tools) => line!(
            page,
            "The first path of a tool is tried; after an exit 127 `{}` finds the others, once a visit.\n",
            tools.id
        ),
        None => line!(page, "The paths of a tool are tried one after the other.\n"),
    }
}

fn overview(platform: Platform, page: &mut String) {
    line!(page, "| probe | command | views | verified |\n|---|---|---|---|");
    for probe in platform_probes(platform) {
        let command = shown_command(probe, 70);
        let views = views(probe);
        line!(page, "| {} | `{command}` | {views} | {} |", probe.id, probe.verified);
    }
    page.push('\n');
}

/// How a text is read without a host.
fn readers(platform: Platform, page: &mut String) {
    let names: Vec<String> = text_readers(platform).map(|name| format!("`{name}`")).collect();
    line!(page, "`fleetstat parse --probe ID FILE` reads a saved answer of each.");
    if !names.is_empty() {
        line!(
            page,
            "These ids take every form of their tool and tell the family or table by the text:"
        );
        line!(page, "{}.", names.join(", "));
    }
    page.push('\n');
}

fn privileges(platform: Platform, page: &mut String) {
    line!(page, "## Privileges\n");
    let raised = || platform_probes(platform).filter(|probe| probe.needs == Privilege::Owners);
    if raised().next().is_none() {
        line!(
            page,
            "Any account gets every row, and the owners as far as the system shows them at all.\n"
        );
        return;
    }
    if platform == Platform::Linux {
        line!(
            page,
            "Any account gets every row. Owners of other accounts' sockets need root, or CAP_SYS_PTRACE"
        );
        line!(
            page,
            "**and** CAP_DAC_READ_SEARCH. With `escalation: sudo` these commands, and no other, run through"
        );
        line!(
            page,
            "`sudo -n`; the rule pins every word (`ss -K` closes sockets and `ss -D` writes files, so a rule"
        );
        line!(
            page,
            "for `ss` alone would give root away). Keep the path that the host has:\n\n```"
        );
    } else {
        line!(
            page,
            "Any account gets every row. Owners of other accounts' sockets may need root. With"
        );
        line!(
            page,
            "`escalation: sudo` these commands, and no other, run through `sudo -n`; the rule pins every"
        );
        line!(page, "word. Keep the path that the host has:\n\n```");
    }
    for rule in crate::probe::sudoers::rules(platform) {
        line!(page, "{}", crate::probe::sudoers::line("ACCOUNT", &rule));
    }
    line!(page, "```\n");
}

/// What tools leave out, as the tests that compare them take it.
fn gaps(platform: Platform, page: &mut String) {
    if platform_probes(platform).all(|probe| probe.cannot_say.is_empty()) {
        return;
    }
    line!(page, "## What a tool cannot say\n");
    if platform == Platform::Linux {
        line!(
            page,
            "Records of these probes are equal to those of the first of their kind but for what stands here;"
        );
        line!(
            page,
            "tests make sockets, interfaces, routes and neighbours of every kind and compare."
        );
    }
    line!(
        page,
        "Where **whole rows** are missing, the section is `partial` with the limitation `tool_gap`.\n"
    );
    let never: Vec<String> = crate::probe::gap::NEVER_ASKED
        .iter()
        .filter(|(of, _)| *of == platform)
        .map(|(_, gap)| gap.to_string())
        .collect();
    if !never.is_empty() {
        line!(page, "Never asked for on this platform, and in no answer: {}.\n", never.join(", "));
    }
    line!(page, "| probe | leaves out |\n|---|---|");
    for probe in platform_probes(platform).filter(|probe| !probe.cannot_say.is_empty()) {
        let words = probe.cannot_say.iter().map(|gap| {
            if gap.makes_a_part(platform) { format!("**{gap}**") } else { gap.to_string() }
        });
        line!(page, "| {} | {} |", probe.id, words.collect::<Vec<_>>().join(", "));
    }
    page.push('\n');
}

fn section(probe: &Probe, page: &mut String) {
    line!(page, "\n### {}\n", probe.id);
    line!(page, "{}\n", probe.reads);
    line!(page, "```\n{}\n```\n", wrapped(&probe.command().words().join(" ")));
    let others = probe.tool.paths().get(1..).unwrap_or_default();
    if !others.is_empty() {
        line!(page, "- Other paths: {}", quoted(others));
    }
    line!(page, "- Views: {}", views(probe));
    line!(page, "- Privilege: {}", probe.needs);
    let grants: Vec<&str> = probe.grants.iter().map(|grant| grant.as_str()).collect();
    line!(page, "- Grants: {}", grants.join(", "));
    let defaults = Deadlines::default();
    let first = probe.first_byte.unwrap_or(defaults.first_byte).as_secs();
    let total = probe.total.unwrap_or(defaults.command).as_secs();
    line!(page, "- Deadlines: first byte {first} s, whole command {total} s");
    let exits: Vec<String> = probe.usable_exits.iter().map(ToString::to_string).collect();
    let empty = if probe.expects_output { "" } else { "; no output is an answer too" };
    line!(page, "- Usable exit status: {}{empty}", exits.join(", "));
    match &probe.fallback {
        None => line!(page, "- Fallback: none"),
        Some(fallback) => {
            let on: Vec<&str> = fallback.on.iter().map(|condition| condition.as_str()).collect();
            line!(page, "- Fallback on {}: {}", on.join(" or "), quoted(fallback.probes));
        }
    }
    line!(page, "- Verified: {}. Manual: {}", probe.verified, probe.manual);
    line!(page, "- Digest: `{}`", probe.digest());
}

fn views(probe: &Probe) -> String {
    let words = |views: &[View]| {
        let words: Vec<&str> = views.iter().map(|view| view.as_str()).collect();
        words.join(", ")
    };
    let context = match probe.context_for {
        [] => String::new(),
        all if all.len() == View::ALL.len() => "every view (context)".to_owned(),
        some => format!("{} (context)", words(some)),
    };
    let when = match probe.usage {
        Usage::Planned => String::new(),
        Usage::Fallback => "as a fallback".to_owned(),
        Usage::FindTools => "after exit 127".to_owned(),
        Usage::Rich => "with `profile: rich`".to_owned(),
        Usage::Check => "by `check`".to_owned(),
    };
    let parts = [words(probe.views), context, when];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

/// The command on one line, cut with a mark that is no word of a command.
fn shown_command(probe: &Probe, longest: usize) -> String {
    let line = probe.command().words().join(" ");
    match line.get(..longest).and_then(|cut| cut.rsplit_once(' ')) {
        Some((whole, _)) if line.len() > longest => format!("{whole} ..."),
        _ => line,
    }
}

/// The command over as many lines as it takes, broken as a shell would allow.
fn wrapped(line: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in line.split(' ') {
        if column > 0 && column + word.len() > 96 {
            out.push_str(" \\\n    ");
            column = 4;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.len();
    }
    out
}

/// Digest of the whole command standard: SHA-256 over the digests of all probes, in the order of
/// the table. Two runs with the same digest asked in the same words.
#[must_use]
pub fn digest() -> Sha256 {
    let mut hasher = Hasher::default();
    for probe in crate::probe::PROBES.iter().copied().flatten() {
        hasher.update(&probe.digest().0);
    }
    hasher.finish()
}
