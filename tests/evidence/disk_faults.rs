//! A disk that is full or fails: the file concerned is refused, the others are unharmed.

use std::path::Path;
use std::sync::Arc;

use fleetstat::evidence::commit::Committer;
use fleetstat::evidence::folder::RunFolder;
use fleetstat::evidence::manifest::seal;
use fleetstat::evidence::read::EvidenceReader;
use fleetstat::evidence::spool::Spool;
use fleetstat::evidence::verify::{Verdict, verify};

use crate::child::{child, lines};
use crate::support::{Mount, collect, header, manifest, names, run_id};

#[test]
fn a_full_disk_refuses_one_file_and_leaves_the_others() {
    let disk = Mount::new(&["-t", "tmpfs", "-o", "size=256k,mode=0750", "tmpfs"]);
    let folder = Arc::new(RunFolder::create(disk.path(), &run_id()).unwrap());
    let committer = Committer::start().unwrap();
    let first = collect(&folder, &committer, "web-1", &vec![b'a'; 40_000]).unwrap();
    let error =
        collect(&folder, &committer, "web-2", &vec![b'b'; 150_000]).unwrap_err().to_string();
    assert!(error.contains("No space left on device") && error.contains("free space"), "{error}");
    assert_eq!(names(folder.path()), [&*first.name]);
    let mut spool = Spool::new(&folder.spool(1 << 30));
    let error = (0..100).find_map(|_| spool.write(&[b'c'; 10_000]).err()).unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    drop(spool);
    let third = collect(&folder, &committer, "web-3", &vec![b'd'; 40_000]).unwrap();
    seal(&folder, manifest(vec![("web-1", first), ("web-3", third)])).unwrap();
    assert_eq!(verify(folder.path(), None).unwrap().verdict(), Verdict::Intact);
}

#[test]
fn a_file_system_out_of_inodes_refuses_one_file_and_leaves_the_others() {
    let disk = Mount::new(&["-t", "tmpfs", "-o", "size=4m,nr_inodes=5,mode=0750", "tmpfs"]);
    let folder = Arc::new(RunFolder::create(disk.path(), &run_id()).unwrap());
    let committer = Committer::start().unwrap();
    let hosts = ["web-1", "web-2", "web-3", "web-4", "web-5"];
    let results: Vec<_> =
        hosts.iter().map(|host| collect(&folder, &committer, host, b"LISTEN\n")).collect();
    let written: Vec<_> = results.iter().flatten().map(|file| file.name.clone()).collect();
    assert!((1..5).contains(&written.len()), "{results:?}");
    for error in results.iter().filter_map(|result| result.as_ref().err()) {
        assert!(error.to_string().contains("free space or inodes"), "{error}");
    }
    assert_eq!(names(folder.path()), written);
    for name in written {
        EvidenceReader::open(&folder.path().join(name)).unwrap().check_streams().unwrap();
    }
}

/// Runs the child that commits web-0, web-1, web-2 one by one, with a system call that fails.
/// Returns its acknowledged files and its refusals.
fn with_fault(fault: &str, root: &Path) -> (Vec<String>, Vec<String>) {
    let inject = format!("inject={fault}");
    let log = root.join("strace.log");
    let wrapper = ["strace", "-f", "-o", log.to_str().unwrap(), "-e", &inject];
    let output = child(&wrapper, "few", &root.join("evidence")).output().unwrap();
    let owned = |word| lines(&output.stdout, word).into_iter().map(str::to_owned).collect();
    (owned("ack"), owned("refused"))
}

/// Checks that exactly the second file was refused, with these words, and left nothing.
fn second_is_refused(fault: &str, words: &str) {
    let root = tempfile::tempdir().unwrap();
    let (acknowledged, refused) = with_fault(fault, root.path());
    assert_eq!(refused.len(), 1, "{fault}: {refused:?}");
    assert!(refused[0].starts_with("web-1: ") && refused[0].contains(words), "{refused:?}");
    let expected = ["web-0", "web-2"].map(|host| header(host).file_name());
    let acknowledged: Vec<_> =
        acknowledged.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(acknowledged, expected, "{fault}");
    assert_eq!(names(&root.path().join("evidence").join(run_id().as_str())), expected, "{fault}");
}

// The commit thread syncs a file and then its folder, so the third sync is the second file's and
// the fourth its folder's.

#[test]
fn a_sync_that_fails_refuses_the_file() {
    second_is_refused("fsync:error=EIO:when=3", "cannot sync it: Input/output error");
}

#[test]
fn a_folder_sync_that_fails_refuses_the_file() {
    second_is_refused("fsync:error=EIO:when=4", "cannot sync its folder: Input/output error");
}

#[test]
fn a_rename_that_fails_refuses_the_file() {
    second_is_refused("renameat2:error=ENOSPC:when=2", "cannot give it its name: No space left");
}

#[test]
fn a_file_system_without_exclusive_rename_gets_links_instead() {
    let root = tempfile::tempdir().unwrap();
    let (acknowledged, refused) = with_fault("renameat2:error=EINVAL", root.path());
    assert_eq!((acknowledged.len(), refused), (3, Vec::new()));
    let expected = ["web-0", "web-1", "web-2"].map(|host| header(host).file_name());
    assert_eq!(names(&root.path().join("evidence").join(run_id().as_str())), expected);
}
