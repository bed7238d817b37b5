//! The command line, as clap reads it.

pub mod imports;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::question::{
    About, ChangedArgs, InterfacesArgs, PrevalenceArgs, ReplayArgs, RoutesArgs, StatesArgs,
};
use crate::model::host::Platform;
use crate::model::id::HostName;
use crate::model::record::RecordKind;
use crate::report::rows::Format;

/// Agentless, fleet-wide collector for netstat-type data.
#[derive(Debug, Parser)]
#[command(name = "fleetstat", version, about, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    /// What applies to every verb.
    #[command(flatten)]
    pub global: Global,
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Options of every verb.
#[derive(Clone, Debug, Args)]
#[expect(clippy::doc_markdown, reason = "these comments are the help text, where backticks show")]
pub struct Global {
    /// Inventory, fleetstat's or Ansible's: a file, folder or program; may be repeated
    /// [default: $FLEETSTAT_INVENTORY]
    #[arg(short, long = "inventory", global = true, value_name = "FILE")]
    pub inventories: Vec<PathBuf>,
    /// Only these hosts, e.g. `role=db & env=prod & !tag=lab` or `web[01-20]`
    #[arg(short, long = "limit", global = true, value_name = "SELECTOR")]
    pub limit: Option<String>,
    /// Folder of store and evidence [default: $FLEETSTAT_DATA, else ~/.local/state/fleetstat]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Host keys to trust; may be repeated, `enroll` writes to the first
    /// [default: ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts]
    #[arg(long, global = true, value_name = "FILE")]
    pub known_hosts: Vec<PathBuf>,
    /// File of settings [default: $FLEETSTAT_CONFIG, else ~/.config/fleetstat/config.yaml over
    /// /etc/fleetstat/config.yaml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Whether messages have colour; answers never have. `auto`: on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value = "auto")]
    pub color: ColorWord,
    /// Host keys and certificates never to trust, as public keys one a line or as `ssh-keygen -k`
    /// makes them; may be repeated
    #[arg(long, global = true, value_name = "FILE")]
    pub revoked_host_keys: Vec<PathBuf>,
    /// How answers are written
    #[arg(long, global = true, value_enum, value_name = "FORMAT", default_value = "table")]
    pub format: FormatWord,
    /// Say more: once for what is done, twice for details, three times for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Say nothing but errors and answers
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// When messages have colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorWord {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Output formats as words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatWord {
    /// For people.
    Table,
    /// One JSON array.
    Json,
    /// One JSON object a line.
    Ndjson,
    /// RFC 4180, one header line.
    Csv,
}

impl From<FormatWord> for Format {
    fn from(word: FormatWord) -> Self {
        match word {
            FormatWord::Table => Self::Table,
            FormatWord::Json => Self::Json,
            FormatWord::Ndjson => Self::Ndjson,
            FormatWord::Csv => Self::Csv,
        }
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Collect what a playbook asks from the hosts of an inventory
    Run(RunArgs),
    /// Show what a run would do, to the byte, and send nothing
    Plan(PlanArgs),
    /// List the hosts of an inventory
    Hosts(HostsArgs),
    /// Print the command standard of every platform, or of one
    Probes(ProbesArgs),
    /// Print what gives an account of a platform what it needs, and nothing more; sends nothing
    Harden(HardenArgs),
    /// Log in to each host and say what the account lacks or has too much of; keeps nothing
    Check(CheckArgs),
    /// Show host key fingerprints, ask, and trust them
    Enroll(EnrollArgs),
    /// List the runs in the store, or what came of each host in one
    Runs(RunsArgs),
    /// Show what a host looked like
    Show(ShowArgs),
    /// Ask the store
    Query {
        /// The question.
        #[command(subcommand)]
        question: Question,
    },
    /// Show what changed on a host between two times
    Diff(DiffArgs),
    /// Check the evidence of a run, byte for byte
    Verify(VerifyArgs),
    /// Read old evidence with today's readers and say what they read otherwise; changes nothing
    Replay(ReplayArgs),
    /// Make the store again from evidence
    Rebuild(RebuildArgs),
    /// Take in change requests and show them
    Changes {
        /// What to do.
        #[command(subcommand)]
        action: imports::ChangesAction,
    },
    /// Take in attributes of hosts and show them
    Assets {
        /// What to do.
        #[command(subcommand)]
        action: imports::AssetsAction,
    },
    /// Read the text of a command and write records
    Parse(ParseArgs),
    /// Say what an error code, a fault or an exit code means, and what to do
    Explain(ExplainArgs),
    /// Settings of this controller
    Config {
        /// What to do with them.
        #[command(subcommand)]
        verb: ConfigVerb,
    },
    /// Print the completion script of a shell
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: ShellWord,
    },
    /// Print a manual page, or write all of them to a folder
    Man(ManArgs),
    /// Write an inventory from what another program knows
    Import {
        /// From where.
        #[command(subcommand)]
        of: ImportOf,
    },
    /// Print the JSON Schema of a file
    Schema {
        /// The file.
        #[arg(value_enum)]
        of: SchemaOf,
    },
}

