//! The header of an evidence file: every field of [`Header`] as a line, in fixed order.

use super::line::{Expected, Lines, Values};
use crate::model::attribute::Surroundings;
use crate::model::capture::{Header, Mandate};
use crate::model::host::{Asset, Criticality, Exposure, Platform, TransportKind};
use crate::model::id::{HostName, Label, Pass, RunId};
use crate::model::time::Utc;

/// The first line: names the format and its version.
pub(super) const MAGIC: &str = "fleetstat evidence 1";

/// Key of the header's last line.
pub(super) const LAST_KEY: &str = "sections";

/// Most lines that a header can have. It ends with the line [`LAST_KEY`]; lines on surroundings
/// are there only when there is something to say, so that older files stay as they are.
pub(super) const HEADER_LINES_MAX: usize = 64;

/// The header's text.
pub(super) fn encode(header: &Header, sections: u16) -> String {
    let Header { run, pass, asset, mandate, .. } = header;
    let mut lines = Lines(format!("{MAGIC}\n"));
    lines.add("run", run).add("pass", pass.pass).add("attempt", pass.attempt);
    encode_asset(&mut lines, asset);
    lines
        .option("peer", header.peer.map(|peer| peer.to_string()))
        .text("account", &header.account)
        .option("os", header.os.as_ref())
        .text("playbook", &mandate.playbook)
        .text("purpose", &mandate.purpose)
        .text("operator", &mandate.operator)
        .option("change", mandate.change.as_ref())
        .text("tool_version", &mandate.tool_version)
        .json("views", &header.views)
        .add("started", header.started)
        .add("ended", header.ended)
        .json_option("clock", header.clock.as_ref())
        .json("controller_clock", &header.controller_clock)
        .json_option("connection", header.negotiated.as_ref())
        .json("faults", &header.faults);
    encode_surroundings(&mut lines, &header.surroundings);
    lines.add(LAST_KEY, sections);
    lines.0
}

fn encode_surroundings(lines: &mut Lines, surroundings: &Surroundings) {
    let Surroundings { changes, changes_left_out, attributes, attributes_left_out } = surroundings;
    if !changes.is_empty() {
        lines.json("changes", changes);
    }
    if *changes_left_out > 0 {
        lines.add("changes_left_out", changes_left_out);
    }
    if !attributes.is_empty() {
        lines.json("attributes", attributes);
    }
    if *attributes_left_out > 0 {
        lines.add("attributes_left_out", attributes_left_out);
    }
}

fn decode_surroundings(values: &mut Values<'_>) -> Result<Surroundings, Expected> {
    let mut surroundings = Surroundings::default();
    if values.next_is("changes") {
        surroundings.changes = values.json("changes")?;
    }
    if values.next_is("changes_left_out") {
        surroundings.changes_left_out = values.parse("changes_left_out")?;
    }
    if values.next_is("attributes") {
        surroundings.attributes = values.json("attributes")?;
    }
    if values.next_is("attributes_left_out") {
        surroundings.attributes_left_out = values.parse("attributes_left_out")?;
    }
    Ok(surroundings)
}

fn encode_asset(lines: &mut Lines, asset: &Asset) {
    lines
        .add("host", &asset.name)
        .text("address", &asset.address)
        .add("port", asset.port)
        .add("platform", asset.platform)
        .add("transport", asset.transport)
        .option("role", asset.role.as_ref().map(Label::as_str))
        .option("environment", asset.environment.as_ref().map(Label::as_str))
        .option("segment", asset.segment.as_ref().map(Label::as_str))
        .option("site", asset.site.as_ref().map(Label::as_str))
        .option("criticality", asset.criticality.map(Criticality::as_str))
        .option("exposure", asset.exposure.map(Exposure::as_str))
        .option("owner", asset.owner.as_ref())
        .json("tags", &asset.tags)
        .option("timezone", asset.timezone.as_ref())
        .json("services", &asset.services);
}

/// Reads what [`encode`] wrote. The caller compares the text with a fresh encoding, so a value
/// that has two forms is refused there.
pub(super) fn decode(head: &str) -> Result<(Header, u16), Expected> {
    let mut values = Values::new(head);
    values.whole(&format!("`{MAGIC}`"), |line| (line == MAGIC).then_some(()))?;
    let run = values.read("run", |value| RunId::parse(value).ok())?;
    let pass = Pass { pass: values.parse("pass")?, attempt: values.parse("attempt")? };
    let asset = decode_asset(&mut values)?;
    let header = Header {
        run,
        pass,
        asset,
        peer: values.option("peer", |value| value.parse().ok())?,
        account: values.text("account")?,
        os: values.option("os", Some)?,
        mandate: Mandate {
            playbook: values.text("playbook")?,
            purpose: values.text("purpose")?,
            operator: values.text("operator")?,
            change: values.option("change", Some)?,
            tool_version: values.text("tool_version")?,
        },
        views: values.json("views")?,
        started: values.read("started", utc)?,
        ended: values.read("ended", utc)?,
        clock: values.json_option("clock")?,
        controller_clock: values.json("controller_clock")?,
        negotiated: values.json_option("connection")?,
        faults: values.json("faults")?,
        surroundings: decode_surroundings(&mut values)?,
    };
    Ok((header, values.parse(LAST_KEY)?))
}

fn decode_asset(values: &mut Values<'_>) -> Result<Asset, Expected> {
    Ok(Asset {
        name: values.read("host", |value| HostName::new(value).ok())?,
        address: values.text("address")?,
        port: values.parse("port")?,
        platform: values.read("platform", Platform::parse)?,
        transport: values.read("transport", TransportKind::parse)?,
        role: label(values, "role")?,
        environment: label(values, "environment")?,
        segment: label(values, "segment")?,
        site: label(values, "site")?,
        criticality: values.option("criticality", |value| Criticality::parse(&value))?,
        exposure: values.option("exposure", |value| Exposure::parse(&value))?,
        owner: values.option("owner", Some)?,
        tags: values.json("tags")?,
        timezone: values.option("timezone", Some)?,
        services: values.json("services")?,
    })
}

fn label(values: &mut Values<'_>, key: &'static str) -> Result<Option<Label>, Expected> {
    values.option(key, |value| Label::new(key, &value).ok())
}

pub(super) fn utc(value: &str) -> Option<Utc> {
    Utc::parse(value).ok()
}
