//! Accounts and jump hosts, made from what Ansible says of single hosts: each combination once,
//! under a name that shows what it is.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::inventory::address;
use crate::inventory::ansible::door::Doors;
use crate::inventory::ansible::option::Hop;
use crate::inventory::report::At;
use crate::model::id::HostName;
use crate::yaml::node::{Entry, Node, Place, Scalar, Value};

/// Most identities of one account: servers close the connection after six refused keys, and the
/// default of sshd's `MaxAuthTries` is six.
pub(super) const KEYS_MAX: usize = 4;
/// Most hosts to go through.
const HOPS_MAX: usize = 3;

/// A login, as far as it is named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) proof: Proof,
}

/// What proves who logs in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Proof {
    Keys {
        /// Key files; none: the key of ssh-agent.
        keys: Vec<String>,
        certificate: Option<String>,
    },
    /// A password, which is asked for: none is taken from a variable.
    Password,
    /// Files of a client certificate and its key.
    TlsCertificate([String; 2]),
}

impl Proof {
    /// What was assumed where nothing is named.
    const fn assumed(&self) -> &'static str {
        match self {
            Self::Keys { keys, .. } if keys.is_empty() => {
                ", and its key the one of ssh-agent, since no key file is named"
            }
            Self::Keys { .. } | Self::TlsCertificate(_) => "",
            Self::Password => {
                ", and its password is asked for, since none is taken from a variable: name an account \
                 of your own to take it from a file or a credential"
            }
        }
    }

    /// What distinguishes the account's name.
    fn tail(&self) -> Option<&str> {
        match self {
            Self::Keys { keys, .. } => keys.first()?.rsplit('/').next(),
            Self::Password => Some("password"),
            Self::TlsCertificate([certificate, _]) => certificate.rsplit('/').next(),
        }
    }
}

/// All that was made, as entries of `accounts` and `jumps`.
#[derive(Debug, Default)]
pub(super) struct Logins {
    accounts: HashMap<Login, String>,
    account_names: HashSet<String>,
    jumps: HashMap<Vec<Hop>, String>,
    jump_names: HashSet<String>,
    /// Accounts that are not named whole: the line, whether a user is named, and what is assumed.
    pub(super) defaults: HashMap<String, (At, bool, &'static str)>,
    /// By file.
    pub(super) account_entries: BTreeMap<u32, Vec<Entry>>,
    /// By file.
    pub(super) jump_entries: BTreeMap<u32, Vec<Entry>>,
}

/// A scalar: text in quotes, or a plain word.
pub(super) fn scalar(text: &str, plain: bool, place: Place) -> Node {
    Node { value: Value::Scalar(Scalar { text: text.into(), plain }), place }
}

/// A mapping.
pub(super) fn mapping(entries: Vec<(&str, Node)>, place: Place) -> Node {
    let entry = |(key, value): (&str, Node)| Entry { key: key.into(), place, value };
    Node { value: Value::Mapping(entries.into_iter().map(entry).collect()), place }
}

/// Characters that a label cannot have become `-`.
fn label_of(text: &str) -> String {
    let right = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    text.chars().map(right).take(48).collect()
}

/// The name, or the name with the first number that is free.
fn free(name: String, taken: &HashSet<String>) -> String {
    if !taken.contains(&name) {
        return name;
    }
    let numbered = (2_usize..).map(|number| format!("{name}-{number}"));
    numbered.into_iter().find(|candidate| !taken.contains(candidate)).unwrap_or(name)
}

impl Logins {
    /// The account of a login: `ansible-USER` with the agent, `ansible-USER-KEYFILE` with keys,
    /// `ansible-USER-password` with a password.
    pub(super) fn account(&mut self, login: &Login, at: At, user_named: bool) -> String {
        let name = self.account_of(login, at);
        let assumed = login.proof.assumed();
        if !user_named || !assumed.is_empty() {
            self.defaults.entry(name.clone()).or_insert((at, user_named, assumed));
        }
        name
    }

