//! A capture: what a host said, byte for byte, and how it came to say it.
//!
//! These are the descriptions of the bytes, as they stand in an evidence file and its manifest;
//! the bytes themselves stay in the file.

use std::net::IpAddr;

use crate::model::attribute::Surroundings;
use crate::model::digest::Sha256;
use crate::model::fault::{Fault, FaultKind};
use crate::model::host::Asset;
use crate::model::id::{HostName, Pass, ProbeId, RunId};
use crate::model::snapshot::View;
use crate::model::time::Utc;

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// Exit status and end of output were both seen.
    Exit(u32),
    /// Killed by a signal; the name without `SIG`, escaped.
    Signal(String),
    /// Anything else: what came before is kept, and proves nothing about what is absent.
    Incomplete(Fault),
}

impl End {
    /// True when whatever starts programs on the host found none.
    #[must_use]
    pub fn is_tool_missing(&self) -> bool {
        matches!(self, Self::Incomplete(fault) if fault.kind == FaultKind::ToolMissing)
    }
}

/// One stream of a command's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// Byte offset in the evidence file of the stream's first byte.
    pub offset: u64,
    /// Bytes kept.
    pub bytes: u64,
    /// Digest of the bytes kept.
    pub sha256: Sha256,
    /// Bytes that came after the cap and were counted, not kept.
    pub dropped: u64,
}

/// Why a section's command ran instead of another.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FallbackOf {
    /// Number of the section that it replaces.
    pub section: u16,
    /// The condition that was met, e.g. `exit 127`.
    pub condition: String,
}

/// One command and its answer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Position in the file, from 1.
    pub number: u16,
    /// The probe that asked.
    pub probe: ProbeId,
    /// Digest of the probe's command as it is in the command standard.
    pub digest: Sha256,
    /// Name of the reader that makes records of the output; `text` when it is only kept.
    pub reader: String,
    /// Views the answer serves, of those that were asked for. Empty: it only gives context.
    pub views: Vec<View>,
    /// The argument vector.
    pub argv: Vec<String>,
    /// The exact bytes sent: one string for SSH, where the login shell splits it.
    pub sent: String,
    /// Set when this command ran in place of another.
    pub fallback_of: Option<FallbackOf>,
    /// Controller's time just before the command was sent.
    pub started: Utc,
    /// Controller's time just after the end was seen.
    pub ended: Utc,
    /// Time between the two by the monotonic clock. Unit: microseconds.
    pub elapsed_us: u64,
    /// How it ended.
    pub end: End,
    /// Standard output.
    pub stdout: Stream,
    /// Standard error.
    pub stderr: Stream,
    /// Doubts that do not stop the answer from being used, e.g. output cut at the cap.
    pub faults: Vec<Fault>,
}

impl Section {
    /// True when the answer is whole: an exit status was seen and nothing was dropped.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        matches!(self.end, End::Exit(_)) && self.stdout.dropped == 0
    }
}

/// What the two ends of a connection agreed on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Negotiated {
    /// Server's identification line, escaped.
    pub server: String,
    /// Fingerprint of the host key, `SHA256:...`.
    pub host_key: String,
    /// Type of the host key.
    pub host_key_algorithm: String,
    /// Key exchange.
    pub kex: String,
    /// Cipher.
    pub cipher: String,
    /// Message authentication; empty for ciphers that bring their own.
    pub mac: String,
    /// Strict key exchange (the answer to the Terrapin attack) was in force.
    pub strict_kex: bool,
    /// Identity that logged in, e.g. `ed25519 SHA256:... (file)`.
    pub identity: String,
    /// Jump hosts on the way, outermost first. Empty: direct.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jumps: Vec<Hop>,
    /// Old algorithms that this very connection uses. `None`: none, whatever was allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legacy: Option<LegacyUse>,
    /// The host certificate that was believed. `None`: the host key itself is known. Absent in
    /// evidence of versions that did not read certificates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_certificate: Option<HostCertificate>,
}

impl Negotiated {
    /// The key exchange withstands a quantum computer: the traffic cannot be read later.
    #[must_use]
    pub fn is_post_quantum(&self) -> bool {
        self.kex.starts_with("mlkem") || self.kex.starts_with("sntrup")
    }
}

