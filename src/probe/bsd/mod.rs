//! The grammar that netstat(1) has had since 4.2BSD, shared by macOS, the BSDs, Solaris, AIX and
//! HP-UX.
//!
//! In: words and lines of an answer. Out: ends and rows. What each system prints otherwise stands
//! with that system. The files named `plain_` are shared by AIX and HP-UX.

pub(in crate::probe) mod endpoint;
pub(in crate::probe) mod plain_arp;
pub(in crate::probe) mod plain_counters;
pub(in crate::probe) mod plain_ifconfig;
pub(in crate::probe) mod plain_interfaces;
pub(in crate::probe) mod plain_row;
pub(in crate::probe) mod plain_rows;
pub(in crate::probe) mod plain_words;
#[cfg(test)]
mod plain_rows_tests;
