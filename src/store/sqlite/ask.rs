//! Questions that span hosts: who listens, who talks to whom.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};

use crate::model::id::HostName;
use crate::model::query::{Listening, Peering};
use crate::model::snapshot::View;
use crate::model::text::HostText;
use crate::store::sqlite::conversion::{damaged, octets};
use crate::store::sqlite::found::{self, Found, Standing};
use crate::store::sqlite::history::view_source;
use crate::store::sqlite::lookup::Lookup;
use crate::store::sqlite::past::Past;
use crate::store::sqlite::statements::Statements;
use crate::store::{Error, ListenerQuery, Partner, PeerQuery};

/// Who listens.
pub(super) fn listeners(
    sql: &mut Statements<'_>,
    query: &ListenerQuery,
) -> Result<Vec<Listening>, Error> {
    let hosts: Option<BTreeSet<&HostName>> = query.hosts.as_ref().map(|h| h.iter().collect());
    let (mut past, mut lookup, mut out) = (Past::default(), Lookup::default(), Vec::new());
    for fact in candidates(sql, query)? {
        if hosts.as_ref().is_some_and(|hosts| !hosts.contains(&fact.host)) {
            continue;
        }
        let standing = match query.at {
            Some(at) => fact.at(sql, &mut past, at)?,
            None => Some(fact.now()),
        };
        let Some(standing) = standing else { continue };
        if !standing.open && !query.include_closed {
            continue;
        }
        let listening = listening(sql, &mut lookup, fact, &standing)?;
        let address = query.address.map(|address| address.to_canonical());
        if address.is_none_or(|address| address == listening.address)
            && query.role.as_ref().is_none_or(|role| listening.role.as_ref() == Some(role))
        {
            out.push(listening);
        }
    }
    out.sort_by(|one, other| listener_order(one).cmp(&listener_order(other)));
    Ok(out)
}

fn listener_order(listening: &Listening) -> impl Ord + '_ {
    let Listening { host, port, transport, address, scope, uid, first_seen, .. } = listening;
    let text = |text: &'_ Option<HostText<'static>>| text.as_ref().map(|t| t.bytes().to_vec());
    let (process, namespace) = (text(&listening.process), text(&listening.namespace));
    (host, port, transport, address, scope, process, uid, namespace, first_seen)
}

/// Facts that may answer, by the narrowest index.
fn candidates(sql: &mut Statements<'_>, query: &ListenerQuery) -> Result<Vec<Found>, Error> {
    let view = view_number(sql, View::Listeners)?;
    let ended = query.include_closed || query.at.is_some();
    match (query.port, &query.hosts) {
        (Some(port), _) if ended => found::ask(sql, found::BY_PORT, (view, port)),
        (Some(port), _) => found::ask(sql, found::OPEN_BY_PORT, (view, port)),
        (None, Some(hosts)) => {
            let by_host = if ended { found::BY_HOST } else { found::OPEN_BY_HOST };
            let mut facts = Vec::new();
            for host in hosts.iter().collect::<BTreeSet<_>>() {
                facts.extend(found::ask(sql, by_host, (view, host.as_str()))?);
            }
            Ok(facts)
        }
        (None, None) => found::ask(sql, found::ALL, [view]),
    }
}

fn listening(
    sql: &mut Statements<'_>,
    lookup: &mut Lookup,
    fact: Found,
    standing: &Standing,
) -> Result<Listening, Error> {
    let bind = fact.bind.ok_or_else(|| damaged("shape.address", "NULL"))?;
    Ok(Listening {
        role: lookup.role(sql, standing.last_seen.role)?,
        address: lookup.address(sql, bind)?,
        host: fact.host,
        transport: fact.transport,
        port: fact.port,
        scope: fact.scope,
        process: lookup.process(sql, fact.process)?,
        uid: fact.uid,
        service: lookup.service(sql, fact.service)?,
        namespace: lookup.service(sql, fact.namespace)?,
        first_seen: fact.first.at,
        last_seen: standing.last_seen.at,
        open: standing.open,
        count: fact.count,
    })
}

