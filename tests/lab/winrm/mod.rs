//! Hosts with a WinRM service: `server.py`, started with accounts and keys of its own.

#![allow(dead_code, reason = "each suite uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a laboratory that cannot be set up fails its test; it starts a real server"
)]
#![allow(unreachable_pub, missing_docs, reason = "shared by several test programs")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub use kdc::Kdc;

#[path = "kdc.rs"]
mod kdc;

/// An account without any rights but to log in.
pub const USER: &str = "svc-netstat";

/// The service, its accounts and keys. Ends when it is dropped.
pub struct Service {
    child: Child,
    ready: Value,
    folder: tempfile::TempDir,
    /// Password of [`USER`]: another one each time.
    pub password: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Folder of the laboratory.
fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/winrm")
}

impl Service {
    /// Starts the service on these addresses, e.g. `127.0.1.1-127.0.1.9`, with more arguments.
    pub fn start(hosts: &str, more: &[&str]) -> Self {
        Self::start_in(hosts, more, (false, true), None)
    }

    /// The same, where the account is an administrator or not, and may make shells or not.
    pub fn start_as(hosts: &str, more: &[&str], admin: bool, remote: bool) -> Self {
        Self::start_in(hosts, more, (admin, remote), None)
    }

    /// The same with the files of a KDC.
    pub fn start_with(hosts: &str, more: &[&str], kdc: &Kdc) -> Self {
        Self::start_in(hosts, more, (false, true), Some(kdc))
    }

    fn start_in(
        hosts: &str,
        more: &[&str],
        (admin, remote): (bool, bool),
        kdc: Option<&Kdc>,
    ) -> Self {
        let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/winrm/bin/python");
        assert!(python.exists(), "{} is missing: run tests/run.sh once", python.display());
        let folder = tempfile::tempdir().unwrap();
        let password = format!("N3t!pä:{}", folder.path().file_name().unwrap().to_string_lossy());
        let secret = folder.path().join("secret");
        std::fs::write(&secret, format!("{password}\n")).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let users = json!([{
            "user": USER, "domain": "LAB", "password": password,
            "admin": admin, "remote": remote, "upn_suffixes": ["lab.test"],
        }]);
        std::fs::write(folder.path().join("users.json"), users.to_string()).unwrap();
        let mut command = Command::new(python);
        if let Some(kdc) = kdc {
            command.env("KRB5_CONFIG", kdc.path("krb5.conf"));
        }
        let mut child = command
            .arg(home().join("server.py"))
            .args(["--hosts", hosts, "--cbt", "strict", "--users"])
            .arg(folder.path().join("users.json"))
            .arg("--state-dir")
            .arg(folder.path().join("state"))
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready = serde_json::from_str(&line).expect("the service did not start");
        Self { child, ready, folder, password }
    }

    /// Port with TLS.
    pub fn https(&self) -> u16 {
        u16::try_from(self.ready["https"].as_u64().unwrap()).unwrap()
    }

    /// Port without.
    pub fn http(&self) -> u16 {
        u16::try_from(self.ready["http"].as_u64().unwrap()).unwrap()
    }

    /// Certificate of the authority that signed the hosts' certificates.
    pub fn authority(&self) -> PathBuf {
        self.ready["ca"].as_str().unwrap().into()
    }

    /// A path in the service's folder. `secret` holds the password.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Asks the control port; `None`: GET.
    fn control(&self, path: &str, body: Option<&Value>) -> Value {
        let port = u16::try_from(self.ready["control"].as_u64().unwrap()).unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (method, body) = match body {
            None => ("GET", String::new()),
            Some(body) => ("POST", body.to_string()),
        };
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Sets rules for faults.
    pub fn faults(&self, rules: &Value) {
        self.control("/faults", Some(rules));
    }

    /// Sets answers of single hosts, in the form of `canned/index.json` with `host`.
    pub fn answers(&self, entries: &Value) {
        self.control("/answers", Some(entries));
    }

    /// The last commands of a host: each with its line and what was sent of its two streams.
    pub fn sent(&self, host: &str) -> Vec<(String, Vec<u8>, Vec<u8>)> {
        use base64ct::{Base64, Encoding as _};
        let all = self.control(&format!("/sent/{host}"), None);
        let bytes = |text: &Value| Base64::decode_vec(text.as_str().unwrap()).unwrap();
        let one = |each: &Value| {
            let line = each["line"].as_str().unwrap().to_owned();
            (line, bytes(&each["stdout"]), bytes(&each["stderr"]))
        };
        all.as_array().unwrap().iter().map(one).collect()
    }

    /// A file that the service wrote when it started, such as `client-svc-netstat.pem`.
    pub fn state(&self, name: &str) -> PathBuf {
        self.path("state").join(name)
    }

    /// The fingerprint of the hosts' certificate, in hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        self.ready["server_cert_sha256"].as_str().unwrap().to_owned()
    }

    /// What happened so far.
    pub fn log(&self) -> Value {
        self.control("/log", None)
    }

    /// Forgets counters, shells and rules.
    pub fn reset(&self) {
        self.control("/reset", Some(&json!({})));
    }

    /// Changes limits.
    pub fn configure(&self, limits: &Value) {
        self.control("/config", Some(limits));
    }

    /// A counter of all hosts; 0 when it was never counted.
    pub fn total(&self, counter: &str) -> u64 {
        self.control("/state", None)["totals"][counter].as_u64().unwrap_or(0)
    }

    /// Counters of all hosts.
    pub fn totals(&self) -> Value {
        self.control("/state", None)["totals"].clone()
    }

    /// Shells that are open on a host.
    pub fn shells(&self, host: &str) -> usize {
        self.control("/state", None)["hosts"][host]["open_shells"].as_array().map_or(0, Vec::len)
    }

    /// A counter of one host; 0 when it was never counted.
    pub fn count(&self, host: &str, counter: &str) -> u64 {
        self.control("/state", None)["hosts"][host]["counters"][counter].as_u64().unwrap_or(0)
    }

    /// Waits until a counter has a value.
    pub fn wait_for(&self, counter: &str, least: u64) {
        let begun = Instant::now();
        while self.total(counter) < least {
            assert!(begun.elapsed() < Duration::from_secs(20), "{counter}: {}", self.totals());
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// What nothing of ours may ever cause: messages in the clear, envelopes that no Windows takes,
    /// shells that stay.
    pub fn assert_clean(&self) {
        let totals = self.totals();
        for counter in [
            "open_shells",
            "plaintext_rejected",
            "soap_plain_http",
            "conformance_issues",
            "decrypt_fail",
            "server_errors",
        ] {
            assert_eq!(totals[counter].as_u64().unwrap_or(0), 0, "{counter}: {totals}");
        }
    }
}

/// What a host of the laboratory prints for a file of its answers, with code page 65001.
pub fn canned(name: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(home().join("canned").join(name)).unwrap();
    text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()
}
