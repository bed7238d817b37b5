//! What the store costs: bytes per observation, observations per CPU second, answers per question.
//!
//! ```text
//! cargo bench --bench ingest                            2,000 hosts x 200 sockets x 30 nights
//! cargo bench --bench ingest -- --hosts 200 --nights 5  a few seconds, for the test suite
//! cargo bench --bench ingest -- --keep fleet.db         leaves the store behind
//! ```
//! Making the fleet up is not counted: CPU time is read around each `ingest`.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a bench reads clocks and arguments")]
#![expect(clippy::cast_precision_loss, reason = "figures are rounded when they are printed")]

mod fleet;
mod surroundings;

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use fleetstat::analyse::changed::fold;
use fleetstat::analyse::prevalence::Rare;
use fleetstat::analyse::routing::{Wanted, network};
use fleetstat::model::host::Asset;
use fleetstat::model::snapshot::View;
use fleetstat::store::{
    IngestReport, ListenerQuery, Mode, Partner, PeerQuery, RunEnd, Store, open,
};
use fleetstat::workflow::figures::{interfaces, routes, states};
use fleetstat::workflow::question::{About, ChangedQuestion, changed, prevalence, select};

use crate::fleet::{Fleet, SOCKETS, name, run};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Hosts taken in by one transaction.
const BATCH: usize = 250;
const QUESTIONS: usize = 400;

/// CPU time of this thread. Source: proc(5), `/proc/PID/schedstat`, first field, nanoseconds.
fn cpu() -> Result<Duration> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanos = text.split_whitespace().next().unwrap_or("0").parse()?;
    Ok(Duration::from_nanos(nanos))
}

fn argument(name: &str, default: u32) -> Result<u32> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    Ok(arguments.nth(1).map_or(Ok(default), |value| value.parse())?)
}

fn main() -> Result<()> {
    let hosts = usize::try_from(argument("--hosts", 2_000)?)?;
    let nights = argument("--nights", 30)?;
    let folder = tempfile::tempdir()?;
    let path = match std::env::args().skip_while(|argument| argument != "--keep").nth(1) {
        Some(path) => path.into(),
        None => folder.path().join("fleet.db"),
    };
    let mut fleet = Fleet::new(hosts, 1);
    println!("{hosts} hosts x {SOCKETS} sockets x {nights} nights");
    let total = take_in(&path, &mut fleet, hosts, nights)?;
    ask(&path, &mut fleet, hosts, nights)?;
    sizes(&path, total)
}

/// Takes in all nights; gives the number of observations.
fn take_in(path: &Path, fleet: &mut Fleet, hosts: usize, nights: u32) -> Result<u64> {
    let mut store = open(path, Mode::Write)?;
    let (mut spent, mut sum) = (Duration::ZERO, IngestReport::default());
    let (mut last_night, wall) = (Duration::ZERO, Instant::now());
    for night in 0..nights {
        store.begin_run(&run(night))?;
        last_night = Duration::ZERO;
        for first in (0..hosts).step_by(BATCH) {
            let places = first..hosts.min(first + BATCH);
            let batch: Vec<_> = places.map(|host| fleet.visit(host, night)).collect();
            let before = cpu()?;
            let report = store.ingest(&batch)?;
            last_night += cpu()?.saturating_sub(before);
            sum.observations += report.observations;
            sum.facts_opened += report.facts_opened;
            sum.facts_closed += report.facts_closed;
            if night + 1 == nights && first == 0 {
                let again = store.ingest(&batch)?;
                println!("taking a batch in again writes {} rows", again.rows_written);
            }
        }
        spent += last_night;
        let started = run(night).started;
        store.end_run(&RunEnd { run: run(night).run, ended: started, manifest: None })?;
    }
    println!(
        "{} observations, {} facts opened, {} closed, {:.1} s wall with making them up",
        sum.observations,
        sum.facts_opened,
        sum.facts_closed,
        wall.elapsed().as_secs_f64()
    );
    let rate = |count: u64, time: Duration| count as f64 / time.as_secs_f64();
    let per_night = sum.observations / u64::from(nights.max(1));
    println!(
        "{:.0} observations per CPU second (last night: {:.0})",
        rate(sum.observations, spent),
        rate(per_night, last_night)
    );
    Ok(sum.observations)
}

fn ask(path: &Path, fleet: &mut Fleet, hosts: usize, nights: u32) -> Result<()> {
    let store = open(path, Mode::Read)?;
    let since = run(nights.saturating_sub(30)).started;
    let samples: Vec<_> = (0..QUESTIONS).map(|_| fleet.sample()).collect();
    let listeners = |port| ListenerQuery { port: Some(port), ..ListenerQuery::default() };
    time("who listens on port P now, P of a random listener", &samples, |(port, _)| {
        Ok(store.listeners(&listeners(*port))?.len())
    })?;
    time("who listens on port 22 now", &samples, |_| Ok(store.listeners(&listeners(22))?.len()))?;
    time(
        "who talked to address A in 30 days, A of a random conversation",
        &samples,
        |(_, peer)| {
            let partner = Partner::Address(*peer);
            let query =
                PeerQuery { partner, since: Some(since), until: None, hosts: None, at: None };
            Ok(store.peers(&query)?.len())
        },
    )?;
    let places: Vec<_> = (0..QUESTIONS).map(|place| place * 37 % hosts).collect();
    let spread: Vec<_> = (0..QUESTIONS).map(|place| fleet::address(place as u64 * 5)).collect();
    time("the same, A any host of the fleet", &spread, |peer| {
        let query = PeerQuery {
            partner: Partner::Address(*peer),
            since: Some(since),
            until: None,
            hosts: None,
            at: None,
        };
        Ok(store.peers(&query)?.len())
    })?;
    time("one host at one time", &places, |place| {
        let at = run(u32::try_from(*place)? % nights.max(1) + 1).started;
        let found = store.snapshot(&name(*place), Some(at))?;
        Ok(found.map_or(0, |snapshot| snapshot.records.sockets.len()))
    })?;
    time("listeners of one host", &places, |place| {
        let hosts = Some(vec![name(*place)]);
        Ok(store.listeners(&ListenerQuery { hosts, ..ListenerQuery::default() })?.len())
    })?;
    of_roles(store.as_ref(), nights)
}

