//! The TCP stream under an SSH connection, with three things that russh does not bring: a switch
//! that ends it from outside, an eye on the server's first line, and immediate acknowledgements.
//!
//! In: a connected socket. Out: a stream for russh, and a [`KillSwitch`]. Knows nothing of SSH
//! but how an identification line begins.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// What a server may say before its identification line, at most, that is kept for messages.
/// russh itself reads 20 lines of 255 bytes and then gives up.
const GREETING_BYTES_MAX: usize = 1024;

/// Ends the connection when it is dropped, whatever the task that reads it is doing.
///
/// A session of russh runs in a task of its own and does not end when the future that waits for
/// it is dropped; while a key exchange is open it does not even look at its channel. Shutting the
/// socket down makes its read return, so the task ends and closes the socket.
#[derive(Debug)]
pub(super) struct KillSwitch {
    tcp: Arc<TcpStream>,
}

impl Drop for KillSwitch {
    fn drop(&mut self) {
        // It may be shut down already: then there is nothing left to do.
        let _ = rustix::net::shutdown(&self.tcp, rustix::net::Shutdown::Both);
    }
}

/// What is seen of a stream from outside.
#[derive(Debug, Default)]
pub(super) struct Observed {
    /// Everything up to the end of the identification line, at most [`GREETING_BYTES_MAX`].
    greeting: Mutex<Vec<u8>>,
    identified: AtomicBool,
    changed: Notify,
    /// The first command's output has ended: no more immediate acknowledgements.
    warm: AtomicBool,
}

impl Observed {
    /// Returns when the identification line has come; never, if it does not.
    pub(super) async fn identified(&self) {
        let changed = self.changed.notified();
        if !self.identified.load(Ordering::Acquire) {
            changed.await;
        }
    }

    /// True when the identification line has come.
    pub(super) fn is_identified(&self) -> bool {
        self.identified.load(Ordering::Acquire)
    }

    /// Leaves acknowledgements to the kernel from here on.
    pub(super) fn set_warm(&self) {
        self.warm.store(true, Ordering::Relaxed);
    }

    /// The first line that came, without line end. Raw.
    pub(super) fn first_line(&self) -> Vec<u8> {
        let greeting = self.greeting();
        greeting.split(|&byte| byte == b'\n').next().unwrap_or_default().to_vec()
    }

    /// The identification line, or what came in its place, without line end. Raw.
    pub(super) fn last_line(&self) -> Vec<u8> {
        let greeting = self.greeting();
        let text = greeting.trim_ascii_end();
        let start = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        text.get(start..).unwrap_or_default().to_vec()
    }

    fn greeting(&self) -> MutexGuard<'_, Vec<u8>> {
        self.greeting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn see(&self, bytes: &[u8]) {
        let mut greeting = self.greeting();
        for &byte in bytes {
            if greeting.len() >= GREETING_BYTES_MAX {
                return;
            }
            greeting.push(byte);
            if byte == b'\n' && is_identification(&greeting) {
                self.identified.store(true, Ordering::Release);
                self.changed.notify_waiters();
                return;
            }
        }
    }
}

/// True when the last line of the text, which ends in a newline, starts with `SSH-`.
fn is_identification(text: &[u8]) -> bool {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let start = body.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    body.get(start..).is_some_and(|line| line.starts_with(b"SSH-"))
}

/// The stream that russh reads and writes.
#[derive(Debug)]
pub(super) struct Wire {
    tcp: Arc<TcpStream>,
    observed: Arc<Observed>,
}

/// Wraps a connected socket.
pub(super) fn wrap(tcp: TcpStream) -> (Wire, KillSwitch, Arc<Observed>) {
    let tcp = Arc::new(tcp);
    let observed = Arc::new(Observed::default());
    let wire = Wire { tcp: Arc::clone(&tcp), observed: Arc::clone(&observed) };
    quick_ack(&wire.tcp);
    (wire, KillSwitch { tcp }, observed)
}

/// Asks the kernel to acknowledge at once. OpenSSH sends its `hostkeys-00` request and then the
/// channel confirmation without `TCP_NODELAY`, so the second waits 43 ms for our delayed
/// acknowledgement of the first. The kernel forgets the option, so it is set again after reads.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn quick_ack(tcp: &TcpStream) {
    // Without it everything works, only slower.
    let _ = rustix::net::sockopt::set_tcp_quickack(tcp, true);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn quick_ack(_: &TcpStream) {}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.tcp.poll_read_ready(cx))?;
            match self.tcp.try_read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        if !self.observed.is_identified() {
            self.observed.see(buffer.filled());
        }
        if !self.observed.warm.load(Ordering::Relaxed) {
            quick_ack(&self.tcp);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.tcp.poll_write_ready(cx))?;
            match self.tcp.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Never fails: an error here would hide the reason why the connection ended.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let _ = rustix::net::shutdown(&self.tcp, rustix::net::Shutdown::Write);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identification_line_is_found_behind_other_lines_and_across_reads() {
        let observed = Observed::default();
        for part in ["hello\r\nSS", "H is fine\r\nSSH-2", ".0-x y"] {
            observed.see(part.as_bytes());
            assert!(!observed.is_identified());
        }
        observed.see(b"\r\nbinary");
        assert!(observed.is_identified());
        assert_eq!(observed.last_line(), b"SSH-2.0-x y");
    }

    #[test]
    fn a_greeting_without_end_is_cut() {
        let observed = Observed::default();
        observed.see(&[b'x'; 5000]);
        assert!(!observed.is_identified());
        assert_eq!(observed.last_line().len(), GREETING_BYTES_MAX);
    }
}
