//! What collecting leaves in the logs of a host, so that those who watch them know it.

use crate::model::host::Platform;

/// One kind of trace.
pub(super) struct Trace {
    /// Log, and the event's number where it has one.
    pub(super) place: &'static str,
    /// How often.
    pub(super) count: &'static str,
    /// What it says.
    pub(super) says: &'static str,
}

const fn trace(place: &'static str, count: &'static str, says: &'static str) -> Trace {
    Trace { place, count, says }
}

const WINDOWS: &[Trace] = &[
    trace(
        "Security 4624",
        "once a visit",
        "logon of type 3 (network) by the account, from the controller",
    ),
    trace("Security 4634", "once a visit", "its end"),
    trace(
        "Security 4688, Sysmon 1",
        "once a command",
        "a process, where the audit policy asks for them: the programs above, their parent is winrshost.exe",
    ),
    trace("Microsoft-Windows-WinRM/Operational 91", "once a visit", "a shell was made"),
    trace(
        "Microsoft-Windows-PowerShell/Operational 4104",
        "once a script of the rich profile",
        "the script itself, where script block logging is on",
    ),
];

const UNIX: &[Trace] = &[
    trace(
        "log of sshd",
        "once a visit",
        "`Accepted publickey for ACCOUNT from CONTROLLER`, and the end of the session",
    ),
    trace(
        "log of sudo",
        "once a command that goes through sudo",
        "`ACCOUNT : USER=root ; COMMAND=...`; `fleetstat check` also makes one with COMMAND=list, and sudo \
         may mail it to root where the account has no rule",
    ),
    trace(
        "audit of programs, where the host has it",
        "env, timeout and the command",
        "the programs below",
    ),
];

/// The traces on a platform.
pub(super) const fn traces(platform: Platform) -> &'static [Trace] {
    if matches!(platform, Platform::Windows) { WINDOWS } else { UNIX }
}
