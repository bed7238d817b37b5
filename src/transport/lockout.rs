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
//! when the first has been silent for [`room::SHARE`], or has broken off; while both are silent all others
//! wait, and when both have broken off they do not get it. So hosts that never answer hold a fleet
//! up for about one login, and cost an account two attempts at most. A host that is silent before it
//! was shown anything costs nothing. A place sees a password that nobody has taken once, under all its
//! names: who comes there a second time waits for the first and is refused.
//!
//! **Proof.** A host may lie, so a success opens the gate by steps. One that only somebody can give who
//! knows the password, or its hash, opens it for all (a sealed answer of NTLM, a ticket of a KDC). One
//! that the host only says (SSH; WS-Management over HTTPS) doubles what may be out without a verdict:
//!
//! | successes | shown at once | no verdict yet, or broken off: at most |
//! |---|---|---|
//! | 0 | 1 | 2 |
//! | n | 2^n | 2^(n+1) |
//!
//! What is shown at once is what was shown in the last [`room::SHARE`]. So after a lie two hosts see a wrong
//! password, and the first refusal stops it; where none of them gives a verdict four see it.

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

use self::room::{Open, Room, Unresolved, room, shown};

mod room;

/// Longest wait for other hosts' answers to a password that nobody has taken yet: a login and the
/// first sealed answer after it are over by then.
const TURN: Duration = Duration::from_mins(1);

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
    /// Who may have seen it and gave no verdict.
    seen: HashSet<(Place, Key)>,
    gates: HashMap<Key, Gate>,
    taken: HashMap<Spelling, Taken>,
    tickets: u64,
}

/// What is known of a password that a host has taken.
#[derive(Debug, Default)]
struct Taken {
    successes: u32,
    /// One of them was one that nobody can give who does not know the password.
    certain: bool,
    /// Who has taken it: it may be shown there as often as it takes.
    by: HashSet<Place>,
    unresolved: Unresolved,
}

/// What is known of what counts as one account.
#[derive(Debug, Default)]
struct Gate {
    unresolved: Unresolved,
    /// Which host refused it.
    stopped: Option<String>,
}

/// What an account is in the eyes of the rules above.
#[derive(Clone, Debug)]
struct KnownAs {
    keys: Vec<Key>,
    spelling: Spelling,
}

/// The right to show a password to a host now. Dropped without a verdict it is a doubt, and one of a
/// password that nobody has taken is not shown to that place again.
#[derive(Debug)]
pub(in crate::transport) struct Turn {
    lockout: Arc<Lockout>,
    place: Place,
    account: KnownAs,
    /// `None`: the password is known to be right, or a verdict has come.
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
        if known.seen.contains(&(place.clone(), account.first())) {
            return Some(without_verdict(place));
        }
        known.stopped(&account)
    }

    /// Whether a host has taken this password.
    pub(in crate::transport) fn is_taken(&self, user: &str, credential: &Unlocked) -> bool {
        let account = self.known_as(user, credential);
        lock(&self.known).taken.contains_key(&account.spelling)
    }

    /// A place did not take a credential.
    pub(in crate::transport) fn refuse(&self, place: &Place, user: &str, credential: &Unlocked) {
        let key = self.known_as(user, credential).first();
        lock(&self.known).refused.insert((place.clone(), key));
    }

    /// A place broke off when it had been shown a credential: it is not shown it again.
    pub(in crate::transport) fn broke_off(&self, place: &Place, user: &str, credential: &Unlocked) {
        let key = self.known_as(user, credential).first();
        lock(&self.known).seen.insert((place.clone(), key));
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
            let asked = lock(&self.known).ask(&account, place)?;
            let wait = match asked {
                Asked::Seen => return Err(without_verdict(place)),
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
    /// Yes. With a ticket where it is not known to be right.
    Go(Option<u64>),
    /// The place has seen it, and nobody has taken it.
    Seen,
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
        let mut gates = account.keys.iter().filter_map(|key| self.gates.get(key));
        let by = match self.taken.get(&account.spelling) {
            _ if gates.clone().any(|gate| gate.stopped.is_some()) => {
                gates.find_map(|gate| gate.stopped.clone())
            }
            Some(taken) if taken.certain => None,
            Some(Taken { successes, unresolved, .. }) => {
                unresolved.is_full(room(*successes)).then(|| unresolved.told())
            }
            None => {
                let full = gates.find(|gate| gate.unresolved.is_full(room(0)));
                full.map(|gate| gate.unresolved.told())
            }
        };
        let detail = format!("the password is not offered any more in this run: {}", by?);
        Some(Fault::new(FaultKind::Skipped, detail))
    }

    fn ask(&mut self, account: &KnownAs, place: &Place) -> Result<Asked, Fault> {
        if let Some(fault) = self.stopped(account) {
            return Err(fault);
        }
        let now = Instant::now();
        let (rooms, seen) = match self.taken.get(&account.spelling) {
            Some(taken) if taken.certain || taken.by.contains(place) => {
                return Ok(Asked::Go(None));
            }
            Some(Taken { successes, unresolved, .. }) => {
                (vec![unresolved.room(room(*successes), place, now)], false)
            }
            None => {
                let gates = account.keys.iter().filter_map(|key| self.gates.get(key));
                let rooms = gates.map(|gate| gate.unresolved.room(room(0), place, now)).collect();
                (rooms, self.seen.contains(&(place.clone(), account.first())))
            }
        };
        if seen {
            return Ok(Asked::Seen);
        }
        for room in rooms {
            match room {
                Room::Free => {}
                Room::Wait(until) => return Ok(Asked::Wait(until)),
                // It was asked for above.
                Room::Full => return Ok(Asked::Wait(None)),
            }
        }
        self.tickets += 1;
        let open = || Open { ticket: self.tickets, place: place.clone(), since: now };
        match self.taken.get_mut(&account.spelling) {
            Some(taken) => taken.unresolved.shown.push(open()),
            None => {
                for key in &account.keys {
                    let gate = self.gates.entry(key.clone()).or_default();
                    gate.unresolved.shown.push(open());
                }
            }
        }
        Ok(Asked::Go(Some(self.tickets)))
    }

    /// Takes a ticket back.
    fn back(&mut self, ticket: u64, account: &KnownAs) {
        if let Some(taken) = self.taken.get_mut(&account.spelling) {
            taken.unresolved.shown.retain(|open| open.ticket != ticket);
        }
        self.gates(account, |gate| gate.unresolved.shown.retain(|open| open.ticket != ticket));
    }

    fn gates(&mut self, account: &KnownAs, mut each: impl FnMut(&mut Gate)) {
        for key in &account.keys {
            if let Some(gate) = self.gates.get_mut(key) {
                each(gate);
            }
        }
    }
}

