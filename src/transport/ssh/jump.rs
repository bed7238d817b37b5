//! Sessions of jump hosts, shared by the hosts behind them.
//!
//! In: a road of an inventory. Out: a [`Slot`], the right to open channels through the last jump
//! host of the road. A session takes a bounded number of tenants; when it is full another one is
//! opened. A jump host that cannot be entered is not tried for every host behind it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use russh::{ChannelOpenFailure, ChannelStream, Error};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::enter::{Door, Entered};
use super::gate::{Gate, Gates};
use super::handshake::Link;
use super::{Ssh, client};
use crate::inventory::host::Jump;
use crate::model::capture::{Hop, Negotiated};
use crate::model::deadline::Deadlines;
use crate::model::fault::{Fault, FaultKind, Retry};
use crate::model::text::escape;

/// Hosts that share one session of a jump host. All their bytes go through one TCP connection and
/// one cipher stream; 40 were measured to work, and a lost session costs as many visits.
const TENANTS_MAX: usize = 32;

/// Failures in a row after which a jump host is left alone for a while.
const FAILURES_MAX: u32 = 3;

/// First pause; doubled after each further failure.
const PAUSE: Duration = Duration::from_secs(30);

/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_mins(10);

/// A session without tenants is closed after this.
const IDLE_MAX: Duration = Duration::from_mins(1);

/// Time for the ends of a session and of its channels to be seen in whatever order.
const END_SEEN: Duration = Duration::from_millis(200);

/// Sessions of all jump hosts of a run.
#[derive(Debug, Default)]
pub(super) struct Jumps(Mutex<HashMap<Key, Arc<Station>>>);

/// The names on the road, and whether all of it must be post-quantum.
type Key = (Vec<String>, bool);

/// All sessions of one jump host.
#[derive(Debug)]
struct Station {
    /// One opens, the others wait for what comes of it.
    opening: Semaphore,
    gate: Arc<Gate>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    shards: Vec<Arc<Shard>>,
    trouble: Option<Trouble>,
}

/// What went wrong last, and how long it counts.
#[derive(Debug)]
struct Trouble {
    fault: Fault,
    failures: u32,
    /// `None`: for the rest of the run.
    until: Option<Instant>,
}

/// One session of a jump host.
#[derive(Debug)]
struct Shard {
    jump: Arc<Jump>,
    link: Link,
    negotiated: Negotiated,
    /// The session it goes through itself.
    outer: Option<Slot>,
    gate: Arc<Gate>,
    places: Arc<Semaphore>,
    left: Mutex<Instant>,
    /// Channels that are being opened. A caller that gave up leaves its own here, so that one that
    /// opens late is closed.
    opening: Mutex<JoinSet<()>>,
}

/// A tenant's place in a session.
#[derive(Debug)]
pub(super) struct Slot {
    shard: Arc<Shard>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Slot {
    fn drop(&mut self) {
        *lock(&self.shard.left) = Instant::now();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Station {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            opening: Semaphore::new(1),
            gate: Gates::through_jump(),
            state: Mutex::default(),
        })
    }

    /// A place in a session that stands, or the reason why none is opened. `None`: open one.
    fn ready(&self) -> Option<Result<Slot, Fault>> {
        let mut state = lock(&self.state);
        state.shards.retain(|shard| !shard.link.handle.is_closed());
        let slot = state.shards.iter().find_map(|shard| {
            let place = Arc::clone(&shard.places).try_acquire_owned().ok()?;
            Some(Slot { shard: Arc::clone(shard), _place: place })
        });
        if let Some(slot) = slot {
            return Some(Ok(slot));
        }
        let trouble = state.trouble.as_ref()?;
        let counts = trouble.until.is_none_or(|until| Instant::now() < until);
        if counts { Some(Err(trouble.fault.clone())) } else { None }
    }

    fn failed(&self, fault: &Fault) {
        let mut state = lock(&self.state);
        let failures = state.trouble.as_ref().map_or(0, |trouble| trouble.failures) + 1;
        let until = match fault.kind.retry() {
            Retry::Never if fault.kind != FaultKind::Deadline => None,
            Retry::Never | Retry::Later => Some(Instant::now() + pause(failures)),
        };
        state.trouble = Some(Trouble { fault: fault.clone(), failures, until });
    }

    fn entered(&self, shard: Arc<Shard>) -> Option<Slot> {
        let mut state = lock(&self.state);
        state.trouble = None;
        let place = Arc::clone(&shard.places).try_acquire_owned().ok()?;
        state.shards.push(Arc::clone(&shard));
        Some(Slot { shard, _place: place })
    }

    /// Takes out the sessions that nobody has used for a while.
    fn idle(&self, out: &mut Vec<Arc<Shard>>) {
        lock(&self.state).shards.retain(|shard| {
            let idle = shard.places.available_permits() == TENANTS_MAX
                && lock(&shard.left).elapsed() >= IDLE_MAX;
            if idle {
                out.push(Arc::clone(shard));
            }
            !idle
        });
    }
}

