//! What the tests of this folder share: a plan from text.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::inventory::host::Host;
use crate::model::deadline::Deadlines;
use crate::model::edge::EdgeLimits;
use crate::model::snapshot::View;
use crate::plan::{Plan, Request};
use crate::probe::Profile;
use crate::probe::site::SiteProbe;

/// Hosts of an inventory in YAML.
pub(super) fn hosts(text: &str) -> Vec<Arc<Host>> {
    let inventory = crate::inventory::from_texts(&[("fleet.yaml", text)]).unwrap();
    inventory.hosts.into_iter().map(Arc::new).collect()
}

/// Site probes of a file in YAML.
pub(super) fn site(text: &str) -> Vec<SiteProbe> {
    crate::probe::site_file::read("site.yaml", text.as_bytes()).unwrap()
}

/// A request with the defaults of a playbook.
pub(super) fn request(views: &[View], site_probes: Vec<SiteProbe>) -> Request {
    Request {
        playbook: "nightly".to_owned(),
        purpose: "routine".to_owned(),
        operator: "night shift".to_owned(),
        change: None,
        views: views.to_vec(),
        profile: Profile::Default,
        width: 64,
        starts_per_second: NonZeroU32::MIN,
        edges: EdgeLimits::default(),
        waves: None,
        output_bytes: 1 << 20,
        deadlines: Deadlines::default(),
        containers: true,
        site_probes,
    }
}

/// The plan for all hosts but one called `out-1`.
pub(super) fn plan(inventory: &str, views: &[View], site_probes: &str) -> Plan {
    let probes = if site_probes.is_empty() { Vec::new() } else { site(site_probes) };
    crate::plan::build::plan(request(views, probes), &hosts(inventory), |host| {
        host.asset.name.as_str() != "out-1"
    })
}
