//! From checked trees to hosts: names, membership, inheritance, and what must hold over all files.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::inventory::attribute::{self, Context};
use crate::inventory::explain::{EntryOrigin, Origins};
use crate::inventory::foreign::{self, Foreign};
use crate::inventory::group::{Group, Groups, Level};
use crate::inventory::host::{Account, Host, Road};
use crate::inventory::idle::Idle;
use crate::inventory::jump::{Asked, Roads, Stations};
use crate::inventory::overlay::{Levels, Overlay, addresses};
use crate::inventory::pattern::Pattern;
use crate::inventory::report::{At, Report};
use crate::inventory::table::code;
use crate::inventory::{ALL, account, limit, realm, segment};
use crate::model::id::{HostName, Label};
use crate::yaml::defect::quoted;
use crate::yaml::node::{Entry, Node, Place};
use crate::yaml::suggest::did_you_mean;

/// Most hosts of one inventory: ten times the largest fleet this is measured with.
pub(super) const HOSTS_MAX: usize = 1_000_000;
/// Suggestions for unknown hosts compare with every host: only the first few faults get one.
const SUGGESTIONS_MAX: usize = 20;

/// A file's tree, with its number.
pub(super) type Tree = (u32, Node);

/// One entry of `hosts`: a name or a node set.
struct Listed<'a> {
    file: u32,
    entry: &'a Entry,
    /// Its names. A refused one keeps its place, so that addresses stay in step.
    names: Vec<Option<HostName>>,
}

/// What came of the files.
pub(super) struct Built {
    /// By name.
    pub(super) hosts: Vec<Host>,
    pub(super) accounts: Vec<Arc<Account>>,
    pub(super) limits: limit::Named,
    pub(super) origins: Origins,
}

/// Builds the hosts. Defects go to the report; the result is good only without any.
pub(super) fn build(
    trees: &[Tree],
    foreign: Foreign,
    whole: bool,
    report: &mut Report<'_>,
) -> Built {
    let (accounts, refused_accounts) = accounts(trees, report);
    let context = Context { accounts: &accounts, refused_accounts: &refused_accounts, whole };
    let groups = groups(trees, &context, report);
    let stations = Stations::read((trees, foreign.own.len()), &context, report);
    let known_foreign = foreign::by_name(&foreign);
    let listed = with_foreign(listed(trees, report), &foreign);
    let index = index(&listed, report);
    let mut members = vec![SmallVec::<[u32; 4]>::new(); listed.iter().map(|l| l.names.len()).sum()];
    membership(&groups, &index, &mut members, (whole, report));
    let mut layers = Vec::new();
    let mut known: HashMap<SmallVec<[u32; 4]>, u32> = HashMap::new();
    let direct = Road::default();
    let mut overlay =
        Overlay { rivals: HashSet::new(), groups: &groups, direct, idle: Idle::default() };
    let foreign_items = foreign.read(&context, report);
    let mut entries = Vec::with_capacity(listed.len());
    let mut hosts = Vec::with_capacity(members.len());
    let mut of_host = Vec::with_capacity(members.len());
    let mut asked = Vec::with_capacity(members.len());
    let mut member = members.into_iter();
    for Listed { file, entry, names } in listed {
        report.enter(file);
        let owner = || format!("host {}", quoted(&entry.key));
        let attributes = attribute::read(&entry.value, &owner, &context, report);
        let at = At { file, place: entry.place };
        let addresses = addresses(&attributes, &names, at, report);
        let number = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let mut unaccounted = Vec::new();
        for ((position, name), direct) in names.into_iter().enumerate().zip(member.by_ref()) {
            let Some(name) = name else { continue };
            let layer = *known.entry(direct).or_insert_with_key(|direct| {
                layers.push(groups.layer(direct));
                u32::try_from(layers.len() - 1).unwrap_or(u32::MAX)
            });
            let Some(inherited) = layers.get(layer as usize) else { continue };
            let base = known_foreign.get(name.as_str());
            let base = base.map(|host| Foreign::base(&foreign_items, host));
            let address = addresses.as_ref().and_then(|all| all.get(position));
            let levels = Levels { own: &attributes, layer: inherited, base };
            let host = overlay.host(name, levels, address, (at, report));
            if host.missing_account {
                unaccounted.push(host.host.asset.name.clone());
            }
            hosts.push(host.host);
            asked.push(host.jump);
            of_host.push((number, layer));
        }
        if whole {
            no_account(&unaccounted, at, report);
        }
        entries.push(EntryOrigin::new(at, &attributes));
    }
    overlay.idle.tell(report);
    roads(&mut hosts, &asked, (&stations, whole), report);
    segment::apply(trees, &mut hosts, report);
    let limits = limit::read(trees, (&hosts, whole), report);
    realm::apply(trees, &mut hosts, report);
    let (hosts, of_host) = sorted(hosts, of_host);
    Built {
        hosts,
        accounts,
        limits,
        origins: Origins { entries, of_host, layers, groups, foreign },
    }
}

