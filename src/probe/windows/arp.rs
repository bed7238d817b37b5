//! `arp -a`: the IPv4 neighbours of each interface, in any language.
//!
//! ```text
//! Schnittstelle: 192.0.2.7 --- 0xb
//!   Internetadresse       Physische Adresse     Typ
//!   192.0.2.1             00-00-5e-00-53-01     dynamisch
//!   224.0.0.22            01-00-5e-00-00-16     statisch
//! ```
//! A line with the interface's address and number begins a section; Windows 2000 prints `on Interface
//! 0x2` for `--- 0x2`. Columns: address, MAC address, type. Source: arp (Windows commands reference).
//!
//! Decisions:
//! - The device is the interface's number in decimal, as `route print` and the zones of netstat tell it;
//!   its name is not told.
//! - A MAC address is written with colons, as other systems print it.
//! - A static entry is `permanent`; a dynamic one has no state that is known. What the word for static
//!   is, is told by the entries of groups and of broadcast, which Windows has had in each table since
//!   Vista and which are always static; the one other word of entries with an address is dynamic. Where
//!   no such entry stands, the words are known in English and in languages that derive them alike, and
//!   any other stands as it came.
//! - An entry without a MAC address, which `-v` lists, is not resolved; so is one of zeros.
//! - The sentence that there are no entries has the word ARP in it and is known.

use std::net::IpAddr;

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::route::Neighbour;
use crate::model::text::HostText;
use crate::probe::cursor::Cursor;
use crate::probe::windows::text::{self, Line, TextParser, is_blank};
use crate::probe::windows::words::{is_ipv4, mac, prefixed_hexadecimal, words};

/// A reader of the output.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    text::reader(Arp { interface: None, columns_due: false, held: Vec::new(), fixed: None })
}

struct Arp {
    /// Number of the interface of the section.
    interface: Option<u32>,
    /// The names of the columns stand next.
    columns_due: bool,
    /// Entries of the section, at most [`HELD_MAX`].
    held: Vec<Entry>,
    /// The word for static.
    fixed: Option<Vec<u8>>,
}

/// Entries that are kept until their section ends; a table has at most some thousand.
const HELD_MAX: usize = 8192;

struct Entry {
    span: Span,
    neighbour: Neighbour,
    /// The type, as it was printed.
    kind: Vec<u8>,
}

impl TextParser for Arp {
    fn line(&mut self, line: Line<'_>, sink: &mut dyn Sink) {
        if is_blank(line.bytes) {
            return;
        }
        let due = std::mem::take(&mut self.columns_due);
        let digit = line.bytes.iter().any(u8::is_ascii_digit);
        if let Some(interface) = section(line.bytes) {
            self.flush(sink);
            self.interface = Some(interface);
            self.columns_due = true;
            return sink.header(line.span);
        }
        if let Some((neighbour, kind)) = self.neighbour(line.bytes) {
            if self.held.len() == HELD_MAX {
                self.flush(sink);
            }
            if is_of_many(&neighbour) {
                self.fixed = Some(kind.clone());
            }
            return self.held.push(Entry { span: line.span, neighbour, kind });
        }
        let nothing =
            self.interface.is_none() && memchr::memmem::find(line.bytes, b"ARP").is_some();
        if !digit && (due || nothing) {
            return sink.header(line.span);
        }
        let expected = "expected an address, its MAC address and a type, below an interface";
        sink.issue(Issue::unparsed(line.span, expected, line.bytes));
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        self.flush(sink);
    }
}

impl Arp {
    /// Hands out the entries of a section, with what their types mean.
    fn flush(&mut self, sink: &mut dyn Sink) {
        let fixed = self.fixed.as_deref();
        let other = |entry: &&Entry| {
            entry.neighbour.mac.is_some() && fixed.is_some_and(|word| word != entry.kind)
        };
        let mut others = self.held.iter().filter(other).map(|entry| &entry.kind);
        let first = others.next().cloned();
        // In Latin letters it may be the word for an entry that is no longer valid.
        let dynamic = first.filter(|first| others.all(|kind| kind == first) && is_dynamic(first));
        for Entry { span, mut neighbour, kind } in self.held.drain(..) {
            let state = match (fixed, &dynamic) {
                (Some(word), _) if word == kind => Some(HostText::new(b"permanent")),
                (_, Some(word)) if *word == kind => None,
                _ => state(&kind),
            };
            neighbour.states = state.into_iter().collect();
            sink.row(span, Row::Neighbour(neighbour));
        }
    }

