//! What can stand in `address`: an IP address or a DNS name, and nothing around it.

use std::net::{IpAddr, Ipv4Addr};

/// Why an address is refused, with what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// Follows the address in the message.
    pub(super) reason: String,
    /// What to write.
    pub(super) help: String,
}

fn refused(reason: impl Into<String>, help: impl Into<String>) -> Refused {
    Refused { reason: reason.into(), help: help.into() }
}

/// Checks an address: IPv4, IPv6 (link-local with `%zone`), or a DNS name after RFC 1123,
/// section 2.1: labels of 1 to 63 letters, digits and hyphens, no hyphen at an end, 253 in all.
pub(super) fn check(address: &str) -> Result<(), Refused> {
    if let Ok(ip) = address.parse::<IpAddr>() {
        return one_host(ip);
    }
    if let Some((ip, zone)) = address.split_once('%') {
        return zoned(ip, zone);
    }
    decoration(address)?;
    if address.contains(':') {
        return Err(refused("is no IPv6 address", "write it as in 2001:db8::5"));
    }
    name(address)
}

fn one_host(ip: IpAddr) -> Result<(), Refused> {
    if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Err(refused("is not the address of one host", "give the host's own address"));
    }
    Ok(())
}

fn zoned(ip: &str, zone: &str) -> Result<(), Refused> {
    let link_local = match ip.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => ip.is_unicast_link_local(),
        Ok(IpAddr::V4(_)) | Err(_) => false,
    };
    // Linux: interface names have at most 15 characters (IFNAMSIZ).
    let named = (1..=15).contains(&zone.len())
        && zone.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if link_local && named {
        return Ok(());
    }
    let help = "only a link-local IPv6 address has a zone: fe80::5%eth0";
    Err(refused("has a `%` that names no zone", help))
}

/// What people put around an address.
fn decoration(address: &str) -> Result<(), Refused> {
    if let Some((_, rest)) = address.split_once("://") {
        let host = rest.split(['/', ':']).next().unwrap_or_default();
        return Err(refused("has a scheme", format!("write only `{host}`")));
    }
    if address.starts_with('[') {
        return Err(refused("has brackets", "write the IPv6 address without brackets"));
    }
    if let Some((user, host)) = address.split_once('@') {
        let help = format!("write `{host}`, and give the user `{user}` in an account");
        return Err(refused("has a user", help));
    }
    if let Some((host, prefix)) = address.split_once('/') {
        let network = host.parse::<IpAddr>().is_ok() && prefix.bytes().all(|b| b.is_ascii_digit());
        let reason = if network { "is a network, not a host" } else { "has a `/`" };
        return Err(refused(reason, format!("write `{host}`")));
    }
    if let Some((host, port)) = address.split_once(':')
        && !port.is_empty()
        && port.bytes().all(|b| b.is_ascii_digit())
    {
        let help = format!("write `address: {host}` and `port: {port}`");
        return Err(refused("has a port", help));
    }
    Ok(())
}

fn name(address: &str) -> Result<(), Refused> {
    let help = "a DNS name has letters, digits and hyphens, with dots between its labels";
    let absolute = address.strip_suffix('.').unwrap_or(address);
    if absolute.is_empty() || absolute.len() > 253 {
        return Err(refused("is empty or longer than 253 characters", help));
    }
    let numeric = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    if absolute.rsplit('.').next().is_some_and(numeric) {
        let help = "an IPv4 address has four numbers from 0 to 255, a DNS name ends in a letter";
        return Err(refused("is neither an IPv4 address nor a DNS name", help));
    }
    for label in absolute.split('.') {
        if label.is_empty() || label.len() > 63 {
            return Err(refused("has a label that is empty or longer than 63 characters", help));
        }
        if let Some(bad) = label.chars().find(|c| !(c.is_ascii_alphanumeric() || *c == '-')) {
            let shown = crate::yaml::defect::quoted(&bad.to_string());
            return Err(refused(format!("is no DNS name: it has {shown}"), help));
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(refused("has a label that begins or ends with a hyphen", help));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_host_pass() {
        for good in [
            "10.0.0.5",
            "2001:db8::5",
            "::1",
            "fe80::5%eth0",
            "db-1.lab.example.org",
            "localhost",
            "a.example.org.",
            "3com.example",
            "xn--bcher-kva.example",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn everything_else_is_refused_with_a_remedy() {
        let dns = "a DNS name has letters, digits and hyphens, with dots between its labels";
        let four = "an IPv4 address has four numbers from 0 to 255, a DNS name ends in a letter";
        let cases = [
            ("", "is empty or longer than 253 characters", dns),
            ("ssh://db-1:22/", "has a scheme", "write only `db-1`"),
            ("[::1]", "has brackets", "write the IPv6 address without brackets"),
            ("root@db-1", "has a user", "write `db-1`, and give the user `root` in an account"),
            ("10.0.0.0/24", "is a network, not a host", "write `10.0.0.0`"),
            ("db-1:2222", "has a port", "write `address: db-1` and `port: 2222`"),
            ("1:2:g::", "is no IPv6 address", "write it as in 2001:db8::5"),
            ("10.0.0.256", "is neither an IPv4 address nor a DNS name", four),
            ("10.0.5", "is neither an IPv4 address nor a DNS name", four),
            ("web_1", "is no DNS name: it has `_`", dns),
            ("a b", "is no DNS name: it has ` `", dns),
            ("-a.example", "has a label that begins or ends with a hyphen", dns),
            ("a..b", "has a label that is empty or longer than 63 characters", dns),
            ("0.0.0.0", "is not the address of one host", "give the host's own address"),
            ("ff02::1", "is not the address of one host", "give the host's own address"),
            (
                "10.0.0.1%eth0",
                "has a `%` that names no zone",
                "only a link-local IPv6 address has a zone: fe80::5%eth0",
            ),
        ];
        for (address, reason, help) in cases {
            assert_eq!(check(address), Err(refused(reason, help)), "{address}");
        }
    }
}
