//! When another probe takes a probe's place: conditions as data, recognized from how a command
//! ended and what it said on standard error.
//!
//! Never on a timeout or a lost link: those say nothing about the tool.

use crate::model::host::words;
use crate::probe::command::is_windows_program;

words! {
    /// Why a command gave no answer and another one can.
    Condition {
        /// The program is not where it was called (exit 127, or sudo's word for it).
        ToolMissing = "exit 127",
        /// The program does not know an option.
        UsageError = "usage error",
        /// The file to read is not there.
        FileMissing = "missing file",
        /// The output was cut at the most that is kept of one command. Not known by the exit status: the
        /// command itself may have gone well.
        OutputCut = "output over the cap",
    }
}

/// Which probes take over, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fallback {
    /// Conditions; any of them is enough.
    pub on: &'static [Condition],
    /// Ids of the probes that run instead, all of them, in this order.
    pub probes: &'static [&'static str],
}

/// Bytes of standard error that [`fallback_condition`] looks at: 4096. An error message of a tool
/// stands in its first line; busybox prints its usage after a banner of 80 bytes.
pub const STDERR_HEAD: usize = 4096;

/// The condition that a command's end shows, if any. `exit` is the exit status that was seen, and
/// `stderr_head` the first bytes of standard error. Ask only for a status that is not among the
/// probe's usable ones.
#[must_use]
pub fn fallback_condition(exit: u32, stderr_head: &[u8]) -> Option<Condition> {
    let head = stderr_head.get(..STDERR_HEAD).unwrap_or(stderr_head).to_ascii_lowercase();
    let says = |word: &str| memchr::memmem::find(&head, word.as_bytes()).is_some();
    match exit {
        0 => None,
        127 => Some(Condition::ToolMissing),
        // `sudo -n /usr/bin/ss` with no such program: exit 1.
        _ if head.starts_with(b"sudo:") => {
            says("command not found").then_some(Condition::ToolMissing)
        }
        // A status over 128 is a signal as a shell reports it: no statement of the tool.
        129..=254 => None,
        _ if USAGE.iter().any(|word| says(word)) => Some(Condition::UsageError),
        _ if says("no such file or directory") => Some(Condition::FileMissing),
        _ => None,
    }
}

/// What tools say to an option they do not know: getopt of glibc, musl and busybox; iproute2;
/// busybox's usage text.
const USAGE: &[&str] = &[
    "invalid option",
    "unrecognized option",
    "unrecognized:",
    "unknown option",
    "illegal option",
    "is unknown, try",
    "usage:",
    // Programs of Windows, in any language: the synopsis, or how to ask for it.
    "netstat [-a]",
    "\"tasklist /?\"",
    "arp -s inet_addr",
    "route [-f]",
];

/// True when the shell of a Windows host found no program at its path. `cmd.exe` says so in the
/// host's language, `PowerShell` with words around it: both name the path as it was called, and the
/// programs of the standard never do. 9009 is what `cmd.exe` keeps for it.
#[must_use]
pub fn windows_program_missing(program: &str, exit: u32, stderr_head: &[u8]) -> bool {
    let head = stderr_head.get(..STDERR_HEAD).unwrap_or(stderr_head).to_ascii_lowercase();
    let named = memchr::memmem::find(&head, program.to_ascii_lowercase().as_bytes()).is_some();
    is_windows_program(program) && (exit == 9009 || exit == 1 && named)
}

/// True when `timeout` itself did not take its options and ran nothing: `-k` came with coreutils 8.5
/// (RHEL 6 has 8.4) and busybox 1.35. getopt names the program as it was called.
#[must_use]
pub fn timeout_refused(stderr_head: &[u8]) -> bool {
    let first = stderr_head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let said = first.strip_prefix(b"/usr/bin/").unwrap_or(first);
    let says = |word: &str| memchr::memmem::find(said, word.as_bytes()).is_some();
    said.starts_with(b"timeout:")
        && ["invalid option", "unrecognized option", "illegal option"].iter().any(|word| says(word))
}

