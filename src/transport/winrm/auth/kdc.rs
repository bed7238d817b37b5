//! Questions to the KDCs of a realm: tickets, and why there are none.
//!
//! In: requests that sspi makes. Out: replies that are worth handing to it, or the fault. The
//! connection is ours, with deadlines; an error of the KDC is read here, since its number decides what
//! it means for the account. Frames are four bytes of length and a message (RFC 4120, section 7.2.2).

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::inventory::login::Kdc;
use crate::model::fault::{Fault, FaultKind};
use crate::model::text::escape;
use crate::transport::dial::dial;
use crate::transport::winrm::auth::{NotIn, Shown, etype};
use crate::transport::winrm::der;

/// Most bytes of a reply. Windows allows tickets of 65,535 (`MaxTokenSize`), and a reply has one and
/// some more.
const REPLY_BYTES_MAX: u32 = 128 << 10;

/// "Additional pre-authentication required": the answer to a first question.
const PREAUTH_REQUIRED: u32 = 25;

/// For whom tickets are asked for.
pub(in crate::transport::winrm) struct Asked<'a> {
    /// The account's name in its realm.
    pub(in crate::transport::winrm) name: &'a str,
    /// Its realm, in upper case.
    pub(in crate::transport::winrm) realm: &'a str,
    /// The service principal of the host.
    pub(in crate::transport::winrm) service: &'a str,
}

/// The KDCs of a realm, for one login.
pub(in crate::transport::winrm) struct Kdcs<'a> {
    list: &'a [Kdc],
    /// The one that answers: those before it could not be reached.
    current: usize,
    connect: Duration,
    /// Questions that were answered.
    answered: usize,
    proof: Proof,
}

/// How far the proof that we know the password has come: a time that is encrypted with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    Unsent,
    /// Whatever is answered but a ticket, it may have been counted.
    Sent,
    /// The answer could be decrypted with it.
    Taken,
}

/// What a message is, by its first byte (RFC 4120, section 5.10).
const AS_REQ: u8 = 0x6a;
const TGS_REQ: u8 = 0x6c;
const AS_REP: u8 = 0x6b;
const KRB_ERROR: u8 = 0x7e;

impl<'a> Kdcs<'a> {
    /// `connect`: for each of them.
    pub(in crate::transport::winrm) const fn new(list: &'a [Kdc], connect: Duration) -> Self {
        Self { list, current: 0, connect, answered: 0, proof: Proof::Unsent }
    }

    /// What a failure means for the password.
    pub(in crate::transport::winrm) const fn shown(&self) -> Shown {
        match self.proof {
            Proof::Sent => Shown::Perhaps,
            Proof::Unsent | Proof::Taken => Shown::Nothing,
        }
    }

