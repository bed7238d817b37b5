//! The text forms of `ip`, for iproute2 before 4.13, which has no `-j`.
//!
//! In: the output of `ip [-o] [-s] [-s] [-d] link`, `ip [-o] addr`, `ip [-o] route show table all`, `ip rule`
//! and `ip neigh`. Out: the rows that the JSON forms give. What the text cannot tell stays `None`.
//!
//! With `-o` every object is one line in which a backslash stands for each line's end; both forms are
//! read. Words stand
//! in pairs of a name and a value, but for a few that stand alone; names that are not known are
//! passed over with their value. Source: ip-link(8), ip-address(8), ip-route(8), ip-rule(8),
//! ip-neighbour(8), iproute2 `ip*.c`.

mod address;
mod link;
mod neigh;
mod objects;
mod route;
mod rule;
mod words;

pub use address::reader as address_reader;
pub use link::reader as link_reader;
pub use neigh::reader as neigh_reader;
pub use route::reader as route_reader;
pub use rule::reader as rule_reader;