/// `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// `FS-INV-003`, `auth_refused`, or an exit code such as `22`; nothing lists all
    pub topic: Option<String>,
}

/// Verbs of `config`.
#[derive(Debug, Subcommand)]
pub enum ConfigVerb {
    /// Show every setting in force and where it comes from, for a host too
    Explain(ConfigExplainArgs),
}

/// `config explain`.
#[derive(Debug, Args)]
pub struct ConfigExplainArgs {
    /// Also what holds for a visit to this host
    pub host: Option<String>,
    /// Also the limits and deadlines of this playbook
    #[arg(long, value_name = "FILE")]
    pub playbook: Option<PathBuf>,
}

/// Shells with completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShellWord {
    /// GNU Bash.
    Bash,
    /// Z shell.
    Zsh,
    /// fish.
    Fish,
}

/// `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The verb, e.g. `run` or `query listeners` [default: fleetstat itself]
    #[arg(conflicts_with = "out")]
    pub verb: Vec<String>,
    /// Write the pages of all verbs into this folder
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The playbook
    pub playbook: PathBuf,
    /// Who answers for the run [default: the playbook's, else the login name]
    #[arg(long, value_name = "NAME")]
    pub operator: Option<String>,
    /// Change or ticket reference
    #[arg(long, value_name = "REF")]
    pub change: Option<String>,
    /// How long before a visit a change may have ended and still be noted in the evidence
    #[arg(long, value_name = "AGE", default_value = "24h")]
    pub look_back: String,
}

/// `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The playbook
    pub playbook: PathBuf,
}

/// `hosts`.
#[derive(Debug, Args)]
pub struct HostsArgs {
    /// Show where each value of one host comes from
    #[arg(long, value_name = "HOST")]
    pub explain: Option<String>,
}

/// `probes`.
#[derive(Debug, Args)]
pub struct ProbesArgs {
    /// Only this platform; else every one that has probes
    #[arg(long, value_parser = platform)]
    pub platform: Option<Platform>,
    /// Also check and print the site probes of this file; may be repeated
    #[arg(long = "site", value_name = "FILE")]
    pub site: Vec<PathBuf>,
}

fn host(word: &str) -> Result<HostName, String> {
    HostName::new(word).map_err(|error| error.to_string())
}

fn platform(word: &str) -> Result<Platform, String> {
    Platform::parse(word).ok_or_else(|| format!("expected one of {}", Platform::WORDS.join(", ")))
}

/// `harden`.
#[derive(Debug, Args)]
pub struct HardenArgs {
    /// For hosts of this platform: a script of PowerShell for windows, a file of sudoers with all else
    /// in comments for the others
    #[arg(long, value_parser = platform)]
    pub platform: Platform,
    /// Name of the account on a Unix host
    #[arg(long, value_name = "NAME", default_value = "fleetstat")]
    pub account: String,
    /// Name of the group on a Windows host
    #[arg(long, value_name = "NAME", default_value = "fleetstat-readers")]
    pub group: String,
    /// Address or network of a controller, from which the account may log in; may be repeated
    #[arg(long, value_name = "CIDR")]
    pub from: Vec<String>,
    /// File of the controller's public key
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// On Windows: also let it read WMI's root/cimv2, for names of processes, clock and system
    #[arg(long)]
    pub wmi: bool,
    /// On Windows: also all that the rich profile reads
    #[arg(long)]
    pub rich: bool,
}

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Show what would be sent, and send nothing
    #[arg(long)]
    pub plan: bool,
}

/// `enroll`.
#[derive(Debug, Args)]
pub struct EnrollArgs {
    /// Trust the hosts whose fingerprint stands in this CSV file (`host,SHA256:...`), and ask nothing
    #[arg(long, value_name = "FILE")]
    pub fingerprints: Option<PathBuf>,
}

