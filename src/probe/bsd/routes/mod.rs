//! Routes as `netstat -r -n` of macOS and the BSDs lists them, and the neighbours among them.
//!
//! ```text
//! Routing tables
//!
//! Internet:
//! Destination        Gateway            Flags        Refs      Use    Mtu   Netif Expire
//! default            192.0.2.1          UGSc           83       24   1500     en0
//! 192.0.2            link#10            UCS            11        0   1500     en0      !
//! 192.0.2.64         0:0:5e:0:53:1      UHLWIi          2      470   1500     en0    753
//! ```
//! Columns by the names in the header: macOS without `-l` has `Flags Netif Expire` only; FreeBSD with `-W`
//! `Use` or `Nhop#` and `Mtu`; OpenBSD `Refs Use Mtu Prio Iface`, NetBSD `Refs Use Mtu Interface`; newer macOS
//! has `RT_IFA`, the address of the interface, behind the gateway. `Mtu` and `Expire` may be blank, and a
//! locked MTU has an `L` behind it. Source: netstat(1), `netstat/route.c`, `show.c` of each system.
//!
//! Decisions:
//! - Flags are letters, one word each. Of them `B` makes a blackhole, `R` a route that answers unreachable
//!   (neither has a way out), `l`, or a host that is reached through `lo0`, a local address, `b` broadcast.
//! - Only with `G` is the gateway a next hop: otherwise the destination is on the link.
//! - A row with `L` and a link-layer address, or with `L` and `W` or `c` (cloned) and none, is a neighbour and
//!   no route, unless it is an address of this host. Neighbours come and go with traffic, routes do not.
//! - `Prio` of OpenBSD is the metric. A routing table (`fib`) other than the first names the table.
//! - Without `-n` names stand for addresses, and IPv6 is cut to 18 characters: what is a name, or fills a
//!   column of 18, is an issue where it tells an address.
//! - Sections of other families (`Encap`, `MPLS`, `Netgraph`, ...) count as headers.

mod columns;
mod row;
#[cfg(test)]
mod tests;

use crate::model::parsed::Reader;
use crate::model::socket::Family;
use crate::model::text::HostText;
use crate::probe::bsd::network::owned;
use crate::probe::bsd::routes::columns::Columns;
use crate::probe::whole;

/// A reader of the tables. `family`: that of the command, for rows that no title precedes.
#[must_use]
pub(in crate::probe) fn reader(family: Option<Family>) -> Box<dyn Reader> {
    let table = HostText::new(b"main");
    let mut tables = Tables { section: Section::Routes(family), table, columns: None };
    whole::reader(move |line| tables.line(line))
}

/// What a title announced.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Routes(Option<Family>),
    /// A family that is not in the schema.
    Other,
}

struct Tables {
    section: Section,
    table: HostText<'static>,
    columns: Option<Columns>,
}

impl Tables {
    fn line<'a>(&mut self, line: &'a [u8]) -> whole::Reading<'a> {
        if self.title(line) {
            return Ok(None);
        }
        match self.section {
            Section::Other => Ok(None),
            Section::Routes(family) => {
                row::read(line, family, &self.table, self.columns.as_ref()).map(Some)
            }
        }
    }

    /// True for a title or a header.
    fn title(&mut self, line: &[u8]) -> bool {
        let text = line.trim_ascii();
        if let Some(rest) = text.strip_prefix(b"Routing tables") {
            let number = rest.strip_prefix(b" (fib: ").and_then(|rest| rest.strip_suffix(b")"));
            self.table = number.map_or_else(|| HostText::new(b"main"), owned);
            return true;
        }
        if let Some(columns) = Columns::read(line) {
            self.columns = Some(columns);
            return true;
        }
        let Some(name) = text.strip_suffix(b":") else { return false };
        self.section = match name {
            b"Internet" => Section::Routes(Some(Family::Ipv4)),
            b"Internet6" => Section::Routes(Some(Family::Ipv6)),
            // A row has more than one word, and none of those ends with a colon.
            _ if name.starts_with(b"Protocol Family ") || is_name(name) => Section::Other,
            _ => return false,
        };
        true
    }
}

/// One word of letters: the name of a family.
fn is_name(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}
