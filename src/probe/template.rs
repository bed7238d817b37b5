//! Commands with typed parameters: words in which `{name}` stands for a value of the host's.
//!
//! Comes in: words and the types of their parameters, then values from an inventory. Goes out: a
//! [`Command`] that passed the same check as a built-in one. It must not know where values come
//! from: they are handed to it by a closure.

use std::collections::BTreeMap;

use crate::probe::command::{Command, WordError, check_word};
use crate::probe::parameter::{ParameterType, Value, ValueError};

/// Most words of a template: 64. The longest built-in command has under 40.
pub const WORDS_MAX: usize = 64;

/// A checked template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    words: Vec<Vec<Part>>,
    parameters: BTreeMap<String, ParameterType>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Parameter(String),
}

/// What is wrong with a template, or keeps it from being filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A word may not stand in a command.
    #[error(transparent)]
    Word(#[from] WordError),
    /// More words than [`WORDS_MAX`].
    #[error("the command has {0} words; at most {WORDS_MAX} may be")]
    TooLong(usize),
    /// A `{` without its `}`, or a `}` alone.
    #[error("word {number} has `{bad}` at character {place}: write a parameter as in {{port}}")]
    Brace {
        /// Position in the argument vector, from 1.
        number: usize,
        /// The brace.
        bad: char,
        /// Its place in the word, from 1.
        place: usize,
    },
    /// A parameter that is not declared.
    #[error("word {number} uses `{{{name}}}`, which `parameters` does not declare")]
    Undeclared {
        /// Position in the argument vector, from 1.
        number: usize,
        /// Its name, escaped.
        name: String,
    },
    /// A declared parameter that no word uses.
    #[error("parameter `{0}` is declared but no word uses it")]
    Unused(String),
    /// A parameter inside the program or an option could turn it into another.
    #[error("word {number} has a parameter in {inside}: a parameter may only be a value")]
    Misplaced {
        /// Position in the argument vector, from 1.
        number: usize,
        /// `the program` or `an option`.
        inside: &'static str,
    },
    /// A type that no value fits.
    #[error("parameter `{name}`: {reason}")]
    Type {
        /// The parameter.
        name: String,
        /// What is wrong with its type.
        reason: String,
    },
    /// The host has no value for it.
    #[error("parameter `{0}` has no value for this host")]
    Missing(String),
    /// The host's value is not of the type.
    #[error("parameter `{name}`: {error}")]
    Value {
        /// The parameter.
        name: String,
        /// What is wrong with the value.
        error: ValueError,
    },
}

impl TemplateError {
    /// The word it is about, from 1. `None`: the template as a whole.
    #[must_use]
    pub const fn word_number(&self) -> Option<usize> {
        match self {
            Self::Word(error) => Some(error.number),
            Self::Brace { number, .. }
            | Self::Undeclared { number, .. }
            | Self::Misplaced { number, .. } => Some(*number),
            Self::TooLong(_)
            | Self::Unused(_)
            | Self::Type { .. }
            | Self::Missing(_)
            | Self::Value { .. } => None,
        }
    }
}

impl Template {
    /// Checks words and parameters.
    ///
    /// # Errors
    /// Every fault there is, in the order of the words.
    pub fn new(
        words: &[String],
        parameters: BTreeMap<String, ParameterType>,
    ) -> Result<Self, Vec<TemplateError>> {
        let mut faults = Vec::new();
        if words.len() > WORDS_MAX {
            return Err(vec![TemplateError::TooLong(words.len())]);
        }
        for (name, kind) in &parameters {
            faults.extend(type_fault(kind).map(|reason| TemplateError::Type {
                name: crate::model::text::escape(name.as_bytes()),
                reason,
            }));
        }
        let mut parsed = Vec::new();
        for (index, word) in words.iter().enumerate() {
            match split(index + 1, word) {
                Ok(parts) => parsed.push(parts),
                Err(fault) => faults.push(fault),
            }
        }
        let template = Self { words: parsed, parameters };
        if faults.is_empty() {
            template.check(&mut faults);
        }
        if faults.is_empty() { Ok(template) } else { Err(faults) }
    }

