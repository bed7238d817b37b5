//! Who, where, when and how sure: the head of the page, the views, and what the host says of itself.

use std::io::{self, Write};

use crate::model::capture::{ClockOffset, Header, Hop, HostCertificate, Negotiated};
use crate::model::fact::{AccountView, HostFacts};
use crate::model::host::Asset;
use crate::model::id::Label;
use crate::model::snapshot::{Limitation, SectionStatus, Snapshot, View};
use crate::model::socket::Attribution;
use crate::model::time::Utc;
use crate::report::grid::{Grid, Head};
use crate::report::page::Page;
use crate::report::show::{joined, or_dash};
use crate::report::table::seconds;

pub(super) fn header<W: Write>(page: &mut Page<W>, snapshot: &Snapshot) -> io::Result<()> {
    let Header { asset, mandate, .. } = &snapshot.header;
    page.title(&format!("{}: {}", asset.name, snapshot.outcome))?;
    page.pair("role", context(asset))?;
    page.pair("address", address(&snapshot.header))?;
    page.pair("via", via(&snapshot.header))?;
    page.pair("connection", connection(&snapshot.header))?;
    page.pair("legacy", legacy(&snapshot.header))?;
    page.pair("host certificate", certificate(&snapshot.header))?;
    page.pair("os", snapshot.header.os.clone())?;
    let facts = snapshot.records.host.as_ref().map(|host| &host.record);
    page.pair("account", account(snapshot, facts))?;
    page.pair("operator", mandate.operator.clone())?;
    page.pair(
        "run",
        format!("{} {} ({})", snapshot.header.run, mandate.playbook, mandate.purpose),
    )?;
    page.pair("change", mandate.change.clone())?;
    page.pair("collected", collected(&snapshot.header))?;
    page.pair("clock", clock(snapshot.header.clock))?;
    page.pair(
        "evidence",
        format!("{}, {} bytes", snapshot.evidence.name, snapshot.evidence.bytes),
    )?;
    page.pair("sha256", snapshot.evidence.sha256.to_string())
}

