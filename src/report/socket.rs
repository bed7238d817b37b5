//! The field list of sockets.

use crate::model::socket::{
    Attribution, Direction, Endpoint, Family, Namespace, Owner, Runtime, Scope, Socket, State,
    TimerKind, Transport,
};
use crate::model::text::HostText;
use crate::report::envelope::{Recorded, with_envelope};
use crate::report::field::{Cell, Column, Field, Kind};
use crate::report::value::{Member, Type, Value, process_name, words_of};

/// The kind `socket`.
#[derive(Clone, Copy, Debug)]
pub struct Sockets;

const PROCESSES: &[Member] = &[
    Member::reported(
        "name",
        Type::Text,
        "Name as the tool prints it. On Linux at most 15 bytes and chosen by the process \
              itself: display data, not identity. `null`: nothing tells it.",
    ),
    Member::always("pid", Type::Integer, "Process id."),
    Member::reported("fd", Type::Integer, "File descriptor in that process."),
    Member::reported("tid", Type::Integer, "Thread id, where the tool lists threads."),
];

fn processes<'r>(owners: &'r [Owner<'_>]) -> Value<'r> {
    Value::objects(owners.iter().map(|owner| {
        [process_name(&owner.name), owner.pid.into(), owner.fd.into(), owner.tid.into()]
    }))
}

fn remote<'r, 'x>(row: Recorded<'r, Socket<'x>>) -> Option<&'r Endpoint<'x>> {
    row.record.remote.as_ref()
}

fn space<'r>(row: Recorded<'r, Socket<'_>>) -> Option<&'r Namespace> {
    row.record.namespace.as_deref()
}

fn container<'r>(row: Recorded<'r, Socket<'_>>) -> Option<(Runtime, &'r HostText<'static>)> {
    let space = space(row)?;
    Some((space.runtime?, &space.name))
}

impl Kind for Sockets {
    type Body<'x> = Socket<'x>;

    const NAME: &'static str = "socket";

    const DOC: &'static str = "One socket: a listener, a connection, or a socket without peer.";

