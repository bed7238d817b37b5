//! The command line as people and scripts meet it: the real binary, on this machine and on files.
//!
//! Needs root, and `ssh-keygen`, `strace`, `python3`, `ss` and `ip`.

#![expect(clippy::disallowed_methods, reason = "a test of the binary starts it")]
#![expect(clippy::format_push_string, clippy::naive_bytecount, reason = "tests need no speed")]

#[cfg(test)]
mod answers;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod exits;
#[cfg(test)]
mod harden;
mod help;
#[cfg(test)]
mod import;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod parse;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod questions;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod shell;
#[cfg(test)]
mod site;
#[cfg(test)]
mod support;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod verify;

#[cfg(test)]
#[path = "../../benches/parse/generate.rs"]
#[allow(dead_code, reason = "shared with the benches, of which this suite uses a part")]
mod generate;

#[cfg(test)]
#[path = "../store/scene.rs"]
#[allow(dead_code, reason = "shared with the store's suite, of which this one uses a part")]
mod scene;
