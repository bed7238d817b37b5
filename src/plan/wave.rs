//! Waves: a few hosts first, and the rest only when those were well.
//!
//! In: the visits of a plan. Out: the wave of each. The first are canaries, some of each role and
//! system, then shares of all, then the rest.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::host::Platform;
use crate::plan::order::Visit;

/// Hosts of each role and system in the first wave, where a playbook says nothing.
pub const CANARY: u8 = 1;

/// Sizes of the waves after it, in percent of all hosts.
pub const SHARES: [u8; 2] = [5, 25];

/// Share of a wave that may fail, in percent.
pub const MAX_FAIL_PERCENTAGE: u8 = 20;

/// How a run is parted.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Waves {
    /// Hosts of each role and system in the first wave. 0: there are no canaries.
    pub canary: u32,
    /// Size of each wave after the canaries, in percent of all hosts; the rest follow in a last one.
    pub shares: Vec<u8>,
    /// No further wave starts when more than this share of one failed, in percent.
    pub max_fail_percentage: u8,
}

/// The wave of each visit, from 0, in the order of the visits. Numbers without a host are left out.
#[must_use]
pub fn of_visits(waves: Option<&Waves>, visits: &[Arc<Visit>]) -> Vec<u32> {
    let Some(waves) = waves else { return vec![0; visits.len()] };
    let mut of_kind: HashMap<(&str, Platform), u32> = HashMap::new();
    let kinds = visits.iter().map(|visit| {
        let asset = &visit.host.asset;
        (asset.role_word(), asset.platform)
    });
    let canary = |kind| {
        let seen = of_kind.entry(kind).or_default();
        *seen += 1;
        *seen <= waves.canary
    };
    let canaries: Vec<bool> = kinds.map(canary).collect();
    let mut number = u32::from(canaries.contains(&true));
    let mut sizes = waves.shares.iter().map(|share| size(visits.len(), *share));
    let mut left = sizes.next();
    let mut wave = |canary: bool| {
        if canary {
            return 0;
        }
        if left == Some(0) {
            number += 1;
            left = sizes.next();
        }
        left = left.map(|left| left - 1);
        number
    };
    canaries.into_iter().map(&mut wave).collect()
}

/// At least one host.
fn size(hosts: usize, share: u8) -> usize {
    (hosts * usize::from(share)).div_ceil(100).max(1)
}

/// Whether a wave in which so many of so many failed keeps the next from starting.
#[must_use]
pub const fn is_too_bad(failed: usize, hosts: usize, max_fail_percentage: u8) -> bool {
    failed * 100 > hosts * max_fail_percentage as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::snapshot::View;
    use crate::plan::testing::plan;

    const FLEET: &str = "\
accounts:
  a: {user: reader, identity: key}
all: {account: a}
hosts:
  \"db-[01-10]\": {role: db}
  \"web-[01-30]\": {role: web}
  win-1: {role: web, platform: windows}
";

    fn sizes(waves: &Waves) -> Vec<usize> {
        let visits = plan(FLEET, &[View::Host], "").visits;
        let of = of_visits(Some(waves), &visits);
        let last = of.iter().max().copied().unwrap();
        (0..=last).map(|wave| of.iter().filter(|one| **one == wave).count()).collect()
    }

    #[test]
    fn a_host_of_each_role_and_system_goes_first_then_shares_then_the_rest() {
        let waves = |canary, shares: &[u8]| {
            sizes(&Waves { canary, shares: shares.to_vec(), max_fail_percentage: 20 })
        };
        assert_eq!(waves(1, &[5, 25]), [3, 3, 11, 24]);
        assert_eq!(waves(0, &[5, 25]), [3, 11, 27]);
        assert_eq!(waves(2, &[]), [5, 36]);
        assert_eq!(waves(100, &[5]), [41]);
        assert_eq!(waves(0, &[100]), [41]);
        let visits = plan(FLEET, &[View::Host], "").visits;
        assert_eq!(of_visits(None, &visits), vec![0; 41]);
        let first = of_visits(
            Some(&Waves { canary: 1, shares: Vec::new(), max_fail_percentage: 0 }),
            &visits,
        );
        let names: Vec<&str> = visits
            .iter()
            .zip(first)
            .filter(|(_, wave)| *wave == 0)
            .map(|(visit, _)| visit.host.asset.name.as_str())
            .collect();
        assert_eq!(names, ["db-01", "web-01", "win-1"]);
    }

    #[test]
    fn a_wave_is_too_bad_past_its_share_and_not_at_it() {
        assert!(!is_too_bad(1, 5, 20));
        assert!(is_too_bad(2, 5, 20));
        assert!(is_too_bad(1, 100, 0));
        assert!(!is_too_bad(100, 100, 100));
        assert!(!is_too_bad(0, 0, 0));
    }
}