/// Gives each host the road to it.
fn roads(
    hosts: &mut [Host],
    asked: &[Option<Asked>],
    (stations, whole): (&Stations<'_>, bool),
    report: &mut Report<'_>,
) {
    let mut roads = Roads::new(stations, hosts, asked, whole);
    roads.check(report);
    let found: Vec<Option<Road>> = hosts
        .iter()
        .zip(asked)
        .map(|(host, asked)| Some(roads.of(host, asked.as_ref()?, report)))
        .collect();
    for (host, road) in hosts.iter_mut().zip(found) {
        if let Some(road) = road {
            host.road = road;
        }
    }
}

/// Sorts hosts by name, with their origins.
fn sorted(hosts: Vec<Host>, of_host: Vec<(u32, u32)>) -> (Vec<Host>, Vec<(u32, u32)>) {
    if hosts.is_sorted_by(|left, right| left.asset.name <= right.asset.name) {
        return (hosts, of_host);
    }
    let mut order: Vec<usize> = (0..hosts.len()).collect();
    let name = |index: &usize| hosts.get(*index).map(|host| &host.asset.name);
    order.sort_by(|left, right| name(left).cmp(&name(right)));
    // Hosts are large: each is moved once, not at every step of the sort.
    let mut slots: Vec<Option<Host>> = hosts.into_iter().map(Some).collect();
    order
        .into_iter()
        .filter_map(|index| Some((slots.get_mut(index)?.take()?, *of_host.get(index)?)))
        .unzip()
}

fn accounts(trees: &[Tree], report: &mut Report<'_>) -> (Vec<Arc<Account>>, BTreeSet<String>) {
    let mut accounts: BTreeMap<&str, (Option<Arc<Account>>, At)> = BTreeMap::new();
    for (file, tree) in trees {
        report.enter(*file);
        for entry in tree.get("accounts").map(Node::entries).unwrap_or_default() {
            let at = At { file: *file, place: entry.place };
            if let Some((_, first)) = accounts.get(&*entry.key) {
                let first = report.line(*first);
                let message = format!("account {} is in {first} too", quoted(&entry.key));
                let help = "keep one of the two, or give them different names".to_owned();
                report.at(code::TWICE, at.place, message, Some(help));
            } else {
                let account = account::read(entry, report).map(Arc::new);
                accounts.insert(&entry.key, (account, at));
            }
        }
    }
    let refused = accounts
        .iter()
        .filter(|(_, (account, _))| account.is_none())
        .map(|(name, _)| (*name).to_owned())
        .collect();
    (accounts.into_values().filter_map(|(account, _)| account).collect(), refused)
}

fn groups(trees: &[Tree], context: &Context<'_>, report: &mut Report<'_>) -> Groups {
    let mut all = Level::default();
    let mut groups: BTreeMap<Label, Group> = BTreeMap::new();
    for (file, tree) in trees {
        report.enter(*file);
        if let Some(node) = tree.get(ALL) {
            let attributes = attribute::read(node, &|| "`all`".to_owned(), context, report);
            all.add(attributes, *file, "`all`", report);
        }
        for entry in tree.get("groups").map(Node::entries).unwrap_or_default() {
            let Some(name) = group_name(entry, report) else { continue };
            let at = At { file: *file, place: entry.place };
            let owner = format!("group `{name}`");
            let attributes = attribute::read(&entry.value, &|| owner.clone(), context, report);
            let group = groups.entry(name.clone()).or_insert_with(|| Group {
                name,
                at,
                level: Level::default(),
                hosts: Vec::new(),
                children: Vec::new(),
            });
            group.level.add(attributes, *file, &owner, report);
            add_members(group, &entry.value, *file, report);
        }
    }
    Groups::connect(groups.into_values().collect(), all, report)
}

fn group_name(entry: &Entry, report: &mut Report<'_>) -> Option<Label> {
    if &*entry.key == ALL {
        let help = "write `all:` at the top level".to_owned();
        report.at(code::BAD_NAME, entry.place, "`all` is no ordinary group".into(), Some(help));
        return None;
    }
    match Label::new("group name", &entry.key) {
        Ok(name) => Some(name),
        Err(error) => {
            let help = Some(attribute::LABEL_HELP.to_owned());
            report.at(code::BAD_NAME, entry.place, error.to_string(), help);
            None
        }
    }
}

fn add_members(group: &mut Group, node: &Node, file: u32, report: &mut Report<'_>) {
    for item in node.get("hosts").map(Node::items).unwrap_or_default() {
        let at = At { file, place: item.place };
        if let Some(pattern) = item.text().and_then(|text| pattern(text, item.place, report)) {
            group.hosts.push((pattern, at));
        }
    }
    for item in node.get("children").map(Node::items).unwrap_or_default() {
        if let Some(child) = item.text() {
            group.children.push((child.to_owned(), At { file, place: item.place }));
        }
    }
}

fn pattern(text: &str, place: Place, report: &mut Report<'_>) -> Option<Pattern> {
    match Pattern::parse(text).and_then(|pattern| pattern.expand().map(|_| pattern)) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let message = format!("{}: {}", quoted(text), error.message);
            report.at(code::RANGE, place, message, Some(error.help));
            None
        }
    }
}

