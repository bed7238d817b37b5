//! `windows/rich-host`: OS, boot time, clock, account and ephemeral ports.
//!
//! ```text
//! {"v":1,"system":[{"Caption":"Microsoft Windows Server 2022 Standard","Version":"10.0.20348",
//!  "BuildNumber":"20348","CSName":"WEB-1","Boot":"2026-11-20T06:00:00.5000000Z"}],
//!  "machine":[{"MachineGuid":"..."}],"account":{"Name":"EXAMPLE\\reader","Groups":["S-1-1-0"]},
//!  "ports":[{"SettingName":"Internet","DynamicPortRangeStartPort":49152,
//!  "DynamicPortRangeNumberOfPorts":16384}],"processor":"AMD64",
//!  "clock":"2026-11-24T13:05:38.1234567Z","errors":[]}
//! ```
//! Groups are security identifiers: their names are translated on each host. Whether the account is
//! elevated is not read: every account of Windows sees the owner of every socket, elevated or not.
//! The clock has seven digits, but the system's tick stands behind it: good to 15,625 µs.
//!
//! Source: Win32_OperatingSystem, Get-NetTCPSetting, GetSystemTimeAsFileTime.

use serde_json::Value;

use crate::model::fact::Fact;
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::json::{Fields, text};
use crate::probe::windows::rich::answer::{self, Member, Read};
use crate::probe::windows::rich::fields::{tells, time, whole, word};

/// Longest tick of the system's clock: 1/64 s.
const TICK_US: u64 = 15_625;

const SYSTEM: &[&str] = &["Caption", "Version", "BuildNumber", "CSName", "Boot"];
const MACHINE: &[&str] = &["MachineGuid"];
const ACCOUNT: &[&str] = &["Name", "Groups"];
const PORTS: &[&str] =
    &["SettingName", "DynamicPortRangeStartPort", "DynamicPortRangeNumberOfPorts"];

const MEMBERS: &[Member] = &[
    Member { name: "system", read: Read::Rows(SYSTEM, system) },
    Member { name: "machine", read: Read::Rows(MACHINE, machine) },
    Member { name: "account", read: Read::Rows(ACCOUNT, account) },
    Member { name: "ports", read: Read::Rows(PORTS, ports) },
    Member { name: "processor", read: Read::Value(processor) },
    Member { name: "clock", read: Read::Value(clock) },
];

/// A reader of the answer.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    answer::reader(MEMBERS)
}

fn system(span: Span, fields: &Fields, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let version = word(fields, "Version").ok_or("expected the version of the system")?;
    let release = match word(fields, "BuildNumber") {
        Some(build) if !version.bytes().ends_with(build.bytes()) => {
            HostText::owned([version.bytes(), b".", build.bytes()].concat())
        }
        _ => version.clone(),
    };
    let boot = time(fields.get("Boot"));
    let facts = [
        Some(Fact::OsId(HostText::new(b"windows"))),
        word(fields, "Caption").map(|name| Fact::OsName(trimmed(&name))),
        Some(Fact::OsVersion(version)),
        Some(Fact::KernelRelease(release)),
        word(fields, "CSName").map(Fact::Hostname),
        boot.map(Fact::BootTime),
    ];
    facts.into_iter().flatten().for_each(|fact| sink.row(span, Row::Fact(fact)));
    if boot.is_none() && tells(fields, "Boot") {
        // The rest of the element is read, so it is not unparsed.
        sink.issue(Issue::note(span, "expected the time of the last boot in UTC", b""));
    }
    Ok(())
}

/// Captions of old versions end in a blank.
fn trimmed(text: &HostText<'_>) -> HostText<'static> {
    HostText::owned(text.bytes().trim_ascii().to_vec())
}

fn machine(span: Span, fields: &Fields, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let id = word(fields, "MachineGuid").ok_or("expected the id of the machine")?;
    sink.row(span, Row::Fact(Fact::MachineId(id)));
    Ok(())
}

fn account(span: Span, fields: &Fields, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let name = word(fields, "Name").ok_or("expected the name of the account")?;
    sink.row(span, Row::Fact(Fact::AccountName(name)));
    let groups: Vec<HostText<'static>> = match fields.get("Groups") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.iter().filter_map(|item| text(Some(item))).collect(),
        one => text(one).into_iter().collect(),
    };
    if !groups.is_empty() {
        sink.row(span, Row::Fact(Fact::AccountGroups(groups)));
    }
    Ok(())
}

fn ports(span: Span, fields: &Fields, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let number = |name| whole::<u32>(fields, name).filter(|number| *number > 0);
    let (start, count) =
        (number("DynamicPortRangeStartPort"), number("DynamicPortRangeNumberOfPorts"));
    let Some((start, count)) = start.zip(count) else {
        // The setting `Automatic` has none of its own.
        sink.header(span);
        return Ok(());
    };
    let last = start.checked_add(count - 1).and_then(|last| u16::try_from(last).ok());
    let range = u16::try_from(start).ok().zip(last).ok_or("expected a range of ports")?;
    sink.row(span, Row::Fact(Fact::EphemeralRange(range.0, range.1)));
    Ok(())
}

fn processor(span: Span, value: &Value, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let name = text(Some(value)).ok_or("expected the name of a processor")?;
    sink.row(span, Row::Fact(Fact::Architecture(name)));
    Ok(())
}

fn clock(span: Span, value: &Value, sink: &mut dyn Sink) -> Result<(), &'static str> {
    let remote = time(Some(value)).ok_or("expected the time in UTC")?;
    sink.row(span, Row::Fact(Fact::Clock { remote, resolution_us: TICK_US }));
    Ok(())
}
