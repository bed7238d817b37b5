//! The kernel's own tables of interfaces, routes and neighbours in `/proc/net`, for hosts whose
//! `ip` gives no answer.
//!
//! In: the text of one file. Out: the rows that `ip` gives, with less in them: each file's page
//! says what it leaves out. Source: proc(5), `proc_pid_net(5)`, Linux `net/core/net-procfs.c`,
//! `net/ipv4/fib_trie.c`, `net/ipv4/arp.c`, `net/ipv6/route.c`, `net/ipv6/addrconf.c`.

mod arp;
mod device;
mod hexadecimal;
mod if_inet6;
mod ipv6_route;
mod route;

pub use arp::reader as arp_reader;
pub use device::reader as device_reader;
pub use if_inet6::reader as if_inet6_reader;
pub use ipv6_route::reader as ipv6_route_reader;
pub use route::reader as route_reader;
