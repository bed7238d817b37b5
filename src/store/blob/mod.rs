//! Exact snapshots as compressed columns, cut into parts by how often they change.
//!
//! A [`Snapshot`] goes in, a few pages of bytes come out ([`split`]), and the same snapshot comes
//! back ([`join`]). A part is stored under the digest of its page, so a part that did not change
//! since the last visit costs nothing. Must not know where pages are kept; any backend can use it.
//!
//! | part | holds | changes |
//! |---|---|---|
//! | asset, mandate, connection | the header's stable fields, JSON | inventory, run, server |
//! | surroundings | changes and attributes around the visit, JSON | an import, a change's window |
//! | sections | what came of each section | plan, faults |
//! | listeners, unconnected | sockets without a peer | a service starts or stops |
//! | interfaces, routes, neighbours, counters, programs, host | the other kinds | rarely |
//! | moment | sessions, queues, counters, clocks, sources, order | every visit |

mod codes;
mod column;
mod encode;
mod host;
mod link;
mod moment;
mod namespace;
mod page;
mod part;
mod queue;
mod reader;
mod section;
mod socket;
mod source;
mod writer;

use crate::model::attribute::Surroundings;
use crate::model::capture::{ControllerClock, Header};
use crate::model::counter::Counter;
use crate::model::fact::HostFacts;
use crate::model::host::Asset;
use crate::model::id::{Pass, RunId};
use crate::model::link::Interface;
use crate::model::process::Process;
use crate::model::route::{Neighbour, Route, Rule};
use crate::model::snapshot::{EvidenceFile, Outcome, SectionResult, Snapshot};
use crate::model::socket::Socket;
use crate::model::time::Utc;
use crate::store::blob::queue::Group;
use crate::store::blob::reader::Reader;
use crate::store::blob::section::{Connection, json_page, read_json};
use crate::store::blob::writer::Writer;

pub(crate) use crate::store::blob::column::Malformed;
pub(crate) use crate::store::blob::page::{PAGE_BYTES_MAX, Packer, Page, unpack};
pub(crate) use crate::store::blob::part::Part;

/// What a store keeps of a snapshot beside its parts.
pub(crate) struct Frame {
    pub(crate) run: RunId,
    pub(crate) pass: Pass,
    pub(crate) started: Utc,
    pub(crate) ended: Utc,
    pub(crate) outcome: Outcome,
    pub(crate) evidence: EvidenceFile,
}

/// Cuts a snapshot into pages that others may share, in the order of [`Part::SHARED`], and its
/// moment. Parts without rows are left out.
pub(crate) fn split<'s>(snapshot: &'s Snapshot) -> (Vec<(Part, Page)>, Page) {
    let Snapshot { header, records, sections, .. } = snapshot;
    let programs = host::programs(&records.processes);
    let mut pages = vec![
        (Part::Asset, json_page(Part::Asset.code(), &header.asset)),
        (Part::Mandate, json_page(Part::Mandate.code(), &header.mandate)),
        (Part::Connection, json_page(Part::Connection.code(), &Connection::of(header))),
    ];
    let around = &header.surroundings;
    if !around.is_empty() {
        pages.push((Part::Surroundings, json_page(Part::Surroundings.code(), around)));
    }
    let listeners = moment::group(records, Group::Listener);
    let unconnected = moment::group(records, Group::Unconnected);
    let routes = records.routes.is_empty() && records.rules.is_empty();
    let mut part = |part: Part, empty: bool, put: &dyn Fn(&mut Writer<'s>)| {
        pages.extend((!empty).then(|| (part, table_page(part, put))));
    };
    part(Part::Sections, sections.is_empty(), &|page| section::put_sections(page, sections));
    part(Part::Listeners, listeners.is_empty(), &|page| socket::put(page, &listeners));
    part(Part::Unconnected, unconnected.is_empty(), &|page| socket::put(page, &unconnected));
    part(Part::Interfaces, records.interfaces.is_empty(), &|page| {
        link::put_interfaces(page, &records.interfaces);
    });
    part(Part::Routes, routes, &|page| link::put_routes(page, &records.routes, &records.rules));
    part(Part::Neighbours, records.neighbours.is_empty(), &|page| {
        link::put_neighbours(page, &records.neighbours);
    });
    part(Part::Counters, records.counters.is_empty(), &|page| {
        host::put_counter_names(page, &records.counters);
    });
    part(Part::Programs, programs.is_empty(), &|page| host::put_programs(page, &programs));
    part(Part::HostFacts, records.host.is_none(), &|page| {
        records.host.iter().for_each(|host| host::put_facts(page, &host.record));
    });
    let moment = table_page(Part::Moment, &|page| moment::put(page, snapshot, &programs));
    (pages, moment)
}

/// What the pages other than the moment hold.
#[derive(Default)]
struct Lists {
    sections: Vec<SectionResult>,
    listeners: Vec<Socket<'static>>,
    unconnected: Vec<Socket<'static>>,
    interfaces: Vec<Interface>,
    routes: Vec<Route>,
    rules: Vec<Rule>,
    neighbours: Vec<Neighbour>,
    counters: Vec<Counter>,
    programs: Vec<Process>,
    host: Option<HostFacts>,
}

