//! The rich profile: what PowerShell tells beyond netstat.exe, as JSON.
//!
//! ```text
//! {"v":1,"tcp":[{"LocalAddress":"192.0.2.1","LocalPort":22,"State":2,"OwningProcess":4}],"udp":[],
//!  "errors":[]}
//! ```
//! In: answers of the fixed scripts that stand beside this file, from PowerShell 5.1 and 7. Out:
//! sockets with process ids, facts of processes, interfaces, routes, neighbours and host facts.
//!
//! With `profile: rich` they are asked behind all others, which do not depend on them: see
//! docs/decisions/0029.
//!
//! A script is a prologue, a body and an epilogue, encoded as UTF-16LE and base64 when fleetstat is
//! compiled, so that it is one word (`-EncodedCommand`) in which no shell finds anything to
//! interpret. It holds `Get-` commands and what shapes their output, which the tests check. Decisions:
//!
//! - Enumerations are cast to numbers and dates to ISO 8601 in UTC, since PowerShell 5.1, 7 and 7.5
//!   write them differently. The readers take each form all the same.
//! - Each list stands in `@(..)`. 5.1 still prints one row as an object at times, and none as `null`.
//! - Errors of the commands come in `errors`: each is an issue, since it may mean missing rows. A
//!   list that is missing is one too. Category and number stand before the text, which is in the
//!   language of the host: they tell a refusal.
//! - Characters beyond ASCII are escaped, since the code page of the output depends on the host and
//!   on whether there is a console. In the constrained language mode that may be refused, and
//!   `[Console]::OutputEncoding` and the account's token are: then text comes as the host has it, and
//!   the account without its groups.
//! - Five scripts, because cmd.exe takes lines of 8,191 characters.
//!
//! Source: `about_PowerShell_exe`, ConvertTo-Json, modules `NetTCPIP` and `NetAdapter`, classes
//! `Win32_Process`, `Win32_Service` and `Win32_OperatingSystem` (Microsoft Learn). Grammar: not run yet.

mod answer;
mod encode;
mod fields;
pub mod host;
pub mod interfaces;
pub mod processes;
pub mod routes;
pub mod sockets;

use std::time::Duration;

use crate::model::host::Platform;
use crate::model::privilege::Grant;
use crate::model::snapshot::View;
use crate::probe::command::{Arguments, windows_arguments};
use crate::probe::gap::Gap;
use crate::probe::table::{MakeReader, Naming, Probe, Usage};
use crate::probe::tool::Tool;
use crate::probe::windows::rich::encode::{bytes, length, text};

