//! The programs that probes of Windows call, and where they may be.
//!
//! `%SystemRoot%` is `C:\Windows` on every system that was not moved by hand; no shell is asked to
//! expand it. Names of files are the same in any case.

use crate::probe::tool::Tool;

/// arp.
pub static ARP: Tool = Tool::new("arp", &["C:\\Windows\\System32\\arp.exe"]);
/// netstat.
pub static NETSTAT: Tool = Tool::new("netstat", &["C:\\Windows\\System32\\netstat.exe"]);
/// route.
pub static ROUTE: Tool = Tool::new("route", &["C:\\Windows\\System32\\route.exe"]);
/// tasklist.
pub static TASKLIST: Tool = Tool::new("tasklist", &["C:\\Windows\\System32\\tasklist.exe"]);
