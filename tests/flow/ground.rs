//! The ground that the tests stand on: namespaces, a fleet of hosts, the program, and its answers.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::lab::{self, Lab, Server};

/// Set in the process that runs in namespaces of its own.
const INSIDE: &str = "FLEETSTAT_TEST_INSIDE";

/// No test waits longer for anything.
const BOUND: Duration = Duration::from_mins(1);

/// Runs a test in namespaces of its own: the same program again, with this test alone.
pub(crate) fn alone<F: FnOnce()>(body: F) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let name = std::any::type_name::<F>();
    let name = name.strip_prefix("flow::").unwrap().strip_suffix("::{{closure}}").unwrap();
    let script = r#"ip link set lo up && exec "$0" --exact "$1" --nocapture"#;
    let output = Command::new("unshare")
        .args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["timeout", "120", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .arg(name)
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && shown.contains("1 passed"), "{shown}\n{errors}");
    println!("{shown}");
}

/// Asks again until there is an answer.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < BOUND, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// What the program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// The lines of an answer in NDJSON.
    pub(crate) fn rows(&self) -> Vec<Value> {
        assert_eq!(self.code, 0, "{}", self.err);
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Outcome, kinds of faults in their order, and number of evidence files of one host.
pub(crate) type Came = (String, Vec<String>, usize);

/// Shorthand for [`Came`].
pub(crate) fn came(outcome: &str, faults: &[&str], files: usize) -> Came {
    (outcome.to_owned(), faults.iter().map(|fault| (*fault).to_owned()).collect(), files)
}

/// An inventory, a playbook, keys, and the program's data.
pub(crate) struct Fleet {
    pub(crate) lab: Lab,
    inventory: String,
    known: String,
    environment: Vec<(&'static str, String)>,
}

impl Fleet {
    /// No hosts; account `root` with the laboratory's key, and account `reader`.
    pub(crate) fn new() -> Self {
        let lab = Lab::new();
        let key = lab.path("user");
        let account = |user| format!("  {user}: {{user: {user}, identity: {}}}\n", key.display());
        let inventory = format!(
            "accounts:\n{}{}all: {{account: root}}\nhosts:\n",
            account("root"),
            account(lab::READER)
        );
        Self { lab, inventory, known: String::new(), environment: Vec::new() }
    }

    /// Adds an account.
    pub(crate) fn account(&mut self, name: &str, text: &str) {
        let line = format!("accounts:\n  {name}: {{{text}}}\n");
        self.inventory = self.inventory.replacen("accounts:\n", &line, 1);
    }

    /// Adds a host with more keys (`, role: web`), and trusts `key` for it.
    pub(crate) fn host(&mut self, name: &str, address: SocketAddr, more: &str, key: &str) {
        let (ip, port) = (address.ip(), address.port());
        self.inventory += &format!("  {name}: {{address: {ip}, port: {port}{more}}}\n");
        if !key.is_empty() {
            self.trust(address, key);
        }
    }

    /// Adds a line to the inventory's hosts.
    pub(crate) fn line(&mut self, text: &str) {
        self.inventory += &format!("  {text}\n");
    }

    /// Sets a variable of the program's environment.
    pub(crate) fn set(&mut self, name: &'static str, value: &Path) {
        self.environment.push((name, value.display().to_string()));
    }

    /// Trusts a key of the laboratory for an address.
    pub(crate) fn trust(&mut self, address: SocketAddr, key: &str) {
        let (ip, port) = (address.ip(), address.port());
        self.known += &format!("[{ip}]:{port} {}\n", self.lab.public(key));
    }

    /// Trusts nobody.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }

    /// The program's data folder.
    pub(crate) fn data(&self) -> PathBuf {
        self.lab.path("data")
    }

    /// The program with some words, not started.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        self.lab.write("fleet.yaml", &self.inventory);
        self.lab.write("known_hosts", &self.known);
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetstat"));
        command.args(words).arg("--data").arg(self.data());
        command.arg("--known-hosts").arg(self.lab.path("known_hosts"));
        command.env_clear().env("HOME", self.lab.path("")).env("PATH", "/nonexistent");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program.
    pub(crate) fn say(&self, words: &[&str]) -> Said {
        let output = self.command(words).output().unwrap();
        Said {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Rows of an answer.
    pub(crate) fn ask(&self, words: &[&str]) -> Vec<Value> {
        self.say(&[words, &["--format", "ndjson"]].concat()).rows()
    }

    /// The words of a run: a playbook with more lines, this inventory, more words.
    pub(crate) fn run_words(&self, playbook: &str, more: &[&str]) -> Vec<String> {
        let text = format!("name: night\npurpose: routine\n{playbook}\n");
        let playbook = self.lab.write("night.yaml", &text);
        let fleet = self.lab.path("fleet.yaml");
        let words = ["run", playbook.to_str().unwrap(), "-i", fleet.to_str().unwrap()];
        words.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    /// Runs a playbook.
    pub(crate) fn run(&self, playbook: &str, more: &[&str]) -> Said {
        let words = self.run_words(playbook, more);
        self.say(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Starts a run.
    pub(crate) fn start(&self, playbook: &str, more: &[&str]) -> Child {
        let words = self.run_words(playbook, more);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        self.command(&words).spawn().unwrap()
    }

    /// Folders of the runs, the latest first.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.data().join("evidence")).unwrap();
        let mut folders: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        folders.sort_by_key(|folder| {
            let id = folder.file_name().unwrap().to_string_lossy().into_owned();
            let made = folder.metadata().unwrap().modified().unwrap();
            (id.split('-').next().unwrap().to_owned(), made)
        });
        folders.reverse();
        folders
    }

    /// The manifest of the last run.
    pub(crate) fn manifest(&self) -> Value {
        let bytes = std::fs::read(self.folders()[0].join("manifest.json")).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    /// What came of each host in the last run.
    pub(crate) fn outcomes(&self) -> BTreeMap<String, Came> {
        let manifest = self.manifest();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let came = |host: &Value| {
            let faults = host["faults"].as_array().unwrap();
            let faults = faults.iter().map(|fault| text(&fault["kind"])).collect();
            (text(&host["outcome"]), faults, host["files"].as_array().unwrap().len())
        };
        let hosts = manifest["hosts"].as_array().unwrap().iter();
        hosts.map(|host| (text(&host["name"]), came(host))).collect()
    }

    /// Details of a host's faults in the last run.
    pub(crate) fn details(&self, host: &str) -> Vec<String> {
        let manifest = self.manifest();
        let hosts = manifest["hosts"].as_array().unwrap();
        let host = hosts.iter().find(|entry| entry["name"] == host).unwrap();
        let faults = host["faults"].as_array().unwrap().iter();
        faults.map(|fault| fault["detail"].as_str().unwrap().to_owned()).collect()
    }

    /// The evidence of a host in the last run.
    pub(crate) fn evidence(&self, host: &str) -> Vec<u8> {
        let manifest = self.manifest();
        let hosts = manifest["hosts"].as_array().unwrap();
        let host = hosts.iter().find(|entry| entry["name"] == host).unwrap();
        let name = host["files"][0]["name"].as_str().unwrap();
        std::fs::read(self.folders()[0].join(name)).unwrap()
    }

    /// Records of a host, of one kind.
    pub(crate) fn records(&self, host: &str, kind: &str) -> Vec<Value> {
        self.ask(&["show", host, "--kind", kind])
    }
}

/// An address of the loopback network.
pub(crate) fn at(third: u8, fourth: u8, port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(127, 0, third, fourth), port))
}

/// sshd for every address of 127/8 on a port.
pub(crate) fn everywhere(lab: &Lab, port: u16, prelude: &str) -> Server {
    lab::sshd_of(lab, SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), prelude, &[])
}

/// The sshd process that listens, as this process sees it.
pub(crate) fn listening_pid(server: &Server) -> i32 {
    let pid = server.pid();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    children.split_whitespace().next().unwrap().parse().unwrap()
}

/// Sends a signal.
pub(crate) fn signal(name: &str, pid: i32) {
    let sent = Command::new("kill").args([name, &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Waits for a program and watches its peak resident memory. Unit: KiB.
pub(crate) fn finish(child: Child) -> (Said, u64) {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    // The pipes are emptied by a thread, or a long answer would stop the program.
    let waiting = std::thread::spawn(move || child.wait_with_output().unwrap());
    until("the program's end", || {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = peak.max(now.unwrap_or(0));
        waiting.is_finished().then_some(())
    });
    let output = waiting.join().unwrap();
    let said = Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    };
    (said, peak)
}

/// Names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