/// True when `sudo -n` itself refused: the account has no rule for this command. Owners of others'
/// sockets are then out of reach, the rest of the question is not.
#[must_use]
pub fn escalation_refused(exit: u32, stderr_head: &[u8]) -> bool {
    let head = stderr_head.get(..STDERR_HEAD).unwrap_or(stderr_head);
    exit == 1
        && (head.starts_with(b"sudo:") || head.starts_with(b"Sorry, user "))
        && fallback_condition(exit, head).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_messages_are_told_apart() {
        let said = |exit, text: &str| fallback_condition(exit, text.as_bytes());
        let (missing, usage) = (Some(Condition::ToolMissing), Some(Condition::UsageError));
        assert_eq!(said(127, "env: '/usr/bin/ss': No such file or directory"), missing);
        assert_eq!(said(127, "timeout: failed to run command '/usr/bin/ss'"), missing);
        assert_eq!(said(1, "sudo: /usr/bin/ss: command not found"), missing);
        assert_eq!(said(255, "ss: unrecognized option '--bad'\nUsage: ss [ OPTIONS ]"), usage);
        assert_eq!(said(255, "Option \"-jq\" is unknown, try \"ip -help\"."), usage);
        let busybox = "BusyBox v1.35.0 (Debian) multi-call binary.\n\nUsage: ip [OPTIONS] address";
        assert_eq!(said(1, busybox), usage);
        let gone = "cat: can't open '/proc/net/udplite': No such file or directory";
        assert_eq!(said(1, gone), Some(Condition::FileMissing));
        assert_eq!(said(124, ""), None, "timeout(1) ended it");
        assert_eq!(said(137, "Killed"), None);
        assert_eq!(said(0, "usage:"), None);
        assert_eq!(said(1, "sudo: a password is required"), None);
    }

    #[test]
    fn a_timeout_that_is_too_old_is_told_from_a_tool_that_is() {
        for text in [
            // coreutils 8.4, glibc.
            "/usr/bin/timeout: invalid option -- 'k'\nTry `/usr/bin/timeout --help' for more information.\n",
            // busybox 1.30 on glibc, and on musl.
            "timeout: invalid option -- 'k'\nBusyBox v1.30.1 (Debian 1:1.30.1-6+b3) multi-call binary.\n",
            "timeout: unrecognized option: k\nBusyBox v1.31.1 () multi-call binary.\n",
        ] {
            assert!(timeout_refused(text.as_bytes()), "{text}");
        }
        for text in [
            "/usr/bin/timeout: failed to run command `/usr/bin/ss': No such file or directory",
            "ss: invalid option -- 'k'\ntimeout: invalid option",
            "timeout: the monitored command dumped core",
            "",
        ] {
            assert!(!timeout_refused(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_program_that_a_windows_host_lacks_is_missing_in_every_language() {
        let wmic = r"C:\Windows\System32\wbem\WMIC.exe";
        let said = |exit, text: &str| windows_program_missing(wmic, exit, text.as_bytes());
        assert!(said(
            1,
            "'C:\\Windows\\System32\\wbem\\WMIC.exe' is not recognized as an internal or \
             external command,\r\noperable program or batch file.\r\n"
        ));
        assert!(said(
            1,
            "Der Befehl \"C:\\Windows\\System32\\wbem\\WMIC.exe\" ist entweder falsch \
             geschrieben oder\r\nkonnte nicht gefunden werden.\r\n"
        ));
        assert!(said(
            1,
            "C:\\Windows\\System32\\wbem\\WMIC.exe : The term \
             'C:\\Windows\\System32\\wbem\\WMIC.exe' is not recognized as the name of a cmdlet"
        ));
        assert!(said(9009, ""));
        assert!(!said(1, "Node - WEB-1\r\nERROR:\r\nDescription = Access denied\r\n"));
        assert!(!said(0, wmic));
        assert!(!windows_program_missing("/usr/bin/ss", 1, b"/usr/bin/ss: no"));
    }

    #[test]
    fn a_refusal_of_sudo_is_no_missing_tool() {
        assert!(escalation_refused(1, b"sudo: a password is required\n"));
        assert!(!escalation_refused(1, b"sudo: /usr/bin/ss: command not found\n"));
        assert!(!escalation_refused(255, b"ss: invalid option"));
    }
}
