//! Limits of the kernel: `grep -H .` over files below `/proc/sys`.
//!
//! ```text
//! /proc/sys/net/ipv4/ip_local_port_range:32768    60999
//! /proc/sys/net/ipv4/ip_local_reserved_ports:8080,9000-9010
//! /proc/sys/net/core/somaxconn:4096
//! ```
//! Each is one number but for the two above and `fs/file-nr` (in use, 0, limit: the first is kept,
//! the last is `fs.file-max`). Reserved ports are not printed when there are none. What a kernel or
//! a network namespace does not have is named on standard error. Source: ip-sysctl and
//! `nf_conntrack-sysctl` of the kernel's documentation, `proc_sys_fs(5)`.

use crate::model::fact::Fact;
use crate::model::parsed::Reader;
use crate::model::text::HostText;
use crate::probe::command::{Arguments, arguments};
use crate::probe::linux::files::{self, Said, number};

/// What `linux/limits` asks.
pub const ARGUMENTS: Arguments = arguments(&[
    "-H",
    ".",
    "/proc/sys/net/ipv4/ip_local_port_range",
    "/proc/sys/net/ipv4/ip_local_reserved_ports",
    "/proc/sys/net/ipv4/ip_unprivileged_port_start",
    "/proc/sys/net/core/somaxconn",
    "/proc/sys/net/core/netdev_max_backlog",
    "/proc/sys/net/ipv4/tcp_fin_timeout",
    "/proc/sys/net/ipv4/tcp_max_syn_backlog",
    "/proc/sys/net/ipv4/tcp_max_tw_buckets",
    "/proc/sys/net/ipv4/tcp_max_orphans",
    "/proc/sys/net/ipv4/tcp_syncookies",
    "/proc/sys/net/ipv4/tcp_tw_reuse",
    "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/net/ipv6/bindv6only",
    "/proc/sys/net/netfilter/nf_conntrack_count",
    "/proc/sys/net/netfilter/nf_conntrack_max",
    "/proc/sys/fs/file-max",
    "/proc/sys/fs/file-nr",
]);

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    files::reader(limit)
}

fn limit(path: &[u8], text: &[u8]) -> Said {
    let asked = ARGUMENTS.words().iter().skip(2).any(|file| file.as_bytes() == path);
    let Some(name) = path.strip_prefix(b"/proc/sys/").filter(|_| asked) else {
        return Said::Odd("expected a file that was asked for");
    };
    match name {
        b"net/ipv4/ip_local_port_range" => {
            Said::fact(range(text), "expected the first and the last ephemeral port")
        }
        b"net/ipv4/ip_local_reserved_ports" => {
            Said::fact(reserved(text), "expected ports and ranges of ports")
        }
        b"fs/file-nr" => {
            let used = text.split(u8::is_ascii_whitespace).next().and_then(number);
            Said::fact(used.map(|used| named(name, used)), "expected three numbers")
        }
        _ => Said::fact(number(text).map(|value| named(name, value)), "expected a number"),
    }
}

/// The fact under its sysctl name: `net.core.somaxconn`.
fn named(name: &[u8], value: i64) -> Fact {
    let name = name.iter().map(|byte| if *byte == b'/' { b'.' } else { *byte });
    Fact::Limit(HostText::owned(name.collect()), value)
}

fn range(text: &[u8]) -> Option<Fact> {
    let mut ports = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (first, last) = (number(ports.next()?)?, number(ports.next()?)?);
    (ports.next().is_none() && first <= last).then_some(Fact::EphemeralRange(first, last))
}

fn reserved(text: &[u8]) -> Option<Fact> {
    let one = |item: &[u8]| match memchr::memchr(b'-', item) {
        Some(dash) => Some((number(item.get(..dash)?)?, number(item.get(dash + 1..)?)?)),
        None => number(item).map(|port| (port, port)),
    };
    let ports: Option<Vec<(u16, u16)>> = text.split(|byte| *byte == b',').map(one).collect();
    ports.map(Fact::ReservedPorts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{facts, read};

    #[test]
    fn ranges_and_numbers_are_read_and_the_rest_is_an_issue() {
        let text = b"/proc/sys/net/ipv4/ip_local_port_range:32768\t60999\n\
            /proc/sys/net/ipv4/ip_local_reserved_ports:8080,9000-9010\n\
            /proc/sys/net/core/somaxconn:4096\n/proc/sys/fs/file-nr:564\t0\t2466170\n\
            /proc/sys/fs/file-max:9223372036854775807\n\
            /proc/sys/net/core/somaxconn:many\n/proc/sys/net/ipv4/ip_local_port_range:9 1\n\
            /proc/sys/kernel/secret:1\n";
        let seen = read(reader(), text);
        let limit = |name: &'static str, value| Fact::Limit(HostText::new(name.as_bytes()), value);
        assert_eq!(
            facts(&seen),
            [
                Fact::EphemeralRange(32768, 60999),
                Fact::ReservedPorts(vec![(8080, 8080), (9000, 9010)]),
                limit("net.core.somaxconn", 4096),
                limit("fs.file-nr", 564),
                limit("fs.file-max", i64::MAX),
            ]
        );
        assert_eq!(seen.issues.len(), 3);
    }
}
