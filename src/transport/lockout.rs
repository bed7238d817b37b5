//! Keeps logins from locking accounts out: what may be offered to whom, and when.
//!
//! In: credentials and what servers said to them. Out: the credentials that may still be offered
//! to a place. A credential is offered to a place once in a run. A password is first tried on one
//! host alone: until a host has taken it, no second host sees it, so a mistyped password of a
//! domain account costs one failed attempt, not one per connection. One refusal stops it for good.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use crate::model::fault::{Fault, FaultKind};
use crate::model::text::escape;
use crate::transport::ssh::identity::Unlocked;

/// Longest wait for another host's answer to a password that nobody has taken yet. sshd keeps a
/// connection that has not logged in for 120 s (`LoginGraceTime`).
const TURN: Duration = Duration::from_mins(1);

/// Where a credential is offered: address in lower case, and port.
pub(in crate::transport) type Place = (String, u16);

/// What was refused in this run.
#[derive(Debug, Default)]
pub(in crate::transport) struct Lockout {
    refused: Mutex<HashSet<(Place, String, String)>>,
    passwords: Mutex<HashMap<String, Arc<Gate>>>,
}

/// What is known of one password.
#[derive(Debug, Default)]
struct Gate {
    trust: Mutex<Trust>,
    turn: Arc<tokio::sync::Mutex<()>>,
    /// A host that may have seen it broke off before it proved to know it.
    doubted: Mutex<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Trust {
    /// No host has answered to it yet.
    #[default]
    Untried,
    /// A host took it.
    Taken,
    /// A host did not. The text says which and why.
    Stopped(String),
}

/// The right to offer a password now. While it is untried, others wait until this is dropped.
#[derive(Debug)]
pub(in crate::transport) struct Turn {
    gate: Arc<Gate>,
    _alone: Option<OwnedMutexGuard<()>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Lockout {
    /// Those of an account's credentials that may be offered to a place, in their order.
    pub(in crate::transport) fn admit(
        &self,
        place: &Place,
        user: &str,
        credentials: Vec<Arc<Unlocked>>,
    ) -> Result<Vec<Arc<Unlocked>>, Fault> {
        let mut reason = None;
        let left: Vec<Arc<Unlocked>> = credentials
            .into_iter()
            .filter(|credential| {
                let why = self.stopped(place, user, credential);
                let free = why.is_none();
                reason = why.or(reason.take());
                free
            })
            .collect();
        match (left.is_empty(), reason) {
            (true, Some(fault)) => Err(fault),
            _ => Ok(left),
        }
    }

    fn stopped(&self, place: &Place, user: &str, credential: &Unlocked) -> Option<Fault> {
        let key = (place.clone(), user.to_owned(), credential.credential.clone());
        if lock(&self.refused).contains(&key) {
            let (user, label) = (escape(user.as_bytes()), &credential.label);
            let detail = format!(
                "`{user}` with {label} was not accepted earlier in this run and is not tried again"
            );
            return Some(Fault::new(FaultKind::AuthRefused, detail));
        }
        let gate = credential.is_password().then(|| self.gate(user, credential))?;
        let trust = lock(&gate.trust).clone();
        stopped_by(&trust)
    }

    /// A place did not take a credential.
    pub(in crate::transport) fn refuse(&self, place: &Place, user: &str, credential: &Unlocked) {
        let key = (place.clone(), user.to_owned(), credential.credential.clone());
        lock(&self.refused).insert(key);
    }

    /// Waits until a password may be offered.
    pub(in crate::transport) async fn turn(
        &self,
        user: &str,
        credential: &Unlocked,
    ) -> Result<Turn, Fault> {
        let gate = self.gate(user, credential);
        if *lock(&gate.trust) == Trust::Taken {
            return Ok(Turn { gate, _alone: None });
        }
        let alone = timeout(TURN, Arc::clone(&gate.turn).lock_owned()).await.map_err(|_| {
            let seconds = TURN.as_secs();
            let detail = format!(
                "the password was not offered: for {seconds} s no other host answered to it"
            );
            Fault::new(FaultKind::Deadline, detail)
        })?;
        let trust = lock(&gate.trust).clone();
        match trust {
            Trust::Untried => Ok(Turn { gate, _alone: Some(alone) }),
            Trust::Taken => Ok(Turn { gate, _alone: None }),
            Trust::Stopped(_) => Err(stopped_by(&trust).unwrap_or_else(|| {
                Fault::new(FaultKind::Skipped, "the password was refused by another host")
            })),
        }
    }

    fn gate(&self, user: &str, credential: &Unlocked) -> Arc<Gate> {
        let key = format!("{user} {}", credential.credential);
        Arc::clone(lock(&self.passwords).entry(key).or_default())
    }
}

fn stopped_by(trust: &Trust) -> Option<Fault> {
    let Trust::Stopped(by) = trust else { return None };
    let detail = format!("the password is not offered any more in this run: {by}");
    Some(Fault::new(FaultKind::Skipped, detail))
}

impl Turn {
    /// The password was taken.
    pub(in crate::transport) fn taken(&self) {
        let mut trust = lock(&self.gate.trust);
        if *trust == Trust::Untried {
            *trust = Trust::Taken;
        }
    }