/// How long a jump host is left alone after so many failures in a row.
fn pause(failures: u32) -> Duration {
    match failures.checked_sub(FAILURES_MAX) {
        None => Duration::ZERO,
        Some(more) => PAUSE.saturating_mul(1 << more.min(8)).min(PAUSE_MAX),
    }
}

impl Jumps {
    /// A place in a session of the last jump host of a road. `None`: the road is empty.
    pub(super) fn lease<'a>(
        &'a self,
        ssh: &'a Ssh,
        road: &'a [Arc<Jump>],
        post_quantum: bool,
        deadlines: &'a Deadlines,
    ) -> BoxFuture<'a, Result<Option<Slot>, Fault>> {
        async move {
            let Some((jump, before)) = road.split_last() else { return Ok(None) };
            let station = self.station(road, post_quantum);
            if let Some(ready) = station.ready() {
                return ready.map(Some);
            }
            // Never closed; and an error would only mean that two open at once.
            let _turn = station.opening.acquire().await.ok();
            if let Some(ready) = station.ready() {
                return ready.map(Some);
            }
            let entered = async {
                let outer = self.lease(ssh, before, post_quantum, deadlines).await?;
                let door = Door::of_jump(jump, post_quantum);
                let entered = ssh.enter(&door, outer.as_ref(), deadlines).await;
                entered.map(|entered| (entered, outer)).map_err(|fault| at_jump(jump, fault))
            };
            match entered.await {
                Ok((entered, outer)) => {
                    let shard = Shard::new(jump, entered, outer, &station.gate);
                    Ok(station.entered(shard))
                }
                Err(fault) => {
                    station.failed(&fault);
                    Err(fault)
                }
            }
        }
        .boxed()
    }

    fn station(&self, road: &[Arc<Jump>], post_quantum: bool) -> Arc<Station> {
        let names = road.iter().map(|jump| format!("{}@{}:{}", jump.name, jump.address, jump.port));
        let key = (names.collect(), post_quantum);
        Arc::clone(lock(&self.0).entry(key).or_insert_with(Station::new))
    }

    /// Closes sessions that nobody uses any more.
    pub(super) async fn sweep(&self) {
        let stations: Vec<_> = lock(&self.0).values().cloned().collect();
        let mut idle = Vec::new();
        for station in stations {
            station.idle(&mut idle);
        }
        for shard in idle {
            shard.link.goodbye().await;
        }
    }

    /// Closes all sessions, innermost first.
    pub(super) async fn close(&self) {
        let mut stations: Vec<_> = lock(&self.0).drain().collect();
        stations.sort_by_key(|((road, _), _)| std::cmp::Reverse(road.len()));
        for (_, station) in stations {
            let shards = std::mem::take(&mut lock(&station.state).shards);
            futures::future::join_all(shards.iter().map(|shard| shard.link.goodbye())).await;
        }
    }
}

impl Shard {
    fn new(jump: &Arc<Jump>, entered: Entered, outer: Option<Slot>, gate: &Arc<Gate>) -> Arc<Self> {
        Arc::new(Self {
            jump: Arc::clone(jump),
            link: entered.link,
            negotiated: entered.negotiated,
            outer,
            gate: Arc::clone(gate),
            places: Arc::new(Semaphore::new(TENANTS_MAX)),
            left: Mutex::new(Instant::now()),
            opening: Mutex::default(),
        })
    }

    /// Why the session does not stand any more. `None`: it does.
    fn lost(&self) -> Option<Fault> {
        if let Some(fault) = self.outer.as_ref().and_then(|outer| outer.shard.lost()) {
            return Some(fault);
        }
        if !self.link.handle.is_closed() {
            return None;
        }
        let ending = self.link.seen.notes().ending.clone();
        let reason = ending.map_or_else(|| "the connection is gone".into(), |e| e.reason);
        Some(Fault::new(FaultKind::JumpLost, format!("via {}: {reason}", self.jump.name)))
    }

    fn open(self: &Arc<Self>, address: &str, port: u16) -> oneshot::Receiver<Opened> {
        let (sender, receiver) = oneshot::channel();
        let (shard, address) = (Arc::clone(self), address.to_owned());
        let mut opening = lock(&self.opening);
        while opening.try_join_next().is_some() {}
        opening.spawn(async move {
            // The originator is for the jump host's log only; it is told nothing of us.
            let handle = &shard.link.handle;
            let opened =
                handle.channel_open_direct_tcpip(address, port.into(), "127.0.0.1", 0).await;
            let opened = match opened {
                Ok(channel) => Ok(channel.into_stream()),
                Err(Error::ChannelOpenFailure(reason)) => {
                    // Asked for even when nobody waits any more: the words are this channel's.
                    Err(Some((reason, shard.link.seen.open_refusal().await)))
                }
                Err(_) => Err(None),
            };
            drop(shard);
            // Nobody waits any more: the channel is closed by being dropped.
            let _ = sender.send(opened);
        });
        receiver
    }
}