    /// Asks, at another realm's KDC if `elsewhere`. The answer has its length before it.
    pub(in crate::transport::winrm) async fn ask(
        &mut self,
        request: &[u8],
        elsewhere: Option<Kdc>,
        asked: &Asked<'_>,
    ) -> Result<Vec<u8>, NotIn> {
        let kind = request.get(4).copied();
        // It makes one only of an answer that it could decrypt.
        if kind == Some(TGS_REQ) {
            self.proof = Proof::Taken;
        }
        let (mut stream, kdc) = match elsewhere {
            Some(kdc) => {
                let stream = dial(&kdc.address, kdc.port, self.connect).await;
                let stream = stream.map_err(|fault| unreachable(&kdc, &fault))?;
                (stream, kdc)
            }
            None => self.reach().await?,
        };
        if kind == Some(AS_REQ) && self.answered > 0 {
            self.proof = Proof::Sent;
        }
        let shown = self.shown();
        let broken = |why: String| NotIn {
            fault: Fault::new(FaultKind::KdcUnreachable, format!("KDC {kdc}: {why}")),
            shown,
        };
        let reply = exchange(&mut stream, request).await.map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData => {
                broken(format!("its answer is longer than {REPLY_BYTES_MAX} bytes"))
            }
            _ => broken(format!("it broke off: {error}")),
        })?;
        let message = reply.get(4..).unwrap_or_default();
        let first = self.answered == 0;
        self.answered += 1;
        match (message.first(), read_error(message)) {
            (Some(&KRB_ERROR), Some(error)) if first && error.code == PREAUTH_REQUIRED => {
                etype::check(message).map_err(|why| unusable(why, asked))?;
                Ok(reply)
            }
            (Some(&KRB_ERROR), Some(error)) => Err(refused(&error, self.answered, shown, asked)),
            (Some(&KRB_ERROR), None) => Err(broken("its error cannot be read".to_owned())),
            (Some(&AS_REP), _) if first => {
                let Asked { name, realm, .. } = asked;
                let detail = format!(
                    "the KDC gives tickets of `{}` in {realm} to anybody: the account needs no \
                     pre-authentication",
                    escape(name.as_bytes())
                );
                let fault = Fault::new(FaultKind::NoTicket, detail);
                Err(NotIn { fault, shown: Shown::Nothing })
            }
            _ => Ok(reply),
        }
    }

    /// A connection to the first KDC that can be reached.
    async fn reach(&mut self) -> Result<(TcpStream, Kdc), NotIn> {
        let mut missed = None;
        while let Some(kdc) = self.list.get(self.current) {
            match dial(&kdc.address, kdc.port, self.connect).await {
                Ok(stream) => return Ok((stream, kdc.clone())),
                Err(fault) => {
                    missed.get_or_insert_with(|| unreachable(kdc, &fault));
                    self.current += 1;
                }
            }
        }
        Err(missed.unwrap_or_else(|| NotIn {
            fault: Fault::new(FaultKind::Internal, "the realm has no KDC"),
            shown: self.shown(),
        }))
    }
}

fn unreachable(kdc: &Kdc, fault: &Fault) -> NotIn {
    let fault = Fault::new(FaultKind::KdcUnreachable, format!("KDC {kdc}: {fault}"));
    // It was not sent anything.
    NotIn { fault, shown: Shown::Nothing }
}

/// The fault of an account whose key we cannot make.
fn unusable(why: &str, asked: &Asked<'_>) -> NotIn {
    let (name, realm) = (escape(asked.name.as_bytes()), escape(asked.realm.as_bytes()));
    let detail = format!(
        "`{name}` in {realm} has no key of AES with 256 bits that can be used: {why}; allow it for the \
         account and set its password anew, or use `auth: ntlm` (the password was not sent)"
    );
    NotIn { fault: Fault::new(FaultKind::NoTicket, detail), shown: Shown::Nothing }
}

