//! Security contexts: who we are to the host, and the seal on what is said.
//!
//! In: tokens of the other side. Out: tokens, then sealed messages. One context belongs to one
//! connection and is used in its order: sequence numbers are inside.

pub(super) mod ntlm;

use crate::model::fault::Fault;

/// A context that is being set up, then seals.
pub(super) trait Context: Send + Sync {
    /// The next token to send. `challenge`: what the server sent; nothing before the first.
    ///
    /// # Errors
    /// The fault when the server's token is none, or demands less than we do.
    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Vec<u8>, Fault>;

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
}
