//! The arguments of `changes` and `assets`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::model::import::ImportFormat;

/// What to do with changes.
#[derive(Debug, Subcommand)]
pub enum ChangesAction {
    /// Take change requests in from a file
    Import(ImportArgs),
    /// List change requests
    List(ChangesListArgs),
    /// Show one change request, with all that was known of it before
    Show {
        /// Its number
        number: String,
    },
}

/// What to do with asset attributes.
#[derive(Debug, Subcommand)]
pub enum AssetsAction {
    /// Take attributes of hosts in from a file
    Import(ImportArgs),
    /// List the attributes of all hosts
    List,
    /// Show the attributes of one host
    Show {
        /// The host
        host: String,
    },
}

/// `changes import`, `assets import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The file, `-` for standard input; at most 256 MiB, 1,000,000 rows and 4 KiB a text
    pub file: PathBuf,
    /// How the file is written [default: as it looks]
    #[arg(long = "as", value_enum, value_name = "FORM")]
    pub form: Option<FormWord>,
    /// Columns that have other titles, as FIELD=TITLE, e.g. `host=ci,title=subject`
    #[arg(long, value_name = "FIELD=TITLE", value_delimiter = ',', value_parser = column)]
    pub columns: Vec<(String, String)>,
    /// Time zone of times that carry none
    #[arg(long, value_name = "ZONE", default_value = "UTC")]
    pub timezone: String,
    /// Leave rows out that are wrong, and take the others in
    #[arg(long)]
    pub skip_bad: bool,
}

fn column(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((field, title)) if !field.trim().is_empty() && !title.trim().is_empty() => {
            Ok((field.trim().to_owned(), title.trim().to_owned()))
        }
        Some(_) | None => Err("expected FIELD=TITLE, e.g. `host=ci`".to_owned()),
    }
}

/// Forms of files as words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormWord {
    /// RFC 4180; separated by commas, semicolons or tabs.
    Csv,
    /// An array of objects, or one object a line.
    Json,
    /// `ServiceNow`'s export, CSV or JSON.
    Servicenow,
}

impl From<FormWord> for ImportFormat {
    fn from(word: FormWord) -> Self {
        match word {
            FormWord::Csv => Self::Csv,
            FormWord::Json => Self::Json,
            FormWord::Servicenow => Self::Servicenow,
        }
    }
}

/// `changes list`.
#[derive(Debug, Args)]
pub struct ChangesListArgs {
    /// Only those that touch this host
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
    /// Only those that were at work at or after this time (RFC 3339, or an age such as `2d`)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only those that were at work at or before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// As it was known at this time
    #[arg(long, value_name = "TIME")]
    pub known_at: Option<String>,
}
