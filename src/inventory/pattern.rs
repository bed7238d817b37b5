//! Node sets (`web[01-20]`, `db[1,3,5-7]`) and globs (`web-*`): one small language, used to name
//! many hosts at once and to select them.
//!
//! A bracket holds numbers and ranges, joined by commas. Zero padding is kept: `[01-20]` is `01` to
//! `20`, `[1-20]` is `1` to `20`. Several brackets multiply. `*` is any run of characters, `?` any
//! one. Everything else stands for itself; case matters.

use std::fmt;

/// Most names one node set may stand for. A typing error such as `[1-99999999]` must not fill the
/// memory; the largest fleet this is built for has 100,000 hosts.
pub const NAMES_MAX: usize = 200_000;

/// A node set or glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// `?`
    One,
    /// `*`
    Many,
    /// `[...]`
    Numbers(Vec<Span>),
}

/// `low-high`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    low: u64,
    high: u64,
    /// Digits of every number. 0: as many as it has.
    width: usize,
}

/// Why a text is not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    /// Where, in characters from 0.
    pub offset: usize,
    /// What is wrong there.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl PatternError {
    /// The same fault, `by` characters further on.
    fn moved(mut self, by: usize) -> Self {
        self.offset += by;
        self
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When a bracket is not closed, is empty or holds what is no number or range.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let offset = || text.chars().count() - rest.chars().count();
            match character {
                '[' => {
                    let inside = rest.get(1..).unwrap_or_default();
                    let Some((list, tail)) = inside.split_once(']') else {
                        let message = "the bracket `[` is not closed".to_owned();
                        return Err(fault(offset(), message, "write a range such as `[01-20]`"));
                    };
                    parts.push(Part::Numbers(
                        spans(list).map_err(|fault| fault.moved(offset() + 1))?,
                    ));
                    rest = tail;
                }
                ']' => {
                    let message = "`]` closes no bracket".to_owned();
                    return Err(fault(offset(), message, "write a range such as `[01-20]`"));
                }
                '*' | '?' => {
                    let part = if character == '*' { Part::Many } else { Part::One };
                    if part != Part::Many || parts.last() != Some(&Part::Many) {
                        parts.push(part);
                    }
                    rest = rest.get(1..).unwrap_or_default();
                }
                _ => {
                    let end = rest.find(['[', ']', '*', '?']).unwrap_or(rest.len());
                    let (literal, tail) = rest.split_at(end);
                    parts.push(Part::Literal(literal.to_owned()));
                    rest = tail;
                }
            }
        }
        Ok(Self { parts })
    }

    /// `*`, which matches everything.
    #[must_use]
    pub fn any() -> Self {
        Self { parts: vec![Part::Many] }
    }

    /// The text, when the pattern stands for exactly one.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// True when `*` or `?` occur, so that it cannot be written out.
    #[must_use]
    pub fn is_glob(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Many | Part::One))
    }

    /// How many texts the node set stands for. `None`: a glob, or more than 2^64.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        self.parts.iter().try_fold(1_u64, |total, part| match part {
            Part::Literal(_) => Some(total),
            Part::Numbers(spans) => {
                let mut numbers = 0_u64;
                for span in spans {
                    numbers = numbers.checked_add((span.high - span.low).checked_add(1)?)?;
                }
                total.checked_mul(numbers)
            }
            Part::One | Part::Many => None,
        })
    }

    /// Writes the node set out, the last bracket counting fastest.
    ///
    /// # Errors
    /// When it is a glob, or stands for more than [`NAMES_MAX`] texts.
    pub fn expand(&self) -> Result<Vec<String>, PatternError> {
        if self.is_glob() {
            let message = "`*` and `?` have no place here".to_owned();
            return Err(fault(0, message, "name each host, or a range such as `web[01-20]`"));
        }
        if self.count().is_none_or(|count| count > NAMES_MAX as u64) {
            let message = format!("the range stands for more than {NAMES_MAX} names");
            return Err(fault(0, message, "split it, or check its numbers"));
        }
        let mut names = vec![String::new()];
        for part in &self.parts {
            match part {
                Part::Literal(text) => names.iter_mut().for_each(|name| name.push_str(text)),
                Part::Numbers(spans) => names = multiplied(&names, spans),
                Part::One | Part::Many => {}
            }
        }
        Ok(names)
    }

    /// Whether the whole text matches. Time is at most the product of both lengths, whatever the
    /// pattern.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        if let Some(literal) = self.literal() {
            return literal == text;
        }
        // The places in the text that the parts so far can reach, ascending.
        let mut reached = vec![0_usize];
        for part in &self.parts {
            let mut next = Vec::with_capacity(reached.len());
            for &at in &reached {
                let rest = text.get(at..).unwrap_or_default();
                part.ends(rest, at, &mut next);
            }
            next.sort_unstable();
            next.dedup();
            reached = next;
        }
        reached.last() == Some(&text.len())
    }
}

