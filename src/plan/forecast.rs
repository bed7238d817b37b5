//! What a plan will come to: the load of each edge, how long the run takes at least, and its waves.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::model::edge::EdgeKind;
use crate::plan::Plan;
use crate::plan::edge::{self, Edge};
use crate::plan::page::{counted, seconds};

/// How long a visit takes in the forecast. Measured: 0.1 s to 2 s for a host that answers.
const VISIT: Duration = Duration::from_secs(2);

/// What each edge carries, and how long it takes at least: the run as a whole, then the others, the
/// slowest first.
pub(super) fn load(out: &mut impl fmt::Write, plan: &Plan) -> fmt::Result {
    let mut edges: Vec<(Duration, &Edge)> =
        plan.edges.all.iter().map(|edge| (edge::least(edge, VISIT), edge)).collect();
    edges.sort_by_key(|(least, edge)| (edge.kind != EdgeKind::Run, Reverse(*least)));
    let Some(longest) = edges.iter().map(|(least, _)| *least).max() else { return Ok(()) };
    writeln!(
        out,
        "Duration:  at least {}, when each visit takes {}",
        whole_seconds(longest),
        seconds(VISIT)
    )?;
    let others = edges.iter().filter(|(_, edge)| edge.kind != EdgeKind::Run);
    for (number, (least, edge)) in others.enumerate() {
        if number == 0 {
            writeln!(out, "\nEdges with limits:")?;
        }
        if number == EDGES_MAX {
            let more = edges.len().saturating_sub(1 + EDGES_MAX);
            return writeln!(out, "  and {more} that take no longer");
        }
        let width = edge.limit.width.map(|width| format!(", {width} at once"));
        let rate = edge.limit.starts_per_second.map(|rate| format!(", {rate} starts per second"));
        writeln!(
            out,
            "  {} {}: {}{}{}, at least {}",
            edge.kind,
            edge.name,
            counted(edge.visits, "visit"),
            width.unwrap_or_default(),
            rate.unwrap_or_default(),
            whole_seconds(*least)
        )?;
    }
    Ok(())
}

/// Most hosts of the first wave that are printed.
const FIRST_MAX: usize = 20;

/// The size of each wave, and who goes first.
pub(super) fn waves(out: &mut impl fmt::Write, plan: &Plan) -> fmt::Result {
    if plan.request.waves.is_none() {
        return Ok(());
    }
    let mut sizes: BTreeMap<u32, usize> = BTreeMap::new();
    plan.waves.iter().for_each(|wave| *sizes.entry(*wave).or_default() += 1);
    let shown: Vec<String> = sizes.values().map(ToString::to_string).collect();
    let noun = if shown.as_slice() == ["1"] { "host" } else { "hosts" };
    writeln!(out, "Waves of:  {} {noun}", shown.join(", "))?;
    let first = plan.visits.iter().zip(&plan.waves).filter(|(_, wave)| **wave == 0);
    let names: Vec<&str> = first.map(|(visit, _)| visit.host.asset.name.as_str()).collect();
    let more = names.len().saturating_sub(FIRST_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let names: Vec<&str> = names.into_iter().take(FIRST_MAX).collect();
    writeln!(out, "First:     {}{more}", names.join(", "))
}

/// Most edges that are printed.
const EDGES_MAX: usize = 50;

/// `95 s`, rounded up.
fn whole_seconds(duration: Duration) -> String {
    format!("{} s", duration.as_millis().div_ceil(1_000))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::model::snapshot::View;
    use crate::plan::wave::Waves;

    #[test]
    fn edges_with_limits_are_shown_with_what_they_carry_the_slowest_first() {
        let fleet = "\
accounts:
  a: {user: 'CORP\\reader', password: prompt}
all: {account: a}
limits:
  segment: {cde: {width: 2}}
  subnet: {192.0.2.0/24: {starts_per_second: 5}}
  realm: {corp: {width: 1}}
hosts:
  \"a[1-6]\": {address: \"192.0.2.[1-6]\", segment: cde}
  b1: {}
";
        let inventory = crate::inventory::from_texts(&[("fleet.yaml", fleet)]).unwrap();
        let hosts: Vec<_> = inventory.hosts.into_iter().map(Arc::new).collect();
        let mut request = crate::plan::testing::request(&[View::Counters], Vec::new());
        request.edges.named = inventory.limits;
        let plan = crate::plan::build::plan(request, &hosts, |_| true);
        let mut page = String::new();
        crate::plan::page::write(&mut page, &plan).unwrap();
        let shown: Vec<&str> =
            page.lines().skip_while(|line| !line.starts_with("Duration")).take(6).collect();
        let expected = [
            "Duration:  at least 14 s, when each visit takes 2 s",
            "",
            "Edges with limits:",
            "  realm CORP: 7 visits, 1 at once, at least 14 s",
            "  segment cde: 6 visits, 2 at once, at least 6 s",
            "  subnet 192.0.2.0/24: 6 visits, 5 starts per second, at least 3 s",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn waves_are_shown_with_their_sizes_and_who_goes_first() {
        let hosts = crate::plan::testing::hosts(
            "accounts:\n  a: {user: r, agent: true}\nall: {account: a}\nhosts:\n  \
             \"a[01-20]\": {role: db}\n  \"b[01-20]\": {role: web}\n",
        );
        let mut request = crate::plan::testing::request(&[View::Counters], Vec::new());
        request.waves = Some(Waves { canary: 1, shares: vec![25], max_fail_percentage: 20 });
        let mut page = String::new();
        crate::plan::page::write(&mut page, &crate::plan::build::plan(request, &hosts, |_| true))
            .unwrap();
        for line in [
            "Waves:     1 of each role and system, 25 %, the rest; none starts when more than 20 % of \
             one failed",
            "Waves of:  2, 10, 28 hosts",
            "First:     a01, b01",
        ] {
            assert!(page.lines().any(|shown| shown == line), "{line}:\n{page}");
        }
    }
}
