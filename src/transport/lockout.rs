//! Keeps logins from locking accounts out: what may be offered to whom, and when.
//!
//! In: credentials and what servers said to them. Out: the credentials that may still be offered
//! to a place. A credential is offered to a place once in a run. A password that nobody has taken is
//! shown to one host at a time: a mistyped password of a domain account costs one failed attempt, not
//! one per connection. One refusal stops it for good.
//!
//! **What is one account.** Accounts are merged where a refusal may count for both, and kept apart
//! where a success proves nothing:
//!
//! | for | accounts are one when they have | because |
//! |---|---|---|
//! | a turn, a refusal, a doubt | the same name without its domain, and the same password | `svc` over SSH may be `LAB\svc` behind PAM; which domain a bare name is in, only the host knows |
//! | the same | the same domain (its first label) and name, whatever the password | the domain counts attempts per account |
//! | a success | the same name as it is written, and the same password | that `LAB\svc` was taken says nothing of `OTHER\svc` |
//!
//! Names are compared without case: Windows does not know it, and on other systems the worst is that
//! an account waits for another. A bare name with another password is another account: local
//! administrators have one name and a password per host. Passwords are compared by a hash with a key
//! that lives in memory for one run.
//!
//! **Silence.** A host that is silent, or breaks off, may have counted a failed attempt. An untried
//! password is therefore shown to at most two hosts that have given no verdict. The second one sees it
//! when the first has been silent for [`SHARE`], or has broken off; while both are silent all others
//! wait, and when both have broken off they do not get it. So hosts that never answer hold a fleet
//! up for about one login, and cost an account two attempts at most. A host that is silent before it
//! was shown anything costs nothing.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::model::fault::{Fault, FaultKind};
use crate::model::text::escape;
use crate::transport::ssh::identity::Unlocked;

/// Longest wait for other hosts' answers to a password that nobody has taken yet: a login and the
/// first sealed answer after it are over by then.
const TURN: Duration = Duration::from_mins(1);

/// How long the first host has an untried password for itself. A host that answers at all does so in
/// a tenth of it; one that waits for its domain controller may still be the one to prove it.
const SHARE: Duration = Duration::from_secs(5);

/// Most hosts that may have seen an untried password and given no verdict.
const UNRESOLVED_MAX: usize = 2;

/// Where a credential is offered: address in lower case, and port.
pub(in crate::transport) type Place = (String, u16);

/// What is refused, doubted and waited for together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// A key or certificate of a login name.
    Proof(String, String),
    /// A name without its domain, and the hash of its password.
    Password(String, u64),
    /// A name in a domain.
    Account(String, String),
}

/// The login name as it is written, in lower case, and the hash of its password.
type Spelling = (String, u64);

/// What is known of the credentials of a run.
#[derive(Debug, Default)]
pub(in crate::transport) struct Lockout {
    known: Mutex<Known>,
    /// Something has become known.
    changed: Notify,
    /// Hashes passwords with a random key.
    hasher: RandomState,
}

#[derive(Debug, Default)]
struct Known {
    refused: HashSet<(Place, Key)>,
    gates: HashMap<Key, Gate>,
    taken: HashSet<Spelling>,
    tickets: u64,
}

/// What is known of what counts as one account.
#[derive(Debug, Default)]
struct Gate {
    /// Hosts that have seen an untried password and may yet answer: ticket, and since when.
    shown: Vec<(u64, Instant)>,
    /// Hosts that have seen it and broke off.
    doubts: usize,
    stopped: Option<Stopped>,
}

/// Why a password is not offered any more.
#[derive(Clone, Debug)]
struct Stopped {
    /// Which host, and what it did.
    by: String,
    /// It refused it; a doubt stops only what nobody has taken.
    refused: bool,
}

/// What an account is in the eyes of the rules above.
#[derive(Clone, Debug)]
struct KnownAs {
    keys: Vec<Key>,
    spelling: Spelling,
}

/// The right to show a password to a host now. Dropped without a verdict it is a doubt.
#[derive(Debug)]
pub(in crate::transport) struct Turn {
    lockout: Arc<Lockout>,
    place: Place,
    account: KnownAs,
    /// `None`: the password had been taken before, or a verdict has come.
    ticket: Mutex<Option<u64>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Domain and name of a login name: `LAB\svc`, `svc@lab.test`, `svc`. The domain is the first label
/// of a DNS name, which is what its short name is unless somebody chose another; `.` is the host.
fn parts(user: &str) -> (Option<String>, String) {
    let lower = user.to_lowercase();
    let (domain, name) = match (lower.split_once('\\'), lower.rsplit_once('@')) {
        (Some((domain, name)), _) | (None, Some((name, domain))) => (domain, name),
        (None, None) => ("", lower.as_str()),
    };
    let label = domain.split('.').next().unwrap_or_default();
    ((!label.is_empty()).then(|| label.to_owned()), name.to_owned())
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
        let account = self.known_as(user, credential);
        let known = lock(&self.known);
        if known.refused.contains(&(place.clone(), account.first())) {
            let (user, label) = (escape(user.as_bytes()), &credential.label);
            let detail = format!(
                "`{user}` with {label} was not accepted earlier in this run and is not tried again"
            );
            return Some(Fault::new(FaultKind::AuthRefused, detail));
        }
        known.stopped(&account)
    }

    /// A place did not take a credential.
    pub(in crate::transport) fn refuse(&self, place: &Place, user: &str, credential: &Unlocked) {
        let key = self.known_as(user, credential).first();
        lock(&self.known).refused.insert((place.clone(), key));
    }

