//! Verification: any changed, missing, extra or renamed byte is found, and named.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use fleetstat::evidence::manifest::{MANIFEST_FILE, Manifest, SUMS_FILE};
use fleetstat::evidence::verify::{FindingKind, Verdict, verify};
use fleetstat::model::digest::Sha256;

use crate::support::{Numbers, content, finished, must, names, program};

const HOSTS: &[&str] = &["db-1", "web-1", "web-2"];

/// Each finding as host, file and kind.
fn findings(folder: &Path) -> Vec<(String, String, FindingKind)> {
    let report = verify(folder, None).unwrap();
    let host = |host: Option<_>| host.map_or_else(String::new, |host| format!("{host}"));
    report.findings.into_iter().map(|found| (host(found.host), found.file, found.kind)).collect()
}

#[test]
fn an_untouched_run_is_intact_and_so_is_its_copy() {
    let run = finished(HOSTS);
    let copy = tempfile::tempdir().unwrap();
    for (name, bytes) in content(&run.path) {
        fs::write(copy.path().join(name), bytes).unwrap();
    }
    for folder in [&run.path, copy.path()] {
        let report = verify(folder, Some(run.manifest)).unwrap();
        assert_eq!(report.findings, []);
        assert_eq!(report.verdict(), Verdict::Intact);
        assert_eq!((report.files, report.manifest), (3, Some(run.manifest)));
        assert_eq!(report.bytes, run.files.iter().map(|file| file.bytes).sum::<u64>());
    }
}

#[test]
fn sha256sum_accepts_the_list_of_digests() {
    let run = finished(HOSTS);
    let check = |folder: &Path| {
        let strict = ["-c", "--strict", "--quiet", SUMS_FILE];
        program("sha256sum").args(strict).current_dir(folder).output().unwrap()
    };
    let output = check(&run.path);
    assert!(output.status.success(), "{output:?}");
    fs::write(run.path.join(&run.files[1].name), b"changed").unwrap();
    assert!(!check(&run.path).status.success());
}

#[test]
fn every_flipped_bit_is_found() {
    let run = finished(HOSTS);
    let files: Vec<_> = content(&run.path).into_iter().collect();
    let mut numbers = Numbers(2);
    for flip in 0..200 {
        let (name, whole) = &files[flip % files.len()];
        let (at, bit) = (numbers.below(whole.len()), numbers.below(8));
        let mut changed = whole.clone();
        changed[at] ^= 1 << bit;
        fs::write(run.path.join(name), &changed).unwrap();
        let report = verify(&run.path, None).unwrap();
        assert_eq!(report.verdict(), Verdict::Changed, "{name} byte {at} bit {bit}");
        assert!(report.findings.iter().any(|found| &found.file == name || found.file == SUMS_FILE));
        fs::write(run.path.join(name), whole).unwrap();
    }
    assert_eq!(findings(&run.path), []);
}

#[test]
fn a_change_of_output_names_host_file_and_section() {
    let run = finished(HOSTS);
    let path = run.path.join(&run.files[1].name);
    let mut bytes = fs::read(&path).unwrap();
    let offset = usize::try_from(run.files[1].sections[1].stderr.offset).unwrap();
    bytes[offset + 3] ^= 1;
    fs::write(&path, bytes).unwrap();
    let report = verify(&run.path, None).unwrap();
    let expected = format!(
        "web-1: {}: changed: stderr of section 2 (linux/ss-inet4) is not what the manifest says",
        run.files[1].name
    );
    assert_eq!(report.findings.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
}

#[test]
fn missing_extra_and_renamed_files_are_told_apart() {
    let run = finished(HOSTS);
    let [db, web1, web2] = [0, 1, 2].map(|at| run.files[at].name.clone());
    fs::remove_file(run.path.join(&db)).unwrap();
    fs::rename(run.path.join(&web1), run.path.join("other-name")).unwrap();
    fs::write(run.path.join("extra\n-netstat.txt"), b"x").unwrap();
    let expected = [
        (String::new(), r"extra\x0a-netstat.txt".to_owned(), FindingKind::Extra),
        ("db-1".to_owned(), db, FindingKind::Missing),
        ("web-1".to_owned(), web1, FindingKind::Renamed),
    ];
    assert_eq!(findings(&run.path), expected);
    fs::rename(run.path.join("other-name"), run.path.join(&web2)).unwrap();
    let swapped = findings(&run.path);
    assert!(swapped.contains(&("web-2".to_owned(), web2, FindingKind::Changed)), "{swapped:?}");
}

#[test]
fn links_folders_and_pipes_are_no_evidence() {
    let run = finished(HOSTS);
    let [db, web1, web2] = [0, 1, 2].map(|at| run.path.join(&run.files[at].name));
    let elsewhere = run.root.path().join("elsewhere");
    fs::rename(&db, &elsewhere).unwrap();
    symlink(&elsewhere, &db).unwrap();
    fs::remove_file(&web1).unwrap();
    fs::create_dir(&web1).unwrap();
    fs::remove_file(&web2).unwrap();
    must("mkfifo", &[web2.to_str().unwrap()]);
    symlink("/etc/passwd", run.path.join("link")).unwrap();
    let kinds: Vec<_> = findings(&run.path).into_iter().map(|(_, _, kind)| kind).collect();
    assert_eq!(kinds, [FindingKind::NotAFile; 4]);
}

#[test]
fn a_run_without_its_end_is_incomplete_not_changed() {
    let run = finished(HOSTS);
    fs::remove_file(run.path.join(SUMS_FILE)).unwrap();
    assert_eq!(verify(&run.path, None).unwrap().verdict(), Verdict::Incomplete);
    fs::remove_file(run.path.join(MANIFEST_FILE)).unwrap();
    fs::write(run.path.join(".web-9-web-netstat.txt.partial"), b"half").unwrap();
    let expected = [
        (String::new(), ".web-9-web-netstat.txt.partial".to_owned(), FindingKind::Temporary),
        (String::new(), MANIFEST_FILE.to_owned(), FindingKind::Unfinished),
    ];
    assert_eq!(findings(&run.path), expected);
    assert_eq!(verify(&run.path, None).unwrap().verdict(), Verdict::Incomplete);
    // Who knows the manifest's digest knows that there was one.
    assert_eq!(verify(&run.path, Some(run.manifest)).unwrap().verdict(), Verdict::Changed);
    // Even then each file is held to its own digests.
    let path = run.path.join(&run.files[0].name);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 30]).unwrap();
    assert_eq!(verify(&run.path, None).unwrap().verdict(), Verdict::Changed);
}

