//! `sockstat --libxo json -4 -6 -n -s`: who holds which socket, one row for each descriptor.
//!
//! ```text
//! {"user":"0","command":"sshd","pid":1012,"fd":4,"proto":"tcp4",
//!  "local":{"address":"*","port":22},"foreign":{"address":"*","port":0},"conn-state":"LISTEN"}
//! ```
//! Rows of `sockstat/socket`. `-n` gives user ids. A row without a process is a socket that none
//! holds. The command is the kernel's name of the process, 19 bytes at most, and `??` when it ended
//! meanwhile. Of SCTP the name never tells whether a socket serves both families, and the first
//! address of each end is read.
//!
//! Source: usr.bin/sockstat/main.c; the user is the effective one of the process
//! (`sysctl_kern_file` in `sys/kern/kern_descrip.c`).

use smallvec::SmallVec;

use crate::model::parsed::{Issue, Reader, Row, Sink};
use crate::model::process::ProcessFact;
use crate::model::socket::{Attribution, Owner, State};
use crate::model::text::HostText;
use crate::probe::freebsd::libxo::ends::{protocol, socket, state};
use crate::probe::freebsd::libxo::{Document, keep_none, whole, word};
use crate::probe::json::{Fields, text};
use crate::probe::json_tree::Place;

const MEMBERS: &[&str] = &[
    "user",
    "command",
    "pid",
    "fd",
    "proto",
    "local",
    "foreign",
    "path-state",
    "conn-state",
    "pcb-kva",
    "fib",
    "splice",
    "id",
    "encaps",
    "stack",
    "cc",
];

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    let list = "sockstat/socket";
    Document { list, members: MEMBERS, values: &[], keep: keep_none, read: row, kept: () }.reader()
}

fn row(
    (): &mut (),
    place: Place<'_>,
    fields: &Fields,
    sink: &mut dyn Sink,
) -> Result<(), &'static str> {
    let named = protocol(fields.get("proto")).ok_or("expected a known protocol")?;
    let Some(transport) = named.transport else {
        sink.header(place.span);
        return Ok(());
    };
    let told = word(fields.get("conn-state"));
    let told_state = told.as_ref().map(|told| state(told.bytes()).unwrap_or(State::Unknown));
    let ends = [fields.get("local"), fields.get("foreign")];
    let mut socket = socket(named, transport, ends, told_state)?;
    if socket.state == State::Unknown {
        socket.state_raw = told;
    }
    let pid: Option<u32> = whole(fields.get("pid"));
    if pid.is_none() && fields.get("pid").is_some() {
        return Err("expected a process id");
    }
    if let Some(pid) = pid {
        // Blanks may be part of a name.
        let name = text(fields.get("command")).filter(|name| name.bytes() != b"??");
        let name = name.unwrap_or_else(|| HostText::new(b""));
        socket.flags.name_has_control = name.has_control();
        let fd = whole(fields.get("fd"));
        socket.owners = SmallVec::from_iter([Owner { pid, fd, tid: None, name }]);
        socket.attribution = Attribution::Owned;
    }
    sink.row(place.span, Row::Socket(socket));
    if let (Some(pid), Some(user)) = (pid, word(fields.get("user"))) {
        let fact = whole(fields.get("user")).map_or(ProcessFact::User(user), ProcessFact::Uid);
        sink.row(place.span, Row::Process(pid, fact));
    }
    if fields.members().filter(|(name, _)| matches!(*name, "local" | "foreign")).count() > 2 {
        let said = "more addresses of one association: the first of each end is read";
        sink.issue(Issue::note(place.span, said, b""));
    }
    Ok(())
}
