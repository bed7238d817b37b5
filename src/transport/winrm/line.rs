//! Questions and answers on one connection: an envelope out, the envelope that answers it back.
//!
//! In: what is asked, and how long it may take. Out: what the service says, or why it says nothing.
//! A line whose answer did not come whole is broken: what is sent over it now means nothing.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::model::fault::{Codes, Fault, FaultKind};
use crate::model::text::escape;
use crate::transport::winrm::reply::{self, Reply, WsFault};
use crate::transport::winrm::soap::{Action, Id, OPERATION, envelope};
use crate::transport::winrm::wire::Connection;

/// "The WS-Management service cannot complete the operation within the time specified": there is no
/// output yet ([MS-WSMV] 2.2.4.43.1).
pub(super) const TIMED_OUT: u32 = 2_150_858_793;

/// "The request contained invalid selectors": there is no such shell.
pub(super) const NO_SHELL: u32 = 2_150_858_843;

/// HTTP status of a service that is full.
pub(super) const BUSY: u16 = 503;

/// Why a question got no answer.
pub(super) enum Failed {
    /// The service said no.
    Refused(WsFault),
    /// The service took no more requests, and the road is whole.
    Busy(Fault),
    /// The road broke.
    Broken(Fault),
}

/// An open connection and the address that envelopes carry.
pub(super) struct Line {
    connection: Connection,
    url: String,
    broken: bool,
}

impl Line {
    pub(super) const fn new(connection: Connection, url: String) -> Self {
        Self { connection, url, broken: false }
    }

    /// Whether something can still be asked.
    pub(super) const fn is_whole(&self) -> bool {
        !self.broken
    }

    /// Whether the host has proved to take the login.
    pub(super) const fn is_proved(&self) -> bool {
        self.connection.is_proved()
    }

    /// Whether the last message left.
    pub(super) const fn has_sent(&self) -> bool {
        self.connection.has_sent()
    }

    /// Address at the other end.
    pub(super) fn peer(&self) -> std::net::IpAddr {
        self.connection.peer.ip()
    }

    /// Asks. `limit` is our own: after it the line is broken.
    pub(super) async fn ask(
        &mut self,
        action: Action<'_>,
        limit: Duration,
    ) -> Result<Reply, Failed> {
        self.ask_within(action, OPERATION, limit).await
    }

    /// Asks, and again after each pause where the service takes no more requests. `limit` is for all
    /// of it.
    pub(super) async fn ask_patiently(
        &mut self,
        action: Action<'_>,
        limit: Duration,
        pauses: &[Duration],
    ) -> Result<Reply, Failed> {
        let end = Instant::now() + limit;
        let mut pauses = pauses.iter();
        let mut full = None;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match (self.ask(action, left).await, full) {
                (Err(Failed::Busy(fault)), _) => {
                    let pause = pauses.next().filter(|pause| Instant::now() + **pause < end);
                    let Some(pause) = pause else { return Err(Failed::Busy(fault)) };
                    tokio::time::sleep(*pause).await;
                    full = Some(fault);
                }
                // It closed the connection because it was full.
                (Err(Failed::Broken(_)), Some(full)) => return Err(Failed::Broken(full)),
                (answer, _) => return answer,
            }
        }
    }

    /// Asks, and tells the service to answer within `operation`.
    pub(super) async fn ask_within(
        &mut self,
        action: Action<'_>,
        operation: Duration,
        limit: Duration,
    ) -> Result<Reply, Failed> {
        let message = Id::random().map_err(|error| Failed::Broken(no_random(&error)))?;
        let text = envelope(&self.url, &message, operation, action);
        // Until the answer is whole, the connection is not to be used again: also when this future
        // is dropped.
        self.broken = true;
        let Ok(answered) = timeout(limit, self.connection.ask(&text)).await else {
            let (what, seconds) = (action.as_str(), limit.as_secs_f64());
            let detail = format!("no answer to {what} in {seconds} s");
            return Err(Failed::Broken(
                Fault::new(FaultKind::IdleTimeout, detail).at(action.stage()),
            ));
        };
        let answered = answered.map_err(|fault| {
            let status = fault.codes.as_ref().and_then(|codes| codes.http_status);
            let fault = staged(action, status, (fault.kind, &fault.detail));
            let again = !self.connection.is_sealed() && self.connection.may_ask_again();
            if status == Some(BUSY) && again {
                // Nothing was read, and over TLS no sequence of seals has got out of step.
                self.broken = false;
                return Failed::Busy(fault);
            }
            Failed::Broken(fault)
        })?;
        let status = answered.status.as_u16();
        let lost =
            |detail: &str| Failed::Broken(staged(action, Some(status), (FaultKind::Lost, detail)));
        let mut reply = reply::read(&answered.body)
            .map_err(|error| lost(&format!("{error} (HTTP {status})")))?;
        let expected = format!("uuid:{}", message.as_str());
        let related = reply.relates_to.as_deref().unwrap_or_default();
        if !related.eq_ignore_ascii_case(&expected) {
            return Err(lost("an answer to another message came"));
        }
        if let Some(mut fault) = reply.fault.take() {
            self.connection.prove();
            fault.http = Some(status);
            self.broken = false;
            return Err(Failed::Refused(fault));
        }
        if status != 200 || !action.is_answered_by(&reply.action, &reply.body) {
            return Err(lost("an answer to another kind of question came"));
        }
        self.connection.prove();
        self.broken = false;
        Ok(reply)
    }
}

