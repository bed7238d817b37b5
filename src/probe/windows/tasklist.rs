//! `tasklist /fo csv`: names, services and users of processes, read by position.
//!
//! ```text
//! "System Idle Process","0","N/A"                                        /svc
//! "svchost.exe","1712","RpcEptMapper,RpcSs"
//! "System","4","Services","0","144 K"                                    alone
//! "my browser.exe","9328","Console","1","223.912 K","Running","EXAMPLE\anna","0:01:14","Mail"    /v
//! ```
//! Columns of all: image name, process id. With `/svc`: services, with commas between them. Alone:
//! session's name and number, memory. With `/v` also status, user, CPU time, title of a window. Nothing
//! is cut in this format. Source: tasklist (Windows commands reference).
//!
//! Decisions, each because the text alone does not say:
//! - Names of columns (without `/nh`), memory and "none" are words of the system's language. A first
//!   line whose second column is no number is the columns' names.
//! - A process without services has one word where they stand: `N/A`, or in other languages another
//!   that looks like a service. Process 0 and process 4 are the kernel and run no service: their word
//!   is that word, and tasklist prints them first. `N/A` has a `/`, which no service has in its name,
//!   so it is always that word. Where neither process was listed, one name alone could be either: it is
//!   left out, and said to be; several are services.
//! - A user has a domain before it; the word for none has no backslash.
//! - A title may hold anything: what follows the eighth column is not looked at. A newline in it makes a
//!   line that is no row, or one that imitates a row; so services are asked for first, and what is
//!   said first of a process stands. Over SSH and `WinRM` no titles are seen.
//! - `/m` prints libraries where `/svc` prints services: such rows are issues.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::process::ProcessFact;
use crate::model::text::HostText;
use crate::probe::windows::text::{self, Line, TextParser, is_blank};
use crate::probe::windows::words::decimal;

/// Services of one process that are told: 256. The host process of most has some forty.
const SERVICES_MAX: usize = 256;

/// A reader of the output, with or without `/svc`, `/v` and `/nh`.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    text::reader(Tasklist { first: true, none: None, ran: None })
}

struct Tasklist {
    /// Processes that could run services were listed with that column; whether one runs any.
    ran: Option<bool>,
    /// No line with text came yet.
    first: bool,
    /// The word for no service.
    none: Option<Vec<u8>>,
}

