//! The schedule over made-up fleets: limits in every window, and nobody forgotten.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;

fn limit(width: u32, rate: u32, adapts: bool) -> EdgeLimit {
    EdgeLimit { width: NonZeroU32::new(width), starts_per_second: NonZeroU32::new(rate), adapts }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A start: visit and when.
type Start = (usize, Duration);

/// Runs a schedule to its end in its own time: when each visit started, and how many ran at once over
/// each edge at most. `lasts` tells how long a visit takes and how it ends.
fn run(
    limits: &[EdgeLimit],
    ways: &[Way],
    lasts: impl Fn(usize) -> (Duration, Ended),
) -> (Vec<Start>, Vec<u32>) {
    let mut schedule = Schedule::new(limits, ways, &[]);
    let mut ends: BinaryHeap<Reverse<(Duration, usize)>> = BinaryHeap::new();
    let (mut now, mut starts) = (Duration::ZERO, Vec::new());
    let (mut running, mut most) = (vec![0_u32; limits.len()], vec![0_u32; limits.len()]);
    loop {
        let due = ends.peek().is_some_and(|Reverse((end, _))| *end <= now);
        let next = if due { Next::Full } else { schedule.next(now) };
        match next {
            Next::May(visit) => {
                schedule.start(visit, now);
                starts.push((visit, now));
                ends.push(Reverse((now + lasts(visit).0, visit)));
                for edge in &ways[visit] {
                    running[*edge as usize] += 1;
                    most[*edge as usize] = most[*edge as usize].max(running[*edge as usize]);
                }
                continue;
            }
            Next::Done if ends.is_empty() => return (starts, most),
            Next::At(at) if ends.peek().is_none_or(|Reverse((end, _))| at < *end) => {
                now = at;
                continue;
            }
            Next::At(_) | Next::Full | Next::Gate | Next::Done => {}
        }
        let Reverse((end, visit)) = ends.pop().expect("a full edge has somebody on it");
        now = now.max(end);
        for edge in &ways[visit] {
            running[*edge as usize] -= 1;
        }
        schedule.ended(visit, lasts(visit).1);
    }
}

#[test]
fn a_full_edge_holds_up_nobody_who_does_not_go_over_it() {
    // Edge 0 is the run's; of edge 1 only one may be used at once.
    let limits = [limit(10, 1_000, false), limit(1, 0, false)];
    let slow = Way::from_slice(&[0, 1]);
    let ways = [slow.clone(), slow.clone(), slow, Way::from_slice(&[0]), Way::from_slice(&[0])];
    let (starts, most) = run(&limits, &ways, |_| (seconds(10), Ended::Well));
    let order: Vec<usize> = starts.iter().map(|(visit, _)| *visit).collect();
    assert_eq!(order, [0, 3, 4, 1, 2]);
    assert!(starts[2].1 < seconds(1), "{starts:?}");
    assert_eq!(most[1], 1);
}

#[test]
fn an_overloaded_edge_takes_half_as_many_and_slowly_more_again() {
    let limits = [limit(8, 0, true)];
    let ways = vec![Way::from_slice(&[0]); 300];
    let mut schedule = Schedule::new(&limits, &ways, &[]);
    let begin = |schedule: &mut Schedule| {
        let mut begun = Vec::new();
        while let Next::May(visit) = schedule.next(Duration::ZERO) {
            schedule.start(visit, Duration::ZERO);
            begun.push(visit);
        }
        begun
    };
    let mut flight = VecDeque::from(begin(&mut schedule));
    assert_eq!(flight.len(), 8);
    schedule.ended(flight.pop_front().unwrap(), Ended::Overloaded);
    assert!(begin(&mut schedule).is_empty(), "seven still run, and four may");
    while flight.len() > 3 {
        schedule.ended(flight.pop_front().unwrap(), Ended::Otherwise);
    }
    flight.extend(begin(&mut schedule));
    assert_eq!(flight.len(), 4);
    for _ in 0..GOOD_FOR_ONE_MORE {
        schedule.ended(flight.pop_front().unwrap(), Ended::Well);
        flight.extend(begin(&mut schedule));
    }
    assert_eq!(flight.len(), 5);
    for _ in 0..10 {
        schedule.ended(flight.pop_front().unwrap(), Ended::Overloaded);
        flight.extend(begin(&mut schedule));
    }
    assert_eq!(flight.len(), 1, "one always may");
}

#[test]
fn a_visit_that_is_passed_over_costs_nothing() {
    let mut schedule = Schedule::new(&[limit(1, 1, false)], &vec![Way::from_slice(&[0]); 3], &[]);
    schedule.pass(0);
    assert_eq!(schedule.next(Duration::ZERO), Next::May(1));
    schedule.start(1, Duration::ZERO);
    assert_eq!(schedule.next(Duration::ZERO), Next::Full);
    schedule.ended(1, Ended::Well);
    assert_eq!(schedule.next(Duration::ZERO), Next::At(seconds(1)));
    assert_eq!(schedule.next(seconds(1)), Next::May(2));
    schedule.start(2, seconds(1));
    assert_eq!(schedule.next(seconds(1)), Next::Done);
}

#[test]
fn a_wave_starts_only_when_it_is_opened_and_the_one_before_has_ended() {
    let ways = vec![Way::from_slice(&[0]); 4];
    let mut schedule = Schedule::new(&[limit(4, 0, false)], &ways, &[1, 0, 1, 3]);
    let now = Duration::ZERO;
    assert_eq!(schedule.next(now), Next::May(1));
    schedule.start(1, now);
    assert_eq!(schedule.next(now), Next::Full, "the wave is not over");
    schedule.ended(1, Ended::Well);
    assert_eq!(schedule.next(now), Next::Gate);
    assert!(schedule.open_next());
    assert_eq!((schedule.open(), schedule.next(now)), (1, Next::May(0)));
    schedule.start(0, now);
    assert_eq!(schedule.next(now), Next::May(2));
    schedule.pass(2);
    schedule.ended(0, Ended::Well);
    assert_eq!(schedule.next(now), Next::Gate);
    assert!(schedule.open_next());
    assert_eq!((schedule.open(), schedule.next(now)), (3, Next::May(3)));
    schedule.start(3, now);
    assert_eq!(schedule.next(now), Next::Done);
    assert!(!schedule.open_next());
}

fn fleets() -> impl Strategy<Value = (Vec<EdgeLimit>, Vec<Way>, Vec<(u64, u8)>)> {
    let edge = (0_u32..6, 0_u32..30, any::<bool>()).prop_map(|(w, r, adapts)| limit(w, r, adapts));
    proptest::collection::vec(edge, 1..6).prop_flat_map(|edges| {
        let count = u32::try_from(edges.len()).unwrap();
        let way = proptest::collection::btree_set(0..count, 0..=edges.len());
        let way = way.prop_map(|way| way.into_iter().collect::<Way>());
        let visits = proptest::collection::vec((way, (0_u64..5_000, any::<u8>())), 0..80);
        visits.prop_map(move |visits| {
            let (ways, lasts) = visits.into_iter().unzip();
            (edges.clone(), ways, lasts)
        })
    })
}

proptest! {
    #[test]
    fn every_visit_starts_once_and_no_limit_is_passed_in_any_window(
        (limits, ways, lasts) in fleets(),
    ) {
        let (starts, most) = run(&limits, &ways, |visit| {
            let (millis, end) = lasts[visit];
            let ended = match end % 4 {
                0 => Ended::Overloaded,
                1 => Ended::Otherwise,
                _ => Ended::Well,
            };
            (Duration::from_millis(millis), ended)
        });
        let mut all: Vec<usize> = starts.iter().map(|(visit, _)| *visit).collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..ways.len()).collect::<Vec<_>>());
        for (number, limit) in limits.iter().enumerate() {
            prop_assert!(limit.width.is_none_or(|width| most[number] <= width.get()));
            let Some(rate) = limit.starts_per_second else { continue };
            let over: Vec<Duration> = starts
                .iter()
                .filter(|(visit, _)| ways[*visit].contains(&u32::try_from(number).unwrap()))
                .map(|(_, at)| *at)
                .collect();
            let interval = seconds(1) / rate.get();
            for pair in over.windows(2) {
                prop_assert!(pair[1].checked_sub(pair[0]).unwrap() >= interval);
            }
        }
    }

    #[test]
    fn nobody_waits_whose_edges_have_room(ways in proptest::collection::vec(0_u32..4, 1..60)) {
        // One edge each, all of the same width, visits of one second: each edge is a queue of its own.
        let limits = [limit(3, 0, false); 4];
        let alone: Vec<Way> = ways.iter().map(|edge| Way::from_slice(&[*edge])).collect();
        let (starts, _) = run(&limits, &alone, |_| (seconds(1), Ended::Well));
        for (visit, at) in starts {
            let before = ways[..visit].iter().filter(|edge| **edge == ways[visit]).count();
            prop_assert_eq!(at, seconds(u64::try_from(before / 3).unwrap()));
        }
    }
}
