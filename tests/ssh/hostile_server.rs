//! A server that does what real ones cannot be made to do. The last word of a command says what.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use russh::keys::ssh_key::Certificate;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::{
    self, Auth, ChannelOpenHandle, Msg, PublicKeyOffer, Session, VerifiedPublicKey,
};
use russh::{
    Channel, ChannelId, ChannelOpenFailure, Disconnect, Preferred, Sig, SshId, cipher, kex,
};

/// What the server counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Logins tried, of whatever method, offers included.
    pub(crate) logins: AtomicUsize,
    /// Signals that came for commands.
    pub(crate) signals: Mutex<Vec<String>>,
    /// Sessions that were refused.
    pub(crate) refused: AtomicUsize,
}

/// A running server. Its task ends with the test's runtime.
pub(crate) struct Hostile {
    pub(crate) port: u16,
    pub(crate) known_line: String,
    pub(crate) counts: Arc<Counts>,
}

/// How the server differs from a friendly one before any command.
#[derive(Clone, Default)]
pub(crate) struct Manners {
    /// No strict key exchange, and these ciphers only.
    pub(crate) without_strict_kex: Option<cipher::Name>,
    /// A banner before login, and no login.
    pub(crate) banner_and_refusal: Option<String>,
    /// A banner before login.
    pub(crate) banner: Option<String>,
    /// The software in the identification line.
    pub(crate) software: Option<String>,
    /// Its key, and a certificate for it.
    pub(crate) certificate: Option<(PrivateKey, Certificate)>,
    /// A session is refused until the client has closed the one before; the server never does so
    /// first.
    pub(crate) one_channel: bool,
    /// How it says goodbye as soon as a command comes.
    pub(crate) goodbye: Option<String>,
    /// What every command prints, on both streams.
    pub(crate) answer: Option<Vec<u8>>,
}

impl Hostile {
    pub(crate) async fn start(manners: Manners) -> Self {
        let shown = manners.certificate.clone();
        let (key, certificate) = shown.map_or_else(
            || {
                let mut random = russh::keys::key::safe_rng();
                (PrivateKey::random(&mut random, Algorithm::Ed25519).unwrap(), None)
            },
            |(key, certificate)| (key, Some(certificate)),
        );
        let public = key.public_key().to_openssh().unwrap();
        let mut preferred = Preferred::default();
        if let Some(cipher) = manners.without_strict_kex {
            preferred.kex = Cow::Owned(vec![kex::CURVE25519]);
            preferred.cipher = Cow::Owned(vec![cipher]);
        }
        let config = Arc::new(server::Config {
            keys: vec![key],
            certificates: certificate.into_iter().collect(),
            server_id: match &manners.software {
                Some(software) => SshId::Standard(Cow::Owned(format!("SSH-2.0-{software}"))),
                None => server::Config::default().server_id,
            },
            preferred,
            auth_rejection_time: Duration::ZERO,
            nodelay: true,
            ..server::Config::default()
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let counts = Arc::new(Counts::default());
        let shared = Arc::clone(&counts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let handler = Connection {
                    counts: Arc::clone(&shared),
                    manners: manners.clone(),
                    channels: 0,
                };
                let config = Arc::clone(&config);
                tokio::spawn(async move {
                    if let Ok(running) = server::run_stream(config, stream, handler).await {
                        // How a client leaves a hostile server is of no interest to the server.
                        let _ = running.await;
                    }
                });
            }
        });
        Self { port, known_line: format!("[127.0.0.1]:{port} {public}\n"), counts }
    }

    pub(crate) fn logins(&self) -> usize {
        self.counts.logins.load(Ordering::SeqCst)
    }
}

struct Connection {
    counts: Arc<Counts>,
    manners: Manners,
    /// Sessions that are open.
    channels: usize,
}

impl Connection {
    fn count(&self) -> Auth {
        self.counts.logins.fetch_add(1, Ordering::SeqCst);
        if self.manners.banner_and_refusal.is_some() { Auth::reject() } else { Auth::Accept }
    }
}

impl server::Handler for Connection {
    type Error = russh::Error;

    async fn auth_none(&mut self, _: &str) -> Result<Auth, russh::Error> {
        Ok(self.count())
    }

    async fn auth_password(&mut self, _: &str, _: &str) -> Result<Auth, russh::Error> {
        Ok(self.count())
    }

    async fn auth_publickey_offered(
        &mut self,
        _: &str,
        _: PublicKeyOffer<'_>,
    ) -> Result<Auth, russh::Error> {
        Ok(self.count())
    }

    async fn auth_publickey(
        &mut self,
        _: &str,
        _: VerifiedPublicKey<'_>,
    ) -> Result<Auth, russh::Error> {
        Ok(self.count())
    }

