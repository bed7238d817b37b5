//! The only thing that can reach a host: an argument vector fixed when fleetstat is compiled, or
//! rendered from a checked template.
//!
//! An SSH server hands a command to the login shell as one string, so the gate is at the level of
//! characters: a word holds only `A-Z a-z 0-9 _ . / : = , @ % + -` and begins with none that a
//! shell treats specially there. Such words need no quoting in sh, dash, bash, ksh, zsh, csh, tcsh
//! or fish, so the line is the words joined by single spaces, and every shell splits it alike
//! (`tests/probe` proves it with each shell that is installed).
//!
//! One function, [`word_fault`], decides. It runs at build time over every built-in word, and at
//! run time over every rendered one. To see it stop a build:
//!
//! ```compile_fail,E0080
//! use fleetstat::probe::command::{Arguments, arguments};
//! const LISTENERS: Arguments = arguments(&["-n", "-l;id"]);
//! fn main() { println!("{:?}", LISTENERS); }
//! ```
//!
//! while the same without the semicolon builds:
//!
//! ```
//! use fleetstat::probe::command::{Arguments, arguments};
//! const LISTENERS: Arguments = arguments(&["-n", "-l"]);
//! fn main() { println!("{:?}", LISTENERS); }
//! ```

use crate::model::host::Platform;
use crate::model::text::escape;

/// True for a character that no shell interprets inside a word.
#[must_use]
pub const fn is_plain(byte: u8) -> bool {
    matches!(byte,
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9'
        | b'_' | b'.' | b'/' | b':' | b'=' | b',' | b'@' | b'%' | b'+' | b'-')
}

/// Variables every command runs under, and nothing else: no locale, no time zone, no user profile
/// can change what a tool prints.
pub const ENVIRONMENT: &[&str] =
    &["/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "LANG=C", "TZ=UTC"];

/// True for the absolute path of a program of Windows: a drive, a colon, a backslash. cmd.exe and
/// PowerShell take a backslash for itself; a POSIX shell on Windows does not, finds no such program
/// and runs nothing.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "const fn: iterators cannot be used")]
pub const fn is_windows_program(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() > 3 && bytes[0].is_ascii_uppercase() && bytes[1] == b':' && bytes[2] == b'\\'
}

/// True for a character that neither cmd.exe nor PowerShell interprets inside an argument. Fewer
/// than [`is_plain`]: cmd.exe expands `%name%`, PowerShell makes a list of what commas join, takes
/// `@name` for one and cuts `-word:value` in two.
#[must_use]
pub const fn is_plain_on_windows(byte: u8) -> bool {
    is_plain(byte) && !matches!(byte, b'%' | b',' | b'@' | b':')
}

/// Most bytes of one word: 512. The longest built-in word is under 60; a path on a host is at most
/// 4096, and none that a probe names comes near.
pub const WORD_BYTES_MAX: usize = 512;

/// Most bytes of one argument on Windows: 7,600. An encoded script is one word, and cmd.exe takes
/// lines of 8,191 characters.
pub const WINDOWS_WORD_BYTES_MAX: usize = 7_600;

/// What is wrong with a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordFault {
    /// It is empty.
    Empty,
    /// It is longer than [`WORD_BYTES_MAX`].
    TooLong,
    /// The program is not an absolute path.
    NotAbsolute,
    /// It begins with `=`, `%` or `@`: zsh expands `=ls`, csh takes `%1` for a job and `@` for
    /// arithmetic.
    FirstCharacter,
    /// It holds a character that [`is_plain`] refuses, at this byte from 0.
    Character(usize),
}

/// The first fault of a word, if it has one. `program`: it is the first of a command.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "const fn: iterators cannot be used; `at` is bounded")]
pub const fn word_fault(word: &str, program: bool) -> Option<WordFault> {
    let bytes = word.as_bytes();
    if bytes.is_empty() {
        return Some(WordFault::Empty);
    }
    if bytes.len() > WORD_BYTES_MAX {
        return Some(WordFault::TooLong);
    }
    let windows = program && is_windows_program(word);
    if program && bytes[0] != b'/' && !windows {
        return Some(WordFault::NotAbsolute);
    }
    let mut at = 0;
    while at < bytes.len() {
        if !(is_plain(bytes[at]) || windows && bytes[at] == b'\\') {
            return Some(WordFault::Character(at));
        }
        at += 1;
    }
    if matches!(bytes[0], b'=' | b'%' | b'@') {
        return Some(WordFault::FirstCharacter);
    }
    None
}

/// A word that may not stand in a command, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("word {number} `{text}` {reason}")]
pub struct WordError {
    /// Position in the argument vector, from 1: the program is 1.
    pub number: usize,
    /// Position of the offending character in the word, from 1. `None`: the word as a whole.
    pub place: Option<usize>,
    /// The word, escaped.
    pub text: String,
    /// What is wrong and what would be right, as a fragment that follows the word.
    pub reason: String,
}

