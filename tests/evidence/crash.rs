//! Sudden ends: `kill -9` at any system call, and a power cut at any moment.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Mutex;

use fleetstat::evidence::folder::RunFolder;
use fleetstat::evidence::read::EvidenceReader;
use fleetstat::evidence::verify::{FindingKind, verify};
use fleetstat::model::digest::Sha256;

use crate::child::{child, lines};
use crate::support::{Mount, Numbers, must, names, run_id};

/// Every acknowledged file is there with its digest, no other file is damaged, and what is not a
/// file's final name is swept.
fn check(folder: &Path, acknowledged: &[String]) {
    for line in acknowledged {
        let (name, sha256) = line.split_once(' ').unwrap();
        let bytes = fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(Sha256::of(&bytes).to_string(), sha256, "{name}");
    }
    for found in verify(folder, None).unwrap().findings {
        let harmless = [FindingKind::Temporary, FindingKind::Unfinished];
        assert!(harmless.contains(&found.kind), "{found}");
    }
    RunFolder::open(folder).unwrap().sweep_temporary().unwrap();
    for name in names(folder) {
        EvidenceReader::open(&folder.join(name)).unwrap().check_streams().unwrap();
    }
}

/// Reads acknowledgements until there are `count`.
fn read_acknowledged(output: &mut impl std::io::BufRead, count: usize, into: &mut Vec<String>) {
    let mut line = String::new();
    while into.len() < count {
        line.clear();
        assert_ne!(output.read_line(&mut line).unwrap(), 0, "the child ended after {into:?}");
        into.extend(lines(line.as_bytes(), "ack").into_iter().map(str::to_owned));
    }
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_kill_at_any_moment_leaves_whole_files_or_temporary_names() {
    let mut numbers = Numbers(9);
    for _ in 0..20 {
        let root = tempfile::tempdir().unwrap();
        let evidence = root.path().join("evidence");
        let mut child = child(&[], "many", &evidence).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut acknowledged = Vec::new();
        read_acknowledged(&mut output, 1 + numbers.below(40), &mut acknowledged);
        end(child);
        let rest: Vec<_> = output.split(b'\n').map(Result::unwrap).collect();
        // The last line may be cut, so only whole ones count.
        let whole = rest.iter().filter(|line| line.len() > 64);
        acknowledged.extend(whole.flat_map(|line| lines(line, "ack")).map(str::to_owned));
        check(&evidence.join(run_id().as_str()), &acknowledged);
    }
}

#[test]
fn a_kill_at_every_system_call_that_matters_leaves_whole_files_or_temporary_names() {
    for call in ["openat", "write", "fchmod", "fsync", "renameat2"] {
        for at in 1.. {
            let root = tempfile::tempdir().unwrap();
            let evidence = root.path().join("evidence");
            let inject = format!("inject={call}:signal=KILL:when={at}");
            let wrapper = ["strace", "-f", "-o", "/dev/null", "-e", &inject];
            let output = child(&wrapper, "few", &evidence).output().unwrap();
            let acknowledged: Vec<_> =
                lines(&output.stdout, "ack").into_iter().map(str::to_owned).collect();
            let folder = evidence.join(run_id().as_str());
            if folder.is_dir() {
                check(&folder, &acknowledged);
            } else {
                assert_eq!(acknowledged, Vec::<String>::new(), "{call} {at}");
            }
            if output.status.success() {
                // Beyond the last such call nothing is killed.
                assert_eq!(acknowledged.len(), 3);
                assert!(at > 3, "{call} was killed {} times only", at - 1);
                break;
            }
        }
    }
}

/// One at a time: loop devices are scarce.
static DISK: Mutex<()> = Mutex::new(());

/// An ext4 file system in a file. A copy of the file is what a power cut leaves: all that was
/// synced, and nothing that was not.
struct Disk {
    place: tempfile::TempDir,
    mount: Mount,
}

impl Disk {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let image = place.path().join("disk.img");
        fs::File::create(&image).unwrap().set_len(32 << 20).unwrap();
        must("mkfs.ext4", &["-q", "-F", image.to_str().unwrap()]);
        let mount = Mount::new(&["-o", "loop", image.to_str().unwrap()]);
        Self { place, mount }
    }

    fn evidence(&self) -> PathBuf {
        self.mount.path().join("evidence")
    }

    /// Checks what a power cut at this moment would leave.
    fn check_after_cut(&self, acknowledged: &[String]) {
        let copy = self.place.path().join("copy.img");
        fs::copy(self.place.path().join("disk.img"), &copy).unwrap();
        let after = Mount::new(&["-o", "loop", copy.to_str().unwrap()]);
        check(&after.path().join("evidence").join(run_id().as_str()), acknowledged);
    }
}

#[test]
fn a_power_cut_right_after_an_acknowledgement_keeps_the_file() {
    let _alone = DISK.lock().unwrap();
    let disk = Disk::new();
    let mut child = child(&[], "step", &disk.evidence()).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    for cut in 1..=10 {
        input.write_all(b"\n").unwrap();
        read_acknowledged(&mut output, cut, &mut acknowledged);
        disk.check_after_cut(&acknowledged);
    }
    end(child);
}

#[test]
fn a_power_cut_in_the_middle_of_many_writers_keeps_every_acknowledged_file() {
    let _alone = DISK.lock().unwrap();
    let disk = Disk::new();
    let mut child = child(&[], "many", &disk.evidence()).spawn().unwrap();
    let id = child.id().to_string();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = Vec::new();
    for cut in 1..=10 {
        read_acknowledged(&mut output, cut * 7, &mut acknowledged);
        // Stopped, so that the copy is of one moment.
        must("kill", &["-STOP", &id]);
        disk.check_after_cut(&acknowledged);
        must("kill", &["-CONT", &id]);
    }
    end(child);
}
