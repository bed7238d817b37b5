//! Why a host gave no whole answer: one closed list for all transports.

use crate::model::host::words;

words! {
    /// The class of a fault. Each has a retry rule, a remedy and a meaning for the exit code.
    FaultKind {
        /// The name did not resolve.
        Dns = "dns",
        /// The host refused the TCP connection.
        Refused = "refused",
        /// The controller's own firewall forbade the connection.
        Filtered = "filtered",
        /// No answer to the TCP handshake.
        ConnectTimeout = "connect_timeout",
        /// No TLS version or cipher in common.
        TlsNoCommon = "tls_no_common",
        /// The TLS certificate is not trusted.
        TlsUntrusted = "tls_untrusted",
        /// The server said nothing after the connection stood.
        BannerTimeout = "banner_timeout",
        /// The key exchange did not end in time.
        KexTimeout = "kex_timeout",
        /// No key exchange, cipher or key type in common.
        KexNoCommon = "kex_no_common",
        /// The host key is not known.
        HostKeyUnknown = "host_key_unknown",
        /// The host key is another than the known one, or is revoked.
        HostKeyChanged = "host_key_changed",
        /// The account was refused.
        AuthRefused = "auth_refused",
        /// The account's password has expired.
        PasswordExpired = "password_expired",
        /// The server has too many connections or sessions.
        Quota = "quota",
        /// The connection to the jump host was lost.
        JumpLost = "jump_lost",
        /// The account may not do this.
        Denied = "denied",
        /// No tool that answers the question is on the host.
        ToolMissing = "tool_missing",
        /// A command gave no first byte in time.
        FirstByteTimeout = "first_byte_timeout",
        /// A command fell silent.
        IdleTimeout = "idle_timeout",
        /// The command or the host took too long in all.
        Deadline = "deadline",
        /// The connection ended before the command did.
        Lost = "lost",
        /// The output was cut at the cap.
        Truncated = "truncated",
        /// The command succeeded with no output where output is expected.
        SuspiciousEmpty = "suspicious_empty",
        /// Not visited, by plan or because the run was stopped.
        Skipped = "skipped",
        /// A defect of fleetstat or of the controller.
        Internal = "internal",
        /// A router, or the search for the neighbour, said that the host cannot be reached.
        NoRoute = "no_route",
        /// A jump host did not let us through: it refused our account or the forwarding, or no safe
        /// connection to it could be made.
        JumpRefused = "jump_refused",
        /// What the inventory allows or demands forbids the connection.
        Policy = "policy",
        /// The command was ended by a signal on the host.
        Killed = "killed",
        /// A remote shell of ours could not be deleted.
        LeakedShell = "leaked_shell",
        /// No KDC of the account's realm answered.
        KdcUnreachable = "kdc_unreachable",
        /// Kerberos gave no ticket for the host.
        NoTicket = "no_ticket",
        /// A file, program or agent that the inventory names for an account or for TLS gives nothing that
        /// can be used on this controller.
        Config = "config",
    }
}

/// Whether another attempt in the same run makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// May pass by itself.
    Later,
    /// Only a person can mend it, or a retry could do harm (lock-out).
    Never,
}

impl FaultKind {
    /// Whether the host was not reached at all. Hosts that are only unreachable have an exit code
    /// of their own.
    #[must_use]
    pub const fn unreachable(self) -> bool {
        matches!(
            self,
            Self::Dns
                | Self::Refused
                | Self::Filtered
                | Self::ConnectTimeout
                | Self::BannerTimeout
                | Self::JumpLost
                | Self::NoRoute
        )
    }

    /// The retry rule.
    #[must_use]
    pub const fn retry(self) -> Retry {
        match self {
            Self::Refused
            | Self::Filtered
            | Self::ConnectTimeout
            | Self::BannerTimeout
            | Self::KexTimeout
            | Self::Quota
            | Self::JumpLost
            | Self::NoRoute
            | Self::FirstByteTimeout
            | Self::IdleTimeout
            | Self::Killed
            | Self::KdcUnreachable
            | Self::Lost => Retry::Later,
            Self::Dns
            | Self::TlsNoCommon
            | Self::TlsUntrusted
            | Self::KexNoCommon
            | Self::HostKeyUnknown
            | Self::HostKeyChanged
            | Self::AuthRefused
            | Self::PasswordExpired
            | Self::Denied
            | Self::ToolMissing
            | Self::Deadline
            | Self::Truncated
            | Self::SuspiciousEmpty
            | Self::Skipped
            | Self::JumpRefused
            | Self::Policy
            | Self::LeakedShell
            | Self::NoTicket
            | Self::Config
            | Self::Internal => Retry::Never,
        }
    }

