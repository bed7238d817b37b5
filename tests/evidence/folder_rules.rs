//! The run's folder: modes, owners, and names that are never taken twice.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::Path;
use std::sync::Arc;

use fleetstat::evidence::commit::Committer;
use fleetstat::evidence::folder::RunFolder;
use fleetstat::evidence::manifest::{MANIFEST_FILE, seal};
use fleetstat::evidence::read::EvidenceReader;
use fleetstat::evidence::write::write;

use crate::child::child;
use crate::support::{collect, draft, header, manifest, names, run_id};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn modes_are_0750_and_0640_whatever_the_umask() {
    for umask in ["077", "000"] {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("evidence");
        let output =
            child(&["sh", "-c", &format!("umask {umask}; exec \"$@\""), "-"], "few", &root)
                .output()
                .unwrap();
        assert!(output.status.success(), "{output:?}");
        let folder = root.join(run_id().as_str());
        assert_eq!((mode(&root), mode(&folder)), (0o750, 0o750), "umask {umask}");
        let files = names(&folder);
        assert_eq!(files.len(), 3);
        for file in files {
            assert_eq!(mode(&folder.join(&file)), 0o640, "umask {umask}, {file}");
        }
    }
}

#[test]
fn a_root_that_others_could_change_is_refused_with_a_remedy() {
    let root = tempfile::tempdir().unwrap();
    let refuse = || RunFolder::create(root.path(), &run_id()).unwrap_err().to_string();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    assert!(refuse().contains("is writable by everybody: run `chmod o-w"), "{}", refuse());
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o750)).unwrap();
    chown(root.path(), Some(12345), None).unwrap();
    assert!(refuse().contains("belongs to uid 12345, not to uid 0"), "{}", refuse());
    assert_eq!(names(root.path()), Vec::<String>::new());
    let file = root.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = RunFolder::create(&file, &run_id()).unwrap_err().to_string();
    assert!(error.contains(&*file.to_string_lossy()), "{error}");
}

#[test]
fn a_run_folder_is_made_once_and_opened_without_following_a_link() {
    let root = tempfile::tempdir().unwrap();
    let folder = RunFolder::create(root.path(), &run_id()).unwrap();
    let again = RunFolder::create(root.path(), &run_id()).unwrap_err().to_string();
    assert!(again.contains("exists already"), "{again}");
    RunFolder::open(folder.path()).unwrap();
    let link = root.path().join("link");
    symlink(folder.path(), &link).unwrap();
    RunFolder::open(&link).unwrap_err();
}

#[test]
fn a_name_that_exists_is_never_replaced() {
    let root = tempfile::tempdir().unwrap();
    let folder = Arc::new(RunFolder::create(root.path(), &run_id()).unwrap());
    let committer = Committer::start().unwrap();
    let name = header("web-1").file_name();
    // The name is taken between writing and renaming, the worst moment.
    let written = write(&folder, &header("web-1"), vec![draft(&folder, b"new", b"")]).unwrap();
    fs::write(folder.path().join(&name), b"old").unwrap();
    let error = committer.commit(written).unwrap_err().to_string();
    assert!(error.contains("exists already and is not replaced"), "{error}");
    let error = collect(&folder, &committer, "web-1", b"new").unwrap_err().to_string();
    assert!(error.contains("exists already and is not replaced"), "{error}");
    assert_eq!(fs::read(folder.path().join(&name)).unwrap(), b"old");
    assert_eq!(names(folder.path()), [name]);
}

