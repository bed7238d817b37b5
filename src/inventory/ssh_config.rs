//! What `ssh -G` says of hosts, frozen into an inventory: its answers in, YAML and remarks out.
//!
//! `ssh -G` prints the settings in force after its configuration was evaluated, `Match exec` and
//! included files too. They are compared with those of `ssh -F none -G`, which are OpenSSH's own
//! defaults: only what a person configured is taken over or remarked. Nothing here runs ssh.
//! Source: ssh(1), option -G; `ssh_config(5)`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::inventory::address;
use crate::inventory::ansible::option::{self, Hop};
use crate::inventory::ansible::passed_over;
use crate::model::id::HostName;
use crate::yaml::defect::quoted;

/// Most identities of one account.
const KEYS_MAX: usize = 4;
/// Most hosts to go through.
const HOPS_MAX: usize = 3;

/// What is asked of ssh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// The host as a person would type it behind `ssh`.
    pub host: &'a str,
    /// True: without any configuration file.
    pub defaults: bool,
}

/// A piece of an inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// `accounts`, `jumps` and `hosts`, with what is not taken over as comments.
    pub yaml: String,
    /// The same remarks: host, and what of its settings is not taken over.
    pub remarks: Vec<(String, String)>,
}

/// Freezes what ssh says of these hosts. `ask` runs ssh and gives its output.
///
/// # Errors
/// What `ask` says when ssh fails; a name that is none.
pub fn freeze(
    hosts: &[String],
    ask: &mut dyn FnMut(Question<'_>) -> Result<String, String>,
) -> Result<Fragment, String> {
    let mut freezing = Freezing {
        ask,
        defaults: Vec::new(),
        accounts: BTreeMap::new(),
        jumps: BTreeMap::new(),
        hosts: BTreeMap::new(),
        remarks: Vec::new(),
    };
    for host in hosts {
        HostName::new(host).map_err(|error| error.to_string())?;
        if freezing.defaults.is_empty() {
            freezing.defaults = settings(&(freezing.ask)(Question { host, defaults: true })?);
        }
        let entry = freezing.host(host)?;
        freezing.hosts.insert(host.clone(), entry);
    }
    Ok(freezing.written(hosts))
}

type Settings = Vec<(String, String)>;

/// `key value`, one a line, keys in small letters.
fn settings(text: &str) -> Settings {
    let line = |line: &str| {
        let (key, value) = line.trim().split_once(' ')?;
        Some((key.to_ascii_lowercase(), value.trim().to_owned()))
    };
    text.lines().filter_map(line).collect()
}

fn first<'a>(settings: &'a Settings, key: &str) -> Option<&'a str> {
    settings.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
}

struct Freezing<'a> {
    ask: &'a mut dyn FnMut(Question<'_>) -> Result<String, String>,
    defaults: Settings,
    /// Fields of the entries, by name.
    accounts: BTreeMap<String, Vec<String>>,
    jumps: BTreeMap<String, Vec<String>>,
    hosts: BTreeMap<String, Vec<String>>,
    remarks: Vec<(String, String)>,
}

/// Settings that are read here, or that concern only the terminal.
const READ: &[&str] = &[
    "host",
    "user",
    "hostname",
    "port",
    "identityfile",
    "certificatefile",
    "hostkeyalias",
    "proxyjump",
    "proxycommand",
    "enableescapecommandline",
    "xauthlocation",
    "canonicaldomains",
];

