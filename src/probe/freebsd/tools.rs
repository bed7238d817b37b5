//! The programs that the probes of FreeBSD call.

use crate::probe::tool::Tool;

/// arp(8).
pub static ARP: Tool = Tool::new("arp", &["/usr/sbin/arp"]);
/// date(1).
pub static DATE: Tool = Tool::new("date", &["/bin/date"]);
/// ndp(8).
pub static NDP: Tool = Tool::new("ndp", &["/usr/sbin/ndp"]);
/// netstat(1).
pub static NETSTAT: Tool = Tool::new("netstat", &["/usr/bin/netstat"]);
/// sockstat(1).
pub static SOCKSTAT: Tool = Tool::new("sockstat", &["/usr/bin/sockstat"]);
