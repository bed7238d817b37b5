//! Name, parent, user and control groups of processes: `grep -H` over `/proc/PID/status` and
//! `/proc/PID/cgroup`; and the files of a process in another network namespace: its control groups
//! and its socket tables.
//!
//! In: lines of grep, each `/proc/PID/FILE:LINE`. Out: a [`ProcessFact`] or a socket for each. It
//! must not know which processes were asked about.
//!
//! ```text
//! /proc/312/status:Name:   nginx
//! /proc/312/status:PPid:   1
//! /proc/312/status:Uid:    33      33      33      33
//! /proc/312/cgroup:0::/system.slice/nginx.service
//! /proc/312/net/tcp:   0: 00000000:0050 00000000:0000 0A ...
//! ```
//! `Name` is the process's `comm`, with newline and backslash written `\n` and `\\`; the `Uid` line
//! has the real, effective, saved and file-system ids, proc(5). grep puts the file's name before
//! every line, so a name or path with a newline in it cannot imitate another file's line.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::process::ProcessFact;
use crate::model::socket::Transport;
use crate::model::text::HostText;
use crate::probe::command::{Arguments, arguments};
use crate::probe::cursor::Cursor;
use crate::probe::lines::{LineParser, Lines};
use crate::probe::linux::proc_net::{ProcNet, lines_of};

/// Highest process id of Linux: `PID_MAX_LIMIT` of a 64-bit kernel, `proc_sys_kernel(5)`. A tool that
/// prints a higher one, or 0, names no process.
pub(in crate::probe::linux) const PID_MAX: u32 = 4_194_304;

/// The words after `grep`, before the files of processes that own sockets.
pub const OWNER_ARGUMENTS: Arguments =
    arguments(&["-H", "-e", "Name", "-e", "PPid", "-e", "Uid", "-e", ":/"]);

/// Their files.
pub const OWNER_FILES: Arguments = arguments(&["/status", "/cgroup"]);

/// The words after `grep`, before the files of a process in another network namespace.
pub const NAMESPACE_ARGUMENTS: Arguments = arguments(&["-H", "."]);

/// Its files.
pub const NAMESPACE_FILES: Arguments = arguments(&[
    "/cgroup",
    "/net/tcp",
    "/net/tcp6",
    "/net/udp",
    "/net/udp6",
    "/net/raw",
    "/net/raw6",
    "/net/udplite",
    "/net/udplite6",
]);

/// A reader of either answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Lines::new(Files {
        tables: [Transport::Tcp, Transport::Udp, Transport::Raw, Transport::Udplite]
            .map(|transport| (transport, lines_of(transport))),
    }))
}

struct Files {
    tables: [(Transport, ProcNet); 4],
}

