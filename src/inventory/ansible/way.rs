//! How ssh would reach a host: user, port, keys and hosts to go through, from Ansible's variables
//! and the options it hands to ssh. Sources: ssh(1), and the options of Ansible's ssh connection.

use crate::inventory::ansible::login::KEYS_MAX;
use crate::inventory::ansible::note::Notes;
use crate::inventory::ansible::option::{self, Hop, Setting};
use crate::inventory::ansible::resolve::Found;
use crate::inventory::ansible::text::{self, Set, Unusable};
use crate::inventory::ansible::world::{Json, Variable};
use crate::yaml::defect::quoted;

/// What ssh would do.
#[derive(Debug, Default)]
pub(super) struct Way {
    pub(super) user: Option<Set>,
    pub(super) port: Option<Set>,
    pub(super) keys: Vec<Set>,
    pub(super) certificate: Option<Set>,
    pub(super) alias: Option<Set>,
    /// Hosts to go through, the first to connect to first; empty for `none`.
    pub(super) hops: Option<(Vec<Hop>, Set)>,
}

/// Settings that have no meaning here, or whose meaning fleetstat has anyway.
pub(super) const PASSED_OVER: &[&str] = &[
    "addkeystoagent",
    "addressfamily",
    "batchmode",
    "canonicalizehostname",
    "checkhostip",
    "compression",
    "connectionattempts",
    "connecttimeout",
    "controlmaster",
    "controlpath",
    "controlpersist",
    "forwardagent",
    "forwardx11",
    "gssapidelegatecredentials",
    "identitiesonly",
    "ipqos",
    "kbdinteractiveauthentication",
    "loglevel",
    "numberofpasswordprompts",
    "passwordauthentication",
    "permitlocalcommand",
    "preferredauthentications",
    "pubkeyauthentication",
    "requesttty",
    "rekeylimit",
    "sendenv",
    "serveralivecountmax",
    "serveraliveinterval",
    "setenv",
    "tcpkeepalive",
    "updatehostkeys",
    "visualhostkey",
    "gssapiauthentication",
    "kbdinteractivedevices",
    "hashknownhosts",
    "forwardx11trusted",
    "challengeresponseauthentication",
    "tunnel",
    "escapechar",
];

/// Works the way out.
pub(super) fn read(host: &str, found: &Found<'_>, notes: &mut Notes) -> Result<Way, Unusable> {
    let mut way = Way::default();
    options("ansible_ssh_args", &mut way, (host, found), notes)?;
    let get = |names: &[&str]| text::get(host, found, names);
    if way.port.is_none()
        && let Some(set) = get(&["ansible_port", "ansible_ssh_port"])?
    {
        way.port = Some(port(&set)?);
    }
    let key = get(&["ansible_private_key_file", "ansible_ssh_private_key_file"])?;
    way.keys.extend(key);
    if way.user.is_none() {
        way.user = get(&["ansible_user", "ansible_ssh_user"])?;
    }
    options("ansible_ssh_common_args", &mut way, (host, found), notes)?;
    options("ansible_ssh_extra_args", &mut way, (host, found), notes)?;
    let mut seen: Vec<String> = Vec::new();
    way.keys.retain(|key| {
        let fresh = !seen.contains(&key.text);
        seen.push(key.text.clone());
        fresh
    });
    if let Some(over) = way.keys.get(KEYS_MAX) {
        let message = || format!("only the first {KEYS_MAX} keys are used");
        notes.say(over.at, "too many keys", message);
        way.keys.truncate(KEYS_MAX);
    }
    Ok(way)
}

/// A port, if it is one.
pub(super) fn port(set: &Set) -> Result<Set, Unusable> {
    match set.text.trim().parse::<u16>() {
        Ok(port) if port > 0 => Ok(Set { text: port.to_string(), ..set.clone() }),
        _ => {
            let message =
                format!("its port is {}, expected a number from 1 to 65535", quoted(&set.text));
            Err(Unusable { at: set.at, message })
        }
    }
}

