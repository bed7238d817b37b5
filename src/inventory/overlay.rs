//! One host: its own values over those it inherits.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::inventory::address;
use crate::inventory::attribute::{Attributes, Placed, Value};
use crate::inventory::foreign::Base;
use crate::inventory::group::{Groups, Inherited, Layer, Origin};
use crate::inventory::host::{Account, Host, Legacy, Road, Variable};
use crate::inventory::idle::Idle;
use crate::inventory::jump::Asked;
use crate::inventory::pattern::Pattern;
use crate::inventory::report::{At, Report};
use crate::inventory::table::{Key, code};
use crate::inventory::winrm;
use crate::model::host::{Asset, Criticality, Exposure, Platform, TransportKind};
use crate::model::id::{HostName, Label};
use crate::yaml::defect::quoted;

/// What hosts are built with.
pub(super) struct Overlay<'a> {
    /// Conflicts that were reported: one pair of lines is one fault, however many hosts it meets.
    pub(super) rivals: HashSet<(At, At)>,
    pub(super) groups: &'a Groups,
    /// The road of hosts that are reached directly, shared by all.
    pub(super) direct: Road,
    /// What is said of logins and has no effect.
    pub(super) idle: Idle,
}

/// What is said of one host, from strong to weak.
#[derive(Clone, Copy)]
pub(super) struct Levels<'a> {
    pub(super) own: &'a Attributes,
    pub(super) layer: &'a Layer,
    /// What files of another program say.
    pub(super) base: Option<Base<'a>>,
}

/// A host, whether it lacks an account, and the jump host it asked for.
pub(super) struct Made {
    pub(super) host: Host,
    pub(super) missing_account: bool,
    pub(super) jump: Option<Asked>,
}

/// The address of each name of an entry, in step. `None`: the entry gives none, or it was
/// refused.
pub(super) fn addresses(
    attributes: &Attributes,
    names: &[Option<HostName>],
    at: At,
    report: &mut Report<'_>,
) -> Option<Vec<String>> {
    let placed = attributes.get(Key::Address)?;
    let Value::Text(text) = &placed.value else { return None };
    let there = At { file: at.file, place: placed.place };
    let mut refuse = |code, message, help: String| {
        report.there(code, there, message, Some(help));
        None
    };
    let shown = quoted(text);
    // Brackets around an IPv6 address look like a range: its own message serves better.
    if !text.contains('[') || text.contains("]:") || text.contains("[:") {
        if let Err(error) = address::check(text) {
            return refuse(code::ADDRESS, format!("address {shown} {}", error.reason), error.help);
        }
        if names.len() > 1 {
            let message = format!("{} hosts would share the address {shown}", names.len());
            let help = "give a range as long as the name's, such as `10.0.1.[1-20]`".to_owned();
            return refuse(code::RANGE, message, help);
        }
        return Some(vec![text.to_string()]);
    }
    let all = match Pattern::parse(text).and_then(|pattern| pattern.expand()) {
        Ok(all) => all,
        Err(error) => {
            let message = format!("address {shown}: {}", error.message);
            return refuse(code::RANGE, message, error.help);
        }
    };
    if all.len() != names.len() && !names.is_empty() {
        let message = format!("{} addresses in {shown} for {} hosts", all.len(), names.len());
        return refuse(code::RANGE, message, "make both ranges equally long".to_owned());
    }
    for one in &all {
        if let Err(error) = address::check(one) {
            let message = format!("address {} {}", quoted(one), error.reason);
            return refuse(code::ADDRESS, message, error.help);
        }
    }
    Some(all)
}

