//! Host facts, protocol counters and the programs behind processes, in columns.
//!
//! A process id and a start time change with every restart, the program does not: programs are
//! stored once, processes name them by place.

use crate::model::counter::Counter;
use crate::model::fact::{AccountView, ClockReading, HostFacts};
use crate::model::process::Process;
use crate::model::record::Sourced;
use crate::model::text::HostText;
use crate::model::time::Utc;
use crate::store::blob::column::{Malformed, length};
use crate::store::blob::link::put_texts;
use crate::store::blob::reader::{Reader, Row, next_of};
use crate::store::blob::writer::Writer;

type Text = HostText<'static>;

/// Writes the names of counters.
pub(super) fn put_counter_names<'a>(page: &mut Writer<'a>, counters: &'a [Sourced<Counter>]) {
    page.table(counters.iter().map(|sourced| &sourced.record), |row, counter| {
        row.text(counter.protocol.bytes());
        row.text(counter.name.bytes());
    });
}

/// Reads what [`put_counter_names`] wrote; values are 0.
pub(super) fn get_counter_names(page: &mut Reader<'_>) -> Result<Vec<Counter>, Malformed> {
    page.table(|row| Ok(Counter { protocol: row.text()?, name: row.text()?, value: 0 }))
}

/// Writes a counter's value as two halves of a zigzag number.
pub(super) fn put_value(row: &mut Writer<'_>, value: i128) {
    let zigzag = ((value << 1) ^ (value >> 127)).cast_unsigned();
    let half = |number: u128| u64::try_from(number & u128::from(u64::MAX)).unwrap_or(u64::MAX);
    row.number(half(zigzag));
    row.number(half(zigzag >> 64));
}

/// Reads what [`put_value`] wrote.
pub(super) fn get_value(row: &mut Row<'_, '_>) -> Result<i128, Malformed> {
    let (low, high) = (row.number()?, row.number()?);
    let zigzag = u128::from(high) << 64 | u128::from(low);
    Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
}

/// What stays of a process when it is restarted.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Program<'a> {
    name: &'a Text,
    executable: Option<&'a Text>,
    command_line: Option<&'a Text>,
    uid: Option<u32>,
    cgroup: Option<&'a Text>,
    service: Option<&'a Text>,
    user: Option<&'a Text>,
}

impl<'a> Program<'a> {
    fn of(process: &'a Process) -> Self {
        Self {
            name: &process.name,
            executable: process.executable.as_ref(),
            command_line: process.command_line.as_ref(),
            uid: process.uid,
            cgroup: process.cgroup.as_ref(),
            service: process.service.as_ref(),
            user: process.user.as_ref(),
        }
    }
}

/// The distinct programs, sorted, so that the order of processes does not matter.
pub(super) fn programs(processes: &[Sourced<Process>]) -> Vec<Program<'_>> {
    let mut programs: Vec<_> =
        processes.iter().map(|sourced| Program::of(&sourced.record)).collect();
    programs.sort_unstable();
    programs.dedup();
    programs
}

/// Writes programs. Names of users stand in a table of their own, which is left out where there
/// are none: so pages from before there were names are read as that.
pub(super) fn put_programs<'a>(page: &mut Writer<'a>, programs: &[Program<'a>]) {
    page.table(programs, |row, program| {
        row.text(program.name.bytes());
        row.optional_text(program.executable);
        row.optional_text(program.command_line);
        row.optional_small(program.uid);
        row.optional_text(program.cgroup);
        row.optional_text(program.service);
    });
    let users = || (0..).zip(programs).filter_map(|(at, p): (u64, _)| Some((at, p.user?)));
    if users().next().is_some() {
        page.table(users().collect::<Vec<_>>(), |row, (at, user)| {
            row.number(at);
            row.text(user.bytes());
        });
    }
}

/// Reads what [`put_programs`] wrote, as processes without ids.
pub(super) fn get_programs(page: &mut Reader<'_>) -> Result<Vec<Process>, Malformed> {
    let mut programs = page.table(|row| {
        Ok(Process {
            pid: 0,
            parent_pid: None,
            name: row.text()?,
            executable: row.optional_text()?,
            command_line: row.optional_text()?,
            uid: row.optional_small()?,
            user: None,
            started_at: None,
            cgroup: row.optional_text()?,
            service: row.optional_text()?,
        })
    })?;
    if page.is_at_end() {
        return Ok(programs);
    }
    for (at, user) in page.table(|row| Ok((row.number()?, row.text()?)))? {
        let program = usize::try_from(at).ok().and_then(|at| programs.get_mut(at));
        program.ok_or(Malformed("a user's program is missing"))?.user = Some(user);
    }
    Ok(programs)
}

/// Writes what a process has of its own, and the place of its program in `programs`.
pub(super) fn put_process(row: &mut Writer<'_>, process: &Process, programs: &[Program<'_>]) {
    let place = programs.binary_search(&Program::of(process)).unwrap_or_else(|place| place);
    row.number(length(place));
    row.number(u64::from(process.pid));
    row.optional_small(process.parent_pid);
    row.optional(process.started_at.map(|time| time.micros().cast_unsigned()));
}

