//! `netstat.exe` of Windows: sockets, in any language and code page.
//!
//! In: standard output of `netstat -a` with any of `-n -o -b -q -t -y`, in chunks cut anywhere. Out:
//! one socket per row; with `-b` and `-o`, what the lines below a row say of its process.
//!
//! ```text
//! Aktive Verbindungen
//!
//!   Proto  Lokale Adresse         Remoteadresse          Status           PID
//!   TCP    0.0.0.0:135            0.0.0.0:0              ABHÖREN         1712
//!   RpcSs
//!  [svchost.exe]
//!   TCP    192.0.2.7:49213        198.51.100.9:443       HERGESTELLT     9328
//!  [my browser.exe]
//!   TCP    192.0.2.7:49214        198.51.100.9:443       WARTEND            0
//!   UDP    [fe80::7%12]:1900      *:*                                    8844
//!  Es konnten keine Besitzerinformationen abgerufen werden.
//! ```
//!
//! Columns: protocol; local and foreign end; state, blank for UDP; process id, with `-o`; with `-t`
//! an offload state (`InHost`), with `-y` a template (`Internet`, `Not Applicable`). Each is padded, none
//! is cut: a long address moves the rest to the right. Source: netstat (Windows commands reference), `MIB_TCP_STATE` of iprtrmib.h.
//!
//! Decisions, each because the text alone does not say:
//! - Only the protocol, addresses, ports, process ids and `*:*` are the same in every language. So a
//!   row is known by its protocol, and a TCP row whose foreign end is no address and port 0 is a
//!   listener, whatever the state is called. The words of English and German Windows are known; of
//!   others the state is `unknown`, with the word in `state_raw` and a note for each word, but for
//!   listeners. Sockets that are
//!   only bound, which `-q` lists and the probe does not ask for, look like listeners in languages
//!   whose word is not known.
//! - Windows 2000 and before print any port behind the `0.0.0.0` of a listener: the word decides.
//! - Process 0 is no process: the socket is the kernel's. Process 4 is the kernel as a process: it is
//!   named, and the socket is the kernel's too.
//! - A zone is an interface's number.
//! - Two rows for one port, one of each family, stay two sockets, and `dual_stack` is not told.
//! - `-b` prints below a row the service or the libraries that opened the socket, and the program in
//!   brackets; or a sentence that the owner could not be told. The program is the owner's name, and
//!   programs and services are statements about the process; libraries and sentences are known lines. Without `-o` there is no process id
//!   that a program could be said of: each is an issue.
//! - A program's name that goes over several lines is put together, unless one of these lines could
//!   be a row: then all of them are one issue, and no row is made of a name.
//! - Without `-n` ends are names, such as `server:https`: such a row is an issue.
//! - A title is known by the columns or rows below it. A sentence without them, such as a refusal, is
//!   an issue.

mod row;
mod rows;
mod state;
#[cfg(test)]
mod tests;

use crate::model::parsed::Reader;

/// A reader of the output.
#[must_use]
pub fn reader() -> Box<dyn Reader> {
    rows::reader()
}
