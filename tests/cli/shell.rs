//! What a shell and its user expect: completions that complete, manual pages that render, colour
//! that can be turned off, codes that explain themselves, and a demo that runs as it stands.

use std::process::Command;

use clap::CommandFactory as _;
use fleetstat::cli::args::Cli;
use fleetstat::cli::explain::all;

use crate::support::{Ended, FLEETSTAT, Place, json, package};

fn shell(place: &Place, words: &[&str]) -> Ended {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    place.surround(&mut command);
    let folder = std::path::Path::new(FLEETSTAT).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", folder.display())).env("TERM", "dumb");
    command.output().expect(words[0]).into()
}

/// The verbs, as the program describes itself.
fn verbs() -> Vec<String> {
    let mut verbs: Vec<String> =
        Cli::command().get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    verbs.push("help".to_owned());
    verbs.sort();
    verbs
}

#[test]
fn bash_completes_every_verb_and_the_words_of_an_option() {
    let place = Place::new();
    let script = place.write("completion.bash", place.line("completions bash").clean());
    let ask = format!(
        "source {script}; complete_words() {{ COMP_WORDS=(\"$@\"); COMP_CWORD=$(($#-1)); \
         _fleetstat fleetstat \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"; }}; "
    );
    let words = |line: &str| {
        let command = format!("{ask} complete_words {line}");
        let answer = shell(&place, &["bash", "--norc", "-c", &command]).clean();
        let mut words: Vec<String> = answer.lines().map(str::to_owned).collect();
        words.sort();
        words
    };
    let found: Vec<String> =
        words("fleetstat ''").into_iter().filter(|word| !word.starts_with('-')).collect();
    assert_eq!(found, verbs());
    assert_eq!(words("fleetstat runs --format ''"), ["csv", "json", "ndjson", "table"]);
    assert_eq!(words("fleetstat completions f"), ["fish"]);
}

#[test]
fn fish_completes_every_verb() {
    let place = Place::new();
    let script = place.write("completion.fish", place.line("completions fish").clean());
    let command = format!("source {script}; complete -C 'fleetstat '");
    let answer = shell(&place, &["fish", "--no-config", "-c", &command]).clean();
    let mut found: Vec<String> = answer
        .lines()
        .filter_map(|line| line.split('\t').next())
        .filter(|word| !word.starts_with('-'))
        .map(str::to_owned)
        .collect();
    found.sort();
    assert_eq!(found, verbs());
}

/// Types into an interactive shell on a pseudo-terminal until an answer holds a word, for at most
/// twenty seconds, and writes what stands there. `sys.argv`: word, what to type, then the shell.
const TYPE: &str = r#"
import os, pty, select, sys, time
word, typed = sys.argv[1].encode(), sys.argv[2].encode().decode("unicode_escape").encode()
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[3], sys.argv[3:])
os.write(fd, typed)
seen, end = b"", time.monotonic() + 20
while word not in seen.split(b"READY")[-1] and time.monotonic() < end:
    if select.select([fd], [], [], 0.2)[0]:
        try:
            seen += os.read(fd, 65536)
        except OSError:
            break
os.close(fd)
os.waitpid(pid, 0)
sys.stdout.buffer.write(seen.split(b"READY")[-1])
"#;

#[test]
fn zsh_completes_every_verb() {
    let place = Place::new();
    place.write("functions/_fleetstat", place.line("completions zsh").clean());
    let typed = format!(
        "fpath=({} $fpath); autoload -U compinit; compinit -u -D; LISTMAX=1000; print REA''DY\\n\
         fleetstat \\t\\t",
        place.path("functions").display()
    );
    // The last verb of the list that is shown.
    let answer = shell(&place, &["python3", "-c", TYPE, "verify", &typed, "zsh", "-f", "-i"]);
    for verb in verbs() {
        assert!(answer.out.contains(&verb), "{verb}: {}{}", answer.out, answer.err);
    }
}

