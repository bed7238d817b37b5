//! `ip -j -s -s -d link` and `ip -j addr show`: interfaces.
//!
//! ```text
//! [{"ifindex":3,"link":"v1","ifname":"v0","flags":["BROADCAST","UP"],"mtu":1500,"master":"br0",
//!   "operstate":"UP","link_type":"ether","address":"02:00:00:00:00:01",
//!   "linkinfo":{"info_kind":"veth"},"stats64":{"rx":{"bytes":840,...},"tx":{"bytes":516,...}},
//!   "addr_info":[{"family":"inet","local":"10.1.0.1","prefixlen":24,"scope":"global"}]}]
//! ```
//! `linkinfo` needs `-d`, counters need `-s`; `stats64` from kernels since 2.6.35, `stats` before.
//! `address` inside `addr_info` is the far end of a point-to-point link. Source: ip-link(8),
//! ip-address(8), iproute2 `ipaddress.c`.

use serde_json::Value;

use crate::model::link::{Interface, InterfaceAddress, LinkCounters};
use crate::model::parsed::{Issue, Reader, Row, Sink, Span};
use crate::model::text::HostText;
use crate::probe::json::{ElementParser, Elements, Fields, address, number, sorted_words, text};

/// A reader of `ip -j -s -s -d link`: interfaces with counters.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    Box::new(Elements::new(Link))
}

/// A reader of `ip -j addr show`: interfaces with addresses.
#[must_use]
pub fn address_reader() -> Box<dyn Reader> {
    // One grammar: what the other command does not print is not there.
    reader()
}

struct Link;

impl ElementParser for Link {
    fn element(
        &mut self,
        span: Span,
        fields: &Fields,
        sink: &mut dyn Sink,
    ) -> Result<(), &'static str> {
        let name = text(fields.get("ifname")).ok_or("expected an interface with `ifname`")?;
        let mut interface = Interface::named(name);
        describe(fields, &mut interface);
        count(fields, &mut interface);
        let listed = fields.get("addr_info").and_then(Value::as_array);
        let listed = listed.map(Vec::as_slice).unwrap_or_default();
        for item in listed.iter().filter(|item| item.as_object().is_none_or(|map| !map.is_empty()))
        {
            if let Some(address) = interface_address(item) {
                interface.addresses.push(address);
                continue;
            }
            // A note: its bytes lie inside the row's.
            let expected = "expected an address with `local` and `prefixlen`";
            sink.issue(Issue::note(span, expected, item.to_string().as_bytes()));
        }
        interface.addresses.sort();
        sink.row(span, Row::Interface(interface));
        Ok(())
    }
}

fn describe(fields: &Fields, interface: &mut Interface) {
    let kind = fields.get("linkinfo").and_then(|info| text(info.get("info_kind")));
    interface.index = number(fields.get("ifindex")).and_then(|index| u32::try_from(index).ok());
    interface.mac = text(fields.get("address"));
    interface.mtu = number(fields.get("mtu"));
    interface.oper_state = text(fields.get("operstate")).map(|word| lower(&word));
    interface.kind = kind.or_else(|| text(fields.get("link_type")));
    interface.flags = sorted_words(fields.get("flags"));
    interface.master = text(fields.get("master"));
}