/// All entries of `hosts`, their names expanded.
fn listed<'a>(trees: &'a [Tree], report: &mut Report<'_>) -> Vec<Listed<'a>> {
    let mut all = Vec::new();
    let mut total = 0;
    for (file, tree) in trees {
        report.enter(*file);
        let entries = tree.get("hosts").map(Node::entries).unwrap_or_default();
        all.reserve(entries.len());
        for entry in entries {
            let names = names(entry, report);
            total += names.len();
            if total > HOSTS_MAX {
                let message = format!("the inventory has more than {HOSTS_MAX} hosts");
                let help = "split it into several inventories".to_owned();
                report.at(code::HOSTS, entry.place, message, Some(help));
                return all;
            }
            all.push(Listed { file: *file, entry, names });
        }
    }
    all
}

/// Adds the hosts of another program's files that fleetstat's own do not list.
fn with_foreign<'a>(mut listed: Vec<Listed<'a>>, foreign: &'a Foreign) -> Vec<Listed<'a>> {
    let own: HashSet<String> = if foreign.hosts.is_empty() {
        HashSet::new()
    } else {
        let names = listed.iter().flat_map(|listed| &listed.names).flatten();
        names.map(ToString::to_string).collect()
    };
    listed.extend(foreign.hosts.iter().filter(|host| !own.contains(&*host.entry.key)).map(
        |host| {
            // A name that is none was left out when the file was mapped.
            let names = vec![HostName::new(&host.entry.key).ok()];
            Listed { file: host.file, entry: &host.entry, names }
        },
    ));
    listed
}