#[test]
fn manual_pages_render_without_a_warning_and_tell_what_the_help_tells() {
    let place = Place::new();
    let folder = place.path("man").display().to_string();
    assert_eq!(place.run(["man", "--out", &folder]).clean(), "");
    let pages = place.listed("man");
    assert!(pages.contains(&"fleetstat.1".to_owned()), "{pages:?}");
    assert!(pages.contains(&"fleetstat-query-listeners.1".to_owned()), "{pages:?}");
    for page in &pages {
        let path = format!("{folder}/{page}");
        let rendered = shell(&place, &["groff", "-man", "-Tutf8", "-ww", "-P-cbou", &path]);
        assert_eq!((rendered.code, rendered.err.as_str()), (0, ""), "{page}");
        assert!(rendered.out.contains("SYNOPSIS"), "{page}");
    }
    let page = place.line("man query listeners").clean();
    assert_eq!(
        page,
        std::fs::read_to_string(place.path("man/fleetstat-query-listeners.1")).unwrap()
    );
    let top = place.line("man").clean();
    assert!(top.contains("EXIT STATUS"), "{top}");
    let unknown = place.line("man qeury");
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("did you mean `query`?"), "{}", unknown.err);
}

#[test]
fn every_code_fault_and_exit_code_explains_itself() {
    let place = Place::new();
    for topic in all() {
        let page = place.run(["explain", &topic.name]).clean();
        assert!(page.starts_with(&topic.name), "{page}");
        assert!(page.contains(&topic.meaning), "{page}");
    }
    let rows = json(&place.line("explain --format json").clean());
    assert_eq!(rows.len(), all().len());
    let page = place.line("explain fs-inv-003").clean();
    assert_eq!(
        page,
        "FS-INV-003 (inventory): a key that no inventory has\n\nExit code: 30\n\nWrong:\n\n    \
         hosts:\n      web-1: {transport: local, rol: web}\n\nRight:\n\n    hosts:\n      \
         web-1: {transport: local, role: web}\n"
    );
    let unknown = place.line("explain FS-INV-999");
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.starts_with("error[FS-USE-010]: nothing is called `FS-INV-999`"));
}

#[test]
fn messages_have_colour_on_a_terminal_only_and_no_color_turns_it_off() {
    let place = Place::new();
    let wrong = "runs --data /nonexistent";
    assert!(!place.line(wrong).err.contains('\u{1b}'), "a file gets no colour");
    let forced = place.line(&format!("{wrong} --color always"));
    assert!(forced.err.starts_with("\u{1b}[1;31merror[FS-USE-009]\u{1b}[0m: "), "{}", forced.err);
    // A real terminal, from script(1).
    let on_terminal = |prefix: &str, options: &str| {
        let line = format!("{prefix} {FLEETSTAT} {wrong} {options}");
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]);
        place.surround(&mut command);
        command.env("TERM", "xterm");
        String::from_utf8(command.output().expect("script").stdout).unwrap()
    };
    assert!(on_terminal("", "").contains("\u{1b}[1;31m"));
    assert!(!on_terminal("env NO_COLOR=1", "").contains("\u{1b}["));
    assert!(on_terminal("env NO_COLOR=", "").contains("\u{1b}[1;31m"), "empty counts as unset");
    assert!(on_terminal("env NO_COLOR=1", "--color always").contains("\u{1b}[1;31m"));
    assert!(!on_terminal("", "--color never").contains("\u{1b}["));
    assert!(!on_terminal("env TERM=dumb", "").contains("\u{1b}["));
}

#[test]
fn the_demo_runs_as_it_stands() {
    let place = Place::new();
    let mut command = Command::new(package("examples/demo.sh"));
    place.surround(&mut command);
    command.env("FLEETSTAT", FLEETSTAT).env("DEMO_PORT", "23801").env_remove("FLEETSTAT_DATA");
    let demo: Ended = command.output().expect("the demo").into();
    assert_eq!(demo.code, 0, "{}\n{}", demo.out, demo.err);
    assert_eq!(demo.out.matches("3 complete, 0 partial, 0 failed, 0 skipped").count(), 2);
    assert!(demo.out.contains("listener_new  tcp port 23804 on 127.0.0.1"), "{}", demo.out);
    assert!(demo.out.contains("\nintact\n"), "{}", demo.out);
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = demo.out.lines().map(words).collect();
    assert!(lines.iter().any(|line| line.starts_with("operator the demo ")), "{}", demo.out);
    // The ticket names one of the hosts that changed.
    let during = |host: &str, words: &str| {
        let part = demo.out.split(&format!("$ fleetstat diff {host} ")).nth(1).unwrap();
        let change = part.lines().find(|line| line.contains("listener_new")).unwrap();
        assert!(change.ends_with(words), "{part}");
    };
    during("web-1", "within change CHG0815");
    during("db-1", "no change recorded");
    assert!(demo.out.contains("$ fleetstat query prevalence"), "{}", demo.out);
}
