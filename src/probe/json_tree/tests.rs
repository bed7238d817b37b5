//! What becomes of documents, whole and broken.

#![expect(clippy::cast_possible_truncation, reason = "places in texts of a few hundred bytes")]

use super::*;
use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Row};
use crate::model::text::HostText;
use crate::probe::testing::{Seen, read};
use proptest::prelude::*;
use std::fmt::Write as _;

/// Lists `a`, `deep/list` and `deep/rows/inner`, value `v`, and where `deep` ends.
struct Lists;

impl TreeParser for Lists {
    fn kind(&self, path: &str) -> Kind {
        match path {
            "a" | "deep/list" | "deep/rows/inner" => Kind::Rows(&["n", "s"]),
            "v" | "deep/rows/name" => Kind::Value,
            _ if path == "deep" || path == "deep/rows" || path.ends_with("walk") => Kind::Walk,
            _ => Kind::Unknown,
        }
    }

    fn row(
        &mut self,
        place: Place<'_>,
        fields: &Fields,
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str> {
        let mut said = place.path.to_owned();
        for (name, value) in fields.members() {
            write!(said, " {name}={value}").unwrap();
        }
        if fields.get("n").is_some_and(|n| n == "bad") {
            return Err("expected a good n");
        }
        sink.row(place.span, Row::Fact(Fact::OsName(HostText::owned(said.into_bytes()))));
        Ok(())
    }

    fn value(
        &mut self,
        place: Place<'_>,
        value: &Value,
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str> {
        if value == 9 {
            return Err("expected another value");
        }
        let said = format!("{} {value}", place.path);
        sink.row(place.span, Row::Fact(Fact::OsId(HostText::owned(said.into_bytes()))));
        Ok(())
    }
}

fn see(text: &[u8]) -> Seen {
    read(Box::new(Tree::new(Lists)), text)
}

/// What the rows say, with the bytes that each stands on.
fn said<'a>(seen: &Seen, text: &'a [u8]) -> Vec<(String, &'a str)> {
    let one = |(span, row): &(Span, Row<'static>)| {
        let Row::Fact(Fact::OsName(said) | Fact::OsId(said)) = row else {
            panic!("{row:?}");
        };
        let (start, end) = (span.start as usize, span.end as usize);
        (said.escaped().into_owned(), std::str::from_utf8(&text[start..end]).unwrap())
    };
    seen.rows.iter().map(one).collect()
}

fn rows_of(text: &[u8]) -> Vec<String> {
    said(&see(text), &vec![b' '; text.len()]).into_iter().map(|(said, _)| said).collect()
}

fn issues_of(text: &[u8]) -> Vec<(String, String)> {
    let one = |issue: Issue| (issue.message, issue.text.escaped().into_owned());
    see(text).issues.into_iter().map(one).collect()
}

#[test]
fn rows_come_with_their_path_and_bytes_wherever_they_stand() {
    let text = br#"{"v":1,"a":[{"n":1},{"n":2}],"deep":{"list":[{"s":"x"}],
        "rows":[{"name":"one","inner":[{"n":3}]},{"inner":[],"name":"two"}]}}"#;
    let seen = see(text);
    let expected = [
        ("v 1", r#""v":1"#),
        ("a n=1", r#"{"n":1}"#),
        ("a n=2", r#"{"n":2}"#),
        ("deep/list s=\"x\"", r#"{"s":"x"}"#),
        ("deep/rows/name \"one\"", r#""name":"one""#),
        ("deep/rows/inner n=3", r#"{"n":3}"#),
        ("deep/rows/name \"two\"", r#""name":"two""#),
    ];
    let expected = expected.map(|(said, text)| (said.to_owned(), text));
    assert_eq!(said(&seen, text), expected);
    assert_eq!(seen.issues, []);
}

#[test]
fn one_row_is_an_object_and_none_is_nothing_or_null_with_a_note() {
    assert_eq!(rows_of(br#"{"a":{"n":1}}"#), ["a n=1"]);
    assert_eq!(rows_of(b"{\"a\":null}"), [""; 0]);
    assert_eq!(issues_of(b"{\"a\":null}").len(), 1);
    for none in ["{\"a\":[]}", "{\"a\":{}}", "{\"a\":[null,{}, null ]}", "{}"] {
        assert_eq!(rows_of(none.as_bytes()), [""; 0], "{none}");
        assert_eq!(issues_of(none.as_bytes()), [], "{none}");
    }
    let wrapped = br#"{"a":{"value":[{"n":1},{"n":2}],"Count":2}}"#;
    assert_eq!(rows_of(wrapped), ["a n=1", "a n=2"]);
    assert_eq!(issues_of(br#"{"a":{"value":[],"Count":0}}"#), []);
}

#[test]
fn what_is_no_row_is_an_issue_and_costs_no_other() {
    let text = br#"{"a":[1,"x",[{"n":1}],true,{"n":2},{"n":"bad"},{"n":},{"n":3}],
        "v":9,"other":{"a":[{"n":4}]},"deep":5,"deep":[[{"list":[{"n":6}]}],7]}"#;
    let rows = "expected an object or an array of them";
    assert_eq!(rows_of(text), ["a n=2", "a n=3"]);
    let expected = [
        (rows, "1"),
        (rows, "\"x\""),
        (rows, "[{\"n\":1}]"),
        (rows, "true"),
        ("expected a good n", "{\"n\":\"bad\"}"),
        ("expected a JSON object", "{\"n\":}"),
        ("expected another value", "v:9"),
        ("a member that is not known", "other:{\"a\":[{\"n\":4}]}"),
        (rows, "deep:5"),
        (rows, "[{\"list\":[{\"n\":6}]}]"),
        (rows, "7"),
    ];
    let expected = expected.map(|(message, text)| (message.to_owned(), text.to_owned()));
    assert_eq!(issues_of(text), expected);
}

#[test]
fn a_member_of_a_row_that_is_not_known_is_told_once() {
    let text = br#"{"a":[{"n":1,"z":1},{"z":2},{"y":3}],"deep":{"list":{"z":4}}}"#;
    let note = |text: &str| ("a member that is not known".to_owned(), text.to_owned());
    assert_eq!(issues_of(text), [note("z"), note("y"), note("z")]);
    assert_eq!(rows_of(text).len(), 4);
}

#[test]
fn a_document_that_ends_in_the_middle_keeps_the_rows_before() {
    let ends = "the answer ends inside its JSON document".to_owned();
    for (cut, held) in [
        (r#"{"a":[{"n":1},{"n":2"#, r#"{"n":2"#),
        (r#"{"a":[{"n":1},"#, ""),
        (r#"{"a":[{"n":1}]"#, ""),
        (r#"{"a":[{"n":1}],"ver"#, "ver"),
        (r#"{"a":[{"n":1}],"v""#, "v"),
        (r#"{"a":[{"n":1}],"v": 1"#, "1"),
    ] {
        assert_eq!(rows_of(cut.as_bytes()), ["a n=1"], "{cut}");
        assert_eq!(issues_of(cut.as_bytes()), [(ends.clone(), held.to_owned())], "{cut}");
    }
}

#[test]
fn lines_before_and_behind_a_document_are_issues() {
    let text = b"WARNING: {\"a\":[{\"n\":7}]}\r\n#< CLIXML\n<Objs Version=\"1.1\"></Objs>\n\
        {\"a\":[{\"n\":1}]}\n\ntrailing\n{\"a\":[{\"n\":2}]}";
    let stray = |text: &str| ("expected a JSON document".to_owned(), text.to_owned());
    assert_eq!(rows_of(text), ["a n=1", "a n=2"]);
    let expected = [
        stray("WARNING: {\"a\":[{\"n\":7}]}\\x0d"),
        stray("#< CLIXML"),
        stray("<Objs Version=\"1.1\"></Objs>"),
        stray("trailing"),
    ];
    assert_eq!(issues_of(text), expected);
    // A line that begins with a bracket is not the document.
    assert_eq!(rows_of(b"[WARNING] x\n{\"a\":[{\"n\":1}]}"), ["a n=1"]);
    assert_eq!(rows_of(b"{oops\n{\"a\":[{\"n\":1}]}"), ["a n=1"]);
    assert_eq!(rows_of(b"[{\"a\":[{\"n\":1}]},{\"a\":{\"n\":2}}]"), ["a n=1", "a n=2"]);
}

#[test]
fn marks_and_utf16_are_read_with_the_bytes_they_took() {
    let text = "{\"a\":[{\"s\":\"é\u{1f600}\"}],\n \"v\":1}";
    let expected = ["a s=\"é\u{1f600}\"", "v 1"];
    assert_eq!(rows_of(format!("\u{feff}{text}").as_bytes()), expected);
    let units: Vec<u16> = text.encode_utf16().collect();
    let wide: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let marked = [b"\xff\xfe".as_slice(), &wide].concat();
    for wide in [wide, marked] {
        assert_eq!(rows_of(&wide), expected);
        let seen = see(&wide);
        assert_eq!(seen.issues, []);
        let (span, _) = &seen.rows[0];
        let bytes = &wide[span.start as usize..span.end as usize];
        let units = bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let row = String::from_utf16(&units.collect::<Vec<_>>()).unwrap();
        assert_eq!(row, "{\"s\":\"é\u{1f600}\"}");
    }
    let wide: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let marked = [b"\xfe\xff".as_slice(), &wide].concat();
    assert_eq!(
        (rows_of(&marked), see(&marked).issues),
        (expected.map(str::to_owned).into(), vec![])
    );
}

#[test]
fn half_of_a_surrogate_pair_is_kept() {
    let mut units: Vec<u16> = "{\"a\":[{\"s\":\"".encode_utf16().collect();
    units.push(0xd83d);
    units.extend("\"}]}".encode_utf16());
    let wide: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    // The bytes of WTF-8 stand for themselves as private-use characters inside a value.
    assert_eq!(rows_of(&wide), ["a s=\"\u{f7ed}\u{f7a0}\u{f7bd}\""]);
    assert_eq!(issues_of(&wide[..wide.len() - 1]).len(), 1);
    let escaped = br#"{"a":[{"s":"\ud83d"}]}"#;
    assert_eq!(rows_of(escaped), ["a s=\"\u{f7ed}\u{f7a0}\u{f7bd}\""]);
}

#[test]
fn nesting_costs_no_stack_and_is_an_issue_past_its_bound() {
    for open in ["[", "{\"walk\":", "{\"a\":[", "[{\"walk\":", "{\"a\":[{\"n\":"] {
        let deep = open.repeat(200_000);
        let seen = see(deep.as_bytes());
        assert_eq!(seen.rows, []);
        assert_eq!(seen.issues.len(), 1, "{open}");
    }
    let walks = "{\"walk\":".repeat(40) + "1" + &"}".repeat(40);
    assert!(!see(walks.as_bytes()).issues.is_empty());
}

#[test]
fn a_value_past_the_cap_is_one_issue_and_holds_no_more() {
    let long = "x".repeat(HELD_BYTES_MAX);
    let text = format!("{{\"a\":[{{\"s\":\"{long}\"}},{{\"n\":1}}],\"{long}\":1}}");
    assert_eq!(rows_of(text.as_bytes()), ["a n=1"]);
    let messages: Vec<String> = issues_of(text.as_bytes()).into_iter().map(|(m, _)| m).collect();
    assert_eq!(messages, ["a value is longer than 4 MiB", "a member that is not known"]);
}

/// Pieces that get past the first character.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\n",
    " ",
    "null",
    "1",
    "\"a\":",
    "\"a\":[",
    "\"v\":",
    "\"deep\":{",
    "\"rows\":[",
    "\"inner\":[",
    "{\"n\":1}",
    "\"s\":\"\\\"\"",
    "\u{feff}",
    "é",
    "\0",
    "#< CLIXML\n",
    "\"walk\":",
    "{\"value\":[{}],\"Count\":1}",
    "x",
];

fn pieces() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(PIECES), 0..40)
        .prop_map(|pieces| pieces.concat())
}

/// Every byte that is no white space stands in a row, a header or an issue, and chunks make no
/// difference.
fn assert_contract(text: &[u8], size: usize) {
    let seen = see(text);
    let mut chunked = Seen::default();
    let mut reader = Tree::new(Lists);
    text.chunks(size).for_each(|chunk| reader.push(chunk, &mut chunked));
    reader.finish(&mut chunked);
    assert_eq!(seen, chunked);
    let mut covered = vec![false; text.len()];
    let spans = seen.rows.iter().map(|(span, _)| span).chain(&seen.headers);
    for span in spans.chain(seen.issues.iter().map(|issue| &issue.span)) {
        covered[span.start as usize..span.end as usize].fill(true);
    }
    for (byte, covered) in text.iter().zip(covered) {
        assert!(covered || byte.is_ascii_whitespace(), "{:?}", String::from_utf8_lossy(text));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_byte_is_lost(text in pieces(), size in 1_usize..20, wide in any::<bool>()) {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        let text = if wide { units.collect() } else { text.clone().into_bytes() };
        assert_contract(&text, size);
    }

    #[test]
    fn no_byte_of_any_is_lost(text in proptest::collection::vec(any::<u8>(), 0..80), size in 1_usize..9) {
        assert_contract(&text, size);
    }
}
