//! The field list of hosts: what the inventory says, what the host says of itself, and how far the
//! two clocks can be trusted.

use crate::model::capture::{Hop, LegacyUse, Negotiated};
use crate::model::fact::{ClockReading, HostFacts};
use crate::model::host::{Asset, Criticality, Exposure, Platform};
use crate::model::id::Label;
use crate::report::envelope::{Recorded, with_envelope};
use crate::report::field::{Column, Field, Kind};
use crate::report::value::{Member, Type, Value, words_of};

/// The kind `host`.
#[derive(Clone, Copy, Debug)]
pub struct Hosts;

const PORT_RANGE: &[Member] = &[
    Member::always("start", Type::Integer, "First port."),
    Member::always("end", Type::Integer, "Last port, inclusive."),
];

const LIMITS: &[Member] = &[
    Member::always("name", Type::Text, "The kernel's name, as sysctl prints it."),
    Member::always("value", Type::Integer, "Its value."),
];

const TOOLS: &[Member] = &[
    Member::always("name", Type::Text, "The tool."),
    Member::always("path", Type::Text, "Where it was found."),
];

const HOPS: &[Member] = &[
    Member::always("name", Type::Text, "The jump host's name in the inventory."),
    Member::always("address", Type::Text, "Where it is, as seen from the one before it."),
    Member::always("port", Type::Integer, "Its TCP port."),
    Member::always("account", Type::Text, "Account on it."),
    Member::always("host_key", Type::Text, "Fingerprint of its host key."),
    Member::always("host_key_algorithm", Type::Text, "How it signed."),
    Member::always("kex", Type::Text, "Key exchange."),
    Member::always("cipher", Type::Text, "Cipher."),
    Member::always("mac", Type::Text, "MAC; empty for ciphers that bring their own."),
    Member::always("strict_kex", Type::Bool, "Strict key exchange was in force."),
    Member::always("identity", Type::Text, "Identity that logged in."),
    Member::always("legacy", Type::Text, "Old algorithms in use; empty: none."),
];

fn hop(hop: &Hop) -> [Value<'_>; 12] {
    let agreed = &hop.negotiated;
    [
        hop.name.as_str().into(),
        (&hop.address).into(),
        hop.port.into(),
        (&hop.account).into(),
        (&agreed.host_key).into(),
        (&agreed.host_key_algorithm).into(),
        (&agreed.kex).into(),
        (&agreed.cipher).into(),
        (&agreed.mac).into(),
        agreed.strict_kex.into(),
        (&agreed.identity).into(),
        agreed
            .legacy
            .as_ref()
            .map(|legacy| legacy.algorithms.join(", "))
            .unwrap_or_default()
            .into(),
    ]
}

fn agreed(row: Recorded<'_, HostFacts>) -> Option<&Negotiated> {
    row.context.header.and_then(|header| header.negotiated.as_ref())
}

fn legacy(row: Recorded<'_, HostFacts>) -> Option<&LegacyUse> {
    agreed(row).and_then(|agreed| agreed.legacy.as_ref())
}

fn asset(row: Recorded<'_, HostFacts>) -> Option<&Asset> {
    row.context.header.map(|header| &header.asset)
}

fn label(label: Option<&Label>) -> Value<'_> {
    label.map(Label::as_str).into()
}

fn clock(row: Recorded<'_, HostFacts>) -> Option<ClockReading> {
    row.record.clock
}

impl Kind for Hosts {
    type Body<'x> = HostFacts;

    const NAME: &'static str = "host";

    const DOC: &'static str = "The host itself, as the inventory has it and as it answered.";