    const FIELDS: &'static [Field<Self>] = with_envelope![
        Field::always("network.transport", words_of!(Transport), "Transport protocol.", |row| {
            Value::Word(row.record.transport.as_str())
        }),
        Field::always(
            "network.type",
            words_of!(Family),
            "Address family of the addresses; `ipv4` also for IPv4 over an IPv6 socket \
             (`flags.v4_mapped`).",
            |row| Value::Word(row.record.family.as_str()),
        ),
        Field::always(
            "network.connection.state",
            words_of!(State),
            "State; TCP states as RFC 9293 names them.",
            |row| Value::Word(row.record.state.as_str()),
        ),
        Field::reported(
            "state_raw",
            Type::Text,
            "The tool's own word or code, where it says more than the state.",
            |row| row.record.state_raw.as_ref().into(),
        ),
        Field::reported(
            "network.protocol_number",
            Type::Integer,
            "IP protocol number of a raw socket.",
            |row| row.record.raw_protocol.into(),
        ),
        Field::always(
            "direction",
            words_of!(Direction),
            "Who opened the conversation, as far as one snapshot tells.",
            |row| Value::Word(row.record.direction.as_str()),
        ),
        Field::always(
            "local.address",
            Type::Address,
            "Local address; `0.0.0.0` or `::` for every address.",
            |row| row.record.local.address.into(),
        ),
        Field::reported(
            "local.port",
            Type::Integer,
            "Local port. `null`: any port, or a protocol without ports.",
            |row| row.record.local.port.into(),
        ),
        Field::reported("local.zone", Type::Text, "Zone of a link-local address.", |row| {
            row.record.local.zone.as_ref().into()
        }),
        Field::reported(
            "remote.address",
            Type::Address,
            "Address of the peer. `null`: there is no peer.",
            |row| remote(row).map(|end| end.address).into(),
        ),
        Field::reported("remote.port", Type::Integer, "Port of the peer.", |row| {
            remote(row).and_then(|end| end.port).into()
        }),
        Field::reported("remote.zone", Type::Text, "Zone of a link-local address.", |row| {
            remote(row).and_then(|end| end.zone.as_ref()).into()
        }),
        Field::always(
            "bind.scope",
            words_of!(Scope),
            "How far the local address reaches.",
            |row| { Value::Word(row.record.bind_scope.as_str()) }
        ),
        Field::reported(
            "bind.dual_stack",
            Type::Bool,
            "One socket for IPv4 and IPv6. `null`: the tool does not say.",
            |row| row.record.dual_stack.into(),
        ),
        Field::reported("bind.device", Type::Text, "Device the socket is bound to.", |row| {
            row.record.bind_device.as_ref().into()
        }),
        Field::reported(
            "queue.recv_bytes",
            Type::Integer,
            "Bytes received and not yet read by the owner. `null` for listeners.",
            |row| row.record.recv_queue_bytes.into(),
        ),
        Field::reported(
            "queue.send_bytes",
            Type::Integer,
            "Bytes sent and not yet acknowledged. `null` for listeners.",
            |row| row.record.send_queue_bytes.into(),
        ),
        Field::reported(
            "backlog.current",
            Type::Integer,
            "Connections waiting to be accepted. Only listeners.",
            |row| row.record.backlog_current.into(),
        ),
        Field::reported(
            "backlog.max",
            Type::Integer,
            "Limit of that queue, in connections. Only listeners.",
            |row| row.record.backlog_max.into(),
        ),
        Field::reported(
            "timer.kind",
            words_of!(TimerKind),
            "What the running timer waits for. `null`: none, or not reported.",
            |row| row.record.timer.map(|timer| timer.kind.as_str()).into(),
        ),
        Field::reported("timer.expires_ms", Type::Integer, "Time left, in milliseconds.", |row| {
            row.record.timer.and_then(|timer| timer.expires_ms).into()
        }),
        Field::reported("timer.retransmits", Type::Integer, "Retransmissions so far.", |row| {
            row.record.timer.and_then(|timer| timer.retransmits).into()
        }),
        Field::reported(
            "drops",
            Type::Integer,
            "Datagrams dropped since the socket was opened.",
            |row| row.record.drops.into(),
        ),
        Field::reported(
            "socket.inode",
            Type::Integer,
            "Inode of the socket; 0 when no file holds it.",
            |row| row.record.inode.into(),
        ),
        Field::reported("socket.cookie", Type::Hex, "The kernel's name for the socket.", |row| {
            row.record.cookie.map_or(Value::Null, Value::Hex)
        }),
        Field::reported(
            "socket.uid",
            Type::Integer,
            "User id that created the socket. `null` too where the kernel says 0 of a socket that no \
             file holds (inode 0): it has lost its user.",
            |row| row.record.uid.into(),
        ),
        Field::reported(
            "socket.cgroup",
            Type::Text,
            "Control group path of the socket's creator.",
            |row| row.record.cgroup.as_ref().into(),
        ),
        Field::always(
            "processes",
            Type::Objects(PROCESSES),
            "Owners, in the tool's order. Why it is empty says `attribution`.",
            |row| processes(&row.record.owners),
        ),
        Field::always(
            "attribution",
            words_of!(Attribution),
            "Whether the owner is known; `denied` says nothing about the socket.",
            |row| Value::Word(row.record.attribution.as_str()),
        ),
        Field::reported(
            "netns.inode",
            Type::Integer,
            "The kernel's number of the network namespace. `null`: the account's own.",
            |row| space(row).map(|space| space.inode).into(),
        ),
        Field::reported(
            "netns.name",
            Type::Text,
            "What the network namespace is called from one start to the next: id of a container, \
             uid of a pod, name of a machine, unit; else its number.",
            |row| space(row).map(|space| &space.name).into(),
        ),
        Field::reported(
            "container.runtime",
            words_of!(Runtime),
            "What runs the container of the network namespace. `null`: none, as far as its control \
             groups tell.",
            |row| container(row).map(|(runtime, _)| runtime.as_str()).into(),
        ),
        Field::reported("container.id", Type::Text, "Id of that container or pod.", |row| {
            container(row).map(|(_, id)| id).into()
        }),
        Field::always("flags.v4_mapped", Type::Bool, "IPv4 over an IPv6 socket.", |row| {
            row.record.flags.v4_mapped.into()
        }),
        Field::always(
            "flags.truncated",
            Type::Bool,
            "A field fills its column exactly, so it may be cut.",
            |row| row.record.flags.truncated.into(),
        ),
        Field::always(
            "flags.name_has_control",
            Type::Bool,
            "An owner's name holds a control character.",
            |row| row.record.flags.name_has_control.into(),
        ),
        Field::always(
            "flags.duplicate",
            Type::Bool,
            "The tool printed the socket twice; this is the first.",
            |row| row.record.flags.duplicate.into(),
        ),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("PROTO", "network.transport"),
        Column::of("STATE", "network.connection.state"),
        Column::endpoint("LOCAL", "local"),
        Column::endpoint("REMOTE", "remote"),
        Column::of("SCOPE", "bind.scope"),
        Column::of("UID", "socket.uid"),
        Column {
            title: "OWNER",
            cell: Cell::Items {
                path: "processes",
                members: &["name", "pid"],
                otherwise: Some("attribution"),
            },
        },
    ];
}
