//! The parts of a snapshot: their names, and the codes that pages carry.

/// A part of a snapshot. Its code in a page is its place here, so the list only grows at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Part {
    /// `Header::asset`.
    Asset,
    /// `Header::mandate`.
    Mandate,
    /// Road, account, OS.
    Connection,
    /// Results of sections.
    Sections,
    /// TCP listeners.
    Listeners,
    /// Other sockets without a peer.
    Unconnected,
    /// Interfaces.
    Interfaces,
    /// Routes and rules.
    Routes,
    /// Neighbours.
    Neighbours,
    /// Names of counters.
    Counters,
    /// Programs behind processes.
    Programs,
    /// Host facts.
    HostFacts,
    /// What changes with every visit. The only one that two snapshots never share.
    Moment,
    /// Changes and attributes around the visit.
    Surroundings,
}

impl Part {
    /// Every part that snapshots share, in order.
    pub(crate) const SHARED: &'static [Self] = &[
        Self::Asset,
        Self::Mandate,
        Self::Connection,
        Self::Sections,
        Self::Listeners,
        Self::Unconnected,
        Self::Interfaces,
        Self::Routes,
        Self::Neighbours,
        Self::Counters,
        Self::Programs,
        Self::HostFacts,
        Self::Surroundings,
    ];

    /// Its place among the shared parts. `None` for the moment.
    pub(crate) fn place(self) -> Option<usize> {
        Self::SHARED.iter().position(|part| *part == self)
    }

    /// The code in a page's second byte.
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    /// The name, also of a column that refers to such a page.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Asset => "asset",
            Self::Mandate => "mandate",
            Self::Connection => "connection",
            Self::Sections => "sections",
            Self::Listeners => "listeners",
            Self::Unconnected => "unconnected",
            Self::Interfaces => "interfaces",
            Self::Routes => "routes",
            Self::Neighbours => "neighbours",
            Self::Counters => "counters",
            Self::Programs => "programs",
            Self::HostFacts => "host_facts",
            Self::Moment => "moment",
            Self::Surroundings => "surroundings",
        }
    }
}
