//! `fleetstat schema`.

use std::io::Write as _;

use crate::cli::args::SchemaOf;
use crate::cli::{Ended, to_stdout};

/// Prints a JSON Schema.
pub(super) fn schema(of: SchemaOf) -> Ended {
    let schema = match of {
        SchemaOf::Inventory => crate::inventory::json_schema(),
        SchemaOf::Playbook => crate::plan::playbook::json_schema(),
        SchemaOf::Config => crate::config::json_schema(),
        SchemaOf::Records => crate::report::json_schema::records(),
        SchemaOf::Answers => crate::report::json_schema::answers(),
        SchemaOf::SiteProbes => {
            crate::yaml::schema::json_schema(&crate::probe::site_file::SITE_PROBES)
        }
    };
    to_stdout(|out| writeln!(out, "{schema:#}"))
}
