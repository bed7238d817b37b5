//! What can be said of a host at any level: values by key, each with the line it stands in.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::inventory::host::{Account, Legacy, Variable};
use crate::inventory::legacy;
use crate::inventory::login::{Mechanism, Pin};
use crate::inventory::report::Report;
use crate::inventory::table::{Key, code};
use crate::inventory::winrm;
use crate::model::host::{Criticality, Exposure, Platform, TransportKind};
use crate::model::id::Label;
use crate::yaml::defect::quoted;
use crate::yaml::node::{Entry, Node, Place};
use crate::yaml::suggest::did_you_mean;

/// A checked value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Refused, and reported. Counts as present, so that no second fault follows from the first.
    Bad,
    Port(u16),
    Platform(Platform),
    Transport(TransportKind),
    Criticality(Criticality),
    Exposure(Exposure),
    Label(Label),
    Text(Box<str>),
    Flag(bool),
    Account(Arc<Account>),
    Legacy(Arc<Legacy>),
    Mechanism(Mechanism),
    Pin(Pin),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bad => f.write_str("(refused)"),
            Self::Port(port) => write!(f, "{port}"),
            Self::Platform(word) => write!(f, "{word}"),
            Self::Transport(word) => write!(f, "{word}"),
            Self::Criticality(word) => write!(f, "{word}"),
            Self::Exposure(word) => write!(f, "{word}"),
            Self::Label(label) => write!(f, "{label}"),
            Self::Text(text) => f.write_str(text),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Account(account) => write!(f, "{}", account.name),
            Self::Legacy(legacy) => write!(f, "{legacy}"),
            Self::Mechanism(word) => write!(f, "{word}"),
            Self::Pin(pin) => write!(f, "{pin}"),
        }
    }
}

/// A value with its line.
#[derive(Clone, Debug)]
pub(super) struct Placed<K, V> {
    pub(super) key: K,
    pub(super) value: V,
    pub(super) place: Place,
}

/// All that one level says. Nothing twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Attributes {
    pub(super) values: Vec<Placed<Key, Value>>,
    pub(super) tags: Vec<Placed<Label, ()>>,
    pub(super) services: Vec<Placed<Label, ()>>,
    pub(super) variables: Vec<Placed<Box<str>, Variable>>,
}

/// What the reading of attributes needs to know.
pub(super) struct Context<'a> {
    pub(super) accounts: &'a [Arc<Account>],
    /// Names of accounts that were refused: using them is no second fault.
    pub(super) refused_accounts: &'a BTreeSet<String>,
    /// False when a file could not be read, so that what seems unknown may stand there.
    pub(super) whole: bool,
}

impl Attributes {
    pub(super) fn get(&self, key: Key) -> Option<&Placed<Key, Value>> {
        self.values.iter().find(|placed| placed.key == key)
    }
}

/// Reads the attributes of one record. `owner` names it in messages: ``host `web-1` ``.
pub(super) fn read(
    node: &Node,
    owner: &dyn Fn() -> String,
    context: &Context<'_>,
    report: &mut Report<'_>,
) -> Attributes {
    let mut attributes = Attributes::default();
    for entry in node.entries() {
        match &*entry.key {
            "tags" => attributes.tags = labels("tag", &entry.value, report),
            "services" => attributes.services = labels("service", &entry.value, report),
            "vars" => attributes.variables = variables(&entry.value, owner, report),
            name => {
                if let Some(key) = Key::parse(name) {
                    let value = value(key, entry, owner, (context, report));
                    attributes.values.push(Placed { key, value, place: entry.place });
                }
            }
        }
    }
    attributes
}

