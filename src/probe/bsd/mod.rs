//! The grammar that netstat(1) has had since 4.2BSD, shared by macOS, the BSDs, Solaris, AIX and
//! HP-UX; and the tables of arp(8) and ndp(8).
//!
//! In: words and lines of an answer. Out: ends and rows. What each system prints otherwise stands
//! with that system. The files named `plain_` are shared by AIX and HP-UX.

pub(in crate::probe) mod endpoint;
pub(in crate::probe) mod network;
pub(in crate::probe) mod sockets;
pub(in crate::probe) mod interfaces;
pub(in crate::probe) mod routes;
pub(in crate::probe) mod arp;
pub(in crate::probe) mod ndp;
pub(in crate::probe) mod held_row;
pub(in crate::probe) mod sockstat;
pub(in crate::probe) mod plain_arp;
pub(in crate::probe) mod plain_counters;
pub(in crate::probe) mod plain_ifconfig;
pub(in crate::probe) mod plain_interfaces;
pub(in crate::probe) mod plain_row;
pub(in crate::probe) mod plain_rows;
pub(in crate::probe) mod plain_words;
#[cfg(test)]
mod plain_rows_tests;
