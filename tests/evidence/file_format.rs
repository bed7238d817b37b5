//! The evidence file: everything comes back, and nothing but the writer's bytes is accepted.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use fleetstat::evidence::commit::Committer;
use fleetstat::evidence::folder::RunFolder;
use fleetstat::evidence::read::{EvidenceReader, Output};
use fleetstat::evidence::write::{SectionDraft, write};
use fleetstat::model::capture::{End, Header};
use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::model::id::ProbeId;
use proptest::prelude::*;

use crate::support::{collect, draft, finished, header, run_id};

fn folder(root: &Path) -> Arc<RunFolder> {
    Arc::new(RunFolder::create(root, &run_id()).unwrap())
}

/// Writes, commits and opens again.
fn round_trip(
    folder: &Arc<RunFolder>,
    header: &Header,
    drafts: Vec<SectionDraft>,
) -> EvidenceReader {
    let written = write(folder, header, drafts).unwrap();
    let file = Committer::start().unwrap().commit(written).unwrap();
    let reader = EvidenceReader::open(&folder.path().join(&file.name)).unwrap();
    assert_eq!(reader.sections(), file.sections);
    assert_eq!(reader.bytes(), file.bytes);
    reader
}

fn stream(reader: &EvidenceReader, number: u16, output: Output) -> Vec<u8> {
    let mut bytes = Vec::new();
    reader.stream(number, output).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn every_field_and_byte_comes_back() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path());
    let mut drafts = vec![draft(&folder, b"\0\xff\r\n", b""), draft(&folder, b"", b"no\nend")];
    drafts[0].fallback_of = None;
    drafts[0].end = End::Signal("KILL".to_owned());
    drafts[1].end = End::Incomplete(Fault::new(FaultKind::IdleTimeout, "30 s: silence\n"));
    drafts[1].faults = vec![Fault::new(FaultKind::Truncated, "at 256 MiB")];
    let header = header("web-1");
    let reader = round_trip(&folder, &header, drafts);
    assert_eq!(reader.header(), &header);
    assert_eq!(stream(&reader, 1, Output::Stdout), b"\0\xff\r\n");
    assert_eq!(stream(&reader, 1, Output::Stderr), b"");
    assert_eq!(stream(&reader, 2, Output::Stderr), b"no\nend");
    let expected = Fault::new(FaultKind::IdleTimeout, "30 s: silence\n");
    assert_eq!(reader.sections()[1].end, End::Incomplete(expected));
    let missing = reader.stream(3, Output::Stdout).unwrap_err().to_string();
    assert!(missing.ends_with("has no section 3: it has 2"), "{missing}");
}

#[test]
fn a_header_without_optional_fields_comes_back() {
    let root = tempfile::tempdir().unwrap();
    let mut header = header("web-1");
    header.asset.role = None;
    header.asset.criticality = None;
    header.asset.exposure = None;
    header.asset.owner = None;
    header.asset.timezone = None;
    header.peer = None;
    header.os = None;
    header.mandate.change = None;
    header.clock = None;
    header.negotiated = None;
    let reader = round_trip(&folder(root.path()), &header, Vec::new());
    assert_eq!(reader.header(), &header);
}

#[test]
fn output_that_looks_like_our_own_format_forges_nothing() {
    let root = tempfile::tempdir().unwrap();
    let own = finished(&["evil"]);
    let whole_file = fs::read(own.path.join(&own.files[0].name)).unwrap();
    let folder = folder(root.path());
    let reader = round_trip(
        &folder,
        &header("web-1"),
        vec![
            draft(&folder, &whole_file, b"\nend of evidence\n"),
            draft(
                &folder,
                b"stderr: 0 bytes, 0 dropped, sha256 00\n\n\nsection 3: linux/x\n",
                b"\n",
            ),
        ],
    );
    assert_eq!(reader.header().asset.name.as_str(), "web-1");
    assert_eq!(reader.sections().len(), 2);
    assert_eq!(stream(&reader, 1, Output::Stdout), whole_file);
    assert_eq!(stream(&reader, 1, Output::Stderr), b"\nend of evidence\n");
}