/// A jump host on the way.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hop {
    /// Its name in the inventory.
    pub name: HostName,
    /// Where it is, as seen from the jump host before it.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Account on it.
    pub account: String,
    /// What was agreed on with it. Its own `jumps` are empty.
    pub negotiated: Negotiated,
}

impl std::fmt::Display for LegacyUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { algorithms, reason, expires } = self;
        write!(f, "{} until {expires} ({reason})", algorithms.join(", "))
    }
}

/// Old algorithms in use, and what allowed them.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegacyUse {
    /// Their names.
    pub algorithms: Vec<String>,
    /// The reason that the inventory gives.
    pub reason: String,
    /// The last day on which they are allowed, `YYYY-MM-DD`.
    pub expires: String,
}

/// What a host certificate said, once its authority was found to be trusted for the host.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostCertificate {
    /// Fingerprint of the authority's key, `SHA256:...`.
    pub authority: String,
    /// The authority's name for the certificate, escaped.
    pub key_id: String,
    /// The authority's number for the certificate; 0 where it gives none.
    pub serial: u64,
    /// When it ends. `None`: never.
    pub valid_until: Option<Utc>,
}

/// The controller's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControllerClock {
    /// A time service has set it since boot. `None`: not known.
    pub synchronized: Option<bool>,
    /// Largest error of the clock, where it can be read. Unit: microseconds.
    pub error_us: Option<u64>,
}

/// Why and for whom a run collects.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mandate {
    /// Name of the playbook.
    pub playbook: String,
    /// Purpose the playbook states, e.g. `routine`.
    pub purpose: String,
    /// Person or automation that answers for the run.
    pub operator: String,
    /// Change or ticket reference.
    pub change: Option<String>,
    /// Version of fleetstat.
    pub tool_version: String,
}

/// A host's clock as it stands in the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockOffset {
    /// Host minus controller, microseconds.
    pub offset_us: i64,
    /// The offset is known within this. Unit: microseconds.
    pub error_us: u64,
}

/// What stands at the head of an evidence file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The run.
    pub run: RunId,
    /// Pass and attempt.
    pub pass: Pass,
    /// The host, as the inventory had it.
    pub asset: Asset,
    /// Address that was connected to. `None` for `local`.
    pub peer: Option<IpAddr>,
    /// Account on the host.
    pub account: String,
    /// OS name and version as the host told it, escaped. `None`: it did not.
    pub os: Option<String>,
    /// Why and for whom.
    pub mandate: Mandate,
    /// Views that the plan asked this host for.
    pub views: Vec<View>,
    /// Controller's time when the first command was sent: the time in the file's name.
    pub started: Utc,
    /// Controller's time when the last answer had ended.
    pub ended: Utc,
    /// Host's clock. `None`: it could not be read.
    pub clock: Option<ClockOffset>,
    /// Controller's own clock.
    pub controller_clock: ControllerClock,
    /// Connection. `None` for `local`.
    pub negotiated: Option<Negotiated>,
    /// Faults of the visit as a whole.
    pub faults: Vec<Fault>,
    /// Changes and attributes of the host that were known when it was visited.
    #[serde(default, skip_serializing_if = "Surroundings::is_empty")]
    pub surroundings: Surroundings,
}

impl Header {
    /// The name of the evidence file: `HOST-ROLE-YYYYMMDDTHHMMSSZ[-p2][-a2]-netstat.txt`.
    #[must_use]
    pub fn file_name(&self) -> String {
        let stem = self.asset.file_stem();
        let suffix = self.pass.file_suffix();
        format!("{stem}-{}{suffix}-netstat.txt", self.started.compact())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection as versions wrote it that knew no host certificates. Evidence is compared with
    /// a fresh encoding when it is read, so it must also be written the same.
    #[test]
    fn a_connection_without_certificate_reads_and_writes_as_before() {
        let old = r#"{"server":"SSH-2.0-OpenSSH_9.2","host_key":"SHA256:abc","host_key_algorithm":"ssh-ed25519","kex":"curve25519-sha256","cipher":"aes256-gcm@openssh.com","mac":"","strict_kex":true,"identity":"ssh-ed25519 SHA256:def (file)"}"#;
        let read: Negotiated = serde_json::from_str(old).unwrap();
        assert_eq!(read.host_certificate, None);
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
    }
}