/// Who talked to whom.
pub(super) fn peers(sql: &mut Statements<'_>, query: &PeerQuery) -> Result<Vec<Peering>, Error> {
    let hosts: Option<BTreeSet<&HostName>> = query.hosts.as_ref().map(|h| h.iter().collect());
    let view = view_number(sql, View::Sessions)?;
    let (low, high) = range(query.partner);
    let (mut past, mut lookup, mut out) = (Past::default(), Lookup::default(), Vec::new());
    for fact in found::ask(sql, found::BY_PEER, (view, low, high))? {
        let standing = match query.at {
            Some(at) => fact.at(sql, &mut past, at)?,
            None => Some(fact.now()),
        };
        let Some(standing) = standing else { continue };
        let inside = query.since.is_none_or(|since| standing.last_seen.at >= since)
            && query.until.is_none_or(|until| fact.first.at <= until)
            && hosts.as_ref().is_none_or(|hosts| hosts.contains(&fact.host));
        if !inside {
            continue;
        }
        let peer = fact.peer.ok_or_else(|| damaged("fact.peer", "NULL"))?;
        out.push(Peering {
            role: lookup.role(sql, standing.last_seen.role)?,
            peer: lookup.address(sql, peer)?,
            host: fact.host,
            direction: fact.kind,
            transport: fact.transport,
            service_port: fact.port,
            process: lookup.process(sql, fact.process)?,
            uid: fact.uid,
            first_seen: fact.first.at,
            last_seen: standing.last_seen.at,
            open: standing.open,
            count: fact.count,
        });
    }
    out.sort_by(|one, other| peer_order(one).cmp(&peer_order(other)));
    Ok(out)
}

fn peer_order(peering: &Peering) -> impl Ord + '_ {
    let Peering { host, peer, service_port, transport, direction, process, uid, .. } = peering;
    let process = process.as_ref().map(HostText::bytes);
    (host, peer, service_port, transport, direction, process, uid, peering.first_seen)
}

pub(super) fn view_number(sql: &mut Statements<'_>, view: View) -> Result<i64, Error> {
    const FIND: &str = "SELECT id FROM source WHERE name = ?1";
    // 0 is no number of a source: in an empty store nothing is confirmed.
    Ok(sql.first(FIND, [view_source(view)], |row| row.get(0))?.unwrap_or(0))
}

/// First and last address of the partner's range, as stored.
fn range(partner: Partner) -> ([u8; 16], [u8; 16]) {
    let (address, prefix) = match partner {
        Partner::Address(address) => (address, 128),
        Partner::Network(address @ IpAddr::V4(_), prefix) => (address, prefix.min(32) + 96),
        Partner::Network(address @ IpAddr::V6(_), prefix) => (address, prefix.min(128)),
    };
    let bits = u128::from_be_bytes(octets(address));
    let host_bits = u128::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
    let ends = (bits & !host_bits, bits | host_bits);
    (Ipv6Addr::from_bits(ends.0).octets(), Ipv6Addr::from_bits(ends.1).octets())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_become_ranges_of_mapped_addresses() {
        let mapped = |text: &str| octets(text.parse().unwrap());
        let network = Partner::Network("192.0.2.77".parse().unwrap(), 24);
        assert_eq!(range(network), (mapped("192.0.2.0"), mapped("192.0.2.255")));
        let one = Partner::Address("2001:db8::1".parse().unwrap());
        assert_eq!(range(one), (mapped("2001:db8::1"), mapped("2001:db8::1")));
        let all = Partner::Network("10.1.2.3".parse().unwrap(), 0);
        assert_eq!(range(all), (mapped("0.0.0.0"), mapped("255.255.255.255")));
    }
}