impl LineParser for Files {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let parts = split(line).filter(|(.., rest)| !rest.trim_ascii().is_empty());
        let Some((pid, file, rest)) = parts else {
            return sink.issue(Issue::unparsed(span, "expected a line of a process's file", line));
        };
        if let Some(transport) = table(file) {
            let table = self.tables.iter_mut().find(|(known, _)| *known == transport);
            return match table {
                Some((_, table)) => table.take(span, rest, sink),
                None => sink.header(span),
            };
        }
        let fact = match file {
            b"status" => status(rest),
            b"cgroup" => cgroup(rest),
            _ => None,
        };
        match fact {
            Some(fact) => sink.row(span, Row::Process(pid, fact)),
            // A line of another kernel's file in which a word that was asked for stands too.
            None if file == b"status" && rest.contains(&b':') => sink.header(span),
            None => sink.issue(Issue::unparsed(span, "expected a line of a process's file", line)),
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

/// Process id, file below `/proc/PID/`, and the line.
fn split(line: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let mut cursor = Cursor::new(line);
    let pid = cursor.after(b"/proc/")?.number()?;
    let rest = cursor.after(b"/")?.rest;
    let colon = memchr::memchr(b':', rest)?;
    Some((pid, rest.get(..colon)?, rest.get(colon + 1..)?))
}

const fn table(file: &[u8]) -> Option<Transport> {
    match file {
        b"net/tcp" | b"net/tcp6" => Some(Transport::Tcp),
        b"net/udp" | b"net/udp6" => Some(Transport::Udp),
        b"net/raw" | b"net/raw6" => Some(Transport::Raw),
        b"net/udplite" | b"net/udplite6" => Some(Transport::Udplite),
        _ => None,
    }
}

/// A line of `status`.
fn status(line: &[u8]) -> Option<ProcessFact> {
    let mut cursor = Cursor::new(line);
    if cursor.eat(b"Name:\t") {
        return Some(ProcessFact::Name(unescaped(cursor.rest)));
    }
    if cursor.eat(b"PPid:") {
        cursor.blanks();
        return Some(ProcessFact::Parent(cursor.number()?));
    }
    if cursor.eat(b"Uid:") {
        cursor.blanks();
        cursor.decimal()?;
        cursor.blanks();
        return Some(ProcessFact::Uid(cursor.number()?));
    }
    None
}

/// The name as the process set it: the kernel writes a newline as `\n` and a backslash as `\\`.
fn unescaped(name: &[u8]) -> HostText<'static> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.iter();
    while let Some(&byte) = rest.next() {
        match (byte, rest.as_slice().first()) {
            (b'\\', Some(b'n')) => bytes.push(b'\n'),
            (b'\\', Some(b'\\')) => bytes.push(b'\\'),
            _ => {
                bytes.push(byte);
                continue;
            }
        }
        rest.next();
    }
    HostText::owned(bytes)
}

/// `0::/PATH` of the unified hierarchy, `N:CONTROLLERS:/PATH` of an old one, cgroups(7). The
/// unified one and systemd's own name the service; the root names nothing.
fn cgroup(line: &[u8]) -> Option<ProcessFact> {
    let mut cursor = Cursor::new(line);
    let hierarchy = cursor.decimal()?;
    let rest = cursor.after(b":")?.rest;
    let colon = memchr::memmem::find(rest, b":/")?;
    let (controllers, path) = (rest.get(..colon)?, rest.get(colon + 1..)?);
    let rank = match (path, hierarchy, controllers) {
        (b"/", ..) => 0,
        (_, 0, b"") => 3,
        (_, _, b"name=systemd") => 2,
        _ => 1,
    };
    Some(ProcessFact::Cgroup(rank, HostText::owned(path.to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    #[test]
    fn each_line_is_a_statement_about_its_process() {
        let text = b"/proc/312/status:Name:\tmy\\nname\\\\x\n/proc/312/status:PPid:\t1\n\
            /proc/312/status:Uid:\t1000\t33\t33\t33\n/proc/312/cgroup:0::/system.slice/nginx.service\n\
            /proc/9/cgroup:1:name=systemd:/user.slice\n/proc/9/cgroup:4:memory:/docker/ab\n\
            /proc/9/cgroup:0::/\n";
        let seen = read(reader(), text);
        let path = |text: &str| HostText::owned(text.as_bytes().to_vec());
        assert_eq!(
            rows(&seen),
            [
                Row::Process(312, ProcessFact::Name(path("my\nname\\x"))),
                Row::Process(312, ProcessFact::Parent(1)),
                Row::Process(312, ProcessFact::Uid(33)),
                Row::Process(312, ProcessFact::Cgroup(3, path("/system.slice/nginx.service"))),
                Row::Process(9, ProcessFact::Cgroup(2, path("/user.slice"))),
                Row::Process(9, ProcessFact::Cgroup(1, path("/docker/ab"))),
                Row::Process(9, ProcessFact::Cgroup(0, path("/"))),
            ]
        );
        assert_eq!(seen.issues, []);
    }

    #[test]
    fn tables_of_a_process_are_read_as_the_files_they_are() {
        let row = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  \
                   1000        0 7 1 00000000c15d4cd3 100 0 0 10 0";
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   \
                    uid  timeout inode";
        let text =
            format!("/proc/9/net/tcp:{head}\n/proc/9/net/tcp:{row}\n/proc/9/net/udp6:oops\n");
        let seen = read(reader(), text.as_bytes());
        let [Row::Socket(socket)] = &rows(&seen)[..] else { panic!("one socket: {seen:?}") };
        assert_eq!((socket.transport, socket.inode), (Transport::Tcp, Some(7)));
        assert_eq!((seen.headers.len(), seen.issues.len()), (1, 1));
    }

    #[test]
    fn a_line_without_its_end_or_of_another_file_is_an_issue() {
        let seen = read(reader(), b"/proc/1/maps:x\nName:\tx\n/proc/312/status");
        assert_eq!((rows(&seen).len(), seen.issues.len()), (0, 3));
    }
}