    /// Waits until a password may be shown to a host.
    pub(in crate::transport) async fn turn(
        self: &Arc<Self>,
        place: &Place,
        user: &str,
        credential: &Unlocked,
    ) -> Result<Turn, Fault> {
        let account = self.known_as(user, credential);
        let end = Instant::now() + TURN;
        loop {
            // Before it is asked: what happens after that wakes us.
            let changed = self.changed.notified();
            let asked = lock(&self.known).ask(&account)?;
            let wait = match asked {
                Asked::Go(ticket) => {
                    let (lockout, place) = (Arc::clone(self), place.clone());
                    return Ok(Turn { lockout, place, account, ticket: Mutex::new(ticket) });
                }
                Asked::Wait(until) => until,
            };
            let until = wait.map_or(end, |until| until.min(end));
            // Late or changed: it is asked again.
            if timeout_at(until, changed).await.is_err() && until >= end {
                let seconds = TURN.as_secs();
                let detail = format!(
                    "the password was not offered: for {seconds} s no other host answered to it"
                );
                return Err(Fault::new(FaultKind::Deadline, detail));
            }
        }
    }

    fn known_as(&self, user: &str, credential: &Unlocked) -> KnownAs {
        let Some(password) = credential.password() else {
            let key = Key::Proof(user.to_owned(), credential.credential.clone());
            return KnownAs { keys: vec![key], spelling: (user.to_owned(), 0) };
        };
        let hash = self.hasher.hash_one(password.expose_secret());
        let (domain, name) = parts(user);
        let mut keys = vec![Key::Password(name.clone(), hash)];
        keys.extend(domain.map(|domain| Key::Account(domain, name)));
        KnownAs { keys, spelling: (user.to_lowercase(), hash) }
    }
}

/// Whether a password may be shown now.
enum Asked {
    /// Yes. With a ticket where nobody has taken it yet.
    Go(Option<u64>),
    /// Not before another host gives its verdict, or until then.
    Wait(Option<Instant>),
}

impl KnownAs {
    /// What a place refuses.
    fn first(&self) -> Key {
        let none = || Key::Proof(self.spelling.0.clone(), String::new());
        self.keys.first().cloned().unwrap_or_else(none)
    }
}

impl Known {
    fn stopped(&self, account: &KnownAs) -> Option<Fault> {
        let taken = self.taken.contains(&account.spelling);
        let gates = account.keys.iter().filter_map(|key| self.gates.get(key));
        let mut stops = gates.filter_map(|gate| gate.stopped.as_ref());
        let stopped = stops.find(|stopped| stopped.refused || !taken)?;
        let detail = format!("the password is not offered any more in this run: {}", stopped.by);
        Some(Fault::new(FaultKind::Skipped, detail))
    }

    fn ask(&mut self, account: &KnownAs) -> Result<Asked, Fault> {
        if let Some(fault) = self.stopped(account) {
            return Err(fault);
        }
        if self.taken.contains(&account.spelling) {
            return Ok(Asked::Go(None));
        }
        let now = Instant::now();
        for gate in account.keys.iter().filter_map(|key| self.gates.get(key)) {
            let last = gate.shown.iter().map(|(_, since)| *since + SHARE).max();
            if gate.shown.len() + gate.doubts >= UNRESOLVED_MAX {
                return Ok(Asked::Wait(None));
            }
            if last.is_some_and(|free| free > now) {
                return Ok(Asked::Wait(last));
            }
        }
        self.tickets += 1;
        for key in &account.keys {
            self.gates.entry(key.clone()).or_default().shown.push((self.tickets, now));
        }
        Ok(Asked::Go(Some(self.tickets)))
    }

    fn gates<'a>(&'a mut self, account: &KnownAs, each: impl Fn(&'a mut Gate)) {
        for (key, gate) in &mut self.gates {
            if account.keys.contains(key) {
                each(gate);
            }
        }
    }
}

impl Turn {
    /// The password was taken.
    pub(in crate::transport) fn taken(&self) {
        self.settle(|known, turn| {
            known.taken.insert(turn.account.spelling.clone());
        });
    }

    /// The host did not come to see the password.
    pub(in crate::transport) fn unseen(&self) {
        self.settle(|_, _| {});
    }

    /// A host that may have seen the password broke off: it may have counted a failed login. The
    /// second such host stops a password that nobody has taken.
    pub(in crate::transport) fn doubt(&self) {
        self.settle(|known, turn| {
            let by = turn.text("broke off the login, as another host had done");
            known.gates(&turn.account, |gate| {
                gate.doubts += 1;
                if gate.doubts >= UNRESOLVED_MAX {
                    let stopped = Stopped { by: by.clone(), refused: false };
                    gate.stopped.get_or_insert(stopped);
                }
            });
        });
    }

    /// The password was refused: no host sees it any more.
    pub(in crate::transport) fn stop(&self, why: &str) {
        self.settle(|_, _| {});
        let stopped = Stopped { by: self.text(why), refused: true };
        lock(&self.lockout.known).gates(&self.account, |gate| gate.stopped = Some(stopped.clone()));
        self.lockout.changed.notify_waiters();
    }

    /// Gives the ticket back, if there still is one, with what the host made of it.
    fn settle(&self, verdict: impl FnOnce(&mut Known, &Self)) {
        let Some(ticket) = lock(&self.ticket).take() else { return };
        let mut known = lock(&self.lockout.known);
        known.gates(&self.account, |gate| gate.shown.retain(|(shown, _)| *shown != ticket));
        verdict(&mut known, self);
        drop(known);
        self.lockout.changed.notify_waiters();
    }

    fn text(&self, why: &str) -> String {
        let (address, port) = (escape(self.place.0.as_bytes()), self.place.1);
        format!("{address} port {port} {why}")
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.doubt();
    }
}

#[cfg(test)]
mod tests;
