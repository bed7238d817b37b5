//! Where every value of a host comes from, worked out when it is asked for.
//!
//! For each host only two numbers are kept: its entry under `hosts` and the set of groups it
//! inherits from. 100,000 hosts cost some megabytes, not a line number beside every value.

use std::sync::Arc;

use crate::inventory::attribute::{Attributes, Placed};
use crate::inventory::foreign::{Foreign, ForeignHost, Level, Source};
use crate::inventory::group::{Groups, Layer, Origin};
use crate::inventory::host::{Host, Variable};
use crate::inventory::report::{At, line};
use crate::inventory::table::Key;
use crate::model::host::TransportKind;
use crate::model::id::Label;
use crate::yaml::node::Place;

/// One value of a host with its origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The key as in the inventory file; `vars.NAME` for a variable; `group` for a membership.
    /// Tags, services and groups come one by one.
    pub key: String,
    /// The value.
    pub value: String,
    /// `FILE:LINE (host)`, `FILE:LINE (group web)`, `FILE:LINE (all)` or `default`.
    pub origin: String,
}

/// Lines of one entry under `hosts`; a node set's hosts share it.
#[derive(Debug)]
pub(super) struct EntryOrigin {
    at: At,
    keys: Box<[(Key, u32)]>,
    tags: Box<[(Label, u32)]>,
    services: Box<[(Label, u32)]>,
    variables: Box<[(Box<str>, u32)]>,
}

/// All that is kept to explain.
#[derive(Debug)]
pub(super) struct Origins {
    pub(super) entries: Vec<EntryOrigin>,
    /// Entry and layer of each host, in the order of the hosts.
    pub(super) of_host: Vec<(u32, u32)>,
    pub(super) layers: Vec<Layer>,
    pub(super) groups: Groups,
    /// What hosts take from files of another program.
    pub(super) foreign: Foreign,
}

impl EntryOrigin {
    pub(super) fn new(at: At, attributes: &Attributes) -> Self {
        fn lines<K: Clone, V>(placed: &[Placed<K, V>]) -> Box<[(K, u32)]> {
            placed.iter().map(|one| (one.key.clone(), one.place.line)).collect()
        }
        Self {
            at,
            keys: lines(&attributes.values),
            tags: lines(&attributes.tags),
            services: lines(&attributes.services),
            variables: lines(&attributes.variables),
        }
    }

    pub(super) const fn at(&self) -> At {
        self.at
    }
}

/// Explains the host with this number. Empty when there is no such number.
pub(super) fn explain(
    origins: &Origins,
    files: &[Arc<str>],
    host: &Host,
    number: usize,
) -> Vec<Explained> {
    let Some((entry, layer)) = origins.of_host.get(number).and_then(|(entry, layer)| {
        Some((origins.entries.get(*entry as usize)?, origins.layers.get(*layer as usize)?))
    }) else {
        return Vec::new();
    };
    let base = origins.foreign.host(host.asset.name.as_str());
    let writer = Writer { origins, files, entry, layer, base };
    let mut all = vec![Explained {
        key: "name".into(),
        value: host.asset.name.to_string(),
        origin: writer.own(entry.at.place.line),
    }];
    for &key in Key::ALL {
        if let Some(value) = value(host, key) {
            all.push(Explained { key: key.to_string(), value, origin: writer.of_key(key) });
        }
    }
    for (key, labels, own, inherited) in [
        ("tags", &host.asset.tags, &entry.tags, &layer.tags),
        ("services", &host.asset.services, &entry.services, &layer.services),
    ] {
        for label in labels {
            let other = || {
                let level = inherited.iter().find(|(l, _)| l == label).map(|(_, o)| *o);
                writer.inherited(level, writer.foreign(key, Some(label)))
            };
            let origin = find(own, label).map_or_else(other, |line| writer.own(line));
            all.push(Explained { key: key.into(), value: label.to_string(), origin });
        }
    }
    for (name, value) in &host.variables {
        let inherited = || {
            let level = layer.variables.get(&**name).map(|one| one.origin);
            let mut known = base.into_iter().flat_map(ForeignHost::variables);
            let base = known.find(|(known, ..)| **known == **name);
            writer.inherited(level, base.map(|(.., source)| source))
        };
        let own = entry.variables.iter().find(|(key, _)| **key == **name);
        let origin = own.map_or_else(inherited, |(_, line)| writer.own(*line));
        all.push(Explained { key: format!("vars.{name}"), value: variable(value), origin });
    }
    all.extend(host.groups.iter().map(|group| writer.membership(host, group)));
    all
}

fn find(lines: &[(Label, u32)], label: &Label) -> Option<u32> {
    lines.iter().find(|(known, _)| known == label).map(|(_, line)| *line)
}

