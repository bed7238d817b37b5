//! `busybox netstat`, with whatever options it was built with.
//!
//! ```text
//! Active Internet connections (servers and established)
//! Proto Recv-Q Send-Q Local Address           Foreign Address         State       PID/Program name
//! tcp        0      0 :::8080                 :::*                    LISTEN      204/nginx
//! tcp        1      0 ::ffff:127.0.0.1:8080   ::ffff:127.0.0.1:43344  CLOSE_WAIT  204/nginx
//! raw        0      0 ::%993348253:58         ::%32:*                 58          -
//! ```
//!
//! The grammar of net-tools (see [`crate::probe::linux::netstat`]), with these differences, seen in
//! 1.35.0: the protocol never ends in `6`, so the address tells the family; v4-mapped addresses
//! keep their `::ffff:`; the state of a raw socket is its protocol once more; and behind `%` stands
//! what was left in memory, not a zone, so it is dropped. There is no user, inode or timer. `-W`
//! and `-p` exist only where busybox was built with them. Without `-W` some builds cut addresses as
//! net-tools does, so a field that fills its column is doubted.

use crate::model::parsed::Reader;
use crate::probe::linux::netstat::{Dialect, Width, dialect_reader};

/// A reader of the output of busybox. `width` says whether it was run with `-W`.
#[must_use]
pub fn reader(width: Width) -> Box<dyn Reader> {
    dialect_reader(Dialect::Busybox, width)
}
