//! The arguments of questions to the store, as clap reads them.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::model::snapshot::View;

/// Whom a question is about, when, and where the answer goes.
#[derive(Clone, Debug, Args)]
pub struct About {
    /// Only hosts of this role
    #[arg(long)]
    pub role: Option<String>,
    /// Only hosts of this network segment
    #[arg(long)]
    pub segment: Option<String>,
    /// As it was at this time (RFC 3339, or an age such as `2d`) [default: now]
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// Tell hosts whose last whole answer is older than this
    #[arg(long, value_name = "AGE", default_value = "2d")]
    pub stale: String,
    /// Where the answer goes.
    #[command(flatten)]
    pub saved: Saved,
}

/// Where an answer goes.
#[derive(Clone, Debug, Args)]
pub struct Saved {
    /// Write the answer to this file, whole or not at all
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace the file of `--out` if it is there
    #[arg(long, requires = "out")]
    pub force: bool,
}

/// `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A run id, the folder of a run, or one evidence file
    #[arg(value_name = "RUN|DIR|FILE")]
    pub place: String,
    /// List every record that changes, instead of one row per evidence file
    #[arg(long)]
    pub diff: bool,
    /// Where the answer goes.
    #[command(flatten)]
    pub saved: Saved,
}

/// What `query changed` compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Listeners, where they are bound and who holds them.
    Listeners,
    /// Conversation partners.
    Peers,
    /// Routes and policy rules.
    Routes,
}

impl What {
    /// The view that shows it.
    #[must_use]
    pub const fn view(self) -> View {
        match self {
            Self::Listeners => View::Listeners,
            Self::Peers => View::Sessions,
            Self::Routes => View::Routes,
        }
    }
}

/// `query changed`.
#[derive(Debug, Args)]
pub struct ChangedArgs {
    /// Compare with how it was at this time (RFC 3339, or an age such as `3d`)
    #[arg(long, value_name = "TIME", default_value = "1d")]
    pub since: String,
    /// Only these
    #[arg(long, value_enum, value_delimiter = ',', default_value = "listeners,peers,routes")]
    pub what: Vec<What>,
    /// One row per host, with the snapshots that prove it, instead of one per change
    #[arg(long, visible_alias = "by-host")]
    pub no_fold: bool,
    /// Whom and when.
    #[command(flatten)]
    pub about: About,
}

/// `query prevalence`.
#[derive(Debug, Args)]
pub struct PrevalenceArgs {
    /// Only this port
    #[arg(long)]
    pub port: Option<u16>,
    /// Only what less than this share of the hosts have, e.g. `5%`
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub rarer_than: Option<u64>,
    /// Only what at most so many hosts have
    #[arg(long, value_name = "NUMBER")]
    pub max_hosts: Option<u64>,
    /// Whom and when.
    #[command(flatten)]
    pub about: About,
}

/// A share: `5%`, `0.25`. Unit: thousandths of a per cent.
fn percent(text: &str) -> Result<u64, String> {
    let expected = || "expected a share such as 5% or 0.25%".to_owned();
    let number = text.strip_suffix('%').unwrap_or(text);
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    if rest.len() > 3 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(expected());
    }
    let whole: u64 = whole.parse().map_err(|_| expected())?;
    let rest: u64 = format!("{rest:0<3}").parse().map_err(|_| expected())?;
    if whole > 100 {
        return Err(expected());
    }
    Ok(whole * 1_000 + rest)
}

/// What one row of `query states` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StateRows {
    /// A host, with the sockets in each state.
    Host,
    /// A state, with the hosts that have most.
    State,
}

/// `query states`.
#[derive(Debug, Args)]
pub struct StatesArgs {
    /// What one row is about
    #[arg(long, value_enum, default_value = "host")]
    pub by: StateRows,
    /// Whom and when.
    #[command(flatten)]
    pub about: About,
}

/// `query interfaces`.
#[derive(Debug, Args)]
pub struct InterfacesArgs {
    /// Rates since the last good answer at or before this time [default: since the answer before]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Only interfaces of this name
    #[arg(long)]
    pub name: Option<String>,
    /// Whom and when.
    #[command(flatten)]
    pub about: About,
}

/// `query routes`.
#[derive(Debug, Args)]
pub struct RoutesArgs {
    /// The route that each host would take to this address or network
    #[arg(long, value_name = "ADDRESS|PREFIX")]
    pub to: Option<String>,
    /// Only routes by this gateway
    #[arg(long, value_name = "IP")]
    pub via: Option<IpAddr>,
    /// Only default routes
    #[arg(long, conflicts_with = "to")]
    pub default: bool,
    /// One row per host instead of one per answer
    #[arg(long, visible_alias = "by-host")]
    pub no_fold: bool,
    /// Whom and when.
    #[command(flatten)]
    pub about: About,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_at_most_three_decimals() {
        assert_eq!(percent("5%"), Ok(5_000));
        assert_eq!(percent("0.25"), Ok(250));
        assert_eq!(percent("100%"), Ok(100_000));
        assert!(percent("101").is_err() && percent("a%").is_err() && percent("0.1234").is_err());
    }
}
