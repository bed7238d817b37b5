//! Which programs a site's own probe may call, and how.
//!
//! An allow list, not a deny list: a deny list has to know every option of every version of every
//! program on every host, and the one it forgets writes. Here a program that is not named is
//! refused, and of a named one only the options and verbs that were read in its manual and found
//! to change nothing. So there is no shell, no interpreter, nothing that runs another program, and
//! no option whose abbreviation could mean another: options must stand exactly as listed.
//!
//! What stays out although it looks harmless: `ss -K` closes sockets, `-D` writes a file, `-F`
//! reads any file, `-E` never ends, `-N` changes the namespace, `-r` asks a name server;
//! `ip -batch` reads commands from a file, and `ip r a` means `route add`, so verbs must be written
//! out; `netstat -c` never ends; `lsof -D` and `+D` write a cache or walk a tree; a `=` in an
//! operand of sysctl writes, with or without `-w`; `date MMDDhhmm` sets the clock; `grep -r` walks
//! trees and `-f` reads a file; `hostname NAME`, `rmsock` and `pfiles` change or stop what they
//! look at.

use crate::probe::linux::tools::{CAT, DATE, GREP, ID, IP, LS, LSOF, NETSTAT, SS, UNAME};
use crate::probe::tool::Tool;

static ETHTOOL: Tool = Tool::new("ethtool", &["/usr/sbin/ethtool", "/sbin/ethtool"]);
static SYSCTL: Tool = Tool::new("sysctl", &["/usr/sbin/sysctl", "/sbin/sysctl"]);
static UPTIME: Tool = Tool::new("uptime", &["/usr/bin/uptime"]);

/// What a program may be given.
struct Rule {
    tool: &'static Tool,
    /// One-letter options that may be joined (`-ltn`).
    letters: &'static str,
    /// One-letter options that take a value: in the same word or the next.
    with_value: &'static str,
    /// Options that must stand exactly so.
    exact: &'static [&'static str],
    operands: Operands,
    /// `sudo` may stand before it: what it prints as root is sockets and their owners.
    escalates: bool,
}

/// What may stand beside options.
#[derive(Clone, Copy)]
enum Operands {
    /// Nothing.
    None,
    /// Any plain word (socket filters).
    Filter,
    /// `OBJECT [show|list|get [SELECTOR...]]`, as ip(8) has it.
    IpShow,
    /// Files below [`READABLE`].
    Files,
    /// A pattern, then files.
    PatternAndFiles,
    /// Names of settings, without `=`.
    Settings,
    /// A word that begins with `+`.
    DateFormat,
    /// One interface.
    Interface,
}

static RULES: &[Rule] = &[
    Rule::of(&SS, "46nalptuwxeoimsOHSMd0bZz", Operands::Filter).value("Af").root(),
    Rule::of(&IP, "46sdo", Operands::IpShow).exact(&["-j", "-json", "-br", "-brief", "-details"]),
    Rule::of(&NETSTAT, "46naltuwxeopirsgW", Operands::None).exact(&["--notrim"]).root(),
    Rule::of(&LSOF, "nPlwab", Operands::None)
        .exact(&[
            "-i",
            "-i4",
            "-i6",
            "-iTCP",
            "-iUDP",
            "-i4TCP",
            "-i4UDP",
            "-i6TCP",
            "-i6UDP",
            "-F",
            "-F0pcuLRftPndT",
            "+c0",
        ])
        .root(),
    Rule::of(&ETHTOOL, "", Operands::Interface)
        .exact(&["-S", "-i", "-k", "-g", "-c", "-a", "-l", "-T", "-P"]),
    Rule::of(&SYSCTL, "neN", Operands::Settings),
    Rule::of(&CAT, "", Operands::Files),
    Rule::of(&GREP, "HhnciwxvFEo", Operands::PatternAndFiles).value("em"),
    Rule::of(&LS, "adl1n", Operands::Files),
    Rule::of(&DATE, "u", Operands::DateFormat),
    Rule::of(&UNAME, "asnrvmpio", Operands::None),
    Rule::of(&ID, "Gnru", Operands::None),
    Rule::of(&UPTIME, "ps", Operands::None),
];

/// Files and folders that a site's probe may read: what the kernel says of the network and of
/// itself, and configuration that every account can read anyway. No path with `..`, and nothing
/// that gives itself up by being read (`/proc/kmsg`).
pub const READABLE: &[&str] = &[
    "/proc/net/",
    "/proc/sys/net/",
    "/proc/sys/fs/",
    "/proc/sys/kernel/",
    "/proc/stat",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/version",
    "/proc/self/status",
    "/sys/class/net/",
    "/etc/hosts",
    "/etc/machine-id",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/resolv.conf",
    "/etc/services",
];

