//! The field list of processes that own sockets.

use crate::model::process::Process;
use crate::report::envelope::with_envelope;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Type, process_name};

/// The kind `process`.
#[derive(Clone, Copy, Debug)]
pub struct Processes;

impl Kind for Processes {
    type Body<'x> = Process;

    const NAME: &'static str = "process";

    const DOC: &'static str = "One process that owns a socket.";

    const FIELDS: &'static [Field<Self>] = with_envelope![
        Field::always("pid", Type::Integer, "Process id.", |row| row.record.pid.into()),
        Field::reported("parent_pid", Type::Integer, "Parent's process id.", |row| {
            row.record.parent_pid.into()
        }),
        Field::reported(
            "name",
            Type::Text,
            "Name as the tool prints it: chosen by the process itself, display data. Where two answers \
             disagree about name, user or user id, the first one's word stands, and an issue names both.",
            |row| process_name(&row.record.name),
        ),
        Field::reported("executable", Type::Text, "Path of the binary.", |row| {
            row.record.executable.as_ref().into()
        }),
        Field::reported("command_line", Type::Text, "Command line.", |row| {
            row.record.command_line.as_ref().into()
        }),
        Field::reported("user.id", Type::Integer, "Effective user id.", |row| {
            row.record.uid.into()
        }),
        Field::reported("user.name", Type::Text, "Name of that user.", |row| {
            row.record.user.as_ref().into()
        }),
        Field::reported("started_at", Type::Time, "When it started.", |row| {
            row.record.started_at.into()
        }),
        Field::reported("cgroup", Type::Text, "Control group path of its sockets.", |row| {
            row.record.cgroup.as_ref().into()
        }),
        Field::reported("service", Type::Text, "systemd unit, or service of the OS.", |row| {
            row.record.service.as_ref().into()
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("PID", "pid"),
        Column::of("PPID", "parent_pid"),
        Column::of("NAME", "name"),
        Column::of("UID", "user.id"),
        Column::of("USER", "user.name"),
        Column::of("SERVICE", "service"),
        Column::of("EXECUTABLE", "executable"),
    ];
}
