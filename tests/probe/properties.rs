//! What every reader keeps, whatever a host sends: no panic, no lost byte, no place outside the
//! text, and chunks make no difference.

use fleetstat::model::parsed::Reader;
use fleetstat::probe::{reader_for, reader_names};
use proptest::prelude::*;

use crate::contract;

fn reader(name: &str) -> Box<dyn Reader> {
    reader_for(name).expect("a listed reader is there")
}

fn assert_keeps_contract(name: &str, text: &[u8], size: usize) {
    if let Err(broken) = contract::keep(&|| reader(name), text, size) {
        panic!("{name}: {broken}: {:?}", String::from_utf8_lossy(text));
    }
}

/// The rows of a text, without their places.
fn rows_of(name: &str, text: &[u8]) -> Vec<fleetstat::model::parsed::Row<'static>> {
    let events = contract::read(reader(name), text, text.len()).0.into_iter();
    events
        .filter_map(|it| if let contract::Event::Row(_, row) = it { Some(row) } else { None })
        .collect()
}

/// A text says the same with its final newline and without. Of UTF-16, whose newline has two bytes,
/// the tests beside its decoder say so.
fn assert_end_makes_no_difference(name: &str, text: &[u8]) {
    if text.first_chunk().is_some_and(|&[one, two]: &[u8; 2]| one >= 0xfe || two == 0)
        || (name.starts_with("windows/") && text.contains(&0))
    {
        return;
    }
    let without = text.strip_suffix(b"\n").unwrap_or(text);
    let with = [without, b"\n"].concat();
    let text = String::from_utf8_lossy(text);
    assert_eq!(rows_of(name, without), rows_of(name, &with), "{name}: {text:?}");
}

/// Words of every grammar.
const WORDS: &[&str] = &[
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "\"",
    "\\",
    "\n",
    "\r\n",
    " ",
    "\t",
    "null",
    "1e999",
    "-1",
    "\"dst\":",
    "\"default\"",
    "\"ifname\":\"a\"",
    "\"addr_info\":[",
    "\"nexthops\":[",
    "{\"ifname\":\"e\\'\u{f7ff}\"}",
    "{\"priority\":1,\"not\":null}",
    "{\"dst\":\"::1\"}",
    "/proc/net/snmp:",
    "/proc/net/snmp6:",
    "/proc/net/sockstat:",
    "Tcp: ",
    "A B",
    "1 2",
    "/etc/os-release:",
    "ID=",
    "'",
    "/proc/stat:btime ",
    "/proc/self/status:Uid:\t",
    "CapEff:",
    "/proc/sys/net/ipv4/ip_local_port_range:",
    "uid=0(",
    ")",
    " gid=",
    " groups=",
    "1.%N",
    "1795491185.456534753",
    "Linux a b c",
    "/bin/cat",
    "Proto Recv-Q Send-Q Local Address State User Inode PID/Program name Timer\n",
    "tcp6 0 0 :::22 :::* ",
    "udp 0 0 1.2.3.4:5 *:* ",
    "raw 0 0 0.0.0.0:1 0.0.0.0:* 7 ",
    "2001:db8:1111:222:65535",
    "LISTEN 0 1 2/a",
    "off (0.00/0/0)\n",
    "\0",
    "p12\0cx\0\n",
    "f3\0tIPv6\0PTCP\0n[::1]:2->*:3\0TST=LISTEN\0\n",
    "1: a: <UP> mtu 9",
    "\\    link/ether 02:00:00:00:00:01",
    "\\ RX: bytes packets\\ 1 2",
    "1: a inet 10.0.0.1/24 peer 10.0.0.2/32",
    "default via 10.0.0.1 dev a",
    "\tnexthop via 10.0.0.1",
    "0:\tfrom all lookup main\n",
    "10.0.0.1 dev a lladdr b STALE\n",
    "a: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
    "a\t0000010A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
    "\u{feff}",
    "  Proto  Local Address  Foreign Address  State  PID\r\n",
    "  TCP    1.2.3.4:5  0.0.0.0:0  IN ASCOLTO  7\r\n",
    "  UDP    [fe80::1%2]:5  *:*  7\r\n",
    " [a b.exe]\r\n",
    " [a b",
    "  Service\r\n",
    "===========================================================================\r\n",
    "IPv6\r\n",
    "  0.0.0.0  0.0.0.0  On-link  1.2.3.4  5\r\n",
    " 11  5 ::/0  On-link\r\n",
    " 11  5 2001:db8:aaaa:bbbb:cccc::/80\r\n",
    " 11...00 00 5e 00 53 07 ......a\r\n",
    "Interface: 1.2.3.4 --- 0xb\r\n",
    "  1.2.3.4  00-00-5e-00-53-01  static\r\n",
    "UDP Statistics for IPv4\r\n",
    "  Word = 5\r\n",
    "  Word  5  6\r\n",
    "\"a.exe\",\"7\",\"A,B\"\r\n",
    "LocalDateTime=20261124140538.123000+060\r\n",
];

