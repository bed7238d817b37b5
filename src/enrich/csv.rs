//! CSV as RFC 4180 says, and as spreadsheets write it: `,`, `;` or tabs, CRLF or LF, quoted cells
//! with line ends in them.
//!
//! Written here and not taken from the `csv` crate, because that one accepts a quote that is never
//! closed and text after a closing quote: a cut export would become one long cell
//! (docs/decisions/0022).

use std::rc::Rc;

use crate::enrich::record::{Cell, Fault, Record, Records};
use crate::model::text::escape;

/// Reads the rows below the first, which names the columns.
pub(crate) fn read(text: &str, records: &mut Records<'_>) {
    let (text, separator, skipped) = separator(text);
    let mut reader = Reader { text, at: 0, line: 1 + skipped, separator };
    let mut titles: Option<Vec<Rc<str>>> = None;
    while let Some(row) = reader.row() {
        let (line, cells) = match row {
            Ok(row) => row,
            Err(fault) => {
                records.faults.push(fault);
                continue;
            }
        };
        let Some(titles) = &titles else {
            records.faults.extend(repeated(line, &cells));
            titles = Some(cells.into_iter().map(|cell| Rc::from(cell.trim())).collect());
            continue;
        };
        if cells.len() != titles.len() {
            let (has, wants) = (cells.len(), titles.len());
            let message = format!("{has} cells, the first line has {wants}");
            records.faults.push(Fault::new(line, message));
            continue;
        }
        let cells = titles.iter().cloned().zip(cells.into_iter().map(Cell::Text)).collect();
        if !records.push(Record { line, cells }) {
            break;
        }
    }
}

/// Two columns of one title: nobody can tell which is meant.
fn repeated(line: u64, titles: &[String]) -> Vec<Fault> {
    let mut sorted: Vec<String> = titles.iter().map(|title| title.trim().to_lowercase()).collect();
    sorted.sort_unstable();
    let twice = sorted.iter().zip(sorted.iter().skip(1)).filter(|(a, b)| a == b && !a.is_empty());
    let fault = |(title, _): (&String, &String)| {
        Fault::new(line, format!("two columns are called `{}`", escape(title.as_bytes())))
    };
    twice.map(fault).collect()
}

/// The text without a line `sep=;`, the separator, and the lines passed over.
fn separator(text: &str) -> (&str, u8, u64) {
    let first = text.lines().next().unwrap_or_default();
    if let (Some([separator]), Some((_, rest))) =
        (first.strip_prefix("sep=").map(str::as_bytes), text.split_once('\n'))
    {
        return (rest, *separator, 1);
    }
    let mut quoted = false;
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    for byte in first.bytes() {
        quoted ^= byte == b'"';
        for (separator, count) in &mut counts {
            *count += usize::from(byte == *separator && !quoted);
        }
    }
    // The last of equal ones is taken, so the comma stands last.
    let most = counts.into_iter().rev().max_by_key(|(_, count)| *count);
    (text, most.map_or(b',', |(separator, _)| separator), 0)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    line: u64,
    separator: u8,
}