impl Turn {
    /// The host says that it took the password.
    pub(in crate::transport) fn taken(&self) {
        self.succeeded(false);
    }

    /// The host, or a KDC, has shown that it knows the password: it is right, whatever others do.
    pub(in crate::transport) fn proved(&self) {
        self.succeeded(true);
    }

    fn succeeded(&self, certain: bool) {
        self.settle(|known, had_ticket| {
            let taken = known.taken.entry(self.account.spelling.clone()).or_default();
            taken.certain |= certain;
            // What a place says twice counts once.
            if had_ticket && taken.by.insert(self.place.clone()) {
                taken.successes = taken.successes.saturating_add(1);
            }
        });
    }

    /// The host did not come to see the password.
    pub(in crate::transport) fn unseen(&self) {
        self.settle(|_, _| {});
    }

    /// A host that may have seen the password broke off: it may have counted a failed login. Too many
    /// such hosts stop a password that is not known to be right, and none of them sees one again that
    /// nobody has taken.
    pub(in crate::transport) fn doubt(&self) {
        self.settle(|known, had_ticket| {
            if !had_ticket {
                return;
            }
            let account = &self.account;
            if let Some(taken) = known.taken.get_mut(&account.spelling) {
                taken.unresolved.doubt(&self.place);
            } else {
                known.gates(account, |gate| gate.unresolved.doubt(&self.place));
                known.seen.insert((self.place.clone(), account.first()));
            }
        });
    }

    /// The password was refused: no host sees it any more.
    pub(in crate::transport) fn stop(&self, why: &str) {
        let by = format!("{} {why}", shown(&self.place));
        self.settle(|known, _| {
            for key in &self.account.keys {
                known.gates.entry(key.clone()).or_default().stopped = Some(by.clone());
            }
        });
    }

    /// Gives the ticket back, if there still is one, with what the host made of it: before anybody else
    /// can ask.
    fn settle(&self, verdict: impl FnOnce(&mut Known, bool)) {
        let ticket = lock(&self.ticket).take();
        let mut known = lock(&self.lockout.known);
        if let Some(ticket) = ticket {
            known.back(ticket, &self.account);
        }
        verdict(&mut known, ticket.is_some());
        drop(known);
        self.lockout.changed.notify_waiters();
    }
}

/// The fault of a password that a place has seen, which nobody has taken.
fn without_verdict(place: &Place) -> Fault {
    let place = shown(place);
    let detail = format!("{place} saw the password earlier in this run, and said nothing of it");
    Fault::new(FaultKind::Skipped, detail)
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.doubt();
    }
}

#[cfg(test)]
mod tests;
