//! The one stream of events that a run emits. Progress bar, log and metrics are all observers.

use std::time::Duration;

use crate::model::fault::Fault;
use crate::model::id::{HostName, ProbeId};
use crate::model::snapshot::Outcome;

/// Something that happened in a run.
#[derive(Clone, Debug)]
pub enum RunEvent<'a> {
    /// A visit began: the connection is being opened.
    VisitStarted {
        /// The host.
        host: &'a HostName,
    },
    /// A command is being sent.
    CommandStarted {
        /// The host.
        host: &'a HostName,
        /// The probe.
        probe: &'a ProbeId,
    },
    /// A command ended, one way or another.
    CommandEnded {
        /// The host.
        host: &'a HostName,
        /// The probe.
        probe: &'a ProbeId,
        /// Bytes of output kept.
        bytes: u64,
        /// How long it took.
        elapsed: Duration,
    },
    /// A visit ended; its answers are not written yet.
    VisitEnded {
        /// The host.
        host: &'a HostName,
        /// The worst fault. `None`: every command was answered.
        fault: Option<&'a Fault>,
    },
    /// A planned host is not visited.
    VisitSkipped {
        /// The host.
        host: &'a HostName,
        /// Why not.
        fault: &'a Fault,
    },
    /// What a host said is in its evidence file and in the store.
    Recorded {
        /// The host.
        host: &'a HostName,
        /// How much of the plan it answered.
        outcome: Outcome,
    },
}

/// Takes events. Called from many tasks; must return at once.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &RunEvent<'_>);
}

/// Takes no notice.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &RunEvent<'_>) {}
}
