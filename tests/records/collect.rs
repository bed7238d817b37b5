//! Runs a reader over text and keeps what it hands out.

use fleetstat::model::parsed::{Issue, Reader, Row, Severity, Sink, Span};
use fleetstat::model::socket::Socket;

/// Everything a reader handed out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Collected {
    pub(crate) sockets: Vec<Socket<'static>>,
    pub(crate) row_spans: Vec<Span>,
    pub(crate) headers: Vec<Span>,
    pub(crate) issues: Vec<Issue>,
}

impl Sink for Collected {
    fn row(&mut self, span: Span, row: Row<'_>) {
        let Row::Socket(socket) = row else { panic!("not a socket: {row:?}") };
        self.sockets.push(socket.into_owned());
        self.row_spans.push(span);
    }

    fn header(&mut self, span: Span) {
        self.headers.push(span);
    }

    fn issue(&mut self, issue: Issue) {
        self.issues.push(issue);
    }
}

impl Collected {
    /// Issues of lines that could not be read.
    pub(crate) fn unparsed(&self) -> Vec<&Issue> {
        self.issues.iter().filter(|issue| issue.severity == Severity::Unparsed).collect()
    }
}

/// Reads text in chunks of `cut` bytes.
pub(crate) fn read_cut(mut reader: Box<dyn Reader>, text: &[u8], cut: usize) -> Collected {
    let mut collected = Collected::default();
    text.chunks(cut).for_each(|chunk| reader.push(chunk, &mut collected));
    reader.finish(&mut collected);
    collected
}

/// Reads text in one piece.
pub(crate) fn read(reader: Box<dyn Reader>, text: &[u8]) -> Collected {
    read_cut(reader, text, text.len().max(1))
}

/// One line that tells every field that is set.
pub(crate) fn describe(socket: &Socket<'_>) -> String {
    let mut words = vec![
        socket.transport.to_string(),
        socket.state.to_string(),
        end(&socket.local),
        socket.remote.as_ref().map_or_else(|| "-".to_owned(), end),
    ];
    let mut add = |name: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("{name}={value}")));
    };
    let text = |number: Option<u64>| number.map(|number| number.to_string());
    add("raw", text(socket.raw_protocol.map(u64::from)));
    add("dev", socket.bind_device.as_ref().map(|d| d.escaped().into_owned()));
    add("dual", socket.dual_stack.map(|dual| dual.to_string()));
    add("rq", text(socket.recv_queue_bytes));
    add("sq", text(socket.send_queue_bytes));
    add("backlog", text(socket.backlog_current));
    add("max", text(socket.backlog_max));
    add(
        "timer",
        socket.timer.map(|t| format!("{},{:?},{:?}", t.kind, t.expires_ms, t.retransmits)),
    );
    add("drops", text(socket.drops));
    add("uid", text(socket.uid.map(u64::from)));
    add("ino", text(socket.inode));
    add("sk", socket.cookie.map(|cookie| format!("{cookie:x}")));
    add("cgroup", socket.cgroup.as_ref().map(|path| path.escaped().into_owned()));
    add("raw_state", socket.state_raw.as_ref().map(|state| state.escaped().into_owned()));
    for owner in &socket.owners {
        let tid = owner.tid.map(|tid| format!("/{tid}")).unwrap_or_default();
        let fd = owner.fd.map(|fd| fd.to_string()).unwrap_or_default();
        add("owner", Some(format!("{}{tid}:{fd}:{}", owner.pid, owner.name.escaped())));
    }
    let flags = [
        (socket.flags.v4_mapped, "v4_mapped"),
        (socket.flags.truncated, "truncated"),
        (socket.flags.name_has_control, "control"),
        (socket.flags.duplicate, "duplicate"),
    ];
    words.extend(flags.iter().filter(|flag| flag.0).map(|flag| flag.1.to_owned()));
    words.push(socket.attribution.to_string());
    words.join(" ")
}

fn end(end: &fleetstat::model::socket::Endpoint<'_>) -> String {
    let zone = end.zone.as_ref().map(|zone| format!("%{}", zone.escaped())).unwrap_or_default();
    let port = end.port.map_or_else(|| "*".to_owned(), |port| port.to_string());
    match end.address {
        std::net::IpAddr::V4(address) => format!("{address}{zone}:{port}"),
        std::net::IpAddr::V6(address) => format!("[{address}]{zone}:{port}"),
    }
}
