//! The quoting rule, proved with each shell that is installed: the line that an SSH server hands
//! to a login shell gives the same words under all of them.
#![expect(clippy::disallowed_methods, reason = "the test starts real shells")]

use std::path::Path;
use std::process::{Command, Stdio};

use fleetstat::probe::command::{Wrap, is_plain};
use fleetstat::probe::linux;

/// Shells with the words that make them read no profile.
const SHELLS: &[&[&str]] = &[
    &["/bin/sh"],
    &["/bin/dash"],
    &["/bin/bash", "--norc", "--noprofile"],
    &["/bin/ksh93"],
    &["/bin/mksh"],
    &["/bin/tcsh", "-f"],
    &["/bin/csh", "-f"],
    &["/bin/zsh", "-f"],
    &["/usr/bin/fish", "--no-config"],
    &["/bin/busybox", "sh"],
];

/// Printed after each word; no word holds it. The format begins with a letter.
const END: &str = "@@:@@";

/// The words that a shell makes of a line, as a program sees them.
fn words_under(shell: &[&str], line: &str) -> Vec<String> {
    let (program, options) = shell.split_first().expect("a shell has a path");
    let output = Command::new(program)
        .args(options)
        .arg("-c")
        .arg(format!("/usr/bin/printf W%s{END} {line}"))
        .env_clear()
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null())
        .output()
        .expect("the shell starts");
    assert!(output.status.success(), "{shell:?}: {output:?}");
    let text = String::from_utf8(output.stdout).expect("words are ASCII");
    let mut words: Vec<String> = text.split(END).map(str::to_owned).collect();
    assert_eq!(words.pop().as_deref(), Some(""), "{shell:?}: {text}");
    words.into_iter().map(|word| word.strip_prefix('W').expect("the mark").to_owned()).collect()
}

#[test]
fn every_invocation_gives_the_same_words_under_every_shell() {
    for shell in SHELLS {
        assert!(Path::new(shell[0]).exists(), "install {}: tests/run.sh does", shell[0]);
        for probe in linux::PROBES {
            for wrap in [
                Wrap::default(),
                Wrap { timeout_seconds: Some(55), nice: true, sudo: Some("/usr/bin/sudo") },
            ] {
                let invocation = probe.command().invoke(wrap);
                assert_eq!(words_under(shell, &invocation.line()), invocation.argv(), "{shell:?}");
            }
        }
    }
}

#[test]
fn every_plain_character_stays_itself_at_every_place_under_every_shell() {
    let mut words = Vec::new();
    for byte in (0..=u8::MAX).filter(|byte| is_plain(*byte)) {
        let c = char::from(byte);
        words.extend([format!("a{c}b"), format!("a{c}"), format!("a{c}{c}b"), format!("/{c}/")]);
        if !matches!(c, '=' | '%' | '@') {
            words.extend([format!("{c}"), format!("{c}x"), format!("{c}{c}"), format!("{c}1")]);
        }
    }
    let words: Vec<String> = words.into_iter().filter(|word| !word.contains(END)).collect();
    for shell in SHELLS {
        assert_eq!(words_under(shell, &words.join(" ")), words, "{shell:?}");
    }
}
