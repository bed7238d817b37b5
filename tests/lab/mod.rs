//! A laboratory of real servers on loopback, for every suite that needs one: keys from ssh-keygen,
//! OpenSSH's sshd, dropbear, ssh-agent. Each server lives in mount and PID namespaces of its own,
//! so it can have accounts that the machine has not, and nothing of it outlives the test.
//!
//! Used by `#[path = "../lab/mod.rs"] mod lab;`. Needs root and the Debian packages openssh-server,
//! openssh-client, dropbear-bin and util-linux.
#![allow(dead_code, reason = "each suite uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::format_push_string,
    clippy::disallowed_methods,
    reason = "a laboratory that cannot be set up fails its test; it starts real servers"
)]
#![allow(unreachable_pub, missing_docs, reason = "shared by several test programs")]

use std::io::{BufRead as _, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetstat::inventory::host::{Account, Escalation, Host, Identity, SecretSource};
use fleetstat::model::host::Asset;
use fleetstat::model::id::{HostName, Label};
use fleetstat::probe::command::{self, Invocation, Wrap};

/// An account of the servers that is not root. Home is the laboratory's folder.
pub const READER: &str = "reader";

/// A folder with keys and the files of servers. Everything goes when it is dropped.
pub struct Lab {
    folder: tempfile::TempDir,
}

impl Default for Lab {
    fn default() -> Self {
        Self::new()
    }
}

impl Lab {
    /// A laboratory with a host key (`host`) and a user key (`user`), both ed25519, and accounts
    /// `root` and [`READER`].
    pub fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "the laboratory needs root: run as root");
        let folder = tempfile::tempdir().expect("a temporary folder");
        // The unprivileged account reads authorized_keys itself.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let lab = Self { folder };
        lab.keygen("host", &[]);
        lab.keygen("user", &[]);
        lab.authorize("user", "");
        let home = lab.folder.path().display();
        lab.write(
            "passwd",
            &format!(
                "root:x:0:0:root:{home}:/bin/sh\n{READER}:x:45001:45001::{home}:/bin/sh\n\
                 sshd:x:45022:65534::/run/sshd:/usr/sbin/nologin\n\
                 nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
            ),
        );
        lab.write("shadow", &format!("root:*:19000:0:99999:7:::\n{READER}:*:19000:0:99999:7:::\n"));
        lab
    }

    /// A path in the laboratory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of mode 0600; the path.
    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        self.write_mode(name, content, 0o600)
    }

    /// Writes a file; the path.
    pub fn write_mode(&self, name: &str, content: &str, mode: u32) -> PathBuf {
        let path = self.path(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        path
    }

    /// Makes a key pair, ed25519 unless the arguments say otherwise; the private key's path.
    pub fn keygen(&self, name: &str, arguments: &[&str]) -> PathBuf {
        let path = self.path(name);
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", "ed25519", "-C", name, "-f"]).arg(&path);
        if !arguments.contains(&"-N") {
            command.args(["-N", ""]);
        }
        let status = command.args(arguments).status().expect("ssh-keygen of openssh-client");
        assert!(status.success(), "ssh-keygen failed");
        path
    }

    /// The public key's line of a key made here.
    pub fn public(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(&format!("{name}.pub"))).unwrap().trim().to_owned()
    }

    /// Adds a key to the accounts of the servers; `options` as in `authorized_keys`, or empty.
    pub fn authorize(&self, name: &str, options: &str) {
        let path = self.path(".ssh/authorized_keys");
        let mut content = std::fs::read_to_string(&path).unwrap_or_default();
        let space = if options.is_empty() { "" } else { " " };
        content.push_str(&format!("{options}{space}{}\n", self.public(name)));
        self.write_mode(".ssh/authorized_keys", &content, 0o644);
        std::fs::set_permissions(self.path(".ssh"), PermissionsExt::from_mode(0o755)).unwrap();
    }

    /// Writes a shell script; a command that runs it.
    pub fn script(&self, name: &str, text: &str) -> Invocation {
        let path = self.write_mode(name, &format!("#!/bin/sh\n{text}\n"), 0o755);
        invocation(&["/bin/sh", path.to_str().unwrap()], Wrap::default())
    }
}

