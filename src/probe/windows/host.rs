//! Clock, account and facts of Windows: rows of its command standard.
//!
//! Source: Microsoft, Windows commands (wmic, whoami, hostname, ver, netsh interface ipv4). None
//! needs an administrator: WMIC reads the class over local COM, which services of SSH and `WinRM` may
//! refuse to other accounts.
//!
//! Decisions:
//! - Windows 11 24H2 and Server 2025 come without WMIC. Nothing else of the base system prints a
//!   time with its zone in no language, so there clock, name of the system and time of the last boot
//!   come with the rich profile alone. Both questions give context: a host without WMIC has answered
//!   whole, and its record tells less.
//! - A word may hold no comma, so properties cannot be listed: one is asked for, or all.
//! - `cmd.exe /c ver` comes before WMIC's facts: its version has the number of the update.

use crate::model::host::Platform;
use crate::model::privilege::Grant;
use crate::model::snapshot::View;
use crate::probe::command::windows_arguments;
use crate::probe::table::Probe;
use crate::probe::tool::Tool;
use crate::probe::windows::{short, whoami, wmic};

/// cmd.exe.
pub static CMD: Tool = Tool::new("cmd.exe", &[r"C:\Windows\System32\cmd.exe"]);
/// hostname.exe.
pub static HOSTNAME: Tool = Tool::new("hostname.exe", &[r"C:\Windows\System32\HOSTNAME.EXE"]);
/// netsh.exe.
pub static NETSH: Tool = Tool::new("netsh.exe", &[r"C:\Windows\System32\netsh.exe"]);
/// whoami.exe.
pub static WHOAMI: Tool = Tool::new("whoami.exe", &[r"C:\Windows\System32\whoami.exe"]);
/// WMIC.exe.
pub static WMIC: Tool = Tool::new("WMIC.exe", &[r"C:\Windows\System32\wbem\WMIC.exe"]);

/// Programs that ask the kernel or the account's own token.
const SHELL: &[Grant] = &[Grant::Shell];

/// WMIC.exe asks WMI.
const WMI: &[Grant] = &[Grant::Shell, Grant::Cimv2];

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];
const HOST_CONTEXT: &[View] = &[View::Listeners, View::Sessions, View::Host];

/// The clock: first of all.
pub(in crate::probe) const CLOCK: Probe = Probe::of(
    Platform::Windows,
    "windows/clock",
    &WMIC,
    windows_arguments(&["path", "Win32_OperatingSystem", "get", "LocalDateTime", "/value"]),
    wmic::clock_reader,
)
.reads("The host's clock with its time zone.", "Microsoft, wmic; Win32_OperatingSystem")
.serves(&[], View::ALL)
.granted(WMI)
.optional();

/// The account.
pub(in crate::probe) const ACCOUNT: Probe = Probe::of(
    Platform::Windows,
    "windows/account",
    &WHOAMI,
    windows_arguments(&["/user", "/fo", "csv", "/nh"]),
    whoami::user_reader,
)
.reads("The account's name.", "Microsoft, whoami")
.serves(&[View::Host], SOCKETS)
.granted(SHELL);

/// Its groups.
pub(in crate::probe) const GROUPS: Probe = Probe::of(
    Platform::Windows,
    "windows/groups",
    &WHOAMI,
    windows_arguments(&["/groups", "/fo", "csv", "/nh"]),
    whoami::groups_reader,
)
.reads("The account's groups and integrity label, with their identifiers.", "Microsoft, whoami")
.serves(&[View::Host], SOCKETS)
.granted(SHELL);

/// The ephemeral range.
pub(in crate::probe) const PORTS: Probe = Probe::of(
    Platform::Windows,
    "windows/ports",
    &NETSH,
    windows_arguments(&["int", "ipv4", "show", "dynamicport", "tcp"]),
    short::ports_reader,
)
.reads("The ephemeral range of TCP.", "Microsoft, netsh interface ipv4")
.serves(&[View::Host], SOCKETS)
.granted(SHELL);

/// Version of the system.
pub(in crate::probe) const VERSION: Probe = Probe::of(
    Platform::Windows,
    "windows/version",
    &CMD,
    windows_arguments(&["/c", "ver"]),
    short::version_reader,
)
.reads("Version of the system with the number of its update.", "Microsoft, ver")
.serves(&[View::Host], SOCKETS)
.granted(SHELL);

/// Name of the host.
pub(in crate::probe) const NAME: Probe = Probe::of(
    Platform::Windows,
    "windows/hostname",
    &HOSTNAME,
    windows_arguments(&[]),
    short::hostname_reader,
)
.reads("The name the host gives itself.", "Microsoft, hostname")
.serves(&[View::Host], SOCKETS)
.granted(SHELL);

/// What WMIC knows of the system.
pub(in crate::probe) const SYSTEM: Probe = Probe::of(
    Platform::Windows,
    "windows/system",
    &WMIC,
    windows_arguments(&["path", "Win32_OperatingSystem", "get", "/value"]),
    wmic::reader,
)
.reads("Name of the system and time of the last boot.", "Microsoft, wmic; Win32_OperatingSystem")
.serves(&[], HOST_CONTEXT)
.granted(WMI)
.optional();