/// Questions about all hosts of a role, the choice of the hosts included.
fn of_roles(store: &dyn Store, nights: u32) -> Result<()> {
    let roles: Vec<_> = (0..20).map(|role| format!("role-{role:02}")).collect();
    let until = run(nights).started;
    let about = |role: &String| -> Result<About> {
        let of_role = |asset: &Asset| asset.role.as_ref().is_some_and(|r| r.as_str() == role);
        let hosts = Some(select(store, Some(until), of_role)?);
        Ok(About { hosts, at: until, stale: Duration::from_hours(48) })
    };
    time("the hosts of a role", &roles, |role| {
        Ok(about(role)?.hosts.map_or(0, |hosts| hosts.len()))
    })?;
    for back in [3, 29] {
        let since = run(nights.saturating_sub(back)).started;
        time(&format!("what changed on a role in {back} nights"), &roles, |role| {
            let views = vec![View::Listeners, View::Sessions, View::Routes];
            let question = ChangedQuestion { hosts: about(role)?.hosts, since, until, views };
            Ok(fold(changed(store, &question)?.rows).len())
        })?;
    }
    time("listener prevalence by role", &roles, |role| {
        Ok(prevalence(store, &about(role)?, Rare::default(), None)?.rows.len())
    })?;
    time("states by role", &roles, |role| Ok(states(store, &about(role)?)?.rows.len()))?;
    time("interface rates by role", &roles, |role| {
        Ok(interfaces(store, &about(role)?, None)?.rows.len())
    })?;
    time("routes to an address by role", &roles, |role| {
        let wanted = Wanted { to: network("10.17.3.4"), ..Wanted::default() };
        Ok(routes(store, &about(role)?, wanted, false)?.rows.len())
    })?;
    let fleet = About { hosts: None, at: until, stale: Duration::from_hours(48) };
    time("listener prevalence of the fleet", &[(); 3], |()| {
        Ok(prevalence(store, &fleet, Rare::default(), None)?.rows.len())
    })?;
    time("what changed on the fleet's listeners in 3 nights", &[(); 3], |()| {
        let since = run(nights.saturating_sub(3)).started;
        let views = vec![View::Listeners];
        let question = ChangedQuestion { hosts: None, since, until, views };
        Ok(fold(changed(store, &question)?.rows).len())
    })
}

fn time<T>(what: &str, samples: &[T], ask: impl Fn(&T) -> Result<usize>) -> Result<()> {
    let (mut times, mut rows) = (Vec::new(), 0);
    for sample in samples {
        let start = Instant::now();
        rows += ask(sample)?;
        times.push(start.elapsed());
    }
    times.sort();
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    println!(
        "{what}: p50 {:.2} ms, p95 {:.2} ms, {} rows on average",
        at(50).as_secs_f64() * 1e3,
        at(95).as_secs_f64() * 1e3,
        rows / samples.len().max(1)
    );
    Ok(())
}

/// Bytes per observation, in all and by table, once everything is in the main file.
fn sizes(path: &Path, observations: u64) -> Result<()> {
    let raw = rusqlite::Connection::open(path)?;
    raw.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    let file = std::fs::metadata(path)?.len();
    let per = |bytes: u64| bytes as f64 / observations.max(1) as f64;
    println!("{:.2} bytes per observation, {file} in all", per(file));
    let mut tables = raw.prepare(
        "SELECT name, sum(pgsize), sum(unused) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 14",
    )?;
    let mut rows = tables.query([])?;
    while let Some(row) = rows.next()? {
        let (name, bytes, unused): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (bytes, unused) = (u64::try_from(bytes)?, u64::try_from(unused)?);
        println!("  {name:32} {:6.2} ({:.2} unused)", per(bytes), per(unused));
    }
    parts(&raw, observations)
}

/// Bytes per observation of the compressed pages of each part, and how many distinct ones there are.
fn parts(raw: &rusqlite::Connection, observations: u64) -> Result<()> {
    const PARTS: [&str; 12] = [
        "asset",
        "mandate",
        "connection",
        "sections",
        "listeners",
        "unconnected",
        "interfaces",
        "routes",
        "neighbours",
        "counters",
        "programs",
        "host_facts",
    ];
    for part in PARTS {
        let query = format!(
            "SELECT count(*), coalesce(sum(length(body)), 0), coalesce(sum(bytes), 0)
             FROM blob WHERE id IN (SELECT {part} FROM snapshot)"
        );
        let (count, body, bytes): (i64, i64, i64) =
            raw.query_row(&query, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let per = |bytes: i64| bytes as f64 / observations.max(1) as f64;
        println!(
            "  part {part:12} {count:7} pages {:6.2} ({:.2} before zstd)",
            per(body),
            per(bytes)
        );
    }
    Ok(())
}
