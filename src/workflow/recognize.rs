//! What a text is that a reader made nothing of: a word of advice, never a decision.
//!
//! In: the beginning of the text. Out: a line for the person who chose the reader.

use crate::model::parsed::{Counting, Issue, Row, Sink, Span};
use crate::probe::{reader_for, reader_names};

/// Bytes of a text that are looked at.
pub const HEAD_BYTES: usize = 64 << 10;

/// Most readers that are named.
const NAMED_MAX: usize = 3;

/// How compressed files begin, and what they are called.
const COMPRESSED: [(&[u8], &str); 4] = [
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
];

/// Says what may be wrong with a text of which the reader `chosen` made no record and, unless
/// `understood`, did not know lines. `head` is its beginning. `None`: it is what it is.
#[must_use]
pub fn advice(head: &[u8], chosen: &str, understood: bool) -> Option<String> {
    if head.trim_ascii().is_empty() {
        return Some("the text is empty: a command that fails prints nothing".to_owned());
    }
    if understood {
        return None;
    }
    if let Some((_, name)) = COMPRESSED.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Some(format!("the text is compressed by {name}: decompress it first"));
    }
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Some("the text is UTF-16: `iconv -f UTF-16 -t UTF-8` makes it readable".to_owned());
    }
    let mut found = readers_of(whole_lines(head), chosen);
    found.truncate(NAMED_MAX);
    (!found.is_empty())
        .then(|| format!("is it another probe's answer? `{}` reads it", found.join("` or `")))
}

/// The head without the line that it may cut.
fn whole_lines(head: &[u8]) -> &[u8] {
    if head.len() < HEAD_BYTES {
        return head;
    }
    let end = head.iter().rposition(|byte| *byte == b'\n').map_or(head.len(), |at| at + 1);
    head.get(..end).unwrap_or(head)
}

/// The readers that understand every line of a text and find most in it.
fn readers_of(text: &[u8], chosen: &str) -> Vec<&'static str> {
    let mut found: Vec<(u64, &'static str)> = Vec::new();
    for name in reader_names().into_iter().filter(|name| *name != chosen) {
        let Some(mut reader) = reader_for(name) else { continue };
        let mut rows = Tables(0);
        let mut counting = Counting::new(&mut rows);
        reader.push(text, &mut counting);
        reader.finish(&mut counting);
        if counting.coverage.is_whole() && rows.0 > 0 {
            found.push((rows.0, name));
        }
    }
    let most = found.iter().map(|(rows, _)| *rows).max();
    let mut names: Vec<_> =
        found.into_iter().filter(|(rows, _)| Some(*rows) == most).map(|(_, name)| name).collect();
    // `macos/netstat` before `macos/netstat-inet4`, which reads the same.
    names.sort_by_key(|name| name.len());
    let mut platforms = Vec::new();
    names.retain(|name| {
        let platform = name.split('/').next();
        let new = !platforms.contains(&platform);
        platforms.push(platform);
        new
    });
    names
}

/// Counts the rows of tables. A fact is not one: any line is a host's name to the reader of names.
struct Tables(u64);

impl Sink for Tables {
    fn row(&mut self, _: Span, row: Row<'_>) {
        self.0 += u64::from(!matches!(row, Row::Fact(_)));
    }

    fn header(&mut self, _: Span) {}

    fn issue(&mut self, _: Issue) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACOS: &[u8] = b"Active Internet connections (including servers)\n\
        Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)     rhiwat shiwat    pid   epid  state    options\n\
        tcp46      0      0  *.80                   *.*                    LISTEN      131072 131072  92386      0 0x0080 0x0000000e\n";

    #[test]
    fn an_answer_of_another_probe_is_recognized() {
        let said = advice(MACOS, "windows/netstat", false).unwrap();
        assert!(said.starts_with("is it another probe's answer? `macos/netstat`"), "{said}");
        let ss = b"LISTEN 0 128 0.0.0.0:22 0.0.0.0:*\n";
        assert!(advice(ss, "linux/netstat", false).unwrap().contains("`linux/ss`"));
        assert_eq!(advice(b"no such answer\n", "linux/ss", false), None);
    }

    #[test]
    fn what_is_no_text_is_said_to_be_none() {
        let empty = "the text is empty: a command that fails prints nothing";
        assert_eq!(advice(b"", "linux/ss", false).unwrap(), empty);
        assert_eq!(advice(b"\r\n \n", "linux/ss", false).unwrap(), empty);
        assert!(advice(b"\x1f\x8b\x08\0", "linux/ss", false).unwrap().contains("gzip"));
        assert!(advice(b"\xff\xfet\0c\0p\0", "linux/ss", false).unwrap().contains("UTF-16"));
    }
}