/// Takes the options of one variable. As in ssh, the first value of a setting counts; keys add up.
fn options(
    name: &'static str,
    way: &mut Way,
    (host, found): (&str, &Found<'_>),
    notes: &mut Notes,
) -> Result<(), Unusable> {
    let Some(line) = text::get(host, found, &[name])? else { return Ok(()) };
    let unusable = |message: String| Unusable { at: line.at, message };
    let settings =
        option::settings(&line.text).map_err(|reason| unusable(format!("`{name}`: {reason}")))?;
    for Setting { name: key, value } in settings {
        let set = |text: &str| Set { text: text.to_owned(), ..line.clone() };
        match key.as_str() {
            "user" if way.user.is_none() => way.user = Some(set(&value)),
            "port" if way.port.is_none() => way.port = Some(port(&set(&value))?),
            "identityfile" if value.eq_ignore_ascii_case("none") => {}
            "identityfile" if value.contains('%') || value.contains("${") => {
                return Err(unusable(format!(
                    "`{name}` names the key {}, which only ssh can expand",
                    quoted(&value)
                )));
            }
            "identityfile" => way.keys.push(set(&value)),
            "certificatefile" if way.certificate.is_none() => way.certificate = Some(set(&value)),
            "hostkeyalias" if way.alias.is_none() => way.alias = Some(set(&value)),
            "proxyjump" if way.hops.is_none() => {
                let hops = option::jumps(&value).map_err(unusable)?;
                way.hops = Some((hops.unwrap_or_default(), line.clone()));
            }
            "proxycommand" if way.hops.is_none() => {
                let hops = option::command(&value).map_err(|reason| {
                    unusable(format!("the `ProxyCommand` in `{name}` {reason}"))
                })?;
                way.hops = Some((hops.unwrap_or_default(), line.clone()));
            }
            "hostname" => {
                return Err(unusable(format!("`{name}` sets `HostName`: write `ansible_host`")));
            }
            "user" | "port" | "certificatefile" | "hostkeyalias" | "proxyjump" | "proxycommand" => {
            }
            other if PASSED_OVER.contains(&other) => {}
            other => not_taken(name, other, &line, notes),
        }
    }
    Ok(())
}

/// Settings whose loss an operator has to know of.
fn not_taken(name: &str, setting: &str, line: &Set, notes: &mut Notes) {
    let (kind, message): (&'static str, String) = match setting {
        "stricthostkeychecking" | "userknownhostsfile" | "globalknownhostsfile"
        | "nohostauthenticationforlocalhost" | "verifyhostkeydns" => (
            "host keys",
            "host keys are always checked, against known_hosts or `--known-hosts`: `fleetstat enroll` adds them".to_owned(),
        ),
        "kexalgorithms" | "hostkeyalgorithms" | "ciphers" | "macs" | "pubkeyacceptedalgorithms"
        | "pubkeyacceptedkeytypes" | "casignaturealgorithms" => (
            "algorithms",
            format!("algorithms of `{name}` are not taken over: old ones need `legacy:` with a reason and an expiry"),
        ),
        "-f" => (
            "ssh configuration",
            format!("the configuration file of `{name}` is not read: `fleetstat import ssh-config HOST` freezes what it says"),
        ),
        other => ("ssh setting", format!("the setting {} of `{name}` is not taken over", quoted(other))),
    };
    notes.say(line.at, kind, || message);
}

/// Says what is not done with one variable.
pub(super) fn remark(variable: &Variable, notes: &mut Notes) {
    let Some(name) = variable.name.strip_prefix("ansible_") else { return };
    let is = |flag: bool, words: [&str; 4]| match &variable.value {
        Json::Bool(value) => *value == flag,
        Json::String(text) => words.contains(&&*text.to_ascii_lowercase()),
        _ => false,
    };
    match name {
        "password"
        | "ssh_pass"
        | "ssh_password"
        | "become_pass"
        | "become_password"
        | "sudo_pass"
        | "ssh_private_key_passphrase"
        | "private_key_passphrase"
        | "su_pass"
        | "winrm_pass"
        | "winrm_password" => {
            notes.say(variable.at, "secret", || {
                format!("`ansible_{name}` is not used: name an account whose secret comes from the agent, a file or a credential")
            });
        }
        "become" | "sudo" if is(true, ["true", "yes", "on", "1"]) => {
            notes.say(variable.at, "become", || {
                format!("`ansible_{name}` is not taken over: escalation is on where an account says `escalation: sudo`")
            });
        }
        "host_key_checking" | "ssh_host_key_checking" if is(false, ["false", "no", "off", "0"]) => {
            notes.say(variable.at, "host keys", || {
                "host keys are always checked, against known_hosts or `--known-hosts`: `fleetstat enroll` adds them".to_owned()
            });
        }
        _ => {}
    }
}