impl Part {
    /// Adds the ends of all matches at the start of `rest`, which begins at byte `at`.
    fn ends(&self, rest: &str, at: usize, ends: &mut Vec<usize>) {
        match self {
            Self::Literal(text) => {
                if rest.starts_with(text.as_str()) {
                    ends.push(at + text.len());
                }
            }
            Self::One => ends.extend(rest.chars().next().map(|c| at + c.len_utf8())),
            Self::Many => {
                // Once the earliest start has filled the tail, later starts add nothing.
                if ends.is_empty() {
                    ends.extend(rest.char_indices().map(|(index, _)| at + index));
                    ends.push(at + rest.len());
                }
            }
            Self::Numbers(spans) => {
                let digits = rest.bytes().take(20).take_while(u8::is_ascii_digit).count();
                for length in 1..=digits {
                    let number = rest.get(..length).unwrap_or_default();
                    if spans.iter().any(|span| span.holds(number)) {
                        ends.push(at + length);
                    }
                }
            }
        }
    }
}

impl Span {
    fn holds(&self, digits: &str) -> bool {
        let padded = if self.width > 0 {
            digits.len() == self.width
        } else {
            digits.len() == 1 || !digits.starts_with('0')
        };
        padded && digits.parse().is_ok_and(|number| (self.low..=self.high).contains(&number))
    }
}

fn multiplied(names: &[String], spans: &[Span]) -> Vec<String> {
    let mut out = Vec::new();
    for name in names {
        for span in spans {
            for number in span.low..=span.high {
                out.push(format!("{name}{number:0width$}", width = span.width));
            }
        }
    }
    out
}

fn spans(list: &str) -> Result<Vec<Span>, PatternError> {
    let mut offset = 0;
    let mut spans = Vec::new();
    for item in list.split(',') {
        spans.push(span(item, offset)?);
        offset += item.chars().count() + 1;
    }
    Ok(spans)
}

fn span(item: &str, offset: usize) -> Result<Span, PatternError> {
    let (low, high) = item.split_once('-').unwrap_or((item, item));
    let number = |text: &str| -> Option<u64> {
        let right =
            !text.is_empty() && text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit());
        // At most 18 digits always fit into 64 bits.
        if right { text.parse().ok() } else { None }
    };
    let (Some(first), Some(last)) = (number(low), number(high)) else {
        let shown = crate::yaml::defect::quoted(item);
        let (message, help) = if item.contains(':') {
            (format!("{shown} is no range"), "write an IPv6 address without brackets")
        } else {
            (format!("{shown} is no number or range"), "write numbers such as `[1,3,5-7]`")
        };
        return Err(fault(offset, message, help));
    };
    if first > last {
        let message = format!("the range `{item}` runs backwards");
        return Err(fault(offset, message, &format!("write `{high}-{low}`")));
    }
    let padded = |text: &str| text.len() > 1 && text.starts_with('0');
    if !(padded(low) || padded(high)) {
        return Ok(Span { low: first, high: last, width: 0 });
    }
    if low.len() != high.len() {
        let width = low.len().max(high.len());
        let message = format!("the ends of `{item}` are padded to different widths");
        return Err(fault(offset, message, &format!("write `{first:0width$}-{last:0width$}`")));
    }
    Ok(Span { low: first, high: last, width: low.len() })
}

fn fault(offset: usize, message: String, help: &str) -> PatternError {
    PatternError { offset, message, help: help.to_owned() }
}

