//! Copies of evidence: which one is read, and who vouches for it.

use std::path::Path;
use std::process::Command;

use fleetstat::model::digest::Sha256;

use crate::support::{Ended, Place, json};

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

/// Replaces a file, whatever its mode.
fn replace(file: &Path, bytes: &[u8]) {
    std::fs::remove_file(file).unwrap();
    std::fs::write(file, bytes).unwrap();
}

/// Rewrites the manifest and the digest file beside it, as somebody would who can write to both.
fn forge(folder: &Path) {
    let manifest = folder.join("manifest.json");
    let before = std::fs::read_to_string(&manifest).unwrap();
    let after = before.replace("\"operator\":\"operator\"", "\"operator\":\"nobody\"");
    assert_ne!(before, after);
    let sums = folder.join("manifest.sha256");
    let old = Sha256::of(before.as_bytes()).to_string();
    let text = std::fs::read_to_string(&sums).unwrap();
    let text = text.replace(&old, &Sha256::of(after.as_bytes()).to_string());
    replace(&sums, text.as_bytes());
    replace(&manifest, after.as_bytes());
}

#[test]
fn the_copy_that_data_names_is_read_and_not_where_the_run_once_wrote() {
    let place = Place::new();
    let run = place.collect();
    copy(&place.path("data"), &place.path("other"));
    let data = place.path("other");
    let data = data.to_str().unwrap();
    let file = place.evidence(&run);
    let there = place.path("other/evidence").join(&run).join(file.file_name().unwrap());
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    replace(&there, &bytes);
    for verb in ["verify", "replay"] {
        let ended = place.run([verb, &run, "--data", data]);
        assert_eq!(ended.code, 50, "{verb}: {}{}", ended.out, ended.err);
        assert!(!ended.out.contains("intact"), "{}", ended.out);
    }
    place.line(&format!("verify {run}")).clean();
    // Only when it is not there the other is read, and that is said.
    std::fs::remove_dir_all(place.path("other/evidence")).unwrap();
    let ended = place.run(["verify", &run, "--data", data]);
    assert_eq!(ended.code, 0, "{}", ended.err);
    let first = place.path("data/evidence").join(&run);
    let remark = format!("is not there: {} is read, where the run wrote it", first.display());
    assert!(ended.err.contains(&remark), "{}", ended.err);
}

#[test]
fn a_folder_is_held_to_the_stores_digest_and_is_not_intact_without_one() {
    let place = Place::new();
    let run = place.collect();
    let (good, bad) = (place.path("good"), place.path("bad"));
    for to in [&good, &bad] {
        copy(&place.path("data/evidence").join(&run), to);
    }
    forge(&bad);
    let (good, bad) = (good.to_str().unwrap(), bad.to_str().unwrap());
    let said = place.run(["verify", good]).clean();
    assert!(said.contains("checked against the store's digest"), "{said}");
    assert!(said.ends_with("\nintact\n"), "{said}");
    let ended = place.run(["verify", bad]);
    assert_eq!(ended.code, 50, "{}", ended.out);
    assert_eq!(place.run(["replay", bad]).code, 50);
    // A store that knows nothing of it, and none at all.
    let elsewhere = place.path("elsewhere");
    for folder in [good, bad] {
        let said = place.run(["verify", folder, "--data", elsewhere.to_str().unwrap()]).clean();
        assert!(said.contains("checked against itself alone"), "{said}");
        assert!(said.ends_with("\nmatches its own manifest, which nobody vouches for\n"), "{said}");
        let words = ["verify", folder, "--format", "json", "--data", elsewhere.to_str().unwrap()];
        let rows = json(&place.run(words).clean());
        let told = (&rows[0]["verdict"], &rows[0]["anchored"]);
        assert_eq!(told, (&"unanchored".into(), &false.into()));
    }
}

#[test]
fn a_relative_data_folder_is_kept_as_an_absolute_one() {
    let place = Place::new();
    let inventory = crate::support::package("inventories/localhost.yaml");
    let playbook = crate::support::package("playbooks/nightly-snapshot.yaml");
    let words = ["run", playbook.to_str().unwrap(), "-i", inventory.to_str().unwrap(), "-q"];
    let mut command = place.command(words.into_iter().chain(["--data", "near"]));
    let ended: Ended = command.current_dir(place.path("")).output().unwrap().into();
    ended.clean();
    let data = place.path("near");
    let runs = json(&place.run(["runs", "--format", "json", "--data", data.to_str().unwrap()]).out);
    let folder = runs[0]["folder"].as_str().unwrap();
    assert!(Path::new(folder).is_absolute() && Path::new(folder).is_dir(), "{folder}");
}
