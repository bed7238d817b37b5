//! What the tests of evidence share: a run in a folder, its files, and programs to run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use fleetstat::evidence::commit::Committer;
use fleetstat::evidence::folder::RunFolder;
use fleetstat::evidence::manifest::{FileEntry, HostEntry, Manifest, VERSION, seal};
use fleetstat::evidence::spool::Spool;
use fleetstat::evidence::write::{SectionDraft, WriteError, write};
use fleetstat::model::capture::{
    ClockOffset, ControllerClock, End, FallbackOf, Header, Hop, HostCertificate, LegacyUse,
    Mandate, Negotiated,
};
use fleetstat::model::digest::Sha256;
use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::model::host::{Asset, Criticality, Exposure, Platform, TransportKind};
use fleetstat::model::id::{HostName, Label, Pass, ProbeId, RunId};
use fleetstat::model::snapshot::{Outcome, View};
use fleetstat::model::time::Utc;

pub(crate) fn run_id() -> RunId {
    RunId::parse("20261124T014200Z-00beef").unwrap()
}

pub(crate) fn utc(text: &str) -> Utc {
    Utc::parse(text).unwrap()
}

fn label(text: &str) -> Label {
    Label::new("label", text).unwrap()
}

pub(crate) fn asset(host: &str) -> Asset {
    Asset {
        name: HostName::new(host).unwrap(),
        address: "192.0.2.7".to_owned(),
        port: 22,
        platform: Platform::Linux,
        transport: TransportKind::Ssh,
        role: Some(label("web")),
        environment: Some(label("prod")),
        segment: None,
        site: Some(label("fra1")),
        criticality: Some(Criticality::High),
        exposure: Some(Exposure::Internet),
        owner: Some("-".to_owned()),
        tags: vec![label("dmz"), label("pci")],
        timezone: Some("Europe/Berlin".to_owned()),
        services: vec![label("https")],
    }
}

/// A header with every field set, and with text that tries to break the format.
pub(crate) fn header(host: &str) -> Header {
    Header {
        run: run_id(),
        pass: Pass { pass: 2, attempt: 3 },
        asset: asset(host),
        peer: Some("2001:db8::7".parse().unwrap()),
        account: "netcollect".to_owned(),
        os: Some("Debian \\x1b[31m\nsections: 0\n".to_owned()),
        views: View::ALL.to_vec(),
        mandate: Mandate {
            playbook: "nightly-snapshot".to_owned(),
            purpose: String::new(),
            operator: "A. Müller \u{202e}\u{7f}".to_owned(),
            change: Some("\"\"".to_owned()),
            tool_version: "0.1.0".to_owned(),
        },
        started: utc("2026-11-24T01:42:03.25Z"),
        ended: utc("2026-11-24T01:42:04Z"),
        clock: Some(ClockOffset { offset_us: -1200, error_us: 300 }),
        controller_clock: ControllerClock { synchronized: Some(true), error_us: None },
        surroundings: fleetstat::model::attribute::Surroundings::default(),
        negotiated: Some(Negotiated {
            server: "SSH-2.0-OpenSSH_9.2\u{2028}".to_owned(),
            host_key: "SHA256:abc".to_owned(),
            host_key_algorithm: "ssh-ed25519".to_owned(),
            kex: "curve25519-sha256".to_owned(),
            cipher: "chacha20-poly1305@openssh.com".to_owned(),
            mac: String::new(),
            strict_kex: true,
            identity: "ed25519 SHA256:def (file)".to_owned(),
            jumps: vec![Hop {
                name: HostName::new("bastion-1").unwrap(),
                address: "192.0.2.1".to_owned(),
                port: 2222,
                account: "hop".to_owned(),
                negotiated: hop_negotiated(),
            }],
            legacy: Some(LegacyUse {
                algorithms: vec!["ssh-rsa".to_owned()],
                reason: "firmware: \"old\" \u{2028}".to_owned(),
                expires: "2027-03-31".to_owned(),
            }),
            host_certificate: Some(HostCertificate {
                authority: "SHA256:ghi".to_owned(),
                key_id: "web-1 \\x1b[2J".to_owned(),
                serial: 7,
                valid_until: Some(utc("2026-12-24T00:00:00Z")),
            }),
        }),
        faults: vec![Fault::new(FaultKind::Lost, "line\nbreak \"quoted\"")],
    }
}

/// A section whose streams hold these bytes.
pub(crate) fn draft(folder: &RunFolder, stdout: &[u8], stderr: &[u8]) -> SectionDraft {
    let spool = |bytes: &[u8]| {
        let mut spool = Spool::new(&folder.spool(1 << 30));
        spool.write(bytes).unwrap();
        spool
    };
    SectionDraft {
        probe: ProbeId::builtin("linux/ss-inet4"),
        digest: Sha256::of(b"command"),
        reader: "linux/ss-inet4".to_owned(),
        views: vec![View::Listeners, View::Sessions],
        argv: vec!["/usr/bin/ss".to_owned(), "-Htan".to_owned()],
        sent: "/usr/bin/ss -Htan".to_owned(),
        fallback_of: Some(FallbackOf { section: 1, condition: "exit 127".to_owned() }),
        started: utc("2026-11-24T01:42:03.25Z"),
        ended: utc("2026-11-24T01:42:03.5Z"),
        elapsed_us: 250_000,
        end: End::Exit(0),
        faults: Vec::new(),
        stdout: spool(stdout),
        stderr: spool(stderr),
    }
}