/// Prints what [`Pattern::parse`] reads as the same pattern.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal(text) => f.write_str(text)?,
                Part::One => f.write_str("?")?,
                Part::Many => f.write_str("*")?,
                Part::Numbers(spans) => {
                    let items: Vec<String> = spans.iter().map(ToString::to_string).collect();
                    write!(f, "[{}]", items.join(","))?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.width;
        write!(f, "{:0width$}", self.low)?;
        if self.high > self.low { write!(f, "-{:0width$}", self.high) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn expanded(text: &str) -> Vec<String> {
        Pattern::parse(text).unwrap().expand().unwrap()
    }

    #[test]
    fn ranges_expand_in_order_and_keep_their_padding() {
        assert_eq!(expanded("web"), ["web"]);
        assert_eq!(expanded("web[08-11]"), ["web08", "web09", "web10", "web11"]);
        assert_eq!(expanded("db[1,3,9-11]x"), ["db1x", "db3x", "db9x", "db10x", "db11x"]);
        assert_eq!(expanded("r[1-2]n[01-02]"), ["r1n01", "r1n02", "r2n01", "r2n02"]);
    }

    #[test]
    fn bad_ranges_are_refused_with_their_place_and_what_to_write() {
        let cases = [
            ("web[1", 3, "the bracket `[` is not closed", "write a range such as `[01-20]`"),
            ("web]", 3, "`]` closes no bracket", "write a range such as `[01-20]`"),
            ("web[]", 4, "`` is no number or range", "write numbers such as `[1,3,5-7]`"),
            ("w[1,a-c]", 4, "`a-c` is no number or range", "write numbers such as `[1,3,5-7]`"),
            ("w[9-1]", 2, "the range `9-1` runs backwards", "write `1-9`"),
            (
                "w[01-100]",
                2,
                "the ends of `01-100` are padded to different widths",
                "write `001-100`",
            ),
            ("[::1]", 1, "`::1` is no range", "write an IPv6 address without brackets"),
        ];
        for (text, offset, message, help) in cases {
            assert_eq!(Pattern::parse(text), Err(fault(offset, message.into(), help)), "{text}");
        }
        for text in
            ["h[1-99999999]", "h[1-999][1-999]", "h[0-999999999999999999][0-999999999999999999]"]
        {
            let error = Pattern::parse(text).unwrap().expand().unwrap_err();
            assert_eq!(error.message, "the range stands for more than 200000 names");
        }
    }

    #[test]
    fn patterns_match_whole_texts() {
        let matches = |pattern: &str, text: &str| Pattern::parse(pattern).unwrap().matches(text);
        assert!(matches("web-*", "web-1"));
        assert!(matches("*", ""));
        assert!(!matches("web-*", "xweb-1"));
        assert!(matches("w?b*[1-3]", "wéb-x2"));
        assert!(matches("web[01-20]", "web07"));
        assert!(!matches("web[01-20]", "web7"));
        assert!(!matches("web[1-20]", "web07"));
        assert!(!matches("web[1-20]", "web21"));
        assert!(matches("n[1-2][1-30]", "n130"));
    }

    #[test]
    fn a_hostile_glob_ends_quickly() {
        let pattern = Pattern::parse(&"*a".repeat(60)).unwrap();
        assert!(!pattern.matches(&"a".repeat(59)));
        assert!(pattern.matches(&"a".repeat(128)));
    }

    proptest! {
        #[test]
        fn a_pattern_survives_being_printed(text in r"[a-z\-]{0,3}(\[(0[1-4]-1[0-9]|[1-9]|[1-9]-1[0-9])(,[1-9])?\])?[a-z*?]{0,3}") {
            let pattern = Pattern::parse(&text).unwrap();
            prop_assert_eq!(Pattern::parse(&pattern.to_string()), Ok(pattern));
        }

        #[test]
        fn a_node_set_matches_exactly_what_it_expands_to(low in 0_u64..200, length in 0_u64..50, width in 1_usize..5, probe in 0_u64..300) {
            let text = format!("n[{low:0width$}-{:0width$}]x", low + length);
            if let Ok(pattern) = Pattern::parse(&text) {
                let names = pattern.expand().unwrap();
                prop_assert_eq!(names.len() as u64, length + 1);
                prop_assert!(names.iter().all(|name| pattern.matches(name)));
                let other = format!("n{probe:0width$}x");
                prop_assert_eq!(names.contains(&other), pattern.matches(&other));
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in r"\PC*") {
            if let Ok(pattern) = Pattern::parse(&text) {
                let _matched = pattern.matches(&text);
            }
        }
    }
}
