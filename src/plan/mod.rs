//! How much: from inventory and playbook to a plan, which is everything a run will do, decided
//! before the first packet. Pure: no clock, no network, no files.

pub mod playbook;
pub mod order;
pub mod edge;
pub mod wave;
pub mod files;
mod fold;
mod forecast;
mod site;
pub mod build;
pub mod page;
pub mod rows;
#[cfg(test)]
mod testing;

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::inventory::host::Host;
use crate::model::deadline::Deadlines;
use crate::model::edge::EdgeLimits;
use crate::model::snapshot::View;
use crate::plan::edge::Edges;
use crate::plan::order::Visit;
use crate::plan::wave::Waves;
use crate::probe::Profile;
use crate::probe::site::SiteProbe;

/// What a run was asked to do: the playbook with what the command line added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Name of the playbook.
    pub playbook: String,
    /// Purpose it states.
    pub purpose: String,
    /// Person or automation that answers for the run.
    pub operator: String,
    /// Change or ticket reference.
    pub change: Option<String>,
    /// Questions, in the order of [`View::ALL`].
    pub views: Vec<View>,
    /// How much is asked for each of them.
    pub profile: Profile,
    /// Most visits at once.
    pub width: usize,
    /// Most visits begun per second.
    pub starts_per_second: NonZeroU32,
    /// Limits of segments, sites, jump hosts, subnets and realms.
    pub edges: EdgeLimits,
    /// How the run is parted. `None`: all may start at once.
    pub waves: Option<Waves>,
    /// Most bytes of output kept per stream of a command.
    pub output_bytes: u64,
    /// Deadlines.
    pub deadlines: Deadlines,
    /// Whether to look into other network namespaces, such as containers'.
    pub containers: bool,
    /// Questions that the site adds.
    pub site_probes: Vec<SiteProbe>,
}

/// Everything a run will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What was asked for.
    pub request: Request,
    /// Hosts that are visited, in the order of the inventory.
    pub visits: Vec<Arc<Visit>>,
    /// What the visits go over, with its limits.
    pub edges: Edges,
    /// The wave of each visit, from 0.
    pub waves: Vec<u32>,
    /// Hosts that are not, in the same order.
    pub left_out: Vec<LeftOut>,
}

impl Plan {
    /// Share of a wave that may fail before no further one starts, in percent.
    #[must_use]
    pub fn max_fail_percentage(&self) -> u8 {
        self.request.waves.as_ref().map_or(100, |waves| waves.max_fail_percentage)
    }
}

/// A host of the inventory that is not visited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The host.
    pub host: Arc<Host>,
    /// Why not.
    pub reason: Reason,
}

/// Why a host is not visited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Neither playbook nor command line selects it.
    NotSelected,
    /// The inventory names no account for it.
    NoAccount,
    /// A site probe cannot be filled in for it: what is missing or does not fit.
    Parameter(String),
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotSelected => f.write_str("not selected"),
            Self::NoAccount => f.write_str("no account in the inventory"),
            Self::Parameter(faults) => f.write_str(faults),
        }
    }
}