/// Checks one word of a command that was written or rendered at run time.
///
/// # Errors
/// When [`word_fault`] finds a fault; the message shows the offending character and its place.
pub fn check_word(number: usize, word: &str) -> Result<(), WordError> {
    let Some(fault) = word_fault(word, number == 1) else { return Ok(()) };
    let mut place = None;
    let reason = match fault {
        WordFault::Empty => "is empty: leave it out".to_owned(),
        WordFault::TooLong => format!("is longer than {WORD_BYTES_MAX} bytes"),
        WordFault::NotAbsolute => {
            "is not an absolute path: write the program as in /usr/bin/ss".to_owned()
        }
        WordFault::FirstCharacter => {
            place = Some(1);
            let first = word.get(..1).unwrap_or_default();
            format!("has `{first}` at character 1: a word may not begin with =, % or @")
        }
        WordFault::Character(at) => {
            let before = word.get(..at).unwrap_or_default().chars().count();
            let bad = word.get(at..).and_then(|rest| rest.chars().next()).unwrap_or_default();
            place = Some(before + 1);
            format!(
                "has `{}` at character {}: a command holds only A-Z a-z 0-9 _ . / : = , @ % + -",
                escape(bad.to_string().as_bytes()),
                before + 1
            )
        }
    };
    let text = escape(word.chars().take(80).collect::<String>().as_bytes());
    Err(WordError { number, place, text, reason })
}

/// An argument vector that passed the checks. The first word is an absolute path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Command {
    words: Vec<String>,
}

impl Command {
    /// A built-in command. Meant for `const` tables: a word that breaks the rules is a build error
    /// there (see [`checked`]).
    #[must_use]
    pub fn fixed(words: Checked) -> Self {
        Self { words: words.0.iter().map(|word| (*word).to_owned()).collect() }
    }

    /// A built-in command: a path from a [`crate::probe::tool::Tool`] and its arguments, both
    /// checked where they were made.
    pub(in crate::probe) fn of_tool(path: &'static str, arguments: Arguments) -> Self {
        let words = std::iter::once(&path).chain(arguments.0).map(|word| (*word).to_owned());
        Self { words: words.collect() }
    }

    /// A command rendered at run time, checked here again.
    pub(in crate::probe) fn rendered(words: Vec<String>) -> Result<Self, Vec<WordError>> {
        let check = |(index, word): (usize, &String)| check_word(index + 1, word).err();
        let mut faults: Vec<WordError> = words.iter().enumerate().filter_map(check).collect();
        if words.is_empty() {
            faults.extend(check_word(1, "").err());
        }
        if faults.is_empty() { Ok(Self { words }) } else { Err(faults) }
    }

    /// The words, program first.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// The same command with its program at another path of the same tool, as the host has it.
    /// `None` when the path is none of the tool's candidates.
    #[must_use]
    pub fn at(&self, tool: &crate::probe::tool::Tool, path: &str) -> Option<Self> {
        let found = tool.paths().iter().find(|candidate| **candidate == path)?;
        let rest = self.words.iter().skip(1).cloned();
        Some(Self { words: std::iter::once((*found).to_owned()).chain(rest).collect() })
    }

    /// What is sent to a host: environment, then priority, time limit and privilege as asked, then
    /// the command.
    ///
    /// `timeout` stands outside `sudo`, so that a sudoers rule pins the command alone, whatever the
    /// deadline. sudo 1.9.13 passes the signal of an ordinary account's `timeout` on to the command
    /// (measured: ended in time, nothing left behind).
    ///
    /// On Windows it is the command alone: there is no `env`, `timeout`, `nice` or `sudo`.
    #[must_use]
    pub fn invoke(&self, wrap: Wrap) -> Invocation {
        if self.words.first().is_some_and(|program| is_windows_program(program)) {
            return Invocation { argv: self.words.clone() };
        }
        let mut argv: Vec<String> = ENVIRONMENT.iter().map(|word| (*word).to_owned()).collect();
        let mut add = |words: &[&str]| argv.extend(words.iter().map(|word| (*word).to_owned()));
        if wrap.nice {
            add(&["/usr/bin/nice", "-n", "19"]);
        }
        if let Some(seconds) = wrap.timeout_seconds {
            add(&["/usr/bin/timeout", "-k", "2", &seconds.to_string()]);
        }
        if let Some(sudo) = wrap.sudo {
            add(&[sudo, "-n"]);
        }
        argv.extend(self.words.iter().cloned());
        Invocation { argv }
    }
}

/// Words that [`checked`] has looked at.
#[derive(Clone, Copy, Debug)]
pub struct Checked(&'static [&'static str]);

/// Checks the words of a built-in command. In a `const` a fault stops the build.
///
/// # Panics
/// When the vector is empty or [`word_fault`] finds a fault in one of its words.
#[must_use]
pub const fn checked(words: &'static [&'static str]) -> Checked {
    assert!(!words.is_empty(), "a command has at least a program");
    assert_words(words, true);
    Checked(words)
}

/// The words after the program of a built-in command, looked at by [`arguments`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arguments(&'static [&'static str]);

impl Arguments {
    /// The words.
    #[must_use]
    pub const fn words(&self) -> &'static [&'static str] {
        self.0
    }
}

