//! One connection to a WinRM service: one socket, one security context, one request in flight.
//!
//! In: where, as whom, and envelopes. Out: what the service answers. There is no pool and no second
//! try: a context belongs to its connection, and a connection whose answer did not come whole is of
//! no more use. Over plain HTTP nothing but sealed bodies leaves, and nothing but sealed ones is
//! taken.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::ext::on_informational;
use hyper::header::{
    AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, SERVER, WWW_AUTHENTICATE,
};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::model::deadline::Deadlines;
use crate::model::fault::{Codes, Fault, FaultKind, Stage};
use crate::model::text::escape;
use crate::transport::dial::dial;
use crate::transport::winrm::auth::{Context, NotIn, Shown};
use crate::transport::winrm::door::{Showing, Unproven};
use crate::transport::winrm::seal::{self, Protocol};
use crate::transport::winrm::secure::{Channel, Tls, secure};
use crate::transport::winrm::soap::ENVELOPE_BYTES;

/// Most bytes of an answer: what we allow the host, sealed, and room for its frame.
const ANSWER_BYTES_MAX: usize = ENVELOPE_BYTES as usize * 2;

/// The `Content-Type` of an envelope that is not sealed.
const PLAIN: &str = "application/soap+xml;charset=UTF-8";

/// Most bytes of what a service calls itself that are kept.
const SERVER_BYTES_MAX: usize = 100;

/// Most interim answers to one request. Windows sends one, before it takes a body.
const INTERIM_MAX: usize = 16;

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
    pub(super) tls: Option<Tls>,
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
    /// The last request has left, as far as we can tell.
    sent: bool,
    /// What the service calls itself, escaped.
    server: Option<String>,
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
    /// What was agreed on by TLS; `None` over plain HTTP.
    pub(super) channel: Option<Channel>,
}

/// What goes with each request.
enum Login {
    /// The connection is logged in; bodies are sealed where there is no TLS.
    Context { context: Box<dyn Context>, sealed: bool },
    /// Each request says who asks.
    Header(HeaderValue),
}

/// A connection that has logged in, or does with its first request.
pub(super) struct Connection {
    http: Http,
    login: Login,
    /// What was agreed on by TLS; `None` over plain HTTP.
    pub(super) channel: Option<Channel>,
    /// Set until the host has shown that it takes, or knows, the password.
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
    let ((sender, driver), channel) = match &place.tls {
        None => (begin(tcp).await?, None),
        Some(tls) => {
            let limit = deadlines.banner.saturating_add(deadlines.key_exchange);
            let secured = secure(tcp, &place.name, tls, limit).await;
            let (stream, channel) = secured.map_err(|fault| fault.at(Stage::Tls))?;
            (begin(stream).await?, Some(channel))
        }
    };
    Ok(Reached { http: Http { sender, driver, host, sent: false, server: None }, peer, channel })
}

impl Reached {
    /// Logs the connection in; over plain HTTP all that follows is sealed. `limit` is that of each side
    /// of the wait for a turn.
    pub(super) async fn log_in(
        self,
        context: Box<dyn Context>,
        limit: Duration,
        showing: &mut Showing<'_>,
    ) -> Result<Connection, NotIn> {
        let Self { mut http, peer, channel } = self;
        let mut context = context;
        let overdue = |_| {
            let detail = format!("the login did not end in {} s", limit.as_secs_f64());
            Fault::new(FaultKind::KexTimeout, detail)
        };
        // What is said so far shows nothing of the password.
        let unseen = |fault| NotIn { fault, shown: Shown::Nothing };
        let greeted = timeout(limit, greet(&mut http, context.as_mut())).await;
        let token = greeted.map_err(overdue).flatten().map_err(unseen)?;
        showing.begin().await.map_err(unseen)?;
        http.sent = false;
        let agreed = timeout(limit, agree(&mut http, context.as_mut(), &token)).await;
        agreed.map_err(overdue).flatten().map_err(|fault| {
            // Whatever is said to a proof but 401: it may have been looked at.
            let shown = match (http.sent, fault.kind) {
                (false, _) => Shown::Nothing,
                (true, FaultKind::AuthRefused) => Shown::Refused,
                (true, _) => Shown::Perhaps,
            };
            NotIn { fault, shown }
        })?;
        let login = Login::Context { context, sealed: channel.is_none() };
        Ok(Connection { http, login, channel, unproven: None, peer })
    }