    /// What the operator can do about it: one sentence, lower case, no full stop.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Dns => "check `address` in the inventory and the resolver",
            Self::Refused => "check that sshd or WinRM runs on the host and `port` is right",
            Self::Filtered => {
                "ask for a firewall rule from this controller to the port of the host"
            }
            Self::ConnectTimeout => "check that the host is up and no firewall drops the port",
            Self::BannerTimeout => {
                "the port is open but silent: check what listens there, or the server's load"
            }
            Self::KexTimeout => {
                "the server stopped during the key exchange: check its load and its log"
            }
            Self::KexNoCommon => {
                "update the server: it offers no algorithm that is safe to use; until then `legacy` in the inventory allows this host old ones, with a reason and a last day"
            }
            Self::HostKeyUnknown => {
                "compare the fingerprint with the host's owner, then run `fleetstat enroll`"
            }
            Self::HostKeyChanged => {
                "find out why the key changed before anything else; then remove the old line and `fleetstat enroll` again"
            }
            Self::AuthRefused => {
                "check the account on the host: over SSH its key in authorized_keys, over WinRM its password and its right to log on over the network; the run does not try again"
            }
            Self::PasswordExpired => "set a new password for the account",
            Self::Quota => {
                "raise sshd's MaxStartups or MaxSessions or WinRM's MaxShellsPerUser on the host, or lower the run's limits; if it is always so, check that `port` is that server's"
            }
            Self::JumpLost => "check the jump host, then run again for the hosts behind it",
            Self::NoRoute => {
                "check that the host is up and its address right; a firewall that rejects with ICMP looks the same"
            }
            Self::JumpRefused => {
                "mend what the detail says at the jump host; for forwarding see AllowTcpForwarding and PermitOpen in its sshd_config"
            }
            Self::Policy => {
                "change what the inventory says of this host (`legacy`, `require_pq` of its segment, `auth`), or what the host offers; no credential was sent to it"
            }
            Self::Denied => "grant the account what `fleetstat harden` prints for its platform",
            Self::ToolMissing => {
                "install the tool on the host (on Linux: iproute2), or leave the view out of the playbook"
            }
            Self::FirstByteTimeout => "the host is busy or the command hangs: look at its load",
            Self::IdleTimeout => "the command stopped in the middle: look at the host's load",
            Self::Deadline => {
                "raise the deadline in the playbook, or collect fewer views from this host"
            }
            Self::Lost => {
                "the connection broke: see the host's log; what came before is kept in the evidence"
            }
            Self::Truncated => {
                "raise `output_bytes` in the playbook; what came before the cut is kept"
            }
            Self::SuspiciousEmpty => {
                "look at the evidence: the command printed nothing though it succeeded"
            }
            Self::Skipped => {
                "see the reason: what it names decides, in the inventory or the playbook"
            }
            Self::Killed => {
                "something on the host ended the command or its shell: see its log (out of memory, limits); what came before is kept"
            }
            Self::TlsNoCommon | Self::TlsUntrusted => self.tls_remedy(),
            Self::LeakedShell | Self::KdcUnreachable | Self::NoTicket => self.windows_remedy(),
            Self::Config | Self::Internal => self.controller_remedy(),
        }
    }

    /// The remedy of what is wrong on our own side.
    const fn controller_remedy(self) -> &'static str {
        if matches!(self, Self::Config) {
            "mend what the detail names on this controller (its path, owner, mode or content), or name another in the inventory; nothing was sent to the host"
        } else {
            "mend what the detail names on this controller; if it names nothing there, this is a defect: please report it with the run's log"
        }
    }

    const fn tls_remedy(self) -> &'static str {
        if matches!(self, Self::TlsNoCommon) {
            "update the server's TLS settings"
        } else {
            "do what the detail says of this certificate: one of an unknown authority needs `tls_ca` or `tls_pin`, one for another name `tls_name`; of one that is not the pinned one find out first why it changed"
        }
    }

    /// The remedy of what only Windows hosts have.
    const fn windows_remedy(self) -> &'static str {
        if matches!(self, Self::KdcUnreachable) {
            "check `realms` in the inventory and the domain controller; nothing but Kerberos is tried"
        } else if matches!(self, Self::NoTicket) {
            "mend what the detail says at the domain controller, or `spn` in the inventory; nothing but Kerberos is tried"
        } else {
            "nothing: the host ends the shell after three idle minutes"
        }
    }

    /// What happened: one sentence, lower case, no full stop.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Dns => "the name did not resolve",
            Self::Refused => "the host refused the TCP connection",
            Self::Filtered => "the controller's own firewall forbade the connection",
            Self::ConnectTimeout => "no answer to the TCP handshake",
            Self::TlsNoCommon => "no TLS version or cipher in common",
            Self::TlsUntrusted => "the TLS certificate is not trusted",
            Self::BannerTimeout => "the server said nothing after the connection stood",
            Self::KexTimeout => "the key exchange did not end in time",
            Self::KexNoCommon => "no key exchange, cipher or key type in common",
            Self::HostKeyUnknown => "the host key is not known",
            Self::HostKeyChanged => "the host key is another than the known one, or is revoked",
            Self::AuthRefused => "the account was refused",
            Self::PasswordExpired => "the account's password has expired",
            Self::Quota => "the server has too many connections or sessions",
            Self::JumpLost => "the connection to the jump host was lost",
            Self::Denied => "the account may not do this",
            Self::ToolMissing => "no tool that answers the question is on the host",
            Self::FirstByteTimeout => "a command gave no first byte in time",
            Self::IdleTimeout => "a command fell silent",
            Self::Deadline => "the command or the host took too long in all",
            Self::Lost => "the connection ended before the command did",
            Self::Truncated => "the output was cut at the cap",
            Self::SuspiciousEmpty => {
                "the command succeeded with no output where output is expected"
            }
            Self::Skipped => "not visited, by plan or because the run was stopped",
            Self::NoRoute => {
                "a router, or the search for the neighbour, said that the host is not there"
            }
            Self::JumpRefused => "a jump host did not let us through",
            Self::Policy => "what the inventory allows or demands forbids the connection",
            Self::Internal => "a defect of fleetstat or of the controller",
            Self::Killed => "the command was ended by a signal on the host",
            Self::LeakedShell => "a remote shell of ours could not be deleted",
            Self::KdcUnreachable => "no KDC of the account's realm answered",
            Self::Config => {
                "what the inventory names of this controller cannot be used: a file, a program or an agent"
            }
            Self::NoTicket => "Kerberos gave no ticket for the host",
        }
    }
}

