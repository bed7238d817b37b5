//! Probes that a site adds of its own, as a file in YAML describes them.
//!
//! Comes in: what a file says, already decoded, with the place of each part. Goes out: a checked
//! probe, or every fault with its place. Nothing runs before the whole passed; the same check runs
//! again on the values of each host.
//!
//! ```yaml
//! probes:
//!   - id: site/redis-listeners
//!     platform: linux
//!     views: [listeners]
//!     argv: [/usr/bin/ss, -4, -n, -t, -l, sport, ":{port}"]
//!     parameters: {port: {type: port, from: vars.redis_port}}
//!     reader: linux/ss
//!     needs: none
//! ```

use std::collections::BTreeMap;

use crate::model::digest::Sha256;
use crate::model::host::Platform;
use crate::model::id::ProbeId;
use crate::model::parsed::{Reader, Sink, Span};
use crate::model::snapshot::View;
use crate::model::text::escape;
use crate::probe::allow;
use crate::probe::command::Command;
use crate::probe::lines::{LineParser, Lines};
use crate::probe::parameter::{ParameterType, Value};
use crate::probe::table::Privilege;
use crate::probe::template::Template;
use crate::probe::tool::Tool;
use crate::yaml::node::Place;

/// A part of a file and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// What it says.
    pub value: T,
    /// Where it stands in the file.
    pub place: Place,
}

/// A parameter as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterSource {
    /// Its type.
    pub kind: ParameterType,
    /// Where its value comes from: `vars.NAME`, or an attribute of the host (`address`, `port`).
    pub from: Placed<String>,
}

/// What a file says of one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteProbeSource {
    /// `site/NAME`.
    pub id: Placed<String>,
    /// `linux`.
    pub platform: Placed<String>,
    /// Words of [`View`]. Empty: an answer that no view depends on.
    pub views: Vec<Placed<String>>,
    /// The argument vector, with `{name}` for parameters.
    pub argv: Vec<Placed<String>>,
    /// Parameters by name.
    pub parameters: BTreeMap<String, Placed<ParameterSource>>,
    /// A name that [`crate::probe::reader_for`] takes, or `text`.
    pub reader: Placed<String>,
    /// `none` or `sudo`.
    pub needs: Placed<String>,
}

/// One fault of a site's probe.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SiteFault {
    /// Where it stands in the file.
    pub place: Place,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Where a parameter's value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueOrigin {
    /// A variable of the inventory.
    Variable(String),
    /// The host's address.
    Address,
    /// The host's port.
    Port,
}

/// How a site's probe is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteReader {
    /// By a reader of the command standard, under this name.
    Standard(&'static str),
    /// Not at all: the answer is kept as evidence.
    Text,
}

/// A checked probe of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteProbe {
    /// Its name, `site/...`.
    pub id: ProbeId,
    /// Operating system family.
    pub platform: Platform,
    /// Views it adds to.
    pub views: Vec<View>,
    /// Whether it runs through `sudo -n` where the account escalates.
    pub needs: Privilege,
    /// How its answer is read.
    pub reader: SiteReader,
    /// The program, with its other candidate paths.
    pub tool: &'static Tool,
    template: Template,
    origins: BTreeMap<String, ValueOrigin>,
}

/// Checks what a file says of one probe.
///
/// # Errors
/// Every fault, in the order of the file.
pub fn check(source: &SiteProbeSource) -> Result<SiteProbe, Vec<SiteFault>> {
    let mut faults = Vec::new();
    let id = keep(&mut faults, checked_id(&source.id));
    let platform = keep(&mut faults, checked_platform(&source.platform));
    let views: Vec<View> =
        source.views.iter().filter_map(|view| keep(&mut faults, checked_view(view))).collect();
    let command = checked_command(source, &mut faults);
    let mut origins = BTreeMap::new();
    for (name, parameter) in &source.parameters {
        if let Some(origin) = keep(&mut faults, checked_origin(&parameter.value.from)) {
            origins.insert(name.clone(), origin);
        }
    }
    let reader = keep(&mut faults, checked_reader(&source.reader));
    let tool = command.as_ref().map(|(_, tool)| *tool);
    let needs = keep(&mut faults, checked_needs(&source.needs, tool));
    faults.sort_by_key(|fault| fault.place);
    match (id, platform, command, reader, needs) {
        (Some(id), Some(platform), Some((template, tool)), Some(reader), Some(needs))
            if faults.is_empty() =>
        {
            Ok(SiteProbe { id, platform, views, needs, reader, tool, template, origins })
        }
        _ => Err(faults),
    }
}

