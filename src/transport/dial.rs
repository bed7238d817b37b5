//! From an address to a connected TCP socket: names are resolved once, several addresses are
//! tried side by side.
//!
//! In: address and port. Out: a socket, or the fault that says at which step and why.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{sleep, timeout};

use crate::model::fault::{Fault, FaultKind};
use crate::model::text::escape;

/// Head start of an address over the next one. Source: RFC 8305, section 5.
const HEAD_START: Duration = Duration::from_millis(250);

/// Most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// Connects to the first address that answers. `limit` holds for the name and for the connection,
/// each.
pub(super) async fn dial(address: &str, port: u16, limit: Duration) -> Result<TcpStream, Fault> {
    let addresses = resolve(address, port, limit).await?;
    let Ok(result) = timeout(limit, race(&addresses)).await else {
        let (shown, seconds) = (list(&addresses), limit.as_secs_f64());
        let detail = format!("no answer from {shown} in {seconds} s");
        return Err(Fault::new(FaultKind::ConnectTimeout, detail));
    };
    result.map_err(|(peer, error)| fault(peer, &error))
}

async fn resolve(address: &str, port: u16, limit: Duration) -> Result<Vec<SocketAddr>, Fault> {
    if let Ok(ip) = address.parse() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let shown = escape(address.as_bytes());
    let dns = |detail: String| Fault::new(FaultKind::Dns, detail);
    match timeout(limit, lookup_host((address, port))).await {
        Ok(Ok(found)) => {
            let found = alternate(found.collect());
            if found.is_empty() { Err(dns(format!("`{shown}` has no address"))) } else { Ok(found) }
        }
        Ok(Err(error)) => Err(dns(format!("`{shown}` does not resolve: {error}"))),
        Err(_) => Err(dns(format!(
            "no answer from the resolver for `{shown}` in {} s",
            limit.as_secs_f64()
        ))),
    }
}

/// The resolver's order, but with families taking turns, so that a dead IPv6 costs one head start.
fn alternate(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = found.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let longest = first.len().max(second.len());
    let turn = |index: usize| [first.get(index).copied(), second.get(index).copied()];
    (0..longest).flat_map(turn).flatten().take(ADDRESSES_MAX).collect()
}

/// Starts one attempt per head start (or at once when all others have failed); the first success
/// wins and the rest are dropped.
async fn race(addresses: &[SocketAddr]) -> Result<TcpStream, (SocketAddr, io::Error)> {
    let mut waiting = addresses.iter().copied();
    let mut attempts = FuturesUnordered::new();
    let mut failure = None;
    loop {
        if let Some(address) = waiting.next() {
            attempts.push(async move { (address, TcpStream::connect(address).await) });
        } else if attempts.is_empty() {
            break;
        }
        let more = waiting.len() > 0;
        tokio::select! {
            Some((address, result)) = attempts.next() => match result {
                Ok(stream) => return prepared(stream, address),
                // The first failure is the one of the preferred address.
                Err(error) => { failure.get_or_insert((address, error)); }
            },
            () = sleep(HEAD_START), if more => {}
        }
    }
    let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
    Err(failure.unwrap_or_else(|| (unspecified, io::ErrorKind::NotFound.into())))
}

/// Without `TCP_NODELAY` the key exchange takes 43 ms more (measured; russh leaves it off).
fn prepared(stream: TcpStream, address: SocketAddr) -> Result<TcpStream, (SocketAddr, io::Error)> {
    match stream.set_nodelay(true) {
        Ok(()) => Ok(stream),
        Err(error) => Err((address, error)),
    }
}

fn fault(peer: SocketAddr, error: &io::Error) -> Fault {
    use io::ErrorKind as Kind;
    let detail = |text: &str| format!("{peer}: {text}");
    match error.kind() {
        Kind::ConnectionRefused => Fault::new(FaultKind::Refused, detail("connection refused")),
        // EHOSTUNREACH and ENETUNREACH: an ICMP answer of a router, or nobody answered the search
        // for the neighbour. Linux gives the same for "prohibited" (icmp(7), icmp_err_convert).
        Kind::HostUnreachable | Kind::NetworkUnreachable => {
            Fault::new(FaultKind::NoRoute, detail(&error.to_string()))
        }
        // EINVAL: a `blackhole` route of this machine (ip-route(8)).
        Kind::InvalidInput => Fault::new(FaultKind::NoRoute, detail("the route is a black hole")),
        // EACCES, EPERM: this machine's own firewall or a `prohibit` route. Source: connect(2).
        Kind::PermissionDenied => Fault::new(FaultKind::Filtered, detail(&error.to_string())),
        Kind::TimedOut => Fault::new(FaultKind::ConnectTimeout, detail("no answer")),
        Kind::ConnectionReset => Fault::new(FaultKind::Refused, detail("connection reset")),
        _ => {
            let remedy = "see `ulimit -n` and net.ipv4.ip_local_port_range on the controller";
            Fault::new(FaultKind::Internal, detail(&format!("{error}; {remedy}")))
        }
    }
}

fn list(addresses: &[SocketAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let found = ["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1"].map(address).to_vec();
        let expected = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "[::3]:1"].map(address).to_vec();
        assert_eq!(alternate(found), expected);
    }

    #[tokio::test]
    async fn a_dead_first_address_does_not_stop_the_second() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let alive = listener.local_addr().unwrap();
        let dead = SocketAddr::new(alive.ip(), 1);
        let stream = race(&[dead, alive]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), alive);
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_is_a_dns_fault() {
        let fault = dial("no-such-host.invalid", 22, Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Dns);
    }
}
