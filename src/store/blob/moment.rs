//! The moment: everything that changes from one visit to the next, on one page per snapshot.
//!
//! Sessions (ephemeral ports, inodes), queues and timers, counters, clocks, the places of records
//! in the evidence, the order of sockets.

use crate::model::capture::{ClockOffset, Header};
use crate::model::fault::Fault;
use crate::model::parsed::{Coverage, Issue, Span};
use crate::model::record::{Records, SectionIssue};
use crate::model::snapshot::{SectionResult, Snapshot};
use crate::model::socket::Socket;
use crate::store::blob::codes::Code;
use crate::store::blob::column::Malformed;
use crate::store::blob::host::{self, Program};
use crate::store::blob::queue::Group;
use crate::store::blob::reader::{Reader, Row, next_of};
use crate::store::blob::writer::Writer;
use crate::store::blob::{Lists, column, link, namespace, queue, section, socket, source};

/// The sockets of one group, in order.
pub(super) fn group(records: &Records, wanted: Group) -> Vec<&Socket<'static>> {
    let sockets = records.sockets.iter().map(|sourced| &sourced.record);
    sockets.filter(|socket| Group::of(socket) == wanted).collect()
}

/// Writes the moment of a snapshot.
pub(super) fn put<'a>(page: &mut Writer<'a>, snapshot: &'a Snapshot, programs: &[Program<'a>]) {
    let records = &snapshot.records;
    put_header(page, &snapshot.header);
    page.table(&snapshot.sections, |row, result| section::put_coverage(row, &result.coverage));
    queue::put(page, &records.sockets);
    socket::put(page, &group(records, Group::Session));
    page.table(&records.interfaces, |row, sourced| link::put_counters(row, &sourced.record));
    page.table(&records.routes, |row, sourced| row.optional(sourced.record.expires_seconds));
    let neighbours = || records.neighbours.iter().map(|sourced| &sourced.record.states);
    page.table(neighbours(), |row, states| row.number(column::length(states.len())));
    link::put_texts(page, neighbours().flatten());
    page.table(&records.counters, |row, sourced| host::put_value(row, sourced.record.value));
    page.table(&records.processes, |row, sourced| {
        host::put_process(row, &sourced.record, programs);
    });
    page.table(&records.host, |row, sourced| host::put_times(row, &sourced.record));
    put_issues(page, &records.issues);
    source::put(page, source::of(&records.sockets));
    let sources = source::of(&records.interfaces)
        .chain(source::of(&records.routes))
        .chain(source::of(&records.rules))
        .chain(source::of(&records.neighbours))
        .chain(source::of(&records.counters))
        .chain(source::of(&records.processes))
        .chain(records.host.iter().map(|sourced| &sourced.sources));
    source::put(page, sources);
    put_late(page, records);
}

/// What came after the first stores, at the end of the page: a page without any of it is what it was
/// before, and old pages read as that. A table may only follow one that is there, empty or not.
fn put_late<'a>(page: &mut Writer<'a>, records: &'a Records) {
    let fifo = || records.interfaces.iter().map(|sourced| sourced.record.fifo_errors);
    let has_fifo = fifo().any(|count| count.is_some());
    namespace::put(page, &records.sockets, has_fifo);
    if has_fifo {
        page.table(fifo(), Writer::optional);
    }
}

fn put_header<'a>(page: &mut Writer<'a>, header: &'a Header) {
    page.table([header], |row, header| {
        row.number(u64::from(header.clock.is_some()));
        row.signed(header.clock.map_or(0, |clock| clock.offset_us));
        row.number(header.clock.map_or(0, |clock| clock.error_us));
        row.optional(header.controller_clock.error_us);
    });
    section::put_faults(page, &header.faults);
}

fn put_issues<'a>(page: &mut Writer<'a>, issues: &'a [SectionIssue]) {
    page.table(issues, |row, found| {
        let Issue { span, severity, message, text } = &found.issue;
        row.number(u64::from(found.section));
        row.number(span.line);
        row.number(span.start);
        row.number(span.end);
        row.number(severity.code());
        row.text(message.as_bytes());
        row.text(text.bytes());
    });
}

fn get_issue(row: &mut Row<'_, '_>) -> Result<SectionIssue, Malformed> {
    let section = row.narrow()?;
    let span = Span { line: row.number()?, start: row.number()?, end: row.number()? };
    let severity = crate::model::parsed::Severity::of(row.number()?)?;
    let issue = Issue { span, severity, message: row.string()?, text: row.text()? };
    Ok(SectionIssue { section, issue })
}