/// A command of any words, as long as they pass the gate.
pub fn invocation(words: &[&str], wrap: Wrap) -> Invocation {
    let words: Vec<&'static str> =
        words.iter().map(|word| &*Box::leak((*word).to_owned().into_boxed_str())).collect();
    let words: &'static [&'static str] = Box::leak(words.into_boxed_slice());
    command::Command::fixed(command::checked(words)).invoke(wrap)
}

/// A host of an inventory, reached by SSH.
pub fn host(name: &str, address: &str, port: u16, account: Arc<Account>) -> Host {
    let asset = Asset::new(HostName::new(name).unwrap(), address.to_owned(), port);
    Host { account: Some(account), ..Host::of(asset) }
}

/// An account with a key file.
pub fn account(user: &str, key: &Path) -> Arc<Account> {
    account_with(user, Identity::File { path: key.to_owned(), passphrase: None, certificate: None })
}

/// An account with an encrypted key file.
pub fn encrypted_account(user: &str, key: &Path, passphrase: SecretSource) -> Arc<Account> {
    let passphrase = Some(passphrase);
    account_with(user, Identity::File { path: key.to_owned(), passphrase, certificate: None })
}

/// An account with any identity.
pub fn account_with(user: &str, identity: Identity) -> Arc<Account> {
    account_of(user, vec![identity])
}

/// An account with several identities.
pub fn account_of(user: &str, identities: Vec<Identity>) -> Arc<Account> {
    Arc::new(Account {
        name: Label::new("account", "lab").unwrap(),
        user: user.to_owned(),
        identities,
        escalation: Escalation::None,
    })
}

/// A server process and what it prints.
pub struct Server {
    child: Child,
    /// Address it listens on.
    pub address: SocketAddr,
    log: Arc<Mutex<String>>,
    lines: Receiver<()>,
}

impl Server {
    /// What it has printed so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the server has printed `text`.
    pub fn wait_for(&self, text: &str) {
        while !self.log().contains(text) {
            let line = self.lines.recv_timeout(Duration::from_secs(10));
            assert!(line.is_ok() || self.log().contains(text), "no `{text}` in:\n{}", self.log());
        }
    }

    /// Port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The `known_hosts` line for one of the laboratory's keys.
    pub fn known_line(&self, lab: &Lab, key: &str) -> String {
        self.known_line_for(lab, key, &self.address.ip().to_string())
    }

    /// The same for another name or address of this machine, for a server on 0.0.0.0.
    pub fn known_line_for(&self, lab: &Lab, key: &str, name: &str) -> String {
        format!("[{name}]:{} {}\n", self.port(), lab.public(key))
    }

    /// The process that ends all of the server when it is killed.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    fn start(mut command: Command, address: SocketAddr, ready: &str) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("unshare of util-linux");
        let log = Arc::new(Mutex::new(String::new()));
        let (sender, lines) = channel();
        let errors = child.stderr.take().unwrap();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || collect(errors, &kept, &sender));
        let server = Self { child, address, log, lines };
        server.wait_for(ready);
        server
    }
}

