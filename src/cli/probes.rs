//! `fleetstat probes`.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::cli::args::ProbesArgs;
use crate::cli::setting::Setting;
use crate::cli::{Ended, request, to_stdout};

/// Prints the command standard, of every platform or of one, and the site's own probes.
pub(super) fn probes(_: &Setting, args: &ProbesArgs) -> Ended {
    let standard = args.platform.map(crate::probe::standard::command_standard);
    let mut page = standard.unwrap_or_else(crate::probe::standard::whole_standard);
    let site = request::site_probes(&args.site)?;
    if !site.is_empty() {
        page += "\n## Probes of the site\n\n";
    }
    for probe in site.iter().filter(|probe| args.platform.is_none_or(|only| only == probe.platform))
    {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "- `{}` ({}): `{}`", probe.id, probe.needs, probe.words().join(" "));
    }
    to_stdout(|out| out.write_all(page.as_bytes()))
}