/// Puts a snapshot together from its pages. An error names the part that is at fault.
pub(crate) fn join(frame: Frame, pages: &[(Part, Vec<u8>)]) -> Result<Snapshot, (Part, Malformed)> {
    let mut lists = Lists::default();
    for (part, page) in pages {
        read_list(*part, page, &mut lists).map_err(|fault| (*part, fault))?;
    }
    let find = |wanted: Part| {
        let page = pages.iter().find(|(part, _)| *part == wanted);
        page.map(|(_, page)| page.as_slice()).ok_or((wanted, Malformed("it is missing")))
    };
    let asset = read_json(find(Part::Asset)?, Part::Asset.code());
    let mandate = read_json(find(Part::Mandate)?, Part::Mandate.code());
    let connection = read_json(find(Part::Connection)?, Part::Connection.code());
    let connection: Connection = connection.map_err(|fault| (Part::Connection, fault))?;
    let surroundings = match find(Part::Surroundings) {
        Ok(page) => read_json(page, Part::Surroundings.code())
            .map_err(|fault| (Part::Surroundings, fault))?,
        Err(_) => Surroundings::default(),
    };
    let moment = read_moment(find(Part::Moment)?, lists);
    let (moment, sections, records) = moment.map_err(|fault| (Part::Moment, fault))?;
    let header = Header {
        run: frame.run,
        pass: frame.pass,
        asset: asset.map_err(|fault| (Part::Asset, fault))?,
        peer: connection.peer,
        account: connection.account,
        os: connection.os,
        mandate: mandate.map_err(|fault| (Part::Mandate, fault))?,
        views: connection.views,
        started: frame.started,
        ended: frame.ended,
        clock: moment.clock,
        controller_clock: ControllerClock {
            synchronized: connection.controller_synchronized,
            error_us: moment.controller_error_us,
        },
        negotiated: connection.negotiated,
        faults: moment.faults,
        surroundings,
    };
    let evidence = frame.evidence;
    Ok(Snapshot { header, evidence, outcome: frame.outcome, sections, records })
}

/// Only the results of sections, without coverage: enough to tell what was read whole.
pub(crate) fn read_sections(page: &[u8]) -> Result<Vec<SectionResult>, Malformed> {
    let mut lists = Lists::default();
    read_list(Part::Sections, page, &mut lists)?;
    Ok(lists.sections)
}

/// Only routes and rules: they change rarely and stand in a page of their own.
pub(crate) fn read_routes(page: &[u8]) -> Result<(Vec<Route>, Vec<Rule>), Malformed> {
    let mut lists = Lists::default();
    read_list(Part::Routes, page, &mut lists)?;
    Ok((lists.routes, lists.rules))
}

/// Only what a host says of itself and does not change with every visit.
pub(crate) fn read_facts(page: &[u8]) -> Result<Option<HostFacts>, Malformed> {
    let mut lists = Lists::default();
    read_list(Part::HostFacts, page, &mut lists)?;
    Ok(lists.host)
}

/// What the inventory knew of the host.
pub(crate) fn read_asset(page: &[u8]) -> Result<Asset, Malformed> {
    read_json(page, Part::Asset.code())
}

fn table_page<'s>(part: Part, put: &dyn Fn(&mut Writer<'s>)) -> Page {
    let mut page = Writer::default();
    put(&mut page);
    page.finish(part.code())
}

fn read_list(part: Part, bytes: &[u8], lists: &mut Lists) -> Result<(), Malformed> {
    if matches!(
        part,
        Part::Asset | Part::Mandate | Part::Connection | Part::Moment | Part::Surroundings
    ) {
        return Ok(());
    }
    let page = &mut Reader::new(bytes, part.code())?;
    match part {
        Part::Asset | Part::Mandate | Part::Connection | Part::Moment | Part::Surroundings => {}
        Part::Sections => lists.sections = section::get_sections(page)?,
        Part::Listeners => lists.listeners = socket::get(page)?,
        Part::Unconnected => lists.unconnected = socket::get(page)?,
        Part::Interfaces => lists.interfaces = link::get_interfaces(page)?,
        Part::Routes => (lists.routes, lists.rules) = link::get_routes(page)?,
        Part::Neighbours => lists.neighbours = link::get_neighbours(page)?,
        Part::Counters => lists.counters = host::get_counter_names(page)?,
        Part::Programs => lists.programs = host::get_programs(page)?,
        Part::HostFacts => lists.host = Some(host::get_facts(page)?),
    }
    page.finish()
}

type MomentRead = (moment::HeaderMoment, Vec<SectionResult>, crate::model::record::Records);

fn read_moment(bytes: &[u8], lists: Lists) -> Result<MomentRead, Malformed> {
    let page = &mut Reader::new(bytes, Part::Moment.code())?;
    let read = moment::get(page, lists)?;
    page.finish()?;
    Ok(read)
}
