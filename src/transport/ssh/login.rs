//! Authentication: the identities of an account in their order, each offered once, on a connection
//! whose host key is trusted.
//!
//! In: the connection, what may be offered. Out: what logged in, or why nothing did. The next
//! identity follows when the server refused the one before or wants a second factor, and only if
//! the server says that it takes its kind.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use russh::client::AuthResult;
use russh::keys::PrivateKeyWithHashAlg;
use russh::keys::agent::client::AgentClient;
use russh::keys::ssh_key::HashAlg;
use russh::{MethodKind, MethodSet};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};

use super::certificate::Certified;
use super::handshake::Link;
use super::identity::{Proof, Signer, Unlocked};
use super::interactive;
use super::signer::{AgentSigner, FileSigner, Unsigned};
use crate::model::fault::{Fault, FaultKind};
use crate::model::text::escape;
use crate::transport::clock::Clock;
use crate::transport::lockout::{Lockout, Place, Turn};

/// What may be offered to one host.
pub(super) struct Offer<'a> {
    pub(super) place: Place,
    pub(super) user: &'a str,
    pub(super) credentials: Vec<Arc<Unlocked>>,
    pub(super) lockout: &'a Arc<Lockout>,
    pub(super) clock: Clock,
}

/// Logs in. `limit` is for all that the server has to say, not for waiting for other hosts. The
/// text is for the record: what was used, several joined by ` + `.
pub(super) async fn login(
    link: &mut Link,
    offer: &Offer<'_>,
    limit: Duration,
) -> Result<String, Fault> {
    let mut talk =
        Talk { link, offer, left: limit, limit, methods: None, used: Vec::new(), asked: false };
    let mut refused: Vec<&str> = Vec::new();
    let mut password_refused = false;
    for credential in &offer.credentials {
        // A second password for an account that has refused one is how accounts get locked.
        if password_refused && credential.is_password() {
            continue;
        }
        match talk.offer(credential).await? {
            Step::In => {
                talk.accepted(credential);
                return Ok(talk.used.join(" + "));
            }
            Step::InWithout => {
                return Ok("none: the server asked for no credential".to_owned());
            }
            Step::More => talk.accepted(credential),
            Step::Refused => {
                password_refused |= credential.is_password();
                refused.push(&credential.label);
            }
            Step::NotTaken => {}
        }
        if talk.link.handle.is_closed() {
            break;
        }
    }
    Err(talk.refusal(&refused).await)
}

/// What came of one credential.
enum Step {
    /// Logged in.
    In,
    /// Logged in before anything was offered.
    InWithout,
    /// Accepted, and the server wants more.
    More,
    /// Refused.
    Refused,
    /// Not offered: the server does not take its kind.
    NotTaken,
}

/// Why a credential came to no answer.
struct Trouble {
    fault: Fault,
    /// It was offered: it must not be offered to this host again.
    offered: bool,
}

impl Trouble {
    fn before(kind: FaultKind, detail: impl Into<String>) -> Self {
        Self { fault: Fault::new(kind, detail), offered: false }
    }
}

/// A login in progress.
struct Talk<'a> {
    link: &'a mut Link,
    offer: &'a Offer<'a>,
    left: Duration,
    limit: Duration,
    /// What the server takes now, as far as it said.
    methods: Option<MethodSet>,
    /// What it has accepted so far.
    used: Vec<String>,
    /// The last password went as the answer to a question.
    asked: bool,
}

