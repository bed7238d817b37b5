//! `windows/rich-processes`: facts of processes, the services that they run and their users.
//!
//! ```text
//! {"ProcessId":868,"ParentProcessId":612,"Name":"svchost.exe","ExecutablePath":null,
//!  "CommandLine":null,"Created":"2026-11-24T06:00:01.0000000Z"}
//! {"ProcessId":868,"Name":"RpcSs","Account":"NT AUTHORITY\\NetworkService"}
//! {"Id":868,"UserName":"NT AUTHORITY\\NETWORK SERVICE"}
//! ```
//! Rows of `processes`, `services` and `users`. Only an elevated account sees binary, command line
//! and user of other accounts' processes. Where users are not told, the account of a service is the
//! user of its process.
//!
//! Source: `Win32_Process`, `Win32_Service`, Get-Process.

use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::process::ProcessFact;
use crate::probe::json::Fields;
use crate::probe::windows::rich::answer::{self, Member, Read};
use crate::probe::windows::rich::fields::{tells, time, whole, word};

const PROCESSES: &[&str] =
    &["ProcessId", "ParentProcessId", "Name", "ExecutablePath", "CommandLine", "Created"];
const SERVICES: &[&str] = &["ProcessId", "Name", "Account"];
const USERS: &[&str] = &["Id", "UserName"];

const MEMBERS: &[Member] = &[
    Member { name: "processes", read: Read::Rows(PROCESSES, process) },
    Member { name: "services", read: Read::Rows(SERVICES, service) },
    Member { name: "users", read: Read::Rows(USERS, user) },
];

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    answer::reader(MEMBERS)
}

fn process(span: Span, fields: &Fields, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let pid: u32 = whole(fields, "ProcessId").ok_or("expected a process with its id")?;
    let name = word(fields, "Name").ok_or("expected a process with its name")?;
    let started = time(fields.get("Created"));
    if started.is_none() && tells(fields, "Created") {
        sink.issue(Issue::note(span, "expected the time of the start in UTC", b""));
    }
    let facts = [
        Some(ProcessFact::Name(name)),
        whole(fields, "ParentProcessId").map(ProcessFact::Parent),
        word(fields, "ExecutablePath").map(ProcessFact::Executable),
        word(fields, "CommandLine").map(ProcessFact::CommandLine),
        started.map(ProcessFact::Started),
    ];
    facts.into_iter().flatten().for_each(|fact| sink.row(span, Row::Process(pid, fact)));
    Ok(())
}

fn service(span: Span, fields: &Fields, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let pid: u32 = whole(fields, "ProcessId").ok_or("expected a service with its process")?;
    let name = word(fields, "Name").ok_or("expected a service with its name")?;
    sink.row(span, Row::Process(pid, ProcessFact::Service(name)));
    if let Some(account) = word(fields, "Account") {
        sink.row(span, Row::Process(pid, ProcessFact::Account(account)));
    }
    Ok(())
}

fn user(span: Span, fields: &Fields, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let pid: u32 = whole(fields, "Id").ok_or("expected a user with a process")?;
    match word(fields, "UserName") {
        Some(name) => sink.row(span, Row::Process(pid, ProcessFact::User(name))),
        // Of a process that protects itself no user is told.
        None => sink.header(span),
    }
    Ok(())
}
