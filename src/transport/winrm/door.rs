//! The way into one host: where it is, as whom, and what keeps accounts from being locked.

use std::sync::Arc;

use base64ct::{Base64, Encoding as _};
use hyper::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use zeroize::Zeroizing;

use crate::inventory::login::{Kdc, Mechanism, principal};
use crate::model::capture::Negotiated;
use crate::model::deadline::Deadlines;
use crate::model::fault::{Fault, FaultKind};
use crate::model::id::HostName;
use crate::transport::lockout::{self, Lockout, Turn};
use crate::transport::ssh::identity::Unlocked;
use crate::transport::winrm::auth::kdc::{Asked, Kdcs};
use crate::transport::winrm::auth::kerberos::KerberosContext;
use crate::transport::winrm::auth::ntlm::NtlmContext;
use crate::transport::winrm::auth::{NotIn, Shown};
use crate::transport::winrm::line::BUSY;
use crate::transport::winrm::shell::QUOTA_PAUSES;
use crate::transport::winrm::wire::{self, Connection, Place, Reached};

/// The `Authorization` of a login by client certificate. Source: [MS-WSMV] 2.2.4, DSP0226 C.3.
const MUTUAL: HeaderValue =
    HeaderValue::from_static("http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual");

/// Most logins of a run that ask for a ticket at once. MIT's KDC keeps 45 connections in all (krb5 1.20,
/// net-server.c), and drops the oldest for one more.
pub(super) const TICKETS_MAX: usize = 16;

/// What every connection to one host needs.
pub(super) struct Door {
    /// The host, as records name it.
    pub(super) host: HostName,
    pub(super) place: Place,
    pub(super) user: String,
    /// The account's password or client certificate, as the mechanism needs it.
    pub(super) credential: Arc<Unlocked>,
    pub(super) mechanism: Mechanism,
    /// Service principal, for Kerberos.
    pub(super) service: String,
    /// KDCs of the account's realm, for Kerberos.
    pub(super) kdcs: Vec<Kdc>,
    /// Who may ask for a ticket now, in the whole run.
    pub(super) tickets: Arc<Semaphore>,
    pub(super) lockout: Arc<Lockout>,
    pub(super) deadlines: Deadlines,
}

/// The right to show the account's password to one host (or, for Kerberos, to the KDC), taken when it
/// is about to be shown and not before: a host that is silent until then keeps no other from its turn.
pub(super) struct Showing<'a> {
    door: &'a Door,
    place: lockout::Place,
    turn: Option<Turn>,
}

impl Showing<'_> {
    /// Waits until the password may be shown. What shows that we know it is sent only after this.
    pub(super) async fn begin(&mut self) -> Result<(), Fault> {
        let Door { lockout, user, credential, .. } = self.door;
        if self.turn.is_none() {
            self.turn = Some(lockout.turn(&self.place, user, credential).await?);
        }
        Ok(())
    }
}

/// A login that the host has not yet proved to take: anybody can answer 200. Over HTTP only who knows
/// the password (or its hash) can seal an answer; over HTTPS an answer to our message is at least one of
/// a service. Dropped, its turn is a doubt, and the place does not see the password again.
pub(super) struct Unproven {
    /// `None`: there is no password.
    turn: Option<Turn>,
    place: lockout::Place,
    user: String,
    credential: Arc<Unlocked>,
    lockout: Arc<Lockout>,
}

impl Unproven {
    /// The host knows the password, which it has shown; or it says that it takes it.
    pub(super) fn prove(self, shown: bool) {
        match &self.turn {
            Some(turn) if shown => turn.proved(),
            Some(turn) => turn.taken(),
            None => {}
        }
    }

    /// It was not sent.
    pub(super) fn unseen(self) {
        if let Some(turn) = &self.turn {
            turn.unseen();
        }
    }

    /// The host refused it.
    pub(super) fn refused(self) {
        self.lockout.refuse(&self.place, &self.user, &self.credential);
        if let Some(turn) = &self.turn {
            turn.stop("refused it");
        }
    }
}

impl Door {
    /// Whether the host may be logged in to once more, where it may not have taken the first login.
    pub(super) fn is_proved(&self) -> bool {
        self.mechanism == Mechanism::Certificate
            || self.lockout.is_taken(&self.user, &self.credential)
    }

    /// Connects and logs in, once.
    pub(super) async fn enter(&self) -> Result<Connection, Fault> {
        let place = (self.place.address.to_ascii_lowercase(), self.place.port);
        self.lockout.admit(&place, &self.user, vec![Arc::clone(&self.credential)])?;
        let mut pauses = QUOTA_PAUSES.iter();
        loop {
            let reached = wire::reach(&self.place, &self.deadlines).await?;
            if self.mechanism == Mechanism::Certificate {
                let mut connection = reached.with_header(MUTUAL)?;
                connection.hold(self.unproven(None, place));
                return Ok(connection);
            }
            let mut showing = Showing { door: self, place: place.clone(), turn: None };
            match (self.log_in(reached, &mut showing).await, showing.turn) {
                (Ok(mut connection), turn) => {
                    connection.hold(self.unproven(turn, place));
                    return Ok(connection);
                }
                (Err(NotIn { fault, shown }), Some(turn)) => {
                    self.judge(&place, &turn, shown);
                    return Err(fault);
                }
                // It was shown nothing, so it may be asked again where it only was full.
                (Err(NotIn { fault, .. }), None) => {
                    match pauses.next().filter(|_| is_busy(&fault)) {
                        Some(pause) => sleep(*pause).await,
                        None => return Err(fault),
                    }
                }
            }
        }
    }

