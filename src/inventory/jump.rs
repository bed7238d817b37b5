//! Jump hosts: from names to roads, worked out once when the inventory is read.
//!
//! In: the `jumps` section, the hosts, and what each host's `jump` says. Out: for each host the
//! jump hosts to go through, outermost first. A name may stand for an entry of `jumps` or for a
//! host; its own `jump` goes before it. Circles, unknown names and roads that are too long are
//! defects at the line that says `jump`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::inventory::address;
use crate::inventory::attribute::{self, Attributes, Context, Value};
use crate::inventory::build::Tree;
use crate::inventory::host::{Account, Host, Jump, Road};
use crate::inventory::report::{At, Report};
use crate::inventory::table::{Key, code};
use crate::model::host::TransportKind;
use crate::model::id::HostName;
use crate::yaml::defect::quoted;
use crate::yaml::node::{Entry, Node};
use crate::yaml::suggest::did_you_mean;

/// The word for a host that is reached directly though its group is not.
pub(super) const NONE: &str = "none";

/// Most jump hosts on one road: the depth that is tested.
const DEPTH_MAX: usize = 3;

/// What a host or jump host says of its own `jump`: the name, and where.
pub(super) type Asked = (Box<str>, At);

/// One entry of `jumps`, checked.
#[derive(Debug)]
struct Station {
    jump: Option<Jump>,
    before: Option<Asked>,
    at: At,
}

/// All entries of `jumps`, by name.
#[derive(Debug, Default)]
pub(super) struct Stations<'a>(BTreeMap<&'a str, Station>);

