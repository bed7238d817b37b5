//! The grammar that netstat(1) has had since 4.2BSD, shared by macOS, the BSDs, Solaris, AIX and
//! HP-UX.
//!
//! In: words and lines of an answer. Out: ends and rows. What each system prints otherwise stands
//! with that system.

pub(in crate::probe) mod endpoint;
pub(in crate::probe) mod held_row;
pub(in crate::probe) mod sockstat;
