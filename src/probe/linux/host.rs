//! Facts of the host: os-release, machine id, boot id, host name (`grep -H .`), and boot time,
//! user id and capabilities (`grep -H -e btime -e Uid -e Gid -e Cap`).
//!
//! ```text
//! /etc/os-release:PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
//! /proc/stat:btime 1795489693
//! /proc/self/status:Uid:  1000    1000    1000    1000
//! /proc/self/status:CapEff:       0000000000000000
//! ```
//! os-release values are quoted as a shell quotes. `Uid:` gives real, effective, saved and file
//! system id; capabilities are a bit mask in hexadecimal. The process that is looked at is grep
//! itself, which has what the account has. Source: os-release(5), `proc_stat(5)`,
//! `proc_pid_status(5)`.

use crate::model::fact::Fact;
use crate::model::parsed::Reader;
use crate::model::text::HostText;
use crate::model::time::Utc;
use crate::probe::command::{Arguments, arguments};
use crate::probe::linux::files::{self, Said, number};

/// What `linux/host` asks.
pub const ARGUMENTS: Arguments = arguments(&[
    "-H",
    ".",
    "/etc/os-release",
    "/etc/machine-id",
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/kernel/hostname",
    "/proc/uptime",
]);

/// A reader of `linux/host`.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    files::reader(host)
}

/// A reader of `linux/status`.
#[must_use]
pub fn status_reader() -> Box<dyn Reader> {
    files::reader(status)
}

fn host(path: &[u8], text: &[u8]) -> Said {
    let whole = || HostText::owned(text.to_vec());
    let fact = match path {
        b"/etc/os-release" => return os_release(text),
        b"/etc/machine-id" => Fact::MachineId(whole()),
        b"/proc/sys/kernel/random/boot_id" => Fact::BootId(whole()),
        b"/proc/sys/kernel/hostname" => Fact::Hostname(whole()),
        // Kept in the evidence: beside the clock it tells a clock that was set since boot.
        b"/proc/uptime" => return Said::Known,
        _ => return Said::Odd("expected a file that was asked for"),
    };
    Said::Facts(vec![fact])
}

fn os_release(text: &[u8]) -> Said {
    if text.starts_with(b"#") {
        return Said::Known;
    }
    let Some(equals) = memchr::memchr(b'=', text) else { return Said::Odd("expected NAME=VALUE") };
    let (name, value) = text.split_at_checked(equals).unwrap_or((text, b""));
    let value = || HostText::owned(unquote(value.get(1..).unwrap_or_default()));
    match name {
        b"ID" => Said::Facts(vec![Fact::OsId(value())]),
        b"PRETTY_NAME" => Said::Facts(vec![Fact::OsName(value())]),
        b"VERSION_ID" => Said::Facts(vec![Fact::OsVersion(value())]),
        _ => Said::Known,
    }
}

/// Takes a shell's quotes off: inside double quotes a backslash protects `" $ \` and the back
/// quote, inside single quotes nothing is special.
fn unquote(value: &[u8]) -> Vec<u8> {
    match value {
        [b'\'', inner @ .., b'\''] => inner.to_vec(),
        [b'"', inner @ .., b'"'] => {
            let mut out = Vec::with_capacity(inner.len());
            let mut bytes = inner.iter().copied().peekable();
            while let Some(byte) = bytes.next() {
                let protected = (byte == b'\\')
                    .then(|| bytes.next_if(|next| matches!(next, b'"' | b'$' | b'\\' | b'`')));
                out.push(protected.flatten().unwrap_or(byte));
            }
            out
        }
        _ => value.to_vec(),
    }
}

fn status(path: &[u8], text: &[u8]) -> Said {
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let (key, first) = (words.next().unwrap_or_default(), words.next());
    match (path, key) {
        (b"/proc/stat", b"btime") => {
            let time = first.and_then(number).and_then(Utc::from_seconds);
            Said::fact(time.map(Fact::BootTime), "expected btime SECONDS")
        }
        (b"/proc/self/status", b"Uid:") => {
            let effective = words.next().and_then(number);
            Said::fact(effective.map(Fact::EffectiveUid), "expected Uid: REAL EFFECTIVE ...")
        }
        (b"/proc/self/status", b"CapEff:") => {
            let mask = first.and_then(|hex| std::str::from_utf8(hex).ok());
            let mask = mask.and_then(|hex| u64::from_str_radix(hex, 16).ok());
            Said::fact(mask.map(Fact::EffectiveCapabilities), "expected CapEff: MASK")
        }
        (b"/proc/self/status", b"Gid:" | b"CapInh:" | b"CapPrm:" | b"CapBnd:" | b"CapAmb:") => {
            Said::Known
        }
        _ => Said::Odd("expected btime, Uid, Gid or a capability mask"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{facts, read};

    #[test]
    fn every_quoting_of_os_release_is_read() {
        for (text, expected) in [
            (r#""a \"b\" \$c \\ \n""#, r#"a "b" $c \ \n"#),
            ("'it\\s'", "it\\s"),
            ("plain", "plain"),
            ("\"", "\""),
            ("\"\"", ""),
        ] {
            let line = format!("/etc/os-release:PRETTY_NAME={text}\n");
            let seen = read(reader(), line.as_bytes());
            assert_eq!(facts(&seen), [Fact::OsName(HostText::new(expected.as_bytes()))], "{text}");
        }
    }

    #[test]
    fn an_ordinary_account_has_its_effective_id_and_no_capabilities() {
        let text = b"/proc/stat:btime 1795489693\n/proc/self/status:Uid:\t1000\t0\t0\t0\n\
            /proc/self/status:CapEff:\t0000000000080004\n/proc/self/status:CapBnd:\t0\n";
        let seen = read(status_reader(), text);
        assert_eq!(
            facts(&seen),
            [
                Fact::BootTime(Utc::from_seconds(1_795_489_693).unwrap()),
                Fact::EffectiveUid(0),
                Fact::EffectiveCapabilities(0x8_0004),
            ]
        );
        assert_eq!(seen.headers.len(), 1);
        let odd = read(status_reader(), b"/proc/self/status:CapEff:\tx\nBinary file matches\n");
        assert_eq!(odd.issues.len(), 2);
    }
}