/// `runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// List the hosts of this run, with outcome and faults
    pub run: Option<String>,
}

/// `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The host
    pub host: String,
    /// As it was at this time (RFC 3339, or an age such as `2d`)
    #[arg(long, value_name = "TIME")]
    pub at: Option<String>,
    /// With `--format`: only this kind of record [default: all; with csv: socket]
    #[arg(long, value_parser = kind, value_name = "KIND")]
    pub kind: Option<RecordKind>,
}

fn kind(word: &str) -> Result<RecordKind, String> {
    RecordKind::parse(word)
        .ok_or_else(|| format!("expected one of {}", RecordKind::WORDS.join(", ")))
}

/// Questions to the store.
#[derive(Debug, Subcommand)]
pub enum Question {
    /// Who listens, and since when
    Listeners(ListenersArgs),
    /// Who talked to an address
    Peers(PeersArgs),
    /// What changed on which hosts between two times
    Changed(ChangedArgs),
    /// How common each listener is, the rarest first
    Prevalence(PrevalenceArgs),
    /// How many TCP sockets are in which state, and how full queues and port ranges are
    States(StatesArgs),
    /// Interfaces, and what they carried between two answers
    Interfaces(InterfacesArgs),
    /// Routes, or where hosts would send packets to an address; without the `local` table
    Routes(RoutesArgs),
}

/// `query listeners`.
#[derive(Debug, Args)]
pub struct ListenersArgs {
    /// Only this port
    #[arg(long)]
    pub port: Option<u16>,
    /// Only listeners on this address
    #[arg(long, value_name = "IP")]
    pub address: Option<std::net::IpAddr>,
    /// Also those that were seen once and are gone
    #[arg(long)]
    pub gone: bool,
    /// Whom and when.
    #[command(flatten)]
    pub about: About,
}

/// `query peers`.
#[derive(Debug, Args)]
pub struct PeersArgs {
    /// The partner's address
    #[arg(long, value_name = "IP")]
    pub address: std::net::IpAddr,
    /// Not before this time (RFC 3339, or an age such as `30d`)
    #[arg(long, value_name = "TIME", default_value = "30d")]
    pub since: String,
    /// Whom and when.
    #[command(flatten)]
    pub about: About,
}

/// `diff`.
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// The host
    pub host: String,
    /// Compare from the last snapshot at this time (RFC 3339, or an age such as `1d`)
    #[arg(long, value_name = "TIME")]
    pub from: String,
    /// To the last snapshot at this time
    #[arg(long, value_name = "TIME", default_value = "0s")]
    pub to: String,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A run id, the folder of a run, or `imports` for the files that were imported
    pub run: String,
}

/// `rebuild`.
#[derive(Debug, Args)]
pub struct RebuildArgs {
    /// Write the store here instead of replacing the present one
    #[arg(long, value_name = "FILE")]
    pub into: Option<PathBuf>,
    /// Write every record of the new store, sorted, to this file
    #[arg(long, value_name = "FILE")]
    pub export: Option<PathBuf>,
}

/// `parse`.
#[derive(Debug, Args)]
pub struct ParseArgs {
    /// The probe whose output this is, e.g. `linux/ss` or `linux/proc-net`
    #[arg(long, value_name = "ID")]
    pub probe: String,
    /// The inventory's name of the host that the text is from: its records carry it
    #[arg(long, value_name = "NAME", value_parser = host)]
    pub host: Option<HostName>,
    /// The file; `-` is standard input
    #[arg(default_value = "-")]
    pub file: PathBuf,
}

/// Sources of `import`.
#[derive(Debug, Subcommand)]
pub enum ImportOf {
    /// Freeze what `ssh -G` says of hosts into an inventory: address, port, user, keys, jump hosts
    SshConfig(SshConfigArgs),
}

/// `import ssh-config`.
#[derive(Debug, Args)]
pub struct SshConfigArgs {
    /// Hosts as you type them behind `ssh`
    #[arg(required = true, value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Read this configuration instead of ssh's own files, like `ssh -F`
    #[arg(short = 'F', long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Write to this new file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Files with a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// The inventory.
    Inventory,
    /// The playbook.
    Playbook,
    /// A file of site probes.
    SiteProbes,
    /// A file of settings.
    Config,
    /// A record, as `show`, `parse` and other verbs write it in JSON and NDJSON.
    Records,
    /// A row of an answer, as `query` and other verbs write it in JSON and NDJSON.
    Answers,
}