/// One value. `Bad` when the table's check or this one refused it.
fn value(
    key: Key,
    entry: &Entry,
    owner: &dyn Fn() -> String,
    (context, report): (&Context<'_>, &mut Report<'_>),
) -> Value {
    let node = &entry.value;
    let text = node.text();
    let found = match key {
        Key::Port => node
            .integer()
            .and_then(|port| u16::try_from(port).ok())
            .and_then(|port| if port > 0 { Some(Value::Port(port)) } else { None }),
        Key::Fragile | Key::Tls => node.flag().map(Value::Flag),
        Key::Platform => text.and_then(Platform::parse).map(Value::Platform),
        Key::Transport => text.and_then(TransportKind::parse).map(Value::Transport),
        Key::Criticality => text.and_then(Criticality::parse).map(Value::Criticality),
        Key::Exposure => text.and_then(Exposure::parse).map(Value::Exposure),
        Key::Role => text.and_then(|text| label("role", text, node.place, report)),
        Key::Environment => text.and_then(|text| label("environment", text, node.place, report)),
        Key::Segment => text.and_then(|text| label("segment", text, node.place, report)),
        Key::Site => text.and_then(|text| label("site", text, node.place, report)),
        Key::Account => text.and_then(|name| account(name, node.place, context, report)),
        Key::Owner => text.and_then(|text| one_line(key, text, node.place, (owner, report))),
        Key::HostKeyAlias => text.and_then(|text| alias(text, node.place, owner, report)),
        Key::TlsName => text.and_then(|text| tls_name(text, node.place, owner, report)),
        Key::Auth => text.and_then(Mechanism::parse).map(Value::Mechanism),
        Key::Spn | Key::TlsCa | Key::TlsPin => {
            text.and_then(|text| winrm::value(key, (text, node.place), owner, report))
        }
        Key::Timezone => text.and_then(|text| timezone(text, node.place, owner, report)),
        // Addresses are checked once they are expanded.
        Key::Address => text.map(|text| Value::Text(text.into())),
        // Whether there is such a jump host is seen when all files are read.
        Key::Jump => text.map(|text| Value::Text(text.into())),
        Key::Legacy => {
            legacy::read(node, owner, report).map(|legacy| Value::Legacy(Arc::new(legacy)))
        }
    };
    found.unwrap_or(Value::Bad)
}

fn label(kind: &'static str, text: &str, place: Place, report: &mut Report<'_>) -> Option<Value> {
    match Label::new(kind, text) {
        Ok(label) => Some(Value::Label(label)),
        Err(error) => {
            report.at(code::BAD_VALUE, place, error.to_string(), Some(LABEL_HELP.into()));
            None
        }
    }
}

pub(super) const LABEL_HELP: &str =
    "use 1 to 63 letters, digits, `.`, `_` or `-`, the first a letter or digit";

fn labels(kind: &'static str, node: &Node, report: &mut Report<'_>) -> Vec<Placed<Label, ()>> {
    let mut labels: Vec<Placed<Label, ()>> = Vec::with_capacity(node.items().len());
    for item in node.items() {
        let Some(text) = item.text() else { continue };
        match Label::new(kind, text) {
            Ok(key) if labels.iter().any(|known| known.key == key) => {
                let message = format!("the {kind} {} is here twice", quoted(text));
                report.at(code::TWICE, item.place, message, None);
            }
            Ok(key) => labels.push(Placed { key, value: (), place: item.place }),
            Err(error) => {
                report.at(code::BAD_VALUE, item.place, error.to_string(), Some(LABEL_HELP.into()));
            }
        }
    }
    labels
}

fn account(
    name: &str,
    place: Place,
    context: &Context<'_>,
    report: &mut Report<'_>,
) -> Option<Value> {
    if let Some(account) = context.accounts.iter().find(|account| account.name.as_str() == name) {
        return Some(Value::Account(account.clone()));
    }
    if context.whole && !context.refused_accounts.contains(name) {
        let help = did_you_mean(name, context.accounts.iter().map(|a| a.name.as_str()))
            .unwrap_or_else(|| "define it under `accounts:`".into());
        let message = format!("there is no account {}", quoted(name));
        report.at(code::UNKNOWN_REFERENCE, place, message, Some(help));
    }
    None
}

