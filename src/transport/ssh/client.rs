//! What a server may ask of us during a connection, and what we answer: the host key check, and
//! no to everything else.
//!
//! In: russh's callbacks. Out: notes in [`Seen`] that the connection's owner reads. A key that is
//! not trusted ends the connection here, before any credential is sent.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use russh::client::{ChannelOpenHandle, DisconnectReason, Handler, Msg, Session};
use russh::keys::ssh_key::{Certificate, HashAlg, PublicKey};
use russh::keys::{Algorithm, PublicKeyOrCertificate};
use russh::{Channel, ChannelOpenFailure, Names};

use super::known_hosts::{Decision, KnownHosts, LookupName, Objection, Place, Shown, Verdict};
use super::policy;
use crate::model::capture::HostCertificate;
use crate::model::fault::{Fault, FaultKind};
use crate::model::text::escape;
use crate::transport::clock::Clock;

/// Most bytes of a server's text that are kept for a message.
pub(super) const SERVER_TEXT_BYTES_MAX: usize = 512;

/// A server's text for one line of a message: cut and escaped.
pub(super) fn server_text(text: &[u8]) -> String {
    let text = text.trim_ascii();
    match text.get(..SERVER_TEXT_BYTES_MAX) {
        Some(head) if text.len() > SERVER_TEXT_BYTES_MAX => format!("{} [cut]", escape(head)),
        _ => escape(text),
    }
}

/// Why a connection ends from our side.
#[derive(Debug)]
pub(super) enum Stop {
    /// russh's reason.
    Ssh(russh::Error),
    /// Ours.
    Fault(Fault),
}

impl From<russh::Error> for Stop {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

/// What was agreed on, for the record.
#[derive(Clone, Debug)]
pub(super) struct Agreed {
    pub(super) kex: String,
    pub(super) host_key_algorithm: Algorithm,
    pub(super) cipher: String,
    pub(super) mac: String,
    pub(super) strict_kex: bool,
}

/// What was seen of the server so far.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) host_key: Option<PublicKey>,
    /// The certificate that was believed.
    pub(super) host_certificate: Option<HostCertificate>,
    /// The certificate that was shown, whatever came of it.
    pub(super) shown_certificate: Option<Certificate>,
    pub(super) agreed: Option<Agreed>,
    /// Banner before login, cut and escaped.
    pub(super) banner: Option<String>,
    /// Why the connection ended, cut and escaped.
    pub(super) ending: Option<Ending>,
    /// What the server said of channels that it did not open.
    pub(super) refusals: Refusals,
}

/// Words of a server on channels that it did not open. They come without saying which.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    waiting: Vec<String>,
    /// Different words wait together: none can be given to one channel for certain.
    mixed: bool,
}

impl Refusals {
    /// `None`: no words have come. Empty: whose they are is not certain.
    fn take(&mut self) -> Option<String> {
        let words = self.waiting.pop()?;
        let certain = !self.mixed;
        self.mixed &= !self.waiting.is_empty();
        Some(if certain { words } else { String::new() })
    }
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ending {
    /// The server said goodbye, rather than just being gone.
    pub(super) by_message: bool,
    /// One line, escaped.
    pub(super) reason: String,
}

/// Shared between the connection's task and its owner.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen(Arc<Mutex<Notes>>);

impl Seen {
    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the server said of a channel that it did not open, escaped. `None`: nothing, or it is
    /// not certain of which channel. Asked once for each.
    pub(super) async fn open_refusal(&self) -> Option<String> {
        // The words come right after the refusal itself.
        for _ in 0..20 {
            let words = self.notes().refusals.take();
            if let Some(words) = words {
                return if words.is_empty() { None } else { Some(words) };
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        None
    }
}

/// What the connection is for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// To log in, if the key is trusted.
    Visit {
        /// Trusted keys.
        known: Arc<KnownHosts>,
        /// The host's name among them.
        name: LookupName,
        /// The run's clock: certificates end.
        clock: Clock,
    },
    /// To learn the key, and nothing else.
    LearnKey,
}

/// The handler of one connection.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) purpose: Purpose,
    pub(super) seen: Seen,
}

impl Client {
    /// Judges what the server showed; `key` is its key, alone or in the certificate.
    fn judge(
        &self,
        shown: &PublicKeyOrCertificate,
        key: &PublicKey,
    ) -> Result<Option<HostCertificate>, Fault> {
        let Purpose::Visit { known, name, clock } = &self.purpose else {
            return Err(Fault::new(FaultKind::Skipped, "the key was learned"));
        };
        let internal = |error| Fault::new(FaultKind::Internal, format!("host key: {error}"));
        let proof = match shown.certificate() {
            Some(certificate) => Shown::certificate(certificate).map_err(internal)?,
            None => Shown::key(&key.to_bytes().map_err(|error| internal(error.to_string()))?),
        };
        let verdict = known.judge(name, &proof, clock.utc());
        refuse(&verdict, name, key)?;
        // As ssh does: a bad certificate is no obstacle to a key that is known, but is said.
        if let Some(Objection::Bad(reason)) = &verdict.objection {
            let name = escape(name.as_str().as_bytes());
            tracing::warn!("the host key of `{name}` is known, but its certificate {reason}");
        }
        Ok(verdict.certificate)
    }
}

/// The fault of a key that is not trusted.
fn refuse(verdict: &Verdict, name: &LookupName, key: &PublicKey) -> Result<(), Fault> {
    let name = escape(name.as_str().as_bytes());
    let kind = key.algorithm();
    let mut shown =
        format!("{} {}", server_text(kind.as_str().as_bytes()), key.fingerprint(HashAlg::Sha256));
    if let Some(objection) = &verdict.objection {
        shown = format!("{shown} in a certificate that {}", objection.reason());
    }
    match &verdict.decision {
        Decision::Trusted(_) => Ok(()),
        Decision::Unknown => Err(Fault::new(
            FaultKind::HostKeyUnknown,
            format!("`{name}` is in no known_hosts file; it showed {shown}"),
        )),
        Decision::Changed(places) => Err(Fault::new(
            FaultKind::HostKeyChanged,
            format!("`{name}` showed {shown}; known with another key at {}", list(places)),
        )),
        Decision::Revoked(place) => Err(Fault::new(
            FaultKind::HostKeyChanged,
            format!("`{name}` showed {shown}, and that is revoked at {place}"),
        )),
    }
}

/// The first places; a name can stand in many lines.
fn list(places: &[Place]) -> String {
    let first: Vec<String> = places.iter().take(3).map(ToString::to_string).collect();
    let more = places.len().saturating_sub(3);
    let tail = if more > 0 { format!(" and {more} more lines") } else { String::new() };
    format!("{}{tail}", first.join(", "))
}

/// Every channel that a server opens is refused: a client of ours forwards nothing.
async fn refuse_channel(reply: ChannelOpenHandle) -> Result<(), Stop> {
    reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
    Ok(())
}

impl Handler for Client {
    type Error = Stop;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Stop> {
        let key = shown.public_key();
        let judged = self.judge(shown, &key);
        let mut notes = self.seen.notes();
        notes.host_key = Some(key);
        notes.shown_certificate = shown.certificate().cloned();
        notes.host_certificate = judged.map_err(Stop::Fault)?;
        Ok(true)
    }