/// A row with what its kind tells.
struct Process<'a> {
    image: &'a [u8],
    pid: u32,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Plain,
    Services(&'a [u8]),
    User(&'a [u8]),
}

const EXPECTED: &str = "expected an image name, a process id and services or a session, in quotes";
const LIBRARIES: &str = "expected services, not libraries: run tasklist without /m";

impl TextParser for Tasklist {
    fn line(&mut self, line: Line<'_>, sink: &mut dyn Sink) {
        if is_blank(line.bytes) {
            return;
        }
        let first = std::mem::take(&mut self.first);
        let text = line.bytes.trim_ascii();
        let fields = fields(text).unwrap_or_default();
        match process(&fields) {
            Ok(Some(process)) => self.tell(line.span, text, &process, sink),
            Ok(None) if first => sink.header(line.span),
            Ok(None) => sink.issue(Issue::unparsed(line.span, EXPECTED, line.bytes)),
            Err(expected) => sink.issue(Issue::unparsed(line.span, expected, line.bytes)),
        }
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if self.ran == Some(false) {
            let remark =
                "no process is listed with a service: the account may not ask for services";
            sink.issue(Issue::note(Span::default(), remark, b""));
        }
    }
}

impl Tasklist {
    fn tell(&mut self, span: Span, text: &[u8], process: &Process<'_>, sink: &mut dyn Sink) {
        let said = |text: &[u8]| HostText::owned(text.to_vec());
        let mut fact = |fact| sink.row(span, Row::Process(process.pid, fact));
        fact(ProcessFact::Name(said(process.image)));
        match process.kind {
            Kind::User(user) if user.contains(&b'\\') => fact(ProcessFact::User(said(user))),
            Kind::Plain | Kind::User(_) => {}
            Kind::Services(services) => {
                if matches!(process.pid, 0 | 4) {
                    self.none.get_or_insert_with(|| services.to_vec());
                }
                let none = self.none.as_deref() == Some(services) || services.contains(&b'/');
                // Every Windows runs some, and most of them in this program.
                let host = process.image.eq_ignore_ascii_case(b"svchost.exe");
                if host || !none {
                    self.ran = Some(self.ran.unwrap_or_default() || !none);
                }
                if none {
                    return;
                }
                if self.none.is_none() && !services.contains(&b',') {
                    let remark = "a word that is a service or means none: process 0 is not listed";
                    return sink.issue(Issue::note(span, remark, text));
                }
                let names = services.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
                let mut names = names.filter(|name| !name.is_empty());
                for name in names.by_ref().take(SERVICES_MAX) {
                    fact(ProcessFact::Service(said(name)));
                }
                if names.next().is_some() {
                    let remark = "a process with more than 256 services: the others are left out";
                    sink.issue(Issue::note(span, remark, text));
                }
            }
        }
    }
}

/// Most fields of a row; a title behind them is not looked at.
const FIELDS_MAX: usize = 9;

/// The fields of a line, without their quotes. The ninth goes to the end, whatever is in it.
fn fields(line: &[u8]) -> Option<Vec<&[u8]>> {
    let mut rest = line.strip_prefix(b"\"")?;
    let mut fields = Vec::new();
    while fields.len() + 1 < FIELDS_MAX
        && let Some(at) = memchr::memmem::find(rest, b"\",\"")
    {
        let (field, tail) = rest.split_at(at);
        fields.push(field);
        rest = tail.get(3..)?;
    }
    // A title may hold a newline, so that the quote behind it stands in another line.
    let last = rest.strip_suffix(b"\"");
    fields.push(if fields.len() + 1 == FIELDS_MAX { last.unwrap_or(rest) } else { last? });
    Some(fields)
}

/// Reads a row. `None`: the names of the columns.
fn process<'a>(fields: &[&'a [u8]]) -> Result<Option<Process<'a>>, &'static str> {
    let (image, pid, kind) = match fields {
        [image, pid, services] => (image, pid, Kind::Services(services)),
        [image, pid, _, session, _] if is_number(session) || !is_number(pid) => {
            (image, pid, Kind::Plain)
        }
        [image, pid, _, session, _, _, user, _, _] if is_number(session) || !is_number(pid) => {
            (image, pid, Kind::User(user))
        }
        _ => return Err(EXPECTED),
    };
    let Some(pid) = decimal(pid) else {
        return if is_number(pid) { Err(EXPECTED) } else { Ok(None) };
    };
    if let Kind::Services(services) = kind {
        let first = services.split(|byte| *byte == b',').next().unwrap_or_default();
        if first.to_ascii_lowercase().ends_with(b".dll") {
            return Err(LIBRARIES);
        }
    }
    if image.is_empty() {
        return Err(EXPECTED);
    }
    Ok(Some(Process { image, pid, kind }))
}