    fn account_of(&mut self, login: &Login, at: At) -> String {
        if let Some(name) = self.accounts.get(login) {
            return name.clone();
        }
        let mut name = format!("ansible-{}", label_of(&login.user));
        if let Some(tail) = login.proof.tail() {
            name = format!("{name}-{}", label_of(tail));
        }
        let name = free(name.chars().take(58).collect(), &self.account_names);
        self.account_names.insert(name.clone());
        self.accounts.insert(login.clone(), name.clone());
        let entry =
            Entry { key: name.as_str().into(), place: at.place, value: account(login, at.place) };
        self.account_entries.entry(at.file).or_default().push(entry);
        name
    }

    /// The login name of an account that was made.
    pub(super) fn user(&self, account: &str) -> Option<&str> {
        let made = self.accounts.iter().find(|(_, name)| *name == account);
        made.map(|(login, _)| login.user.as_str())
    }

    /// The jump host of a way with hops, the first to connect to first. `hosts` are those of the
    /// inventory; `operator` is the user of a hop that names none.
    pub(super) fn jump(
        &mut self,
        hops: &[Hop],
        at: At,
        hosts: &Doors,
        operator: Option<&str>,
    ) -> Result<String, String> {
        if hops.len() > HOPS_MAX {
            return Err(format!(
                "goes through {} hosts, at most {HOPS_MAX} are possible",
                hops.len()
            ));
        }
        let (hop, before) = hops.split_last().ok_or("names no host to go through")?;
        if before.is_empty()
            && let Some(host) = hosts.of(hop)
        {
            return Ok(host.to_owned());
        }
        if let Some(name) = self.jumps.get(hops) {
            return Ok(name.clone());
        }
        address::check(&hop.host)
            .map_err(|refused| format!("goes through a host whose address {}", refused.reason))?;
        let previous = match before {
            [] => None,
            _ => Some(self.jump(before, at, hosts, operator)?),
        };
        let user = hop
            .user
            .as_deref()
            .or(operator)
            .ok_or("goes through a host for which no user is named")?;
        let proof = Proof::Keys { keys: hop.keys.clone(), certificate: None };
        let login = Login { user: user.to_owned(), proof };
        let account = self.account(&login, at, hop.user.is_some());
        let mut taken: HashSet<String> = self.jump_names.clone();
        let mut name = hop.host.clone();
        if hosts.has(&name) {
            name.push_str("-jump");
        }
        taken.extend(hosts.has(&name).then(|| name.clone()));
        let name = free(name, &taken);
        HostName::new(&name).map_err(|error| error.to_string())?;
        let place = at.place;
        let mut fields = vec![("address", scalar(&hop.host, false, place))];
        if let Some(port) = hop.port {
            fields.push(("port", scalar(&port.to_string(), true, place)));
        }
        fields.push(("account", scalar(&account, false, place)));
        if let Some(previous) = previous {
            fields.push(("jump", scalar(&previous, false, place)));
        }
        let entry = Entry { key: name.as_str().into(), place, value: mapping(fields, place) };
        self.jump_entries.entry(at.file).or_default().push(entry);
        self.jump_names.insert(name.clone());
        self.jumps.insert(hops.to_vec(), name.clone());
        Ok(name)
    }
}

fn account(login: &Login, place: Place) -> Node {
    let mut fields = vec![("user", scalar(&login.user, false, place))];
    let identity = |key: &str| scalar(key, false, place);
    let (keys, certificate) = match &login.proof {
        Proof::Keys { keys, certificate } => (keys.as_slice(), certificate.as_deref()),
        Proof::Password => {
            fields.push(("password", scalar("prompt", true, place)));
            return mapping(fields, place);
        }
        Proof::TlsCertificate([certificate, key]) => {
            let files = vec![("certificate", identity(certificate)), ("key", identity(key))];
            fields.push(("tls_certificate", mapping(files, place)));
            return mapping(fields, place);
        }
    };
    let certificate = certificate.map(|path| ("certificate", identity(path)));
    match keys {
        [] => {
            fields.push(("agent", scalar("true", true, place)));
            fields.extend(certificate);
        }
        [key] => {
            fields.push(("identity", identity(key)));
            fields.extend(certificate);
        }
        keys => {
            let mut certificate = certificate;
            let one = |key: &String| {
                let mut fields = vec![("identity", identity(key))];
                // ssh offers a certificate with the key it belongs to; the first is the likely one.
                fields.extend(certificate.take());
                mapping(fields, place)
            };
            let list = keys.iter().map(one).collect();
            fields.push(("identities", Node { value: Value::Sequence(list), place }));
        }
    }
    mapping(fields, place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::ansible::door::Door;

    fn shown(node: &Node) -> String {
        match &node.value {
            Value::Scalar(scalar) => scalar.text.to_string(),
            Value::Sequence(items) => {
                format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", "))
            }
            Value::Mapping(entries) => {
                let entry = |entry: &Entry| format!("{}: {}", entry.key, shown(&entry.value));
                format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
        }
    }

    fn entries(of: &BTreeMap<u32, Vec<Entry>>) -> Vec<String> {
        of.values()
            .flatten()
            .map(|entry| format!("{} = {}", entry.key, shown(&entry.value)))
            .collect()
    }

    const AT: At = At { file: 0, place: Place { line: 1, column: 1 } };

    #[test]
    fn each_login_becomes_one_account_with_its_keys_in_order() {
        let login = |user: &str, keys: &[&str], certificate: Option<&str>| Login {
            user: user.to_owned(),
            proof: Proof::Keys {
                keys: keys.iter().map(|key| (*key).to_owned()).collect(),
                certificate: certificate.map(str::to_owned),
            },
        };
        let mut logins = Logins::default();
        let names = [
            login("op", &[], None),
            login("op", &["~/.ssh/a"], Some("~/.ssh/a-cert.pub")),
            login("op", &["/other/a"], None),
            login("D\\op", &["k1", "k2"], Some("c")),
            login("op", &[], None),
        ]
        .map(|login| logins.account(&login, AT, true));
        let expected =
            ["ansible-op", "ansible-op-a", "ansible-op-a-2", "ansible-D-op-k1", "ansible-op"];
        assert_eq!(names, expected);
        let expected = [
            "ansible-op = {user: op, agent: true}",
            "ansible-op-a = {user: op, identity: ~/.ssh/a, certificate: ~/.ssh/a-cert.pub}",
            "ansible-op-a-2 = {user: op, identity: /other/a}",
            "ansible-D-op-k1 = {user: D\\op, identities: [{identity: k1, certificate: c}, {identity: k2}]}",
        ];
        assert_eq!(entries(&logins.account_entries), expected);
    }

    #[test]
    fn a_way_becomes_a_chain_of_jump_hosts() {
        let hop = |user: Option<&str>, host: &str, port| Hop {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
            keys: Vec::new(),
        };
        let door = |name: &str| Door {
            name: name.into(),
            address: name.into(),
            port: None,
            user: Some("op".to_owned()),
        };
        let hosts = Doors::new(["bastion", "web"].into_iter().map(door));
        let mut logins = Logins::default();
        let mut jump = |hops: &[Hop]| logins.jump(hops, AT, &hosts, Some("op"));
        // A host of the inventory is gone through as it is there, unless something else is said.
        assert_eq!(jump(&[hop(None, "bastion", None)]).as_deref(), Ok("bastion"));
        let way = [hop(None, "bastion", None), hop(Some("j"), "inner", Some(2200))];
        assert_eq!(jump(&way).as_deref(), Ok("inner"));
        assert_eq!(jump(&way).as_deref(), Ok("inner"));
        assert_eq!(jump(&[hop(Some("x"), "bastion", None)]).as_deref(), Ok("bastion-jump"));
        assert_eq!(jump(&[hop(None, "inner", None)]).as_deref(), Ok("inner-2"));
        assert!(jump(&[hop(None, "a b", None)]).is_err());
        assert!(jump(&vec![hop(None, "a", None); 4]).is_err());
        let expected = [
            "inner = {address: inner, port: 2200, account: ansible-j, jump: bastion}",
            "bastion-jump = {address: bastion, account: ansible-x}",
            "inner-2 = {address: inner, account: ansible-op}",
        ];
        assert_eq!(entries(&logins.jump_entries), expected);
        let nobody = logins.jump(&[hop(None, "gw", None)], AT, &hosts, None);
        assert_eq!(nobody.unwrap_err(), "goes through a host for which no user is named");
    }
}