    /// An entry, and its type.
    fn neighbour(&self, line: &[u8]) -> Option<(Neighbour, Vec<u8>)> {
        let interface = self.interface?;
        let mut cursor = Cursor::new(line);
        cursor.blanks();
        let address = cursor.ipv4().filter(|_| cursor.at_word_end())?;
        cursor.blanks();
        let start = cursor;
        let mac = mac(cursor.token(), b'-');
        if mac.is_none() {
            cursor = start;
        }
        let kind = cursor.rest.trim_ascii();
        // A type has no digit: with one, it is a MAC address that could not be read.
        (!kind.is_empty() && !kind.iter().any(u8::is_ascii_digit)).then_some(())?;
        let neighbour = Neighbour {
            address: address.into(),
            device: Some(HostText::owned(interface.to_string().into_bytes())),
            mac: mac.filter(|mac| mac.bytes().iter().any(|byte| !matches!(byte, b'0' | b':'))),
            states: Vec::new(),
            router: None,
        };
        Some((neighbour, kind.to_vec()))
    }
}

/// True for the entry of a group or of broadcast: by its link-layer address, whose first byte is odd.
fn is_of_many(neighbour: &Neighbour) -> bool {
    let first = neighbour.mac.as_ref().and_then(|mac| mac.bytes().get(1));
    let many = match neighbour.address {
        IpAddr::V4(address) => address.is_multicast() || address.is_broadcast(),
        IpAddr::V6(_) => false,
    };
    many && first
        .is_some_and(|digit| matches!(digit, b'1' | b'3' | b'5' | b'7' | b'9' | b'b' | b'd' | b'f'))
}

/// The number of the interface whose section a line begins.
fn section(line: &[u8]) -> Option<u32> {
    let number = prefixed_hexadecimal(words(line).last()?)?;
    words(line).any(is_ipv4).then_some(number)
}

/// False for a word in Latin letters that is not that for dynamic in any language: `dynaaminen`,
/// `dinamik`. Letters of another script tell nothing.
fn is_dynamic(kind: &[u8]) -> bool {
    let begins = |start: &[u8]| kind.to_ascii_lowercase().starts_with(start);
    !kind.is_ascii() || begins(b"dyn") || begins(b"din")
}

