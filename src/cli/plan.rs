//! `fleetstat plan`.

use std::io::Write as _;

use crate::cli::args::PlanArgs;
use crate::cli::setting::Setting;
use crate::cli::{Ended, request, to_stdout};
use crate::report::inventory::Commands;
use crate::report::rows::{Format, write_answers};

/// Prints what a run would do. Opens no socket.
pub(super) fn plan(setting: &Setting, args: &PlanArgs) -> Ended {
    let planned = request::planned(setting, &args.playbook, None, None)?;
    request::warn_of_files(&planned.plan);
    let layout = setting.layout();
    to_stdout(|out| match layout.format {
        Format::Table => {
            let mut text = String::new();
            crate::plan::page::write(&mut text, &planned.plan).map_err(std::io::Error::other)?;
            out.write_all(text.as_bytes())
        }
        Format::Json | Format::Ndjson | Format::Csv => {
            let rows = crate::plan::rows::rows(&planned.plan);
            write_answers(out, layout, Commands, &rows).map(drop)
        }
    })
}
