//! Records: the normalized, queryable projection of a capture.

use smallvec::SmallVec;

use crate::model::counter::Counter;
use crate::model::fact::HostFacts;
use crate::model::host::words;
use crate::model::link::Interface;
use crate::model::parsed::Issue;
use crate::model::process::Process;
use crate::model::route::{Neighbour, Route, Rule};
use crate::model::socket::Socket;

/// Name and version of the record schema.
pub const SCHEMA: &str = "fleetstat.record/1";

words! {
    /// What a record is about.
    RecordKind {
        /// A socket.
        Socket = "socket",
        /// A network interface.
        Interface = "interface",
        /// A route.
        Route = "route",
        /// A policy-routing rule.
        Rule = "rule",
        /// An ARP or neighbour-discovery entry.
        Neighbour = "neighbour",
        /// A protocol counter.
        Counter = "counter",
        /// A process that owns a socket.
        Process = "process",
        /// The host itself.
        Host = "host",
        /// Something that could not be read, or a doubt.
        Issue = "issue",
    }
}

/// Where in the snapshot's evidence file a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// Section number, from 1.
    pub section: u16,
    /// First byte in that section's standard output, from 0.
    pub start: u64,
    /// Byte after the last.
    pub end: u64,
}

/// A record with its sources. A record can come from several commands (a socket and its owner).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The record.
    pub record: T,
    /// Where it comes from, sorted, at least one.
    pub sources: SmallVec<[Source; 1]>,
}

impl<T> Sourced<T> {
    /// A record from one place.
    #[must_use]
    pub fn one(record: T, source: Source) -> Self {
        Self { record, sources: SmallVec::from_buf([source]) }
    }
}

/// An issue and the section it arose in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionIssue {
    /// Section number, from 1. 0: the snapshot as a whole.
    pub section: u16,
    /// The issue.
    pub issue: Issue,
}

/// All records of one snapshot, in the order of the evidence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// Sockets.
    pub sockets: Vec<Sourced<Socket<'static>>>,
    /// Interfaces.
    pub interfaces: Vec<Sourced<Interface>>,
    /// Routes.
    pub routes: Vec<Sourced<Route>>,
    /// Policy-routing rules.
    pub rules: Vec<Sourced<Rule>>,
    /// Neighbours.
    pub neighbours: Vec<Sourced<Neighbour>>,
    /// Protocol counters.
    pub counters: Vec<Sourced<Counter>>,
    /// Owners of sockets.
    pub processes: Vec<Sourced<Process>>,
    /// The host. `None` when no probe told anything of it.
    pub host: Option<Sourced<HostFacts>>,
    /// Issues.
    pub issues: Vec<SectionIssue>,
}
