//! Hosts of Ansible's to hosts of fleetstat: where they are, who logs in, by which way.
//!
//! Nothing is guessed: a host whose address, port, key or way is not plain is left out, and the line
//! that says so is named.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::inventory::address;
use crate::inventory::ansible::door::{Door, Doors};
use crate::inventory::ansible::expose::{self, LeftOut};
use crate::inventory::ansible::login::{Login, Logins, Proof, scalar};
use crate::inventory::ansible::note::Notes;
use crate::inventory::ansible::option::Hop;
use crate::inventory::ansible::resolve::{Found, Level};
use crate::inventory::ansible::text::{self, Set, Unusable};
use crate::inventory::ansible::world::{Host, Variable, World};
use crate::inventory::ansible::{way, winrm};
use crate::inventory::foreign::{Foreign, ForeignHost, Item, Level as On, Source, Sourced, bare};
use crate::inventory::report::{At, Remark, line};
use crate::model::id::HostName;
use crate::yaml::defect::quoted;
use crate::yaml::node::{Node, Place};

/// Connections that are ssh, with the names collections give them.
const SSH: &[&str] = &[
    "ssh",
    "smart",
    "paramiko",
    "paramiko_ssh",
    "ansible.builtin.ssh",
    "ansible.builtin.smart",
    "ansible.builtin.paramiko_ssh",
    "ansible.builtin.paramiko",
];
/// Where the ssh connection finds a host.
const SSH_ADDRESS: &[&str] = &["ansible_host", "ansible_ssh_host"];
const LOCAL: &[&str] = &["local", "ansible.builtin.local"];

