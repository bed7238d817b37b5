//! One connection from the first packet to the login: to a host, or to a jump host before it.
//!
//! In: a [`Door`], and the jump session to go through. Out: a logged-in link with what was agreed
//! on. A server that turns us away before the login is tried again, a few times and ever later: no
//! credential was offered yet, so nothing can be locked out.

use std::net::IpAddr;
use std::time::Duration;

use futures::FutureExt as _;
use russh::keys::ssh_key::HashAlg;
use tokio::time::{Instant, sleep};

use super::client::{Agreed, Purpose, Seen, server_text};
use super::handshake::{self, Link};
use super::jump::Slot;
use super::known_hosts::LookupName;
use super::login;
use super::policy::{self, Demands};
use super::wire::Carrier;
use super::{Ssh, faults};
use crate::inventory::host::{Account, Host, Jump, Legacy, LegacyAlgorithm};
use crate::model::capture::{LegacyUse, Negotiated};
use crate::model::deadline::Deadlines;
use crate::model::fault::{Fault, FaultKind};
use crate::transport::dial;

/// Pauses after being turned away; each is shortened at random by up to a half, so that hosts that
/// were turned away together do not come back together. Unit: milliseconds.
const PAUSES_MS: &[u64] = &[250, 500, 1_000, 2_000, 4_000, 8_000];

/// What is to be entered.
pub(super) struct Door<'a> {
    pub(super) address: &'a str,
    pub(super) port: u16,
    pub(super) account: &'a Account,
    /// Its name in `known_hosts`.
    pub(super) name: LookupName,
    pub(super) legacy: Option<&'a Legacy>,
    pub(super) post_quantum: bool,
}

/// A connection that has logged in.
pub(super) struct Entered {
    pub(super) link: Link,
    /// `None`: the jump host knows.
    pub(super) peer: Option<IpAddr>,
    pub(super) negotiated: Negotiated,
}

impl<'a> Door<'a> {
    /// The host itself.
    pub(super) fn of_host(host: &'a Host, account: &'a Account) -> Self {
        Self {
            address: &host.asset.address,
            port: host.asset.port,
            account,
            name: LookupName::of(host),
            legacy: host.legacy.as_deref(),
            post_quantum: host.require_pq,
        }
    }

    /// A jump host on a road.
    pub(super) fn of_jump(jump: &'a Jump, post_quantum: bool) -> Self {
        Self {
            address: &jump.address,
            port: jump.port,
            account: &jump.account,
            name: LookupName::new(&jump.address, jump.port, jump.host_key_alias.as_deref()),
            legacy: jump.legacy.as_deref(),
            post_quantum,
        }
    }

    fn demands(&self) -> Demands {
        let legacy = self.legacy.map(|legacy| legacy.algorithms.clone()).unwrap_or_default();
        Demands { legacy, post_quantum: self.post_quantum, certificates: false }
    }
}

impl Ssh {
    /// Connects, checks the host key, logs in.
    pub(super) async fn enter(
        &self,
        door: &Door<'_>,
        slot: Option<&Slot>,
        deadlines: &Deadlines,
    ) -> Result<Entered, Fault> {
        self.check_legacy(door)?;
        let mut pauses = PAUSES_MS.iter().map(|pause| Duration::from_millis(*pause));
        let begun = Instant::now();
        let mut tries = 0;
        loop {
            // Errors of our own side come before the first packet.
            let place = (door.address, door.port);
            let offer = self.offer(door.account, place, slot.map(Slot::name)).await?;
            let passage = self.gates.pass(&offer.place.0, slot.map(Slot::gate)).await;
            let fault = match self.reach(door, slot, deadlines).await {
                Ok((mut link, peer)) => {
                    let login = login::login(&mut link, &offer, deadlines.authenticate);
                    let result = login.boxed().await;
                    passage.succeeded();
                    return match result {
                        Ok(identity) => {
                            let negotiated = negotiated(&link, identity, door.legacy);
                            Ok(Entered { link, peer, negotiated })
                        }
                        Err(fault) => {
                            link.leave().await;
                            Err(fault)
                        }
                    };
                }
                Err(fault) => fault,
            };
            if !faults::is_turned_away(&fault) {
                // Nothing was heard of a limit.
                drop(passage);
                return Err(fault);
            }
            passage.turned_away();
            // The other half of the host's time is for its answers.
            let late = |pause: &Duration| begun.elapsed() + *pause < deadlines.host / 2;
            tries += 1;
            let Some(pause) = pauses.next().filter(late) else {
                // A server that closes before any login is full, not broken: the class says so.
                let detail = format!("turned away {tries} times: {}", fault.detail);
                return Err(Fault::new(FaultKind::Quota, detail));
            };
            tracing::debug!(address = door.address, %fault, "turned away: tried again later");
            sleep(shortened(pause)).await;
        }
    }

