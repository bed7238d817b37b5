//! What is known of a visit beside its records: the results of sections in columns, and the stable
//! parts of an evidence header as JSON.
//!
//! The header is cut so that each part changes as rarely as it can: the asset when the inventory
//! does, the mandate once per run, the connection when a server is reconfigured. Times and clocks
//! go to the moment.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::model::capture::{Header, Negotiated};
use crate::model::fault::{Codes, Fault, FaultKind, Stage};
use crate::model::id::ProbeId;
use crate::model::parsed::Coverage;
use crate::model::snapshot::{Limitation, SectionResult, SectionStatus, View};
use crate::store::blob::codes::Code;
use crate::store::blob::column::{Malformed, VERSION, length};
use crate::store::blob::page::Page;
use crate::store::blob::reader::{Reader, Row, body, next_of};
use crate::store::blob::writer::Writer;

/// The part of a header that says by which road, as whom, to what.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Connection {
    pub(super) peer: Option<IpAddr>,
    pub(super) account: String,
    pub(super) os: Option<String>,
    pub(super) negotiated: Option<Negotiated>,
    pub(super) controller_synchronized: Option<bool>,
    pub(super) views: Vec<View>,
}

impl Connection {
    /// Takes it out of a header.
    pub(super) fn of(header: &Header) -> Self {
        Self {
            peer: header.peer,
            account: header.account.clone(),
            os: header.os.clone(),
            negotiated: header.negotiated.clone(),
            controller_synchronized: header.controller_clock.synchronized,
            views: header.views.clone(),
        }
    }
}

/// A page that holds JSON instead of tables.
pub(super) fn json_page(part: u8, value: &impl Serialize) -> Page {
    let mut bytes = vec![VERSION, part];
    // Strings, numbers and named fields only: writing them to memory cannot fail.
    let _ = serde_json::to_writer(&mut bytes, value);
    Page { bytes, noise: 0 }
}

/// Reads what [`json_page`] wrote.
pub(super) fn read_json<T: for<'de> Deserialize<'de>>(
    page: &[u8],
    part: u8,
) -> Result<T, Malformed> {
    serde_json::from_slice(body(page, part)?)
        .map_err(|_| Malformed("its JSON is not what this version writes"))
}

/// Writes faults as one table. Codes take columns only where a fault has some, so that pages
/// written before there were any are still what is written.
pub(super) fn put_faults<'a, I>(page: &mut Writer<'a>, faults: I)
where
    I: IntoIterator<Item = &'a Fault>,
    I::IntoIter: Clone,
{
    let faults = faults.into_iter();
    let coded = faults.clone().any(|fault| fault.codes.is_some());
    page.table(faults, |row, fault| {
        row.number(fault.kind.code());
        row.text(fault.detail.as_bytes());
        if coded {
            put_codes(row, fault.codes.as_deref());
        }
    });
}

fn put_codes<'a>(row: &mut Writer<'a>, codes: Option<&'a Codes>) {
    row.number(codes.map_or(0, |codes| codes.stage.code() + 1));
    row.optional_small(codes.and_then(|codes| codes.http_status.map(u32::from)));
    row.optional(codes.and_then(|codes| codes.wsman_code.map(u64::from)));
    row.optional(codes.and_then(|codes| codes.wmi_code.map(u64::from)));
    let subcode = codes.and_then(|codes| codes.subcode.as_deref());
    row.number(u64::from(subcode.is_some()));
    row.text(subcode.unwrap_or_default().as_bytes());
}

/// Reads one fault.
pub(super) fn get_fault(row: &mut Row<'_, '_>) -> Result<Fault, Malformed> {
    let fault = Fault::new(FaultKind::of(row.number()?)?, row.string()?);
    let codes = if row.is_at_end() { None } else { get_codes(row)? };
    Ok(Fault { codes, ..fault })
}

fn get_codes(row: &mut Row<'_, '_>) -> Result<Option<Box<Codes>>, Malformed> {
    const LARGE: Malformed = Malformed("a code of a fault is too large");
    fn narrow<W, N: TryFrom<W>>(wide: Option<W>) -> Result<Option<N>, Malformed> {
        wide.map(N::try_from).transpose().map_err(|_| LARGE)
    }
    let stage = row.number()?.checked_sub(1);
    let http_status = narrow(row.optional_small()?)?;
    let (wsman_code, wmi_code) = (narrow(row.optional()?)?, narrow(row.optional()?)?);
    let (known, text) = (row.number()? != 0, row.string()?);
    let Some(stage) = stage else { return Ok(None) };
    let (stage, subcode) = (Stage::of(stage)?, known.then_some(text));
    Ok(Some(Box::new(Codes { stage, http_status, wsman_code, wmi_code, subcode })))
}

