//! `svcs -H -p` of Solaris and illumos: the SMF service behind a process.
//!
//! ```text
//! online         Jan_12   svc:/network/ssh:default
//!                Jan_12        771 sshd
//! legacy_run     Jan_12   lrc:/etc/rc2_d/S89PRESERVE
//! ```
//! State, time and FMRI of a service; below it, behind 15 blanks, time, process id and name of each
//! of its processes. Source: svcs(1) of Solaris 10 and illumos, illumos `svcs.c`.
//!
//! Decisions: a name may hold a newline, so a line counts as a service only where its FMRI stands in
//! its column, further right than a name is long: a process cannot give others a service.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::process::ProcessFact;
use crate::probe::cursor::Cursor;
use crate::probe::lines::{LineParser, Lines};
use crate::probe::solaris::words::{number, owned};

/// Blanks before the time of a process, and width of the column of states with its gap.
const STATE_WIDTH: usize = 15;
/// First byte of the FMRI.
const FMRI_AT: usize = 24;

/// A reader of the output.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Services { fmri: None }))
}

struct Services {
    fmri: Option<Vec<u8>>,
}

impl LineParser for Services {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        if let Some(fmri) = service(line) {
            self.fmri = Some(fmri.to_vec());
            return sink.header(span);
        }
        if line.starts_with(b"STATE ") {
            return sink.header(span);
        }
        if let (Some((pid, name)), Some(fmri)) = (process(line), &self.fmri) {
            sink.row(span, Row::Process(pid, ProcessFact::Service(owned(fmri))));
            sink.row(span, Row::Process(pid, ProcessFact::Name(owned(name))));
        } else {
            let expected = "expected a service in its columns, or time, pid and name";
            sink.issue(Issue::unparsed(span, expected, line));
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

/// The FMRI of `STATE STIME FMRI`.
fn service(line: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor::new(line);
    let state = cursor.token();
    cursor.blanks();
    cursor.token();
    cursor.blanks();
    let at = line.len() - cursor.rest.len();
    let fmri = cursor.token();
    let sound = !state.is_empty()
        && at >= FMRI_AT
        && (fmri.starts_with(b"svc:/") || fmri.starts_with(b"lrc:/"))
        && cursor.rest.iter().all(u8::is_ascii_whitespace);
    sound.then_some(fmri)
}

/// Process id and name of `STIME PID CMD` behind its blanks.
fn process(line: &[u8]) -> Option<(u32, &[u8])> {
    let (blanks, rest) = line.split_at_checked(STATE_WIDTH)?;
    blanks.iter().all(|byte| *byte == b' ').then_some(())?;
    let mut cursor = Cursor::new(rest);
    // Before ten o'clock the time has a blank more.
    cursor.blanks();
    cursor.token();
    cursor.blanks();
    let pid = u32::try_from(number(cursor.token())?).ok()?;
    cursor.eat(b" ").then_some((pid, cursor.rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    fn facts(pid: u32, fmri: &str, name: &str) -> [Row<'static>; 2] {
        [
            Row::Process(pid, ProcessFact::Service(owned(fmri.as_bytes()))),
            Row::Process(pid, ProcessFact::Name(owned(name.as_bytes()))),
        ]
    }

    #[test]
    fn a_name_cannot_give_others_a_service() {
        let text = b"online         Jan_12   svc:/network/ssh:default\n\
            \x20              Jan_12        771 sshd\n\
            \x20               9:30:01      900 a\nonline a svc:/b\n\
            \x20              12:30:02 12345678 my prog\n\
            legacy_run     Jan_12   lrc:/etc/rc2_d/S89PRESERVE\n";
        let seen = read(reader(), text);
        let ssh = "svc:/network/ssh:default";
        let expected =
            [facts(771, ssh, "sshd"), facts(900, ssh, "a"), facts(12_345_678, ssh, "my prog")];
        assert_eq!(rows(&seen), expected.concat());
        assert_eq!((seen.headers.len(), seen.issues.len()), (2, 1));
    }

    #[test]
    fn a_process_before_any_service_is_an_issue() {
        let seen = read(reader(), b"               Jan_12        771 sshd\n");
        assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1));
    }
}
