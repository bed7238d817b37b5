//! The grammar of selectors: text to [`Selector`], with the place of the first fault.

use std::fmt;

use crate::inventory::pattern::Pattern;
use crate::inventory::selector::{Selector, SelectorKey};
use crate::yaml::defect::quoted;
use crate::yaml::suggest::did_you_mean;

/// Longest selector, in bytes: room for a pasted list of some thousand names.
const BYTES_MAX: usize = 64 * 1024;
/// Most parentheses and `!` inside each other.
const DEPTH_MAX: usize = 32;

/// Why a text is not a selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorError {
    /// The text.
    pub text: String,
    /// Where the fault is, in characters from 1.
    pub column: usize,
    /// What is wrong there, a lower-case fragment.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// Four lines: the message, the text (the part around the fault, when it is long), a caret under
/// the place, the help.
impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = self.column.saturating_sub(60);
        let shown: String = self.text.chars().skip(from).take(100).map(visible).collect();
        let caret = " ".repeat(self.column.saturating_sub(1).saturating_sub(from));
        write!(f, "selector, character {}: {}", self.column, self.message)?;
        write!(f, "\n  {shown}\n  {caret}^")?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "\n  help: {help}"))
    }
}

impl std::error::Error for SelectorError {}

/// One printed column for one character, so that the caret stands right.
fn visible(character: char) -> char {
    if crate::model::text::escape(character.to_string().as_bytes()).chars().count() > 1
        && character != '\\'
    {
        '\u{fffd}'
    } else {
        character
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A bare word, or one in quotes.
    Word { text: String, quoted: bool },
    /// One of `& | ! ( ) = ,`.
    Mark(char),
}

struct Placed {
    token: Token,
    /// Characters from 1.
    column: usize,
}

/// Without text and place of the whole, which [`parse`] adds.
struct Fault {
    column: usize,
    message: String,
    help: Option<String>,
}

fn fault<T>(column: usize, message: impl Into<String>, help: Option<String>) -> Result<T, Fault> {
    Err(Fault { column, message: message.into(), help })
}

/// Reads a selector.
pub(super) fn parse(text: &str) -> Result<Selector, SelectorError> {
    let read = || {
        if text.len() > BYTES_MAX {
            return fault(1, format!("is longer than {BYTES_MAX} characters"), None);
        }
        let tokens = tokens(text)?;
        let end = text.chars().count() + 1;
        let mut parser = Parser { tokens: &tokens, end, depth: 0 };
        let selector = parser.either()?;
        match parser.peek() {
            None => Ok(selector),
            Some(Token::Mark(')')) => fault(parser.column(), "`)` closes no parenthesis", None),
            Some(Token::Mark(mark)) => {
                let help = (*mark == '=').then(|| "one `=` is enough".to_owned());
                fault(parser.column(), format!("`{mark}` has no place here"), help)
            }
            Some(Token::Word { text, .. }) => {
                let help = Some("write `&` for both, `|` for either".to_owned());
                let message = format!("expected `&` or `|` before {}", quoted(text));
                fault(parser.column(), message, help)
            }
        }
    };
    read().map_err(|Fault { column, message, help }| SelectorError {
        text: text.to_owned(),
        column,
        message,
        help,
    })
}

/// Whether a pattern must be printed in quotes.
pub(super) fn needs_quotes(text: &str) -> bool {
    let mut inside = false;
    let special = text.chars().any(|c| {
        inside = (inside || c == '[') && c != ']';
        c.is_whitespace() || "&|!()=".contains(c) || (c == ',' && !inside)
    });
    special || text.is_empty() || text == crate::inventory::ALL
}

fn tokens(text: &str) -> Result<Vec<Placed>, Fault> {
    let mut tokens = Vec::new();
    let mut characters = text.chars().zip(1_usize..).peekable();
    while let Some((character, column)) = characters.next() {
        let token = match character {
            _ if character.is_whitespace() => continue,
            '&' | '|' | '!' | '(' | ')' | '=' | ',' => Token::Mark(character),
            '"' => {
                let mut word = String::new();
                loop {
                    match characters.next() {
                        Some(('"', _)) => break,
                        Some((inner, _)) => word.push(inner),
                        None => return fault(column, "the quote `\"` is not closed", None),
                    }
                }
                Token::Word { text: word, quoted: true }
            }
            _ => {
                let mut word = String::from(character);
                let mut inside = character == '[';
                // A comma inside a bracket belongs to the range.
                while let Some((inner, _)) = characters.next_if(|(c, _)| {
                    !(c.is_whitespace() || "&|!()=\"".contains(*c) || (*c == ',' && !inside))
                }) {
                    inside = (inside || inner == '[') && inner != ']';
                    word.push(inner);
                }
                Token::Word { text: word, quoted: false }
            }
        };
        tokens.push(Placed { token, column });
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: &'a [Placed],
    /// Column just after the text.
    end: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.first().map(|placed| &placed.token)
    }

    fn column(&self) -> usize {
        self.tokens.first().map_or(self.end, |placed| placed.column)
    }

    fn take(&mut self, mark: char) -> bool {
        let found = self.peek() == Some(&Token::Mark(mark));
        if found {
            self.tokens = self.tokens.get(1..).unwrap_or_default();
        }
        found
    }

    fn either(&mut self) -> Result<Selector, Fault> {
        let mut parts = vec![self.both()?];
        while self.take('|') {
            parts.push(self.both()?);
        }
        Ok(joined(parts, Selector::Or))
    }

    fn both(&mut self) -> Result<Selector, Fault> {
        let mut parts = vec![self.single()?];
        while self.take('&') {
            parts.push(self.single()?);
        }
        Ok(joined(parts, Selector::And))
    }

    fn single(&mut self) -> Result<Selector, Fault> {
        let column = self.column();
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return fault(column, format!("more than {DEPTH_MAX} levels inside each other"), None);
        }
        let selector = if self.take('!') {
            Selector::Not(Box::new(self.single()?))
        } else if self.take('(') {
            let inner = self.either()?;
            if !self.take(')') {
                return fault(column, "the parenthesis `(` is not closed", None);
            }
            inner
        } else {
            self.condition()?
        };
        self.depth -= 1;
        Ok(selector)
    }

    fn condition(&mut self) -> Result<Selector, Fault> {
        let column = self.column();
        let (word, is_quoted) = self.word("a condition such as `role=db` or a host name")?;
        let negated = self.tokens.first().is_some_and(|p| p.token == Token::Mark('!'))
            && self.tokens.get(1).is_some_and(|p| p.token == Token::Mark('='));
        if negated {
            self.take('!');
        }
        if is_quoted || !self.take('=') {
            let mut any = vec![name_pattern(&word, is_quoted, column)?];
            while self.take(',') {
                let column = self.column();
                let (word, is_quoted) = self.word("a host name")?;
                any.push(name_pattern(&word, is_quoted, column)?);
            }
            return Ok(Selector::Match { key: SelectorKey::Name, any });
        }
        let key = key(&word, column)?;
        let mut any = vec![self.value(key)?];
        while self.take(',') {
            any.push(self.value(key)?);
        }
        let selector = Selector::Match { key, any };
        Ok(if negated { Selector::Not(Box::new(selector)) } else { selector })
    }

    fn value(&mut self, key: SelectorKey) -> Result<Pattern, Fault> {
        let column = self.column();
        let (word, is_quoted) = self.word(&format!("a value for `{key}`"))?;
        let pattern = pattern(&word, column + usize::from(is_quoted))?;
        if let (Some(words), Some(literal)) = (key.words(), pattern.literal())
            && !words.contains(&literal)
        {
            let help = did_you_mean(literal, words.iter().copied());
            let message = format!("`{key}` is one of {}", words.join(", "));
            return fault(column, message, help);
        }
        Ok(pattern)
    }

    fn word(&mut self, expected: &str) -> Result<(String, bool), Fault> {
        let column = self.column();
        match self.tokens.split_first() {
            Some((Placed { token: Token::Word { text, quoted }, .. }, rest)) => {
                self.tokens = rest;
                Ok((text.clone(), *quoted))
            }
            Some((Placed { token: Token::Mark(mark), .. }, _)) => {
                let help = "&|,".contains(*mark).then(|| format!("one `{mark}` is enough"));
                fault(column, format!("expected {expected}, found `{mark}`"), help)
            }
            None => fault(column, format!("expected {expected}, found the end"), None),
        }
    }
}

