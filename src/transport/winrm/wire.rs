//! One connection to a WinRM service: one socket, one security context, one request in flight.
//!
//! In: where, as whom, and envelopes. Out: what the service answers. There is no pool and no second
//! try: a context belongs to its connection, and a connection whose answer did not come whole is of
//! no more use. Over plain HTTP nothing but sealed bodies leaves, and nothing but sealed ones is
//! taken.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use secrecy::SecretString;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::model::deadline::Deadlines;
use crate::model::fault::{Codes, Fault, FaultKind, Stage};
use crate::transport::dial::dial;
use crate::transport::winrm::auth::Context;
use crate::transport::winrm::auth::ntlm::NtlmContext;
use crate::transport::winrm::binding;
use crate::transport::winrm::door::{Showing, Unproven};
use crate::transport::winrm::seal;
use crate::transport::winrm::soap::ENVELOPE_BYTES;

/// Most bytes of an answer: what we allow the host, sealed, and room for its frame.
const ANSWER_BYTES_MAX: usize = ENVELOPE_BYTES as usize * 2;

/// Where a service is.
#[derive(Clone)]
pub(super) struct Place {
    /// Address to connect to.
    pub(super) address: String,
    /// TCP port.
    pub(super) port: u16,
    /// The name that a certificate must carry, and the `Host` header. Apart from the address, for
    /// hosts behind another name.
    pub(super) name: String,
    /// TLS, verified. `None`: plain HTTP with sealed bodies.
    pub(super) tls: Option<Arc<ClientConfig>>,
}

impl Place {
    /// The URL that envelopes are addressed to.
    pub(super) fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/wsman", self.authority())
    }

    /// Name and port; an IPv6 address in brackets (RFC 3986, 3.2.2).
    fn authority(&self) -> String {
        let (name, port) = (&self.name, self.port);
        if name.contains(':') { format!("[{name}]:{port}") } else { format!("{name}:{port}") }
    }
}

/// What a service answered.
#[derive(Debug)]
pub(super) struct Answered {
    /// 200, or 500 with a fault.
    pub(super) status: StatusCode,
    /// The envelope, unsealed.
    pub(super) body: Vec<u8>,
}

/// HTTP on one socket.
struct Http {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    host: HeaderValue,
}

