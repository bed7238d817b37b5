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

use super::canonical;
use super::header::utc;
use super::line::{Expected, Lines, Values};
use crate::model::capture::{End, Section, Stream};
use crate::model::digest::Sha256;
use crate::model::fault::{Codes, Fault, FaultKind};
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
            // Numbers, words and an escaped text: writing them to memory cannot fail.
            let codes = fault.codes.as_ref().and_then(|codes| canonical::to_line(codes).ok());
            let codes = codes.map(|codes| format!(" {codes}")).unwrap_or_default();
            format!("incomplete {}{codes}: {}", fault.kind, escape(fault.detail.as_bytes()))
        }
    }
}

/// Codes of a fault at the head of a text, if there are any, and what follows them.
fn parse_codes(text: &str) -> Option<(Option<Box<Codes>>, &str)> {
    let Some(json) = text.strip_prefix(' ') else { return Some((None, text)) };
    let mut read = serde_json::Deserializer::from_str(json).into_iter();
    let codes = read.next()?.ok()?;
    Some((Some(codes), json.get(read.byte_offset()..)?))
}

fn parse_end(value: &str) -> Option<End> {
    let unescape = |text| String::from_utf8(HostText::from_escaped(text)?.bytes().to_vec()).ok();
    match value.split_once(' ')? {
        ("exit", status) => Some(End::Exit(status.parse().ok()?)),
        ("signal", name) => Some(End::Signal(unescape(name)?)),
        ("incomplete", fault) => {
            let (kind, rest) = fault.split_at_checked(fault.find([' ', ':'])?)?;
            let (codes, rest) = parse_codes(rest)?;
            let (kind, detail) = (FaultKind::parse(kind)?, unescape(rest.strip_prefix(": ")?)?);
            Some(End::Incomplete(Fault { kind, detail, codes }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fault::Stage;

    #[test]
    fn an_end_with_and_without_codes_is_read_as_it_was_written() {
        let bare = End::Incomplete(Fault::new(FaultKind::Lost, "a: b\n"));
        assert_eq!(end_text(&bare), "incomplete lost: a: b\\x0a");
        let codes = Codes {
            http_status: Some(500),
            wsman_code: Some(2_150_859_173),
            subcode: Some("a: {\"} b".to_owned()),
            ..Codes::at(Stage::Create)
        };
        let told = End::Incomplete(Fault::new(FaultKind::Quota, "{}: c").with(codes));
        let text = end_text(&told);
        assert_eq!(
            text,
            "incomplete quota {\"http_status\":500,\"stage\":\"create\",\
             \"subcode\":\"a: {\\\"} b\",\"wsman_code\":2150859173}: {}: c"
        );
        for end in [bare, told] {
            assert_eq!(parse_end(&end_text(&end)), Some(end));
        }
        for wrong in [
            "incomplete lost {\"stage\":\"create\"",
            "incomplete lost {}: x",
            "incomplete lost x: y",
        ] {
            assert_eq!(parse_end(wrong), None, "{wrong}");
        }
    }
}