fn fault(place: Place, message: impl Into<String>) -> SiteFault {
    SiteFault { place, message: message.into() }
}

fn keep<T>(faults: &mut Vec<SiteFault>, result: Result<T, SiteFault>) -> Option<T> {
    result.map_err(|fault| faults.push(fault)).ok()
}

fn shown(placed: &Placed<String>) -> String {
    escape(placed.value.as_bytes())
}

fn checked_id(id: &Placed<String>) -> Result<ProbeId, SiteFault> {
    let parsed = ProbeId::parse(&id.value).map_err(|e| fault(id.place, e.to_string()))?;
    if !id.value.starts_with("site/") {
        let message = format!("probe id `{}` must begin with `site/`", shown(id));
        return Err(fault(id.place, message));
    }
    Ok(parsed)
}

fn checked_platform(platform: &Placed<String>) -> Result<Platform, SiteFault> {
    if let Some(known @ Platform::Linux) = Platform::parse(&platform.value) {
        return Ok(known);
    }
    let message = format!("`platform: {}` has no site probes yet: use linux", shown(platform));
    Err(fault(platform.place, message))
}

fn checked_view(view: &Placed<String>) -> Result<View, SiteFault> {
    View::parse(&view.value).ok_or_else(|| {
        let known: Vec<_> = View::ALL.iter().map(|view| view.as_str()).collect();
        let message = format!("no view `{}`: use one of {}", shown(view), known.join(", "));
        fault(view.place, message)
    })
}

fn checked_command(
    source: &SiteProbeSource,
    faults: &mut Vec<SiteFault>,
) -> Option<(Template, &'static Tool)> {
    let place_of = |number: usize| {
        source.argv.get(number.saturating_sub(1)).map_or(source.id.place, |word| word.place)
    };
    let words: Vec<String> = source.argv.iter().map(|word| word.value.clone()).collect();
    let kinds = source.parameters.iter().map(|(name, p)| (name.clone(), p.value.kind.clone()));
    let template = match Template::new(&words, kinds.collect()) {
        Ok(template) => template,
        Err(found) => {
            faults.extend(found.iter().map(|error| {
                let place = error.word_number().map_or(source.id.place, place_of);
                fault(place, error.to_string())
            }));
            return None;
        }
    };
    let mut tool = None;
    for sample in template.samples() {
        match allow::allowed(&sample) {
            Ok(found) => tool = Some(found),
            Err(refusal) => {
                faults.push(fault(place_of(refusal.number), refusal.to_string()));
                return None;
            }
        }
    }
    tool.map(|tool| (template, tool))
}

fn checked_origin(from: &Placed<String>) -> Result<ValueOrigin, SiteFault> {
    let named = |name: &&str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let variable = from.value.strip_prefix("vars.").filter(named);
    match (from.value.as_str(), variable) {
        ("address", _) => Ok(ValueOrigin::Address),
        ("port", _) => Ok(ValueOrigin::Port),
        (_, Some(name)) => Ok(ValueOrigin::Variable(name.to_owned())),
        (_, None) => {
            let message = format!("`from: {}` is not vars.NAME, address or port", shown(from));
            Err(fault(from.place, message))
        }
    }
}

fn checked_reader(reader: &Placed<String>) -> Result<SiteReader, SiteFault> {
    if reader.value == "text" {
        return Ok(SiteReader::Text);
    }
    let names = crate::probe::reader_names();
    names
        .iter()
        .find(|name| **name == reader.value)
        .map(|name| SiteReader::Standard(name))
        .ok_or_else(|| {
            let message =
                format!("no reader `{}`: use text or one of {}", shown(reader), names.join(", "));
            fault(reader.place, message)
        })
}