impl Drop for Http {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// A connection on which nobody has logged in. Over TLS the server is verified.
pub(super) struct Reached {
    http: Http,
    peer: SocketAddr,
    /// Hash of the server's certificate; `None` over plain HTTP.
    bound: Option<Vec<u8>>,
}

/// A connection that has logged in.
pub(super) struct Connection {
    http: Http,
    context: Box<dyn Context>,
    /// Bodies are sealed: over plain HTTP.
    pub(super) sealed: bool,
    /// Set until the host has shown that it knows the password.
    unproven: Option<Unproven>,
    /// The address at the other end.
    pub(super) peer: SocketAddr,
}

/// Connects and verifies TLS.
pub(super) async fn reach(place: &Place, deadlines: &Deadlines) -> Result<Reached, Fault> {
    let tcp = dial(&place.address, place.port, deadlines.connect)
        .await
        .map_err(|fault| fault.at(Stage::Connect))?;
    let peer = tcp.peer_addr().map_err(|error| lost(&error))?;
    let host = HeaderValue::from_str(&place.authority())
        .map_err(|_| Fault::new(FaultKind::Internal, "the host's name fits no header"))?;
    let ((sender, driver), bound) = match &place.tls {
        None => (begin(tcp).await?, None),
        Some(config) => {
            let limit = deadlines.banner.saturating_add(deadlines.key_exchange);
            let (stream, bound) = secure(tcp, &place.name, config, limit)
                .await
                .map_err(|fault| fault.at(Stage::Tls))?;
            (begin(stream).await?, Some(bound))
        }
    };
    Ok(Reached { http: Http { sender, driver, host }, peer, bound })
}

impl Reached {
    /// Logs in by NTLMv2: bound to the channel over TLS; over plain HTTP all that follows is sealed.
    pub(super) async fn log_in(
        self,
        user: &str,
        password: &SecretString,
        (limit, showing): (Duration, &mut Showing<'_>),
    ) -> Result<Connection, Fault> {
        let Self { http, peer, bound } = self;
        let context = Box::new(NtlmContext::new(user, password, bound.as_deref())?);
        let sealed = bound.is_none();
        let mut connection = Connection { http, context, sealed, unproven: None, peer };
        let overdue = |_| {
            let detail = format!("the login did not end in {} s", limit.as_secs_f64());
            Fault::new(FaultKind::KexTimeout, detail)
        };
        let challenge = timeout(limit, connection.greet()).await.map_err(overdue)??;
        // Only now: what we said so far shows nothing of the password.
        showing.begin().await?;
        timeout(limit, connection.log_in(&challenge)).await.map_err(overdue)??;
        Ok(connection)
    }
}

/// TLS to a name; the hash of the certificate that the login is bound to.
async fn secure(
    tcp: TcpStream,
    name: &str,
    config: &Arc<ClientConfig>,
    limit: Duration,
) -> Result<(tokio_rustls::client::TlsStream<TcpStream>, Vec<u8>), Fault> {
    let server = ServerName::try_from(name.to_owned())
        .map_err(|_| Fault::new(FaultKind::Internal, "the host's name fits no certificate"))?;
    let connector = TlsConnector::from(Arc::clone(config));
    let Ok(result) = timeout(limit, connector.connect(server, tcp)).await else {
        let detail = format!("TLS did not begin in {} s", limit.as_secs_f64());
        return Err(Fault::new(FaultKind::BannerTimeout, detail));
    };
    let stream = result.map_err(|error| binding::tls_fault(&error))?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let hash = certificate.and_then(|certificate| binding::end_point(certificate));
    let hash = hash.ok_or_else(|| {
        let detail =
            "the login cannot be bound to the certificate: its signature is of no known kind";
        Fault::new(FaultKind::TlsUntrusted, detail)
    })?;
    Ok((stream, hash))
}

/// Starts HTTP on a stream.
async fn begin<S>(stream: S) -> Result<(SendRequest<Full<Bytes>>, JoinHandle<()>), Fault>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|error| lost(&error))?;
    let driver = tokio::spawn(async move {
        // How it ended is told to whoever waits for an answer.
        let _ = connection.await;
    });
    Ok((sender, driver))
}

fn lost(error: &dyn std::fmt::Display) -> Fault {
    Fault::new(FaultKind::Lost, error.to_string())
}

impl Connection {
    /// The first of two requests without a body: our name, their challenge. Nothing of ours but that
    /// and the answer to it is sent before the host has said that it takes it.
    async fn greet(&mut self) -> Result<Vec<u8>, Fault> {
        let first = self.context.step(None)?;
        let (status, headers, _) = self.http.exchange(Some(&first), "", Vec::new()).await?;
        match (status, challenge(&headers)) {
            (StatusCode::UNAUTHORIZED, Some(challenge)) => Ok(challenge),
            (StatusCode::UNAUTHORIZED, None) => {
                let detail = "the service does not offer Negotiate: the password was not sent";
                Err(Fault::new(FaultKind::Policy, detail))
            }
            (status, _) => Err(unexpected(status)),
        }
    }

    /// The second: our answer.
    async fn log_in(&mut self, challenge: &[u8]) -> Result<(), Fault> {
        let answer = self.context.step(Some(challenge))?;
        let (status, _, _) = self.http.exchange(Some(&answer), "", Vec::new()).await?;
        match status {
            StatusCode::OK => Ok(()),
            StatusCode::UNAUTHORIZED => {
                Err(Fault::new(FaultKind::AuthRefused, "the service refused the account"))
            }
            status => Err(unexpected(status)),
        }
    }