/// Why a command is not on the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("word {number} `{word}` {reason}")]
pub struct Refusal {
    /// Position in the argument vector, from 1.
    pub number: usize,
    /// The word. Already checked to be plain.
    pub word: String,
    /// Why, and what would be right, as a fragment that follows the word.
    pub reason: String,
}

/// The tool of an argument vector that is on the list.
///
/// # Errors
/// The first word that may not stand there.
pub fn allowed(words: &[String]) -> Result<&'static Tool, Refusal> {
    let refuse = |number: usize, reason: String| {
        let word = words.get(number - 1).cloned().unwrap_or_default();
        Refusal { number, word, reason }
    };
    let program = words.first().map(String::as_str).unwrap_or_default();
    let Some(rule) = RULES.iter().find(|rule| rule.tool.paths().contains(&program)) else {
        let known: Vec<_> = RULES.iter().map(|rule| rule.tool.first_path()).collect();
        return Err(refuse(1, format!("is not on the list: use one of {}", known.join(", "))));
    };
    let mut operands = Vec::new();
    let mut given_pattern = false;
    let mut rest = (2..).zip(words.iter().skip(1));
    while let Some((number, word)) = rest.next() {
        let option = word.starts_with('-') || (word.starts_with('+') && !rule.takes_plus());
        if !option {
            operands.push((number, word.as_str()));
            continue;
        }
        match rule.option(word) {
            Some(Takes::Nothing) => {}
            Some(Takes::NextWord) => match rest.next() {
                Some((_, value)) if !value.starts_with('-') => given_pattern |= word.ends_with('e'),
                _ => return Err(refuse(number, "needs a value in the next word".to_owned())),
            },
            None => return Err(refuse(number, rule.known_options())),
        }
    }
    rule.operands_fault(&operands, given_pattern)
        .map_or(Ok(rule.tool), |(number, reason)| Err(refuse(number, reason)))
}

/// True when `sudo -n` may stand before this tool.
#[must_use]
pub fn may_escalate(tool: &Tool) -> bool {
    RULES.iter().any(|rule| std::ptr::eq(rule.tool, tool) && rule.escalates)
}

enum Takes {
    Nothing,
    NextWord,
}

impl Rule {
    const fn of(tool: &'static Tool, letters: &'static str, operands: Operands) -> Self {
        Self { tool, letters, with_value: "", exact: &[], operands, escalates: false }
    }

    const fn value(mut self, letters: &'static str) -> Self {
        self.with_value = letters;
        self
    }

    const fn exact(mut self, words: &'static [&'static str]) -> Self {
        self.exact = words;
        self
    }

    const fn root(mut self) -> Self {
        self.escalates = true;
        self
    }

    const fn takes_plus(&self) -> bool {
        matches!(self.operands, Operands::DateFormat | Operands::PatternAndFiles)
    }

    /// What an option takes. `None`: it is not on the list.
    fn option(&self, word: &str) -> Option<Takes> {
        if self.exact.contains(&word) {
            return Some(Takes::Nothing);
        }
        // ip(8) reads a joined `-4s` as one unknown word, so there letters stand alone.
        let letters = word.strip_prefix('-').filter(|letters| !letters.is_empty())?;
        let alone = matches!(self.operands, Operands::IpShow);
        if alone && letters.len() > 1 {
            return None;
        }
        for (at, letter) in letters.char_indices() {
            if self.with_value.contains(letter) {
                // The value stands in the next word only: joined ones would hide an option.
                return (at + 1 == letters.len()).then_some(Takes::NextWord);
            }
            if !self.letters.contains(letter) {
                return None;
            }
        }
        Some(Takes::Nothing)
    }

    fn known_options(&self) -> String {
        let letters = self.letters.chars().chain(self.with_value.chars());
        let exact = self.exact.iter().map(|word| (*word).to_owned());
        let all: Vec<String> = letters.map(|letter| format!("-{letter}")).chain(exact).collect();
        let name = self.tool.name();
        if all.is_empty() {
            return format!("is an option; {name} may have none here");
        }
        format!("is not on the list of options that read only: {name} may have {}", all.join(" "))
    }

    /// The first operand that may not stand there, with the reason.
    fn operands_fault(&self, operands: &[(usize, &str)], pattern: bool) -> Option<(usize, String)> {
        let fault = |number: usize, reason: &str| Some((number, reason.to_owned()));
        let name = self.tool.name();
        match self.operands {
            Operands::Filter => None,
            Operands::None => {
                operands.first().and_then(|(at, _)| fault(*at, &format!("is too much for {name}")))
            }
            Operands::IpShow => ip_fault(operands),
            Operands::Files => files_fault(operands),
            Operands::PatternAndFiles if pattern => files_fault(operands),
            Operands::PatternAndFiles => match operands.split_first() {
                Some((_, files)) => files_fault(files),
                None => fault(1, "needs a pattern and files"),
            },
            Operands::Settings => operands.iter().find_map(|(at, word)| setting_fault(*at, word)),
            Operands::DateFormat => operands
                .iter()
                .find(|(_, word)| !word.starts_with('+'))
                .and_then(|(at, _)| fault(*at, "would set the clock: begin the format with +")),
            Operands::Interface => match operands {
                [_] => None,
                [_, (at, _), ..] => fault(*at, "is too much: name one interface"),
                [] => fault(1, "needs an interface"),
            },
        }
    }
}