fn context(asset: &Asset) -> String {
    let label =
        |name: &str, label: &Option<Label>| label.as_ref().map(|label| format!("{name} {label}"));
    let parts = [
        Some(asset.role_word().to_owned()),
        label("environment", &asset.environment),
        label("segment", &asset.segment),
        label("site", &asset.site),
        asset.criticality.map(|word| format!("criticality {word}")),
        asset.exposure.map(|word| format!("exposure {word}")),
        asset.owner.as_ref().map(|owner| format!("owner {owner}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn address(header: &Header) -> String {
    let Asset { address, port, transport, .. } = &header.asset;
    match header.peer {
        None if header.negotiated.is_some() => format!("{address} port {port}"),
        None => format!("{address} ({transport})"),
        Some(peer) if peer.to_string() == *address => format!("{address} port {port}"),
        Some(peer) => format!("{address} port {port}, reached at {peer}"),
    }
}

/// The jump hosts, outermost first, each with what was agreed on.
fn via(header: &Header) -> Option<String> {
    let jumps = &header.negotiated.as_ref()?.jumps;
    let hop = |hop: &Hop| format!("{} ({})", hop.name, agreed(&hop.negotiated));
    let hops: Vec<_> = jumps.iter().map(hop).collect();
    (!hops.is_empty()).then(|| hops.join(" > "))
}

fn connection(header: &Header) -> Option<String> {
    let negotiated = header.negotiated.as_ref()?;
    let Negotiated { identity, server, host_key, .. } = negotiated;
    let agreed = agreed(negotiated);
    // Over plain HTTP a host has no key: what it seals proves it.
    let key = if host_key.is_empty() { String::new() } else { format!("; host key {host_key}") };
    Some(format!("{agreed}; {server}{key}; logged in with {identity}"))
}

/// Key exchange, host key, cipher and MAC.
fn agreed(negotiated: &Negotiated) -> String {
    let Negotiated { kex, host_key_algorithm, cipher, mac, strict_kex, .. } = negotiated;
    let kind = if negotiated.is_post_quantum() { " post-quantum" } else { "" };
    let strict = if *strict_kex { "" } else { ", not strict" };
    let parts = [kex, host_key_algorithm, cipher, mac];
    let parts: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).cloned().collect();
    format!("{}{kind}{strict}", parts.join(", "))
}

/// Old algorithms in use, of the host and of its jump hosts.
fn legacy(header: &Header) -> Option<String> {
    let negotiated = header.negotiated.as_ref()?;
    let hops = negotiated.jumps.iter().map(|hop| (&hop.name, &hop.negotiated));
    let all = hops.chain([(&header.asset.name, negotiated)]);
    let used = all.filter_map(|(name, n)| Some(format!("{name}: {}", n.legacy.as_ref()?)));
    let used: Vec<_> = used.collect();
    (!used.is_empty()).then(|| used.join("; "))
}

/// What proved the host, where it was a certificate and not a key that is known.
fn certificate(header: &Header) -> Option<String> {
    let certificate = header.negotiated.as_ref()?.host_certificate.as_ref()?;
    let HostCertificate { authority, key_id, serial, valid_until } = certificate;
    let until =
        valid_until.map_or_else(|| "for ever".to_owned(), |end| format!("until {}", seconds(end)));
    Some(format!("{key_id} (serial {serial}), {until}, signed by {authority}"))
}

fn account(snapshot: &Snapshot, facts: Option<&HostFacts>) -> String {
    let header = &snapshot.header;
    let view = facts.map(|facts| &facts.account);
    let uid = view.and_then(|view| view.uid).map(|uid| format!(" (uid {uid})"));
    let sees = match view.and_then(|view: &AccountView| view.sees_all_owners) {
        Some(true) if owners_missing(snapshot) => {
            "may see the owner of every socket, but was not told of all"
        }
        Some(true) => "sees the owner of every socket",
        Some(false) if owners_shown(snapshot) => "saw the owner of every socket through sudo",
        Some(false) => "does not see the owners of other accounts' sockets",
        None => "not known whether it sees the owners of other accounts' sockets",
    };
    format!("{}{}; {sees}", header.account, uid.unwrap_or_default())
}

/// True when a section that stands does not tell all owners.
fn owners_missing(snapshot: &Snapshot) -> bool {
    let mut standing = snapshot.sections.iter().filter(|s| s.status != SectionStatus::Replaced);
    standing.any(|section| section.limitations.contains(&Limitation::NoOwner))
}

/// True when the sockets have owners of other accounts, and no section hides one: without rights of
/// its own, the account was shown them by sudo.
fn owners_shown(snapshot: &Snapshot) -> bool {
    let hidden = owners_missing(snapshot);
    let own = snapshot.records.host.as_ref().and_then(|host| host.record.account.uid);
    let others = snapshot.records.sockets.iter().any(|socket| {
        !socket.record.owners.is_empty() && socket.record.uid.is_some() && socket.record.uid != own
    });
    let denied = snapshot
        .records
        .sockets
        .iter()
        .any(|socket| matches!(socket.record.attribution, Attribution::Denied));
    others && !hidden && !denied
}

fn collected(header: &Header) -> String {
    let Header { started, ended, pass, .. } = header;
    let took = took(*started, *ended);
    format!("{}, took {took}, pass {} attempt {}", seconds(*started), pass.pass, pass.attempt)
}

/// Time between two points, in seconds with three digits.
pub(crate) fn took(started: Utc, ended: Utc) -> String {
    format!("{} s", decimal(ended.micros_since(started).unsigned_abs()))
}

/// Microseconds as seconds with three digits, rounded down.
fn decimal(micros: u64) -> String {
    format!("{}.{:03}", micros / 1_000_000, micros % 1_000_000 / 1_000)
}

/// How far the host's clock is off, and how sure that is. The limits are those of the findings:
/// more than 1 s is worth a look, more than 30 s is high, more than 300 s breaks timelines.
fn clock(clock: Option<ClockOffset>) -> String {
    let Some(ClockOffset { offset_us, error_us }) = clock else {
        return "not read".to_owned();
    };
    let off = offset_us.unsigned_abs();
    let side = if offset_us < 0 { "behind" } else { "ahead of" };
    let verdict = match off / 1_000_000 {
        300.. => "; critical: more than 300 s",
        30.. => "; high: more than 30 s",
        1.. => "; warning: more than 1 s",
        0 => "",
    };
    format!("{} s {side} the controller ± {} s{verdict}", decimal(off), decimal(error_us))
}

pub(super) fn views<W: Write>(page: &mut Page<W>, snapshot: &Snapshot) -> io::Result<()> {
    let heads = [
        Head::whole("VIEW"),
        Head::whole("STATUS"),
        Head::text("CANNOT SHOW"),
        Head::text("PROBES"),
    ];
    let mut grid = Grid::new(&heads);
    for view in View::ALL.iter().copied() {
        let Some(status) = snapshot.view_status(view) else { continue };
        let serving = || {
            let sections = snapshot.sections.iter();
            sections.filter(|s| s.views.contains(&view) && s.status != SectionStatus::Replaced)
        };
        let mut limits: Vec<_> = serving().flat_map(|section| &section.limitations).collect();
        limits.sort_unstable();
        limits.dedup();
        let limits = joined(limits.into_iter().map(ToString::to_string));
        let probes = joined(serving().map(|section| section.probe.to_string()));
        grid.push([view.to_string(), status.to_string(), limits, probes]);
    }
    page.heading("Views")?;
    page.grid(&grid)
}

pub(super) fn facts<W: Write>(page: &mut Page<W>, snapshot: &Snapshot) -> io::Result<()> {
    let Some(host) = &snapshot.records.host else {
        return page.heading("Host facts: none");
    };
    let facts = &host.record;
    page.heading("Host facts")?;
    page.pair("hostname", facts.hostname.as_ref().map(|name| or_dash(Some(name))))?;
    page.pair("system", system(facts))?;
    page.pair("machine id", facts.machine_id.as_ref().map(|id| or_dash(Some(id))))?;
    page.pair("booted", booted(facts))?;
    page.pair("ephemeral", ephemeral(facts))?;
    let limits = facts.limits.iter().map(|(name, value)| format!("{}={value}", name.escaped()));
    let limits: Vec<_> = limits.collect();
    page.pair("limits", (!limits.is_empty()).then(|| limits.join(", ")))
}

fn system(facts: &HostFacts) -> Option<String> {
    let parts = [&facts.os_name, &facts.kernel_name, &facts.kernel_release, &facts.architecture];
    let parts: Vec<_> = parts.into_iter().flatten().map(|part| part.escaped()).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn booted(facts: &HostFacts) -> Option<String> {
    let id = facts.boot_id.as_ref().map(|id| format!("boot id {}", id.escaped()));
    let parts: Vec<_> = [facts.boot_time.map(seconds), id].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn ephemeral(facts: &HostFacts) -> Option<String> {
    let (first, last) = facts.ephemeral?;
    let reserved = facts.reserved_ports.iter().map(|(first, last)| format!("{first}-{last}"));
    let reserved: Vec<_> = reserved.collect();
    let without = if reserved.is_empty() { String::new() } else { " without ".to_owned() };
    Some(format!("ports {first}-{last}{without}{}", reserved.join(", ")))
}
