//! Security contexts: who we are to the host, and the seal on what is said.
//!
//! In: tokens of the other side. Out: tokens, then sealed messages. One context belongs to one
//! connection and is used in its order: sequence numbers are inside. There is one mechanism for a host,
//! and none takes the place of another.

mod channel;
mod etype;
pub(super) mod kdc;
pub(super) mod kerberos;
pub(super) mod ntlm;

use crate::model::fault::Fault;
use crate::transport::winrm::seal::Protocol;

/// A context that is being set up, then seals.
pub(super) trait Context: Send + Sync {
    /// How tokens and sealed bodies are marked.
    fn protocol(&self) -> Protocol;

    /// How many tokens of ours a login has. The last of the server's comes with its agreement.
    fn legs(&self) -> usize;

    /// The next token to send. `challenge`: what the server sent; nothing before the first.
    ///
    /// # Errors
    /// The fault when the server's token is none, or demands less than we do.
    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Vec<u8>, Fault>;

    /// Takes what came with the server's agreement. Whether the server is who it should be, where the
    /// mechanism can tell.
    ///
    /// # Errors
    /// The fault when the server did not prove itself.
    fn finish(&mut self, token: Option<&[u8]>) -> Result<(), Fault>;

    /// Length of the signature (LE32), signature and sealed bytes of a message.
    ///
    /// # Errors
    /// The fault when the context is not set up.
    fn seal(&mut self, plain: &[u8]) -> Result<Vec<u8>, Fault>;

    /// The message of what [`Context::seal`] of the other side made.
    ///
    /// # Errors
    /// The fault when it was changed on the way, or comes out of order.
    fn unseal(&mut self, sealed: &[u8]) -> Result<Vec<u8>, Fault>;

    /// Most bytes that sealing adds to a message, and that its length may count.
    fn padding(&self) -> usize;

    /// For the record: what seals, e.g. `RC4 with 128 bits`.
    fn cipher(&self) -> &'static str;
}

/// Signature and sealed bytes of what stands in a sealed body.
fn parted(sealed: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = sealed.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
}

/// What a password may have gone through when a login failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// Nothing that it shows in was sent, or it is known to be right.
    Nothing,
    /// It may have been counted as wrong.
    Perhaps,
    /// It was refused by who can tell.
    Refused,
}

/// A login that failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotIn {
    pub(super) fault: Fault,
    pub(super) shown: Shown,
}