/// Windows PowerShell, which every Windows since 7 has. The path does not depend on the drive that
/// Windows stands on only where that is `C:`.
pub static POWERSHELL: Tool =
    Tool::new("powershell", &[r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"]);

/// The arguments that run the script of a file.
macro_rules! script {
    ($name:ident, $source:ident, $file:literal) => {
        /// The script as PowerShell reads it.
        const $source: &str = concat!(
            include_str!("prologue.ps1"),
            include_str!($file),
            include_str!("epilogue.ps1")
        );
        const $name: Arguments = {
            const ENCODED: [u8; length($source)] = bytes($source);
            windows_arguments(&["-NoProfile", "-NonInteractive", "-EncodedCommand", text(&ENCODED)])
        };
    };
}

script!(SOCKETS, SOCKETS_SCRIPT, "sockets.ps1");
script!(PROCESSES, PROCESSES_SCRIPT, "processes.ps1");
script!(INTERFACES, INTERFACES_SCRIPT, "interfaces.ps1");
script!(ROUTES, ROUTES_SCRIPT, "routes.ps1");
script!(HOST, HOST_SCRIPT, "host.ps1");

/// What the commands behind `windows/rich-sockets` do not tell.
const SOCKET_GAPS: &[Gap] = &[
    Gap::OtherOwners,
    Gap::OwnerDescriptor,
    Gap::OwnerName,
    Gap::RawSockets,
    Gap::BindDevice,
    Gap::DualStack,
    Gap::Queues,
    Gap::Backlog,
    Gap::BacklogLimit,
    Gap::Timer,
    Gap::Drops,
    Gap::Inode,
    Gap::Cookie,
    Gap::SocketUser,
    Gap::ControlGroup,
];

/// The commands of the networking modules read `root/StandardCimv2`.
const NETWORK: &[Grant] = &[Grant::Shell, Grant::StandardCimv2];
/// Classes of `root/cimv2`, services among them, and the users of other accounts' processes.
const PROCESS: &[Grant] = &[Grant::Shell, Grant::Cimv2, Grant::Services, Grant::Administrator];
const BOTH: &[Grant] = &[Grant::Shell, Grant::Cimv2, Grant::StandardCimv2];

/// One script.
const fn rich(id: &'static str, arguments: Arguments, reader: MakeReader) -> Probe {
    let mut probe = Probe::of(Platform::Windows, id, &POWERSHELL, arguments, reader)
        .only(Usage::Rich)
        .optional();
    // It prints at its end, and on a busy host begins after half a minute.
    probe.first_byte = Some(Duration::from_mins(1));
    probe.total = Some(Duration::from_secs(90));
    probe
}

/// TCP and UDP sockets.
pub(in crate::probe) const RICH_SOCKETS: Probe =
    rich("windows/rich-sockets", SOCKETS, sockets::reader)
        .reads(
            "TCP and UDP sockets of both families with the process that owns each.",
            "Get-NetTCPConnection, Get-NetUDPEndpoint",
        )
        .serves(&[View::Listeners, View::Sessions], &[])
        .granted(NETWORK)
        .names(Naming::InRows)
        .lacks(SOCKET_GAPS);

/// Facts of processes.
pub(in crate::probe) const RICH_PROCESSES: Probe =
    rich("windows/rich-processes", PROCESSES, processes::reader)
        .reads(
            "Name, parent, binary, command line, start, user and services of processes.",
            "Win32_Process, Win32_Service, Get-Process",
        )
        .serves(&[], &[View::Listeners, View::Sessions])
        .granted(PROCESS)
        .names(Naming::Processes);

/// Neighbours and routes.
pub(in crate::probe) const RICH_ROUTES: Probe = rich("windows/rich-routes", ROUTES, routes::reader)
    .reads(
        "Routes of both families, and the ARP and neighbour tables.",
        "Get-NetRoute, Get-NetNeighbor",
    )
    .serves(&[View::Routes], &[])
    .granted(NETWORK)
    .lacks(&[Gap::JoinedHops, Gap::DiscardKind]);

/// Interfaces with counters and addresses.
pub(in crate::probe) const RICH_INTERFACES: Probe =
    rich("windows/rich-interfaces", INTERFACES, interfaces::reader)
        .reads(
            "Interfaces with state, speed, addresses and 64-bit counters.",
            "Get-NetAdapter, Get-NetAdapterStatistics, Get-NetIPAddress",
        )
        .serves(&[View::Interfaces], &[View::Listeners, View::Sessions])
        .granted(NETWORK)
        .lacks(&[Gap::BareLinks, Gap::LinkErrorKinds, Gap::AddressPeer]);

/// Host facts.
pub(in crate::probe) const RICH_HOST: Probe = rich("windows/rich-host", HOST, host::reader)
    .reads(
        "OS, version, boot time, clock, account and groups, machine id, ephemeral ports.",
        "Win32_OperatingSystem, Get-NetTCPSetting, Get-Date",
    )
    .serves(&[View::Host], &[View::Listeners, View::Sessions])
    .granted(BOTH);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::command::WINDOWS_WORD_BYTES_MAX;

    const SCRIPTS: [(&str, Arguments); 5] = [
        (SOCKETS_SCRIPT, SOCKETS),
        (PROCESSES_SCRIPT, PROCESSES),
        (INTERFACES_SCRIPT, INTERFACES),
        (ROUTES_SCRIPT, ROUTES),
        (HOST_SCRIPT, HOST),
    ];

    /// The words of a script that call something: `Verb-Noun`.
    fn commands(script: &str) -> Vec<&str> {
        let word = |character: char| !character.is_ascii_alphanumeric() && character != '-';
        let named = |word: &&str| {
            word.split_once('-').is_some_and(|(verb, noun)| {
                verb.len() > 1
                    && noun.len() > 1
                    && verb.chars().all(|c| c.is_ascii_alphabetic())
                    && noun.starts_with(|c: char| c.is_ascii_alphabetic())
            })
        };
        script.split(word).filter(named).collect()
    }

    #[test]
    fn the_scripts_hold_no_verb_but_get_and_what_shapes_output() {
        const SHAPE: &[&str] = &["Select-Object", "ForEach-Object", "ConvertTo-Json"];
        let mut seen = 0;
        for (script, _) in SCRIPTS {
            for command in commands(script) {
                assert!(command.starts_with("Get-") || SHAPE.contains(&command), "{command}");
                seen += 1;
            }
        }
        assert!(seen > 30, "only {seen} commands were found");
        assert_eq!(commands("a|Set-Item -Path b;iex -Cc"), ["Set-Item"]);
    }

    #[test]
    fn the_scripts_call_nothing_by_other_means_and_write_nothing() {
        // `>` would write a file; `-gt` and `<>` inside the filter's quotes are what is needed.
        const NEVER: &[&str] = &[
            "&",
            "`",
            ">>",
            "Invoke",
            "iex",
            "Start-",
            "Add-Type",
            "New-",
            "Set-",
            "Remove-",
            "Out-",
            "WebClient",
            "Download",
            "http",
            "Net.",
            "Reflection",
            "Assembly",
            ".exe",
            "cmd",
            "CallStack",
            "ScriptBlock",
            "$ExecutionContext",
            "-Command",
            "#",
            "\"",
        ];
        for (script, _) in SCRIPTS {
            for word in NEVER {
                assert!(!script.contains(word), "{word} in {script}");
            }
            assert_eq!(script.replace("'ProcessId<>0'", "").matches('>').count(), 0, "{script}");
            // A dot behind a blank or at the start of a line would run a file.
            assert!(!script.contains("\n.") && !script.contains(" .") && !script.contains(";."));
        }
    }

    #[test]
    fn quotes_and_brackets_of_the_scripts_are_paired() {
        for (script, _) in SCRIPTS {
            let mut open = Vec::new();
            let mut quoted = false;
            for character in script.chars() {
                match character {
                    '\'' => quoted = !quoted,
                    _ if quoted => {}
                    '(' => open.push(')'),
                    '{' => open.push('}'),
                    '[' => open.push(']'),
                    ')' | '}' | ']' => assert_eq!(open.pop(), Some(character), "{script}"),
                    '\n' => assert!(open.is_empty(), "a statement is one line: {script}"),
                    _ => {}
                }
            }
            assert!(!quoted && open.is_empty(), "{script}");
            assert!(script.is_ascii());
        }
    }

    #[test]
    fn each_word_is_the_script_and_the_line_fits_cmd() {
        for (script, arguments) in SCRIPTS {
            let word = arguments.words().last().unwrap();
            let bytes = <base64ct::Base64 as base64ct::Encoding>::decode_vec(word).unwrap();
            let units: Vec<u16> =
                bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            assert_eq!(String::from_utf16(&units).unwrap(), script);
            assert!(word.len() <= WINDOWS_WORD_BYTES_MAX, "{} bytes", word.len());
            let line = POWERSHELL.first_path().len() + arguments.words().join(" ").len() + 1;
            assert!(line < 8_191, "{line} characters");
        }
    }
}
