//! The header of an evidence file: every field of [`Header`] as a line, in fixed order.

use super::line::{Expected, Lines, Values};
use crate::model::capture::{Header, Mandate};
use crate::model::host::{Asset, Criticality, Exposure, Platform, TransportKind};
use crate::model::id::{HostName, Label, Pass, RunId};
use crate::model::time::Utc;

/// The first line: names the format and its version.
pub(super) const MAGIC: &str = "fleetstat evidence 1";

/// Lines of the header, the first line and the number of sections included.
pub(super) const HEADER_LINES: usize = 35;

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
        .json("faults", &header.faults)
        .add("sections", sections);
    lines.0
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
    };
    Ok((header, values.parse("sections")?))
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
