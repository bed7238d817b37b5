//! Families of grammars: readers that share code are fuzzed together.
//!
//! In: the name of a reader. Out: its family. Each reader is in exactly one.

use fleetstat::probe::{Usage, by_id};

/// Every family, each with a fuzz target of its name.
pub(crate) const FAMILIES: [&str; 12] = [
    "ss",
    "netstat",
    "proc",
    "lsof",
    "ip_text",
    "ip_json",
    "facts",
    "bsd",
    "windows",
    "rich_json",
    "solaris",
    "aix",
];

/// The family of a reader.
pub(crate) fn family(reader: &str) -> &'static str {
    let (system, name) = reader.split_once('/').unwrap_or((reader, ""));
    let rich = by_id(reader).is_some_and(|probe| probe.usage == Usage::Rich);
    match (system, name) {
        (_, "lsof") => "lsof",
        _ if rich => "rich_json",
        (_, "clock" | "account" | "kernel" | "tools") => "facts",
        ("linux", name) if name.starts_with("ss") => "ss",
        ("linux", name) if name.contains("netstat") => "netstat",
        ("linux", name) if name.starts_with("proc-net") || name == "namespace-sockets" => "proc",
        ("linux", name) if name.starts_with("ip-") && name.ends_with("-text") => "ip_text",
        ("linux", name) if name.starts_with("ip-") => "ip_json",
        ("macos" | "freebsd" | "openbsd" | "netbsd", _) => "bsd",
        ("windows", _) => "windows",
        ("solaris" | "illumos", _) => "solaris",
        ("aix" | "hpux", _) => "aix",
        _ => "facts",
    }
}
