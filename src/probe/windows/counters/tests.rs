//! Tests of the reader of `netstat -s`.

use super::*;
use crate::probe::testing::{Seen, read, rows};

/// One section with the rows of a layout, each of them numbered, words made by `word`.
fn section(
    title: &str,
    group: Group,
    layout: &Layout,
    word: impl Fn(usize, &str) -> String,
) -> String {
    let mut text = format!("\r\n{title}\r\n\r\n");
    if group.is_icmp() {
        text.push_str("                            Empfangen   Gesendet\r\n");
    }
    for (index, place) in layout.rows.iter().enumerate() {
        let word = word(index, place.name);
        let row = if group.is_icmp() {
            format!("  {word:<25} {:<10}  {:<10}\r\n", index + 1, 100 + index)
        } else {
            format!("  {word:<34} = {}\r\n", index + 1)
        };
        text.push_str(&row);
    }
    text
}

fn values(seen: &Seen) -> Vec<(String, String, i128)> {
    let value = |row| match row {
        Row::Counter(counter) => (
            counter.protocol.escaped().into_owned(),
            counter.name.escaped().into_owned(),
            counter.value,
        ),
        other => panic!("{other:?}"),
    };
    rows(seen).into_iter().map(value).collect()
}

const TITLES: [&str; 8] = [
    "IPv4-Statistik",
    "IPv6-Statistik",
    "ICMPv4-Statistik",
    "ICMPv6-Statistik",
    "TCP-Statistik für IPv4",
    "TCP-Statistik für IPv6",
    "UDP-Statistik für IPv4",
    "UDP-Statistik für IPv6",
];

#[test]
fn every_section_of_any_language_is_read_by_position() {
    let names = ["IPv4", "IPv6", "ICMPv4", "ICMPv6", "TCPv4", "TCPv6", "UDPv4", "UDPv6"];
    for (title, name) in TITLES.iter().zip(names) {
        let group = Group::of_title(title.as_bytes()).unwrap();
        assert_eq!(group.name(), name);
        for layout in layouts::of(group) {
            let text =
                section(title, group, layout, |index, _| format!("Wort {}", "x".repeat(index)));
            let seen = read(reader(), text.as_bytes());
            assert_eq!(seen.issues, [], "{text}");
            let mut expected = Vec::new();
            for (index, place) in layout.rows.iter().enumerate() {
                let first = i128::try_from(index).unwrap();
                let told = |name: String, value| (group.name().to_owned(), name, value);
                if group.is_icmp() {
                    expected.push(told(format!("In{}", place.name), first + 1));
                    expected.push(told(format!("Out{}", place.name), first + 100));
                } else {
                    expected.push(told(place.name.to_owned(), first + 1));
                }
            }
            assert_eq!(values(&seen), expected, "{text}");
        }
    }
}

#[test]
fn english_words_in_another_order_are_no_known_layout() {
    let title = "ICMPv4 Statistics";
    let group = Group::of_title(title.as_bytes()).unwrap();
    let english = [
        "Messages",
        "Errors",
        "Destination Unreachable",
        "Time Exceeded",
        "Parameter Problems",
        "Source Quenches",
        "Redirects",
        "Echo Replies",
        "Echos",
        "Timestamps",
        "Timestamp Replies",
        "Address Masks",
        "Address Mask Replies",
        "Router Solicitations",
        "Router Advertisements",
    ];
    let known = section(title, group, &layouts::of(group)[0], |index, _| english[index].to_owned());
    assert_eq!(read(reader(), known.as_bytes()).rows.len(), 30);
    let swapped = known
        .replace("Echos", "x")
        .replace("Echo Replies", "Echos")
        .replace("  x ", "  Echo Replies ");
    let seen = read(reader(), swapped.as_bytes());
    assert_eq!((seen.rows.len(), seen.issues.len(), seen.headers.len()), (0, 15, 2));
}

#[test]
fn a_section_with_a_row_more_is_issues_and_the_next_is_read() {
    let udp = Group::of_title(b"UDP Statistics").unwrap();
    let good = section("UDP Statistics", udp, &layouts::of(udp)[0], |_, name| name.to_owned());
    let text = format!("{good}  Another  = 5\r\n{good}");
    let seen = read(reader(), text.as_bytes());
    assert_eq!((seen.rows.len(), seen.issues.len(), seen.headers.len()), (4, 5, 2));
}

#[test]
fn a_type_by_number_is_a_counter_beside_the_named_ones() {
    let group = Group::of_title(b"ICMPv6 Statistics").unwrap();
    let text =
        section("ICMPv6 Statistics", group, &layouts::of(group)[0], |_, name| name.to_owned());
    let text = format!("{text}  Type 143                  7          9         \r\n");
    let seen = read(reader(), text.as_bytes());
    let told = values(&seen);
    assert_eq!(seen.issues, []);
    assert_eq!(
        told[34..],
        [
            ("ICMPv6".to_owned(), "InType143".to_owned(), 7),
            ("ICMPv6".to_owned(), "OutType143".to_owned(), 9),
        ]
    );
}

#[test]
fn what_is_no_statistics_is_issues() {
    let text =
        "Access is denied.\r\n  Packets Received = 5\r\n  a 1 2\r\nTCP 192.0.2.1:5 0.0.0.0:0\r\n";
    let seen = read(reader(), text.as_bytes());
    assert_eq!((seen.rows.len(), seen.headers.len(), seen.issues.len()), (0, 0, 4));
    let cut = "UDP Statistics\n  a = 1\n  b = 2\n  c = 3\n  d =";
    let seen = read(reader(), cut.as_bytes());
    assert_eq!((seen.rows.len(), seen.issues.len()), (0, 4));
}