impl<'a> Stations<'a> {
    /// Reads the section of every file. Of `trees` the first `own` are fleetstat's own files: they
    /// win over what was made of another program's.
    pub(super) fn read(
        (trees, own): (&'a [Tree], usize),
        context: &Context<'_>,
        report: &mut Report<'_>,
    ) -> Self {
        let mut all: BTreeMap<&str, Station> = BTreeMap::new();
        for (number, (file, tree)) in trees.iter().enumerate() {
            report.enter(*file);
            for entry in tree.get("jumps").map(Node::entries).unwrap_or_default() {
                let at = At { file: *file, place: entry.place };
                if let Some(known) = all.get(&*entry.key) {
                    if number >= own {
                        continue;
                    }
                    let first = report.line(known.at);
                    let message = format!("jump host {} is in {first} too", quoted(&entry.key));
                    let help = "keep one of the two, or give them different names".to_owned();
                    report.at(code::TWICE, at.place, message, Some(help));
                } else {
                    all.insert(&entry.key, station(entry, at, context, report));
                }
            }
        }
        Self(all)
    }
}

fn station(entry: &Entry, at: At, context: &Context<'_>, report: &mut Report<'_>) -> Station {
    let owner = || format!("jump host {}", quoted(&entry.key));
    let attributes = attribute::read(&entry.value, &owner, context, report);
    let before = asked(&attributes, at);
    let jump = checked(entry, &attributes, at, report);
    Station { jump, before, at }
}

/// What the attributes say of `jump`.
pub(super) fn asked(attributes: &Attributes, at: At) -> Option<Asked> {
    let placed = attributes.get(Key::Jump)?;
    let Value::Text(name) = &placed.value else { return None };
    Some((name.clone(), At { file: at.file, place: placed.place }))
}

fn checked(
    entry: &Entry,
    attributes: &Attributes,
    at: At,
    report: &mut Report<'_>,
) -> Option<Jump> {
    let name = match HostName::new(&entry.key) {
        Ok(name) if ![NONE, crate::inventory::ALL].contains(&name.as_str()) => name,
        Ok(_) => {
            let message = format!("a jump host cannot be called {}", quoted(&entry.key));
            report.there(code::BAD_NAME, at, message, Some("rename it".to_owned()));
            return None;
        }
        Err(error) => {
            let help = "use letters, digits, `.`, `_`, `:` or `-`, the first a letter or digit";
            report.there(code::BAD_NAME, at, error.to_string(), Some(help.to_owned()));
            return None;
        }
    };
    let text = |key| match attributes.get(key).map(|placed| &placed.value) {
        Some(Value::Text(text)) => Some(text.to_string()),
        _ => None,
    };
    let port = match attributes.get(Key::Port).map(|placed| &placed.value) {
        Some(Value::Port(port)) => *port,
        _ => 22,
    };
    let legacy = match attributes.get(Key::Legacy).map(|placed| &placed.value) {
        Some(Value::Legacy(legacy)) => Some(legacy.clone()),
        _ => None,
    };
    // A missing account is reported by the table's check, a wrong one where it is read.
    let Some(Value::Account(account)) = attributes.get(Key::Account).map(|placed| &placed.value)
    else {
        return None;
    };
    let address = text(Key::Address).unwrap_or_else(|| name.as_str().to_owned());
    if let Err(error) = address::check(&address) {
        let message =
            format!("address {} of jump host `{name}` {}", quoted(&address), error.reason);
        report.there(code::ADDRESS, at, message, Some(error.help));
        return None;
    }
    let account: Arc<Account> = account.clone();
    if !crate::inventory::winrm::fits_ssh(&account) {
        let account = &account.name;
        let message = format!(
            "jump host `{name}` has the account `{account}`, which has only a `tls_certificate`"
        );
        let help = "add `identity`, `agent` or `password` to the account".to_owned();
        report.there(code::IDENTITY, at, message, Some(help));
        return None;
    }
    let host_key_alias = text(Key::HostKeyAlias);
    Some(Jump { name, address, port, account, host_key_alias, legacy })
}

/// Why a name gives no road.
enum Trouble {
    /// The message and the help of one defect at the line that asked.
    Defect(&'static str, String, String),
    /// Something that is reported where it stands.
    Elsewhere,
}

/// Works out roads, each name once.
pub(super) struct Roads<'a> {
    stations: &'a Stations<'a>,
    hosts: HashMap<&'a str, (&'a Host, Option<&'a Asked>)>,
    known: HashMap<Box<str>, Option<Road>>,
    told: HashSet<(Box<str>, At)>,
    /// False when a file could not be read, so that what seems unknown may stand there.
    whole: bool,
}

impl<'a> Roads<'a> {
    /// `asked` is in step with `hosts`.
    pub(super) fn new(
        stations: &'a Stations<'a>,
        hosts: &'a [Host],
        asked: &'a [Option<Asked>],
        whole: bool,
    ) -> Self {
        let named: HashSet<&str> = asked
            .iter()
            .flatten()
            .chain(stations.0.values().filter_map(|station| station.before.as_ref()))
            .map(|(name, _)| &**name)
            .collect();
        // Only hosts that somebody goes through are looked up: most fleets have a handful.
        let hosts = hosts
            .iter()
            .zip(asked)
            .filter(|(host, _)| {
                let name = host.asset.name.as_str();
                named.contains(name) || stations.0.contains_key(name)
            })
            .map(|(host, asked)| (host.asset.name.as_str(), (host, asked.as_ref())))
            .collect();
        Self { stations, hosts, known: HashMap::new(), told: HashSet::new(), whole }
    }

    /// The road of a host that asked so. Empty when it is refused: defects say why.
    pub(super) fn of(&mut self, host: &Host, asked: &Asked, report: &mut Report<'_>) -> Road {
        let (name, at) = asked;
        if &**name == NONE || host.asset.transport == TransportKind::Local {
            return Road::default();
        }
        if host.asset.transport == TransportKind::Winrm {
            let message = format!("host `{}` is reached by winrm", host.asset.name);
            let help = "only ssh goes through a jump host: write `jump: none`".to_owned();
            self.tell(Trouble::Defect(code::BAD_VALUE, message, help), asked, *at, report);
            return Road::default();
        }
        let mut seen = vec![host.asset.name.as_str().to_owned()];
        match self.through(name, &mut seen, 0) {
            Ok(road) => road,
            Err(trouble) => {
                self.tell(trouble, asked, *at, report);
                Road::default()
            }
        }
    }