    /// A connection whose requests say who asks. Nothing of that leaves but over TLS.
    pub(super) fn with_header(self, mut header: HeaderValue) -> Result<Connection, Fault> {
        let Self { http, peer, channel } = self;
        if channel.is_none() {
            let detail = "a login without sealing needs verified HTTPS";
            return Err(Fault::new(FaultKind::Policy, detail));
        }
        header.set_sensitive(true);
        let login = Login::Header(header);
        Ok(Connection { http, login, channel, unproven: None, peer })
    }
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

/// Requests without a body, one for each token of ours but the last, which is given back. Nothing else
/// of ours is sent before the host has said that it takes them.
async fn greet(http: &mut Http, context: &mut dyn Context) -> Result<Vec<u8>, Fault> {
    let protocol = context.protocol();
    let mut token = context.step(None)?;
    for _ in 1..context.legs() {
        let (status, headers, _) =
            http.exchange(Some(&bearer(protocol, &token)?), "", Vec::new()).await?;
        token = match (status, answer_token(&headers, protocol)) {
            (StatusCode::UNAUTHORIZED, Some(challenge)) => context.step(Some(&challenge))?,
            (StatusCode::UNAUTHORIZED, None) => return Err(not_offered(protocol.scheme())),
            (status, _) => return Err(unexpected(status)),
        };
    }
    Ok(token)
}

/// The last token, and what the host says to it.
async fn agree(http: &mut Http, context: &mut dyn Context, token: &[u8]) -> Result<(), Fault> {
    let protocol = context.protocol();
    let (status, headers, _) =
        http.exchange(Some(&bearer(protocol, token)?), "", Vec::new()).await?;
    match status {
        StatusCode::OK => context.finish(answer_token(&headers, protocol).as_deref()),
        StatusCode::UNAUTHORIZED if context.legs() == 1 && !offers(&headers, protocol) => {
            Err(not_offered(protocol.scheme()))
        }
        StatusCode::UNAUTHORIZED => Err(account_refused()),
        status => Err(unexpected(status)),
    }
}

fn not_offered(scheme: &str) -> Fault {
    let detail = format!("the service does not offer {scheme}: the password was not sent");
    Fault::new(FaultKind::Policy, detail)
}

fn account_refused() -> Fault {
    let codes = Codes { http_status: Some(401), ..Codes::at(Stage::Auth) };
    Fault::new(FaultKind::AuthRefused, "the service refused the account").with(codes)
}

impl Connection {
    /// Holds what is proved by the first answer: over HTTP one that is sealed, over HTTPS one to our
    /// message.
    pub(super) fn hold(&mut self, unproven: Unproven) {
        self.unproven = Some(unproven);
    }

    /// An answer to our message came.
    pub(super) fn prove(&mut self) {
        if let Some(unproven) = self.unproven.take() {
            unproven.prove(self.is_sealed());
        }
    }

    /// Whether one more request shows nothing that the host has not proved to take.
    pub(super) const fn may_ask_again(&self) -> bool {
        !matches!((&self.login, &self.unproven), (Login::Header(_), Some(_)))
    }

    /// Whether the host has proved to take the login.
    pub(super) const fn is_proved(&self) -> bool {
        self.unproven.is_none()
    }

    /// Whether the last message left.
    pub(super) const fn has_sent(&self) -> bool {
        self.http.sent
    }

