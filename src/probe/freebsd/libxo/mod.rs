//! What FreeBSD's tools print with `--libxo json`.
//!
//! ```text
//! {"__version":"1","statistics":{"socket":[{"protocol":"tcp4 ","local":{"address":"*","port":"22"},...}]}}
//! ```
//! In: answers of netstat(1), sockstat(1), arp(8) and ndp(8). Out: sockets, routes, interfaces and
//! neighbours. Text is padded at times, and numbers stand in strings at times: both are tolerated.
//! `__version` came with libxo 0.4. A member can come twice in one object.
//!
//! netstat(1) and arp(8) know `--libxo` since FreeBSD 11, ndp(8) since 14, sockstat(1) since 15.
//! Source: `xo_parse_args(3)`, usr.bin/netstat, usr.bin/sockstat, usr.sbin/arp and usr.sbin/ndp of
//! FreeBSD.

mod ends;
pub mod interfaces;
pub mod neighbours;
pub mod routes;
pub mod sockets;
pub mod sockstat;

use serde_json::Value;

use crate::model::host::Platform;
use crate::model::parsed::{Reader, Sink};
use crate::model::snapshot::View;
use crate::model::text::HostText;
use crate::probe::command::{Arguments, arguments};
use crate::probe::freebsd::tools;
use crate::probe::gap::Gap;
use crate::probe::json::{Fields, text};
use crate::probe::json_tree::{Kind, Place, Tree, TreeParser};
use crate::probe::table::{MakeReader, Naming, Probe};
use crate::probe::tool::Tool;

/// Reads one row.
type ReadRow<S> = fn(&mut S, Place<'_>, &Fields, &mut dyn Sink) -> Result<(), &'static str>;

/// What a document holds: one list, and single values on the way to it.
struct Document<S> {
    /// Path of the list.
    list: &'static str,
    /// Names of the members of its rows.
    members: &'static [&'static str],
    /// Paths of single values; the parser keeps what they say.
    values: &'static [&'static str],
    /// Keeps a value.
    keep: fn(&mut S, &str, &Value),
    /// Reads a row.
    read: ReadRow<S>,
    /// What was kept.
    kept: S,
}

impl<S: 'static> Document<S> {
    fn reader(self) -> Box<dyn Reader> {
        Box::new(Tree::new(self))
    }
}

impl<S> TreeParser for Document<S> {
    fn kind(&self, path: &str) -> Kind {
        let way = self.list.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        match path {
            "__version" => Kind::Value,
            _ if path == self.list => Kind::Rows(self.members),
            _ if self.values.contains(&path) => Kind::Value,
            _ if way => Kind::Walk,
            _ => Kind::Unknown,
        }
    }