type Row = Result<(u64, Vec<String>), Fault>;

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next row that is not blank. `None` at the end.
    fn row(&mut self) -> Option<Row> {
        loop {
            self.peek()?;
            let line = self.line;
            match self.cells() {
                Ok(cells) if cells.iter().all(|cell| cell.trim().is_empty()) => {}
                Ok(cells) => return Some(Ok((line, cells))),
                Err(fault) => return Some(Err(fault)),
            }
        }
    }

    fn cells(&mut self) -> Result<Vec<String>, Fault> {
        let mut cells = Vec::new();
        loop {
            cells.push(if self.peek() == Some(b'"') { self.quoted()? } else { self.bare() });
            match self.peek() {
                Some(byte) if byte == self.separator => self.at += 1,
                _ => {
                    self.end_of_line();
                    return Ok(cells);
                }
            }
        }
    }

    /// Up to the separator or the end of the line.
    fn bare(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte != self.separator && byte != b'\n') {
            self.at += 1;
        }
        let cell = self.text.get(start..self.at).unwrap_or_default();
        if self.peek() == Some(b'\n') { cell.strip_suffix('\r').unwrap_or(cell) } else { cell }
            .to_owned()
    }

    fn quoted(&mut self) -> Result<String, Fault> {
        let (opened, mut cell) = (self.line, String::new());
        self.at += 1;
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(quote) = memchr::memchr(b'"', rest.as_bytes()) else {
                self.at = self.text.len();
                let message = "a quote is opened in this row and never closed: is the file cut?";
                return Err(Fault::new(opened, message));
            };
            let part = rest.get(..quote).unwrap_or_default();
            self.line += memchr::memchr_iter(b'\n', part.as_bytes()).count() as u64;
            cell.push_str(part);
            self.at += quote + 1;
            match self.peek() {
                Some(b'"') => {
                    cell.push('"');
                    self.at += 1;
                }
                None | Some(b'\n') => return Ok(cell),
                Some(b'\r') if self.text.as_bytes().get(self.at + 1) == Some(&b'\n') => {
                    return Ok(cell);
                }
                Some(byte) if byte == self.separator => return Ok(cell),
                Some(_) => {
                    let line = self.line;
                    // Go on with the next line, so that one fault is one.
                    self.bare_line();
                    let message = "text after a closing quote: a quote inside a quoted cell is \
                                   written twice";
                    return Err(Fault::new(line, message));
                }
            }
        }
    }

    fn bare_line(&mut self) {
        while self.peek().is_some_and(|byte| byte != b'\n') {
            self.at += 1;
        }
        self.end_of_line();
    }

    fn end_of_line(&mut self) {
        if self.peek() == Some(b'\r') {
            self.at += 1;
        }
        if self.peek() == Some(b'\n') {
            self.at += 1;
            self.line += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(u64, Vec<(String, String)>)> {
        let (rows, faults) = Records::all(|records| read(text, records));
        assert_eq!(faults, []);
        let cell = |(title, cell): (Rc<str>, Cell)| (title.to_string(), cell.texts().join("/"));
        rows.into_iter().map(|row| (row.line, row.cells.into_iter().map(cell).collect())).collect()
    }

    fn faults(text: &str) -> Vec<(u64, String)> {
        let (_, faults) = Records::all(|records| read(text, records));
        faults.into_iter().map(|fault| (fault.line, fault.message)).collect()
    }

    #[test]
    fn quotes_line_ends_and_separators_of_every_spreadsheet() {
        let cells = |a: &str, b: &str| vec![("a".to_owned(), a.to_owned()), ("b".into(), b.into())];
        assert_eq!(rows("a,b\r\n1,2\r\n"), [(2, cells("1", "2"))]);
        assert_eq!(rows("a;b\n\"1;2\";\"x \"\"y\"\"\"\n"), [(2, cells("1/2", "x \"y\""))]);
        assert_eq!(rows("sep=\t\na\tb\n1\t2"), [(3, cells("1", "2"))]);
        let text = "a,b\n\"1\r\nand\",2\n\n , \n3,4\n";
        assert_eq!(rows(text), [(2, cells("1/and", "2")), (6, cells("3", "4"))]);
        assert_eq!(rows("a\n1\n"), [(2, vec![("a".into(), "1".into())])]);
        assert_eq!(rows(""), []);
    }

    #[test]
    fn what_is_no_csv_is_named_by_its_line() {
        let text = "a,b\n1\n\"x\" y,2\n3,4,5\n1,2\n\"3,4\n5,6\n";
        let after = "text after a closing quote: a quote inside a quoted cell is written twice";
        let cut = "a quote is opened in this row and never closed: is the file cut?";
        assert_eq!(
            faults(text),
            [
                (2, "1 cells, the first line has 2".into()),
                (3, after.into()),
                (4, "3 cells, the first line has 2".into()),
                (6, cut.into()),
            ]
        );
        assert_eq!(faults("a,B,A\n"), [(1, "two columns are called `a`".into())]);
    }
}