    /// The shared secret is not looked at.
    async fn kex_done(
        &mut self,
        _: Option<&[u8]>,
        names: &Names,
        _: &mut Session,
    ) -> Result<(), Stop> {
        let agreed = Agreed {
            kex: names.kex.as_ref().to_owned(),
            host_key_algorithm: names.key.clone(),
            cipher: names.cipher.as_ref().to_owned(),
            mac: names.client_mac.as_ref().to_owned(),
            strict_kex: names.strict_kex(),
        };
        let mut notes = self.seen.notes();
        if notes.agreed.is_some() {
            // A later key exchange of the same connection: strictness was settled by the first.
            return Ok(());
        }
        if !agreed.strict_kex && policy::needs_strict_kex(&agreed.cipher, &agreed.mac) {
            let detail = format!(
                "the server has no strict key exchange, and `{}` is not safe without it \
                 (CVE-2023-48795)",
                agreed.cipher
            );
            return Err(Stop::Fault(Fault::new(FaultKind::KexNoCommon, detail)));
        }
        notes.agreed = Some(agreed);
        Ok(())
    }

    async fn auth_banner(&mut self, banner: &str, _: &mut Session) -> Result<(), Stop> {
        let text = server_text(banner.as_bytes());
        tracing::debug!(banner = text, "the server's login banner");
        self.seen.notes().banner = Some(text);
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Stop>) -> Result<(), Stop> {
        let (ending, result) = match reason {
            DisconnectReason::ReceivedDisconnect(goodbye) => {
                let text = server_text(goodbye.message.as_bytes());
                let reason = format!("the server said goodbye: {text}");
                (Ending { by_message: true, reason }, Ok(()))
            }
            DisconnectReason::Error(stop) => {
                let reason = super::faults::describe(&stop);
                (Ending { by_message: false, reason }, Err(stop))
            }
        };
        self.seen.notes().ending.get_or_insert(ending);
        result
    }

    async fn channel_open_failure(
        &mut self,
        _: russh::ChannelId,
        _: ChannelOpenFailure,
        words: &str,
        _: &str,
        _: &mut Session,
    ) -> Result<(), Stop> {
        let words = server_text(words.as_bytes());
        let refusals = &mut self.seen.notes().refusals;
        refusals.mixed |= refusals.waiting.last().is_some_and(|last| *last != words);
        refusals.waiting.push(words);
        Ok(())
    }

    async fn should_accept_unknown_server_channel(&mut self, _: russh::ChannelId, _: &str) -> bool {
        false
    }

    async fn server_channel_open_unknown(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Stop> {
        refuse_channel(reply).await
    }

    async fn server_channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Stop> {
        refuse_channel(reply).await
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Stop> {
        refuse_channel(reply).await
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Stop> {
        refuse_channel(reply).await
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Stop> {
        refuse_channel(reply).await
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Stop> {
        refuse_channel(reply).await
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Stop> {
        refuse_channel(reply).await
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Stop> {
        refuse_channel(reply).await
    }
}
