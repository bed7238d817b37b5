//! Kerberos 5 by the crate `sspi`, with what that leaves to its caller: the questions to the KDC are
//! asked by us, the channel is bound by us, and a sealed answer is looked at before it is opened,
//! since sspi would panic on one that is too short.
//!
//! The host proves itself by its AP-REP: without one there is no login.

use secrecy::{ExposeSecret as _, SecretString};
use sspi::builders::FilledInitializeSecurityContext;
use sspi::generator::GeneratorState;
use sspi::{
    AuthIdentity, BufferType, ClientRequestFlags, CredentialUse, Credentials, CredentialsBuffers,
    DataRepresentation, EncryptionFlags, InitializeSecurityContextResult, Kerberos, KerberosConfig,
    NetworkRequest, SecurityBuffer, SecurityBufferRef, Sspi as _, SspiImpl as _, Username,
};

use crate::inventory::login::Kdc;
use crate::model::fault::{Fault, FaultKind};
use crate::transport::winrm::auth::kdc::{Asked, Kdcs};
use crate::transport::winrm::auth::{Context, NotIn, Shown, channel, parted};
use crate::transport::winrm::seal::Protocol;

/// Bytes of a token of sealing that stand before the message: its head of 16, and what RFC 4121,
/// section 4.2.4, rotates there: checksum (12), the head again (16) and confounder (16).
const SIGNATURE: usize = 60;

/// Most bytes of padding: one block. Source: [MS-KILE] 3.4.5.4.1.
const PADDING_MAX: usize = 16;

/// A name that stands for the KDCs of the account's realm in what sspi asks for.
const HOME: &str = "home.invalid";

/// A Kerberos context of one connection.
pub(in crate::transport::winrm) struct KerberosContext {
    kerberos: Kerberos,
    handle: Option<CredentialsBuffers>,
    service: String,
    /// The AP-REQ, until it is sent.
    request: Option<Vec<u8>>,
    cipher: &'static str,
}

/// This controller as `NetBIOS` would name it: 15 characters of its host name. A domain may let an
/// account log in from some names only.
fn workstation() -> String {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy();
    let label = name.split('.').next().unwrap_or_default();
    label.chars().filter(char::is_ascii_graphic).take(15).collect::<String>().to_ascii_uppercase()
}

/// One step of a context, as all of ours are asked for.
fn builder<'a>(
    kerberos: &mut Kerberos,
    handle: &'a mut Option<CredentialsBuffers>,
    service: &'a str,
    input: &'a mut [SecurityBuffer],
    output: &'a mut [SecurityBuffer],
) -> FilledInitializeSecurityContext<'a, 'a, Option<CredentialsBuffers>> {
    kerberos
        .initialize_security_context()
        .with_credentials_handle(handle)
        .with_context_requirements(demanded())
        .with_target_data_representation(DataRepresentation::Native)
        .with_target_name(service)
        .with_input(input)
        .with_output(output)
}

/// No step of a login is asked for less.
fn demanded() -> ClientRequestFlags {
    ClientRequestFlags::CONFIDENTIALITY
        | ClientRequestFlags::INTEGRITY
        | ClientRequestFlags::MUTUAL_AUTH
        | ClientRequestFlags::REPLAY_DETECT
        | ClientRequestFlags::SEQUENCE_DETECT
}

impl KerberosContext {
    /// Gets a ticket for the host and makes the AP-REQ. `binding`: the hash of the server's
    /// certificate, as RFC 5929 makes it, over TLS.
    pub(in crate::transport::winrm) async fn begin(
        asked: &Asked<'_>,
        password: &SecretString,
        binding: Option<&[u8]>,
        kdcs: &mut Kdcs<'_>,
    ) -> Result<Self, NotIn> {
        let ours = |error: String| NotIn {
            fault: Fault::new(FaultKind::Internal, format!("Kerberos: {error}")),
            shown: Shown::Nothing,
        };
        let url = format!("tcp://{HOME}:88");
        let config = KerberosConfig::new_with_kdc_url(&url, workstation());
        let mut kerberos =
            Kerberos::new_client_from_config(config).map_err(|error| ours(error.description))?;
        let username = Username::new_down_level_logon_name(asked.name, asked.realm)
            .map_err(|error| ours(error.to_string()))?;
        let password = password.expose_secret().to_owned().into();
        let credentials = Credentials::AuthIdentity(AuthIdentity { username, password });
        let handle = kerberos
            .acquire_credentials_handle()
            .with_credential_use(CredentialUse::Outbound)
            .with_auth_data(&credentials)
            .execute(&mut kerberos)
            .map_err(|error| ours(error.description))?
            .credentials_handle;
        let service = asked.service.to_owned();
        let mut context = Self { kerberos, handle, service, request: None, cipher: "" };
        let request = context.ticket(asked, kdcs).await?;
        context.request = Some(context.checked(request, binding)?);
        Ok(context)
    }

