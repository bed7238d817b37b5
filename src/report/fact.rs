//! The field list of single host facts, as `parse` reads them without a host.

use crate::model::fact::{Fact, SudoRule};
use crate::model::text::HostText;
use crate::report::envelope::with_envelope;
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Type, Value};

/// The kind `fact`.
#[derive(Clone, Copy, Debug)]
pub struct Facts;

impl Kind for Facts {
    type Body<'x> = Fact;

    const NAME: &'static str = "fact";

    const DOC: &'static str =
        "One statement of a host about itself. In a snapshot they add up to the `host` record.";

    const FIELDS: &'static [Field<Self>] = with_envelope![
        Field::always("name", Type::Text, "What is stated.", |row| name(row.record)),
        Field::always("value", Type::Text, "What it is.", |row| Value::Text(
            value(row.record).into()
        )),
    ];

    const COLUMNS: &'static [Column] = &[Column::of("NAME", "name"), Column::of("VALUE", "value")];
}

fn name(fact: &Fact) -> Value<'_> {
    Value::Word(match fact {
        Fact::OsId(_) => "os.id",
        Fact::OsName(_) => "os.name",
        Fact::OsVersion(_) => "os.version",
        Fact::KernelName(_) => "os.kernel.name",
        Fact::KernelRelease(_) => "os.kernel.release",
        Fact::Architecture(_) => "os.architecture",
        Fact::Hostname(_) => "hostname",
        Fact::MachineId(_) => "machine_id",
        Fact::BootId(_) => "boot_id",
        Fact::BootTime(_) => "boot_time",
        Fact::Clock { .. } => "clock.remote_time",
        Fact::ClockSynchronized(_) => "clock.synchronized",
        Fact::EffectiveUid(_) => "account.uid",
        Fact::AccountName(_) => "account.name",
        Fact::AccountGroups(_) => "account.groups",
        Fact::EffectiveCapabilities(_) => "account.capabilities",
        Fact::SeesAllOwners(_) => "account.sees_all_owners",
        Fact::EphemeralRange(..) => "ephemeral.range",
        Fact::ReservedPorts(_) => "ephemeral.reserved",
        Fact::EphemeralFirst(_) => "ephemeral.first",
        Fact::EphemeralLast(_) => "ephemeral.last",
        Fact::SudoRules(_) => "account.sudo_rules",
        Fact::AccountPrivileges(_) => "account.privileges",
        Fact::Limit(name, _) => return (name).into(),
        Fact::Tool(name, _) | Fact::ToolVersion(name, _) => return Value::Word(name),
    })
}

fn value(fact: &Fact) -> String {
    let shown = |text: &HostText<'_>| text.escaped().into_owned();
    match fact {
        Fact::OsId(text)
        | Fact::OsName(text)
        | Fact::OsVersion(text)
        | Fact::KernelName(text)
        | Fact::KernelRelease(text)
        | Fact::Architecture(text)
        | Fact::Hostname(text)
        | Fact::MachineId(text)
        | Fact::BootId(text)
        | Fact::AccountName(text)
        | Fact::Tool(_, text)
        | Fact::ToolVersion(_, text) => shown(text),
        Fact::BootTime(time) | Fact::Clock { remote: time, .. } => time.to_string(),
        Fact::ClockSynchronized(flag) | Fact::SeesAllOwners(flag) => flag.to_string(),
        Fact::EffectiveUid(uid) => uid.to_string(),
        Fact::SudoRules(rules) => {
            let rule = |rule: &SudoRule| {
                let tag = if rule.password { "" } else { "NOPASSWD: " };
                format!("({}) {tag}{}", shown(&rule.runas), shown(&rule.command))
            };
            rules.iter().map(rule).collect::<Vec<_>>().join("; ")
        }
        Fact::AccountGroups(groups) | Fact::AccountPrivileges(groups) => {
            groups.iter().map(shown).collect::<Vec<_>>().join(",")
        }
        Fact::EffectiveCapabilities(mask) => format!("{mask:016x}"),
        Fact::EphemeralRange(first, last) => format!("{first}-{last}"),
        Fact::EphemeralFirst(port) | Fact::EphemeralLast(port) => port.to_string(),
        Fact::ReservedPorts(ranges) => {
            let ranges: Vec<_> = ranges.iter().map(|(a, b)| format!("{a}-{b}")).collect();
            ranges.join(",")
        }
        Fact::Limit(_, value) => value.to_string(),
    }
}