    /// A connection whose key is trusted, nobody logged in.
    async fn reach(
        &self,
        door: &Door<'_>,
        slot: Option<&Slot>,
        deadlines: &Deadlines,
    ) -> Result<(Link, Option<IpAddr>), Fault> {
        let known = self.known_hosts.key_types(&door.name);
        let certificates = self.known_hosts.wants_certificate(&door.name);
        let demands = Demands { certificates, ..door.demands() };
        let config = self.policies.config(&known, &demands, deadlines)?;
        let (carrier, peer) = match slot {
            None => {
                let tcp = dial::dial(door.address, door.port, deadlines.connect).await?;
                let peer = tcp.peer_addr().map_err(|error| {
                    Fault::new(FaultKind::Lost, format!("after connecting: {error}"))
                })?;
                (Carrier::Tcp(tcp), Some(peer.ip()))
            }
            Some(slot) => {
                let channel = slot.dial(door.address, door.port, deadlines.connect).await?;
                // The jump host resolves names; an address was asked for as it is.
                (Carrier::Channel(channel), door.address.parse().ok())
            }
        };
        let known = std::sync::Arc::clone(&self.known_hosts);
        let purpose = Purpose::Visit { known, name: door.name.clone(), clock: self.clock };
        let link = handshake::handshake(carrier, config, purpose, Seen::default(), deadlines).await;
        match (link, slot) {
            (Ok(link), _) => Ok((link, peer)),
            (Err(fault), Some(slot)) if may_be_the_jumps(&fault) => {
                Err(slot.lost().await.unwrap_or(fault))
            }
            (Err(fault), _) => Err(explained(fault, door)),
        }
    }

    /// Old algorithms are not used after their last day, and the host is not visited without: it
    /// would only fail later and say less.
    fn check_legacy(&self, door: &Door<'_>) -> Result<(), Fault> {
        let Some(legacy) = door.legacy else { return Ok(()) };
        if legacy.days_left(self.clock.utc()) >= 0 {
            return Ok(());
        }
        let detail =
            format!("its old algorithms were allowed until {} ({})", legacy.expires, legacy.reason);
        Err(Fault::new(FaultKind::Policy, detail))
    }
}

/// A jump host that goes away ends the connections through it: those look like this.
fn may_be_the_jumps(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::Quota | FaultKind::Lost)
}

/// Says what the inventory demands when that is why there was nothing in common.
fn explained(fault: Fault, door: &Door<'_>) -> Fault {
    if fault.kind == FaultKind::KexNoCommon && door.post_quantum {
        let detail = format!("{}; its segment demands a post-quantum key exchange", fault.detail);
        return Fault::new(FaultKind::Policy, detail);
    }
    fault
}

/// At random between a half and the whole.
fn shortened(pause: Duration) -> Duration {
    let mut byte = [0_u8];
    // Without randomness all wait the whole time.
    let random = rustix::rand::getrandom(&mut byte, rustix::rand::GetRandomFlags::empty());
    let share = random.map_or(0, |_| u32::from(byte[0]));
    pause.saturating_sub(pause * share / 510)
}

/// The record of what was agreed on.
fn negotiated(link: &Link, identity: String, allowed: Option<&Legacy>) -> Negotiated {
    let notes = link.seen.notes();
    let key = notes.host_key.as_ref();
    let agreed = notes.agreed.as_ref();
    let text = |pick: fn(&Agreed) -> &str| agreed.map(pick).unwrap_or_default().to_owned();
    let cipher = text(|agreed| &agreed.cipher);
    let mac = if policy::is_aead(&cipher) { String::new() } else { text(|agreed| &agreed.mac) };
    let mut negotiated = Negotiated {
        server: server_text(&link.observed.last_line()),
        host_key: key.map(|key| key.fingerprint(HashAlg::Sha256).to_string()).unwrap_or_default(),
        host_key_algorithm: text(|agreed| agreed.host_key_algorithm.as_str()),
        kex: text(|agreed| &agreed.kex),
        cipher,
        mac,
        strict_kex: agreed.is_some_and(|agreed| agreed.strict_kex),
        identity,
        jumps: Vec::new(),
        legacy: None,
        host_certificate: notes.host_certificate.clone(),
    };
    negotiated.legacy = legacy_use(&negotiated, allowed);
    negotiated
}

/// The old algorithms among those that were agreed on.
fn legacy_use(agreed: &Negotiated, allowed: Option<&Legacy>) -> Option<LegacyUse> {
    let allowed = allowed?;
    let all = [&agreed.host_key_algorithm, &agreed.kex, &agreed.cipher, &agreed.mac];
    let old = all.into_iter().filter(|name| LegacyAlgorithm::parse(name).is_some());
    let algorithms: Vec<String> = old.cloned().collect();
    if algorithms.is_empty() {
        return None;
    }
    let (reason, expires) = (allowed.reason.clone(), allowed.expires.to_string());
    Some(LegacyUse { algorithms, reason, expires })
}