/// Writes the results of sections without their coverage.
pub(super) fn put_sections<'a>(page: &mut Writer<'a>, sections: &'a [SectionResult]) {
    page.table(sections, |row, section| {
        row.number(u64::from(section.number));
        row.text(section.probe.as_str().as_bytes());
        row.number(section.status.code());
        row.number(length(section.views.len()));
        row.number(length(section.limitations.len()));
        row.number(length(section.faults.len()));
    });
    page.table(sections.iter().flat_map(|s| &s.views), |row, view| row.number(view.code()));
    page.table(sections.iter().flat_map(|s| &s.limitations), |row, limitation| {
        row.number(limitation.code());
    });
    put_faults(page, sections.iter().flat_map(|section| &section.faults));
}

/// Reads what [`put_sections`] wrote; coverages are empty.
pub(super) fn get_sections(page: &mut Reader<'_>) -> Result<Vec<SectionResult>, Malformed> {
    let heads = page.table(|row| {
        let number = row.narrow()?;
        let probe = ProbeId::parse(&row.string()?);
        let probe = probe.map_err(|_| Malformed("a probe's name breaks the rules"))?;
        let status = SectionStatus::of(row.number()?)?;
        Ok(((number, probe, status), [row.number()?, row.number()?, row.number()?]))
    })?;
    let mut views = page.table(|row| View::of(row.number()?))?.into_iter();
    let mut limitations = page.table(|row| Limitation::of(row.number()?))?.into_iter();
    let mut faults = page.table(get_fault)?.into_iter();
    heads
        .into_iter()
        .map(|((number, probe, status), [view_count, limitation_count, fault_count])| {
            Ok(SectionResult {
                number,
                probe,
                views: next_of(&mut views, view_count)?,
                status,
                coverage: Coverage::default(),
                limitations: next_of(&mut limitations, limitation_count)?,
                faults: next_of(&mut faults, fault_count)?,
            })
        })
        .collect()
}

/// Writes how much of a section was understood.
pub(super) fn put_coverage(row: &mut Writer<'_>, coverage: &Coverage) {
    row.number(coverage.row_bytes);
    row.number(coverage.header_bytes);
    row.number(coverage.unparsed_bytes);
    row.number(coverage.rows);
    row.number(coverage.unparsed);
}

/// Reads what [`put_coverage`] wrote.
pub(super) fn get_coverage(row: &mut Row<'_, '_>) -> Result<Coverage, Malformed> {
    Ok(Coverage {
        row_bytes: row.number()?,
        header_bytes: row.number()?,
        unparsed_bytes: row.number()?,
        rows: row.number()?,
        unparsed: row.number()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page of these faults, and what is read from it.
    fn through(faults: &[Fault]) -> (Vec<u8>, Vec<Fault>) {
        let mut page = Writer::default();
        put_faults(&mut page, faults);
        let bytes = page.finish(7).bytes;
        let mut reader = Reader::new(&bytes, 7).unwrap();
        let read = reader.table(get_fault).unwrap();
        reader.finish().unwrap();
        (bytes, read)
    }

    #[test]
    fn faults_with_and_without_codes_are_read_as_they_were_written() {
        let bare = Fault::new(FaultKind::Lost, "a");
        let none = bare.clone().with(Codes::at(Stage::Connect));
        let all = Codes {
            stage: Stage::Cleanup,
            http_status: Some(u16::MAX),
            wsman_code: Some(u32::MAX),
            wmi_code: Some(0),
            subcode: Some(String::new()),
        };
        let all = bare.clone().with(all);
        for faults in
            [vec![], vec![bare.clone()], vec![none.clone()], vec![bare.clone(), all, none]]
        {
            assert_eq!(through(&faults).1, faults);
        }
        // Two columns, as before there were codes.
        let other = bare.clone();
        let mut old = Writer::default();
        old.table([&other], |row, fault| {
            row.number(fault.kind.code());
            row.text(fault.detail.as_bytes());
        });
        assert_eq!(through(&[bare]).0, old.finish(7).bytes);
    }
}
