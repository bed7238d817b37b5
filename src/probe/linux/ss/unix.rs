//! What a name of a unix socket can do to the lines below its row, and how that is found.
//!
//! In: lines. Out: whether a row of a unix socket is whole, and which lines stand so near below one
//! that they may be a part of its name.
//!
//! ```text
//! u_str LISTEN 0      128    @/tmp/a b 7012     * 0     users:(("init",pid=1,fd=7))
//! u_str ESTAB  0      0              * 87177    * 87178
//! ```
//!
//! Columns: type, state, queues, name, inode, name and inode of the peer. Anyone may bind an abstract
//! socket, its name may hold any byte, and `ss` prints it as it is: a newline makes lines of it that
//! look like rows of other sockets, and the name can end its first line like a whole row. It has at
//! most 108 bytes (`sun_path` of unix(7)), though, and the inodes behind it are the kernel's. So a line
//! that begins farther below is none of its parts, and between a row and such an end nothing is read.

use crate::model::parsed::Span;

/// Longest name: `sun_path` of unix(7).
const NAME_BYTES_MAX: u64 = 108;

/// True for the type of a unix socket.
pub(super) fn is_unix(netid: &[u8]) -> bool {
    matches!(netid, b"u_str" | b"u_dgr" | b"u_seq")
}

/// True for a line that begins like the row of a unix socket.
pub(super) fn begins(line: &[u8]) -> bool {
    line.split(u8::is_ascii_whitespace).find(|word| !word.is_empty()).is_some_and(is_unix)
}

/// True for a line that ends as the row of a unix socket does: inode, peer and the peer's inode,
/// before the fields of `-p`, `-e` and `-m`.
pub(super) fn has_tail(line: &[u8]) -> bool {
    let is_number = |word: &[u8]| word.iter().all(u8::is_ascii_digit);
    // Words since the first number: the second one is a peer.
    let mut since: Option<usize> = None;
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).peekable();
    if words.next_if(|word| is_unix(word)).is_some() {
        // The queues are no inodes. Before them stands the state, if it is printed.
        let state = words.peek().is_some_and(|word| !is_number(word));
        for _ in 0..if state { 3 } else { 2 } {
            words.next();
        }
    }
    while let Some(word) = words.next() {
        let number = is_number(word);
        let ends = words.peek().is_none_or(|next| is_field(next));
        if number && ends && since.is_some_and(|words| words > 0) {
            return true;
        }
        since = match since {
            Some(words) => Some(words + 1),
            None => number.then_some(0),
        };
    }
    false
}

/// True for the first field that may stand behind the peer's inode.
fn is_field(word: &[u8]) -> bool {
    let fields: [&[u8]; 7] =
        [b"users:(", b"uid:", b"ino:", b"sk:", b"cgroup:", b"skmem:(", b"peers:"];
    matches!(word, b"<->" | b"-->" | b"<--" | b"---")
        || fields.iter().any(|field| word.starts_with(field))
}

/// Lines below the row of a unix socket, as far as its name may reach.
pub(super) struct Reach {
    /// A line that begins here or behind is no part of the name.
    end: u64,
    /// The row has no end of its own, so the lines below belong to it.
    torn: bool,
    /// Lines so far, and where they stand.
    lines: Vec<(Span, Vec<u8>)>,
}

impl Reach {
    /// Below a row. `torn`: it has no inodes at its end.
    pub(super) const fn below(row: Span, torn: bool) -> Self {
        Self { end: row.end.saturating_add(NAME_BYTES_MAX), torn, lines: Vec::new() }
    }

    /// True for a line that may be a part of the name.
    pub(super) const fn holds(&self, span: Span) -> bool {
        span.start < self.end
    }

    /// Keeps a line until it is known what it is.
    pub(super) fn keep(&mut self, span: Span, line: &[u8]) {
        self.lines.push((span, line.to_vec()));
    }

    /// True when no line is kept.
    pub(super) const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines, and whether they belong to the row above because that has no end.
    pub(super) fn into_lines(self) -> (Vec<(Span, Vec<u8>)>, bool) {
        (self.lines, self.torn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_whole_when_inode_peer_and_its_inode_stand_before_its_fields() {
        for line in [
            "u_str LISTEN 0 128 @/tmp/a b 7012 * 0",
            "u_str ESTAB 0 0 * 1 * 2 ",
            "u_dgr UNCONN 0 0 /run/x y/log 11 /run/peer z 12 users:((\"a b\",pid=1,fd=2)) <->",
            "u_seq LISTEN 0 128 /run/udev/control 10 * 0 ino:5 dev:0/20 peers: <->",
            "rest of a name 87177 * 0 --> ",
        ] {
            assert!(has_tail(line.as_bytes()), "{line}");
        }
        for line in [
            "u_str LISTEN 0 128 @x",
            "u_str LISTEN 0 128 @x 7012 *",
            "u_str LISTEN 0 128 @x 7012",
            "tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=1,fd=3))",
            "\t cubic rto:204 cwnd:10 send 12bps",
            "",
        ] {
            assert!(!has_tail(line.as_bytes()), "{line}");
        }
    }
}
