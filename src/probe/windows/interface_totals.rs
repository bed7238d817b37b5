//! `netstat -e`: what all interfaces together received and sent, read by position.
//!
//! ```text
//! Schnittstellenstatistik
//!
//!                            Empfangen          Gesendet
//!
//! Bytes                    2838483930       229823842
//! Unicastpakete               4092836         1623008
//! Nicht-Unicastpakete               0           12012
//! Verworfen                         0               0
//! Fehler                            0               0
//! Unbekannte Protokolle             0
//! ```
//! Six rows, each received and sent, the last received alone. Source: netstat (Windows commands
//! reference). The words are the system's language's, so only the layout is known: any other number
//! of rows or columns is an issue. Names are those of the interfaces' MIB (RFC 2863); the counters
//! have 32 bits and begin again at 0.

use crate::model::counter::Counter;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::windows::text::{self, Line, TextParser, is_blank};
use crate::probe::windows::words::{decimal, words};

/// The group of the counters.
const GROUP: &[u8] = b"Interfaces";

/// Names in the order of rows, and whether a row tells what was sent too.
const ROWS: [(&str, bool); 6] = [
    ("Octets", true),
    ("UcastPkts", true),
    ("NUcastPkts", true),
    ("Discards", true),
    ("Errors", true),
    ("UnknownProtos", false),
];

/// Most lines that are held.
const LINES_MAX: usize = 16;

/// A reader of the output.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    text::reader(Totals { lines: Vec::new() })
}

struct Totals {
    lines: Vec<Held>,
}

struct Held {
    span: Span,
    bytes: Vec<u8>,
    /// Numbers at the end.
    numbers: Vec<u64>,
}

impl TextParser for Totals {
    fn line(&mut self, line: Line<'_>, sink: &mut dyn Sink) {
        if is_blank(line.bytes) {
            return;
        }
        if self.lines.len() == LINES_MAX {
            return sink.issue(unknown(line.span, line.bytes));
        }
        let numbers = words(line.bytes).rev().map_while(decimal).collect::<Vec<u64>>();
        self.lines.push(Held { span: line.span, bytes: line.bytes.to_vec(), numbers });
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        let lines = std::mem::take(&mut self.lines);
        let (titles, rows) = lines.split_at(lines.len().saturating_sub(ROWS.len()));
        let digit = |line: &Held| line.bytes.iter().any(u8::is_ascii_digit);
        let layout = |(row, (_, both)): (&Held, &(&str, bool))| {
            row.numbers.len() == if *both { 2 } else { 1 }
        };
        let known = titles.len() <= 2
            && !titles.iter().any(digit)
            && rows.len() == ROWS.len()
            && rows.iter().zip(&ROWS).all(layout);
        if !known {
            return lines.iter().for_each(|line| sink.issue(unknown(line.span, &line.bytes)));
        }
        for title in titles {
            sink.header(title.span);
        }
        for (row, (name, _)) in rows.iter().zip(&ROWS) {
            // The last number stands first.
            let directions: &[&str] = if row.numbers.len() == 2 { &["Out", "In"] } else { &["In"] };
            for (number, direction) in row.numbers.iter().zip(directions).rev() {
                let counter = Counter {
                    protocol: HostText::new(GROUP),
                    name: HostText::owned(format!("{direction}{name}").into_bytes()),
                    value: (*number).into(),
                };
                sink.row(row.span, Row::Counter(counter));
            }
        }
    }
}

fn unknown(span: Span, text: &[u8]) -> Issue {
    let expected = "expected the six rows of netstat -e: five of two numbers, one of one";
    Issue::unparsed(span, expected, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    const ROWS_TEXT: &str = "Bytes  900  800\r\nPaquets monodiffusion  70  60\r\nPaquets non monodiffusion  5  4\r\n\
        Rejets  3  2\r\nErreurs  1  0\r\nProtocoles inconnus  9\r\n";

    #[test]
    fn rows_are_read_by_position() {
        let text = format!("Statistiques\r\n\r\n     Reçus   Émis\r\n\r\n{ROWS_TEXT}");
        let seen = read(reader(), text.as_bytes());
        let told: Vec<(String, i128)> = rows(&seen)
            .into_iter()
            .map(|row| match row {
                Row::Counter(counter) => (counter.name.escaped().into_owned(), counter.value),
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = [
            ("InOctets", 900),
            ("OutOctets", 800),
            ("InUcastPkts", 70),
            ("OutUcastPkts", 60),
            ("InNUcastPkts", 5),
            ("OutNUcastPkts", 4),
            ("InDiscards", 3),
            ("OutDiscards", 2),
            ("InErrors", 1),
            ("OutErrors", 0),
            ("InUnknownProtos", 9),
        ];
        assert_eq!(told, expected.map(|(name, value)| (name.to_owned(), value)));
        assert_eq!((seen.headers.len(), seen.issues.len()), (2, 0));
    }

    #[test]
    fn a_layout_that_is_not_known_is_issues_and_no_counter() {
        for text in [
            "Access is denied.\n".to_owned(),
            ROWS_TEXT.replacen("Erreurs  1  0\r\n", "", 1),
            ROWS_TEXT.replacen("900  800", "900", 1),
            format!("Erreur 5\n{ROWS_TEXT}"),
        ] {
            let seen = read(reader(), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, text.lines().count()), "{text}");
        }
    }
}