async fn exchange(stream: &mut TcpStream, request: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(request).await?;
    let length = stream.read_u32().await?;
    if length > REPLY_BYTES_MAX {
        return Err(std::io::ErrorKind::InvalidData.into());
    }
    let mut reply = length.to_be_bytes().to_vec();
    // Not more is set aside than comes.
    let read = stream.take(u64::from(length)).read_to_end(&mut reply).await?;
    if read < usize::try_from(length).unwrap_or(usize::MAX) {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(reply)
}

/// What an error of a KDC says (RFC 4120, section 5.9.1).
#[derive(Debug, PartialEq, Eq)]
struct KdcError {
    code: u32,
    /// `YYYYMMDDHHMMSSZ` of the KDC's clock, escaped.
    time: String,
    /// Its own words, escaped; empty where it has none.
    text: String,
}

fn read_error(message: &[u8]) -> Option<KdcError> {
    let fields = der::only(der::only(message, KRB_ERROR)?, 0x30)?;
    let digits = der::only(der::find(fields, 0xa6)?, 0x02)?;
    let code = digits.iter().fold(0_u32, |sum, digit| sum.wrapping_shl(8) | u32::from(*digit));
    let text = |tag, kind| der::find(fields, tag).and_then(|field| der::only(field, kind));
    let shown = |bytes: Option<&[u8]>| {
        let bytes = bytes.unwrap_or_default();
        escape(bytes.get(..200).unwrap_or(bytes))
    };
    Some(KdcError { code, time: shown(text(0xa4, 0x18)), text: shown(text(0xab, 0x1b)) })
}

/// What an error means. Source of the numbers: RFC 4120, section 7.5.9.
fn refused(error: &KdcError, question: usize, shown: Shown, asked: &Asked<'_>) -> NotIn {
    let KdcError { code, time, text } = error;
    let (name, realm) = (escape(asked.name.as_bytes()), escape(asked.realm.as_bytes()));
    let service = escape(asked.service.as_bytes());
    // The third question is the one for the host.
    let for_host = question > 2;
    let (kind, why) = match code {
        6 => (FaultKind::AuthRefused, format!("the KDC knows no account `{name}` in {realm}")),
        12 if !for_host => (FaultKind::AuthRefused, format!("the KDC's policy refuses `{name}`")),
        18 => (
            FaultKind::AuthRefused,
            format!("the account `{name}` in {realm} is disabled, expired or locked out"),
        ),
        23 => {
            (FaultKind::PasswordExpired, format!("the password of `{name}` in {realm} has expired"))
        }
        24 => (FaultKind::AuthRefused, format!("the password of `{name}` in {realm} is wrong")),
        7 => (
            FaultKind::NoTicket,
            format!(
                "the KDC of {realm} knows no service `{service}`: `spn` names another, \
                 `setspn -Q` shows what there is"
            ),
        ),
        14 => (
            FaultKind::NoTicket,
            format!(
                "the KDC has no AES key for `{name}` or `{service}`: allow AES for the account and set \
                 its password anew"
            ),
        ),
        37 => (
            FaultKind::NoTicket,
            format!(
                "the clocks of the KDC ({time}) and of this controller differ by too much: set them"
            ),
        ),
        68 => {
            (FaultKind::NoTicket, format!("the account `{name}` is of another realm than {realm}"))
        }
        _ => (FaultKind::NoTicket, format!("the KDC of {realm} refuses a ticket for `{service}`")),
    };
    let words = if text.is_empty() { String::new() } else { format!(" ({text})") };
    let shown = match kind {
        FaultKind::AuthRefused | FaultKind::PasswordExpired => Shown::Refused,
        // What else it says to a proof, it may have counted.
        _ => shown,
    };
    NotIn { fault: Fault::new(kind, format!("{why}; Kerberos error {code}{words}")), shown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use FaultKind::{AuthRefused, NoTicket, PasswordExpired};
    use proptest::prelude::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
    }

    fn error(code: &[u8]) -> Vec<u8> {
        let fields = [
            der(0xa0, &der(2, &[5])),
            der(0xa1, &der(2, &[30])),
            der(0xa4, &der(0x18, b"20270101000000Z")),
            der(0xa5, &der(2, &[1])),
            der(0xa6, &der(2, code)),
            der(0xab, &der(0x1b, b"NO\x1bWAY")),
        ];
        der(0x7e, &der(0x30, &fields.concat()))
    }

    const ASKED: Asked<'_> = Asked { name: "svc", realm: "LAB.TEST", service: "HTTP/win-1" };

    #[test]
    fn the_number_of_an_error_decides_what_it_means_for_the_account() {
        let expected = KdcError {
            code: 24,
            time: "20270101000000Z".to_owned(),
            text: "NO\\x1bWAY".to_owned(),
        };
        assert_eq!(read_error(&error(&[24])), Some(expected));
        let of = |code: u8, question| {
            let read = read_error(&error(&[code])).unwrap();
            let shown = if question == 2 { Shown::Perhaps } else { Shown::Nothing };
            let NotIn { fault, shown } = refused(&read, question, shown, &ASKED);
            (fault.kind, shown)
        };
        for (code, question, kind, shown) in [
            (6, 1, AuthRefused, Shown::Refused),
            (18, 1, AuthRefused, Shown::Refused),
            (24, 2, AuthRefused, Shown::Refused),
            (23, 2, PasswordExpired, Shown::Refused),
            (12, 2, AuthRefused, Shown::Refused),
            (12, 3, NoTicket, Shown::Nothing),
            (7, 3, NoTicket, Shown::Nothing),
            (37, 2, NoTicket, Shown::Perhaps),
            (60, 2, NoTicket, Shown::Perhaps),
            (60, 1, NoTicket, Shown::Nothing),
        ] {
            assert_eq!(of(code, question), (kind, shown), "{code} to question {question}");
        }
    }

    /// A KDC that gives these answers, one for each question.
    async fn kdc(answers: Vec<Vec<u8>>) -> Kdc {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            for answer in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let length = stream.read_u32().await.unwrap();
                let mut question = vec![0; usize::try_from(length).unwrap()];
                stream.read_exact(&mut question).await.unwrap();
                let length = u32::try_from(answer.len()).unwrap().to_be_bytes();
                // The client may have gone.
                let _ = stream.write_all(&[length.as_slice(), &answer].concat()).await;
            }
        });
        Kdc { address: "127.0.0.1".to_owned(), port }
    }

    #[tokio::test]
    async fn what_was_sent_decides_what_a_failure_means_for_the_password() {
        let required = etype::tests::required(&[etype::tests::entry(18, Some(b"salt"), None)]);
        let question = |kind| [0, 0, 0, 2, kind, 0];
        for (answer, after, expected) in [
            (error(&[24]), AS_REQ, Shown::Refused),
            (error(&[60]), AS_REQ, Shown::Perhaps),
            (error(&[25]), AS_REQ, Shown::Perhaps),
            (vec![KRB_ERROR, 0], AS_REQ, Shown::Perhaps),
            // The same before a proof, and after a ticket.
            (error(&[60]), TGS_REQ, Shown::Nothing),
            (vec![KRB_ERROR, 0], TGS_REQ, Shown::Nothing),
        ] {
            let list = [kdc(vec![required.clone(), answer.clone()]).await];
            let mut kdcs = Kdcs::new(&list, Duration::from_secs(5));
            kdcs.ask(&question(AS_REQ), None, &ASKED).await.unwrap();
            assert_eq!(kdcs.shown(), Shown::Nothing);
            let said = kdcs.ask(&question(after), None, &ASKED).await.unwrap_err();
            assert_eq!(said.shown, expected, "{answer:?} to {after:x}: {}", said.fault);
        }
        for answer in [error(&[60]), error(&[25]), vec![KRB_ERROR, 0], vec![1, 2, 3]] {
            let list = [kdc(vec![answer.clone()]).await];
            let mut kdcs = Kdcs::new(&list, Duration::from_secs(5));
            let said = kdcs.ask(&question(AS_REQ), None, &ASKED).await;
            let shown = said.err().map_or(Shown::Nothing, |said| said.shown);
            assert_eq!((shown, kdcs.shown()), (Shown::Nothing, Shown::Nothing), "{answer:?}");
        }
        // Junk in place of a ticket: it is read by sspi, which asks nothing more.
        let list = [kdc(vec![required, vec![1, 2, 3]]).await];
        let mut kdcs = Kdcs::new(&list, Duration::from_secs(5));
        for _ in 0..2 {
            kdcs.ask(&question(AS_REQ), None, &ASKED).await.unwrap();
        }
        assert_eq!(kdcs.shown(), Shown::Perhaps);
    }

    proptest! {
        #[test]
        fn no_error_of_a_kdc_panics(at in 0_usize..80, byte: u8, cut in 0_usize..80) {
            let mut message = error(&[0, 24]);
            if let Some(place) = message.get_mut(at) {
                *place = byte;
            }
            message.truncate(cut);
            let _ = read_error(&message);
        }
    }
}