    /// Whether bodies are sealed: over plain HTTP.
    pub(super) const fn is_sealed(&self) -> bool {
        matches!(self.login, Login::Context { sealed: true, .. })
    }

    /// For the record: what the service calls itself, escaped. `None`: it has not said.
    pub(super) fn server(&self) -> Option<&str> {
        self.http.server.as_deref()
    }

    /// For the record: what seals bodies. `None`: nothing but TLS.
    pub(super) fn sealing(&self) -> Option<&'static str> {
        match &self.login {
            Login::Context { context, sealed: true } => Some(context.cipher()),
            Login::Context { .. } | Login::Header(_) => None,
        }
    }

    /// Sends an envelope and takes its answer.
    pub(super) async fn ask(&mut self, envelope: &str) -> Result<Answered, Fault> {
        let answered = self.exchange(envelope).await;
        if answered.is_err()
            && !self.http.sent
            && matches!(self.login, Login::Header(_))
            && let Some(unproven) = self.unproven.take()
        {
            unproven.unseen();
        }
        answered
    }

    async fn exchange(&mut self, envelope: &str) -> Result<Answered, Fault> {
        let plain = envelope.as_bytes();
        let (status, headers, body) = match &mut self.login {
            Login::Context { context, sealed: true } => {
                let protocol = context.protocol();
                let body = seal::wrap(protocol, plain.len(), &context.seal(plain)?);
                self.http.exchange(None, &protocol.content_type(), body).await?
            }
            Login::Context { .. } => self.http.exchange(None, PLAIN, plain.to_vec()).await?,
            Login::Header(header) => {
                let header = header.clone();
                self.http.exchange(Some(&header), PLAIN, plain.to_vec()).await?
            }
        };
        match status {
            StatusCode::OK | StatusCode::INTERNAL_SERVER_ERROR => {}
            StatusCode::UNAUTHORIZED => return Err(self.refused()),
            status => return Err(unexpected(status)),
        }
        let body = match &mut self.login {
            Login::Context { context, sealed: true } => {
                unsealed(context.as_mut(), &headers, (status, &body))?
            }
            Login::Context { .. } | Login::Header(_) => body,
        };
        if self.is_sealed() {
            self.prove();
        }
        Ok(Answered { status, body })
    }

    /// 401 to an envelope: a login that is forgotten, or, where each request logs in and none was
    /// taken yet, one that is refused.
    fn refused(&mut self) -> Fault {
        match (&self.login, self.unproven.take()) {
            (Login::Header(_), Some(unproven)) => {
                unproven.refused();
                account_refused()
            }
            (_, unproven) => {
                self.unproven = unproven;
                let detail = "the service forgot the login in the middle of the visit";
                let codes = Codes { http_status: Some(401), ..Codes::at(Stage::Auth) };
                Fault::new(FaultKind::Lost, detail).with(codes)
            }
        }
    }
}

/// The envelope of a sealed body; no other body is taken.
fn unsealed(
    context: &mut dyn Context,
    headers: &HeaderMap,
    (status, body): (StatusCode, &[u8]),
) -> Result<Vec<u8>, Fault> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let Some((length, sealed)) = seal::unwrap(kind, body) else {
        let detail = format!("an answer that is not sealed was not taken (HTTP {status})");
        return Err(Fault::new(FaultKind::Lost, detail));
    };
    let body = context.unseal(&sealed)?;
    if !(body.len()..=body.len() + context.padding()).contains(&length) {
        let detail = "a sealed answer has another length than it says";
        return Err(Fault::new(FaultKind::Lost, detail));
    }
    Ok(body)
}

/// `SCHEME TOKEN`.
fn bearer(protocol: Protocol, token: &[u8]) -> Result<HeaderValue, Fault> {
    let text = format!("{} {}", protocol.scheme(), Base64::encode_string(token));
    let mut value = HeaderValue::from_str(&text).map_err(|error| lost(&error))?;
    value.set_sensitive(true);
    Ok(value)
}

