//! Answers to the questions a store is asked.

use std::net::IpAddr;

use crate::model::digest::Sha256;
use crate::model::fault::Fault;
use crate::model::host::words;
use crate::model::id::{HostName, Label, Pass, ProbeId, RunId};
use crate::model::snapshot::Outcome;
use crate::model::socket::{Direction, Scope, Transport};
use crate::model::text::HostText;
use crate::model::time::Utc;

/// One run, as `fleetstat runs` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSummary {
    /// The run.
    pub run: RunId,
    /// Name of the playbook.
    pub playbook: String,
    /// Purpose the playbook states.
    pub purpose: String,
    /// Who answers for it.
    pub operator: String,
    /// Change or ticket reference.
    pub change: Option<String>,
    /// Start.
    pub started: Utc,
    /// End. `None`: it has not ended, or its end was not recorded.
    pub ended: Option<Utc>,
    /// Hosts per outcome.
    pub counts: OutcomeCounts,
    /// Folder that holds the evidence.
    pub folder: String,
    /// Digest of the manifest. `None` while it is not written.
    pub manifest: Option<Sha256>,
}

/// Hosts per outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeCounts {
    /// Every planned view, whole.
    pub complete: u64,
    /// Some views missing or partial.
    pub partial: u64,
    /// No usable answer.
    pub failed: u64,
    /// Not visited.
    pub skipped: u64,
}

/// What came of one host in one run, with or without a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostOutcome {
    /// The run.
    pub run: RunId,
    /// The host.
    pub host: HostName,
    /// Pass and attempt.
    pub pass: Pass,
    /// When the visit ended, or was given up.
    pub at: Utc,
    /// Outcome.
    pub outcome: Outcome,
    /// Faults of the visit and of its sections, in order.
    pub faults: Vec<Fault>,
    /// Evidence file inside the run's folder. `None`: the host said nothing.
    pub evidence: Option<String>,
}

/// One listener of one host, with the interval in which it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The host.
    pub host: HostName,
    /// Its role at the last sighting.
    pub role: Option<Label>,
    /// Transport protocol.
    pub transport: Transport,
    /// Local address.
    pub address: IpAddr,
    /// Local port. 0 for protocols without ports.
    pub port: u16,
    /// How far it reaches.
    pub scope: Scope,
    /// Process name as the tool printed it. `None`: not known.
    pub process: Option<HostText<'static>>,
    /// User id that created the socket. `None`: not known.
    pub uid: Option<u32>,
    /// Service or unit. `None`: not known.
    pub service: Option<HostText<'static>>,
    /// Name of its network namespace: a container, pod, machine or unit. `None`: the host's own.
    pub namespace: Option<HostText<'static>>,
    /// First snapshot that showed it.
    pub first_seen: Utc,
    /// Last good snapshot that showed it.
    pub last_seen: Utc,
    /// False when a later good snapshot did not show it.
    pub open: bool,
    /// Most sockets of this shape in one snapshot (several processes on one port).
    pub count: u64,
}

/// One conversation partner of one host, with the interval in which it was seen. The ephemeral
/// port and the process id are left out: they change with every connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peering {
    /// The host.
    pub host: HostName,
    /// Its role at the last sighting.
    pub role: Option<Label>,
    /// Who opened the conversation.
    pub direction: Direction,
    /// Transport protocol.
    pub transport: Transport,
    /// The port that names the service: the local one of an inbound, the remote one of an outbound
    /// conversation.
    pub service_port: u16,
    /// The partner's address.
    pub peer: IpAddr,
    /// Process name on the host. `None`: not known.
    pub process: Option<HostText<'static>>,
    /// User id. `None`: not known.
    pub uid: Option<u32>,
    /// First snapshot that showed it.
    pub first_seen: Utc,
    /// Last good snapshot that showed it.
    pub last_seen: Utc,
    /// False when a later good snapshot did not show it.
    pub open: bool,
    /// Most such sockets in one snapshot.
    pub count: u64,
}

/// One value of a host of the inventory, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The key in the inventory.
    pub key: String,
    /// The value.
    pub value: String,
    /// File, line and level, or `default`.
    pub origin: String,
}

words! {
    /// When a planned command is sent.
    PlannedAction {
        /// Always.
        Send = "send",
        /// In place of another, under a condition.
        Fallback = "fallback",
        /// Once, to find where the tools are.
        FindTools = "find_tools",
        /// Never: the host is left out.
        LeftOut = "left_out",
    }
}

/// One command that a plan may send to one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedCommand {
    /// The host.
    pub host: HostName,
    /// Where to connect.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Login name on the host. `None` for this machine.
    pub account: Option<String>,
    /// Jump hosts on the way, outermost first: `bastion-1 > bastion-2`. `None`: direct.
    pub via: Option<String>,
    /// When it is sent.
    pub action: PlannedAction,
    /// The condition of a fallback, or why the host is left out.
    pub condition: Option<String>,
    /// The probe.
    pub probe: Option<ProbeId>,
    /// The exact bytes.
    pub sent: Option<String>,
    /// Whether it goes through sudo.
    pub privileged: bool,
    /// Longest wait for output, in milliseconds.
    pub first_byte_ms: Option<u64>,
    /// Longest time in all, in milliseconds.
    pub total_ms: Option<u64>,
}

/// What a code, a fault or an exit code means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// `FS-INV-003`, `auth_refused`, `22`.
    pub name: String,
    /// What it belongs to, e.g. `inventory`.
    pub about: String,
    /// One line, lower case, no full stop.
    pub meaning: String,
    /// Exit code of a command that ends with it. `None`: it ends none by itself.
    pub exit: Option<u8>,
    /// What to do, one line. `None`: each message brings its own.
    pub remedy: Option<String>,
    /// A whole file that shows it.
    pub wrong: Option<String>,
    /// The same file, mended.
    pub right: Option<String>,
}
