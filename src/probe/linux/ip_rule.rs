//! `ip -j -4 rule show` and `-6`: policy-routing rules.
//!
//! ```text
//! [{"priority":0,"src":"all","table":"local"},
//!  {"priority":1000,"src":"10.1.0.0","srclen":24,"fwmark":"0x1","iif":"v0","table":"100"},
//!  {"priority":1001,"not":null,"src":"all","dst":"10.9.0.0","dstlen":16,"table":"200"},
//!  {"priority":1002,"src":"10.66.0.0","srclen":16,"action":"blackhole"}]
//! ```
//! A member that is `null` is a word without a value. Source: ip-rule(8), iproute2 `iprule.c`.

use serde_json::Value;

use crate::model::parsed::{Reader, Row, Sink, Span};
use crate::model::route::Rule;
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::json::{ElementParser, Elements, Fields, number, text};

/// A reader of one family's rules.
#[must_use]
pub fn reader(family: Family) -> Box<dyn Reader> {
    Box::new(Elements::new(Rules { family }))
}

struct Rules {
    family: Family,
}

impl ElementParser for Rules {
    fn element(
        &mut self,
        span: Span,
        fields: &Fields,
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str> {
        let priority = number(fields.get("priority")).ok_or("expected a rule with `priority`")?;
        let table = fields.get("table").map(|table| HostText::owned(word(table)));
        let members = fields.members().filter(|(key, _)| *key != "priority");
        let mut words: Vec<u8> = Vec::new();
        for (key, value) in members {
            let length = match key {
                "srclen" | "dstlen" | "fwmask" if !words.is_empty() => "/",
                _ if words.is_empty() => "",
                _ => " ",
            };
            words.extend_from_slice(length.as_bytes());
            if length != "/" {
                words.extend_from_slice(key.as_bytes());
            }
            if !value.is_null() {
                words.extend_from_slice(if length == "/" { b"" } else { b" " });
                words.extend(word(value));
            }
        }
        let text = HostText::owned(words);
        sink.row(span, Row::Rule(Rule { family: self.family, priority, text, table }));
        Ok(())
    }
}

/// A value as a word: a string's own bytes, anything else as JSON.
fn word(value: &Value) -> Vec<u8> {
    match text(Some(value)) {
        Some(text) => text.bytes().to_vec(),
        None => value.to_string().into_bytes(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    fn rule(priority: u64, text: &'static str, table: Option<&'static str>) -> Row<'static> {
        Row::Rule(Rule {
            family: Family::Ipv4,
            priority,
            text: HostText::new(text.as_bytes()),
            table: table.map(|table| HostText::new(table.as_bytes())),
        })
    }

    #[test]
    fn a_rule_keeps_its_words_in_order() {
        let text = br#"[{"priority":0,"src":"all","table":"local"},
            {"priority":1000,"src":"10.1.0.0","srclen":24,"fwmark":"0x1","fwmask":"0xf","iif":"v0","table":"100"},
            {"priority":1001,"not":null,"src":"all","dst":"10.9.0.0","dstlen":16,"table":"200"},
            {"priority":1002,"src":"10.66.0.0","srclen":16,"action":"blackhole"},{"src":"all"}]"#;
        let seen = read(reader(Family::Ipv4), text);
        assert_eq!(
            rows(&seen),
            [
                rule(0, "src all table local", Some("local")),
                rule(1000, "src 10.1.0.0/24 fwmark 0x1/0xf iif v0 table 100", Some("100")),
                rule(1001, "not src all dst 10.9.0.0/16 table 200", Some("200")),
                rule(1002, "src 10.66.0.0/16 action blackhole", None),
            ]
        );
        assert_eq!(seen.issues.len(), 1);
    }
}
