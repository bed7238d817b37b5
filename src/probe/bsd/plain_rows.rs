//! `netstat -an` of AIX and HP-UX, with `-A`, `-o`, `-@` and without.
//!
//! In: the text, in chunks cut anywhere. Out: one socket per row of TCP or UDP.
//!
//! ```text
//! Active Internet connections (including servers)
//! PCB/ADDR         Proto Recv-Q Send-Q  Local Address      Foreign Address    (state)
//! f1000f0000287bc0 tcp4       0      0  *.22                  *.*                   LISTEN
//! f1000f00002d8bc0 tcp6       0     52  2001:db8::5.22        2001:db8::9.40000     ESTABLISHED
//! f1000f0000140600 udp        0      0  *.111                 *.*
//!
//! Active UNIX domain sockets
//! SADR/PCB         Type   Recv-Q Send-Q      Inode            Conn             Refs           Nextref      Addr
//! f1000f0000144808 dgram       0      0 f1000b02a0354c20                0                0                0 /dev/log
//! f1000f0000145580
//! ```
//! Columns: with `-A` the kernel's address of the control block; protocol; bytes not yet read and
//! not yet acknowledged; local and remote end, the port behind the last dot, `*` for any; state of
//! TCP. Sources: IBM, AIX commands, `netstat`; HP-UX netstat(1).
//!
//! Decisions, each because the text alone does not say:
//! - AIX names an IPv4 socket `tcp4`, an IPv6 one that takes no IPv4 `tcp6`, and an IPv6 one that
//!   takes both `tcp`: what inetd opens as `tcp6` is listed as `tcp`. So `tcp` with `*` is `::` and
//!   dual stack, and with an IPv4 address it is v4-mapped. HP-UX has no such names: there the
//!   family is what the addresses are, else what was asked, else IPv4, with one note.
//! - What a listener's queues hold is not documented, so they are left out. HP-UX prints the queues
//!   "only for backward compatibility", as 0, so 0 says nothing there.
//! - Old AIX cuts an end to 18 characters with `-A`, the port included: a row with an end that fills
//!   such a column is an issue, because the number that is left of a port is another port. With five
//!   digits nothing is missing. An IPv6 end that fills a wider column is flagged `truncated`.
//! - A row that goes on in the next line, which begins with a blank, is joined. Ends without a
//!   blank between them are parted where there is only one way to part them.
//! - Rows of unix-domain sockets are known: two lines on AIX. Their paths are chosen by any user and
//!   may hold newlines, so internet rows and titles behind them are not believed: each is an issue.
//! - Lines of `-o` (`so_options: (...)`, `q0len:0 qlen:0 qlimit:1000`) are known; nothing is taken
//!   from them.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::socket::Family;
use crate::probe::bsd::plain_row::{self, Layout, Reading};
use crate::probe::bsd::plain_words::{is_kernel_address, words};
use crate::probe::cursor::is_blank;
use crate::probe::lines::{LineParser, Lines};

pub(in crate::probe) use crate::probe::bsd::plain_row::System;

/// A reader of the answer. `family` is what the command asked for.
pub(in crate::probe) fn reader(system: System, family: Option<Family>) -> Box<dyn Reader> {
    let layout = Layout::new(system, family);
    Box::new(Lines::new(Netstat { layout, unix: false, noted: false, held: None }))
}

struct Netstat {
    layout: Layout,
    /// The title of the unix-domain sockets was seen.
    unix: bool,
    /// A note has said that a family is guessed.
    noted: bool,
    /// The beginning of a row, and where it stands.
    held: Option<(Span, Vec<u8>)>,
}

/// Most bytes of a row that is waited for.
const ROW_BYTES_MAX: usize = 1024;
const ANY_FAMILY: &str = "`*` could be IPv4 or both families: IPv4 is taken; run netstat with \
                          -f inet or -f inet6, and name the probe of that family";
const UNFINISHED: &str = "expected protocol, queues, two ends, and for TCP a state";