words! {
    /// How far a visit had come: its steps in the order in which they are taken.
    Stage {
        /// The address was looked up and the TCP connection opened.
        Connect = "connect",
        /// The server's certificate was checked.
        Tls = "tls",
        /// The account logged in.
        Auth = "auth",
        /// A shell was asked for.
        Create = "create",
        /// A command was sent.
        Command = "command",
        /// Its output was asked for.
        Receive = "receive",
        /// The command was ended, or its shell deleted.
        Cleanup = "cleanup",
    }
}

/// What a protocol says of a fault in numbers, for programs: texts are in the host's language.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Codes {
    /// The step.
    pub stage: Stage,
    /// HTTP status of the answer. `None`: no answer came, or 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Number of the WSManFault. Source: [MS-WSMV] 2.2.4.43.1, winerror.h.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wsman_code: Option<u32>,
    /// Number that WMI or the provider behind the service gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wmi_code: Option<u32>,
    /// Subcode of the SOAP fault without its prefix, such as `QuotaLimit`. Escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subcode: Option<String>,
}

impl Codes {
    /// A step, and nothing else that is known.
    #[must_use]
    pub const fn at(stage: Stage) -> Self {
        Self { stage, http_status: None, wsman_code: None, wmi_code: None, subcode: None }
    }
}

/// One fault of one host. A host's failure is data, not an error of the run.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Its class.
    pub kind: FaultKind,
    /// What happened, one line, text from the host already escaped.
    pub detail: String,
    /// What the protocol says of it. `None`: over SSH, on this machine, and in what was recorded
    /// before there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codes: Option<Box<Codes>>,
}

impl Fault {
    /// A fault with its detail. Text from a host must come through
    /// [`crate::model::text::escape`].
    #[must_use]
    pub fn new(kind: FaultKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), codes: None }
    }

    /// The fault, with the step it arose in where no earlier one is named.
    #[must_use]
    pub fn at(mut self, stage: Stage) -> Self {
        self.codes.get_or_insert_with(|| Box::new(Codes::at(stage)));
        self
    }

    /// The fault with what the protocol says of it.
    #[must_use]
    pub fn with(mut self, codes: Codes) -> Self {
        self.codes = Some(Box::new(codes));
        self
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.kind, self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_without_codes_is_written_and_read_as_before_there_were_any() {
        let old = r#"{"kind":"lost","detail":"a"}"#;
        let fault: Fault = serde_json::from_str(old).unwrap();
        assert_eq!(fault, Fault::new(FaultKind::Lost, "a"));
        assert_eq!(serde_json::to_string(&fault).unwrap(), old);
        let coded = fault.at(Stage::Tls).at(Stage::Auth);
        let text = serde_json::to_string(&coded).unwrap();
        assert_eq!(text, r#"{"kind":"lost","detail":"a","codes":{"stage":"tls"}}"#);
        assert_eq!(serde_json::from_str::<Fault>(&text).unwrap(), coded);
    }
}