/// What the type says of the entry, by its word.
fn state(kind: &[u8]) -> Option<HostText<'static>> {
    let word = kind.to_ascii_lowercase();
    let like = |begin: &[u8], ends: &[&[u8]]| {
        word.starts_with(begin) && ends.iter().any(|end| word.ends_with(end))
    };
    // static, statisch, statique, statico, statyczne, statisk; estático, estàtic in any code page.
    if like(b"stat", &[b"ic", b"isch", b"ique", b"ico", b"yczne", b"isk"])
        || like(b"est", &[b"tico", b"tic"])
    {
        return Some(HostText::new(b"permanent"));
    }
    // dynamic, dynamisch, dynamique, dinamico, dinámico, dynamiczne, dynamisk.
    if like(b"dynami", &[b"c", b"sch", b"que", b"czne", b"sk"]) || like(b"din", &[b"mico", b"mic"])
    {
        return None;
    }
    // Half of a character of a code page can look like a letter.
    Some(HostText::owned(if kind.is_ascii() { word } else { kind.to_vec() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    fn neighbour(
        address: [u8; 4],
        device: &str,
        mac: Option<&str>,
        state: Option<&[u8]>,
    ) -> Row<'static> {
        let text = |text: &[u8]| HostText::owned(text.to_vec());
        Row::Neighbour(Neighbour {
            address: address.into(),
            device: Some(text(device.as_bytes())),
            mac: mac.map(|mac| text(mac.as_bytes())),
            states: state.map(text).into_iter().collect(),
            router: None,
        })
    }

    #[test]
    fn every_language_and_every_windows_gives_the_same_neighbours() {
        let expected = [
            neighbour([192, 0, 2, 1], "11", Some("00:00:5e:00:53:01"), None),
            neighbour([224, 0, 0, 22], "11", Some("01:00:5e:00:00:16"), Some(b"permanent")),
        ];
        for (title, columns, dynamic, fixed) in [
            (
                "Interface: 192.0.2.7 --- 0xb",
                "  Internet Address      Physical Address      Type",
                "dynamic   ",
                "static",
            ),
            (
                "Interface: 192.0.2.7 on Interface 0xb",
                "  Internet Address      Physical Address      Type",
                "dynamic",
                "static",
            ),
            (
                "Schnittstelle: 192.0.2.7 --- 0xB",
                "  Internetadresse       Physische Adresse     Typ",
                "dynamisch",
                "statisch",
            ),
            (
                "Interfaz: 192.0.2.7 --- 0xb",
                "  Dirección de Internet          Dirección física      Tipo",
                "dinámico",
                "estático",
            ),
            (
                "Interface\u{a0}: 192.0.2.7 --- 0xb",
                "  Adresse Internet      Adresse physique      Type",
                "dynamique",
                "statique",
            ),
        ] {
            let text = format!(
                "\r\n{title}\r\n{columns}\r\n  192.0.2.1             00-00-5e-00-53-01     {dynamic}\r\n  \
                 224.0.0.22            01-00-5E-00-00-16     {fixed}\r\n"
            );
            let seen = read(reader(), text.as_bytes());
            assert_eq!(rows(&seen), expected, "{text}");
            assert_eq!((seen.headers.len(), seen.issues.len()), (2, 0), "{text}");
        }
    }

    #[test]
    fn what_is_static_is_told_by_the_entries_that_always_are_in_any_language_and_code_page() {
        // Russian in code page 866, Chinese in 936, Japanese in 932: the words for dynamic and static.
        let words: [(&[u8], &[u8]); 4] = [
            (
                b"\xa4\xa8\xad\xa0\xac\xa8\xe7\xa5\xe1\xaa\xa8\xa9",
                b"\xe1\xe2\xa0\xe2\xa8\xe7\xa5\xe1\xaa\xa8\xa9",
            ),
            (b"\xb6\xaf\xcc\xac", b"\xbe\xb2\xcc\xac"),
            (b"\x93\xae\x93I", b"\x90\xc3\x93I"),
            ("동적".as_bytes(), "정적".as_bytes()),
        ];
        for (dynamic, fixed) in words {
            let line = |address: &str, mac: &str, kind: &[u8]| {
                [b"  ", address.as_bytes(), b"   ", mac.as_bytes(), b"   ", kind, b"\r\n"].concat()
            };
            let text = [
                b"\r\n\x83C\x83\x93: 192.0.2.7 --- 0xb\r\n  \x83A \x95\xa8\x97\x9d  \x8e\xed\r\n"
                    .to_vec(),
                line("192.0.2.1", "00-00-5e-00-53-01", dynamic),
                line("192.0.2.2", "00-00-5e-00-53-02", fixed),
                line("192.0.2.255", "ff-ff-ff-ff-ff-ff", fixed),
                line("224.0.0.22", "01-00-5e-00-00-16", fixed),
            ]
            .concat();
            let permanent = Some(b"permanent".as_slice());
            let seen = read(reader(), &text);
            assert_eq!(
                rows(&seen),
                [
                    neighbour([192, 0, 2, 1], "11", Some("00:00:5e:00:53:01"), None),
                    neighbour([192, 0, 2, 2], "11", Some("00:00:5e:00:53:02"), permanent),
                    neighbour([192, 0, 2, 255], "11", Some("ff:ff:ff:ff:ff:ff"), permanent),
                    neighbour([224, 0, 0, 22], "11", Some("01:00:5e:00:00:16"), permanent),
                ]
            );
            assert_eq!((seen.headers.len(), seen.issues.len()), (2, 0));
        }
    }

    #[test]
    fn an_entry_that_is_no_longer_valid_is_not_taken_for_a_dynamic_one() {
        let text = "a: 192.0.2.7 --- 0x2\n  a  b  c\n  224.0.0.22  01-00-5e-00-00-16  statique\n  \
            192.0.2.9  00-00-5e-00-53-09  invalide\n";
        let invalid = Some(b"invalide".as_slice());
        assert_eq!(
            rows(&read(reader(), text.as_bytes()))[1],
            neighbour([192, 0, 2, 9], "2", Some("00:00:5e:00:53:09"), invalid)
        );
    }

    #[test]
    fn words_that_are_not_known_stand_as_they_came_and_what_is_not_resolved_has_no_address() {
        let text = "接口: 192.0.2.7 --- 0x2\n  Internet 地址  物理地址  类型\n  192.0.2.1  00-00-5e-00-53-01  动态\n  \
            192.0.2.9                       invalid\n  192.0.2.8  00-00-00-00-00-00  invalid\n";
        let seen = read(reader(), text.as_bytes());
        let dynamic = Some("动态".as_bytes());
        assert_eq!(
            rows(&seen),
            [
                neighbour([192, 0, 2, 1], "2", Some("00:00:5e:00:53:01"), dynamic),
                neighbour([192, 0, 2, 9], "2", None, Some(b"invalid")),
                neighbour([192, 0, 2, 8], "2", None, Some(b"invalid")),
            ]
        );
        assert_eq!(seen.issues, []);
    }

    #[test]
    fn no_entries_are_known_and_anything_else_is_an_issue() {
        let count = |text: &str| {
            let seen = read(reader(), text.as_bytes());
            (seen.rows.len(), seen.headers.len(), seen.issues.len())
        };
        assert_eq!(count("Keine ARP-Einträge gefunden.\r\n"), (0, 1, 0));
        assert_eq!(count("Access is denied.\r\n"), (0, 0, 1));
        assert_eq!(count("  192.0.2.1  00-00-5e-00-53-01  dynamic\n"), (0, 0, 1));
        let section = "Interface: 192.0.2.7 --- 0xb\n  Internet Address  Type\n";
        assert_eq!(count(&format!("{section}  192.0.2.1  00-00-5e-00-53  dynamic\n")), (0, 2, 1));
        assert_eq!(count(&format!("{section}  192.0.2.1  00-00-5e-00-53-0")), (0, 2, 1));
        assert_eq!(count(&format!("{section}garbage\n")), (0, 2, 1));
    }
}