impl Freezing<'_> {
    /// True when what is said of a host is what holds of any host without a configuration.
    fn says_nothing(&self, said: &Settings) -> bool {
        let own = |(key, _): &&(String, String)| !matches!(key.as_str(), "host" | "hostname");
        said.iter().filter(own).eq(self.defaults.iter().filter(own))
    }

    /// The fields of one host.
    fn host(&mut self, host: &str) -> Result<Vec<String>, String> {
        let text = (self.ask)(Question { host, defaults: false })?;
        let said = settings(&text);
        let mut fields = self.place(host, &said);
        if self.says_nothing(&said) {
            let message = "nothing of the configuration concerns it: these are OpenSSH's defaults";
            self.remark(host, message.to_owned(), &mut fields);
        }
        fields.extend(
            first(&said, "hostkeyalias").map(|alias| format!("host_key_alias: {}", yaml(alias))),
        );
        let way = match (first(&said, "proxyjump"), first(&said, "proxycommand")) {
            (Some(jumps), _) => option::jumps(jumps),
            (None, Some(command)) => option::command(command),
            (None, None) => Ok(None),
        };
        match way {
            Ok(None) => {}
            Ok(Some(hops)) if hops.len() > HOPS_MAX => {
                let message =
                    format!("goes through {} hosts, at most {HOPS_MAX} are possible", hops.len());
                self.remark(host, message, &mut fields);
            }
            Ok(Some(hops)) => {
                if let Some(jump) = self.jumps(&hops)? {
                    fields.push(format!("jump: {}", yaml(&jump)));
                } else {
                    let message = "a host to go through has no name that can be used";
                    self.remark(host, message.to_owned(), &mut fields);
                }
            }
            Err(reason) => {
                let message = format!(
                    "the way is not taken over, and this host cannot be reached without it: `ProxyCommand` {reason}"
                );
                self.remark(host, message, &mut fields);
            }
        }
        self.rest(host, &said, &mut fields);
        Ok(fields)
    }

    /// Address, port and account.
    fn place(&mut self, name: &str, said: &Settings) -> Vec<String> {
        let mut fields = Vec::new();
        let address = first(said, "hostname").unwrap_or(name);
        if let Err(refused) = address::check(address) {
            self.remark(
                name,
                format!("the address {} {}", quoted(address), refused.reason),
                &mut fields,
            );
        } else if address != name {
            fields.push(format!("address: {}", yaml(address)));
        }
        if let Some(port) = first(said, "port").filter(|port| *port != "22") {
            match port.parse::<u16>() {
                Ok(port) if port > 0 => fields.push(format!("port: {port}")),
                _ => self.remark(name, format!("the port {} is none", quoted(port)), &mut fields),
            }
        }
        let account = self.account(name, said, &mut fields);
        fields.push(format!("account: {}", yaml(&account)));
        fields
    }

    /// The name of the account; the entry is made when there is none like it.
    fn account(&mut self, host: &str, said: &Settings, fields: &mut Vec<String>) -> String {
        let user = first(said, "user").unwrap_or_default();
        let values = |settings: &Settings, key: &str| -> Vec<String> {
            let all = settings.iter().filter(|(known, _)| known == key);
            all.map(|(_, value)| value.clone()).collect()
        };
        let mut keys = values(said, "identityfile");
        if keys == values(&self.defaults, "identityfile") {
            keys.clear();
        }
        let mut seen: Vec<String> = Vec::new();
        keys.retain(|key| {
            let fresh = !seen.contains(key) && key != "none";
            seen.push(key.clone());
            fresh
        });
        if let Some(token) = keys.iter().find(|key| key.contains('%') || key.contains("${")) {
            let message = format!(
                "the key {} is not taken over: only ssh can expand its name",
                quoted(token)
            );
            self.remark(host, message, fields);
            keys.retain(|key| !(key.contains('%') || key.contains("${")));
        }
        if keys.len() > KEYS_MAX {
            self.remark(host, format!("only the first {KEYS_MAX} keys are taken over"), fields);
            keys.truncate(KEYS_MAX);
        }
        let certificate =
            first(said, "certificatefile").map(|path| format!("certificate: {}", yaml(path)));
        let mut entry = vec![format!("user: {}", yaml(user))];
        match keys.as_slice() {
            [] => entry.push("agent: true".to_owned()),
            [key] => entry.push(format!("identity: {}", yaml(key))),
            keys => {
                entry.push("identities:".to_owned());
                entry.extend(keys.iter().map(|key| format!("  - identity: {}", yaml(key))));
            }
        }
        match certificate {
            Some(line) if keys.len() > 1 => entry.insert(3, format!("    {line}")),
            line => entry.extend(line),
        }
        let file = keys.first().and_then(|key| key.rsplit('/').next());
        self.named_account(user, file, entry)
    }

    fn named_account(&mut self, user: &str, file: Option<&str>, entry: Vec<String>) -> String {
        let right = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        let file = file.map_or_else(String::new, |file| format!("-{file}"));
        let base: String = format!("ssh-{user}{file}").chars().map(right).take(58).collect();
        let mut name = base.clone();
        let mut number = 1;
        while self.accounts.get(&name).is_some_and(|known| *known != entry) {
            number += 1;
            name = format!("{base}-{number}");
        }
        self.accounts.insert(name.clone(), entry);
        name
    }

    /// The name of the last jump host, those before it entered too. `None`: one cannot be named.
    fn jumps(&mut self, hops: &[Hop]) -> Result<Option<String>, String> {
        let mut previous: Option<String> = None;
        for hop in hops {
            if HostName::new(&hop.host).is_err() {
                return Ok(None);
            }
            let mut said = settings(&(self.ask)(Question { host: &hop.host, defaults: false })?);
            let overrides =
                [("user", hop.user.clone()), ("port", hop.port.map(|port| port.to_string()))];
            for (key, value) in overrides {
                if let Some(value) = value {
                    said.insert(0, (key.to_owned(), value));
                }
            }
            for key in hop.keys.iter().rev() {
                said.insert(0, ("identityfile".to_owned(), key.clone()));
            }
            let mut fields = self.place(&hop.host, &said);
            // A jump host has no other place for its address than this key.
            if !fields.iter().any(|field| field.starts_with("address:")) {
                fields.insert(0, format!("address: {}", yaml(&hop.host)));
            }
            fields.extend(
                first(&said, "hostkeyalias")
                    .map(|alias| format!("host_key_alias: {}", yaml(alias))),
            );
            fields.extend(previous.as_ref().map(|previous| format!("jump: {}", yaml(previous))));
            let mut name = format!("{}-jump", hop.host);
            let mut number = 1;
            while self.jumps.get(&name).is_some_and(|known| *known != fields) {
                number += 1;
                name = format!("{}-jump-{number}", hop.host);
            }
            self.jumps.insert(name.clone(), fields);
            previous = Some(name);
        }
        Ok(previous)
    }

    /// Settings that a person made and that are not taken over.
    fn rest(&mut self, host: &str, said: &Settings, fields: &mut Vec<String>) {
        for (key, value) in said {
            let made = !self.defaults.iter().any(|known| known == &(key.clone(), value.clone()));
            let passed = passed_over(key) && !key.starts_with("gssapi");
            if !made || passed || READ.contains(&key.as_str()) {
                continue;
            }
            let message = match key.as_str() {
                "kexalgorithms"
                | "hostkeyalgorithms"
                | "ciphers"
                | "macs"
                | "pubkeyacceptedalgorithms" => {
                    format!(
                        "`{key}` is not taken over: old algorithms need `legacy:` with a reason and an expiry"
                    )
                }
                "userknownhostsfile" | "globalknownhostsfile" => {
                    format!("`{key}` is not taken over: give `--known-hosts FILE`")
                }
                _ => format!(
                    "`{key} {}` is not taken over",
                    crate::model::text::escape(value.as_bytes())
                ),
            };
            self.remark(host, message, fields);
        }
    }

    fn remark(&mut self, host: &str, message: String, fields: &mut Vec<String>) {
        fields.push(format!("# {message}"));
        self.remarks.push((host.to_owned(), message));
    }

    fn written(self, hosts: &[String]) -> Fragment {
        let mut yaml = format!(
            "# Written by `fleetstat import ssh-config {}`.\n# What `ssh -G` said then, `Match exec` evaluated \
             there and then. Review it before you use it.\n",
            hosts.join(" ")
        );
        for (section, entries) in
            [("accounts", &self.accounts), ("jumps", &self.jumps), ("hosts", &self.hosts)]
        {
            if entries.is_empty() {
                continue;
            }
            // A text takes whatever is written to it.
            let _written = writeln!(yaml, "{section}:");
            for (name, fields) in entries {
                let _written = writeln!(yaml, "  {}:", self::yaml(name));
                for field in fields {
                    let _written = writeln!(yaml, "    {field}");
                }
            }
        }
        Fragment { yaml, remarks: self.remarks }
    }
}