fn checked_needs(
    needs: &Placed<String>,
    tool: Option<&'static Tool>,
) -> Result<Privilege, SiteFault> {
    match (needs.value.as_str(), tool) {
        ("none", _) => Ok(Privilege::Any),
        ("sudo", Some(tool)) if !allow::may_escalate(tool) => {
            let message = format!(
                "`needs: sudo` is not for {}: only what shows owners of sockets runs as root",
                tool.name()
            );
            Err(fault(needs.place, message))
        }
        ("sudo", _) => Ok(Privilege::Owners),
        _ => Err(fault(needs.place, format!("`needs: {}` is not none or sudo", shown(needs)))),
    }
}

impl SiteProbe {
    /// The command for one host. `lookup` gives the value that an origin has there.
    ///
    /// # Errors
    /// Every parameter without a fitting value, each with what was expected; or, with values that
    /// turn the command into one that is not on the list, that.
    pub fn render<'a>(
        &self,
        lookup: impl Fn(&ValueOrigin) -> Option<Value<'a>>,
    ) -> Result<Command, Vec<String>> {
        let value = |name: &str| self.origins.get(name).and_then(&lookup);
        let text = |error: &dyn std::fmt::Display| format!("{}: {error}", self.id);
        let command = self
            .template
            .render(value)
            .map_err(|errors| errors.iter().map(|error| text(error)).collect::<Vec<_>>())?;
        allow::allowed(command.words()).map_err(|refusal| vec![text(&refusal)])?;
        Ok(command)
    }

    /// The words, with `{name}` for parameters.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        self.template.words()
    }

    /// Digest of what is sent: SHA-256 over canonical JSON (sorted keys, no blanks) of id, words,
    /// types and origins of the parameters, and privilege.
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        let parameters: BTreeMap<_, _> = self
            .template
            .parameters()
            .iter()
            .map(|(name, kind)| (name, format!("{kind:?} {:?}", self.origins.get(name))))
            .collect();
        let canonical = serde_json::json!({
            "arguments": self.words(),
            "id": self.id.as_str(),
            "needs": self.needs.as_str(),
            "parameters": parameters,
        });
        Sha256::of(canonical.to_string().as_bytes())
    }
}

impl SiteReader {
    /// A new reader.
    #[must_use]
    pub fn reader(self) -> Box<dyn Reader> {
        let standard = match self {
            Self::Standard(name) => crate::probe::reader_for(name),
            Self::Text => None,
        };
        standard.unwrap_or_else(|| Box::new(Lines::new(Text)))
    }
}

/// Takes every line as known and hands out no row.
struct Text;

impl LineParser for Text {
    fn line(&mut self, span: Span, line: &[u8], sink: &mut dyn Sink) {
        if !line.trim_ascii().is_empty() {
            sink.header(span);
        }
    }

    fn end(&mut self, _: &mut dyn Sink) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed<T>(line: u32, value: T) -> Placed<T> {
        Placed { value, place: Place { line, column: 0 } }
    }

    /// The example of the module's head; one word of `argv` a line from 5.
    fn source(argv: &str) -> SiteProbeSource {
        let words = (5..).zip(argv.split(' ')).map(|(line, word)| placed(line, word.to_owned()));
        let port = ParameterSource {
            kind: ParameterType::Port,
            from: placed(20, "vars.redis_port".to_owned()),
        };
        let parameters = argv.contains("{port}").then(|| ("port".to_owned(), placed(20, port)));
        SiteProbeSource {
            id: placed(2, "site/redis-listeners".to_owned()),
            platform: placed(3, "linux".to_owned()),
            views: vec![placed(4, "listeners".to_owned())],
            argv: words.collect(),
            parameters: parameters.into_iter().collect(),
            reader: placed(21, "linux/ss".to_owned()),
            needs: placed(22, "none".to_owned()),
        }
    }

    fn faults(source: &SiteProbeSource) -> Vec<(u32, String)> {
        let faults = check(source).unwrap_err();
        faults.into_iter().map(|fault| (fault.place.line, fault.message)).collect()
    }