impl LineParser for Netstat {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.trim_ascii().is_empty() {
            return self.end(sink);
        }
        if let Some((held, mut bytes)) = self.held.take() {
            let goes_on = line.first().is_some_and(|&byte| is_blank(byte)) && !is_option(line);
            if goes_on && bytes.len() + line.len() < ROW_BYTES_MAX {
                bytes.push(b' ');
                bytes.extend_from_slice(line);
                return self.row(Span { end: span.end, ..held }, &bytes, sink);
            }
            sink.issue(Issue::unparsed(held, UNFINISHED, &bytes));
        }
        self.row(span, line, sink);
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        if let Some((span, bytes)) = self.held.take() {
            sink.issue(Issue::unparsed(span, UNFINISHED, &bytes));
        }
    }
}

impl Netstat {
    fn row(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        let mut row = None;
        match plain_row::read(line, &mut self.layout, &mut row) {
            Reading::Other => self.other(span, line, sink),
            _ if self.unix => {
                let expected =
                    "internet sockets behind unix-domain ones: a path may have forged them";
                sink.issue(Issue::unparsed(span, expected, line));
            }
            Reading::Open => self.held = Some((span, line.to_vec())),
            Reading::Bad(expected) => sink.issue(Issue::unparsed(span, expected, line)),
            Reading::Socket(doubtful) => {
                if let Some(Row::Socket(socket)) = &mut row {
                    socket.flags.truncated = doubtful;
                }
                if let Some(row) = row {
                    sink.row(span, row);
                }
                if self.layout.guessed && !self.noted {
                    self.noted = true;
                    sink.issue(Issue::note(span, ANY_FAMILY, line));
                }
                if doubtful {
                    let remark = "an end fills its column and may be cut: run netstat without -A";
                    sink.issue(Issue::note(span, remark, line));
                }
            }
        }
    }

    /// Titles, headers and rows of unix-domain sockets.
    fn other(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if line.starts_with(b"Active UNIX domain sockets") {
            self.unix = true;
            return sink.header(span);
        }
        if self.unix {
            let known = is_unix_row(line) || is_header(line) || is_option(line);
            let expected = "expected a row of unix-domain sockets";
            return if known {
                sink.header(span);
            } else {
                sink.issue(Issue::unparsed(span, expected, line));
            };
        }
        if is_header(line) {
            self.layout.lead = words(line).position(|word| word == b"Proto").unwrap_or(0);
            return sink.header(span);
        }
        let title = line.starts_with(b"Active Internet connections");
        if title || is_unix_row(line) || is_option(line) {
            sink.header(span);
        } else {
            sink.issue(Issue::unparsed(span, "expected a row of netstat", line));
        }
    }
}

/// The names of the columns: of internet sockets or of unix-domain ones.
fn is_header(line: &[u8]) -> bool {
    let mut queues = words(line).skip_while(|word| *word != b"Recv-Q");
    (queues.next(), queues.next()) == (Some(b"Recv-Q"), Some(b"Send-Q"))
}

/// A row of a unix-domain socket, or its second line, which is an address alone.
fn is_unix_row(line: &[u8]) -> bool {
    let mut words = words(line);
    let known = words.next().is_some_and(is_kernel_address);
    known
        && match words.next() {
            None => true,
            Some(kind) => matches!(kind, b"stream" | b"dgram" | b"seqpacket" | b"raw" | b"rdm"),
        }
}

/// A line that `-o` prints below a row.
fn is_option(line: &[u8]) -> bool {
    const NAMES: &[&[u8]] = &[
        b"so_",
        b"q0len:",
        b"qlen:",
        b"timeo:",
        b"sndbuf:",
        b"rcvbuf:",
        b"hiwat:",
        b"sb_flags:",
        b"TCP:",
        b"mss:",
    ];
    let inner = line.trim_ascii_start();
    inner.len() < line.len() && NAMES.iter().any(|name| inner.starts_with(name))
}