    fn check(&self, faults: &mut Vec<TemplateError>) {
        for (number, parts) in (1..).zip(&self.words) {
            for name in names(parts).filter(|name| !self.parameters.contains_key(*name)) {
                let name = crate::model::text::escape(name.as_bytes());
                faults.push(TemplateError::Undeclared { number, name });
            }
            let inside = match parts.first() {
                _ if number == 1 => Some("the program"),
                Some(Part::Literal(text)) if text.starts_with('-') => Some("an option"),
                _ => None,
            };
            if let Some(inside) = inside.filter(|_| names(parts).next().is_some()) {
                faults.push(TemplateError::Misplaced { number, inside });
            }
        }
        let used = |name: &String| self.words.iter().flat_map(|w| names(w)).any(|n| n == name);
        let unused = self.parameters.keys().filter(|name| !used(name));
        faults.extend(
            unused.map(|name| TemplateError::Unused(crate::model::text::escape(name.as_bytes()))),
        );
        if faults.is_empty() {
            // Every parameter is a plain value, so what a word may hold does not depend on it.
            let sample = self.samples().into_iter().next().unwrap_or_default();
            let check = |(number, word): (usize, &String)| check_word(number, word).err();
            faults.extend((1..).zip(&sample).filter_map(check).map(TemplateError::Word));
            if self.words.is_empty() {
                faults.extend(check_word(1, "").err().map(TemplateError::Word));
            }
        }
    }

    /// Fills in the values that `lookup` has for the parameters.
    ///
    /// # Errors
    /// Every parameter without a fitting value, or the words that may not stand in a command.
    pub fn render<'a>(
        &self,
        lookup: impl Fn(&str) -> Option<Value<'a>>,
    ) -> Result<Command, Vec<TemplateError>> {
        let mut faults = Vec::new();
        let mut values = BTreeMap::new();
        for (name, kind) in &self.parameters {
            match lookup(name).map(|value| kind.render(value)) {
                Some(Ok(value)) => {
                    values.insert(name.as_str(), value);
                }
                Some(Err(error)) => {
                    faults.push(TemplateError::Value { name: name.clone(), error });
                }
                None => faults.push(TemplateError::Missing(name.clone())),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Command::rendered(self.fill(&values))
            .map_err(|words| words.into_iter().map(TemplateError::Word).collect())
    }

    /// Argument vectors that stand for all that can be rendered: each parameter takes each of its
    /// samples while the others take their first.
    pub(in crate::probe) fn samples(&self) -> Vec<Vec<String>> {
        let first = |kind: &ParameterType| kind.samples().into_iter().next().unwrap_or_default();
        let base: BTreeMap<&str, String> =
            self.parameters.iter().map(|(name, kind)| (name.as_str(), first(kind))).collect();
        let mut all = vec![self.fill(&base)];
        for (name, kind) in &self.parameters {
            for sample in kind.samples().into_iter().skip(1) {
                let mut values = base.clone();
                values.insert(name, sample);
                all.push(self.fill(&values));
            }
        }
        all
    }

    fn fill(&self, values: &BTreeMap<&str, String>) -> Vec<String> {
        let part = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Parameter(name) => values.get(name.as_str()).cloned().unwrap_or_default(),
        };
        self.words.iter().map(|parts| parts.iter().map(part).collect()).collect()
    }

    /// The words as they were written.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let part = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Parameter(name) => format!("{{{name}}}"),
        };
        self.words.iter().map(|parts| parts.iter().map(part).collect()).collect()
    }

    /// Parameters and their types.
    #[must_use]
    pub const fn parameters(&self) -> &BTreeMap<String, ParameterType> {
        &self.parameters
    }
}

fn names(parts: &[Part]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| match part {
        Part::Parameter(name) => Some(name.as_str()),
        Part::Literal(_) => None,
    })
}

fn type_fault(kind: &ParameterType) -> Option<String> {
    match kind {
        ParameterType::Enum(words) if words.is_empty() => Some("an enum needs words".to_owned()),
        ParameterType::Enum(words) => words.iter().find_map(|word| {
            if word.starts_with('-') {
                let word = crate::model::text::escape(word.as_bytes());
                return Some(format!("`{word}` begins with -: it would be an option"));
            }
            // Any place but the first: the word is no program.
            check_word(2, word).err().map(|fault| format!("`{}` {}", fault.text, fault.reason))
        }),
        ParameterType::Number { min, max } if min > max => {
            Some(format!("no number is from {min} to {max}"))
        }
        _ => None,
    }
}

