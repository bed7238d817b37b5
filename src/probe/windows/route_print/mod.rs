//! `route print`, and `netstat -r`, which prints the same: interfaces and routes, read by position.
//!
//! ```text
//! ===========================================================================
//! Schnittstellenliste
//!  11...00 00 5e 00 53 07 ......Example PRO/1000 Network Connection
//!   1...........................Software Loopback Interface 1
//! ===========================================================================
//!
//! IPv4-Routentabelle
//! ===========================================================================
//! Aktive Routen:
//!      Netzwerkziel    Netzwerkmaske          Gateway    Schnittstelle Metrik
//!           0.0.0.0          0.0.0.0        192.0.2.1        192.0.2.7     25
//!         192.0.2.0    255.255.255.0   Auf Verbindung         192.0.2.7    281
//! ===========================================================================
//! Ständige Routen:
//!   Netzwerkadresse          Netzmaske  Gatewayadresse  Metrik
//!           0.0.0.0          0.0.0.0        192.0.2.1  Standard
//! ===========================================================================
//!
//! IPv6-Routentabelle
//! ===========================================================================
//! Aktive Routen:
//!  If Metrik Netzwerkziel             Gateway
//!  11    281 fe80::/64                Auf Verbindung
//!  11    281 fe80::7c1d:5a7c:9d26:ffa5/128
//!                                     Auf Verbindung
//! ===========================================================================
//! Ständige Routen:
//!   Keine
//! ```
//! Interfaces: number, MAC address, dots, description. IPv4 routes: destination, mask, gateway or words
//! for "on link", address of the interface, metric. IPv6 routes: number of the interface, metric,
//! destination, gateway, which goes to a line of its own behind a long destination. Windows 2000, XP and
//! 2003 print numbers of interfaces as `0x2`, no title of the table, and the default gateway below
//! the routes. Source: route (Windows commands reference).
//!
//! Decisions:
//! - Lines of `=` part the sections; titles name the family as `IPv4` or `IPv6` in every language.
//! - The device of an IPv4 route is the address of its interface, of an IPv6 route the number: nothing
//!   else is told of either.
//! - Words where a gateway stands mean that the destination is on the link; so does, in old versions,
//!   the address of the interface itself.
//! - Permanent routes are what the registry will install at the next start. Those in force are among
//!   the active ones; the others forward nothing. So they are routes of a table of their own,
//!   `persistent`, which no lookup asks; a word for the default metric is none, and so is interface 0.
//! - Names of columns and the word for none have no digit, and are known only between lines of `=`, at
//!   most three in a section. A sentence anywhere else is an issue.

mod rows;
mod sections;

use crate::model::parsed::Reader;

/// A reader of the output.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    sections::reader()
}