#[test]
fn a_file_cut_at_any_byte_is_refused() {
    let run = finished(&["web-1"]);
    let path = run.path.join(&run.files[0].name);
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        EvidenceReader::open(&path).expect_err("cut");
    }
    fs::write(&path, [&whole[..], b"\n"].concat()).unwrap();
    let error = EvidenceReader::open(&path).unwrap_err().to_string();
    assert!(error.ends_with("expected the end of the file, found 1 bytes more"), "{error}");
}

#[test]
fn a_flipped_bit_of_output_is_found_by_the_file_itself() {
    // A head's values carry no digest of their own: they are the manifest's matter.
    let run = finished(&["web-1"]);
    let path = run.path.join(&run.files[0].name);
    let whole = fs::read(&path).unwrap();
    let place = |offset| usize::try_from(offset).unwrap();
    let streams = run.files[0].sections.iter().flat_map(|section| [section.stdout, section.stderr]);
    for at in streams.flat_map(|stream| place(stream.offset)..place(stream.offset + stream.bytes)) {
        let mut changed = whole.clone();
        changed[at] ^= 1 << (at % 8);
        fs::write(&path, &changed).unwrap();
        let error = EvidenceReader::open(&path).unwrap().check_streams().unwrap_err().to_string();
        assert!(error.contains("does not have the digest that its section states"), "{error}");
    }
    fs::write(&path, &whole).unwrap();
    EvidenceReader::open(&path).unwrap().check_streams().unwrap();
}

#[test]
fn an_error_names_the_place_and_what_was_expected() {
    let run = finished(&["web-1"]);
    let path = run.path.join(&run.files[0].name);
    let text = fs::read(&path).unwrap();
    let cases = [
        ("port: 22", "port: x2", "expected `port: ` and its value, found `port: x2`"),
        ("port: 22", "port: 02", "expected `2\\x0aplatform"),
        ("elapsed_us: 250000", "elapsed_us: +50000", "found `+50000"),
        ("stdout: 960 bytes", "stdout: 0960 bytes", "found `0960 bytes"),
        ("\nsection 2", "\nsection 9", "expected `section 2: ` and its value, found `section 9"),
        ("\"error_us\":300,", "\"error_us\": 300,", "expected `"),
        ("\nend of evidence", "\nEnd of evidence", "expected `end of evidence"),
    ];
    for (from, to, expected) in cases {
        let at = text.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
        let changed = [&text[..at], to.as_bytes(), &text[at + from.len()..]].concat();
        fs::write(&path, changed).unwrap();
        let error = EvidenceReader::open(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains(char::is_control), "{error:?}");
    }
}

#[test]
fn a_line_that_no_reader_would_accept_is_not_written() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path());
    let mut long = draft(&folder, b"", b"");
    long.sent = "x".repeat(2 << 20);
    let error = write(&folder, &header("web-1"), vec![long]).unwrap_err().to_string();
    let expected = "`sent` of section 1, 2097158 bytes long, cannot be written: shorten it";
    assert!(error.contains(expected), "{error}");
    let mut invalid = draft(&folder, b"", b"");
    invalid.probe = ProbeId::builtin("not a probe\n");
    let error = write(&folder, &header("web-1"), vec![invalid]).unwrap_err().to_string();
    assert!(error.contains("section 1 cannot be written"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn output_larger_than_memory_is_copied_and_read_in_pieces() {
    let root = tempfile::tempdir().unwrap();
    let folder = folder(root.path());
    let large: Vec<u8> = (0..5_000_000_u32).map(|at| (at * 31 % 253) as u8).collect();
    let entry = collect(&folder, &Committer::start().unwrap(), "web-1", &large).unwrap();
    let reader = EvidenceReader::open(&folder.path().join(entry.name)).unwrap();
    assert_eq!(stream(&reader, 1, Output::Stdout), large);
    assert_eq!(stream(&reader, 2, Output::Stderr), large);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn arbitrary_bytes_round_trip(
        outputs in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..300), proptest::collection::vec(any::<u8>(), 0..30)),
            0..5,
        ),
    ) {
        let root = tempfile::tempdir().unwrap();
        let folder = folder(root.path());
        let drafts = outputs.iter().map(|(out, err)| draft(&folder, out, err)).collect();
        let reader = round_trip(&folder, &header("web-1"), drafts);
        for (number, (out, err)) in (1..).zip(&outputs) {
            prop_assert_eq!(&stream(&reader, number, Output::Stdout), out);
            prop_assert_eq!(&stream(&reader, number, Output::Stderr), err);
        }
    }
}