/// Reads what [`put_process`] wrote.
pub(super) fn get_process(
    row: &mut Row<'_, '_>,
    programs: &[Process],
) -> Result<Process, Malformed> {
    let program = usize::try_from(row.number()?).ok().and_then(|place| programs.get(place));
    let mut process = program.ok_or(Malformed("a program is missing"))?.clone();
    process.pid = row.narrow()?;
    process.parent_pid = row.optional_small()?;
    process.started_at = optional_time(row)?;
    Ok(process)
}

/// A time or nothing.
pub(super) fn optional_time(row: &mut Row<'_, '_>) -> Result<Option<Utc>, Malformed> {
    row.optional()?.map(|micros| time(micros.cast_signed())).transpose()
}

/// A time from its microseconds.
pub(super) fn time(micros: i64) -> Result<Utc, Malformed> {
    Utc::from_micros(micros).ok_or(Malformed("a time is out of range"))
}

/// Writes host facts without clock and boot time.
pub(super) fn put_facts<'a>(page: &mut Writer<'a>, host: &'a HostFacts) {
    page.table([host], |row, host| {
        for text in texts(host) {
            row.optional_text(text.as_ref());
        }
        row.optional_text(host.account.name.as_ref());
        row.optional_small(host.account.uid);
        row.optional(host.account.capabilities);
        row.optional_flag(host.account.sees_all_owners);
        row.number(u64::from(host.ephemeral.is_some()));
        let (first, last) = host.ephemeral.unwrap_or((0, 0));
        row.number(u64::from(first));
        row.number(u64::from(last));
    });
    page.table(&host.addresses, |row, address| row.address(*address));
    put_texts(page, &host.account.groups);
    page.table(&host.reserved_ports, |row, (first, last)| {
        row.number(u64::from(*first));
        row.number(u64::from(*last));
    });
    page.table(&host.limits, |row, (name, value)| {
        row.text(name.bytes());
        row.signed(*value);
    });
    page.table(&host.tools, |row, (name, path)| {
        row.text(name.as_bytes());
        row.text(path.bytes());
    });
}

/// The nine texts of a host, in the order of the columns.
fn texts(host: &HostFacts) -> [&Option<Text>; 9] {
    [
        &host.hostname,
        &host.os_id,
        &host.os_name,
        &host.os_version,
        &host.kernel_name,
        &host.kernel_release,
        &host.architecture,
        &host.machine_id,
        &host.boot_id,
    ]
}

fn get_head(row: &mut Row<'_, '_>) -> Result<HostFacts, Malformed> {
    let mut host = HostFacts {
        hostname: row.optional_text()?,
        os_id: row.optional_text()?,
        os_name: row.optional_text()?,
        os_version: row.optional_text()?,
        kernel_name: row.optional_text()?,
        kernel_release: row.optional_text()?,
        architecture: row.optional_text()?,
        machine_id: row.optional_text()?,
        boot_id: row.optional_text()?,
        ..HostFacts::default()
    };
    host.account = AccountView {
        name: row.optional_text()?,
        uid: row.optional_small()?,
        groups: Vec::new(),
        capabilities: row.optional()?,
        sees_all_owners: row.optional_flag()?,
    };
    let known = row.number()? != 0;
    let range = (row.narrow()?, row.narrow()?);
    host.ephemeral = known.then_some(range);
    Ok(host)
}

/// Reads what [`put_facts`] wrote.
pub(super) fn get_facts(page: &mut Reader<'_>) -> Result<HostFacts, Malformed> {
    let mut heads = page.table(get_head)?.into_iter();
    let mut host = next_of(&mut heads, 1)?.pop().ok_or(Malformed("the host is missing"))?;
    host.addresses = page.addresses()?;
    host.account.groups = page.texts()?;
    host.reserved_ports = page.table(|row| Ok((row.narrow()?, row.narrow()?)))?;
    host.limits = page.table(|row| Ok((row.text()?, row.signed()?)))?;
    host.tools = page.table(|row| Ok((row.string()?, row.text()?)))?;
    Ok(host)
}

/// Writes clock and boot time of a host.
pub(super) fn put_times(row: &mut Writer<'_>, host: &HostFacts) {
    row.optional(host.boot_time.map(|time| time.micros().cast_unsigned()));
    row.number(u64::from(host.clock.is_some()));
    let clock = host.clock.as_ref();
    row.signed(clock.map_or(0, |clock| clock.remote.micros()));
    row.signed(clock.map_or(0, |clock| clock.offset_us));
    row.number(clock.map_or(0, |clock| clock.error_us));
    row.optional_flag(clock.and_then(|clock| clock.synchronized));
}

/// Reads what [`put_times`] wrote: boot time, clock.
pub(super) fn get_times(
    row: &mut Row<'_, '_>,
) -> Result<(Option<Utc>, Option<ClockReading>), Malformed> {
    let boot = optional_time(row)?;
    let known = row.number()? != 0;
    let clock = ClockReading {
        remote: time(row.signed()?)?,
        offset_us: row.signed()?,
        error_us: row.number()?,
        synchronized: row.optional_flag()?,
    };
    Ok((boot, known.then_some(clock)))
}