#[test]
fn files_of_many_writers_are_committed_and_one_refused_harms_no_other() {
    let root = tempfile::tempdir().unwrap();
    let folder = Arc::new(RunFolder::create(root.path(), &run_id()).unwrap());
    let committer = Committer::start().unwrap();
    let taken = ["web-0-3", "web-5-9"].map(|host| header(host).file_name());
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let (folder, committer, taken) = (&folder, &committer, &taken);
            scope.spawn(move || {
                for at in 0..20 {
                    let header = header(&format!("web-{writer}-{at}"));
                    let drafts = vec![draft(folder, b"LISTEN\n", b"")];
                    let written = write(folder, &header, drafts).unwrap();
                    let name = header.file_name();
                    if taken.contains(&name) {
                        fs::write(folder.path().join(&name), b"taken").unwrap();
                    }
                    let result = committer.commit(written).map(|file| file.name);
                    assert_eq!(result.is_err(), taken.contains(&name), "{result:?}");
                }
            });
        }
    });
    let files = names(folder.path());
    assert_eq!(files.len(), 160);
    for name in files.iter().filter(|name| !taken.contains(name)) {
        EvidenceReader::open(&folder.path().join(name)).unwrap().check_streams().unwrap();
    }
    for name in taken {
        assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"taken");
    }
}

#[test]
fn a_dropped_committer_first_finishes_what_waits() {
    let root = tempfile::tempdir().unwrap();
    let folder = Arc::new(RunFolder::create(root.path(), &run_id()).unwrap());
    let committer = Committer::start().unwrap();
    let (answer, waiting) = std::sync::mpsc::channel();
    for at in 0..20 {
        let header = header(&format!("web-{at}"));
        let written = write(&folder, &header, vec![draft(&folder, b"x", b"")]).unwrap();
        let answer = answer.clone();
        committer.submit(written, Box::new(move |result| answer.send(result.is_ok()).unwrap()));
    }
    drop((committer, answer));
    assert_eq!(waiting.iter().collect::<Vec<_>>(), [true; 20]);
    assert_eq!(names(folder.path()).len(), 20);
}

#[test]
fn a_link_in_place_of_a_file_is_not_followed() {
    let root = tempfile::tempdir().unwrap();
    let folder = Arc::new(RunFolder::create(root.path(), &run_id()).unwrap());
    let target = root.path().join("target");
    let temporary = format!(".{}.partial", header("web-1").file_name());
    symlink(&target, folder.path().join(&temporary)).unwrap();
    let error = collect(&folder, &Committer::start().unwrap(), "web-1", b"x").unwrap_err();
    assert!(error.to_string().contains("is being written by another process"), "{error}");
    assert!(!target.exists());
    assert_eq!(folder.sweep_temporary().unwrap(), [temporary]);
}

#[test]
fn a_file_that_is_not_committed_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let folder = Arc::new(RunFolder::create(root.path(), &run_id()).unwrap());
    let written = write(&folder, &header("web-1"), vec![draft(&folder, b"x", b"")]).unwrap();
    assert_eq!(names(folder.path()).len(), 1);
    drop(written);
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn a_host_name_too_long_for_a_file_is_refused_with_a_remedy() {
    let root = tempfile::tempdir().unwrap();
    let folder = Arc::new(RunFolder::create(root.path(), &run_id()).unwrap());
    let host = format!("a{}b", ":".repeat(100));
    let error = collect(&folder, &Committer::start().unwrap(), &host, b"x").unwrap_err();
    assert!(error.to_string().contains("shorten the host's name"), "{error}");
}

#[test]
fn a_second_manifest_and_a_host_listed_twice_are_refused() {
    let root = tempfile::tempdir().unwrap();
    let folder = Arc::new(RunFolder::create(root.path(), &run_id()).unwrap());
    let file = collect(&folder, &Committer::start().unwrap(), "web-1", b"x").unwrap();
    let twice = manifest(vec![("web-1", file.clone()), ("web-1", file.clone())]);
    let error = seal(&folder, twice).unwrap_err().to_string();
    assert!(error.contains("host `web-1` is out of order or listed twice"), "{error}");
    seal(&folder, manifest(vec![("web-1", file.clone())])).unwrap();
    let before = fs::read(folder.path().join(MANIFEST_FILE)).unwrap();
    let error = seal(&folder, manifest(vec![("web-1", file)])).unwrap_err().to_string();
    assert!(error.contains("exists already"), "{error}");
    assert_eq!(fs::read(folder.path().join(MANIFEST_FILE)).unwrap(), before);
}
