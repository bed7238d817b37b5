//! NTLMv2 ([MS-NLMP]), by the crate `sspi`, with what that leaves to its caller: the server must
//! offer a session that is signed, sealed, and keyed with 128 bits, or no answer is given to its
//! challenge.

use secrecy::{ExposeSecret as _, SecretString};
use sspi::{
    AuthIdentity, BufferType, ClientRequestFlags, CredentialUse, DataRepresentation,
    EncryptionFlags, Ntlm, SecurityBuffer, SecurityBufferRef, Sspi as _, SspiImpl as _, Username,
};

use crate::model::fault::{Fault, FaultKind};
use crate::transport::winrm::auth::{Context, parted};
use crate::transport::winrm::seal::Protocol;

/// Bytes of an NTLM signature.
const SIGNATURE: usize = 16;

/// What the server's challenge must offer ([MS-NLMP] 2.2.2.5): sign, seal, extended session
/// security, 128-bit keys, key exchange.
const DEMANDED: u32 = 0x10 | 0x20 | 0x0008_0000 | 0x2000_0000 | 0x4000_0000;

/// An NTLM context of one connection.
pub(in crate::transport::winrm) struct NtlmContext {
    ntlm: Ntlm,
    handle: Option<sspi::AuthIdentityBuffers>,
}

impl NtlmContext {
    /// A context for `DOMAIN\user`, `user@domain` or `user`. `binding`: the hash of the server's
    /// certificate, as RFC 5929 makes it, over TLS.
    ///
    /// # Errors
    /// The fault when the name is none.
    pub(in crate::transport::winrm) fn new(
        user: &str,
        password: &SecretString,
        binding: Option<&[u8]>,
    ) -> Result<Self, Fault> {
        let ours = |message: String| Fault::new(FaultKind::Internal, message);
        let username = Username::parse(user)
            .map_err(|error| ours(format!("the account's user is no name of Windows: {error}")))?;
        let password = password.expose_secret().to_owned().into();
        let identity = AuthIdentity { username, password };
        let mut ntlm = Ntlm::new();
        if let Some(hash) = binding {
            ntlm.set_channel_bindings(&[b"tls-server-end-point:", hash].concat());
        }
        let handle = ntlm
            .acquire_credentials_handle()
            .with_credential_use(CredentialUse::Outbound)
            .with_auth_data(&identity)
            .execute(&mut ntlm)
            .map_err(|error| ours(format!("NTLM: {}", error.description)))?
            .credentials_handle;
        Ok(Self { ntlm, handle })
    }
}

impl Context for NtlmContext {
    fn protocol(&self) -> Protocol {
        Protocol::Negotiate
    }

    fn legs(&self) -> usize {
        2
    }

    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Vec<u8>, Fault> {
        if let Some(challenge) = challenge {
            check(challenge)?;
        }
        let mut input = [SecurityBuffer::new(
            challenge.map(<[u8]>::to_vec).unwrap_or_default(),
            BufferType::Token,
        )];
        let mut output = [SecurityBuffer::new(Vec::new(), BufferType::Token)];
        let flags = ClientRequestFlags::CONFIDENTIALITY
            | ClientRequestFlags::INTEGRITY
            | ClientRequestFlags::REPLAY_DETECT
            | ClientRequestFlags::SEQUENCE_DETECT;
        let mut builder = self
            .ntlm
            .initialize_security_context()
            .with_credentials_handle(&mut self.handle)
            .with_context_requirements(flags)
            .with_target_data_representation(DataRepresentation::Native)
            .with_input(&mut input)
            .with_output(&mut output);
        // The host has refused nothing: its own token makes no sense.
        let refused =
            |_| Fault::new(FaultKind::Lost, "NTLM: the server's challenge cannot be read");
        self.ntlm
            .initialize_security_context_impl(&mut builder)
            .map_err(refused)?
            .resolve_to_result()
            .map_err(refused)?;
        let [token] = output;
        Ok(token.buffer)
    }

    /// NTLM does not prove the server: over HTTP its first sealed answer does.
    fn finish(&mut self, _token: Option<&[u8]>) -> Result<(), Fault> {
        Ok(())
    }

    fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut signature = [0_u8; SIGNATURE];
        let mut data = plain.to_vec();
        let mut message =
            [SecurityBufferRef::token_buf(&mut signature), SecurityBufferRef::data_buf(&mut data)];
        self.ntlm.encrypt_message(EncryptionFlags::empty(), &mut message).map_err(|error| {
            Fault::new(FaultKind::Internal, format!("sealing: {}", error.description))
        })?;
        let length = u32::try_from(SIGNATURE).unwrap_or(0).to_le_bytes();
        Ok([length.as_slice(), &signature, &data].concat())
    }

    fn unseal(&mut self, sealed: &[u8]) -> Result<Vec<u8>, Fault> {
        let broken = |why: &str| Fault::new(FaultKind::Lost, format!("a sealed answer {why}"));
        let (signature, data) = parted(sealed)
            .filter(|(signature, _)| signature.len() == SIGNATURE)
            .ok_or_else(|| broken("has a signature of another length"))?;
        let (mut signature, mut data) = (signature.to_vec(), data.to_vec());
        let mut message =
            [SecurityBufferRef::token_buf(&mut signature), SecurityBufferRef::data_buf(&mut data)];
        self.ntlm
            .decrypt_message(&mut message)
            .map_err(|_| broken("was changed on the way, or came out of order"))?;
        Ok(data)
    }

    fn padding(&self) -> usize {
        0
    }

    fn cipher(&self) -> &'static str {
        "rc4-128-hmac-md5"
    }
}

/// Refuses a challenge that offers less than a sealed session: what follows it would go out in the
/// clear.
fn check(challenge: &[u8]) -> Result<(), Fault> {
    let refused = |why: &str| Fault::new(FaultKind::Policy, format!("NTLM: {why}"));
    let is_challenge = challenge.starts_with(b"NTLMSSP\0\x02\0\0\0");
    let flags = challenge.get(20..24).and_then(|bytes| bytes.first_chunk::<4>());
    match flags.filter(|_| is_challenge).map(|bytes| u32::from_le_bytes(*bytes)) {
        None => Err(refused("the server's token is no challenge")),
        Some(flags) if flags & DEMANDED == DEMANDED => Ok(()),
        Some(_) => {
            Err(refused("the server offers no session that is signed and sealed with 128 bits"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(flags: u32) -> Vec<u8> {
        let mut token = b"NTLMSSP\0\x02\0\0\0".to_vec();
        token.extend([0; 8]);
        token.extend(flags.to_le_bytes());
        token.extend([0; 24]);
        token
    }

    #[test]
    fn a_challenge_that_offers_less_is_refused_before_an_answer() {
        assert_eq!(check(&challenge(DEMANDED)), Ok(()));
        for bit in [0x10, 0x20, 0x0008_0000, 0x2000_0000, 0x4000_0000_u32] {
            let fault = check(&challenge(DEMANDED & !bit)).unwrap_err();
            assert_eq!(fault.kind, FaultKind::Policy, "{bit:x}");
        }
        assert!(check(b"NTLMSSP\0\x03\0\0\0").is_err() && check(b"").is_err());
    }
}
