//! From a carrier to a server whose identity is proven: identification, key exchange,
//! host key check, each with its deadline.
//!
//! No credential is known here, so none can leak.

use std::sync::Arc;
use std::time::Duration;

use russh::Disconnect;
use russh::client::{Config, Handle, connect_stream};
use russh::keys::agent::AgentSessionBinding;
use russh::keys::{Algorithm, PublicKey};
use tokio::time::{sleep, timeout};

use super::client::{Client, Ending, Purpose, Seen};
use super::faults;
use super::wire::{self, Carrier, KillSwitch, Observed};
use crate::model::deadline::Deadlines;
use crate::model::fault::{Fault, FaultKind};

/// A connection to a server whose key is trusted. Dropping it closes the socket at once.
pub(super) struct Link {
    pub(super) handle: Handle<Client>,
    pub(super) seen: Seen,
    pub(super) observed: Arc<Observed>,
    kill: KillSwitch,
    /// The task has ended and been waited for.
    joined: bool,
}

/// Runs the handshake. `seen` is filled on the way, also when it fails.
pub(super) async fn handshake(
    carrier: Carrier,
    config: Arc<Config>,
    purpose: Purpose,
    seen: Seen,
    deadlines: &Deadlines,
) -> Result<Link, Fault> {
    let (wire, kill, observed) = wire::wrap(carrier);
    let client = Client { purpose, seen: seen.clone() };
    let mut connecting = Box::pin(connect_stream(config, wire, client));
    let first = timeout(deadlines.banner, async {
        tokio::select! {
            result = &mut connecting => Some(result),
            () = observed.identified() => None,
        }
    });
    let result = match first.await {
        Ok(Some(result)) => result,
        Ok(None) => timeout(deadlines.key_exchange, connecting)
            .await
            .map_err(|_| overdue(FaultKind::KexTimeout, deadlines.key_exchange))?,
        Err(_) => return Err(overdue(FaultKind::BannerTimeout, deadlines.banner)),
    };
    let handle = result.map_err(|stop| faults::before_login(&stop, &observed))?;
    check_signature(&handle, &seen)?;
    Ok(Link { handle, seen, observed, kill, joined: false })
}

fn overdue(kind: FaultKind, limit: Duration) -> Fault {
    let seconds = limit.as_secs_f64();
    let detail = match kind {
        FaultKind::BannerTimeout => format!("no identification line in {seconds} s"),
        _ => format!("the key exchange did not end in {seconds} s"),
    };
    Fault::new(kind, detail)
}

/// The server must have signed with the algorithm that was agreed on. russh takes the algorithm
/// from the signature itself, so without this a server could use SHA-1 that was never offered.
fn check_signature(handle: &Handle<Client>, seen: &Seen) -> Result<(), Fault> {
    let signature = handle.agent_session_binding().map(AgentSessionBinding::signature);
    let used = signature.and_then(|signature| {
        let (length, rest) = signature.split_first_chunk::<4>()?;
        rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)
    });
    let notes = seen.notes();
    let agreed = notes.agreed.as_ref().map(|agreed| agreed.host_key_algorithm.as_str());
    let key = notes.host_key.as_ref().map(PublicKey::algorithm);
    let same_kind = match (&key, notes.agreed.as_ref().map(|agreed| &agreed.host_key_algorithm)) {
        (Some(Algorithm::Rsa { .. }), Some(Algorithm::Rsa { .. })) => true,
        (Some(key), Some(agreed)) => key == agreed,
        _ => false,
    };
    if same_kind && used.is_some() && used == agreed.map(str::as_bytes) {
        return Ok(());
    }
    let used = super::client::server_text(used.unwrap_or_default());
    let detail = format!(
        "the server signed with `{used}`, but `{}` was agreed on",
        agreed.unwrap_or_default()
    );
    Err(Fault::new(FaultKind::KexNoCommon, detail))
}

impl Link {
    /// Why the connection ended, as its task saw it. Waits a second at most.
    pub(super) async fn ending(&mut self) -> Ending {
        let result = if self.joined {
            None
        } else {
            // The task ends by itself when the connection has; a second is ample.
            timeout(Duration::from_secs(1), &mut self.handle).await.ok()
        };
        self.joined |= result.is_some();
        if let Some(ending) = self.seen.notes().ending.clone() {
            return ending;
        }
        let reason = match result {
            Some(Ok(())) => "the server closed the connection".to_owned(),
            Some(Err(stop)) => faults::describe(&stop),
            None => "the connection does not answer".to_owned(),
        };
        Ending { by_message: false, reason }
    }

    /// Says goodbye to a connection that others may still hold. Takes half a second at most.
    pub(super) async fn goodbye(&self) {
        let goodbye = async {
            // A connection that has ended needs no goodbye.
            let _ = self.handle.disconnect(Disconnect::ByApplication, "done", "").await;
            while !self.handle.is_closed() {
                sleep(Duration::from_millis(2)).await;
            }
        };
        // The owner drops it all the same, which closes the socket.
        let _ = timeout(Duration::from_millis(500), goodbye).await;
    }

    /// Says goodbye if the server listens, then closes the socket and joins the task. Takes less
    /// than a second.
    pub(super) async fn leave(self) {
        let Self { mut handle, kill, joined, .. } = self;
        if joined {
            return;
        }
        let goodbye = async {
            // A connection that has ended needs no goodbye.
            let _ = handle.disconnect(Disconnect::ByApplication, "done", "").await;
            (&mut handle).await
        };
        let left = timeout(Duration::from_millis(500), goodbye).await;
        drop(kill);
        if left.is_err() {
            // How it ended does not matter any more, only that it did.
            let _ = timeout(Duration::from_millis(400), handle).await;
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("seen", &self.seen).finish_non_exhaustive()
    }
}
