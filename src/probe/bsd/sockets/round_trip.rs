//! What macOS prints of a socket, by its own formats, is read as that socket: forms C and D.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::model::parsed::Row;
use crate::model::socket::{Attribution, Endpoint, Owner, Socket, State, Transport};
use crate::model::text::HostText;
use crate::probe::testing::{read, rows};

const TITLE: &str = "Active Internet connections (including servers)\n";
const FORM_C: &str = "Proto Recv-Q Send-Q  Local Address                                 Foreign Address                               (state)     rhiwat shiwat    pid   epid  state    options           gencnt    flags   flags1 usscnt rtncnt fltrs\n";
const FORM_D: &str = "Proto Recv-Q Send-Q  Local Address                                 Foreign Address                               (state)          rxbytes      txbytes  rhiwat  shiwat          process:pid    state  options           gencnt    flags   flags1 usecnt rtncnt fltrs\n";

const STATES: [(&str, State); 11] = [
    ("CLOSED", State::Closed),
    ("LISTEN", State::Listen),
    ("SYN_SENT", State::SynSent),
    ("SYN_RCVD", State::SynReceived),
    ("ESTABLISHED", State::Established),
    ("CLOSE_WAIT", State::CloseWait),
    ("FIN_WAIT_1", State::FinWait1),
    ("CLOSING", State::Closing),
    ("LAST_ACK", State::LastAck),
    ("FIN_WAIT_2", State::FinWait2),
    ("TIME_WAIT", State::TimeWait),
];

/// One socket as netstat knows it.
#[derive(Clone, Debug)]
struct Entry {
    version: &'static str,
    tcp: bool,
    state: usize,
    local: (IpAddr, u16),
    peer: Option<(IpAddr, u16)>,
    zone: bool,
    queues: (u32, u32),
    pid: u32,
    descriptor: bool,
    name: Vec<u8>,
}

/// `address.port` with `*` for what is 0, padded to 45 characters as with `-l`.
fn end(address: IpAddr, port: u16, zone: bool) -> String {
    let host = match address {
        IpAddr::V4(address) if address.is_unspecified() => "*".to_owned(),
        IpAddr::V6(address) if address.is_unspecified() => "*".to_owned(),
        address if zone => format!("{address}%utun10"),
        address => address.to_string(),
    };
    let port = if port == 0 { "*".to_owned() } else { port.to_string() };
    format!("{:<45} ", format!("{host}.{port}"))
}

impl Entry {
    fn is_listener(&self) -> bool {
        self.tcp && self.state == 1
    }

    /// printf of `inet.c`, `protopr`.
    fn print(&self, form_d: bool, out: &mut Vec<u8>) {
        let name = if self.tcp { "tcp" } else { "udp" };
        let state = if self.tcp { STATES[self.state].0 } else { "" };
        let nowhere: IpAddr = Ipv4Addr::UNSPECIFIED.into();
        let (peer, port) = self.peer.unwrap_or((nowhere, 0));
        let flags = if self.descriptor { 0x100 } else { 0x131 };
        out.extend_from_slice(
            format!(
                "{name}{:<2} {:6} {:6}  {}{}{state:<11}",
                self.version,
                self.queues.0,
                self.queues.1,
                end(self.local.0, self.local.1, self.zone),
                end(peer, port, self.zone),
            )
            .as_bytes(),
        );
        if form_d {
            out.extend_from_slice(b"         4958         3996  131072  131072 ");
            out.extend(std::iter::repeat_n(b' ', 16_usize.saturating_sub(self.name.len())));
            out.extend_from_slice(&self.name);
            out.extend_from_slice(format!(":{:<6} ", self.pid).as_bytes());
        } else {
            out.extend_from_slice(format!(" 131072 131072 {:6}      0 ", self.pid).as_bytes());
        }
        out.extend_from_slice(
            format!(
                "{flags:05x} 00000106 000000001afbe209 00000001 00000800      1      0 000000\n"
            )
            .as_bytes(),
        );
    }

