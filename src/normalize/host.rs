//! Adds up what the host says of itself.

use std::net::IpAddr;

use smallvec::SmallVec;

use crate::model::capture::Header;
use crate::model::fact::{AccountView, ClockReading, Fact, HostFacts};
use crate::model::parsed::{Issue, Span};
use crate::model::record::{Records, SectionIssue, Source, Sourced};
use crate::model::text::HostText;
use crate::model::time::Utc;
use crate::normalize::section::ReadSection;

/// `CAP_DAC_OVERRIDE`, capabilities(7).
const DAC_OVERRIDE: u64 = 1 << 1;
/// `CAP_DAC_READ_SEARCH`.
const DAC_READ_SEARCH: u64 = 1 << 2;
/// `CAP_SYS_PTRACE`.
const SYS_PTRACE: u64 = 1 << 19;

/// Builds the host record from all facts and the interfaces' addresses.
pub(super) fn collect(header: &Header, sections: &mut [ReadSection], records: &mut Records) {
    let mut facts = HostFacts::default();
    let mut sources: SmallVec<[Source; 1]> = SmallVec::new();
    let mut synchronized = None;
    let mut ends = Ends::default();
    for section in sections {
        let Some(rows) = &mut section.rows else { continue };
        for Sourced { record, sources: from } in std::mem::take(&mut rows.facts) {
            sources.extend(from);
            match record {
                Fact::Clock { remote, resolution_us } => {
                    let reading = clock_reading(
                        section.section.started,
                        section.section.elapsed_us,
                        remote,
                        resolution_us,
                    );
                    facts.clock = facts.clock.or(Some(reading));
                }
                Fact::ClockSynchronized(known) => synchronized = Some(known),
                Fact::EphemeralFirst(port) => ends.first = ends.first.or(Some(port)),
                Fact::EphemeralLast(port) => ends.last = ends.last.or(Some(port)),
                other => add(&mut facts, other),
            }
        }
    }
    facts.clock = facts.clock.map(|clock| ClockReading { synchronized, ..clock });
    let told = facts.account.sees_all_owners.take();
    facts.account.sees_all_owners = told.or_else(|| sees_all_owners(&facts.account));
    facts.ephemeral = facts.ephemeral.or(ends.range(&sources, records));
    facts.limits.sort_unstable();
    facts.tools.sort_unstable();
    facts.addresses = addresses(records);
    sources.extend(records.interfaces.iter().flat_map(|interface| interface.sources.clone()));
    sources.sort_unstable();
    sources.dedup();
    if sources.is_empty() {
        return;
    }
    check_name(header, &facts, &sources, records);
    records.host = Some(Sourced { record: facts, sources });
}

/// Ends of the ephemeral range that two answers told.
#[derive(Default)]
struct Ends {
    first: Option<u16>,
    last: Option<u16>,
}

impl Ends {
    /// The range. One end alone, or two the wrong way round, are none and said.
    fn range(self, sources: &[Source], records: &mut Records) -> Option<(u16, u16)> {
        let told = match (self.first, self.last) {
            (None, None) => return None,
            (Some(first), Some(last)) if first <= last => return Some((first, last)),
            (first, last) => {
                let end = |end: Option<u16>| end.map_or("?".to_owned(), |port| port.to_string());
                format!("{}-{}", end(first), end(last))
            }
        };
        let message = "expected both ends of the ephemeral range, the lower one first";
        let section = sources.first().map_or(0, |source| source.section);
        let issue = Issue::note(Span::default(), message, told.as_bytes());
        records.issues.push(SectionIssue { section, issue });
        None
    }
}