fn joined(mut parts: Vec<Selector>, join: fn(Vec<Selector>) -> Selector) -> Selector {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            join(parts)
        }
    }
}

fn pattern(word: &str, column: usize) -> Result<Pattern, Fault> {
    Pattern::parse(word)
        .or_else(|error| fault(column + error.offset, error.message, Some(error.help)))
}

/// A bare `all` means every host; in quotes it is a name.
fn name_pattern(word: &str, is_quoted: bool, column: usize) -> Result<Pattern, Fault> {
    if !is_quoted && word == crate::inventory::ALL {
        return Ok(Pattern::any());
    }
    pattern(word, column + usize::from(is_quoted))
}

fn key(word: &str, column: usize) -> Result<SelectorKey, Fault> {
    let short = match word {
        "env" => Some(SelectorKey::Environment),
        "host" | "hosts" => Some(SelectorKey::Name),
        "tags" => Some(SelectorKey::Tag),
        "services" => Some(SelectorKey::Service),
        "groups" => Some(SelectorKey::Group),
        _ => SelectorKey::parse(word),
    };
    short.map_or_else(
        || {
            let help = did_you_mean(word, SelectorKey::WORDS.iter().copied())
                .unwrap_or_else(|| format!("the keys are {}", SelectorKey::WORDS.join(", ")));
            fault(column, format!("unknown key {}", quoted(word)), Some(help))
        },
        Ok,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn printed(text: &str) -> String {
        parse(text).map_or_else(|error| error.to_string(), |selector| selector.to_string())
    }

    #[test]
    fn selectors_print_in_one_form() {
        for (text, form) in [
            ("role=db&env=prod & !tag=lab", "role=db & environment=prod & !tag=lab"),
            ("a|b&c", "a | b & c"),
            ("(a|b)&c", "(a | b) & c"),
            ("((a))", "a"),
            ("!(a & b)", "!(a & b)"),
            ("!!a", "!!a"),
            ("role != db", "!role=db"),
            ("web[01-05, 7]", "selector, character 11: `7]` closes"),
            ("web[01-05],db-1 , x", "web[01-05],db-1,x"),
            ("owner=\"Team Linux\"", "owner=\"Team Linux\""),
            ("all", "*"),
            ("\"all\"", "\"all\""),
            ("name=web-*", "web-*"),
            ("group=web | role=db,cache", "group=web | role=db,cache"),
        ] {
            let out = printed(text);
            if form.starts_with("selector,") {
                assert!(parse(text).is_err(), "{text}: {out}");
            } else {
                assert_eq!(out, form, "{text}");
            }
        }
    }

    #[test]
    fn faults_show_their_place_and_a_remedy() {
        for (text, message) in [
            (
                "",
                "selector, character 1: expected a condition such as `role=db` or a host name, found the end\n  \n  ^",
            ),
            (
                "role=db & envv=prod",
                "selector, character 11: unknown key `envv`\n  role=db & envv=prod\n            ^\n  help: the keys are name, address, role, environment, segment, site, criticality, exposure, owner, tag, service, platform, transport, account, group, fragile",
            ),
            (
                "rol=db",
                "selector, character 1: unknown key `rol`\n  rol=db\n  ^\n  help: did you mean `role`?",
            ),
            (
                "role=db env=prod",
                "selector, character 9: expected `&` or `|` before `env`\n  role=db env=prod\n          ^\n  help: write `&` for both, `|` for either",
            ),
            (
                "role==db",
                "selector, character 6: expected a value for `role`, found `=`\n  role==db\n       ^",
            ),
            (
                "a && b",
                "selector, character 4: expected a condition such as `role=db` or a host name, found `&`\n  a && b\n     ^\n  help: one `&` is enough",
            ),
            ("(a | b", "selector, character 1: the parenthesis `(` is not closed\n  (a | b\n  ^"),
            ("a)", "selector, character 2: `)` closes no parenthesis\n  a)\n   ^"),
            (
                "criticality=hihg",
                "selector, character 13: `criticality` is one of low, medium, high, critical\n  criticality=hihg\n              ^\n  help: did you mean `high`?",
            ),
            (
                "role=db[1",
                "selector, character 8: the bracket `[` is not closed\n  role=db[1\n         ^\n  help: write a range such as `[01-20]`",
            ),
            (
                "owner=\"x",
                "selector, character 7: the quote `\"` is not closed\n  owner=\"x\n        ^",
            ),
        ] {
            assert_eq!(printed(text), message, "{text}");
        }
        assert!(parse(&"(".repeat(100_000)).is_err());
        assert!(parse(&"!".repeat(60_000)).is_err());
    }

    fn any_selector() -> impl Strategy<Value = Selector> {
        let text = prop_oneof![
            "[a-z]{1,4}",
            r"[a-z]{1,3}\*",
            r"[a-z]\[[1-4]-[5-9]\]",
            "[a-z] [a-z]&",
            r"a,\[1,2\]",
            "all"
        ];
        let keys = prop_oneof![
            Just(SelectorKey::Name),
            Just(SelectorKey::Role),
            Just(SelectorKey::Tag),
            Just(SelectorKey::Group),
            Just(SelectorKey::Owner)
        ];
        let leaf = (keys, proptest::collection::vec(text, 1..3)).prop_map(|(key, any)| {
            let any = any.iter().map(|text| Pattern::parse(text).unwrap()).collect();
            Selector::Match { key, any }
        });
        leaf.prop_recursive(4, 24, 3, |inner| {
            let some = proptest::collection::vec(inner.clone(), 2..4);
            prop_oneof![
                inner.prop_map(|one| Selector::Not(Box::new(one))),
                some.clone().prop_map(Selector::And),
                some.prop_map(Selector::Or),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_selector_survives_being_printed(selector in any_selector()) {
            let text = selector.to_string();
            let back = parse(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
            // `(a & b) & c` prints with its parentheses, so even nesting comes back.
            prop_assert_eq!(back, selector, "{}", text);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in r"[\PC\n]{0,40}|[a-z=&|!()\[\],*0-9 \x22]{0,40}") {
            if let Err(error) = parse(&text) {
                prop_assert!(error.column >= 1 && error.column <= text.chars().count() + 1);
                let _printed = error.to_string();
            }
        }
    }
}