/// Free text: one line of 1 to 128 printable characters.
fn one_line(
    key: Key,
    text: &str,
    place: Place,
    (owner, report): (&dyn Fn() -> String, &mut Report<'_>),
) -> Option<Value> {
    // A backslash is printable: it only doubles when shown.
    let plain = text.replace('\\', "/");
    let printable = crate::model::text::escape(plain.as_bytes()) == plain;
    let length = text.chars().count();
    if printable && (1..=128).contains(&length) && text.trim() == text {
        return Some(Value::Text(text.into()));
    }
    let message = format!("`{key}` of {} is {}", owner(), quoted(text));
    let help = "write 1 to 128 printable characters in one line, no blanks at the ends".into();
    report.at(code::BAD_VALUE, place, message, Some(help));
    None
}

fn alias(
    text: &str,
    place: Place,
    owner: &dyn Fn() -> String,
    report: &mut Report<'_>,
) -> Option<Value> {
    let right = (1..=255).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._:-".contains(c));
    if right {
        return Some(Value::Text(text.into()));
    }
    let message = format!("`host_key_alias` of {} is {}", owner(), quoted(text));
    let help = "write the host's name as it stands in known_hosts, without brackets and port";
    report.at(code::BAD_VALUE, place, message, Some(help.into()));
    None
}

fn tls_name(
    text: &str,
    place: Place,
    owner: &dyn Fn() -> String,
    report: &mut Report<'_>,
) -> Option<Value> {
    if crate::inventory::address::check(text).is_ok() {
        return Some(Value::Text(text.into()));
    }
    let message = format!("`tls_name` of {} is {}", owner(), quoted(text));
    let help = "write a DNS name or IP address that the host's certificate carries".to_owned();
    report.at(code::BAD_VALUE, place, message, Some(help));
    None
}

/// Looked up in the time zone database of this machine; without one, only the form is checked.
fn timezone(
    text: &str,
    place: Place,
    owner: &dyn Fn() -> String,
    report: &mut Report<'_>,
) -> Option<Value> {
    let form = (1..=64).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_+/-".contains(c));
    let database = jiff::tz::db();
    if form && database.is_definitively_empty() {
        report.no_timezones = true;
        return Some(Value::Text(text.into()));
    }
    if form && database.get(text).is_ok() {
        return Some(Value::Text(text.into()));
    }
    let message = format!("`timezone` of {} is {}, which is no time zone", owner(), quoted(text));
    let names: Vec<String> = database.available().map(|name| name.to_string()).collect();
    let help = did_you_mean(text, names.iter().map(String::as_str))
        .unwrap_or_else(|| "write an IANA name such as `Europe/Berlin`".into());
    report.at(code::BAD_VALUE, place, message, Some(help));
    None
}

fn variables(
    node: &Node,
    owner: &dyn Fn() -> String,
    report: &mut Report<'_>,
) -> Vec<Placed<Box<str>, Variable>> {
    let mut variables = Vec::with_capacity(node.entries().len());
    for entry in node.entries() {
        let name = &*entry.key;
        let right = (1..=63).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !right {
            let message = format!("{} is no variable name ({})", quoted(name), owner());
            let help = "use small letters, digits and `_`, the first a letter".to_owned();
            report.at(code::BAD_NAME, entry.place, message, Some(help));
        } else if let Some(value) = variable(&entry.value) {
            variables.push(Placed { key: name.into(), value, place: entry.place });
        }
    }
    variables
}

/// `None`: the table's check has reported it.
fn variable(node: &Node) -> Option<Variable> {
    use crate::yaml::node::{Core, Value as Yaml};
    match &node.value {
        Yaml::Sequence(items) => {
            items.iter().map(variable).collect::<Option<_>>().map(Variable::List)
        }
        Yaml::Mapping(_) => None,
        Yaml::Scalar(scalar) => match scalar.core() {
            Core::Flag(flag) => Some(Variable::Bool(flag)),
            Core::Integer(number) => Some(Variable::Number(number)),
            Core::Text(text) => Some(Variable::Text(text.into())),
            Core::Null | Core::Float(_) => None,
        },
    }
}
