//! `ip -4 rule show` and `-6`: policy-routing rules.
//!
//! ```text
//! 0:      from all lookup local
//! 1001:   from all fwmark 0x1/0xf iif v0 lookup 100
//! 1002:   not from all to 10.9.0.0/16 lookup 200
//! 1003:   from 10.66.0.0/16 blackhole
//! ```
//! A TAB stands behind the colon. The words come out as the JSON form names them (`from` as `src`,
//! `lookup` as `table`), so that a rule is the same rule whichever form told it.

use crate::model::parsed::{Reader, Row};
use crate::model::route::Rule;
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::cursor::Cursor;
use crate::probe::linux::ip_text::words::{Words, owned};
use crate::probe::whole;

/// A reader of one family's rules.
#[must_use]
pub fn reader(family: Family) -> Box<dyn Reader> {
    whole::reader(move |line| match rule(family, line) {
        Some(rule) => Ok(Some(Row::Rule(rule))),
        None => Err("expected a rule as `0: from all lookup local`"),
    })
}

fn rule(family: Family, line: &[u8]) -> Option<Rule> {
    let mut cursor = Cursor::new(line);
    let priority = cursor.decimal()?;
    cursor.after(b":")?;
    let mut text: Vec<u8> = Vec::new();
    let mut table = None;
    let mut words = Words::new(cursor.rest);
    words.peek()?;
    while let Some(word) = words.next() {
        if !text.is_empty() {
            text.push(b' ');
        }
        match word {
            b"from" => pair(&mut text, b"src", words.next()),
            b"to" => pair(&mut text, b"dst", words.next()),
            b"proto" => pair(&mut text, b"protocol", words.next()),
            b"suppress_prefixlength" => pair(&mut text, b"suppress_prefixlen", words.next()),
            b"sport" | b"dport" | b"uidrange" => range(&mut text, word, words.next()),
            b"lookup" => {
                let name = words.next()?;
                table = Some(owned(name));
                pair(&mut text, b"table", Some(name));
            }
            b"iif" | b"oif" => {
                pair(&mut text, word, words.next());
                if words.peek() == Some(b"[detached]") {
                    words.next();
                    text.push(b' ');
                    text.extend_from_slice(word);
                    text.extend_from_slice(b"_detached");
                }
            }
            b"[l3mdev-table]" => text.extend_from_slice(b"l3mdev"),
            b"blackhole" | b"unreachable" | b"prohibit" | b"nop" => {
                pair(&mut text, b"action", Some(word));
            }
            // `not` alone, and words that both forms name alike: `fwmark`, `tos`, `goto`.
            _ => text.extend_from_slice(word),
        }
    }
    Some(Rule { family, priority, text: HostText::owned(text), table })
}

fn pair(text: &mut Vec<u8>, name: &[u8], value: Option<&[u8]>) {
    text.extend_from_slice(name);
    if let Some(value) = value {
        text.push(b' ');
        text.extend_from_slice(value);
    }
}

/// `sport 1000-2000`: the JSON form has two members for it.
fn range(text: &mut Vec<u8>, name: &[u8], value: Option<&[u8]>) {
    let dash = value.and_then(|value| memchr::memchr(b'-', value));
    let (Some(value), Some(dash)) = (value, dash) else { return pair(text, name, value) };
    let name = if name == b"uidrange" { b"uid" } else { name };
    let (first, last) = value.split_at(dash);
    text.extend_from_slice(name);
    pair(text, b"_start", Some(first));
    text.push(b' ');
    text.extend_from_slice(name);
    pair(text, b"_end", last.get(1..));
}