/// Checks the arguments of a built-in command. In a `const` a fault stops the build.
///
/// # Panics
/// When [`word_fault`] finds a fault in one of them.
#[must_use]
pub const fn arguments(words: &'static [&'static str]) -> Arguments {
    assert_words(words, false);
    Arguments(words)
}

/// Checks the arguments of a built-in command of Windows. In a `const` a fault stops the build.
///
/// # Panics
/// When one is empty, longer than [`WINDOWS_WORD_BYTES_MAX`], begins with `=` or holds a character
/// that [`is_plain_on_windows`] refuses.
#[must_use]
#[expect(clippy::indexing_slicing, reason = "runs at build time: a panic is the build error")]
pub const fn windows_arguments(words: &'static [&'static str]) -> Arguments {
    let mut word = 0;
    while word < words.len() {
        let bytes = words[word].as_bytes();
        assert!(!bytes.is_empty() && bytes.len() <= WINDOWS_WORD_BYTES_MAX, "a word's length");
        assert!(bytes[0] != b'=', "a word of a command of Windows begins with =");
        let mut at = 0;
        while at < bytes.len() {
            assert!(
                is_plain_on_windows(bytes[at]),
                "a word of a command of Windows holds a character that its shells could interpret"
            );
            at += 1;
        }
        word += 1;
    }
    Arguments(words)
}

#[expect(clippy::indexing_slicing, reason = "runs at build time: a panic is the build error")]
const fn assert_words(words: &[&str], program_first: bool) {
    let mut at = 0;
    while at < words.len() {
        assert!(
            word_fault(words[at], program_first && at == 0).is_none(),
            "a word of a built-in command holds a character that a shell could interpret, is \
             empty, begins with = % or @, or the program is not an absolute path"
        );
        at += 1;
    }
}

/// What goes around a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrap {
    /// Seconds after which the host itself ends the command, with `timeout -k 2`. `None`: the host
    /// has no `timeout`.
    pub timeout_seconds: Option<u32>,
    /// Lowest priority, for hosts marked `fragile`.
    pub nice: bool,
    /// The path of sudo: through `sudo -n`, never asking for a password. `None`: as the account.
    pub sudo: Option<&'static str>,
}

/// Where a platform has sudo(8), when it has it: part of the system, or where its packages go.
#[must_use]
pub const fn sudo_path(platform: Platform) -> &'static str {
    match platform {
        Platform::Freebsd | Platform::Openbsd | Platform::Hpux => "/usr/local/bin/sudo",
        Platform::Netbsd => "/usr/pkg/bin/sudo",
        Platform::Aix => "/opt/freeware/bin/sudo",
        Platform::Linux
        | Platform::Windows
        | Platform::Macos
        | Platform::Solaris
        | Platform::Illumos => "/usr/bin/sudo",
    }
}

/// The exact argument vector sent to a host. Made only by [`Command::invoke`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Invocation {
    argv: Vec<String>,
}

impl Invocation {
    /// The argument vector.
    #[must_use]
    pub fn argv(&self) -> &[String] {
        &self.argv
    }

    /// The one line that an SSH server hands to the login shell.
    #[must_use]
    pub fn line(&self) -> String {
        self.argv.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bad_word_is_shown_with_its_character_and_place() {
        let error = check_word(4, "-l;id").unwrap_err();
        assert_eq!((error.number, error.place), (4, Some(3)));
        assert_eq!(
            error.to_string(),
            "word 4 `-l;id` has `;` at character 3: \
             a command holds only A-Z a-z 0-9 _ . / : = , @ % + -"
        );
        let error = check_word(2, "é\u{202e}").unwrap_err();
        assert!(error.to_string().starts_with("word 2 `é\\xe2\\x80\\xae` has `é` at character 1"));
        assert_eq!(word_fault("ss", true), Some(WordFault::NotAbsolute));
        assert_eq!(word_fault("=ls", false), Some(WordFault::FirstCharacter));
        assert_eq!(word_fault("", false), Some(WordFault::Empty));
    }

    #[test]
    #[should_panic(expected = "a shell could interpret")]
    fn the_check_of_the_build_refuses_at_run_time_too() {
        let _ = arguments(&["-n", "$(id)"]);
    }

    #[test]
    fn the_line_is_the_words_in_a_fixed_order() {
        let command = Command::fixed(checked(&["/usr/bin/ss", "-n"]));
        let wrap = Wrap { timeout_seconds: Some(55), nice: true, sudo: Some("/usr/bin/sudo") };
        assert_eq!(
            command.invoke(wrap).line(),
            "/usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C LANG=C TZ=UTC \
             /usr/bin/nice -n 19 /usr/bin/timeout -k 2 55 /usr/bin/sudo -n /usr/bin/ss -n"
        );
    }

    proptest! {
        #[test]
        fn what_passes_holds_only_plain_characters(words in proptest::collection::vec(".{0,12}", 0..5)) {
            if let Ok(command) = Command::rendered(words.clone()) {
                prop_assert!(command.words().iter().all(|w| !w.is_empty() && w.bytes().all(is_plain)));
                prop_assert_eq!(command.words(), &words[..]);
            }
        }
    }
}
