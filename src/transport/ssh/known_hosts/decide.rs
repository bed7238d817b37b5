//! The decision over a key or a certificate that a host showed.
//!
//! In: what it showed, its name, the time. Out: a [`Verdict`]. The steps are those of
//! `check_host_key` in OpenSSH's client: a certificate first, the plain key in it next; the name
//! with port first, the name without next.

use russh::keys::ssh_key::Certificate;

use super::line::Marker;
use super::{Decision, KnownHosts, LookupName, Place, certificate};
use crate::model::capture::HostCertificate;
use crate::model::time::Utc;

/// What a host proved to hold.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    /// Its key, in the encoding of RFC 4253, section 6.6.
    pub(super) key: Vec<u8>,
    /// The certificate that the key came in, and the encoded key of its authority.
    pub(super) certificate: Option<(&'a Certificate, Vec<u8>)>,
}

impl<'a> Shown<'a> {
    /// A plain key, encoded as in RFC 4253, section 6.6.
    #[must_use]
    pub fn key(key: &[u8]) -> Self {
        Self { key: key.to_vec(), certificate: None }
    }

    /// A certificate.
    ///
    /// # Errors
    /// When a key in it cannot be encoded: a fragment that goes on from "the certificate".
    pub fn certificate(shown: &'a Certificate) -> Result<Self, String> {
        let authority = certificate::authority_key(shown)?;
        let key = certificate::contained_key(shown)?;
        Ok(Self { key, certificate: Some((shown, authority)) })
    }

    /// The encoded key of the certificate's authority. `None`: a plain key was shown.
    pub(super) fn authority(&self) -> Option<&[u8]> {
        self.certificate.as_ref().map(|(_, authority)| authority.as_slice())
    }
}

/// A decision, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The decision.
    pub decision: Decision,
    /// The certificate that was believed. `None`: the plain key decided.
    pub certificate: Option<HostCertificate>,
    /// Why a certificate that was shown was not believed, a fragment that goes on from "the
    /// certificate". `None`: it was believed, or none was shown.
    pub objection: Option<Objection>,
}

/// Why a certificate was not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Objection {
    /// No `@cert-authority` line for the name has its authority: it may be meant for others.
    Foreign(String),
    /// Its authority is trusted, and something in it is wrong.
    Bad(String),
}

impl Objection {
    /// The fragment, which goes on from "the certificate".
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Foreign(reason) | Self::Bad(reason) => reason,
        }
    }
}

/// What the lines for one name say.
enum Status {
    Known(Place),
    New,
    Other(Vec<Place>),
    Revoked(Place),
}

impl Verdict {
    const fn of(decision: Decision) -> Self {
        Self { decision, certificate: None, objection: None }
    }
}

impl KnownHosts {
    /// Judges the key (in the encoding of RFC 4253) that the host of this lookup name showed.
    #[must_use]
    pub fn decide(&self, name: &LookupName, key: &[u8]) -> Decision {
        self.judge(name, &Shown::key(key), Utc::EPOCH).decision
    }

    /// Judges what the host of this lookup name showed, at this time.
    #[must_use]
    pub fn judge(&self, name: &LookupName, shown: &Shown<'_>, now: Utc) -> Verdict {
        if let Some(place) = self.revoked.iter().find_map(|file| file.find(shown)) {
            return Verdict::of(Decision::Revoked(place));
        }
        let objection = match self.certificate_verdict(name, shown, now) {
            None => None,
            Some(Ok(verdict)) => return verdict,
            Some(Err(objection)) => Some(objection),
        };
        Verdict { objection, ..self.key_verdict(name, &shown.key) }
    }

    /// The verdict that a certificate settles, or why it settles none. `None`: none was shown.
    fn certificate_verdict(
        &self,
        name: &LookupName,
        shown: &Shown<'_>,
        now: Utc,
    ) -> Option<Result<Verdict, Objection>> {
        let (certificate, authority) = shown.certificate.as_ref()?;
        match self.status(name, &shown.key, Some(authority)) {
            Status::Revoked(place) => return Some(Ok(Verdict::of(Decision::Revoked(place)))),
            Status::Known(place) => {
                let believed = || Verdict {
                    certificate: Some(certificate::record(certificate)),
                    ..Verdict::of(Decision::Trusted(place))
                };
                let checked = certificate::check(certificate, name.principal(), now);
                return Some(checked.map(|()| believed()).map_err(Objection::Bad));
            }
            // Other authorities for the name with port are no contradiction: there may be several.
            Status::New | Status::Other(_) => {
                if let Some(bare) = name.without_port() {
                    return self.certificate_verdict(&bare, shown, now);
                }
            }
        }
        let authority = certificate::fingerprint(certificate);
        let name = crate::model::text::escape(name.as_str().as_bytes());
        Some(Err(Objection::Foreign(format!(
            "is signed by {authority}, which no @cert-authority line for `{name}` has"
        ))))
    }

    fn key_verdict(&self, name: &LookupName, key: &[u8]) -> Verdict {
        let decision = match self.status(name, key, None) {
            Status::Known(place) => Decision::Trusted(place),
            Status::Revoked(place) => Decision::Revoked(place),
            Status::Other(places) => Decision::Changed(places),
            Status::New => match name.without_port().map(|bare| self.key_verdict(&bare, key)) {
                Some(Verdict { decision: Decision::Trusted(place), .. }) => {
                    Decision::Trusted(place)
                }
                Some(Verdict { decision: Decision::Revoked(place), .. }) => {
                    Decision::Revoked(place)
                }
                // Another key of the name without port is another server's.
                Some(_) | None => Decision::Unknown,
            },
        };
        Verdict::of(decision)
    }

    /// What the lines of one name say of a key, or of the key of a certificate and its authority.
    fn status(&self, name: &LookupName, key: &[u8], authority: Option<&[u8]>) -> Status {
        let name = name.as_str().as_bytes();
        let (marker, wanted) = match authority {
            None => (Marker::Key, key),
            Some(authority) => (Marker::CertAuthority, authority),
        };
        let hashed = |key| self.hashed_by_key.get(key).into_iter().flatten();
        let same_key = hashed(key).chain(authority.into_iter().flat_map(hashed));
        let mut known = None;
        for entry in self.open_lines(name).chain(self.hashed_lines(same_key, name)) {
            let line = &entry.line;
            if line.marker == Marker::Revoked
                && (*line.key == *key || authority.is_some_and(|authority| *line.key == *authority))
            {
                return Status::Revoked(entry.place.clone());
            }
            let is_key = marker == Marker::CertAuthority || !line.certificate;
            if known.is_none() && line.marker == marker && is_key && *line.key == *wanted {
                known = Some(entry.place.clone());
            }
        }
        if let Some(place) = known {
            return Status::Known(place);
        }
        let all = self.open_lines(name).chain(self.hashed_lines(&self.hashed, name));
        let others: Vec<Place> = all
            .filter(|entry| entry.line.marker == marker)
            .map(|entry| entry.place.clone())
            .collect();
        if others.is_empty() { Status::New } else { Status::Other(others) }
    }
}