fn lower(text: &HostText<'_>) -> HostText<'static> {
    HostText::owned(text.bytes().to_ascii_lowercase())
}

fn count(fields: &Fields, interface: &mut Interface) {
    let wide = fields.get("stats64").map(|stats| (stats, 64));
    let Some((stats, width)) = wide.or_else(|| fields.get("stats").map(|stats| (stats, 32))) else {
        return;
    };
    let (rx, tx) = (stats.get("rx"), stats.get("tx"));
    let one = |counters: Option<&Value>, name| counters.and_then(|all| number(all.get(name)));
    interface.rx = direction(rx);
    interface.rx.overruns = one(rx, "over_errors");
    interface.rx.multicast = rx.and_then(|rx| number(rx.get("multicast")));
    interface.tx = direction(tx);
    interface.carrier_errors = one(tx, "carrier_errors");
    interface.fifo_errors = one(tx, "fifo_errors");
    interface.collisions = tx.and_then(|tx| number(tx.get("collisions")));
    interface.counter_width = Some(width);
}

/// What is counted alike in both directions.
fn direction(counters: Option<&Value>) -> LinkCounters {
    let one = |name: &str| counters.and_then(|counters| number(counters.get(name)));
    LinkCounters {
        bytes: one("bytes"),
        packets: one("packets"),
        errors: one("errors"),
        dropped: one("dropped"),
        overruns: None,
        multicast: None,
    }
}

fn interface_address(item: &Value) -> Option<InterfaceAddress> {
    let local = address(item.get("local"));
    let far = address(item.get("address"));
    let prefix = u8::try_from(number(item.get("prefixlen"))?).ok()?;
    // iproute2 leaves `local` out where the kernel gives only one address.
    let address = local.or(far)?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    (prefix <= bits).then(|| InterfaceAddress {
        address,
        prefix: Some(prefix),
        scope: text(item.get("scope")),
        peer: local.and(far),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::testing::{read, rows};

    #[test]
    fn a_vlan_of_a_namespace_peer_and_a_name_with_raw_bytes_are_read() {
        let text = b"[{\"ifname\":\"e\x1b[1m\xff\",\"link_index\":4,\"link_netnsid\":0},{},\
            {\"ifindex\":7,\"link\":\"eth0\",\"ifname\":\"eth0.10\",\"operstate\":\"LOWERLAYERDOWN\",\
            \"linkinfo\":{\"info_kind\":\"vlan\",\"info_data\":{\"protocol\":\"802.1Q\",\"id\":10}},\
            \"stats\":{\"rx\":{\"bytes\":4294967295},\"tx\":{\"collisions\":1}}}]";
        let seen = read(reader(), text);
        let mut vlan = Interface::named(HostText::new(b"eth0.10"));
        vlan.index = Some(7);
        vlan.oper_state = Some(HostText::new(b"lowerlayerdown"));
        vlan.kind = Some(HostText::new(b"vlan"));
        vlan.rx.bytes = Some(4_294_967_295);
        vlan.collisions = Some(1);
        vlan.counter_width = Some(32);
        let hostile = Interface::named(HostText::new(b"e\x1b[1m\xff"));
        assert_eq!(rows(&seen), [Row::Interface(hostile), Row::Interface(vlan)]);
        assert_eq!(seen.issues, []);
    }

    #[test]
    fn one_bad_element_costs_no_other() {
        let text = b"[{\"ifname\":\"a\"},{\"ifname\":7},17,{\"ifname\":\"b\",},{\"ifname\":\"c\"";
        let seen = read(reader(), text);
        assert_eq!(rows(&seen), [Row::Interface(Interface::named(HostText::new(b"a")))]);
        let said: Vec<_> = seen.issues.iter().map(|issue| issue.message.as_str()).collect();
        assert_eq!(
            said,
            [
                "expected an interface with `ifname`",
                "expected a JSON object",
                "expected a JSON object",
                "the answer ends inside its JSON array",
            ]
        );
    }

    #[test]
    fn an_address_that_cannot_be_read_is_a_note_beside_the_others() {
        let text = br#"[{"ifname":"p","addr_info":[{},{"local":"x","prefixlen":1},
            {"family":"inet","local":"10.2.0.1","address":"10.2.0.2","prefixlen":32,"scope":"global"}]}]"#;
        let seen = read(address_reader(), text);
        let mut expected = Interface::named(HostText::new(b"p"));
        expected.addresses = vec![InterfaceAddress {
            address: "10.2.0.1".parse().unwrap(),
            prefix: Some(32),
            scope: Some(HostText::new(b"global")),
            peer: Some("10.2.0.2".parse().unwrap()),
        }];
        assert_eq!(rows(&seen), [Row::Interface(expected)]);
        assert_eq!(seen.issues.len(), 1);
    }
}
