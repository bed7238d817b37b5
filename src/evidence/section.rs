//! The head of a section: what was asked, how it ended, and the length of each stream.
//!
//! ```text
//! section 1: linux/ss-inet4
//! digest: 9f86…
//! …
//! end: exit 0
//! faults: []
//! stdout: 1234 bytes, 0 dropped, sha256 2c26…
//! ```
//! The stream's exact bytes and one line feed follow, then the `stderr:` line and its bytes.

use super::header::utc;
use super::line::{Expected, Lines, Values};
use crate::model::capture::{End, Section, Stream};
use crate::model::digest::Sha256;
use crate::model::fault::{Fault, FaultKind};
use crate::model::id::ProbeId;
use crate::model::text::{HostText, escape};

/// Lines of a section's head, the empty line before it and its `stdout:` line included.
pub(super) const HEAD_LINES: usize = 14;

/// What stands after the last section.
pub(super) const TRAILER: &str = "\nend of evidence\n";

/// The head's text; the streams' offsets are not part of it.
pub(super) fn encode(section: &Section) -> String {
    let mut lines = Lines("\n".to_owned());
    lines
        .add(&format!("section {}", section.number), &section.probe)
        .add("digest", section.digest)
        .text("reader", &section.reader)
        .json("views", &section.views)
        .json("argv", &section.argv)
        .text("sent", &section.sent)
        .json_option("fallback_of", section.fallback_of.as_ref())
        .add("started", section.started)
        .add("ended", section.ended)
        .add("elapsed_us", section.elapsed_us)
        .add("end", end_text(&section.end))
        .json("faults", &section.faults);
    lines.0.push_str(&stream_line("stdout", &section.stdout));
    lines.0
}

/// The line before a stream's bytes.
pub(super) fn stream_line(name: &str, stream: &Stream) -> String {
    let Stream { bytes, dropped, sha256, .. } = stream;
    format!("{name}: {bytes} bytes, {dropped} dropped, sha256 {sha256}\n")
}

/// Reads a head. The offset of stdout is left 0 and stderr empty: the caller, who knows where the
/// head ended, fills them in.
pub(super) fn decode(head: &str, number: u16) -> Result<Section, Expected> {
    let mut values = Values::new(head);
    values.whole("an empty line", |line| line.is_empty().then_some(()))?;
    let key = format!("section {number}");
    Ok(Section {
        number,
        probe: values.read(&key, |value| ProbeId::parse(value).ok())?,
        digest: values.read("digest", Sha256::parse)?,
        reader: values.text("reader")?,
        views: values.json("views")?,
        argv: values.json("argv")?,
        sent: values.text("sent")?,
        fallback_of: values.json_option("fallback_of")?,
        started: values.read("started", utc)?,
        ended: values.read("ended", utc)?,
        elapsed_us: values.parse("elapsed_us")?,
        end: values.read("end", parse_end)?,
        faults: values.json("faults")?,
        stdout: values.read("stdout", parse_stream)?,
        stderr: Stream { offset: 0, bytes: 0, sha256: Sha256([0; 32]), dropped: 0 },
    })
}

/// Reads a `stderr:` line.
pub(super) fn decode_stderr(line: &str) -> Result<Stream, Expected> {
    Values::new(line).read("stderr", parse_stream)
}

fn parse_stream(value: &str) -> Option<Stream> {
    let (bytes, rest) = value.split_once(" bytes, ")?;
    let (dropped, sha256) = rest.split_once(" dropped, sha256 ")?;
    Some(Stream {
        offset: 0,
        bytes: bytes.parse().ok()?,
        sha256: Sha256::parse(sha256)?,
        dropped: dropped.parse().ok()?,
    })
}

fn end_text(end: &End) -> String {
    match end {
        End::Exit(status) => format!("exit {status}"),
        End::Signal(name) => format!("signal {}", escape(name.as_bytes())),
        End::Incomplete(fault) => {
            format!("incomplete {}: {}", fault.kind, escape(fault.detail.as_bytes()))
        }
    }
}

fn parse_end(value: &str) -> Option<End> {
    let unescape = |text| String::from_utf8(HostText::from_escaped(text)?.bytes().to_vec()).ok();
    match value.split_once(' ')? {
        ("exit", status) => Some(End::Exit(status.parse().ok()?)),
        ("signal", name) => Some(End::Signal(unescape(name)?)),
        ("incomplete", fault) => {
            let (kind, detail) = fault.split_once(": ")?;
            Some(End::Incomplete(Fault {
                kind: FaultKind::parse(kind)?,
                detail: unescape(detail)?,
            }))
        }
        _ => None,
    }
}