    const FIELDS: &'static [Field<Self>] = with_envelope![
        Field::reported("address", Type::Text, "Where it was reached: address or name.", |row| {
            asset(row).map(|asset| asset.address.as_str()).into()
        }),
        Field::reported("platform", words_of!(Platform), "Platform in the inventory.", |row| {
            asset(row).map(|asset| asset.platform.as_str()).into()
        }),
        Field::reported("role", Type::Text, "Role in the inventory.", |row| {
            label(asset(row).and_then(|asset| asset.role.as_ref()))
        }),
        Field::reported("environment", Type::Text, "Environment in the inventory.", |row| {
            label(asset(row).and_then(|asset| asset.environment.as_ref()))
        }),
        Field::reported("segment", Type::Text, "Network segment in the inventory.", |row| {
            label(asset(row).and_then(|asset| asset.segment.as_ref()))
        }),
        Field::reported("site", Type::Text, "Location in the inventory.", |row| {
            label(asset(row).and_then(|asset| asset.site.as_ref()))
        }),
        Field::reported("criticality", words_of!(Criticality), "Business weight.", |row| {
            asset(row).and_then(|asset| asset.criticality).map(Criticality::as_str).into()
        }),
        Field::reported("exposure", words_of!(Exposure), "From where it is reachable.", |row| {
            asset(row).and_then(|asset| asset.exposure).map(Exposure::as_str).into()
        }),
        Field::reported("owner", Type::Text, "Who answers for it.", |row| {
            asset(row).and_then(|asset| asset.owner.as_deref()).into()
        }),
        Field::always("tags", Type::Texts, "Tags in the inventory, sorted.", |row| {
            let tags = asset(row).map_or(&[][..], |asset| &asset.tags);
            Value::list(tags.iter().map(Label::as_str))
        }),
        Field::reported("operator", Type::Text, "Who answers for the run.", |row| {
            row.context.header.map(|header| header.mandate.operator.as_str()).into()
        }),
        Field::reported("change", Type::Text, "Change or ticket reference of the run.", |row| {
            row.context.header.and_then(|header| header.mandate.change.as_deref()).into()
        }),
        Field::reported("connection.server", Type::Text, "The server's identification.", |row| {
            agreed(row).map(|agreed| &agreed.server).into()
        }),
        Field::reported("connection.host_key", Type::Text, "Host key's fingerprint.", |row| {
            agreed(row).map(|agreed| &agreed.host_key).into()
        }),
        Field::reported(
            "connection.host_key_algorithm",
            Type::Text,
            "How the server signed.",
            |row| agreed(row).map(|agreed| &agreed.host_key_algorithm).into(),
        ),
        Field::reported("connection.kex", Type::Text, "Key exchange.", |row| {
            agreed(row).map(|agreed| &agreed.kex).into()
        }),
        Field::reported("connection.cipher", Type::Text, "Cipher.", |row| {
            agreed(row).map(|agreed| &agreed.cipher).into()
        }),
        Field::reported(
            "connection.mac",
            Type::Text,
            "MAC; empty for ciphers that bring their own.",
            |row| agreed(row).map(|agreed| &agreed.mac).into(),
        ),
        Field::reported(
            "connection.strict_kex",
            Type::Bool,
            "Strict key exchange was in force (CVE-2023-48795).",
            |row| agreed(row).map(|agreed| agreed.strict_kex).into(),
        ),
        Field::reported(
            "connection.post_quantum",
            Type::Bool,
            "The key exchange is post-quantum.",
            |row| agreed(row).map(Negotiated::is_post_quantum).into(),
        ),
        Field::reported("connection.identity", Type::Text, "Identity that logged in.", |row| {
            agreed(row).map(|agreed| &agreed.identity).into()
        }),
        Field::always(
            "connection.jumps",
            Type::Objects(HOPS),
            "Jump hosts on the way, outermost first.",
            |row| Value::objects(agreed(row).map_or(&[][..], |a| &a.jumps).iter().map(hop)),
        ),
        Field::always(
            "connection.legacy.algorithms",
            Type::Texts,
            "Old algorithms that the connection used.",
            |row| Value::list(legacy(row).map_or(&[][..], |legacy| &legacy.algorithms)),
        ),
        Field::reported("connection.legacy.reason", Type::Text, "Why they are allowed.", |row| {
            legacy(row).map(|legacy| &legacy.reason).into()
        }),
        Field::reported("connection.legacy.expires", Type::Text, "Until which day.", |row| {
            legacy(row).map(|legacy| &legacy.expires).into()
        }),
        Field::reported("hostname", Type::Text, "What the host calls itself.", |row| {
            row.record.hostname.as_ref().into()
        }),
        Field::always("ips", Type::Addresses, "Its addresses, sorted, without loopback.", |row| {
            Value::list(row.record.addresses.iter().copied())
        }),
        Field::reported("os.id", Type::Text, "OS, such as `debian`.", |row| {
            row.record.os_id.as_ref().into()
        }),
        Field::reported("os.name", Type::Text, "OS for people.", |row| {
            row.record.os_name.as_ref().into()
        }),
        Field::reported("os.version", Type::Text, "Version of the OS.", |row| {
            row.record.os_version.as_ref().into()
        }),
        Field::reported("os.kernel", Type::Text, "Kernel, such as `Linux`.", |row| {
            row.record.kernel_name.as_ref().into()
        }),
        Field::reported("os.kernel_release", Type::Text, "Release of the kernel.", |row| {
            row.record.kernel_release.as_ref().into()
        }),
        Field::reported("os.arch", Type::Text, "Machine architecture.", |row| {
            row.record.architecture.as_ref().into()
        }),
        Field::reported("machine_id", Type::Text, "Machine id the host reports.", |row| {
            row.record.machine_id.as_ref().into()
        }),
        Field::reported("boot_id", Type::Text, "Changes with each boot.", |row| {
            row.record.boot_id.as_ref().into()
        }),
        Field::reported("boot_time", Type::Time, "Last boot, by the host's own clock.", |row| {
            row.record.boot_time.into()
        }),
        Field::reported("clock.remote_time", Type::Time, "The host's own time.", |row| {
            clock(row).map(|clock| clock.remote).into()
        }),
        Field::reported(
            "clock.offset_us",
            Type::Integer,
            "Host minus controller, in microseconds; positive when the host is ahead.",
            |row| clock(row).map(|clock| clock.offset_us).into(),
        ),
        Field::reported(
            "clock.error_us",
            Type::Integer,
            "The offset is known within this, in microseconds.",
            |row| clock(row).map(|clock| clock.error_us).into(),
        ),
        Field::reported(
            "clock.synchronized",
            Type::Bool,
            "The host's time service says that the clock is synchronized.",
            |row| clock(row).and_then(|clock| clock.synchronized).into(),
        ),
        Field::reported(
            "controller_clock.synchronized",
            Type::Bool,
            "A time service has set the controller's clock since boot. `null`: not known.",
            |row| row.context.header.and_then(|header| header.controller_clock.synchronized).into(),
        ),
        Field::reported(
            "controller_clock.error_us",
            Type::Integer,
            "Largest error of the controller's clock, in microseconds, where it can be read.",
            |row| row.context.header.and_then(|header| header.controller_clock.error_us).into(),
        ),
        Field::reported("account.name", Type::Text, "Account as the host names it.", |row| {
            row.record.account.name.as_ref().into()
        }),
        Field::reported("account.uid", Type::Integer, "Its effective user id.", |row| {
            row.record.account.uid.into()
        }),
        Field::always("account.groups", Type::Texts, "Its groups.", |row| {
            Value::list(&row.record.account.groups)
        }),
        Field::reported(
            "account.capabilities",
            Type::Hex,
            "Its effective capabilities, as the kernel's bit mask.",
            |row| row.record.account.capabilities.map_or(Value::Null, Value::Hex),
        ),
        Field::reported(
            "account.sees_all_owners",
            Type::Bool,
            "It can see the owner of every socket.",
            |row| row.record.account.sees_all_owners.into(),
        ),
        Field::reported("ephemeral.start", Type::Integer, "First ephemeral port.", |row| {
            row.record.ephemeral.map(|(start, _)| start).into()
        }),
        Field::reported("ephemeral.end", Type::Integer, "Last ephemeral port.", |row| {
            row.record.ephemeral.map(|(_, end)| end).into()
        }),
        Field::always(
            "ephemeral.reserved",
            Type::Objects(PORT_RANGE),
            "Ports taken out of that range.",
            |row| {
                let ranges = row.record.reserved_ports.iter();
                Value::objects(ranges.map(|(start, end)| [(*start).into(), (*end).into()]))
            },
        ),
        Field::always("limits", Type::Objects(LIMITS), "Kernel limits, sorted by name.", |row| {
            let limits = row.record.limits.iter();
            Value::objects(limits.map(|(name, value)| [name.into(), (*value).into()]))
        }),
        Field::always("tools", Type::Objects(TOOLS), "Tools found, sorted by name.", |row| {
            let tools = row.record.tools.iter();
            Value::objects(tools.map(|(name, path)| [name.into(), path.into()]))
        }),
    ];

    const COLUMNS: &'static [Column] = &[
        Column::of("HOST", "host_id"),
        Column::of("ROLE", "role"),
        Column::of("OS", "os.name"),
        Column::of("KERNEL", "os.kernel_release"),
        Column::of("ADDRESSES", "ips"),
        Column::of("BOOTED", "boot_time"),
        Column::of("OFFSET-US", "clock.offset_us"),
    ];
}
