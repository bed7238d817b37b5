//! The edges that visits go over, each with its limits: the run as a whole, segments, sites, jump
//! hosts, subnets, account realms, and the addresses of hosts.
//!
//! In: the visits of a plan, limits of the playbook and of the inventory. Out: edges, those of each
//! visit, and how long a run over them takes at least.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::inventory::host::Host;
use crate::model::edge::{EdgeKind, EdgeLimit, EdgeLimits};
use crate::model::host::TransportKind;
use crate::plan::order::Visit;

/// One edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// What it is.
    pub kind: EdgeKind,
    /// Which one.
    pub name: String,
    /// What holds for it.
    pub limit: EdgeLimit,
    /// Visits over it.
    pub visits: usize,
}

/// Edges of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edges {
    /// All that have a limit, the run's first.
    pub all: Vec<Edge>,
    /// Numbers of the edges of each visit, in the order of the visits.
    pub ways: Vec<SmallVec<[u32; 6]>>,
}

/// Finds the edges of visits. `run` is the limit of the run as a whole.
#[must_use]
pub fn edges(visits: &[Arc<Visit>], run: EdgeLimit, limits: &EdgeLimits) -> Edges {
    let mut shared: HashMap<(&str, u16), usize> = HashMap::new();
    for visit in visits {
        *shared.entry((&visit.host.asset.address, visit.host.asset.port)).or_default() += 1;
    }
    let mut made = Edges::default();
    let mut known: HashMap<(EdgeKind, String), Option<u32>> = HashMap::new();
    for visit in visits {
        let host = &visit.host;
        let alone = shared.get(&(&*host.asset.address, host.asset.port)).is_none_or(|n| *n < 2);
        let way = over(host, alone).into_iter().filter_map(|(kind, name)| {
            let number = *known.entry((kind, name)).or_insert_with_key(|(kind, name)| {
                let limit = limit(*kind, name, run, limits);
                let number = u32::try_from(made.all.len()).ok().filter(|_| !limit.is_none());
                if number.is_some() {
                    let edge = Edge { kind: *kind, name: name.clone(), limit, visits: 0 };
                    made.all.push(edge);
                }
                number
            });
            let edge = made.all.get_mut(number? as usize)?;
            edge.visits += 1;
            number
        });
        let way = way.collect();
        made.ways.push(way);
    }
    made
}

fn limit(kind: EdgeKind, name: &str, run: EdgeLimit, limits: &EdgeLimits) -> EdgeLimit {
    let each = limits.each.get(&kind).copied().unwrap_or_default();
    let named = limits.named.get(&(kind, name.to_owned())).copied().unwrap_or_default();
    let own = match kind {
        EdgeKind::Run => run,
        // One server is not asked twice at once, whatever its hosts are called.
        EdgeKind::Address => EdgeLimit { width: Some(NonZeroU32::MIN), ..EdgeLimit::default() },
        _ => EdgeLimit::default(),
    };
    let adapts =
        matches!(kind, EdgeKind::Segment | EdgeKind::Site | EdgeKind::Jump | EdgeKind::Subnet);
    EdgeLimit { adapts, ..own.and(each).and(named) }
}

/// What a host is reached over, the run first. `alone`: no other host has its address and port.
fn over(host: &Host, alone: bool) -> SmallVec<[(EdgeKind, String); 6]> {
    let mut over = SmallVec::new();
    over.push((EdgeKind::Run, String::new()));
    over.extend(crate::inventory::limit::over(host));
    let asset = &host.asset;
    if !alone && asset.transport != TransportKind::Local {
        over.push((EdgeKind::Address, format!("{} port {}", asset.address, asset.port)));
    }
    over
}

/// How long an edge takes at least, when each visit over it takes `visit`: the longer of what its
/// width and what its rate allow.
#[must_use]
pub fn least(edge: &Edge, visit: Duration) -> Duration {
    let visits = u32::try_from(edge.visits).unwrap_or(u32::MAX);
    let by_width = edge.limit.width.map_or(visit, |width| visit * visits.div_ceil(width.get()));
    let by_rate = edge.limit.starts_per_second.map_or(visit, |rate| {
        // The last one starts after all intervals before it, and takes its time.
        Duration::from_secs(1) / rate.get() * visits.saturating_sub(1) + visit
    });
    by_width.max(by_rate)
}