fn collect(errors: impl Read, log: &Mutex<String>, sender: &std::sync::mpsc::Sender<()>) {
    for line in BufReader::new(errors).lines().map_while(Result::ok) {
        let mut log = log.lock().unwrap();
        log.push_str(&line);
        log.push('\n');
        drop(log);
        if sender.send(()).is_err() {
            return;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed by the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a server's machine can be made of, as functions of the shell that starts it.
const MACHINE: &str = r#"set -e
# Removes programs from the machine.
hide() {
    for d in /usr/bin /usr/sbin; do
        t=/run/hidden$d
        mkdir -p "$t.real" "$t"
        mount --bind "$d" "$t.real"
        cp -as "$t.real/." "$t/"
        for n in "$@"; do rm -f "$t/$n"; done
        mount --bind "$t" "$d"
    done
}
# Puts a file of the laboratory in the place of one of the machine's.
replace() { mount --bind "$LAB/$2" "$(readlink -f "$1")"; }
"#;

/// Starts in own namespaces: the laboratory's accounts, a `/run` and a host name of its own, and an
/// end for all processes when the first one ends. `prelude` is shell text that runs there first;
/// it knows `$LAB` and the functions of [`MACHINE`].
fn contained(lab: &Lab, prelude: &str, program: &str, arguments: &[&str]) -> Command {
    let script = r#"mount -t tmpfs tmpfs /run && mkdir -m 755 /run/sshd &&
        mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/shadow" /etc/shadow &&
        export LAB="$1" && eval "$2" && unset LAB && shift 2 && exec "$@""#;
    std::fs::set_permissions(lab.path("passwd"), PermissionsExt::from_mode(0o644)).unwrap();
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--pid", "--uts", "--fork", "--kill-child", "--mount-proc"])
        .args(["sh", "-c", script, "lab"])
        .arg(lab.folder.path())
        .arg(format!("{MACHINE}{prelude}"))
        .arg(program)
        .args(arguments);
    command
}

/// A free port of an address.
pub fn free_port(ip: Ipv4Addr) -> u16 {
    TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap().port()
}

/// OpenSSH's sshd on 127.0.0.1 with the key `host`, and more lines for its configuration, which
/// replace the defaults below of the same keyword.
pub fn sshd(lab: &Lab, lines: &[&str]) -> Server {
    sshd_on(lab, Ipv4Addr::LOCALHOST, free_port(Ipv4Addr::LOCALHOST), lines)
}

/// OpenSSH's sshd on an address and port. On 0.0.0.0 all of 127/8 are hosts.
pub fn sshd_on(lab: &Lab, ip: Ipv4Addr, port: u16, lines: &[&str]) -> Server {
    sshd_of(lab, SocketAddr::from((ip, port)), "", lines)
}

/// OpenSSH's sshd on a machine that the shell text `prelude` has changed: see [`MACHINE`].
pub fn sshd_of(lab: &Lab, address: SocketAddr, prelude: &str, lines: &[&str]) -> Server {
    let (ip, port) = (address.ip(), address.port());
    let keys = lab.path(".ssh/authorized_keys");
    let host_key = lab.path("host");
    let defaults = format!(
        "ListenAddress {ip}\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
         StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n\
         PrintMotd no\nMaxStartups 500\nLogLevel VERBOSE\n",
        host_key.display(),
        keys.display(),
    );
    let keyword = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let given: Vec<String> = lines.iter().map(|line| keyword(line)).collect();
    let kept = defaults.lines().filter(|line| !given.contains(&keyword(line)));
    let mut config = String::new();
    for line in lines.iter().copied().chain(kept) {
        config.push_str(line);
        config.push('\n');
    }
    let name = format!("sshd_config_{port}");
    let path = lab.write(&name, &config);
    let arguments = ["-D", "-e", "-f", path.to_str().unwrap()];
    let command = contained(lab, prelude, "/usr/sbin/sshd", &arguments);
    Server::start(command, address, "Server listening on")
}

/// dropbear on 127.0.0.1 with a key of its own, whose public part is `dropbear.pub`.
pub fn dropbear(lab: &Lab) -> Server {
    let key = lab.path("dropbear");
    let made = Command::new("dropbearkey")
        .args(["-t", "ed25519", "-f"])
        .arg(&key)
        .output()
        .expect("dropbearkey of dropbear-bin");
    let text = String::from_utf8(made.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with("ssh-ed25519 ")).expect("a public key");
    lab.write("dropbear.pub", line);
    let port = free_port(Ipv4Addr::LOCALHOST);
    let listen = format!("127.0.0.1:{port}");
    let arguments = ["-F", "-E", "-p", &listen, "-r", key.to_str().unwrap()];
    let command = contained(lab, "", "/usr/sbin/dropbear", &arguments);
    Server::start(command, SocketAddr::from((Ipv4Addr::LOCALHOST, port)), "Not backgrounding")
}

/// ssh-agent with one key of the laboratory.
pub struct Agent {
    child: Child,
    /// Its socket.
    pub socket: PathBuf,
}

impl Agent {
    /// Starts an agent and gives it keys.
    pub fn start(lab: &Lab, keys: &[&str]) -> Self {
        let socket = lab.path("agent.sock");
        let mut child = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::piped())
            .spawn()
            .expect("ssh-agent of openssh-client");
        // It prints its socket when it listens.
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let agent = Self { child, socket };
        for key in keys {
            let added = Command::new("ssh-add")
                .arg("-q")
                .arg(lab.path(key))
                .env("SSH_AUTH_SOCK", &agent.socket)
                .status()
                .unwrap();
            assert!(added.success(), "ssh-add failed");
        }
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