/// The first statement of a kind wins.
fn add(facts: &mut HostFacts, fact: Fact) {
    fn first<T>(slot: &mut Option<T>, value: T) {
        slot.get_or_insert(value);
    }
    match fact {
        Fact::OsId(text) => first(&mut facts.os_id, text),
        Fact::OsName(text) => first(&mut facts.os_name, text),
        Fact::OsVersion(text) => first(&mut facts.os_version, text),
        Fact::KernelName(text) => first(&mut facts.kernel_name, text),
        Fact::KernelRelease(text) => first(&mut facts.kernel_release, text),
        Fact::Architecture(text) => first(&mut facts.architecture, text),
        Fact::Hostname(text) => first(&mut facts.hostname, text),
        Fact::MachineId(text) => first(&mut facts.machine_id, text),
        Fact::BootId(text) => first(&mut facts.boot_id, text),
        Fact::BootTime(time) => first(&mut facts.boot_time, time),
        Fact::EffectiveUid(uid) => first(&mut facts.account.uid, uid),
        Fact::AccountName(name) => first(&mut facts.account.name, name),
        Fact::AccountGroups(groups) if facts.account.groups.is_empty() => {
            facts.account.groups = groups;
        }
        Fact::EffectiveCapabilities(mask) => first(&mut facts.account.capabilities, mask),
        Fact::SeesAllOwners(all) => first(&mut facts.account.sees_all_owners, all),
        Fact::EphemeralRange(from, to) => first(&mut facts.ephemeral, (from, to)),
        Fact::ReservedPorts(ranges) => facts.reserved_ports = ranges,
        Fact::Limit(name, value) => facts.limits.push((name, value)),
        Fact::Tool(name, path) => facts.tools.push((name.to_owned(), path)),
        // The record holds the first list of groups, and paths only; versions stand in the evidence.
        Fact::AccountGroups(_)
        | Fact::ToolVersion(..)
        | Fact::Clock { .. }
        | Fact::ClockSynchronized(_)
        | Fact::EphemeralFirst(_)
        | Fact::EphemeralLast(_)
        // Only `check` asks for these, and it keeps no records.
        | Fact::SudoRules(_)
        | Fact::AccountPrivileges(_) => {}
    }
}

/// Offset against the middle of the command, known within half its time and the resolution of the
/// answer.
#[must_use]
pub fn clock_reading(
    started: Utc,
    elapsed_us: u64,
    remote: Utc,
    resolution_us: u64,
) -> ClockReading {
    let middle = started.plus(std::time::Duration::from_micros(elapsed_us / 2));
    ClockReading {
        remote,
        offset_us: remote.micros_since(middle),
        error_us: elapsed_us.div_ceil(2).saturating_add(resolution_us),
        synchronized: None,
    }
}

/// Whether the account can list the open files of every process: it needs `CAP_SYS_PTRACE` and a
/// capability to read others' folders (measured; either alone shows none). Root without them, as
/// in a container, does not see all. Without the mask only user 0 is taken for able.
fn sees_all_owners(account: &AccountView) -> Option<bool> {
    match (account.capabilities, account.uid) {
        (Some(mask), _) => {
            let reads = mask & (DAC_READ_SEARCH | DAC_OVERRIDE) != 0;
            Some(mask & SYS_PTRACE != 0 && reads)
        }
        (None, Some(0)) => Some(true),
        (None, Some(_) | None) => None,
    }
}

fn addresses(records: &Records) -> Vec<IpAddr> {
    let interfaces = records.interfaces.iter().flat_map(|i| &i.record.addresses);
    let mut addresses: Vec<IpAddr> =
        interfaces.map(|a| a.address).filter(|address| !address.is_loopback()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

/// A host that calls itself otherwise may be another host: said, never acted upon.
fn check_name(header: &Header, facts: &HostFacts, sources: &[Source], records: &mut Records) {
    let Some(own) = &facts.hostname else { return };
    let expected = header.asset.name.as_str();
    if expected.parse::<IpAddr>().is_ok() || is_same_name(own, expected) {
        return;
    }
    let message = "the host calls itself by another name than the inventory's";
    let section = sources.first().map_or(0, |source| source.section);
    let issue = Issue::note(Span::default(), message, own.bytes());
    records.issues.push(SectionIssue { section, issue });
}

/// Equal without regard to case, or one is the other's first label.
fn is_same_name(own: &HostText<'_>, expected: &str) -> bool {
    let (own, expected) = (own.bytes().to_ascii_lowercase(), expected.to_ascii_lowercase());
    let label = |name: &[u8]| name.split(|&byte| byte == b'.').next().map(<[u8]>::to_vec);
    own == expected.as_bytes()
        || label(&own).as_deref() == Some(expected.as_bytes())
        || label(expected.as_bytes()).as_deref() == Some(own.as_slice())
}
