//! What stands on a terminal while a run is under way, and after it. A real pseudo-terminal.

use std::process::Command;

use crate::support::{Ended, FLEETSTAT, Place};

/// Runs the words after its own on a pseudo-terminal of the given width and writes every byte that
/// the terminal got. `sys.argv`: columns, then the command.
const TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
while True:
    try:
        part = os.read(fd, 65536)
    except OSError:
        break
    if not part:
        break
    sys.stdout.buffer.write(part)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

fn on_a_terminal(place: &Place, columns: &str, words: &[&str]) -> Ended {
    let mut command = Command::new("python3");
    command.args(["-c", TERMINAL, columns, FLEETSTAT]).args(words);
    place.surround(&mut command);
    command.env("TERM", "xterm");
    command.output().expect("python3").into()
}

/// A host that holds the run: a server that accepts and says nothing, for as long as a banner may
/// take; and this machine.
fn slow_run(place: &Place, listener: &std::net::TcpListener) -> [String; 2] {
    let key = place.path("key");
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key);
    assert!(keygen.status().unwrap().success());
    let port = listener.local_addr().unwrap().port();
    let inventory = place.write(
        "inventory.yaml",
        format!(
            "accounts:\n  a: {{user: reader, identity: {}}}\nhosts:\n  \
             silent: {{account: a, address: 127.0.0.1, port: {port}}}\n  here: {{transport: local}}\n",
            key.display()
        ),
    );
    let playbook = place.write(
        "slow.yaml",
        "name: slow\npurpose: routine\nviews: [host]\ndeadlines: {banner: 2s}\n",
    );
    [playbook, inventory]
}

/// What is left on the lines of a terminal after the bytes were shown: enough of ECMA-48 for what
/// a bar does (return, line feed, cursor up, erase).
fn screen(bytes: &str) -> Vec<String> {
    let mut lines: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0, 0);
    let mut letters = bytes.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\r' => column = 0,
            '\n' => {
                row += 1;
                if lines.len() == row {
                    lines.push(Vec::new());
                }
            }
            '\x1b' => {
                let sequence = sequence(&mut letters);
                let count = sequence.trim_end_matches(char::is_alphabetic).parse().unwrap_or(1);
                match sequence.chars().last() {
                    Some('A') => row = usize::saturating_sub(row, count),
                    Some('K') => lines[row].clear(),
                    _ => {}
                }
            }
            _ => {
                let line = &mut lines[row];
                line.resize(line.len().max(column + 1), ' ');
                line[column] = letter;
                column += 1;
            }
        }
    }
    let text = |line: Vec<char>| line.into_iter().collect::<String>().trim_end().to_owned();
    lines.into_iter().map(text).collect()
}

/// The rest of a control sequence, without its `[`, up to the letter that ends it.
fn sequence(letters: &mut std::str::Chars<'_>) -> String {
    let mut text = String::new();
    for letter in letters.filter(|letter| *letter != '[') {
        text.push(letter);
        if letter.is_ascii_alphabetic() {
            break;
        }
    }
    text
}

#[test]
fn a_bar_tells_of_the_run_and_leaves_nothing_behind() {
    for columns in ["120", "50"] {
        let place = Place::new();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let [playbook, inventory] = slow_run(&place, &listener);
        let ended = on_a_terminal(&place, columns, &["run", &playbook, "-i", &inventory]);
        assert_eq!(ended.code, 22, "{}", ended.out);
        if columns == "120" {
            for words in
                ["1 done, 0 failed, 1 in flight", "waiting for silent (connecting", "s left"]
            {
                assert!(ended.out.contains(words), "{words}: {}", ended.out);
            }
        }
        let left = screen(&ended.out);
        let page = left.join("\n");
        assert!(page.trim_start().starts_with("Run "), "{columns}: {page}");
        assert!(!page.contains("in flight"), "{columns}: {page}");
        assert!(!ended.out.contains("\x1b[?25l") || ended.out.contains("\x1b[?25h"));
        // The summary fits the terminal.
        let width: usize = columns.parse().unwrap();
        let longest = left.iter().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= width.max(100), "{longest}: {page}");
    }
}

#[test]
fn quiet_on_a_terminal_says_nothing() {
    let place = Place::new();
    let words =
        ["run", "playbooks/nightly-snapshot.yaml", "-i", "inventories/localhost.yaml", "-q"];
    let ended = on_a_terminal(&place, "80", &words);
    assert_eq!((ended.code, ended.out.as_str()), (0, ""));
}

#[test]
fn tables_fit_the_terminal() {
    let place = Place::new();
    place.collect();
    for words in [
        &["hosts", "-i", "inventories/example-fleet.yaml"][..],
        &["query", "listeners"],
        &["show", "localhost"],
        &["runs"],
    ] {
        let ended = on_a_terminal(&place, "140", words);
        assert_eq!(ended.code, 0, "{}", ended.out);
        for line in ended.out.lines() {
            assert!(line.chars().count() <= 140, "{words:?}: {line}");
        }
    }
}

#[test]
fn without_a_terminal_a_short_run_tells_only_its_summary() {
    let place = Place::new();
    let line = "run playbooks/nightly-snapshot.yaml -i inventories/localhost.yaml";
    let out = place.line(line).clean();
    assert!(out.starts_with("Run ") && !out.contains('\x1b'), "{out}");
}