const IP_OBJECTS: &[&str] = &[
    "addr",
    "address",
    "link",
    "maddress",
    "mroute",
    "neigh",
    "neighbour",
    "nexthop",
    "ntable",
    "route",
    "rule",
    "tunnel",
    "vrf",
];

fn ip_fault(operands: &[(usize, &str)]) -> Option<(usize, String)> {
    let Some(((number, object), rest)) = operands.split_first() else {
        return Some((1, "needs an object such as route".to_owned()));
    };
    if !IP_OBJECTS.contains(object) {
        let known = IP_OBJECTS.join(", ");
        return Some((*number, format!("is no object written out: use one of {known}")));
    }
    match rest.first() {
        None | Some((_, "show" | "list" | "get")) => None,
        Some((number, _)) => {
            Some((*number, "is not show, list or get: other verbs may change the host".to_owned()))
        }
    }
}

fn files_fault(operands: &[(usize, &str)]) -> Option<(usize, String)> {
    let (number, _) = operands.iter().find(|(_, path)| !readable(path))?;
    Some((*number, format!("is not readable here: use a path below {}", READABLE.join(", "))))
}

/// What is wrong with the name of a setting.
fn setting_fault(at: usize, word: &str) -> Option<(usize, String)> {
    let says = |text: &str| Some((at, text.to_owned()));
    if word.contains('=') {
        return says("would write: name a setting without `=`");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if word.starts_with('/') || word.contains("..") || !word.chars().all(plain) {
        return says("is no name of a setting, such as net.core.somaxconn");
    }
    is_secret(word).then(|| (at, "holds a secret".to_owned()))
}

/// Keys that a kernel shows to root: `tcp_fastopen_key`, `stable_secret`.
fn is_secret(path: &str) -> bool {
    path.contains("secret") || path.ends_with("_key")
}

/// Paths below [`READABLE`] that wait for an answer, or touch a device when they are read.
fn has_effects(path: &str) -> bool {
    path.starts_with("/proc/net/rpc/")
        || (path.starts_with("/sys/class/net/") && path.contains("/device/"))
}

fn readable(path: &str) -> bool {
    if is_secret(path) || has_effects(path) {
        return false;
    }

    let below = |known: &&str| match known.strip_suffix('/') {
        Some(folder) => path == folder || path.starts_with(*known),
        None => path == *known,
    };
    READABLE.iter().any(below) && !path.split('/').any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str) -> Result<&'static str, String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        allowed(&words).map(Tool::name).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn what_reads_is_allowed() {
        for line in [
            "/usr/bin/ss -4 -ltnp sport :22",
            "/usr/bin/ss -n -A tcp,udp state established dst 192.0.2.0/24",
            "/usr/sbin/ip -j -4 route show table all",
            "/sbin/ip -s link",
            "/usr/sbin/ip route get 192.0.2.1",
            "/usr/bin/netstat -rn",
            "/usr/bin/lsof -nP -iTCP",
            "/usr/sbin/ethtool -S eth0",
            "/usr/sbin/sysctl -n net.core.somaxconn",
            "/bin/cat /proc/net/snmp",
            "/bin/grep -H . /proc/sys/net/ipv4/conf/eth0/rp_filter",
            "/bin/grep -H -e btime /proc/stat",
            "/bin/ls -l /sys/class/net",
            "/bin/date -u +%s",
        ] {
            assert!(check(line).is_ok(), "{line}: {:?}", check(line));
        }
        for probe in crate::probe::linux::PROBES {
            // find(1) and sudo(8) can do more than read, and busybox holds a shell and everything
            // else, so a site may call none of them; what is asked about processes has its files only when it is
            // sent.
            let own =
                matches!(probe.tool.name(), "find" | "busybox" | "sudo") || probe.each.is_some();
            if !own && !matches!(probe.id.as_str(), "linux/tools") {
                let line = probe.command().words().join(" ");
                assert!(check(&line).is_ok(), "{line}: {:?}", check(&line));
            }
        }
    }

    #[test]
    fn what_holds_a_secret_or_waits_for_an_answer_is_refused() {
        for line in [
            "/usr/sbin/sysctl net/../../etc/shadow",
            "/usr/sbin/sysctl /etc/shadow",
            "/usr/sbin/sysctl net.ipv4.tcp_fastopen_key",
            "/bin/cat /proc/sys/net/ipv4/tcp_fastopen_key",
            "/bin/cat /proc/sys/net/ipv6/conf/all/stable_secret",
            "/bin/cat /proc/net/rpc/auth.unix.ip/channel",
            "/bin/cat /sys/class/net/eth0/device/resource0",
        ] {
            assert!(check(line).is_err(), "{line}");
        }
    }

    #[test]
    fn what_could_change_a_host_never_end_or_read_secrets_is_refused() {
        for line in [
            "/bin/sh -c id",
            "/usr/bin/python3 -V",
            "/usr/bin/env ss",
            "/usr/bin/sudo -n ss",
            "/usr/bin/xargs ss",
            "/usr/bin/find /proc",
            "/usr/bin/tee /tmp/x",
            "/usr/bin/nsenter",
            "/usr/local/bin/ss -n",
            "/usr/bin/ss/../sh",
            "/usr/sbin/rmsock x y",
            "/usr/bin/ss -K dst 192.0.2.1",
            "/usr/bin/ss -tK",
            "/usr/bin/ss --kill",
            "/usr/bin/ss --ki",
            "/usr/bin/ss -D /tmp/x",
            "/usr/bin/ss -tnD/tmp/x",
            "/usr/bin/ss -F /etc/shadow",
            "/usr/bin/ss -E",
            "/usr/bin/ss -N x",
            "/usr/bin/ss -tr",
            "/usr/bin/ss -A -K",
            "/usr/bin/ss --",
            "/usr/bin/ss -fK",
            "/usr/sbin/ip route add default",
            "/usr/sbin/ip r a default",
            "/usr/sbin/ip link set eth0 down",
            "/usr/sbin/ip -batch /tmp/x",
            "/usr/sbin/ip -b /tmp/x",
            "/usr/sbin/ip netns exec x sh",
            "/usr/sbin/ip neigh flush all",
            "/usr/sbin/ip monitor",
            "/usr/sbin/ip -n x link",
            "/usr/sbin/ip rule del",
            "/usr/sbin/ip route show -b",
            "/usr/sbin/ip addr change x",
            "/usr/sbin/ip route save",
            "/usr/sbin/ip -4b /tmp/x link",
            "/usr/bin/netstat -c",
            "/usr/bin/netstat -tc",
            "/usr/bin/lsof -D r",
            "/usr/bin/lsof +D /",
            "/usr/bin/lsof -r",
            "/usr/bin/lsof -F /x",
            "/usr/sbin/sysctl -w a=1",
            "/usr/sbin/sysctl a=1",
            "/usr/sbin/sysctl -p",
            "/usr/sbin/sysctl --system",
            "/usr/sbin/ethtool -s eth0",
            "/usr/sbin/ethtool -S eth0 speed 10",
            "/usr/sbin/ethtool -p eth0",
            "/bin/cat /etc/shadow",
            "/bin/cat /proc/net/../../etc/shadow",
            "/bin/cat /proc/kmsg",
            "/bin/cat /proc/1/environ",
            "/bin/grep -r . /proc/net",
            "/bin/grep -f /etc/shadow /proc/stat",
            "/bin/grep -H . /etc/shadow",
            "/bin/grep -e root /etc/shadow",
            "/bin/ls -R /proc/net",
            "/bin/ls /root",
            "/bin/date 010100002030",
            "/bin/date -s x",
            "/bin/date --set=x",
            "/usr/bin/id root",
            "/usr/bin/uptime x",
        ] {
            assert!(check(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_refusal_names_the_word_and_what_would_be_right() {
        assert_eq!(
            check("/usr/sbin/ip route add default").unwrap_err(),
            "word 3 `add` is not show, list or get: other verbs may change the host"
        );
        assert_eq!(
            check("/usr/sbin/sysctl net.ipv4.ip_forward=1").unwrap_err(),
            "word 2 `net.ipv4.ip_forward=1` would write: name a setting without `=`"
        );
    }
}