/// A text as YAML writes it: bare where it can be nothing else, else in quotes.
fn yaml(text: &str) -> String {
    let word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/@".contains(c))
        && !matches!(
            &*text.to_ascii_lowercase(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off"
        );
    if word { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULTS: &str = "user op\nhostname x\nport 22\nidentityfile ~/.ssh/id_rsa\nidentityfile ~/.ssh/id_ed25519\nciphers a,b\ngssapiauthentication no\n";

    fn answer(question: Question<'_>) -> Result<String, String> {
        let own = match question.host {
            _ if question.defaults => return Ok(DEFAULTS.to_owned()),
            "web" => {
                "user deploy\nhostname 192.0.2.1\nport 2222\nidentityfile ~/.ssh/web\ncertificatefile ~/.ssh/web-cert.pub\nhostkeyalias web.lab\nproxyjump ops@gw:2200,inner\nciphers 3des-cbc\ngssapiauthentication yes\ncontrolmaster auto\nserveraliveinterval 30\nforwardagent yes\nbindinterface eth9\n"
            }
            "odd" => {
                "user op\nhostname odd\nport 22\nidentityfile ~/.ssh/%h\nproxycommand nc -x proxy %h %p\n"
            }
            "gw" => {
                "user op\nhostname 198.51.100.1\nport 22\nidentityfile ~/.ssh/id_rsa\nidentityfile ~/.ssh/id_ed25519\n"
            }
            "inner" => {
                "user op\nhostname inner\nport 22\nidentityfile ~/.ssh/a\nidentityfile ~/.ssh/b\n"
            }
            other => return Err(format!("ssh: no {other}")),
        };
        Ok(own.to_owned())
    }

    #[test]
    fn settings_of_a_person_are_frozen_and_the_rest_is_said() {
        let hosts = ["web".to_owned(), "odd".to_owned()];
        let fragment = freeze(&hosts, &mut answer).unwrap();
        let expected = r#"# Written by `fleetstat import ssh-config web odd`.
# What `ssh -G` said then, `Match exec` evaluated there and then. Review it before you use it.
accounts:
  ssh-deploy-web:
    user: deploy
    identity: "~/.ssh/web"
    certificate: "~/.ssh/web-cert.pub"
  ssh-op:
    user: op
    agent: true
  ssh-op-a:
    user: op
    identities:
      - identity: "~/.ssh/a"
      - identity: "~/.ssh/b"
  ssh-ops:
    user: ops
    agent: true
jumps:
  gw-jump:
    address: "198.51.100.1"
    port: 2200
    account: ssh-ops
  inner-jump:
    address: inner
    account: ssh-op-a
    jump: gw-jump
hosts:
  odd:
    # the key `~/.ssh/%h` is not taken over: only ssh can expand its name
    account: ssh-op
    # the way is not taken over, and this host cannot be reached without it: `ProxyCommand` runs another program than `ssh -W %h:%p HOST`
  web:
    address: "192.0.2.1"
    port: 2222
    account: ssh-deploy-web
    host_key_alias: web.lab
    jump: inner-jump
    # `ciphers` is not taken over: old algorithms need `legacy:` with a reason and an expiry
    # `gssapiauthentication yes` is not taken over
    # `bindinterface eth9` is not taken over
"#;
        assert_eq!(fragment.yaml, expected);
        assert_eq!(fragment.remarks.len(), 5);
        assert_eq!(
            freeze(&["-x".to_owned()], &mut answer).unwrap_err(),
            "host name `-x` must start with a letter or digit"
        );
        assert_eq!(freeze(&["none".to_owned()], &mut answer).unwrap_err(), "ssh: no none");
    }
}