fn names(entry: &Entry, report: &mut Report<'_>) -> Vec<Option<HostName>> {
    // Most keys are one name: no pattern, no list.
    let expanded = if entry.key.contains(['[', ']', '*', '?']) {
        match Pattern::parse(&entry.key).and_then(|pattern| pattern.expand()) {
            Ok(names) => names,
            Err(error) => {
                let message = format!("{}: {}", quoted(&entry.key), error.message);
                report.at(code::RANGE, entry.place, message, Some(error.help));
                return Vec::new();
            }
        }
    } else {
        vec![entry.key.to_string()]
    };
    let mut refused = 0;
    expanded
        .iter()
        .map(|name| {
            let (message, help) = match HostName::new(name) {
                Ok(name) if name.as_str() != ALL => return Some(name),
                Ok(_) => ("a host cannot be called `all`".to_owned(), "rename it".to_owned()),
                Err(error) => (error.to_string(), name_help(name)),
            };
            refused += 1;
            // One fault of a range is the fault of all its names.
            if refused == 1 {
                report.at(code::BAD_NAME, entry.place, message, Some(help));
            }
            None
        })
        .collect()
}

fn name_help(name: &str) -> String {
    if name.split('.').next().is_some_and(|stem| HostName::new(stem).is_err())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._:-".contains(c))
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
    {
        return "give it another name, and its real name as `address`".into();
    }
    if name.contains("{{") {
        return "templates are not expanded here: write the name, or a range".into();
    }
    "use letters, digits, `.`, `_`, `:` or `-`, the first a letter or digit".into()
}

/// Host numbers by name; reports names that occur twice.
fn index<'a>(listed: &'a [Listed<'_>], report: &mut Report<'_>) -> HashMap<&'a str, u32> {
    let mut index: HashMap<&str, u32> = HashMap::new();
    let mut places: Vec<At> = Vec::new();
    for Listed { file, entry, names } in listed {
        let at = At { file: *file, place: entry.place };
        for name in names {
            let number = u32::try_from(places.len()).unwrap_or(u32::MAX);
            places.push(at);
            let Some(name) = name else { continue };
            if let Some(first) = index.get(name.as_str()) {
                let first = places.get(*first as usize).copied().unwrap_or(at);
                let message = format!("host `{name}` is in {} too", report.line(first));
                let help = "keep one of the two; put what only some hosts have into a group";
                report.there(code::TWICE, at, message, Some(help.to_owned()));
            } else {
                index.insert(name.as_str(), number);
            }
        }
    }
    index
}

fn membership(
    groups: &Groups,
    index: &HashMap<&str, u32>,
    members: &mut [SmallVec<[u32; 4]>],
    (whole, report): (bool, &mut Report<'_>),
) {
    let mut suggestions = 0;
    for (group, number) in groups.list.iter().zip(0_u32..) {
        for (pattern, at) in &group.hosts {
            let mut unknown = Vec::new();
            // Too large a range was refused when it was read.
            for name in pattern.expand().unwrap_or_default() {
                match index.get(name.as_str()).and_then(|host| members.get_mut(*host as usize)) {
                    // Groups come in ascending order, so the list stays sorted.
                    Some(list) if list.last() != Some(&number) => list.push(number),
                    Some(_) => {}
                    None => unknown.push(name),
                }
            }
            let Some(first) = unknown.first() else { continue };
            if !whole {
                continue;
            }
            suggestions += 1;
            let near = if suggestions <= SUGGESTIONS_MAX {
                did_you_mean(first, index.keys().copied())
            } else {
                None
            };
            let help = near.unwrap_or_else(|| "define it under `hosts:`".to_owned());
            let shown: Vec<String> = unknown.iter().take(3).map(|name| quoted(name)).collect();
            let more = unknown.len().saturating_sub(3);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let verb = if unknown.len() == 1 { "is" } else { "are" };
            let message = format!(
                "{}{more} of group `{}` {verb} not under `hosts`",
                shown.join(", "),
                group.name
            );
            report.there(code::UNKNOWN_REFERENCE, *at, message, Some(help));
        }
    }
}

fn no_account(hosts: &[HostName], at: At, report: &mut Report<'_>) {
    let Some(first) = hosts.first() else { return };
    let message = match hosts.len() - 1 {
        0 => format!("host `{first}` has no account to log in with"),
        more => format!("host `{first}` and {more} more have no account to log in with"),
    };
    let help = "add `account: NAME` to the host, a group or `all`; \
                `transport: local` needs none"
        .to_owned();
    report.there(code::NO_ACCOUNT, at, message, Some(help));
}