    /// What a login that failed says of the password.
    fn judge(&self, place: &lockout::Place, turn: &Turn, shown: Shown) {
        match shown {
            Shown::Refused => {
                self.lockout.refuse(place, &self.user, &self.credential);
                turn.stop("refused it");
            }
            // Whether a login that broke off counts, only the host knows.
            Shown::Perhaps => {
                self.lockout.broke_off(place, &self.user, &self.credential);
                turn.doubt();
            }
            Shown::Nothing => turn.unseen(),
        }
    }

    fn unproven(&self, turn: Option<Turn>, place: lockout::Place) -> Unproven {
        Unproven {
            turn,
            place,
            user: self.user.clone(),
            credential: Arc::clone(&self.credential),
            lockout: Arc::clone(&self.lockout),
        }
    }

    /// Logs in by the host's mechanism, and by no other.
    async fn log_in(
        &self,
        reached: Reached,
        showing: &mut Showing<'_>,
    ) -> Result<Connection, NotIn> {
        let password = self.credential.password().ok_or_else(|| unseen(no_password()))?;
        let limit = self.deadlines.authenticate;
        let binding = reached.channel.as_ref().and_then(|channel| channel.bound.clone());
        match self.mechanism {
            Mechanism::Ntlm => {
                let context = NtlmContext::new(&self.user, password, binding.as_deref());
                let context = Box::new(context.map_err(unseen)?);
                reached.log_in(context, limit, showing).await
            }
            Mechanism::Kerberos => {
                showing.begin().await.map_err(unseen)?;
                let context = self.ticket(password, binding.as_deref()).await?;
                // The KDC sealed the ticket with it: it is right, whatever the host says.
                if let Some(turn) = &showing.turn {
                    turn.proved();
                }
                reached.log_in(Box::new(context), limit, showing).await.map_err(
                    |NotIn { fault, .. }| {
                        if fault.kind != FaultKind::AuthRefused {
                            return unseen(fault);
                        }
                        let detail =
                            format!("the service refused the ticket for `{}`", self.service);
                        unseen(Fault::new(fault.kind, detail))
                    },
                )
            }
            Mechanism::Basic => {
                // Shown with the first request.
                showing.begin().await.map_err(unseen)?;
                let header = basic(&self.user, password);
                header.and_then(|header| reached.with_header(header)).map_err(unseen)
            }
            // Has no password.
            Mechanism::Certificate => Err(unseen(no_password())),
        }
    }

    /// A Kerberos context with a ticket for the host.
    async fn ticket(
        &self,
        password: &SecretString,
        binding: Option<&[u8]>,
    ) -> Result<KerberosContext, NotIn> {
        let limit = self.deadlines.authenticate;
        let (name, realm) = principal(&self.user).ok_or_else(|| {
            unseen(Fault::new(FaultKind::Internal, "the account's user names no realm"))
        })?;
        let asked = Asked { name, realm: &realm, service: &self.service };
        // Never closed.
        let _permit = self.tickets.acquire().await;
        let mut kdcs = Kdcs::new(&self.kdcs, self.deadlines.connect);
        let context = KerberosContext::begin(&asked, password, binding, &mut kdcs);
        let result = timeout(limit, context).await;
        result.unwrap_or_else(|_| {
            let detail = format!("no ticket came in {} s", limit.as_secs_f64());
            let fault = Fault::new(FaultKind::KdcUnreachable, detail);
            Err(NotIn { fault, shown: kdcs.shown() })
        })
    }

    /// For the record: how the login was done.
    pub(super) fn negotiated(&self, connection: &Connection) -> Negotiated {
        let channel = connection.channel.as_ref();
        let bound = match (channel, self.mechanism) {
            (Some(_), Mechanism::Ntlm | Mechanism::Kerberos) => ", bound to the certificate",
            _ => "",
        };
        let how = match self.mechanism {
            Mechanism::Kerberos => format!("kerberos for {}", self.service),
            other => other.to_string(),
        };
        let sealing = connection.sealing().unwrap_or_default();
        Negotiated {
            server: connection.server().unwrap_or("WinRM").to_owned(),
            host_key: channel.map(|channel| channel.fingerprint.clone()).unwrap_or_default(),
            host_key_algorithm: channel
                .map(|channel| format!("x509 by {}", channel.trust))
                .unwrap_or_default(),
            kex: channel.map_or_else(|| "HTTP, sealed".to_owned(), |channel| channel.kex.clone()),
            cipher: channel.map_or_else(|| sealing.to_owned(), |channel| channel.cipher.clone()),
            mac: String::new(),
            // The attack that it answers is one on SSH.
            strict_kex: true,
            identity: format!("{} ({how}{bound})", self.credential.label),
            jumps: Vec::new(),
            legacy: None,
            host_certificate: None,
        }
    }
}

fn no_password() -> Fault {
    Fault::new(FaultKind::Internal, "the account has no password, and winrm needs one")
}

/// A failure that says nothing of the password.
const fn unseen(fault: Fault) -> NotIn {
    NotIn { fault, shown: Shown::Nothing }
}

/// Whether the service only took no more requests.
fn is_busy(fault: &Fault) -> bool {
    fault.kind == FaultKind::Quota
        && fault.codes.as_ref().is_some_and(|codes| codes.http_status == Some(BUSY))
}

/// RFC 7617, in UTF-8.
fn basic(user: &str, password: &SecretString) -> Result<HeaderValue, Fault> {
    let both = Zeroizing::new(format!("{user}:{}", password.expose_secret()));
    let text = Zeroizing::new(format!("Basic {}", Base64::encode_string(both.as_bytes())));
    HeaderValue::from_str(&text)
        .map_err(|_| Fault::new(FaultKind::Internal, "the password fits no header"))
}