    /// Holds what is proved by the first sealed answer. Over TLS it is at once: who answers there is
    /// the host that the certificate names.
    pub(super) fn hold(&mut self, unproven: Unproven) {
        if self.sealed {
            self.unproven = Some(unproven);
        } else {
            unproven.prove();
        }
    }

    /// Sends an envelope and takes its answer.
    pub(super) async fn ask(&mut self, envelope: &str) -> Result<Answered, Fault> {
        let plain = envelope.as_bytes();
        let (kind, body) = if self.sealed {
            let sealed = self.context.seal(plain)?;
            (seal::CONTENT_TYPE, seal::wrap(plain.len(), &sealed))
        } else {
            ("application/soap+xml;charset=UTF-8", plain.to_vec())
        };
        let (status, headers, body) = self.http.exchange(None, kind, body).await?;
        match status {
            StatusCode::OK | StatusCode::INTERNAL_SERVER_ERROR => {}
            StatusCode::UNAUTHORIZED => {
                let detail = "the service forgot the login in the middle of the visit";
                return Err(Fault::new(FaultKind::Lost, detail));
            }
            status => return Err(unexpected(status)),
        }
        if !self.sealed {
            return Ok(Answered { status, body });
        }
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let Some((length, sealed)) = seal::unwrap(kind, &body) else {
            let detail = format!("an answer that is not sealed was not taken (HTTP {status})");
            return Err(Fault::new(FaultKind::Lost, detail));
        };
        let body = self.context.unseal(&sealed)?;
        if let Some(unproven) = self.unproven.take() {
            unproven.prove();
        }
        if body.len() != length {
            return Err(Fault::new(
                FaultKind::Lost,
                "a sealed answer has another length than it says",
            ));
        }
        Ok(Answered { status, body })
    }
}

impl Http {
    async fn exchange(
        &mut self,
        token: Option<&[u8]>,
        kind: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), Fault> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri("/wsman")
            .header(HOST, &self.host)
            .header("user-agent", concat!("fleetstat/", env!("CARGO_PKG_VERSION")));
        if !kind.is_empty() {
            request = request.header(CONTENT_TYPE, kind);
        }
        if let Some(token) = token {
            let text = format!("Negotiate {}", Base64::encode_string(token));
            let mut value = HeaderValue::from_str(&text).map_err(|error| lost(&error))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|error| lost(&error))?;
        self.sender.ready().await.map_err(|_| lost(&"the service had closed the connection"))?;
        let response = self.sender.send_request(request).await.map_err(|error| lost(&error))?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| {
            Fault::new(FaultKind::Lost, format!("an answer did not come whole: {error}"))
        })?;
        Ok((parts.status, parts.headers, body.to_bytes().to_vec()))
    }
}

/// The token behind `Negotiate`, in any of the headers.
fn challenge(headers: &HeaderMap) -> Option<Vec<u8>> {
    let offers = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let mut tokens = offers.filter_map(|offer| {
        let (scheme, token) = offer.split_once(' ')?;
        scheme.eq_ignore_ascii_case("negotiate").then(|| Base64::decode_vec(token.trim()).ok())?
    });
    tokens.next()
}

fn unexpected(status: StatusCode) -> Fault {
    let (kind, detail) = match status.as_u16() {
        403 => (FaultKind::Denied, "HTTP 403: the service forbids it".to_owned()),
        404 | 405 => (FaultKind::Refused, format!("HTTP {status}: there is no WinRM service here")),
        301..=308 => (FaultKind::Lost, format!("HTTP {status}: no redirection is followed")),
        413 => (FaultKind::Internal, "HTTP 413: the request was too large".to_owned()),
        503 => (FaultKind::Quota, "HTTP 503: the service takes no more requests".to_owned()),
        other => (FaultKind::Lost, format!("HTTP {other} instead of an answer")),
    };
    let codes = Codes { http_status: Some(status.as_u16()), ..Codes::at(Stage::Auth) };
    Fault::new(kind, detail).with(codes)
}
