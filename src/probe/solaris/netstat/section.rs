//! Titles and headers: which section stands here, and where its columns end.
//!
//! In: a line. Out: whether it is a title, a header or its dashes; what it says is kept.

use crate::model::socket::{Family, Transport};
use crate::probe::solaris::words::trim_end;

/// Which rows follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// No title has come yet.
    None,
    /// Sockets of one protocol.
    Inet(Transport, Family),
    /// SCTP, both families.
    Sctp,
    /// Unix-domain sockets: the last section.
    Unix,
}

/// What title, header and dashes tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) section: Section,
    /// A title told the section; without one, the header does.
    titled: bool,
    /// `-u`: there are columns for an owner.
    pub(super) owners: bool,
    /// `-v` beside `-u`: arguments stand behind the state.
    pub(super) arguments: bool,
    /// First byte behind the column of the command. `None`: no dashes have come.
    pub(super) command_end: Option<usize>,
    /// Width of that column.
    pub(super) command_width: Option<usize>,
}

/// A reading may stand this many bytes further left than the dashes say.
const SLACK: usize = 2;

impl Layout {
    pub(super) const fn new() -> Self {
        Self {
            section: Section::None,
            titled: false,
            owners: false,
            arguments: false,
            command_end: None,
            command_width: None,
        }
    }

    /// True when what follows the owner begins where it can only stand behind the owner.
    pub(super) fn is_behind_owner(&self, at: usize) -> bool {
        !self.owners || self.command_end.is_none_or(|end| at + SLACK >= end)
    }

    /// Takes a title, a header or its dashes. False for any other line.
    pub(super) fn take(&mut self, line: &[u8]) -> bool {
        if let Some(section) = title(trim_end(line)) {
            *self = Self { section, titled: true, ..Self::new() };
            return true;
        }
        let text = line.trim_ascii();
        if text.starts_with(b"Local Address ") || text.starts_with(b"Local/Remote Address ") {
            let place = |word: &[u8]| memchr::memmem::find(text, word);
            let (pid, command) = (place(b" Pid "), place(b" Command"));
            self.owners = pid.is_some() && command.is_some();
            self.arguments = self.owners && place(b" State ") < command && place(b" State ") > None;
            (self.command_end, self.command_width) = (None, None);
            if !self.titled {
                self.section = section_of_header(text);
            }
            return true;
        }
        let dashes = text.starts_with(b"----------") && text.iter().all(|b| b"- \t".contains(b));
        if dashes && self.owners {
            self.measure(line);
        }
        dashes
    }

    fn measure(&mut self, dashes: &[u8]) {
        let index = if self.section == Section::Sctp { 9 } else { 4 };
        let (mut at, mut column) = (0, 0);
        for run in dashes.split(|byte| *byte == b' ') {
            if !run.is_empty() {
                if column == index {
                    self.command_width = Some(run.len());
                    self.command_end = Some(at + run.len() + 1);
                    return;
                }
                column += 1;
            }
            at += run.len() + 1;
        }
    }
}

/// The section of a header that stands without a title, as in what was copied out of a terminal: only
/// TCP has windows, and ends of IPv6 have more room.
fn section_of_header(text: &[u8]) -> Section {
    let place = |word: &[u8]| memchr::memmem::find(text, word);
    let wide = place(b"Remote Address").is_some_and(|at| at > 30) || text.ends_with(b" If");
    let family = if wide { Family::Ipv6 } else { Family::Ipv4 };
    let tcp = place(b"Swind").is_some() || place(b"Suna").is_some();
    Section::Inet(if tcp { Transport::Tcp } else { Transport::Udp }, family)
}

fn title(line: &[u8]) -> Option<Section> {
    Some(match line {
        // Without a family where `DEFAULT_IP` of inet_type(4) asks for the old form.
        b"UDP: IPv4" | b"UDP" => Section::Inet(Transport::Udp, Family::Ipv4),
        b"UDP: IPv6" => Section::Inet(Transport::Udp, Family::Ipv6),
        b"TCP: IPv4" | b"TCP" => Section::Inet(Transport::Tcp, Family::Ipv4),
        b"TCP: IPv6" => Section::Inet(Transport::Tcp, Family::Ipv6),
        b"SCTP:" | b"SCTP" => Section::Sctp,
        _ if line.starts_with(b"Active UNIX domain sockets") => Section::Unix,
        _ => return None,
    })
}