    #[test]
    fn a_probe_takes_its_port_from_the_inventory() {
        let probe = check(&source("/usr/bin/ss -4 -n -t -l sport :{port}")).unwrap();
        let redis = ValueOrigin::Variable("redis_port".to_owned());
        let lookup = |origin: &ValueOrigin| (*origin == redis).then_some(Value::Number(6379));
        let command = probe.render(lookup).unwrap();
        assert_eq!(command.words().join(" "), "/usr/bin/ss -4 -n -t -l sport :6379");
        assert_eq!(
            probe.render(|_| Some(Value::Text("1;id"))).unwrap_err(),
            ["site/redis-listeners: parameter `port`: \
              `1;id` is no port from 1 to 65535: it has `;` at character 2"]
        );
        let found = command.at(probe.tool, "/usr/sbin/ss").unwrap();
        assert_eq!(found.words().first().map(String::as_str), Some("/usr/sbin/ss"));
        let other = check(&source("/usr/bin/ss -6 -n -t -l sport :{port}")).unwrap();
        assert_ne!(probe.digest(), other.digest());
    }

    #[test]
    fn every_fault_of_a_probe_is_shown_at_its_line() {
        let mut source = source("/usr/bin/ss -K");
        source.id.value = "redis".to_owned();
        source.platform.value = "linux\u{1b}".to_owned();
        source.views[0].value = "listener".to_owned();
        source.reader.value = "linux/netsat".to_owned();
        source.needs.value = "root".to_owned();
        let faults = faults(&source);
        let lines: Vec<u32> = faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 4, 6, 21, 22]);
        assert_eq!(
            faults[2].1,
            "no view `listener`: use one of listeners, sessions, interfaces, routes, counters, host"
        );
        assert!(faults[1].1.contains("`platform: linux\\x1b`"), "{faults:?}");
        assert!(faults[3].1.starts_with("word 2 `-K` is not on the list"), "{faults:?}");
    }

    #[test]
    fn a_character_that_a_shell_reads_is_shown_with_its_place() {
        assert_eq!(
            faults(&source("/usr/bin/ss -n =")),
            [(
                7,
                "word 3 `=` has `=` at character 1: a word may not begin with =, % or @".to_owned()
            )]
        );
        assert_eq!(
            faults(&source("/usr/bin/ss $(id)")),
            [(
                6,
                "word 2 `$(id)` has `$` at character 1: \
                 a command holds only A-Z a-z 0-9 _ . / : = , @ % + -"
                    .to_owned()
            )]
        );
    }

    #[test]
    fn an_enum_cannot_bring_in_a_verb_and_a_value_cannot_leave_its_folder() {
        let mut verbs = source("/usr/sbin/ip route {port}");
        let words = ["show", "flush"].map(str::to_owned).to_vec();
        if let Some(port) = verbs.parameters.get_mut("port") {
            port.value.kind = ParameterType::Enum(words);
        }
        assert_eq!(
            faults(&verbs),
            [(
                7,
                "word 3 `flush` is not show, list or get: other verbs may change the host".into()
            )]
        );
        let mut device = source("/bin/cat /proc/sys/net/ipv4/conf/{port}/rp_filter");
        if let Some(port) = device.parameters.get_mut("port") {
            port.value.kind = ParameterType::Interface;
        }
        let probe = check(&device).unwrap();
        assert!(probe.render(|_| Some(Value::Text("eth0.10"))).is_ok());
        assert!(probe.render(|_| Some(Value::Text(".."))).is_err());
    }

    #[test]
    fn only_what_shows_owners_runs_as_root() {
        let mut root = source("/bin/cat /proc/net/tcp");
        root.needs.value = "sudo".to_owned();
        assert_eq!(
            faults(&root),
            [(
                22,
                "`needs: sudo` is not for cat: only what shows owners of sockets runs as root"
                    .to_owned()
            )]
        );
        let mut owners = source("/usr/bin/ss -tlnp");
        owners.needs.value = "sudo".to_owned();
        assert_eq!(check(&owners).unwrap().needs, Privilege::Owners);
    }
}
