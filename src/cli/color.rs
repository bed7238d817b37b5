//! Colour of messages on standard error. Answers on standard output never have any, so a file and
//! a terminal get the same bytes.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cli::args::ColorWord;
use crate::cli::setting::variable;

static ON: AtomicBool = AtomicBool::new(false);

/// Red and bold.
pub const ERROR: &str = "\x1b[1;31m";
/// Cyan and bold.
pub const HELP: &str = "\x1b[1;36m";
const RESET: &str = "\x1b[0m";

/// Decides once, at the start. `auto`: standard error is a terminal that can, and `NO_COLOR` is
/// unset or empty (no-color.org).
pub(super) fn decide(word: ColorWord) {
    let on = match word {
        ColorWord::Always => true,
        ColorWord::Never => false,
        ColorWord::Auto => {
            std::io::stderr().is_terminal()
                && variable("NO_COLOR").is_none()
                && variable("TERM").is_some_and(|term| term != "dumb")
        }
    };
    ON.store(on, Ordering::Relaxed);
}

/// Whether messages have colour.
#[must_use]
pub fn on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// The text in a colour, or as it is.
#[must_use]
pub fn paint(text: &str, color: &str) -> String {
    if on() { format!("{color}{text}{RESET}") } else { text.to_owned() }
}