    async fn authentication_banner(&mut self) -> Result<Option<String>, russh::Error> {
        Ok(self.manners.banner_and_refusal.clone().or_else(|| self.manners.banner.clone()))
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        if self.manners.one_channel && self.channels > 0 {
            self.counts.refused.fetch_add(1, Ordering::SeqCst);
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
        } else {
            self.channels += 1;
            reply.accept().await;
        }
        Ok(())
    }

    async fn channel_close(&mut self, _: ChannelId, _: &mut Session) -> Result<(), russh::Error> {
        self.channels -= 1;
        Ok(())
    }

    async fn signal(
        &mut self,
        _: ChannelId,
        signal: Sig,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.counts.signals.lock().unwrap().push(format!("{signal:?}"));
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let word = String::from_utf8_lossy(command);
        let word = word.rsplit('/').next().unwrap_or_default().to_owned();
        if word == "refuse" {
            return session.channel_failure(channel);
        }
        session.channel_success(channel)?;
        if let Some(text) = self.manners.goodbye.clone() {
            let handle = session.handle();
            tokio::spawn(async move {
                // Errors mean that the client has left.
                let _ = handle.disconnect(Disconnect::ByApplication, text, "en".to_owned()).await;
            });
            return Ok(());
        }
        if let Some(answer) = self.manners.answer.clone() {
            let handle = session.handle();
            let closes = !self.manners.one_channel;
            tokio::spawn(async move {
                // Errors mean that the client has left.
                let _ = handle.extended_data(channel, 1, answer.clone()).await;
                let _ = handle.data(channel, answer).await;
                let _ = handle.exit_status_request(channel, 0).await;
                let _ = handle.eof(channel).await;
                if closes {
                    let _ = handle.close(channel).await;
                }
            });
            return Ok(());
        }
        tokio::spawn(obey(word, channel, session.handle()));
        Ok(())
    }
}

/// Does what the word says. Errors mean that the client has left.
async fn obey(word: String, channel: ChannelId, handle: server::Handle) {
    let _ = match word.as_str() {
        "ok" => end(&handle, channel, b"fine", 0).await,
        "tiny-flood" => {
            while handle.data(channel, vec![b'x'; 2]).await.is_ok() {}
            Ok(())
        }
        "open" => {
            let report = open_everything(&handle).await;
            end(&handle, channel, report.as_bytes(), 0).await
        }
        "expired" => {
            let text = "WARNING: Your password has expired.\n\
                        Password change required but no TTY available.\n";
            let _ = handle.extended_data(channel, 1, text.as_bytes().to_vec()).await;
            end(&handle, channel, b"", 1).await
        }
        "goodbye" => {
            let _ = handle.data(channel, b"half".to_vec()).await;
            let text = format!("bye \u{1b}[2J\r\n{}", "x".repeat(2000));
            let _ = handle.disconnect(Disconnect::ByApplication, text, "en".to_owned()).await;
            Ok(())
        }
        "no-eof" => {
            let _ = handle.data(channel, b"half".to_vec()).await;
            let _ = handle.exit_status_request(channel, 0).await;
            handle.close(channel).await
        }
        "no-status" => {
            let _ = handle.data(channel, b"half".to_vec()).await;
            let _ = handle.eof(channel).await;
            handle.close(channel).await
        }
        "evil-signal" => {
            let signal = Sig::Custom("EV\u{1b}IL".to_owned());
            let _ = handle
                .exit_signal_request(channel, signal, false, "\u{1b}[0m".into(), "en".into())
                .await;
            let _ = handle.eof(channel).await;
            handle.close(channel).await
        }
        _ => Ok(()),
    };
}

async fn end(
    handle: &server::Handle,
    channel: ChannelId,
    output: &[u8],
    status: u32,
) -> Result<(), ()> {
    let _ = handle.data(channel, output.to_vec()).await;
    handle.eof(channel).await?;
    handle.exit_status_request(channel, status).await?;
    handle.close(channel).await
}

/// Opens every kind of channel that a server can; says what came of each.
async fn open_everything(handle: &server::Handle) -> String {
    let results = [
        ("session", handle.channel_open_session().await.is_err()),
        ("agent", handle.channel_open_agent().await.is_err()),
        ("x11", handle.channel_open_x11("127.0.0.1", 6000).await.is_err()),
        (
            "direct-tcpip",
            handle.channel_open_direct_tcpip("127.0.0.1", 22, "127.0.0.1", 1).await.is_err(),
        ),
        (
            "forwarded-tcpip",
            handle.channel_open_forwarded_tcpip("127.0.0.1", 22, "127.0.0.1", 1).await.is_err(),
        ),
        ("direct-streamlocal", handle.channel_open_direct_streamlocal("/s").await.is_err()),
        ("forwarded-streamlocal", handle.channel_open_forwarded_streamlocal("/s").await.is_err()),
    ];
    let refused: Vec<&str> =
        results.iter().filter(|(_, refused)| *refused).map(|(kind, _)| *kind).collect();
    refused.join(" ")
}
