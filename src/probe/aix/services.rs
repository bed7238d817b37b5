//! `lssrc -a`: subsystems of the System Resource Controller (SRC), and their processes.
//!
//! ```text
//! Subsystem         Group            PID          Status
//!  sshd             ssh              7602674      active
//!  aso                               6029758      active
//!  lpd              spooler                       inoperative
//! ```
//! The group may be blank, and so is the process id of a subsystem that does not run. A name is no
//! longer than 30 characters and holds no blank. Source: IBM, AIX commands, `lssrc`.
//!
//! A subsystem without a process says nothing about processes: its line is known and gives no row.

use smallvec::SmallVec;

use crate::model::parsed::{Reader, Row};
use crate::model::process::ProcessFact;
use crate::probe::bsd::plain_words::{decimal, owned, words};
use crate::probe::whole::{self, Reading};

/// A reader of the answer: the service of each process that SRC started.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    whole::reader(read)
}

fn read(line: &[u8]) -> Reading<'_> {
    const EXPECTED: &str = "expected SUBSYSTEM [GROUP] [PID] STATUS";
    let words: SmallVec<[&[u8]; 6]> = words(line).take(6).collect();
    let (name, pid) = match words.as_slice() {
        [b"Subsystem", b"Group", b"PID", b"Status"] => return Ok(None),
        // `warned to stop`
        [name, rest @ .., b"warned", b"to", b"stop"] => (name, pid(rest)),
        [name, rest @ .., status] if is_status(status) => (name, pid(rest)),
        _ => return Err(EXPECTED),
    };
    let Some(pid) = pid.ok_or(EXPECTED)? else { return Ok(None) };
    Ok(Some(Row::Process(pid, ProcessFact::Service(owned(name)))))
}

fn is_status(word: &[u8]) -> bool {
    matches!(word, b"active" | b"inoperative" | b"stopping" | b"starting")
}

/// The process id among group and process id, of which either may be blank.
#[expect(clippy::option_option, reason = "no process is another thing than a wrong word")]
fn pid(words: &[&[u8]]) -> Option<Option<u32>> {
    match words {
        [] => Some(None),
        [word] => match decimal(word) {
            Some(number) => Some(Some(u32::try_from(number).ok()?)),
            None => Some(None),
        },
        [_, word] => Some(Some(u32::try_from(decimal(word)?).ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    #[test]
    fn blank_groups_and_subsystems_that_do_not_run_are_read() {
        let text = b"Subsystem         Group            PID          Status\n\
            \x20sshd             ssh              7602674      active\n\
            \x20aso                               6029758      active\n\
            \x20nfsd             nfs              5701906      stopping\n\
            \x20inetd            tcpip            12517828     warned to stop\n\
            \x20lpd              spooler                       inoperative\n\
            \x20gsclvmd                                        inoperative\n";
        let seen = read(reader(), text);
        let row = |pid, name: &str| Row::Process(pid, ProcessFact::Service(owned(name.as_bytes())));
        assert_eq!(
            rows(&seen),
            [
                row(7_602_674, "sshd"),
                row(6_029_758, "aso"),
                row(5_701_906, "nfsd"),
                row(12_517_828, "inetd"),
            ]
        );
        assert_eq!((seen.headers.len(), seen.issues.len()), (3, 0));
    }

    #[test]
    fn anything_else_is_an_issue() {
        for text in ["active\n", " sshd ssh x active\n", " sshd ssh 1 gone\n", " sshd ssh 1 act"] {
            let seen = read(reader(), text.as_bytes());
            assert_eq!((seen.rows.len(), seen.issues.len()), (0, 1), "{text}");
        }
    }
}