    /// A host that may have seen the password broke off: it may have counted a failed login. The
    /// second such host stops a password that nobody has taken.
    pub(in crate::transport) fn doubt(&self, place: &Place) {
        let untried = *lock(&self.gate.trust) == Trust::Untried;
        let doubted = std::mem::replace(&mut *lock(&self.gate.doubted), true);
        if untried && doubted {
            self.stop(place, "broke off the login, as another host had done");
        }
    }

    /// The password was refused: no host sees it any more.
    pub(in crate::transport) fn stop(&self, place: &Place, why: &str) {
        let (address, port) = (escape(place.0.as_bytes()), place.1);
        *lock(&self.gate.trust) = Trust::Stopped(format!("{address} port {port} {why}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Poll;

    fn password() -> Arc<Unlocked> {
        Arc::new(Unlocked::of_password("lab", "never sent".into()))
    }

    fn place(address: &str) -> Place {
        (address.to_owned(), 22)
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_host_that_breaks_off_stops_a_password_that_nobody_took() {
        let (lockout, password) = (Lockout::default(), password());
        for (address, stopped) in [("192.0.2.1", false), ("192.0.2.2", true)] {
            lockout.turn("reader", &password).await.unwrap().doubt(&place(address));
            let next = lockout.turn("reader", &password).await;
            assert_eq!(next.is_err(), stopped, "{address}");
        }
        // Once a host has taken it, it is right, whatever others do.
        let lockout = Lockout::default();
        lockout.turn("reader", &password).await.unwrap().taken();
        for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
            lockout.turn("reader", &password).await.unwrap().doubt(&place(address));
        }
        assert!(lockout.turn("reader", &password).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_untried_password_is_one_hosts_turn_and_the_next_follows_a_silent_one() {
        let (lockout, password) = (Lockout::default(), password());
        let first = lockout.turn("u", &password).await.unwrap();
        let mut second = Box::pin(lockout.turn("u", &password));
        assert!(matches!(futures::poll!(&mut second), Poll::Pending));
        // Another login name is another account.
        lockout.turn("v", &password).await.unwrap();
        drop(first);
        second.await.unwrap().taken();
        // Taken once: all at once from here on.
        let (a, b) = tokio::join!(lockout.turn("u", &password), lockout.turn("u", &password));
        assert!(a.is_ok() && b.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_for_a_turn_gives_up_without_an_attempt() {
        let (lockout, password) = (Lockout::default(), password());
        let _first = lockout.turn("u", &password).await.unwrap();
        let fault = lockout.turn("u", &password).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Deadline);
        let expected = "the password was not offered: for 60 s no other host answered to it";
        assert_eq!(fault.detail, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn one_refusal_stops_a_password_for_who_waits_and_who_comes_also_after_it_was_taken() {
        for taken in [false, true] {
            let (lockout, password) = (Lockout::default(), password());
            let first = lockout.turn("u", &password).await.unwrap();
            if taken {
                first.taken();
            }
            first.stop(&place("10.0.0.1"), "refused it");
            drop(first);
            let expected = "skipped: the password is not offered any more in this run: \
                            10.0.0.1 port 22 refused it";
            let fault = lockout.turn("u", &password).await.unwrap_err();
            assert_eq!(fault.to_string(), expected);
            let offered = vec![Arc::clone(&password)];
            let fault = lockout.admit(&place("10.0.0.2"), "u", offered).unwrap_err();
            assert_eq!(fault.to_string(), expected);
        }
    }
}