fn is_number(field: &[u8]) -> bool {
    !field.is_empty() && field.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{Seen, read, rows};

    fn told(seen: &Seen) -> Vec<String> {
        let say = |row| match row {
            Row::Process(pid, ProcessFact::Name(name)) => format!("{pid} name {}", name.escaped()),
            Row::Process(pid, ProcessFact::Service(name)) => {
                format!("{pid} service {}", name.escaped())
            }
            Row::Process(pid, ProcessFact::User(name)) => format!("{pid} user {}", name.escaped()),
            other => panic!("{other:?}"),
        };
        rows(seen).into_iter().map(say).collect()
    }

    #[test]
    fn the_word_of_process_0_means_none_in_every_language() {
        for none in ["N/A", "Nicht zutreffend", "暂缺"] {
            let text = format!(
                "\"Image Name\",\"PID\",\"Services\"\r\n\"System Idle Process\",\"0\",\"{none}\"\r\n\
                 \"System\",\"4\",\"{none}\"\r\n\"svchost.exe\",\"1712\",\"RpcEptMapper,RpcSs\"\r\n\
                 \"my, server.exe\",\"99\",\"{none}\"\r\n\"spoolsv.exe\",\"6316\",\"Spooler\"\r\n"
            );
            let seen = read(reader(), text.as_bytes());
            assert_eq!(
                told(&seen),
                [
                    "0 name System Idle Process",
                    "4 name System",
                    "1712 name svchost.exe",
                    "1712 service RpcEptMapper",
                    "1712 service RpcSs",
                    "99 name my, server.exe",
                    "6316 name spoolsv.exe",
                    "6316 service Spooler",
                ]
            );
            assert_eq!((seen.headers.len(), seen.issues.len()), (1, 0));
        }
    }

    #[test]
    fn without_process_0_one_word_is_left_out_and_said_to_be() {
        let text =
            "\"a.exe\",\"8\",\"N/A\"\n\"b.exe\",\"9\",\"Spooler\"\n\"c.exe\",\"10\",\"A,B\"\n";
        let seen = read(reader(), text.as_bytes());
        assert_eq!(
            told(&seen),
            ["8 name a.exe", "9 name b.exe", "10 name c.exe", "10 service A", "10 service B"]
        );
        assert_eq!(seen.issues.len(), 1);
        assert_eq!(seen.issues[0].span.line, 2);
    }

    #[test]
    fn users_have_a_domain_and_titles_may_hold_anything() {
        let text = "\"a.exe\",\"8\",\"Services\",\"0\",\"1.234 K\",\"Unknown\",\"NT-AUTORIT\u{c4}T\\SYSTEM\",\"0:00:01\",\"Nicht zutreffend\"\r\n\
            \"b.exe\",\"9\",\"Console\",\"1\",\"1\u{a0}234 Ko\",\"Running\",\"N/A\",\"0:00:01\",\"say \",\"4\",\"hi\"\r\n\
            \"c.exe\",\"10\",\"\",\"1\",\"8 K\",\"Running\",\"EXAMPLE\\anna\",\"0:00:01\",\"two\r\nlines\"\r\n";
        let seen = read(reader(), text.as_bytes());
        assert_eq!(
            told(&seen),
            [
                "8 name a.exe",
                "8 user NT-AUTORIT\u{c4}T\\\\SYSTEM",
                "9 name b.exe",
                "10 name c.exe",
                "10 user EXAMPLE\\\\anna",
            ]
        );
        assert_eq!(seen.issues.len(), 1, "the second line of a title");
    }

    #[test]
    fn what_is_no_list_of_processes_is_issues() {
        for text in [
            "INFO: No tasks are running which match the specified criteria.\n",
            "svchost.exe                   1712 RpcSs\n",
            "\"a.exe\",\"8\",\"ntdll.dll,KERNEL32.DLL\"\n",
            "\"a.exe\",\"8\",\"Spool",
            "\"a.exe\",\"99999999999\",\"N/A\"\n",
            "\"a.exe\",\"8\",\"Console\",\"x\",\"8 K\"\n",
            "\"a.exe\",\"8\",\"8 K\",\"Package\"\n",
        ] {
            let seen = read(reader(), text.as_bytes());
            assert_eq!(
                (seen.rows.len(), seen.headers.len(), seen.issues.len()),
                (0, 0, 1),
                "{text}"
            );
        }
        let seen =
            read(reader(), b"\"Image Name\",\"PID\",\"Session Name\",\"Session#\",\"Mem Usage\"\n");
        assert_eq!((seen.rows.len(), seen.headers.len(), seen.issues.len()), (0, 1, 0));
    }
}