    /// Three questions to the KDC; the AP-REQ.
    async fn ticket(&mut self, asked: &Asked<'_>, kdcs: &mut Kdcs<'_>) -> Result<Vec<u8>, NotIn> {
        let mut input = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut builder =
            builder(&mut self.kerberos, &mut self.handle, &self.service, &mut input, &mut output);
        let mut generator = self
            .kerberos
            .initialize_security_context_impl(&mut builder)
            .map_err(|error| failed(&error, kdcs.shown()))?;
        let mut state = generator.start();
        loop {
            match state {
                GeneratorState::Suspended(request) => {
                    let elsewhere = elsewhere(&request)?;
                    let reply = kdcs.ask(&request.data, elsewhere, asked).await?;
                    state = generator.resume(Ok(reply));
                }
                GeneratorState::Completed(result) => {
                    result.map_err(|error| failed(&error, kdcs.shown()))?;
                    break;
                }
            }
        }
        drop(generator);
        let [token] = output;
        Ok(token.buffer)
    }

    /// Refuses weak keys and binds the request to the channel.
    fn checked(&mut self, mut request: Vec<u8>, binding: Option<&[u8]>) -> Result<Vec<u8>, NotIn> {
        let refused = |why: &str| NotIn {
            fault: Fault::new(FaultKind::NoTicket, format!("Kerberos: {why}")),
            shown: Shown::Nothing,
        };
        let keys = self.kerberos.query_context_session_key();
        let key = keys.map_err(|error| failed(&error, Shown::Nothing))?.session_key;
        self.cipher = match key.as_ref().len() {
            32 => "aes256-cts-hmac-sha1-96",
            16 => "aes128-cts-hmac-sha1-96",
            _ => return Err(refused("the ticket is not for AES")),
        };
        if let Some(hash) = binding {
            channel::bind(&mut request, key.as_ref(), hash).ok_or_else(|| {
                refused(
                    "the login cannot be bound to the certificate; `tls: false` seals it instead",
                )
            })?;
        }
        Ok(request)
    }
}

/// Where sspi sends a question: `None`, the account's realm; else the realm that it was referred to,
/// whose KDC the controller's krb5.conf names.
fn elsewhere(request: &NetworkRequest) -> Result<Option<Kdc>, NotIn> {
    let host = request.url.host_str().unwrap_or_default();
    if host == HOME {
        return Ok(None);
    }
    if request.url.scheme() != "tcp" || host.is_empty() {
        let detail = "Kerberos: another realm's KDC is not named by `tcp://`";
        let fault = Fault::new(FaultKind::NoTicket, detail);
        return Err(NotIn { fault, shown: Shown::Nothing });
    }
    let address = host.trim_matches(['[', ']']).to_owned();
    Ok(Some(Kdc { address, port: request.url.port().unwrap_or(88) }))
}

/// What sspi could not do with what a KDC said. Its description may hold bytes of the reply.
fn failed(error: &sspi::Error, shown: Shown) -> NotIn {
    let text = crate::model::text::escape(error.description.as_bytes());
    let text: String = text.chars().take(300).collect();
    NotIn { fault: Fault::new(FaultKind::NoTicket, format!("Kerberos: {text}")), shown }
}

impl Context for KerberosContext {
    fn protocol(&self) -> Protocol {
        Protocol::Kerberos
    }

    fn legs(&self) -> usize {
        1
    }