impl Overlay<'_> {
    /// Builds one host.
    pub(super) fn host(
        &mut self,
        name: HostName,
        levels: Levels<'_>,
        address: Option<&String>,
        (at, report): (At, &mut Report<'_>),
    ) -> Made {
        let Levels { own, layer, base } = levels;
        let mut value = |key| self.value(key, levels, (&name, report));
        let transport = transport(value(Key::Transport));
        let tls = !matches!(value(Key::Tls), Some(Value::Flag(false)));
        let tls_name = text(value(Key::TlsName));
        let login = winrm::login(&mut value);
        let port = port(value(Key::Port), winrm::port(transport, tls));
        let platform = platform(value(Key::Platform), transport);
        let (role, environment) = (label(value(Key::Role)), label(value(Key::Environment)));
        let (segment, site) = (label(value(Key::Segment)), label(value(Key::Site)));
        let criticality = criticality(value(Key::Criticality));
        let exposure = match value(Key::Exposure) {
            Some(Value::Exposure(exposure)) => Some::<Exposure>(*exposure),
            _ => None,
        };
        let (owner, timezone) = (text(value(Key::Owner)), text(value(Key::Timezone)));
        let host_key_alias = text(value(Key::HostKeyAlias));
        let fragile = matches!(value(Key::Fragile), Some(Value::Flag(true)));
        let legacy = legacy(value(Key::Legacy));
        // Read for its conflicts; where it stands is asked for below.
        let _ = value(Key::Jump);
        let account = value(Key::Account);
        let missing_account = account.is_none() && transport != TransportKind::Local;
        let account = match (account, transport) {
            (Some(Value::Account(account)), TransportKind::Ssh | TransportKind::Winrm) => {
                Some::<Arc<Account>>(account.clone())
            }
            _ => None,
        };
        let variables = self.variables(levels, (&name, report));
        let address = address
            .map_or_else(|| unwritten(&name, transport, levels, (at, report)), String::clone);
        let asset = Asset {
            name,
            address,
            port,
            platform,
            transport,
            role,
            environment,
            segment,
            site,
            criticality,
            exposure,
            owner,
            tags: union(&own.tags, &layer.tags, base.into_iter().flat_map(Base::tags)),
            timezone,
            services: union(
                &own.services,
                &layer.services,
                base.into_iter().flat_map(Base::services),
            ),
        };
        let groups = layer.groups.clone();
        let host = Host {
            asset,
            account,
            host_key_alias,
            fragile,
            groups,
            variables,
            road: self.direct.clone(),
            legacy,
            tls,
            tls_name,
            login,
            require_pq: false,
        };
        winrm::check(&host, (at, report));
        self.idle.look(&host, levels, (at, report));
        Made { host, missing_account, jump: asked(levels, at) }
    }

    fn value<'v>(
        &mut self,
        key: Key,
        Levels { own, layer, base }: Levels<'v>,
        (name, report): (&HostName, &mut Report<'_>),
    ) -> Option<&'v Value> {
        if let Some(placed) = own.get(key) {
            return Some(&placed.value);
        }
        let Some(inherited) = layer.values.get(&key) else {
            return base.and_then(|base| base.get(key));
        };
        self.rival(key.as_str(), inherited, name, report);
        Some(&inherited.value)
    }

    fn variables(
        &mut self,
        Levels { own, layer, base }: Levels<'_>,
        (name, report): (&HostName, &mut Report<'_>),
    ) -> BTreeMap<String, Variable> {
        let mut all: BTreeMap<String, Variable> = own
            .variables
            .iter()
            .map(|placed| (placed.key.to_string(), placed.value.clone()))
            .collect();
        for (key, inherited) in &layer.variables {
            if !all.contains_key(&**key) {
                self.rival(key, inherited, name, report);
                all.insert(key.to_string(), inherited.value.clone());
            }
        }
        for (key, value, _) in base.into_iter().flat_map(Base::variables) {
            if !all.contains_key(&**key) {
                all.insert(key.to_string(), value.clone());
            }
        }
        all
    }

    /// Reports a second value of equal standing, once for each pair of lines.
    fn rival<V>(
        &mut self,
        key: &str,
        inherited: &Inherited<V>,
        name: &HostName,
        report: &mut Report<'_>,
    ) {
        let Some((_, rival)) = &inherited.rival else { return };
        let first = inherited.origin;
        if !self.rivals.insert((first.at, rival.at)) {
            return;
        }
        let group = |origin: &Origin| {
            let group = origin.group.and_then(|index| self.groups.get(index));
            group.map_or("all", |group| group.name.as_str())
        };
        let message = format!(
            "`{key}` of host `{name}` is set by group `{}` here and by group `{}` in {}",
            group(rival),
            group(&first),
            report.line(first.at)
        );
        let help = "set it on the host, or make one group a child of the other".to_owned();
        report.there(code::CONFLICT, rival.at, message, Some(help));
    }
}