/// What members of the same groups share.
struct Shared {
    variables: Arc<[Sourced]>,
    /// Attributes without templates.
    attributes: Vec<(&'static str, u32)>,
    /// Attributes with templates: each host expands its own.
    templates: Vec<(&'static str, Variable, Level)>,
}

/// A jump that is resolved once it is known which hosts stay.
struct Waiting {
    host: usize,
    hops: Vec<Hop>,
    source: Source,
}

/// Makes hosts.
pub(super) struct Mapper<'w> {
    world: &'w World,
    /// Who runs this. `None`: not known, and then never assumed.
    operator: Option<&'w str>,
    pub(super) notes: Notes,
    pub(super) foreign: Foreign,
    logins: Logins,
    /// Items by key and line.
    interned: HashMap<(&'static str, At), SmallVec<[u32; 1]>>,
    shared: HashMap<usize, Arc<Shared>>,
    pub(super) left_out_variables: LeftOut,
    left_out_hosts: BTreeMap<(At, String), Vec<Arc<str>>>,
    waiting: Vec<Waiting>,
}

impl<'w> Mapper<'w> {
    pub(super) fn new(world: &'w World, operator: Option<&'w str>) -> Self {
        Self {
            world,
            operator,
            notes: Notes::default(),
            foreign: Foreign::default(),
            logins: Logins::default(),
            interned: HashMap::new(),
            shared: HashMap::new(),
            left_out_variables: LeftOut::default(),
            left_out_hosts: BTreeMap::new(),
            waiting: Vec::new(),
        }
    }

    /// Takes one host, or leaves it out and remembers why.
    pub(super) fn host(&mut self, host: &Host, found: &Found<'_>) {
        let shared = self.shared(host, found);
        match self.items(host, found, &shared) {
            Ok((items, hops)) => {
                let own = self.own_variables(found);
                if let Some((hops, source)) = hops {
                    let host = self.foreign.hosts.len();
                    self.waiting.push(Waiting { host, hops, source });
                }
                self.foreign.hosts.push(ForeignHost {
                    file: host.at.file,
                    entry: bare(host.name.clone(), host.at.place),
                    items,
                    own,
                    shared: shared.variables.clone(),
                });
            }
            Err(Unusable { at, message }) => {
                self.left_out_hosts.entry((at, message)).or_default().push(host.name.clone());
            }
        }
    }

    fn source(&self, at: At, level: Level) -> Source {
        let level = match level {
            Level::All => On::All,
            Level::Host => On::Host,
            Level::Group(number) => {
                On::Group(self.world.group(number).map_or_else(|| "?".into(), |g| g.name.clone()))
            }
        };
        Source { at, level }
    }

    /// The number of an item; equal ones of one line are one.
    fn item(&mut self, key: &'static str, value: Node, source: Source) -> u32 {
        let known = self.interned.entry((key, source.at)).or_default();
        let same = |number: &&u32| {
            self.foreign.items.get(**number as usize).is_some_and(|item| item.value == value)
        };
        // A line that stands for thousands of hosts may give each its own value.
        if let Some(number) = known.iter().rev().take(8).find(same) {
            return *number;
        }
        let number = u32::try_from(self.foreign.items.len()).unwrap_or(u32::MAX);
        known.push(number);
        self.foreign.items.push(Item { key, value, source });
        number
    }

    fn set(&mut self, key: &'static str, set: &Set, plain: bool) -> u32 {
        let source = self.source(set.at, set.level);
        self.item(key, scalar(&set.text, plain, set.at.place), source)
    }

    /// The items of a host, and the way to it.
    #[expect(clippy::type_complexity, reason = "a pair that one caller takes apart at once")]
    fn items(
        &mut self,
        host: &Host,
        found: &Found<'_>,
        shared: &Shared,
    ) -> Result<(Vec<u32>, Option<(Vec<Hop>, Source)>), Unusable> {
        let mut items = Vec::new();
        let name = HostName::new(&host.name)
            .map_err(|error| Unusable { at: host.at, message: error.to_string() })?;
        let get = |names: &[&str]| text::get(&host.name, found, names);
        let connection = get(&["ansible_connection"])?;
        let mut hops = None;
        match connection {
            Some(set) if LOCAL.contains(&set.text.as_str()) => {
                let local = Set { text: "local".to_owned(), ..set };
                items.push(self.set("transport", &local, true));
            }
            Some(set) if let Some(plugin) = winrm::plugin(&set.text) => {
                items.extend(self.address(host, &name, (found, plugin.address))?);
                let by = winrm::read(plugin, (&host.name, found), &mut self.notes)?;
                let transport = Set { text: "winrm".to_owned(), ..set };
                items.push(self.set("transport", &transport, true));
                for (key, set, plain) in &by.attributes {
                    items.push(self.set(key, set, *plain));
                }
                let (proof, named) = match &by.certificate {
                    None => (Proof::Password, None),
                    Some(files @ [pem, _]) => {
                        let files = files.each_ref().map(|set| set.text.clone());
                        (Proof::TlsCertificate(files), Some(pem))
                    }
                };
                items.extend(self.account(host, by.user.as_ref(), proof, named));
            }
            Some(set) if !SSH.contains(&set.text.as_str()) => {
                let message = format!(
                    "`ansible_connection` is {}, expected ssh, winrm, psrp or local",
                    quoted(&set.text)
                );
                return Err(Unusable { at: set.at, message });
            }
            _ => {
                items.extend(self.address(host, &name, (found, SSH_ADDRESS))?);
                let way = way::read(&host.name, found, &mut self.notes)?;
                items.extend(way.port.as_ref().map(|set| self.set("port", set, true)));
                items.extend(way.alias.as_ref().map(|set| self.set("host_key_alias", set, false)));
                let certificate = way.certificate.as_ref().map(|set| set.text.clone());
                let keys = way.keys.iter().map(|set| set.text.clone()).collect();
                let proof = Proof::Keys { keys, certificate };
                items.extend(self.account(host, way.user.as_ref(), proof, way.keys.first()));
                hops = way.hops.map(|(hops, set)| (hops, self.source(set.at, set.level)));
                if let Some(shell) = get(&["ansible_shell_type"])?
                    && matches!(shell.text.as_str(), "powershell" | "cmd")
                {
                    let windows = Set { text: "windows".to_owned(), ..shell };
                    items.push(self.set("platform", &windows, true));
                }
            }
        }
        self.attributes(host, found, shared, &mut items);
        Ok((items, hops))
    }

    fn address(
        &mut self,
        host: &Host,
        name: &HostName,
        (found, variables): (&Found<'_>, &[&str]),
    ) -> Result<Option<u32>, Unusable> {
        let set = text::get(&host.name, found, variables)?;
        let Some(set) = set else {
            return match address::check(name.as_str()) {
                Ok(()) => Ok(None),
                Err(refused) => {
                    let message =
                        format!("it has no `ansible_host`, and its name {}", refused.reason);
                    Err(Unusable { at: host.at, message })
                }
            };
        };
        if let Err(refused) = address::check(&set.text) {
            let message = format!("`ansible_host` {} {}", quoted(&set.text), refused.reason);
            return Err(Unusable { at: set.at, message });
        }
        Ok((set.text != *host.name).then(|| self.set("address", &set, false)))
    }

    /// The account of a host; none when nobody is named and the operator is not known. `proof_set`:
    /// where the proof is named.
    fn account(
        &mut self,
        host: &Host,
        user: Option<&Set>,
        proof: Proof,
        proof_set: Option<&Set>,
    ) -> Option<u32> {
        let named = user.map(|set| set.text.as_str());
        let login = Login { user: named.or(self.operator)?.to_owned(), proof };
        let whole = At { file: host.at.file, place: Place::default() };
        let said = user.or(proof_set);
        let (at, level) = said.map_or((whole, Level::All), |set| (set.at, set.level));
        let name = self.logins.account(&login, at, user.is_some());
        let source = self.source(at, level);
        Some(self.item("account", scalar(&name, false, at.place), source))
    }

    fn attributes(
        &mut self,
        host: &Host,
        found: &Found<'_>,
        shared: &Shared,
        items: &mut Vec<u32>,
    ) {
        let mut own = Vec::new();
        let mut seen: HashSet<&str> = HashSet::new();
        for variable in found.own().filter(|variable| variable.name.starts_with(expose::PREFIX)) {
            if seen.insert(&variable.name)
                && let Some((key, _)) = self.attribute_name(variable)
            {
                own.push(key);
                items.extend(self.attribute(host, found, (key, variable), Level::Host));
            }
        }
        for (key, number) in &shared.attributes {
            if !own.contains(key) {
                items.push(*number);
            }
        }
        for (key, variable, level) in &shared.templates {
            if !own.contains(key) {
                items.extend(self.attribute(host, found, (*key, variable), *level));
            }
        }
    }

    fn attribute_name(
        &mut self,
        variable: &Variable,
    ) -> Option<(&'static str, &'static crate::yaml::shape::Shape)> {
        if variable.value.is_null() {
            return None;
        }
        let known = expose::attribute(&variable.name);
        if known.is_none() {
            self.notes.say(variable.at, "attribute", || {
                let key = variable.name.strip_prefix(expose::PREFIX).unwrap_or_default();
                let near = crate::yaml::suggest::nearest(key, expose::attributes());
                let hint = near.map_or_else(String::new, |near| {
                    format!("; did you mean `{}{near}`?", expose::PREFIX)
                });
                format!("{} is no attribute of a host{hint}", quoted(&variable.name))
            });
        }
        known
    }

    /// One attribute; templates are expanded, or the attribute is left out and that is said.
    fn attribute(
        &mut self,
        host: &Host,
        found: &Found<'_>,
        (key, variable): (&'static str, &Variable),
        level: Level,
    ) -> Option<u32> {
        let (_, shape) = expose::attribute(&variable.name)?;
        let template = variable.value.as_str().is_some_and(text::is_template);
        let value = if template || expose::is_sealed(&variable.value) {
            match text::of(&host.name, found, variable) {
                Ok(text) => expose::node(&text.into(), shape, variable.at.place),
                Err(unusable) => {
                    self.notes
                        .say(unusable.at, "unusable", || format!("not used: {}", unusable.message));
                    return None;
                }
            }
        } else {
            expose::node(&variable.value, shape, variable.at.place)
        };
        let source = self.source(variable.at, level);
        Some(self.item(key, value, source))
    }

    fn own_variables(&mut self, found: &Found<'_>) -> Vec<Sourced> {
        let mut own: Vec<Sourced> = Vec::new();
        for variable in found.own() {
            way::remark(variable, &mut self.notes);
            if own.iter().any(|(name, ..)| **name == *variable.name) {
                continue;
            }
            if let Some((name, value)) = self.left_out_variables.variable(variable) {
                own.push((name, value, Source { at: variable.at, level: On::Host }));
            }
        }
        own
    }

    fn shared(&mut self, host: &Host, found: &Found<'_>) -> Arc<Shared> {
        if let Some(shared) = self.shared.get(&found.layer.number) {
            return shared.clone();
        }
        let mut variables = Vec::new();
        let mut attributes = Vec::new();
        let mut templates = Vec::new();
        for (variable, level) in found.layer.variables.values() {
            way::remark(variable, &mut self.notes);
            if let Some((name, value)) = self.left_out_variables.variable(variable) {
                variables.push((name, value, self.source(variable.at, *level)));
            }
            if !variable.name.starts_with(expose::PREFIX) {
                continue;
            }
            let Some((key, _)) = self.attribute_name(variable) else { continue };
            if variable.value.as_str().is_some_and(text::is_template) {
                templates.push((key, (**variable).clone(), *level));
            } else if let Some(number) = self.attribute(host, found, (key, variable), *level) {
                attributes.push((key, number));
            }
        }
        let shared = Arc::new(Shared { variables: variables.into(), attributes, templates });
        self.shared.insert(found.layer.number, shared.clone());
        shared
    }

    /// After the last host: ways, groups, accounts, and what was left out.
    pub(super) fn finish(mut self, files: &[Arc<str>]) -> (Foreign, Notes, LeftOut) {
        self.ways();
        for ((at, message), hosts) in std::mem::take(&mut self.left_out_hosts) {
            let first = hosts.first().map_or("?", |host| &**host);
            let who = match hosts.len() {
                1 => format!("host {} is left out", quoted(first)),
                count => format!("host {} and {} more are left out", quoted(first), count - 1),
            };
            // Several reasons can stand in one line: each is a kind of its own.
            let kind: &'static str = "host left out";
            self.notes.always(at, kind, format!("{who}: {message}"));
        }
        let kept: HashSet<&str> = self.foreign.hosts.iter().map(|host| &*host.entry.key).collect();
        let mut logins = std::mem::take(&mut self.logins);
        let defaults = std::mem::take(&mut logins.defaults);
        let trees = super::groups::trees(self.world, &kept, logins, &mut self.notes);
        self.foreign.trees = trees;
        for (account, (at, user, assumed)) in defaults {
            let origin = line(files, at);
            let user =
                if user { "" } else { ": its user is yours, since no `ansible_user` is set" };
            let message = format!("account `{account}` is made of what is known{user}{assumed}");
            self.foreign.of_account.push((account, Remark { origin, message }));
        }
        self.foreign.of_account.sort_by(|left, right| left.0.cmp(&right.0));
        (self.foreign, self.notes, self.left_out_variables)
    }

    /// How each host that stays is entered.
    fn doors(&self) -> Doors {
        let mut users: HashMap<&str, Option<&str>> = HashMap::new();
        let door = |host: &ForeignHost| {
            let item = |key: &str| {
                let items =
                    host.items.iter().filter_map(|item| self.foreign.items.get(*item as usize));
                items.into_iter().find(|item| item.key == key)?.value.verbatim()
            };
            let account = item("account");
            let user = account.and_then(|account| {
                *users.entry(account).or_insert_with(|| self.logins.user(account))
            });
            Door {
                name: host.entry.key.clone(),
                address: item("address").map_or_else(|| host.entry.key.clone(), Arc::from),
                port: item("port").and_then(|port| port.parse().ok()),
                user: user.map(str::to_owned),
            }
        };
        Doors::new(self.foreign.hosts.iter().map(door))
    }

    /// Ways are found once it is known which hosts stay.
    fn ways(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let names: Vec<Arc<str>> =
            self.foreign.hosts.iter().map(|host| host.entry.key.clone()).collect();
        let doors = self.doors();
        let mut lost = HashSet::new();
        for Waiting { host, hops, source } in std::mem::take(&mut self.waiting) {
            let Some(name) = names.get(host) else { continue };
            let at = source.at;
            let number = if hops.is_empty() {
                self.item("jump", scalar("none", false, at.place), source)
            } else if hops.last().is_some_and(|hop| doors.of(hop).unwrap_or(&hop.host) == &**name) {
                self.notes.say(at, "jump to itself", || {
                    format!(
                        "host {} is reached directly, being the host to go through",
                        quoted(name)
                    )
                });
                continue;
            } else {
                match self.logins.jump(&hops, at, &doors, self.operator) {
                    Ok(jump) => self.item("jump", scalar(&jump, false, at.place), source),
                    Err(message) => {
                        self.left_out_hosts.entry((at, message)).or_default().push(name.clone());
                        lost.insert(host);
                        continue;
                    }
                }
            };
            self.foreign.hosts.get_mut(host).into_iter().for_each(|host| host.items.push(number));
        }
        let mut index = 0;
        self.foreign.hosts.retain(|_| {
            index += 1;
            !lost.contains(&(index - 1))
        });
    }
}