/// Pieces of every grammar, so that random text gets past the first character.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        8 => proptest::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..4),
    ];
    proptest::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_bytes(text in proptest::collection::vec(any::<u8>(), 0..300), size in 1_usize..40) {
        for name in reader_names() {
            assert_keeps_contract(name, &text, size);
        }
    }

    #[test]
    fn pieces_of_the_grammars(text in pieces(), size in 1_usize..40) {
        for name in reader_names() {
            assert_keeps_contract(name, &text, size);
            assert_end_makes_no_difference(name, &text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn real_answers_cut_and_changed(
        cut in any::<proptest::sample::Index>(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
        size in 1_usize..4000,
    ) {
        for (path, id) in crate::golden::samples() {
            let mut text = std::fs::read(path).expect("a sample can be read");
            text.truncate(cut.index(text.len()) + 1);
            for (at, byte) in &changes {
                let at = at.index(text.len());
                if let Some(slot) = text.get_mut(at) {
                    *slot = *byte;
                }
            }
            assert_keeps_contract(&id, &text, size);
            assert_end_makes_no_difference(&id, &text);
        }
    }
}

/// The words of a text, and what stands between them.
fn tokens(text: &[u8]) -> Vec<&[u8]> {
    text.chunk_by(|one, other| one.is_ascii_whitespace() == other.is_ascii_whitespace()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn words_of_the_samples_in_any_order(
        picks in proptest::collection::vec(any::<proptest::sample::Index>(), 0..60),
        size in 1_usize..200,
    ) {
        for (path, id) in crate::golden::samples() {
            let sample = std::fs::read(path).expect("a sample can be read");
            let tokens = tokens(&sample);
            let text: Vec<u8> =
                picks.iter().flat_map(|pick| pick.get(&tokens).iter().copied()).collect();
            assert_keeps_contract(&id, &text, size);
        }
    }
}

/// Lines of `ss` among which the name of a unix socket may hide one: whole rows, torn ones, ends of
/// names, and what explains a row.
const UNIX_LINES: &[&str] = &[
    "u_str LISTEN 0 128 @x 7012 * 0",
    "u_str LISTEN 0 128 @x",
    "u_str 0 0 @x 1 * 2 users:((\"a\",pid=1,fd=2))",
    "u_dgr 99.0.&6",
    "u_str\u{a8}",
    "rest of a name 87177 * 0 -->",
    "tcp LISTEN 0 128 10.0.0.1:22 0.0.0.0:* users:((\"sshd",
    "\",pid=1,fd=3))",
    "tcp ESTAB 0 0 10.0.0.1:22 10.0.0.2:9 users:((\"sshd\",pid=1,fd=3))",
    "raw UNCONN 0 0 10.0.0.1:1 10.",
    "\t cubic rto:204",
    "\ttcp LISTEN 0 128 10.0.0.1:22 0.0.0.0:* users:((\"a",
    " <->",
    "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port",
    "tcp   0",
    "",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn lines_near_a_unix_socket(
        lines in proptest::collection::vec(proptest::sample::select(UNIX_LINES), 0..16),
        size in 1_usize..100,
    ) {
        for name in ["linux/ss", "linux/ss-inet4", "linux/ss-inet6"] {
            assert_keeps_contract(name, lines.join("\n").as_bytes(), size);
        }
    }
}

#[test]
fn every_sample_says_the_same_without_its_final_newline() {
    for (path, id) in crate::golden::samples() {
        let text = std::fs::read(path).expect("a sample can be read");
        assert_end_makes_no_difference(&id, &text);
    }
}

/// A reader gets the samples of all others too: what a host answers need not be what was asked.
#[test]
fn answers_to_other_questions() {
    let samples = crate::golden::samples();
    for (path, _) in samples {
        let mut text = std::fs::read(path).expect("a sample can be read");
        text.truncate(4096);
        for name in reader_names() {
            assert_keeps_contract(name, &text, 61);
        }
    }
}

#[test]
fn every_reader_is_in_a_family_that_is_fuzzed() {
    for name in reader_names() {
        assert!(crate::family::FAMILIES.contains(&crate::family::family(name)), "{name}");
    }
}

#[test]
fn a_long_line_and_a_long_element_are_one_issue_each() {
    let long = vec![b'x'; 2 << 20];
    for name in reader_names() {
        let element = [b"[{\"a\":\"".as_slice(), &long, b"\"},{\"ifname\":\"b\"}]"].concat();
        assert_keeps_contract(name, &element, 65536);
        assert_keeps_contract(name, &long, 65536);
    }
}
