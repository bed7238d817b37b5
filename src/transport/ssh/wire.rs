//! The stream under an SSH connection, with three things that russh does not bring: a switch that
//! ends it from outside, an eye on the server's first line, and immediate acknowledgements.
//!
//! In: a connected socket, or a channel of a jump host. Out: a stream for russh, and a [`KillSwitch`]. Knows nothing of SSH
//! but how an identification line begins.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures::task::AtomicWaker;
use russh::ChannelStream;
use russh::client::Msg;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// What a server may say before its identification line, at most, that is kept for messages.
/// russh itself reads 20 lines of 255 bytes and then gives up.
const GREETING_BYTES_MAX: usize = 1024;

/// What carries an SSH connection.
pub(super) enum Carrier {
    /// A socket.
    Tcp(TcpStream),
    /// A channel of the connection to a jump host.
    Channel(ChannelStream<Msg>),
}

/// Ends the connection when it is dropped, whatever the task that reads it is doing.
///
/// A session of russh runs in a task of its own and does not end when the future that waits for
/// it is dropped; while a key exchange is open it does not even look at its channel. Making its
/// read return ends the task, which then closes socket or channel.
#[derive(Debug)]
pub(super) struct KillSwitch {
    /// The socket. `None`: a channel.
    tcp: Option<Arc<TcpStream>>,
    cut: Arc<Cut>,
}

/// Says that a channel is to be read and written no more.
#[derive(Debug, Default)]
struct Cut {
    done: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Drop for KillSwitch {
    fn drop(&mut self) {
        if let Some(tcp) = &self.tcp {
            // It may be shut down already: then there is nothing left to do.
            let _ = rustix::net::shutdown(tcp, rustix::net::Shutdown::Both);
        }
        self.cut.done.store(true, Ordering::Release);
        self.cut.reader.wake();
        self.cut.writer.wake();
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
pub(super) struct Wire {
    line: Line,
    observed: Arc<Observed>,
    cut: Arc<Cut>,
}

enum Line {
    Tcp(Arc<TcpStream>),
    // Boxed: three times as large as the socket's.
    Channel(Box<ChannelStream<Msg>>),
}

/// Wraps what carries the connection.
pub(super) fn wrap(carrier: Carrier) -> (Wire, KillSwitch, Arc<Observed>) {
    let observed = Arc::new(Observed::default());
    let cut = Arc::new(Cut::default());
    let (line, tcp) = match carrier {
        Carrier::Tcp(tcp) => {
            let tcp = Arc::new(tcp);
            quick_ack(&tcp);
            (Line::Tcp(Arc::clone(&tcp)), Some(tcp))
        }
        Carrier::Channel(channel) => (Line::Channel(Box::new(channel)), None),
    };
    let wire = Wire { line, observed: Arc::clone(&observed), cut: Arc::clone(&cut) };
    (wire, KillSwitch { tcp, cut }, observed)
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

impl Wire {
    fn read_tcp(
        tcp: &TcpStream,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(tcp.poll_read_ready(cx))?;
            match tcp.try_read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn write_tcp(tcp: &TcpStream, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(tcp.poll_write_ready(cx))?;
            match tcp.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }
}

impl Cut {
    /// True when the switch was thrown. The waker is kept first, so that none is missed.
    fn is_done(&self, side: &AtomicWaker, cx: &Context<'_>) -> bool {
        side.register(cx.waker());
        self.done.load(Ordering::Acquire)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match &mut this.line {
            Line::Tcp(tcp) => ready!(Self::read_tcp(tcp, cx, buffer))?,
            Line::Channel(channel) => {
                if this.cut.is_done(&this.cut.reader, cx) {
                    return Poll::Ready(Ok(()));
                }
                ready!(Pin::new(channel).poll_read(cx, buffer))?;
            }
        }
        if !this.observed.is_identified() {
            this.observed.see(buffer.filled());
        }
        if let Line::Tcp(tcp) = &this.line
            && !this.observed.warm.load(Ordering::Relaxed)
        {
            quick_ack(tcp);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        match &mut this.line {
            Line::Tcp(tcp) => Self::write_tcp(tcp, cx, bytes),
            Line::Channel(_) if this.cut.is_done(&this.cut.writer, cx) => {
                Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
            }
            Line::Channel(channel) => Pin::new(channel).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Never fails: an error here would hide the reason why the connection ended.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        match &mut this.line {
            Line::Tcp(tcp) => {
                let _ = rustix::net::shutdown(&**tcp, rustix::net::Shutdown::Write);
            }
            Line::Channel(_) if this.cut.is_done(&this.cut.writer, cx) => {}
            Line::Channel(channel) => {
                let _ = ready!(Pin::new(channel).poll_shutdown(cx));
            }
        }
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