impl Talk<'_> {
    /// Offers one credential, within what is left of the time.
    async fn offer(&mut self, credential: &Unlocked) -> Result<Step, Fault> {
        let result = match &credential.proof {
            Proof::Key(signer, certified) => {
                if self.methods.as_ref().is_some_and(|m| !m.contains(&MethodKind::PublicKey)) {
                    return Ok(Step::NotTaken);
                }
                let (begun, left) = (self.offer.clock.instant(), self.left);
                let asked = self.key(signer, certified.as_deref()).boxed();
                let answer = timeout(left, asked).await;
                self.spent(begun, answer)
            }
            Proof::Password(secret) => return self.password(credential, secret).await,
            // The keyring gives SSH none.
            Proof::Tls(_) => return Ok(Step::NotTaken),
        };
        self.step(credential, result)
    }

    /// Notes for the record what was accepted.
    fn accepted(&mut self, credential: &Unlocked) {
        let asked = credential.is_password() && self.asked;
        let how = if asked { " (keyboard-interactive)" } else { "" };
        self.used.push(format!("{}{how}", credential.label));
    }

    /// Takes the time that an answer took off what is left.
    fn spent<T>(
        &mut self,
        begun: Instant,
        answer: Result<Result<T, Trouble>, Elapsed>,
    ) -> Result<T, Trouble> {
        self.left = self.left.saturating_sub(begun.elapsed());
        answer.unwrap_or_else(|_| {
            let (seconds, user) = (self.limit.as_secs_f64(), escape(self.offer.user.as_bytes()));
            let detail = format!("no answer to the login of `{user}` in {seconds} s");
            Err(Trouble { fault: Fault::new(FaultKind::Deadline, detail), offered: true })
        })
    }

    /// Notes what a server said.
    fn step(
        &mut self,
        credential: &Unlocked,
        result: Result<AuthResult, Trouble>,
    ) -> Result<Step, Fault> {
        let Offer { place, user, lockout, .. } = self.offer;
        match result {
            Ok(AuthResult::Success) => Ok(Step::In),
            Ok(AuthResult::Failure { remaining_methods, partial_success }) => {
                self.methods = Some(remaining_methods);
                if partial_success {
                    return Ok(Step::More);
                }
                lockout.refuse(place, user, credential);
                Ok(Step::Refused)
            }
            Err(trouble) => {
                if trouble.offered {
                    lockout.refuse(place, user, credential);
                }
                Err(trouble.fault)
            }
        }
    }

    /// Offers a key or its certificate.
    async fn key(
        &mut self,
        signer: &Signer,
        certified: Option<&Certified>,
    ) -> Result<AuthResult, Trouble> {
        let now = self.offer.clock.utc();
        if let Some(ended) = certified.filter(|certified| certified.has_ended(now)) {
            let detail = format!("{}: it expired during the run", ended.label);
            return Err(Trouble::before(FaultKind::Internal, detail));
        }
        let user = self.offer.user;
        let certificate = certified.map(|certified| certified.certificate.clone());
        let result = match signer {
            Signer::File(key) => {
                let hash = rsa_hash(self.link, key.algorithm().is_rsa()).await?;
                let handle = &mut self.link.handle;
                match certificate {
                    None => {
                        let key = PrivateKeyWithHashAlg::new(Arc::clone(key), hash);
                        handle.authenticate_publickey(user, key).await.map_err(|_| Unsigned::Gone)
                    }
                    Some(certificate) => {
                        let mut signer = FileSigner(Arc::clone(key));
                        handle
                            .authenticate_certificate_with(user, certificate, hash, &mut signer)
                            .await
                    }
                }
            }
            Signer::Agent { socket, key, certified } => {
                let hash = rsa_hash(self.link, key.algorithm().is_rsa()).await?;
                let mut agent = AgentClient::connect_uds(socket).await.map_err(|error| {
                    let detail = format!("ssh-agent does not answer: {error}");
                    Trouble::before(FaultKind::Internal, detail)
                })?;
                let handle = &mut self.link.handle;
                if let Some(binding) = handle.agent_session_binding() {
                    // Agents before OpenSSH 8.9 do not know this; keys bound to hosts then refuse
                    // to sign, all others are not affected.
                    let _ = agent.bind_session(binding, false).await;
                }
                let plain = (!certified).then(|| key.clone());
                let mut signer = AgentSigner { agent, plain };
                match certificate {
                    None => {
                        handle
                            .authenticate_publickey_with(user, key.clone(), hash, &mut signer)
                            .await
                    }
                    Some(certificate) => {
                        handle
                            .authenticate_certificate_with(user, certificate, hash, &mut signer)
                            .await
                    }
                }
            }
        };
        match result {
            Ok(result) => Ok(result),
            Err(Unsigned::Gone) => Err(self.lost().await),
            Err(Unsigned::Refused(reason)) => {
                let reason = escape(reason.as_bytes());
                let whose =
                    if matches!(signer, Signer::Agent { .. }) { "ssh-agent" } else { "the key" };
                let detail = format!("{whose} did not sign: {reason}");
                Err(Trouble::before(FaultKind::Internal, detail))
            }
        }
    }

    /// Offers a password in the one way that the server takes it.
    async fn password(
        &mut self,
        credential: &Unlocked,
        secret: &SecretString,
    ) -> Result<Step, Fault> {
        if self.methods.is_none() {
            // Asked first, since a password sent in a way that the server does not take is a
            // failed attempt. OpenSSH and dropbear do not count this question as one.
            let (begun, left) = (self.offer.clock.instant(), self.left);
            let answer = timeout(left, self.nothing().boxed()).await;
            match self.spent(begun, answer).map_err(|trouble| trouble.fault)? {
                AuthResult::Success => return Ok(Step::InWithout),
                AuthResult::Failure { remaining_methods, .. } => {
                    self.methods = Some(remaining_methods);
                }
            }
        }
        let Some(way) = self.methods.as_ref().and_then(interactive::way) else {
            return Ok(Step::NotTaken);
        };
        let turn = self.offer.lockout.turn(&self.offer.place, self.offer.user, credential).await?;
        self.asked = way == MethodKind::KeyboardInteractive;
        let (begun, left) = (self.offer.clock.instant(), self.left);
        let asked = match way {
            MethodKind::Password => self.plain_password(&turn, secret).boxed(),
            _ => self.interactive(&turn, secret).boxed(),
        };
        let answer = timeout(left, asked).await;
        let result = self.spent(begun, answer);
        match &result {
            Ok(AuthResult::Success | AuthResult::Failure { partial_success: true, .. }) => {
                turn.taken();
            }
            // A refusal has stopped it by now; without one the server did not come to see it.
            Ok(AuthResult::Failure { .. }) | Err(Trouble { offered: false, .. }) => turn.unseen(),
            // It may have counted an attempt: dropping the turn says so.
            Err(_) => {}
        }
        self.step(credential, result)
    }

    /// Offers nothing, to hear what the server takes (RFC 4252, section 5.2).
    async fn nothing(&mut self) -> Result<AuthResult, Trouble> {
        match self.link.handle.authenticate_none(self.offer.user).await {
            Ok(result) => Ok(result),
            Err(_) => Err(self.lost().await),
        }
    }

    /// RFC 4252, section 8. russh takes a copy, which it wipes.
    async fn plain_password(
        &mut self,
        turn: &Turn,
        secret: &SecretString,
    ) -> Result<AuthResult, Trouble> {
        let user = self.offer.user;
        match self.link.handle.authenticate_password(user, secret.expose_secret()).await {
            Ok(AuthResult::Failure { partial_success: false, .. })
                if self.link.handle.is_closed() && !self.closed_after_refusal().await =>
            {
                Err(self.lost().await)
            }
            Ok(result) => {
                if matches!(result, AuthResult::Failure { partial_success: false, .. }) {
                    turn.stop("refused it");
                }
                Ok(result)
            }
            Err(_) => Err(self.lost().await),
        }
    }

    async fn interactive(
        &mut self,
        turn: &Turn,
        secret: &SecretString,
    ) -> Result<AuthResult, Trouble> {
        match interactive::converse(self.link, self.offer.user, secret).await {
            Ok(verdict) => {
                let refused =
                    matches!(verdict.result, AuthResult::Failure { partial_success: false, .. });
                if refused && verdict.answered {
                    turn.stop("refused it");
                }
                Ok(verdict.result)
            }
            Err(broken) => {
                let Some(mut fault) = broken.fault else { return Err(self.lost().await) };
                if broken.refused || fault.kind == FaultKind::PasswordExpired {
                    let why = if broken.refused { "refused it" } else { "wants a new one" };
                    turn.stop(why);
                }
                let user = escape(self.offer.user.as_bytes());
                fault.detail = format!("`{user}`: {}", fault.detail);
                Err(Trouble { fault, offered: broken.answered })
            }
        }
    }

    /// The connection ended in the middle.
    async fn lost(&mut self) -> Trouble {
        let ending = self.link.ending().await;
        let user = escape(self.offer.user.as_bytes());
        let detail = format!("during the login of `{user}`, {}", ending.reason);
        Trouble { fault: Fault::new(FaultKind::Lost, detail), offered: true }
    }

    /// Whether a connection that has ended did so because of a refusal.
    async fn closed_after_refusal(&mut self) -> bool {
        let ending = self.link.ending().await;
        ending.by_message || ending.reason.contains(NO_METHOD_LEFT)
    }

    /// Nothing logged in: all was refused, or the connection has ended in the middle.
    async fn refusal(&mut self, refused: &[&str]) -> Fault {
        let user = escape(self.offer.user.as_bytes());
        let wanted = wanted(self.methods.as_ref());
        let mut detail = match (self.used.is_empty(), refused.is_empty()) {
            (false, _) => {
                let accepted = self.used.join(" + ");
                format!(
                    "`{user}` with {accepted}: accepted, but the server wants a second factor{wanted}"
                )
            }
            (true, false) => format!("`{user}` with {} was refused", refused.join(", then ")),
            (true, true) => format!("`{user}` has nothing that the server takes{wanted}"),
        };
        let mut kind = FaultKind::AuthRefused;
        if self.link.handle.is_closed() {
            let ending = self.link.ending().await;
            if ending.by_message {
                detail = format!("{detail}: {}", ending.reason);
            } else if !ending.reason.contains(NO_METHOD_LEFT) {
                kind = FaultKind::Lost;
                detail = format!("during the login of `{user}`, {}", ending.reason);
            }
        }
        let banner = self.link.seen.notes().banner.clone();
        if let Some(banner) = banner.filter(|text| !text.is_empty()) {
            detail = format!("{detail} (banner: {banner})");
        }
        Fault::new(kind, detail)
    }
}

/// russh's words when a server refuses and names no further method.
const NO_METHOD_LEFT: &str = "No authentication method";

/// What the server takes, for a message.
fn wanted(methods: Option<&MethodSet>) -> String {
    let names: Vec<&str> = methods.map(|m| m.iter().map(Into::into).collect()).unwrap_or_default();
    if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
}

/// The hash for an RSA signature: never SHA-1. A server that announces nothing is tried with
/// SHA-512, which OpenSSH knows since 7.2. Asking waits up to a second, so only for RSA.
async fn rsa_hash(link: &Link, is_rsa: bool) -> Result<Option<HashAlg>, Trouble> {
    if !is_rsa {
        return Ok(None);
    }
    match link.handle.best_supported_rsa_hash().await {
        Ok(Some(Some(hash))) => Ok(Some(hash)),
        Ok(None) => Ok(Some(HashAlg::Sha512)),
        Ok(Some(None)) => Err(Trouble::before(
            FaultKind::AuthRefused,
            "the server takes RSA keys with SHA-1 only; use an ed25519 key",
        )),
        Err(error) => {
            let detail = format!("before the login: {}", escape(error.to_string().as_bytes()));
            Err(Trouble::before(FaultKind::Lost, detail))
        }
    }
}
