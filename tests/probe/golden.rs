//! Every sample in a `testdata` folder gives exactly the rows beside it.
//!
//! A sample of `src/probe/SYSTEM/testdata`, or of `src/probe/linux/ss/testdata`, is named `TOOL-VERSION--CASE.txt` or `.json`, and is read
//! by the probe `SYSTEM/CASE`; of `ip`, by `linux/ip-CASE`. `CASE+WHAT` is one more sample of the
//! same probe. The rows stand in `TOOL-VERSION--CASE.rows`.

use std::fmt::Write as _;
use std::path::PathBuf;

use fleetstat::model::host::Platform;
use fleetstat::probe::{PROBES, by_id};

use crate::sink::read;

/// Samples with the id of the probe that reads them, in order of their names.
pub(crate) fn samples() -> Vec<(PathBuf, String)> {
    let mut samples = Vec::new();
    let folders = Platform::ALL.iter().map(|each| (each, format!("src/probe/{each}/testdata")));
    // `ss` has so many forms that its samples have a folder of their own.
    let folders = folders.chain([(&Platform::Linux, "src/probe/linux/ss/testdata".to_owned())]);
    for (platform, folder) in folders {
        let folder = crate::path(&folder);
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries {
            let path = entry.expect("testdata can be listed").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let Some((tool, rest)) = name.split_once("--") else { continue };
            let Some((case, "txt" | "json")) = rest.rsplit_once('.') else { continue };
            let case = case.split('+').next().unwrap_or(case);
            let id = match tool.split_once('-') {
                Some(("ip", _)) => format!("linux/ip-{case}"),
                _ => format!("{platform}/{case}"),
            };
            assert!(by_id(&id).is_some(), "{name} is named by no probe: {id}");
            samples.push((path, id));
        }
    }
    samples.sort();
    samples
}

#[test]
fn every_sample_gives_the_rows_beside_it() {
    let samples = samples();
    assert!(samples.len() >= 17, "only {} samples", samples.len());
    for (path, id) in samples {
        let text = std::fs::read(&path).expect("a sample can be read");
        let probe = by_id(&id).expect("a sample is named by a probe");
        let seen = read((probe.reader)(), &text, text.len());
        let mut out = String::new();
        for (span, row) in &seen.rows {
            writeln!(out, "{}..{} {row}", span.start, span.end).expect("a String can be written");
        }
        for issue in &seen.issues {
            writeln!(out, "{issue:?}").expect("a String can be written");
        }
        crate::assert_file(&path.with_extension("rows"), &out);
    }
}

#[test]
fn every_probe_with_a_reader_of_its_own_has_a_sample() {
    let sampled: Vec<String> = samples().into_iter().map(|(_, id)| id).collect();
    for probe in PROBES.into_iter().flatten() {
        let id = probe.id.as_str();
        let others = crate::is_tested_with_records(id);
        assert!(others || sampled.iter().any(|sampled| sampled == id), "{id} has no sample");
    }
}
