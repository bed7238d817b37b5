//! From russh's errors to the closed list of faults, by the phase in which they happened.

use russh::Error;

use super::client::{Stop, server_text};
use super::wire::Observed;
use crate::model::fault::{Fault, FaultKind};
use crate::model::text::escape;

/// Texts with which OpenSSH turns a connection away before its identification line:
/// `MaxStartups`, and `PerSourcePenalties` since 9.8.
const TURNED_AWAY: &[&[u8]] = &[b"Exceeded MaxStartups", b"Not allowed at this time"];

/// What a server that is at its limit, or dying, looks like in the key exchange.
const CLOSED: &str = "the server closed the connection";

/// The same, by a reset.
const BROKE: &str = "the connection broke";

/// How the fault of a key exchange begins.
const IN_KEY_EXCHANGE: &str = "in the key exchange, ";

/// True for a connection that ended before the login without a word against us: a sign of
/// overload. A server that broke the protocol is none.
pub(super) fn is_turned_away(fault: &Fault) -> bool {
    let ended = fault.detail.strip_prefix(IN_KEY_EXCHANGE);
    let ended = ended.is_some_and(|how| how.starts_with(CLOSED) || how.starts_with(BROKE));
    fault.kind == FaultKind::Quota || (fault.kind == FaultKind::Lost && ended)
}

/// Why a connection ended, one line, lower case. Text from the server is escaped.
pub(super) fn describe(stop: &Stop) -> String {
    let error = match stop {
        Stop::Fault(fault) => return fault.detail.clone(),
        Stop::Ssh(error) => error,
    };
    match error {
        Error::Disconnect | Error::HUP => CLOSED.to_owned(),
        Error::IO(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => CLOSED.to_owned(),
        Error::IO(error) => format!("{BROKE}: {error}"),
        Error::KeepaliveTimeout => "the server answers no keepalive any more".to_owned(),
        Error::InactivityTimeout => "the server has been silent for too long".to_owned(),
        Error::NoCommonAlgo { kind, ours, theirs } => {
            let theirs = server_text(theirs.join(",").as_bytes());
            let kind = format!("{kind:?}").to_lowercase();
            format!("no {kind} in common: we take {}; the server has {theirs}", ours.join(","))
        }
        other => format!("the server broke the protocol: {}", escape(other.to_string().as_bytes())),
    }
}

/// The fault of a connection that ended before the host key was accepted.
pub(super) fn before_login(stop: &Stop, observed: &Observed) -> Fault {
    if let Stop::Fault(fault) = stop {
        return fault.clone();
    }
    let said = observed.last_line();
    if TURNED_AWAY.iter().any(|text| said.starts_with(text)) {
        let detail = format!("the server turned us away: {}", server_text(&said));
        return Fault::new(FaultKind::Quota, detail);
    }
    let Stop::Ssh(error) = stop else {
        return Fault::new(FaultKind::Lost, describe(stop));
    };
    match error {
        Error::NoCommonAlgo { .. } | Error::UnknownAlgo => {
            Fault::new(FaultKind::KexNoCommon, describe(stop))
        }
        Error::WrongServerSig => Fault::new(
            FaultKind::HostKeyChanged,
            "the server could not prove that it holds the key it showed",
        ),
        Error::Version => {
            let said = server_text(&observed.first_line());
            let detail = format!("this is not an SSH 2 server: it said `{said}`");
            Fault::new(FaultKind::KexNoCommon, detail)
        }
        _ if !observed.is_identified() => Fault::new(
            FaultKind::Quota,
            "the server closed the connection before it said who it is: \
             it may be at its limit (MaxStartups) or not an SSH server",
        ),
        _ => Fault::new(FaultKind::Lost, format!("{IN_KEY_EXCHANGE}{}", describe(stop))),
    }
}
