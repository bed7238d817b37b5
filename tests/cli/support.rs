//! Runs the binary with an environment of its own, and folders that go away.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The binary under test.
pub(crate) const FLEETSTAT: &str = env!("CARGO_BIN_EXE_fleetstat");

/// A path below the package.
pub(crate) fn package(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

/// What a command ended with.
pub(crate) struct Ended {
    /// The exit code. -1: ended by a signal.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Ended {
    /// Standard output, of a command that ended clean and silent.
    #[track_caller]
    pub(crate) fn clean(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        self.out
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            err: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
        }
    }
}

/// A folder for files, and for store and evidence below `data`.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and returns its path as text.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, bytes).expect("a file");
        path.to_str().expect("a path in UTF-8").to_owned()
    }

    /// The command with this place's data, nothing of the environment but a search path.
    pub(crate) fn command<I: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = I>,
    ) -> Command {
        let mut command = Command::new(FLEETSTAT);
        command.args(arguments);
        self.surround(&mut command);
        command
    }

    /// Gives any program the environment of [`Place::command`]; it starts in the package.
    pub(crate) fn surround(&self, command: &mut Command) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        command
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.folder.path())
            .env("LOGNAME", "operator")
            .env("FLEETSTAT_DATA", self.path("data"))
            .current_dir(package(""))
            .stdin(Stdio::null());
    }

    pub(crate) fn run<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Ended {
        self.command(arguments).output().expect("the binary starts").into()
    }

    /// Runs with the words of a line, split at blanks.
    pub(crate) fn line(&self, line: &str) -> Ended {
        self.run(line.split_whitespace())
    }

    /// Runs with this on standard input.
    pub(crate) fn fed(&self, line: &str, input: &[u8]) -> Ended {
        let mut command = self.command(line.split_whitespace());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let bytes = input.to_vec();
        let writer = std::thread::spawn(move || {
            // The program may end before it read all.
            let _ = stdin.write_all(&bytes);
        });
        let output = child.wait_with_output().expect("the binary ends");
        writer.join().expect("the writer ends");
        output.into()
    }

    /// Collects this machine once and returns the run's id.
    pub(crate) fn collect(&self) -> String {
        let words = "run playbooks/nightly-snapshot.yaml -i inventories/localhost.yaml -q";
        assert_eq!(self.line(words).clean(), "");
        self.runs().pop().expect("a run")
    }

    /// Ids of the runs below the data folder, sorted.
    pub(crate) fn runs(&self) -> Vec<String> {
        self.listed("data/evidence")
    }

    /// Names in a folder, sorted. Empty when it is not there.
    pub(crate) fn listed(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(folder)) else { return Vec::new() };
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> =
            entries.map(|entry| name(entry).into_string().expect("a name in UTF-8")).collect();
        names.sort();
        names
    }

    /// The only evidence file of a run.
    pub(crate) fn evidence(&self, run: &str) -> PathBuf {
        let folder = format!("data/evidence/{run}");
        let names = self.listed(&folder);
        let name = names.iter().find(|name| name.ends_with("-netstat.txt")).expect("evidence");
        self.path(&folder).join(name)
    }
}

/// An array of objects.
#[track_caller]
pub(crate) fn json(text: &str) -> Vec<Value> {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    value.as_array().expect("an array").clone()
}

/// One object a line.
#[track_caller]
pub(crate) fn ndjson(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON in a line")).collect()
}

/// RFC 4180, read back: one map from column to cell for each row.
pub(crate) fn csv(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut rows = vec![vec![String::new()]];
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let row = rows.last_mut().expect("a row");
        match (letter, quoted) {
            ('"', true) if letters.peek() == Some(&'"') => {
                letters.next();
                row.last_mut().expect("a cell").push('"');
            }
            ('"', _) => quoted = !quoted,
            (',', false) => row.push(String::new()),
            ('\r', false) if letters.peek() == Some(&'\n') => {}
            ('\n', false) => rows.push(vec![String::new()]),
            _ => row.last_mut().expect("a cell").push(letter),
        }
    }
    assert!(!quoted, "a quote is not closed");
    assert_eq!(rows.pop(), Some(vec![String::new()]), "the last line has its end");
    let mut rows = rows.into_iter();
    let head = rows.next().unwrap_or_default();
    let of_row = |row: Vec<String>| {
        assert_eq!(row.len(), head.len(), "a row has as many cells as the head");
        head.iter().cloned().zip(row).collect()
    };
    rows.map(of_row).collect()
}