/// Writes and commits one host's file with two sections.
pub(crate) fn collect(
    folder: &Arc<RunFolder>,
    committer: &Committer,
    host: &str,
    stdout: &[u8],
) -> Result<FileEntry, WriteError> {
    let header = header(host);
    let drafts = vec![draft(folder, stdout, b"warning\n"), draft(folder, b"", stdout)];
    let written = write(folder, &header, drafts)?;
    committer.commit(written).map(|file| FileEntry::new(header.pass, &file))
}

pub(crate) fn manifest(files: Vec<(&str, FileEntry)>) -> Manifest {
    let mut hosts: Vec<HostEntry> = files
        .into_iter()
        .map(|(host, file)| HostEntry {
            name: HostName::new(host).unwrap(),
            at: utc("2026-11-24T01:42:30Z"),
            outcome: Outcome::Complete,
            faults: Vec::new(),
            reason: None,
            files: vec![file],
        })
        .collect();
    hosts.push(HostEntry {
        name: HostName::new("left-out").unwrap(),
        at: utc("2026-11-24T01:42:00Z"),
        outcome: Outcome::Skipped,
        faults: vec![Fault::new(FaultKind::Skipped, "not selected")],
        reason: Some("`-l role=web` does not match".to_owned()),
        files: Vec::new(),
    });
    Manifest {
        version: VERSION,
        run: run_id(),
        mandate: header("x").mandate,
        inventory: Sha256::of(b"inventory"),
        catalogue: Sha256::of(b"catalogue"),
        started: utc("2026-11-24T01:42:00Z"),
        ended: utc("2026-11-24T01:43:00Z"),
        controller_clock: ControllerClock { synchronized: None, error_us: None },
        hosts,
    }
}

/// A finished run of some hosts, in a temporary folder.
pub(crate) struct Finished {
    pub(crate) root: tempfile::TempDir,
    pub(crate) path: PathBuf,
    pub(crate) manifest: Sha256,
    pub(crate) files: Vec<FileEntry>,
}

pub(crate) fn finished(hosts: &[&str]) -> Finished {
    let root = tempfile::tempdir().unwrap();
    let folder = Arc::new(RunFolder::create(root.path(), &run_id()).unwrap());
    let committer = Committer::start().unwrap();
    let files: Vec<_> = hosts
        .iter()
        .map(|host| {
            let output = format!("LISTEN 0 128 *:22 {host}\n").repeat(40);
            (*host, collect(&folder, &committer, host, output.as_bytes()).unwrap())
        })
        .collect();
    let entries = files.iter().map(|(_, file)| file.clone()).collect();
    let manifest = seal(&folder, manifest(files)).unwrap();
    Finished { path: folder.path().to_owned(), root, manifest, files: entries }
}

/// Names in a folder, sorted, with the files' bytes.
pub(crate) fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entry = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap_or_default())
    };
    fs::read_dir(folder).unwrap().map(|found| entry(found.unwrap())).collect()
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    content(folder).into_keys().collect()
}

/// A program to run.
#[expect(clippy::disallowed_methods, reason = "tests run real programs")]
pub(crate) fn program(name: &str) -> Command {
    Command::new(name)
}

/// Runs a program that must succeed.
pub(crate) fn must(name: &str, arguments: &[&str]) -> Output {
    let output = program(name).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{name} (needed by this test): {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}: {errors}");
    output
}

/// A mounted file system, unmounted at the end.
pub(crate) struct Mount(pub(crate) tempfile::TempDir);

impl Mount {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let place = tempfile::tempdir().unwrap();
        must("mount", &[arguments, &[place.path().to_str().unwrap()]].concat());
        Self(place)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        must("umount", &["-l", self.path().to_str().unwrap()]);
    }
}

/// Numbers that are the same in each run: `SplitMix64`.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).unwrap()
    }
}

/// What was agreed on with a jump host.
fn hop_negotiated() -> Negotiated {
    Negotiated {
        server: "SSH-2.0-OpenSSH_9.2p1".to_owned(),
        host_key: "SHA256:hop".to_owned(),
        host_key_algorithm: "ssh-ed25519".to_owned(),
        kex: "mlkem768x25519-sha256".to_owned(),
        cipher: "aes256-gcm@openssh.com".to_owned(),
        mac: String::new(),
        strict_kex: true,
        identity: "ed25519 SHA256:xyz (file)".to_owned(),
        jumps: Vec::new(),
        legacy: None,
        host_certificate: None,
    }
}