struct Writer<'a> {
    origins: &'a Origins,
    files: &'a [Arc<str>],
    entry: &'a EntryOrigin,
    layer: &'a Layer,
    base: Option<&'a ForeignHost>,
}

impl Writer<'_> {
    fn own(&self, number: u32) -> String {
        let at = At { file: self.entry.at.file, place: Place { line: number, column: 0 } };
        format!("{} (host)", line(self.files, at))
    }

    fn of_key(&self, key: Key) -> String {
        if let Some((_, line)) = self.entry.keys.iter().find(|(known, _)| *known == key) {
            return self.own(*line);
        }
        let level = self.layer.values.get(&key).map(|value| value.origin);
        self.inherited(level, self.foreign(key.as_str(), None))
    }

    fn foreign(&self, key: &str, label: Option<&Label>) -> Option<&Source> {
        self.base.and_then(|host| self.origins.foreign.source(host, key, label))
    }

    fn inherited(&self, origin: Option<Origin>, foreign: Option<&Source>) -> String {
        let Some(origin) = origin else {
            return match foreign {
                None => "default".into(),
                Some(Source { at, level }) => {
                    let place = line(self.files, *at);
                    match level {
                        Level::Host => format!("{place} (host)"),
                        Level::Group(group) => {
                            let group = crate::model::text::escape(group.as_bytes());
                            format!("{place} (group {group})")
                        }
                        Level::All => format!("{place} (all)"),
                    }
                }
            };
        };
        let place = line(self.files, origin.at);
        match origin.group.and_then(|group| self.origins.groups.get(group)) {
            Some(group) => format!("{place} (group {})", group.name),
            None => format!("{place} (all)"),
        }
    }

    /// Where a group lists the host, or which of its members does.
    fn membership(&self, host: &Host, name: &Label) -> Explained {
        let name_of_host = host.asset.name.as_str();
        let groups = &self.origins.groups;
        let group = groups.list.iter().position(|group| group.name == *name);
        let listed = group.and_then(|index| groups.list.get(index)).and_then(|group| {
            group.hosts.iter().find(|(pattern, _)| pattern.matches(name_of_host))
        });
        let origin = if let Some((_, at)) = listed {
            format!("{} (group {name})", line(self.files, *at))
        } else {
            let number = group.and_then(|index| u32::try_from(index).ok());
            let inside = host.groups.iter().find(|other| {
                let index = groups.list.iter().position(|group| group.name == **other);
                let above = index.and_then(|index| groups.ancestors.get(index));
                above.zip(number).is_some_and(|(above, number)| above.contains(&number))
            });
            format!("through group {}", inside.map_or("?", Label::as_str))
        };
        Explained { key: "group".into(), value: name.to_string(), origin }
    }
}

fn value(host: &Host, key: Key) -> Option<String> {
    let asset = &host.asset;
    let label = |label: &Option<Label>| label.as_ref().map(ToString::to_string);
    match key {
        Key::Address => Some(asset.address.clone()),
        Key::Port => Some(asset.port.to_string()),
        Key::Platform => Some(asset.platform.to_string()),
        Key::Transport => Some(asset.transport.to_string()),
        Key::Role => label(&asset.role),
        Key::Environment => label(&asset.environment),
        Key::Segment => label(&asset.segment),
        Key::Site => label(&asset.site),
        Key::Criticality => asset.criticality.map(|word| word.to_string()),
        Key::Exposure => asset.exposure.map(|word| word.to_string()),
        Key::Owner => asset.owner.clone(),
        Key::Timezone => asset.timezone.clone(),
        Key::Account => host.account.as_ref().map(|account| account.name.to_string()),
        Key::Fragile => Some(host.fragile.to_string()),
        Key::HostKeyAlias => host.host_key_alias.clone(),
        Key::Jump => host.via(),
        Key::Legacy => host.legacy.as_ref().map(ToString::to_string),
        Key::Tls => (asset.transport == TransportKind::Winrm).then(|| host.tls.to_string()),
        Key::TlsName => host.tls_name.clone(),
        Key::Auth => {
            (asset.transport == TransportKind::Winrm).then(|| host.mechanism().to_string())
        }
        Key::Spn => host.login.as_ref().and_then(|login| login.spn.clone()),
        Key::TlsCa => {
            host.login.as_ref()?.tls_ca.as_ref().map(|path| path.to_string_lossy().into_owned())
        }
        Key::TlsPin => host.login.as_ref()?.tls_pin.map(|pin| pin.to_string()),
    }
}

fn variable(value: &Variable) -> String {
    match value {
        Variable::Number(number) => number.to_string(),
        Variable::Bool(flag) => flag.to_string(),
        Variable::Text(text) => crate::model::text::escape(text.as_bytes()),
        Variable::List(items) => {
            let items: Vec<String> = items.iter().map(variable).collect();
            format!("[{}]", items.join(", "))
        }
    }
}
