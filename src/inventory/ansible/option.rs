//! Words of an ssh command line into settings: `-o ProxyJump=gw`, `-i KEY`, `-J`, `-p`, `-l`, and a
//! `ProxyCommand` that is a jump in disguise. Source: ssh(1), `ssh_config(5)`.

use crate::inventory::ansible::words;

/// One setting, its name in small letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: String,
}

/// One host to go through.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::inventory) struct Hop {
    /// Login name. `None`: the operator's.
    pub(in crate::inventory) user: Option<String>,
    /// Name or address, without brackets.
    pub(in crate::inventory) host: String,
    /// TCP port. `None`: 22.
    pub(in crate::inventory) port: Option<u16>,
    /// Key files named for this hop.
    pub(in crate::inventory) keys: Vec<String>,
}

/// Options of ssh that take a word.
const WITH_WORD: &str = "bcDEeFIiJLlmoOpQRSWwB";

/// The settings of a line of ssh options, in order.
pub(super) fn settings(line: &str) -> Result<Vec<Setting>, String> {
    let words = words::split(line).map_err(str::to_owned)?;
    let (settings, rest) = read(&words)?;
    match rest.first() {
        Some(word) => Err(format!("`{word}` is no option of ssh")),
        None => Ok(settings),
    }
}

/// Settings, and the words from the first that is no option.
fn read(words: &[String]) -> Result<(Vec<Setting>, &[String]), String> {
    let mut all = Vec::new();
    let mut rest = words;
    while let Some((word, tail)) = rest.split_first() {
        let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
            break;
        };
        rest = tail;
        if letters == "-" {
            break;
        }
        let Some((at, letter)) = letters.char_indices().find(|(_, c)| WITH_WORD.contains(*c))
        else {
            continue;
        };
        let behind = letters.get(at + letter.len_utf8()..).unwrap_or_default();
        let value = if behind.is_empty() {
            let (next, tail) =
                rest.split_first().ok_or_else(|| format!("`-{letter}` lacks its word"))?;
            rest = tail;
            next.as_str()
        } else {
            behind
        };
        all.extend(setting(letter, value));
    }
    Ok((all, rest))
}

fn setting(letter: char, value: &str) -> Option<Setting> {
    let named = |name: &str| Some(Setting { name: name.to_owned(), value: value.to_owned() });
    match letter {
        'o' => {
            let end = value.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(value.len());
            let (name, rest) = value.split_at(end);
            let rest = rest.trim_start_matches(|c: char| c == '=' || c.is_whitespace());
            Some(Setting { name: name.to_ascii_lowercase(), value: rest.trim_end().to_owned() })
        }
        'i' => named("identityfile"),
        'J' => named("proxyjump"),
        'p' => named("port"),
        'l' => named("user"),
        'F' => named("-f"),
        'W' => named("-w"),
        'c' => named("ciphers"),
        'm' => named("macs"),
        _ => None,
    }
}

/// The hops of `ProxyJump`, the first to connect to first. `None`: `none`.
pub(in crate::inventory) fn jumps(value: &str) -> Result<Option<Vec<Hop>>, String> {
    if value.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    value.split(',').map(|hop| destination(hop.trim())).collect::<Result<_, _>>().map(Some)
}

/// The hops of a `ProxyCommand` that runs `ssh -W %h:%p`, or `nc %h %p` on a host it reaches by ssh.
/// `Ok(None)`: `none`.
pub(in crate::inventory) fn command(value: &str) -> Result<Option<Vec<Hop>>, String> {
    const OTHER: &str = "runs another program than `ssh -W %h:%p HOST`";
    if value.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    let words = words::split(value).map_err(str::to_owned)?;
    let words = match words.split_first() {
        Some((word, rest)) if word == "exec" => rest,
        _ => &words,
    };
    let (program, rest) = words.split_first().ok_or(OTHER)?;
    if program.rsplit('/').next() != Some("ssh") {
        return Err(OTHER.to_owned());
    }
    let (mut settings, rest) = read(rest)?;
    let (target, rest) = rest.split_first().ok_or("names no host")?;
    let (more, rest) = read(rest)?;
    settings.extend(more);
    let forwards = settings.iter().any(|setting| {
        setting.name == "-w" && matches!(setting.value.as_str(), "%h:%p" | "[%h]:%p")
    });
    let relays = rest
        .first()
        .is_some_and(|word| matches!(word.rsplit('/').next(), Some("nc" | "netcat" | "ncat")))
        && rest.ends_with(&["%h".to_owned(), "%p".to_owned()]);
    if !(forwards && rest.is_empty() || relays) {
        return Err(OTHER.to_owned());
    }
    let first =
        |name: &str| settings.iter().find(|setting| setting.name == name).map(|s| s.value.as_str());
    let mut hop = destination(target)?;
    hop.user = hop.user.or_else(|| first("user").map(str::to_owned));
    if let Some(port) = first("port") {
        hop.port = Some(port.parse().map_err(|_| format!("port `{port}` is no port"))?);
    }
    let keys = settings.iter().filter(|setting| setting.name == "identityfile");
    hop.keys = keys.map(|setting| setting.value.clone()).collect();
    let mut hops = match (first("proxyjump"), first("proxycommand")) {
        (Some(before), _) => jumps(before)?.unwrap_or_default(),
        (None, Some(_)) => return Err("goes through a second `ProxyCommand`".to_owned()),
        (None, None) => Vec::new(),
    };
    hops.push(hop);
    Ok(Some(hops))
}