    fn row(
        &mut self,
        place: Place<'_>,
        fields: &Fields,
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str> {
        (self.read)(&mut self.kept, place, fields, sink)
    }

    fn value(
        &mut self,
        place: Place<'_>,
        value: &Value,
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str> {
        (self.keep)(&mut self.kept, place.path, value);
        sink.header(place.span);
        Ok(())
    }
}

/// Keeps nothing.
fn keep_none(_: &mut (), _: &str, _: &Value) {}

/// A text without its padding. `None` for anything else and for blanks alone.
fn word(value: Option<&Value>) -> Option<HostText<'static>> {
    let text = text(value)?;
    let word = text.bytes().trim_ascii();
    (!word.is_empty()).then(|| HostText::owned(word.to_vec()))
}

/// A whole number that fits `T`, also in a padded string.
fn whole<T: TryFrom<u64>>(value: Option<&Value>) -> Option<T> {
    let value = value?;
    let digits = |text: &str| {
        let text = text.trim();
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
    };
    let number: u64 = value.as_u64().or_else(|| digits(value.as_str()?))?;
    T::try_from(number).ok()
}

const SOCKETS: &[View] = &[View::Listeners, View::Sessions];

const INET4: Arguments = arguments(&["--libxo", "json", "-a", "-n", "-W", "-f", "inet"]);
const INET6: Arguments = arguments(&["--libxo", "json", "-a", "-n", "-W", "-f", "inet6"]);

/// What netstat(1) does not tell of sockets.
const SOCKET_GAPS: &[Gap] = &[
    Gap::Owners,
    Gap::BindDevice,
    Gap::Backlog,
    Gap::BacklogLimit,
    Gap::Timer,
    Gap::Drops,
    Gap::Inode,
    Gap::Cookie,
    Gap::SocketUser,
    Gap::ControlGroup,
];

/// What sockstat(1) does not tell of sockets.
const SOCKSTAT_GAPS: &[Gap] = &[
    Gap::RawSockets,
    Gap::BindDevice,
    Gap::Queues,
    Gap::Backlog,
    Gap::BacklogLimit,
    Gap::Timer,
    Gap::Drops,
    Gap::Inode,
    Gap::Cookie,
    Gap::SocketUser,
    Gap::ControlGroup,
];

/// One command.
const fn libxo(
    id: &'static str,
    tool: &'static Tool,
    arguments: Arguments,
    reader: MakeReader,
) -> Probe {
    Probe::of(Platform::Freebsd, id, tool, arguments, reader)
}

/// IPv4 sockets.
pub(in crate::probe) const NETSTAT_INET4: Probe =
    libxo("freebsd/netstat-libxo-inet4", &tools::NETSTAT, INET4, sockets::ipv4_reader)
        .reads("IPv4 sockets of TCP, UDP, SCTP and raw IP, with queues.", "netstat(1)")
        .serves(SOCKETS, &[])
        .lacks(SOCKET_GAPS);

/// IPv6 sockets, those that take IPv4 too among them.
pub(in crate::probe) const NETSTAT_INET6: Probe =
    libxo("freebsd/netstat-libxo-inet6", &tools::NETSTAT, INET6, sockets::reader)
        .reads("IPv6 sockets of TCP, UDP, SCTP and raw IP, with queues.", "netstat(1)")
        .serves(SOCKETS, &[])
        .lacks(SOCKET_GAPS);

/// Who holds which socket.
pub(in crate::probe) const SOCKSTAT: Probe = libxo(
    "freebsd/sockstat-libxo",
    &tools::SOCKSTAT,
    arguments(&["--libxo", "json", "-4", "-6", "-n", "-s"]),
    sockstat::reader,
)
.reads("Which process holds which socket, with descriptor and user id.", "sockstat(1)")
.serves(&[], SOCKETS)
.names(Naming::HeldSockets)
.lacks(SOCKSTAT_GAPS);

/// The ARP table.
pub(in crate::probe) const ARP: Probe = libxo(
    "freebsd/arp-libxo",
    &tools::ARP,
    arguments(&["--libxo", "json", "-a", "-n"]),
    neighbours::arp_reader,
)
.reads("The ARP table.", "arp(8)")
.serves(&[View::Routes], &[])
.lacks(&[Gap::NeighbourState]);

/// The table of neighbour discovery.
pub(in crate::probe) const NDP: Probe = libxo(
    "freebsd/ndp-libxo",
    &tools::NDP,
    arguments(&["--libxo", "json", "-a", "-n"]),
    neighbours::ndp_reader,
)
.reads("The neighbour-discovery table.", "ndp(8)")
.serves(&[View::Routes], &[]);

/// Interfaces.
pub(in crate::probe) const INTERFACES: Probe = libxo(
    "freebsd/interfaces-libxo",
    &tools::NETSTAT,
    arguments(&["--libxo", "json", "-i", "-b", "-d", "-n", "-W"]),
    interfaces::reader,
)
.reads("Interfaces with addresses, flags and counters.", "netstat(1)")
.serves(&[View::Interfaces], SOCKETS)
.lacks(&[Gap::AddressPeer, Gap::LinkErrorKinds]);

/// Routes.
pub(in crate::probe) const ROUTES: Probe = libxo(
    "freebsd/routes-libxo",
    &tools::NETSTAT,
    arguments(&["--libxo", "json", "-r", "-n", "-W"]),
    routes::reader,
)
.reads("Routes of both families, of the table that the account is in.", "netstat(1)")
.serves(&[View::Routes], &[])
.lacks(&[Gap::OtherTables, Gap::JoinedHops]);