    fn step(&mut self, _challenge: Option<&[u8]>) -> Result<Vec<u8>, Fault> {
        let spent = || Fault::new(FaultKind::Internal, "Kerberos: there is one request");
        self.request.take().ok_or_else(spent)
    }

    fn finish(&mut self, token: Option<&[u8]>) -> Result<(), Fault> {
        let service = crate::model::text::escape(self.service.as_bytes());
        let unproven = |why: &str| {
            let detail = format!("the host did not prove that it is `{service}`: {why}");
            Fault::new(FaultKind::TlsUntrusted, detail)
        };
        let token = token.ok_or_else(|| unproven("it sent no AP-REP"))?;
        let mut input = [SecurityBuffer::new(token.to_vec(), BufferType::Token)];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let mut builder =
            builder(&mut self.kerberos, &mut self.handle, &self.service, &mut input, &mut output);
        let result: sspi::Result<InitializeSecurityContextResult> = self
            .kerberos
            .initialize_security_context_impl(&mut builder)
            .and_then(|mut generator| generator.resolve_to_result());
        match result {
            Ok(result) if result.status == sspi::SecurityStatus::Ok => Ok(()),
            _ => Err(unproven("its AP-REP is not sealed with the ticket's key")),
        }
    }

    fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, Fault> {
        let ours = |error: sspi::Error| {
            Fault::new(FaultKind::Internal, format!("sealing: {}", error.description))
        };
        let sizes = self.kerberos.query_context_sizes().map_err(ours)?;
        let mut signature = vec![0; usize::try_from(sizes.security_trailer).unwrap_or(SIGNATURE)];
        let mut data = plain.to_vec();
        let mut message =
            [SecurityBufferRef::token_buf(&mut signature), SecurityBufferRef::data_buf(&mut data)];
        self.kerberos.encrypt_message(EncryptionFlags::empty(), &mut message).map_err(ours)?;
        let length = u32::try_from(signature.len()).unwrap_or(0).to_le_bytes();
        Ok([length.as_slice(), &signature, &data].concat())
    }

    fn unseal(&mut self, sealed: &[u8]) -> Result<Vec<u8>, Fault> {
        let broken = |why: &str| Fault::new(FaultKind::Lost, format!("a sealed answer {why}"));
        let (signature, data) = parted(sealed)
            .filter(|(signature, _)| is_token(signature))
            .ok_or_else(|| broken("has a signature of another form"))?;
        let (mut signature, mut data) = (signature.to_vec(), data.to_vec());
        let mut message =
            [SecurityBufferRef::token_buf(&mut signature), SecurityBufferRef::data_buf(&mut data)];
        self.kerberos
            .decrypt_message(&mut message)
            .map_err(|_| broken("was changed on the way, or came out of order"))?;
        Ok(message.get(1).map(|buffer| buffer.data().to_vec()).unwrap_or_default())
    }

    fn padding(&self) -> usize {
        PADDING_MAX
    }

    fn cipher(&self) -> &'static str {
        self.cipher
    }
}

/// Whether what stands before a sealed message is the head of a token that sspi can read: of full
/// length, sealed by the acceptor with its subkey, with padding of one block at most (RFC 4121,
/// 4.2.6.2). Others make it panic.
fn is_token(signature: &[u8]) -> bool {
    let Some(&[5, 4, flags, 0xff, high, low, ..]) = signature.get(..SIGNATURE) else {
        return false;
    };
    signature.len() == SIGNATURE
        && flags & 7 == 7
        && usize::from(u16::from_be_bytes([high, low])) <= PADDING_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_head_of_the_acceptors_sealing_is_opened() {
        let mut head = [0; SIGNATURE];
        head[..6].copy_from_slice(&[5, 4, 7, 0xff, 0, 16]);
        assert!(is_token(&head));
        assert!(!is_token(&head[..59]) && !is_token(&[&head[..], &[0]].concat()));
        for (place, byte) in [(0, 4), (1, 5), (2, 6), (2, 5), (2, 3), (3, 0), (4, 1), (5, 17)] {
            let mut other = head;
            other[place] = byte;
            assert!(!is_token(&other), "{place} {byte}");
        }
    }
}