/// `[user@]host[:port]`, or `ssh://[user@]host[:port]`.
fn destination(text: &str) -> Result<Hop, String> {
    let rest = text.strip_prefix("ssh://").unwrap_or(text).trim_end_matches('/');
    let (user, place) = match rest.rsplit_once('@') {
        Some((user, place)) => (Some(user.to_owned()), place),
        None => (None, rest),
    };
    let bracketed = place.strip_prefix('[').and_then(|inner| inner.split_once(']'));
    let (host, port) = match bracketed {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => match place.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, Some(port)),
            _ => (place, None),
        },
    };
    let port = port.map(|port| {
        port.parse().ok().filter(|port| *port > 0).ok_or_else(|| format!("`{text}` has no port"))
    });
    if host.is_empty() || host.contains(['%', '{', ' ']) || user.as_deref() == Some("") {
        return Err(format!("`{text}` names no host to go through"));
    }
    Ok(Hop { user, host: host.to_owned(), port: port.transpose()?, keys: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(user: Option<&str>, host: &str, port: Option<u16>, keys: &[&str]) -> Hop {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        Hop { user: user.map(str::to_owned), host: host.into(), port, keys }
    }

    #[test]
    fn options_are_read_in_every_spelling() {
        let line = "-o ProxyJump=gw -oUser=x -o 'Port 22' -C -qJ a -i ~/.ssh/k -o IdentitiesOnly=yes -p2222";
        let all: Vec<(String, String)> =
            settings(line).unwrap().into_iter().map(|s| (s.name, s.value)).collect();
        let expected = [
            ("proxyjump", "gw"),
            ("user", "x"),
            ("port", "22"),
            ("proxyjump", "a"),
            ("identityfile", "~/.ssh/k"),
            ("identitiesonly", "yes"),
            ("port", "2222"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(all, expected);
        assert_eq!(settings("-o").unwrap_err(), "`-o` lacks its word");
        assert_eq!(settings("-C host").unwrap_err(), "`host` is no option of ssh");
    }

    #[test]
    fn a_proxy_command_of_ssh_is_a_jump() {
        let cases = [
            ("ssh -W %h:%p gw", hop(None, "gw", None, &[])),
            (
                "ssh -W %h:%p -q op@gw.example.org -p 2222",
                hop(Some("op"), "gw.example.org", Some(2222), &[]),
            ),
            ("/usr/bin/ssh -i k -l op gw -W [%h]:%p", hop(Some("op"), "gw", None, &["k"])),
            ("ssh gw nc -w 10 %h %p", hop(None, "gw", None, &[])),
            (
                "exec ssh -W %h:%p ssh://op@[2001:db8::1]:22",
                hop(Some("op"), "2001:db8::1", Some(22), &[]),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(command(text), Ok(Some(vec![expected])), "{text}");
        }
        let chain = command("ssh -J a,b:2 -W %h:%p c").unwrap().unwrap();
        assert_eq!(chain.iter().map(|hop| &*hop.host).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(command("none"), Ok(None));
        for other in [
            "nc -X 5 -x proxy %h %p",
            "ssh gw",
            "ssh gw rm %h",
            "aws ssm start-session",
            "ssh -W x:22 gw",
        ] {
            assert!(command(other).is_err(), "{other}");
        }
        assert_eq!(jumps("none"), Ok(None));
        assert!(jumps("{{ gw }}").is_err());
    }
}