/// Splits a word at its braces.
fn split(number: usize, word: &str) -> Result<Vec<Part>, TemplateError> {
    let place_of = |rest: &str| {
        let before = word.len() - rest.len();
        word.get(..before).unwrap_or_default().chars().count() + 1
    };
    let brace = |bad: char, rest: &str| TemplateError::Brace { number, bad, place: place_of(rest) };
    let mut parts = Vec::new();
    let mut rest = word;
    while let Some(at) = rest.find(['{', '}']) {
        let (literal, tail) = rest.split_at(at);
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.to_owned()));
        }
        let Some(inner) = tail.strip_prefix('{') else { return Err(brace('}', tail)) };
        let Some((name, after)) = inner.split_once('}') else { return Err(brace('{', tail)) };
        if name.is_empty() || name.contains('{') {
            return Err(brace('{', tail));
        }
        parts.push(Part::Parameter(name.to_owned()));
        rest = after;
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(Part::Literal(rest.to_owned()));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    fn parameters(list: &[(&str, ParameterType)]) -> BTreeMap<String, ParameterType> {
        list.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone())).collect()
    }

    fn faults(line: &str, list: &[(&str, ParameterType)]) -> Vec<String> {
        let result = Template::new(&words(line), parameters(list));
        result.unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn values_are_filled_in_canonical_form() {
        let kinds = parameters(&[("port", ParameterType::Port), ("net", ParameterType::Cidr)]);
        let line = "/usr/bin/ss -n dst {net} sport :{port}";
        let template = Template::new(&words(line), kinds).unwrap();
        let lookup = |name: &str| match name {
            "port" => Some(Value::Number(6379)),
            "net" => Some(Value::Text("2001:DB8::/32")),
            _ => None,
        };
        let command = template.render(lookup).unwrap();
        assert_eq!(command.words(), words("/usr/bin/ss -n dst 2001:db8::/32 sport :6379"));
        assert_eq!(template.words(), words(line));
    }

    #[test]
    fn every_fault_of_a_template_is_shown_with_its_place() {
        let port = ("port", ParameterType::Port);
        assert_eq!(
            faults("/usr/bin/ss -l$x a;b", &[]),
            [
                "word 2 `-l$x` has `$` at character 3: a command holds only A-Z a-z 0-9 _ . / : = , @ % + -",
                "word 3 `a;b` has `;` at character 2: a command holds only A-Z a-z 0-9 _ . / : = , @ % + -",
            ]
        );
        assert_eq!(
            faults("/usr/bin/{port} -p{port} {other} x", &[port.clone(), ("z", ParameterType::Ip)]),
            [
                "word 1 has a parameter in the program: a parameter may only be a value",
                "word 2 has a parameter in an option: a parameter may only be a value",
                "word 3 uses `{other}`, which `parameters` does not declare",
                "parameter `z` is declared but no word uses it",
            ]
        );
        assert_eq!(
            faults("/usr/bin/ss {port a}b", std::slice::from_ref(&port)),
            [
                "word 2 has `{` at character 1: write a parameter as in {port}",
                "word 3 has `}` at character 2: write a parameter as in {port}",
            ]
        );
        assert_eq!(
            faults("ss {port}", &[port]),
            ["word 1 `ss` is not an absolute path: write the program as in /usr/bin/ss"]
        );
        let verb = ParameterType::Enum(vec!["show".into(), "-batch".into()]);
        assert_eq!(
            faults("/usr/sbin/ip {verb}", &[("verb", verb)]),
            ["parameter `verb`: `-batch` begins with -: it would be an option"]
        );
    }

    #[test]
    fn a_value_that_does_not_fit_never_becomes_a_command() {
        let kinds = parameters(&[("port", ParameterType::Port)]);
        let template = Template::new(&words("/usr/bin/ss sport :{port}"), kinds).unwrap();
        let said = |value| {
            let faults = template.render(|_| value).unwrap_err();
            faults.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(said(None), ["parameter `port` has no value for this host"]);
        assert_eq!(
            said(Some(Value::Text("22 -K"))),
            ["parameter `port`: `22 -K` is no port from 1 to 65535: it has ` ` at character 3"]
        );
    }
}