const CLOSED: &str = "the service had closed the connection";

/// Bounds the interim answers (1xx) to a request, which hyper passes over: told of when there are too
/// many.
fn bounded(request: &mut Request<Full<Bytes>>) -> Arc<Notify> {
    let (endless, count) = (Arc::new(Notify::new()), AtomicUsize::new(0));
    let told = Arc::clone(&endless);
    on_informational(request, move |_| {
        if count.fetch_add(1, Ordering::Relaxed) >= INTERIM_MAX {
            told.notify_one();
        }
    });
    endless
}

impl Http {
    async fn exchange(
        &mut self,
        authorization: Option<&HeaderValue>,
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
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        self.sent = false;
        let mut request =
            request.body(Full::new(Bytes::from(body))).map_err(|error| lost(&error))?;
        let endless = bounded(&mut request);
        self.sender.ready().await.map_err(|_| lost(&CLOSED))?;
        self.sent = true;
        let answer = self.sender.try_send_request(request);
        let response = tokio::select! {
            response = answer => response,
            () = endless.notified() => {
                let detail = format!("more than {INTERIM_MAX} interim answers came and no other");
                return Err(Fault::new(FaultKind::Lost, detail));
            }
        };
        let response = response.map_err(|mut error| {
            // It is given back where nothing of it was written.
            self.sent = error.take_message().is_none();
            if self.sent { lost(error.error()) } else { lost(&CLOSED) }
        })?;
        let (parts, body) = response.into_parts();
        if let Some(server) = parts.headers.get(SERVER).filter(|_| self.server.is_none()) {
            let server = server.as_bytes();
            self.server = Some(escape(server.get(..SERVER_BYTES_MAX).unwrap_or(server)));
        }
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|error| {
            Fault::new(FaultKind::Lost, format!("an answer did not come whole: {error}"))
        })?;
        Ok((parts.status, parts.headers, body.to_bytes().to_vec()))
    }
}

/// What the headers say of a scheme: what stands behind it, in any of them.
fn behind(headers: &HeaderMap, protocol: Protocol) -> impl Iterator<Item = &str> {
    let offers = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    offers.filter_map(move |offer| {
        let (scheme, rest) = offer.split_once(' ').unwrap_or((offer, ""));
        scheme.eq_ignore_ascii_case(protocol.scheme()).then(|| rest.trim())
    })
}

fn offers(headers: &HeaderMap, protocol: Protocol) -> bool {
    behind(headers, protocol).next().is_some()
}

/// The token behind the scheme.
fn answer_token(headers: &HeaderMap, protocol: Protocol) -> Option<Vec<u8>> {
    behind(headers, protocol)
        .filter(|token| !token.is_empty())
        .find_map(|token| Base64::decode_vec(token).ok())
}

fn unexpected(status: StatusCode) -> Fault {
    let (kind, detail) = match status.as_u16() {
        403 => (FaultKind::Denied, "HTTP 403: the service forbids it".to_owned()),
        404 | 405 => (FaultKind::Refused, format!("HTTP {status}: there is no WinRM service here")),
        301..=308 => (FaultKind::Lost, format!("HTTP {status}: no redirection is followed")),
        400 => {
            let hint = "so a port of HTTPS answers HTTP: check `port` (5986 is HTTPS, 5985 HTTP) and \
                        `tls` of the host";
            (FaultKind::Lost, format!("HTTP 400 instead of an answer; {hint}"))
        }
        413 => (FaultKind::Internal, "HTTP 413: the request was too large".to_owned()),
        503 => (FaultKind::Quota, "HTTP 503: the service takes no more requests".to_owned()),
        other => (FaultKind::Lost, format!("HTTP {other} instead of an answer")),
    };
    let codes = Codes { http_status: Some(status.as_u16()), ..Codes::at(Stage::Auth) };
    Fault::new(kind, detail).with(codes)
}