    /// What the reader must give.
    fn expected(&self, form_d: bool) -> Row<'static> {
        let zone = |address: IpAddr| {
            (self.zone && !address.is_unspecified()).then(|| HostText::new(b"utun10"))
        };
        let end = |(address, port): (IpAddr, u16)| Endpoint {
            address,
            port: (port != 0).then_some(port),
            zone: zone(address),
        };
        let state = match (self.tcp, self.peer) {
            (true, _) => STATES[self.state].1,
            (false, Some(_)) => State::Established,
            (false, None) => State::Unconnected,
        };
        let transport = if self.tcp { Transport::Tcp } else { Transport::Udp };
        let mut socket = Socket::new(transport, end(self.local), self.peer.map(end), state);
        if !self.is_listener() {
            socket.recv_queue_bytes = Some(u64::from(self.queues.0));
            socket.send_queue_bytes = Some(u64::from(self.queues.1));
        }
        if self.local.0 == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
            socket.dual_stack = Some(self.version == "46");
        }
        socket.attribution = Attribution::Kernel;
        if self.pid != 0 && self.descriptor {
            // Blanks in front of a name are padding.
            let blanks = self.name.iter().take_while(|byte| **byte == b' ').count();
            let name = if form_d { self.name[blanks..].to_vec() } else { Vec::new() };
            let name = HostText::owned(name);
            socket.flags.name_has_control = name.has_control();
            socket.owners.push(Owner { pid: self.pid, fd: None, tid: None, name });
            socket.attribution = Attribution::Owned;
        }
        Row::Socket(socket)
    }
}

prop_compose! {
    fn entry()(
        (v6, both, any, connected, zone) in any::<(bool, bool, bool, bool, bool)>(),
        tcp: bool,
        state in 0..STATES.len(),
        (v4, w4) in any::<(u32, u32)>(),
        (a6, b6) in any::<(u128, u128)>(),
        ports in any::<(u16, u16)>(),
        queues in any::<(u32, u32)>(),
        pid in prop_oneof![Just(0), 1_u32..100_000],
        descriptor: bool,
        name in "[ -~\n\r\té]{0,16}",
    ) -> Entry {
        // Global addresses: mapped ones are stored as IPv4, link-local ones are set apart below.
        let global = |bits: u128| Ipv6Addr::from(bits >> 4 | 0x2 << 124);
        let local = |bits: u128| Ipv6Addr::from(bits & u128::from(u64::MAX) | 0xfe80 << 112);
        let v6_of = |bits| if zone { local(bits) } else { global(bits) };
        let address = |one: u32, other: u128| -> IpAddr {
            if v6 { v6_of(other).into() } else { Ipv4Addr::from(one | 1).into() }
        };
        let none: IpAddr =
            if v6 { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() };
        let dual = v6 && both && any && !connected;
        Entry {
            version: match (v6, dual) { (false, _) => "4", (_, true) => "46", _ => "6" },
            tcp,
            state,
            local: (if any { none } else { address(v4, a6) }, ports.0),
            peer: connected.then(|| (address(w4, b6), ports.1)),
            zone: zone && v6,
            queues,
            pid,
            descriptor,
            name: name.into_bytes(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_printed_is_read(entries in proptest::collection::vec(entry(), 1..12), form_d: bool) {
        let mut text = TITLE.as_bytes().to_vec();
        text.extend_from_slice(if form_d { FORM_D } else { FORM_C }.as_bytes());
        for entry in &entries {
            entry.print(form_d, &mut text);
        }
        let setup = Setup { family: None, wide: true, numbered: true };
        let seen = read(reader(setup), &text);
        prop_assert_eq!(&seen.issues, &Vec::new());
        let expected: Vec<_> = entries.iter().map(|entry| entry.expected(form_d)).collect();
        prop_assert_eq!(rows(&seen), expected);
    }
}
