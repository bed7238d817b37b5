//! Which accounts wait for each other, and what a verdict stops.

use std::task::Poll;

use super::*;
use crate::transport::lockout::room::SHARE;

fn password(secret: &str) -> Arc<Unlocked> {
    Arc::new(Unlocked::of_password("lab", secret.into()))
}

fn place(address: &str) -> Place {
    (address.to_owned(), 22)
}

/// The lockout of a run, and a host.
fn run() -> (Arc<Lockout>, Place) {
    (Arc::default(), place("192.0.2.1"))
}

/// What a login name with a password may do now.
async fn now(lockout: &Arc<Lockout>, user: &str, secret: &str) -> &'static str {
    let (place, password) = (place("192.0.2.9"), password(secret));
    let mut turn = Box::pin(lockout.turn(&place, user, &password));
    match futures::poll!(&mut turn) {
        Poll::Pending => "waits",
        Poll::Ready(Ok(turn)) => {
            turn.unseen();
            "goes"
        }
        Poll::Ready(Err(_)) => "is stopped",
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_host_that_breaks_off_stops_a_password_that_nobody_took() {
    let (lockout, _) = run();
    let password = password("x");
    for (address, stopped) in [("10.0.0.1", false), ("10.0.0.2", true)] {
        let place = place(address);
        lockout.turn(&place, "reader", &password).await.unwrap().doubt();
        assert_eq!(now(&lockout, "reader", "x").await == "is stopped", stopped);
    }
    let fault = lockout.turn(&place("10.0.0.3"), "reader", &password).await.unwrap_err();
    let expected = "10.0.0.2 port 22 broke off the login, as 10.0.0.1 port 22 had done";
    assert!(fault.detail.ends_with(expected), "{fault}");
    // Once a host has shown that it knows it, it is right, whatever others do.
    let (lockout, place) = run();
    lockout.turn(&place, "reader", &password).await.unwrap().proved();
    for _ in 0..3 {
        // Dropped without a verdict.
        drop(lockout.turn(&place, "reader", &password).await.unwrap());
    }
    assert_eq!(now(&lockout, "reader", "x").await, "goes");
}

#[tokio::test(start_paused = true)]
async fn a_place_sees_an_unproven_password_once_and_is_one_doubt_whatever_its_names() {
    let (lockout, one) = run();
    let password = password("x");
    let first = lockout.turn(&one, "u", &password).await.unwrap();
    let mut again = Box::pin(lockout.turn(&one, "u", &password));
    assert!(matches!(futures::poll!(&mut again), Poll::Pending));
    tokio::time::advance(SHARE * 2).await;
    assert!(matches!(futures::poll!(&mut again), Poll::Pending));
    drop(first);
    assert_eq!(again.await.unwrap_err().kind, FaultKind::Skipped);
    assert_eq!(now(&lockout, "u", "x").await, "goes");
    // A place that did take it sees it as often as it takes.
    let place = place("10.0.0.2");
    lockout.turn(&place, "u", &password).await.unwrap().taken();
    let (a, b) = (lockout.turn(&place, "u", &password), lockout.turn(&place, "u", &password));
    let (a, b) = tokio::join!(a, b);
    assert!(a.is_ok() && b.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_host_that_says_yes_opens_the_gate_by_steps_and_one_that_proves_it_wholly() {
    let (lockout, _) = run();
    let password = password("x");
    let mut at = 0_u32;
    let mut take = async |count: usize| {
        let mut turns = Vec::new();
        for _ in 0..count {
            at += 1;
            turns.push(lockout.turn(&place(&format!("h{at}")), "u", &password).await.unwrap());
        }
        turns
    };
    let begun = Instant::now();
    for turn in take(1).await {
        turn.taken();
    }
    // Two at once, and twice as many without a verdict.
    let turns = take(2).await;
    assert_eq!(now(&lockout, "u", "x").await, "waits");
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let more = take(2).await;
    assert_eq!(begun.elapsed(), SHARE);
    tokio::time::advance(SHARE * 2).await;
    assert_eq!(now(&lockout, "u", "x").await, "waits");
    // Two more successes: eight at once, of which two are out.
    for turn in turns {
        turn.taken();
    }
    drop(more);
    let turns = take(8).await;
    assert_eq!(now(&lockout, "u", "x").await, "waits");
    if let Some(turn) = turns.first() {
        turn.proved();
    }
    assert_eq!(now(&lockout, "u", "x").await, "goes");
    drop(turns);
    assert_eq!(now(&lockout, "u", "x").await, "goes");
    // After a lie, four that break off stop it.
    let (lockout, _) = run();
    lockout.turn(&place("liar"), "u", &password).await.unwrap().taken();
    for name in ["a", "b", "c", "d"] {
        assert_eq!(now(&lockout, "u", "x").await, "goes");
        drop(lockout.turn(&place(name), "u", &password).await.unwrap());
    }
    assert_eq!(now(&lockout, "u", "x").await, "is stopped");
}

#[tokio::test(start_paused = true)]
async fn an_untried_password_is_one_hosts_turn_and_taken_once_it_is_every_hosts() {
    let (lockout, one) = run();
    let (password, other) = (password("x"), place("10.0.0.2"));
    let first = lockout.turn(&one, "u", &password).await.unwrap();
    let mut second = Box::pin(lockout.turn(&other, "u", &password));
    assert!(matches!(futures::poll!(&mut second), Poll::Pending));
    // Another login name is another account, and so is another password of a bare one.
    assert_eq!(now(&lockout, "v", "x").await, "goes");
    assert_eq!(now(&lockout, "u", "y").await, "goes");
    first.unseen();
    second.await.unwrap().taken();
    let (third, fourth) = (place("10.0.0.3"), place("10.0.0.4"));
    let turn = |place| lockout.turn(place, "u", &password);
    let (a, b) = tokio::join!(turn(&third), turn(&fourth));
    assert!(a.is_ok() && b.is_ok());
}

#[tokio::test(start_paused = true)]
async fn however_many_hosts_are_silent_two_see_an_untried_password_and_a_fleet_waits_for_one_login()
{
    let (lockout, _) = run();
    let password = password("x");
    let begun = Instant::now();
    let first = lockout.turn(&place("10.0.0.1"), "u", &password).await.unwrap();
    let second = lockout.turn(&place("10.0.0.2"), "u", &password).await.unwrap();
    assert_eq!(begun.elapsed(), SHARE);
    // A third one sees it only when one of the two has answered.
    let at_1 = place("10.0.0.3");
    let mut third = Box::pin(lockout.turn(&at_1, "u", &password));
    tokio::time::advance(SHARE * 3).await;
    assert!(matches!(futures::poll!(&mut third), Poll::Pending));
    drop(first);
    assert!(matches!(futures::poll!(&mut third), Poll::Pending), "one doubt, one open");
    second.taken();
    let third = third.await.unwrap();
    assert_eq!(begun.elapsed(), SHARE * 4);
    drop(third);
    assert_eq!(now(&lockout, "u", "x").await, "goes");
    // Both silent to the end: nobody else sees it.
    let (lockout, _) = run();
    let first = lockout.turn(&place("10.0.0.4"), "u", &password).await.unwrap();
    let second = lockout.turn(&place("10.0.0.5"), "u", &password).await.unwrap();
    let at_2 = place("10.0.0.6");
    let mut third = Box::pin(lockout.turn(&at_2, "u", &password));
    assert!(matches!(futures::poll!(&mut third), Poll::Pending));
    drop((first, second));
    assert_eq!(third.await.unwrap_err().kind, FaultKind::Skipped);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_broke_off_hands_the_turn_on_at_once() {
    let (lockout, _) = run();
    let password = password("x");
    let first = lockout.turn(&place("10.0.0.1"), "u", &password).await.unwrap();
    let begun = Instant::now();
    let at_3 = place("10.0.0.2");
    let mut second = Box::pin(lockout.turn(&at_3, "u", &password));
    assert!(matches!(futures::poll!(&mut second), Poll::Pending));
    drop(first);
    second.await.unwrap().taken();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn who_waits_too_long_for_a_turn_gives_up_without_an_attempt() {
    let (lockout, _) = run();
    let password = password("x");
    let _first = lockout.turn(&place("10.0.0.1"), "u", &password).await.unwrap();
    let _second = lockout.turn(&place("10.0.0.2"), "u", &password).await.unwrap();
    let fault = lockout.turn(&place("10.0.0.3"), "u", &password).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Deadline);
    let expected = "the password was not offered: for 60 s no other host answered to it";
    assert_eq!(fault.detail, expected);
}

#[tokio::test(start_paused = true)]
async fn one_refusal_stops_a_password_for_who_waits_and_who_comes_also_after_it_was_taken() {
    for taken in [false, true] {
        let (lockout, _) = run();
        let password = password("x");
        let first = lockout.turn(&place("10.0.0.1"), "u", &password).await.unwrap();
        if taken {
            first.taken();
        }
        first.stop("refused it");
        drop(first);
        let expected = "skipped: the password is not offered any more in this run: \
                        10.0.0.1 port 22 refused it";
        let fault = lockout.turn(&place("10.0.0.3"), "u", &password).await.unwrap_err();
        assert_eq!(fault.to_string(), expected);
        let offered = vec![Arc::clone(&password)];
        let fault = lockout.admit(&place("10.0.0.2"), "u", offered).unwrap_err();
        assert_eq!(fault.to_string(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_in_several_spellings_and_entries_has_one_try() {
    // Tried first; then what another spelling may do while it is tried, when it was refused, and when
    // it was taken.
    let cases = [
        (("LAB\\svc", "x"), ("lab\\SVC", "x"), ["waits", "is stopped", "goes"]),
        // A success is one of that spelling: the other is tried alone.
        (("LAB\\svc", "x"), ("svc@lab.test", "x"), ["waits", "is stopped", "goes"]),
        (("LAB\\svc", "x"), ("svc", "x"), ["waits", "is stopped", "goes"]),
        (("LAB\\svc", "x"), ("OTHER\\svc", "x"), ["waits", "is stopped", "goes"]),
        // The domain counts per account, whatever the password; its DNS name is mapped.
        (("LAB\\svc", "x"), ("svc@lab.test", "y"), ["waits", "is stopped", "goes"]),
        // Local accounts of one name with a password each, and other names.
        (("admin", "x"), ("admin", "y"), ["goes"; 3]),
        ((".\\admin", "x"), (".\\admin", "y"), ["goes"; 3]),
        (("LAB\\svc", "x"), ("svc", "y"), ["goes"; 3]),
        (("LAB\\svc", "x"), ("LAB\\other", "x"), ["goes"; 3]),
    ];
    for ((user, secret), (other, its), expected) in cases {
        let came = async |verdict: fn(&Turn)| {
            let (lockout, place) = run();
            let turn = lockout.turn(&place, user, &password(secret)).await.unwrap();
            verdict(&turn);
            now(&lockout, other, its).await
        };
        let came = [
            came(|_| {}).await,
            came(|turn| turn.stop("refused it")).await,
            came(Turn::taken).await,
        ];
        assert_eq!(came, expected, "{user} {secret}, then {other} {its}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_of_one_spelling_opens_no_other_to_all_hosts_at_once() {
    let (lockout, _) = run();
    let password = password("x");
    lockout.turn(&place("10.0.0.1"), "LAB\\svc", &password).await.unwrap().taken();
    let _other = lockout.turn(&place("10.0.0.2"), "OTHER\\svc", &password).await.unwrap();
    assert_eq!(now(&lockout, "OTHER\\svc", "x").await, "waits");
    assert_eq!(now(&lockout, "lab\\svc", "x").await, "goes");
}

#[test]
fn a_place_is_not_offered_what_it_refused_under_another_spelling_or_entry() {
    let (lockout, place) = run();
    lockout.refuse(&place, "LAB\\svc", &password("x"));
    for user in ["lab\\svc", "svc@lab.test", "SVC"] {
        let fault = lockout.admit(&place, user, vec![password("x")]).unwrap_err();
        assert_eq!(fault.kind, FaultKind::AuthRefused, "{user}");
    }
    assert!(lockout.admit(&place, "svc", vec![password("y")]).is_ok());
}

#[test]
fn domain_and_name_of_a_login_name() {
    let known = |user: &str| {
        let (domain, name) = parts(user);
        format!("{} {name}", domain.as_deref().unwrap_or("-"))
    };
    for (user, expected) in [
        ("LAB\\Svc", "lab svc"),
        ("Svc@Lab.Test", "lab svc"),
        ("lab.test\\svc", "lab svc"),
        (".\\svc", "- svc"),
        ("svc", "- svc"),
        ("\\svc", "- svc"),
        ("svc@", "- svc"),
        ("a@b@lab", "lab a@b"),
    ] {
        assert_eq!(known(user), expected, "{user}");
    }
}