/// The jump host that a host's nearest level asks for.
fn asked(Levels { own, layer, base }: Levels<'_>, at: At) -> Option<Asked> {
    if own.get(Key::Jump).is_some() {
        return crate::inventory::jump::asked(own, at);
    }
    let (value, at) = match layer.values.get(&Key::Jump) {
        Some(inherited) => (&inherited.value, inherited.origin.at),
        None => (base?.get(Key::Jump)?, at),
    };
    let Value::Text(name) = value else { return None };
    Some((name.clone(), at))
}

fn transport(value: Option<&Value>) -> TransportKind {
    match value {
        Some(Value::Transport(transport)) => *transport,
        _ => TransportKind::Ssh,
    }
}

fn port(value: Option<&Value>, default: u16) -> u16 {
    match value {
        Some(Value::Port(port)) => *port,
        _ => default,
    }
}

fn criticality(value: Option<&Value>) -> Option<Criticality> {
    match value {
        Some(Value::Criticality(criticality)) => Some(*criticality),
        _ => None,
    }
}

fn platform(value: Option<&Value>, transport: TransportKind) -> Platform {
    match (value, transport) {
        (Some(Value::Platform(platform)), _) => *platform,
        (_, TransportKind::Winrm) => Platform::Windows,
        (_, TransportKind::Ssh | TransportKind::Local) => Platform::Linux,
    }
}

fn legacy(value: Option<&Value>) -> Option<Arc<Legacy>> {
    match value {
        Some(Value::Legacy(legacy)) => Some(legacy.clone()),
        _ => None,
    }
}

fn label(value: Option<&Value>) -> Option<Label> {
    match value {
        Some(Value::Label(label)) => Some(label.clone()),
        _ => None,
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    match value {
        Some(Value::Text(text)) => Some(text.to_string()),
        _ => None,
    }
}

/// The address of a host whose own entry gives none.
fn unwritten(
    name: &HostName,
    transport: TransportKind,
    Levels { own, base, .. }: Levels<'_>,
    (at, report): (At, &mut Report<'_>),
) -> String {
    // One that was given and refused is in `own`.
    let foreign = base.filter(|_| own.get(Key::Address).is_none());
    match (foreign.and_then(|base| base.get(Key::Address)), transport) {
        (_, TransportKind::Local) => "localhost".to_owned(),
        (Some(Value::Text(address)), TransportKind::Ssh | TransportKind::Winrm) => {
            address.to_string()
        }
        (_, TransportKind::Ssh | TransportKind::Winrm) => by_name(name, own, at, report),
    }
}

/// The name as address, checked unless an address was given and refused.
fn by_name(name: &HostName, own: &Attributes, at: At, report: &mut Report<'_>) -> String {
    if own.get(Key::Address).is_none()
        && let Err(error) = address::check(name.as_str())
    {
        let message = format!("host `{name}` has no address, and its name {}", error.reason);
        report.there(code::ADDRESS, at, message, Some("add `address:` to the host".to_owned()));
    }
    name.as_str().to_owned()
}

/// Sorted, without repetition.
fn union<'f>(
    own: &[Placed<Label, ()>],
    inherited: &[(Label, Origin)],
    foreign: impl Iterator<Item = &'f Label>,
) -> Vec<Label> {
    let mut all = Vec::with_capacity(own.len() + inherited.len());
    all.extend(foreign.cloned());
    all.extend(own.iter().map(|placed| placed.key.clone()));
    all.extend(inherited.iter().map(|(label, _)| label.clone()));
    all.sort_unstable();
    all.dedup();
    all
}