#[test]
fn a_run_rewritten_as_a_whole_is_found_by_the_digest_kept_elsewhere() {
    let (run, other) = (finished(HOSTS), finished(&["db-1", "web-1"]));
    for name in names(&run.path) {
        fs::remove_file(run.path.join(name)).unwrap();
    }
    for (name, bytes) in content(&other.path) {
        fs::write(run.path.join(name), bytes).unwrap();
    }
    assert_eq!(verify(&run.path, None).unwrap().verdict(), Verdict::Intact);
    let report = verify(&run.path, Some(run.manifest)).unwrap();
    assert_eq!(report.findings.len(), 1);
    assert_eq!(report.findings[0].file, MANIFEST_FILE);
    assert!(report.findings[0].detail.contains("expected"), "{}", report.findings[0]);
}

#[test]
fn a_manifest_that_lies_about_a_section_is_found() {
    let run = finished(HOSTS);
    let path = run.path.join(MANIFEST_FILE);
    let right = fs::read(&path).unwrap();
    let lies: [fn(&mut Manifest); 4] = [
        |manifest| manifest.hosts[0].files[0].sections[0].stdout.sha256 = Sha256::of(b"lie"),
        |manifest| manifest.hosts[0].files[0].sections[1].stderr.offset -= 1,
        |manifest| manifest.hosts[0].files[0].sections[0].stdout.bytes = u64::MAX,
        |manifest| manifest.hosts[0].files[0].pass.pass = 1,
    ];
    for lie in lies {
        let mut manifest = Manifest::parse(&right).unwrap();
        lie(&mut manifest);
        let mut bytes = Vec::new();
        manifest.write(&mut bytes).unwrap();
        fs::write(&path, &bytes).unwrap();
        fs::write(run.path.join(SUMS_FILE), manifest.sums(Sha256::of(&bytes))).unwrap();
        let found = verify(&run.path, None).unwrap();
        assert_eq!(found.findings.len(), 1, "{found:?}");
        assert_eq!(found.findings[0].file, run.files[0].name);
    }
}

#[test]
fn only_the_canonical_form_is_a_manifest() {
    let run = finished(HOSTS);
    let right = String::from_utf8(fs::read(run.path.join(MANIFEST_FILE)).unwrap()).unwrap();
    assert!(right.starts_with(r#"{"catalogue":""#), "{right}");
    Manifest::parse(right.as_bytes()).unwrap();
    let cases = [
        (right.replacen("\"ended\":", "\"ended\": ", 1), "not in canonical form at byte"),
        (format!("{right}\n"), "not in canonical form at byte"),
        (right.replace("\"version\":1", "\"version\":2"), "has version 2"),
        (right.replace("\"version\":1", "\"version\":1,\"x\":1"), "unknown field"),
        (right.replace("{\"faults\":[],\"files\":[],\"name\"", "{\"name\""), "is not"),
        (right.replace("\"name\":\"left-out\"", "\"name\":\"db-1\""), "listed twice"),
        (right.replace(&run.files[0].name, "../x-netstat.txt"), "is not a file name"),
        (right.replace(&run.files[0].name, &run.files[1].name), "is listed twice"),
        (right[..right.len() - 1].to_owned(), "is not a manifest"),
    ];
    for (text, expected) in cases {
        if text == right {
            continue;
        }
        let error = Manifest::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_an_error_with_a_remedy() {
    let root = tempfile::tempdir().unwrap();
    let error = verify(&root.path().join("run"), None).unwrap_err().to_string();
    assert!(error.contains("name the folder of a run"), "{error}");
}