/// A stream, or why the jump host opened none, with its words. No reason: the session ended.
type Opened =
    Result<ChannelStream<russh::client::Msg>, Option<(ChannelOpenFailure, Option<String>)>>;

impl Slot {
    /// The jump host's name.
    pub(super) fn name(&self) -> String {
        self.shard.jump.name.to_string()
    }

    /// The gate of handshakes through this jump host.
    pub(super) fn gate(&self) -> &Arc<Gate> {
        &self.shard.gate
    }

    /// Has the jump host connect to an address. It resolves the name.
    pub(super) async fn dial(
        &self,
        address: &str,
        port: u16,
        limit: Duration,
    ) -> Result<ChannelStream<russh::client::Msg>, Fault> {
        let jump = &self.shard.jump.name;
        let shown = format!("{}:{port}", escape(address.as_bytes()));
        match timeout(limit, self.shard.open(address, port)).await {
            Ok(Ok(Ok(stream))) => Ok(stream),
            Ok(Ok(Err(Some((reason, said))))) => {
                Err(not_opened(jump.as_str(), &shown, &reason, said.as_deref()))
            }
            Ok(_) => Err(self.lost().await.unwrap_or_else(|| {
                let detail = format!("via {jump}: the connection ended");
                Fault::new(FaultKind::JumpLost, detail)
            })),
            Err(_) => {
                let seconds = limit.as_secs_f64();
                let detail = format!("{jump} got no answer from {shown} in {seconds} s");
                Err(Fault::new(FaultKind::ConnectTimeout, detail))
            }
        }
    }

    /// Why the way does not stand any more; the outermost jump host that is gone is named.
    /// `None`: it does, so what went wrong is the host's.
    pub(super) async fn lost(&self) -> Option<Fault> {
        let begun = Instant::now();
        loop {
            let lost = self.shard.lost();
            if lost.is_some() || begun.elapsed() >= END_SEEN {
                return lost;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The jump hosts on the way, outermost first, for the record.
    pub(super) fn hops(&self) -> Vec<Hop> {
        let mut hops = self.shard.outer.as_ref().map(Self::hops).unwrap_or_default();
        let Shard { jump, negotiated, .. } = &*self.shard;
        hops.push(Hop {
            name: jump.name.clone(),
            address: jump.address.clone(),
            port: jump.port,
            account: jump.account.user.clone(),
            negotiated: Negotiated { jumps: Vec::new(), ..negotiated.clone() },
        });
        hops
    }
}

/// The fault of a jump host as the fault of a host behind it. What concerns trust and algorithms
/// keeps its class, so that no alarm is lost and the remedy is the right one; the others become the jump host's own classes, so that neither the
/// host nor its account is blamed.
fn at_jump(jump: &Jump, fault: Fault) -> Fault {
    use FaultKind as Kind;
    let kind = match fault.kind {
        Kind::JumpLost | Kind::JumpRefused => return fault,
        kind @ (Kind::HostKeyUnknown
        | Kind::HostKeyChanged
        | Kind::KexNoCommon
        | Kind::Quota
        | Kind::Policy
        | Kind::Internal) => kind,
        Kind::Dns | Kind::Deadline => Kind::JumpLost,
        other if other.retry() == Retry::Later => Kind::JumpLost,
        _ => Kind::JumpRefused,
    };
    Fault::new(kind, format!("via {}: {}: {}", jump.name, fault.kind, fault.detail))
}

/// The fault of a host that a jump host did not connect to. `said`: its own words, escaped.
fn not_opened(jump: &str, shown: &str, reason: &ChannelOpenFailure, said: Option<&str>) -> Fault {
    use FaultKind as Kind;
    let words = said.unwrap_or_default().to_ascii_lowercase();
    let has = |text: &str| words.contains(text);
    let kind = match reason {
        ChannelOpenFailure::AdministrativelyProhibited | ChannelOpenFailure::UnknownChannelType => {
            let said = said.unwrap_or("administratively prohibited");
            let detail = format!("via {jump}: it does not forward to {shown}: {said}");
            return Fault::new(Kind::JumpRefused, detail);
        }
        ChannelOpenFailure::ResourceShortage => Kind::Quota,
        _ if has("no route") || has("unreachable") => Kind::NoRoute,
        _ if has("timed out") => Kind::ConnectTimeout,
        _ if has("not known") || has("resolution") || has("unknown host") || has("no address") => {
            Kind::Dns
        }
        // What OpenSSH and dropbear say of a closed port; also of what they do not explain.
        _ => Kind::Refused,
    };
    let said =
        said.map_or_else(|| client::server_text(reason.description().as_bytes()), str::to_owned);
    Fault::new(kind, format!("{jump} cannot reach {shown}: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_host_is_left_alone_longer_and_longer() {
        let pauses: Vec<u64> = (1..=9).map(|failures| pause(failures).as_secs()).collect();
        assert_eq!(pauses, [0, 0, 30, 60, 120, 240, 480, 600, 600]);
    }
}