/// What the moment adds to a header.
pub(super) struct HeaderMoment {
    pub(super) clock: Option<ClockOffset>,
    pub(super) controller_error_us: Option<u64>,
    pub(super) faults: Vec<Fault>,
}

fn get_header(page: &mut Reader<'_>) -> Result<HeaderMoment, Malformed> {
    let heads = page.table(|row| {
        let known = row.number()? != 0;
        let clock = ClockOffset { offset_us: row.signed()?, error_us: row.number()? };
        Ok((known.then_some(clock), row.optional()?))
    })?;
    let Some(&(clock, controller_error_us)) = heads.first() else {
        return Err(Malformed("the header is missing"));
    };
    Ok(HeaderMoment { clock, controller_error_us, faults: page.table(section::get_fault)? })
}

/// Reads the moment, and joins it with what the other pages hold.
pub(super) fn get(
    page: &mut Reader<'_>,
    lists: Lists,
) -> Result<(HeaderMoment, Vec<SectionResult>, Records), Malformed> {
    let Lists { mut sections, listeners, unconnected, mut interfaces, .. } = lists;
    let (mut routes, rules, mut neighbours) = (lists.routes, lists.rules, lists.neighbours);
    let mut counters = lists.counters;
    let header = get_header(page)?;
    let coverages = page.table(section::get_coverage)?;
    fill(&mut sections, coverages, |section, coverage: Coverage| section.coverage = coverage)?;
    let sockets = get_sockets(page, listeners, unconnected)?;
    fill(&mut interfaces, page.table(link::get_counters)?, |interface, counters| {
        counters.set(interface);
    })?;
    fill(&mut routes, page.optionals()?, |route, expiry| {
        route.expires_seconds = expiry;
    })?;
    let counts = page.numbers()?;
    let mut states = page.texts()?.into_iter();
    let states = counts.into_iter().map(|count| next_of(&mut states, count));
    let states = states.collect::<Result<Vec<_>, _>>()?;
    fill(&mut neighbours, states, |neighbour, states| neighbour.states = states)?;
    fill(&mut counters, page.table(host::get_value)?, |counter, value| counter.value = value)?;
    let processes = page.table(|row| host::get_process(row, &lists.programs))?;
    let mut hosts: Vec<_> = lists.host.into_iter().collect();
    fill(&mut hosts, page.table(host::get_times)?, |host, (boot_time, clock)| {
        host.boot_time = boot_time;
        host.clock = clock;
    })?;
    let issues = page.table(get_issue)?;
    let sockets = source::join(sockets, &mut source::get(page)?.into_iter())?;
    let mut sources = source::get(page)?.into_iter();
    let sockets = namespace::get(page, sockets)?;
    if !page.is_at_end() {
        fill(&mut interfaces, page.optionals()?, |interface, count| {
            interface.fifo_errors = count;
        })?;
    }
    let records = Records {
        sockets,
        interfaces: source::join(interfaces, &mut sources)?,
        routes: source::join(routes, &mut sources)?,
        rules: source::join(rules, &mut sources)?,
        neighbours: source::join(neighbours, &mut sources)?,
        counters: source::join(counters, &mut sources)?,
        processes: source::join(processes, &mut sources)?,
        host: source::join(hosts, &mut sources)?.pop(),
        issues,
    };
    Ok((header, sections, records))
}

fn get_sockets(
    page: &mut Reader<'_>,
    listeners: Vec<Socket<'static>>,
    unconnected: Vec<Socket<'static>>,
) -> Result<Vec<Socket<'static>>, Malformed> {
    let moments = queue::get(page)?;
    let mut sessions = socket::get(page)?.into_iter();
    let (mut listeners, mut unconnected) = (listeners.into_iter(), unconnected.into_iter());
    moments
        .into_iter()
        .map(|moment| {
            let socket = match moment.group() {
                Group::Listener => listeners.next(),
                Group::Unconnected => unconnected.next(),
                Group::Session => sessions.next(),
            };
            let mut socket = socket.ok_or(Malformed("a socket is missing"))?;
            moment.apply(&mut socket);
            Ok(socket)
        })
        .collect()
}

/// Adds to each item what the moment holds of it.
fn fill<T, M>(
    items: &mut [T],
    moments: Vec<M>,
    mut add: impl FnMut(&mut T, M),
) -> Result<(), Malformed> {
    if items.len() != moments.len() {
        return Err(Malformed("the moment and another part do not have as many rows"));
    }
    for (item, moment) in items.iter_mut().zip(moments) {
        add(item, moment);
    }
    Ok(())
}