    /// Refuses names that are both, and circles among entries of `jumps` that nobody uses.
    pub(super) fn check(&mut self, report: &mut Report<'_>) {
        for (name, station) in &self.stations.0 {
            if let Some((host, _)) = self.hosts.get(name) {
                let message = format!("`{}` is under `hosts` and under `jumps`", host.asset.name);
                let help = "keep one: a host can be a jump host as it is".to_owned();
                report.there(code::TWICE, station.at, message, Some(help));
            }
            let Some(asked) = station.before.as_ref().filter(|(before, _)| &**before != NONE)
            else {
                continue;
            };
            if let Err(trouble) = self.through(name, &mut Vec::new(), 0) {
                self.tell(trouble, asked, asked.1, report);
            }
        }
    }

    fn tell(&mut self, trouble: Trouble, asked: &Asked, at: At, report: &mut Report<'_>) {
        let Trouble::Defect(code, message, help) = trouble else { return };
        if self.told.insert((asked.0.clone(), at)) {
            report.there(code, at, message, Some(help));
        }
    }

    /// The road through a jump host: what is before it, and itself. `seen` are the names so far,
    /// `behind` counts the jump hosts that come after it.
    fn through(
        &mut self,
        name: &str,
        seen: &mut Vec<String>,
        behind: usize,
    ) -> Result<Road, Trouble> {
        if seen.iter().any(|other| other == name) {
            seen.push(name.to_owned());
            let message = format!("the jump host leads back to itself: {}", seen.join(" > "));
            let help = format!(
                "write `jump: none` at the jump host that is reached directly, e.g. {}",
                quoted(name)
            );
            return Err(Trouble::Defect(code::CYCLE, message, help));
        }
        if let Some(known) = self.known.get(name) {
            let road = known.clone().ok_or(Trouble::Elsewhere)?;
            return if road.len() + behind > DEPTH_MAX { Err(too_long()) } else { Ok(road) };
        }
        let (jump, before) = self.find(name)?;
        seen.push(name.to_owned());
        let mut road = match before.filter(|before| &**before != NONE) {
            Some(before) => self.through(&before, seen, behind + 1)?.to_vec(),
            None => Vec::new(),
        };
        seen.pop();
        road.push(jump);
        if road.len() > DEPTH_MAX {
            return Err(too_long());
        }
        let road: Road = road.into();
        self.known.insert(name.into(), Some(road.clone()));
        Ok(road)
    }

    fn find(&self, name: &str) -> Result<(Arc<Jump>, Option<Box<str>>), Trouble> {
        let before = |asked: Option<&Asked>| asked.map(|(name, _)| name.clone());
        if let Some(station) = self.stations.0.get(name) {
            let jump = station.jump.clone().ok_or(Trouble::Elsewhere)?;
            return Ok((Arc::new(jump), before(station.before.as_ref())));
        }
        let Some((host, asked)) = self.hosts.get(name) else { return Err(self.unknown(name)) };
        if host.asset.transport == TransportKind::Winrm {
            let message = format!("jump host `{name}` is reached by winrm");
            let help = "name one that is reached by ssh".to_owned();
            return Err(Trouble::Defect(code::BAD_VALUE, message, help));
        }
        let Some(account) = host.account.clone() else {
            let message = format!("jump host `{name}` has no account to log in with");
            let help = "a jump host is reached by ssh: add `account: NAME` to it".to_owned();
            return Err(Trouble::Defect(code::NO_ACCOUNT, message, help));
        };
        let jump = Jump {
            name: host.asset.name.clone(),
            address: host.asset.address.clone(),
            port: host.asset.port,
            account,
            host_key_alias: host.host_key_alias.clone(),
            legacy: host.legacy.clone(),
        };
        Ok((Arc::new(jump), before(*asked)))
    }

    fn unknown(&self, name: &str) -> Trouble {
        if !self.whole {
            return Trouble::Elsewhere;
        }
        let message = format!("there is no jump host {}", quoted(name));
        let help = did_you_mean(name, self.stations.0.keys().copied())
            .unwrap_or_else(|| "define it under `jumps:` or `hosts:`".to_owned());
        Trouble::Defect(code::UNKNOWN_REFERENCE, message, help)
    }
}

fn too_long() -> Trouble {
    let message = format!("there are more than {DEPTH_MAX} jump hosts on the road");
    let help = "reach one of them directly, with `jump: none`".to_owned();
    Trouble::Defect(code::CYCLE, message, help)
}