/// A fault of a question: in its words, where there are any, and in its codes.
fn staged(action: Action<'_>, status: Option<u16>, (kind, detail): (FaultKind, &str)) -> Fault {
    let codes = Codes { http_status: status, ..Codes::at(action.stage()) };
    Fault::new(kind, format!("{}: {detail}", action.as_str())).with(codes)
}

/// The fault of a machine without randomness.
pub(super) fn no_random(error: &std::io::Error) -> Fault {
    Fault::new(FaultKind::Internal, format!("no random number: {error}"))
}

/// What a fault of the service means, by its numbers, since texts are in the host's language.
/// Source: [MS-WSMV] 2.2.4.43.1, winerror.h.
pub(super) fn class(action: Action<'_>, fault: &WsFault) -> FaultKind {
    let starts = matches!(action, Action::Start { .. } | Action::Receive { .. });
    match (fault.wsman, fault.subcode.as_str()) {
        // Most shells, operations, and concurrent users.
        (Some(2_150_859_173..=2_150_859_175), _) | (_, "QuotaLimit") => FaultKind::Quota,
        // ERROR_ACCESS_DENIED, and a program that a policy forbids.
        (Some(5 | 1_260 | 0x8007_0005 | 0x8007_04ec), _) | (_, "AccessDenied") => FaultKind::Denied,
        // The program is not there: ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND.
        (Some(2 | 3 | 0x8007_0002 | 0x8007_0003), _) if starts => FaultKind::ToolMissing,
        (Some(TIMED_OUT), _) => FaultKind::IdleTimeout,
        // The operation was aborted from the other side, or the shell is gone.
        (Some(995 | NO_SHELL), _) => FaultKind::Killed,
        _ => FaultKind::Lost,
    }
}

/// The fault that a refusal of the service is, with its numbers and text.
pub(super) fn refused(action: Action<'_>, fault: &WsFault) -> Fault {
    let kind = class(action, fault);
    let number = fault.wsman.map_or_else(|| "no number".to_owned(), |number| number.to_string());
    let wmi = fault.wmi.map(|number| format!(", WMI {number}")).unwrap_or_default();
    let subcode = escape(fault.subcode.as_bytes());
    let text = escape(fault.text.as_bytes());
    let codes = Codes {
        http_status: fault.http,
        wsman_code: fault.wsman,
        wmi_code: fault.wmi,
        subcode: (!subcode.is_empty()).then(|| subcode.clone()),
        ..Codes::at(action.stage())
    };
    let what = action.as_str();
    Fault::new(kind, format!("{what}: WS-Management {number}{wmi} ({subcode}): {text}")).with(codes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fault::Stage;

    #[test]
    fn the_number_of_a_fault_decides_its_kind_and_stands_in_its_words() {
        let fault = |wsman, subcode: &str| WsFault {
            subcode: subcode.to_owned(),
            wsman,
            wmi: Some(7),
            http: Some(500),
            text: "Zugriff\u{1b} verweigert".to_owned(),
        };
        let shell = Id::random().unwrap();
        let create = Action::Create { shell: &shell };
        let kind = |wsman, subcode: &str| refused(create, &fault(wsman, subcode)).kind;
        assert_eq!(kind(Some(2_150_859_173), "QuotaLimit"), FaultKind::Quota);
        assert_eq!(kind(Some(2_150_859_174), "InternalError"), FaultKind::Quota);
        assert_eq!(kind(Some(5), "AccessDenied"), FaultKind::Denied);
        // A shell is no program that could be missing.
        let missing = fault(Some(2), "InternalError");
        let start = Action::Start { shell: &shell, command: &shell, argv: &[] };
        assert_eq!(class(start, &missing), FaultKind::ToolMissing);
        assert_eq!(class(create, &missing), FaultKind::Lost);
        assert_eq!(kind(Some(995), "InternalError"), FaultKind::Killed);
        assert_eq!(kind(None, "SchemaValidationError"), FaultKind::Lost);
        let codes = Codes {
            stage: Stage::Create,
            http_status: Some(500),
            wsman_code: Some(5),
            wmi_code: Some(7),
            subcode: Some("AccessDenied".to_owned()),
        };
        let text = "create: WS-Management 5, WMI 7 (AccessDenied): Zugriff\\x1b verweigert";
        let expected = Fault::new(FaultKind::Denied, text).with(codes);
        assert_eq!(refused(create, &fault(Some(5), "AccessDenied")), expected);
    }
}
