//! What must hold over all hosts together, and what is worth a remark.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use crate::inventory::GroupSummary;
use crate::inventory::build::Built;
use crate::inventory::explain::{EntryOrigin, Origins};
use crate::inventory::group::Group;
use crate::inventory::host::{Host, Jump};
use crate::inventory::report::{At, Remark, Report, line};
use crate::inventory::table::code;
use crate::model::digest::{Hasher, Sha256};
use crate::model::host::TransportKind;
use crate::yaml::suggest::did_you_mean;

/// Longest file stem, in bytes. File systems take 255; the time, repetition and ending of an
/// evidence file's name take up to 44.
const STEM_BYTES_MAX: usize = 200;
/// Most remarks of one kind.
const REMARKS_MAX: usize = 20;

fn at(origins: &Origins, host: usize) -> At {
    let entry =
        origins.of_host.get(host).and_then(|(entry, _)| origins.entries.get(*entry as usize));
    entry.map_or(At { file: 0, place: crate::yaml::node::Place::default() }, EntryOrigin::at)
}

/// Refuses names that differ only in case, and hosts whose evidence files would have one name.
pub(super) fn collisions(hosts: &[Host], origins: &Origins, report: &mut Report<'_>) {
    let mut names: HashMap<String, usize> = HashMap::with_capacity(hosts.len());
    let mut stems: HashMap<String, usize> = HashMap::with_capacity(hosts.len());
    for (number, host) in hosts.iter().enumerate() {
        let stem = host.asset.file_stem();
        let name = &host.asset.name;
        if stem.len() > STEM_BYTES_MAX {
            let message = format!(
                "host `{name}` and its role make a file name of over {STEM_BYTES_MAX} bytes"
            );
            let help = Some("shorten the name or the role".to_owned());
            report.there(code::COLLISION, at(origins, number), message, help);
        }
        let first = names.insert(name.as_str().to_ascii_lowercase(), number);
        if let Some(other) = first.and_then(|first| hosts.get(first)) {
            // The very same name was reported when it was read.
            if other.asset.name != *name {
                let first = first.map_or_else(String::new, |n| report.line(at(origins, n)));
                let message = format!(
                    "host `{name}` differs only in case from `{}` in {first}",
                    other.asset.name
                );
                let help = Some("rename one: file names and people confuse them".to_owned());
                report.there(code::COLLISION, at(origins, number), message, help);
            }
            continue;
        }
        let first = stems.insert(stem.to_ascii_lowercase(), number);
        if let Some(other) = first.and_then(|first| hosts.get(first)) {
            let first = first.map_or_else(String::new, |n| report.line(at(origins, n)));
            let message = format!(
                "host `{name}` with role `{}` and `{}` with role `{}` in {first} would both write `{stem}-…`",
                host.asset.role_word(),
                other.asset.name,
                other.asset.role_word()
            );
            let help = Some("rename one host, or change its role".to_owned());
            report.there(code::COLLISION, at(origins, number), message, help);
        }
    }
}

/// How many hosts each group has, those of its children included.
pub(super) fn group_sizes(built: &Built) -> Vec<GroupSummary> {
    let mut per_layer = vec![0_usize; built.origins.layers.len()];
    for (_, layer) in &built.origins.of_host {
        per_layer.get_mut(*layer as usize).into_iter().for_each(|count| *count += 1);
    }
    let mut per_group: HashMap<&str, usize> = HashMap::new();
    for (layer, count) in built.origins.layers.iter().zip(per_layer) {
        for group in layer.groups.iter() {
            *per_group.entry(group.as_str()).or_default() += count;
        }
    }
    let names = built.origins.groups.list.iter().map(|group| group.name.clone());
    names
        .map(|name| GroupSummary { hosts: per_group.remove(name.as_str()).unwrap_or(0), name })
        .collect()
}

/// Hosts that share an address and port, and groups nobody is in.
pub(super) fn remarks(built: &Built, sizes: &[GroupSummary], files: &[Arc<str>]) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut ends: HashMap<(&str, u16, Option<&str>), usize> =
        HashMap::with_capacity(built.hosts.len());
    let mut more = 0;
    for (number, host) in built.hosts.iter().enumerate() {
        if host.asset.transport == TransportKind::Local {
            continue;
        }
        let jump = host.road.last().map(|jump| jump.name.as_str());
        let end = (host.asset.address.as_str(), host.asset.port, jump);
        let Some(first) = ends.get(&end).and_then(|first| built.hosts.get(*first)) else {
            ends.insert(end, number);
            continue;
        };
        if remarks.len() >= REMARKS_MAX {
            more += 1;
            continue;
        }
        let origin = line(files, at(&built.origins, number));
        // Behind another jump host the same address is another machine.
        let message = format!(
            "host `{}` has the address and port of `{}`: {} port {}",
            host.asset.name, first.asset.name, end.0, end.1
        );
        remarks.push(Remark { origin, message });
    }
    if more > 0 {
        let message = format!("{more} more hosts share an address and port with another");
        remarks.push(Remark { origin: "hosts".into(), message });
    }
    let empty = built.origins.groups.list.iter().zip(sizes).filter(|(_, size)| size.hosts == 0);
    for (group, _) in empty.take(REMARKS_MAX) {
        let origin = line(files, group.at);
        remarks.push(Remark { origin, message: format!("group `{}` has no hosts", group.name) });
    }
    remarks
}

/// Groups of fleetstat's own files that no host of another program's inventory is in: beside such
/// an inventory most likely a mistyped name, whose values then reach nobody.
pub(super) fn strangers(built: &Built, sizes: &[GroupSummary], files: &[Arc<str>]) -> Vec<Remark> {
    let Origins { groups, foreign, .. } = &built.origins;
    if foreign.hosts.is_empty() {
        return Vec::new();
    }
    let counted = || groups.list.iter().zip(sizes);
    let ours =
        counted().filter(|(group, size)| size.hosts == 0 && foreign.own.contains(&group.at.file));
    let remark = |(group, _): (&Group, &GroupSummary)| {
        let name = group.name.as_str();
        let filled = counted().filter(|(_, size)| size.hosts > 0);
        let near = did_you_mean(name, filled.map(|(group, _)| group.name.as_str()));
        let near = near.map(|near| format!("; {near}")).unwrap_or_default();
        Remark {
            origin: line(files, group.at),
            message: format!("group `{name}` has no hosts{near}"),
        }
    };
    ours.take(REMARKS_MAX).map(remark).collect()
}

/// Digest of one JSON array for each host, in the order of the names.
pub(super) fn digest(hosts: &[Host]) -> Sha256 {
    struct Digesting(Hasher);
    impl Write for Digesting {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut digesting = std::io::BufWriter::with_capacity(1 << 16, Digesting(Hasher::default()));
    for host in hosts {
        let Host { asset, account, host_key_alias, fragile, groups, variables, .. } = host;
        let account = account.as_deref();
        let road: Vec<&Jump> = host.road.iter().map(AsRef::as_ref).collect();
        let access = (road, host.legacy.as_deref(), host.require_pq);
        let all = (asset, account, host_key_alias, fragile, groups.as_ref(), variables, access);
        // Neither a digest nor a buffer in front of it can fail, and every type has text keys.
        let _written = serde_json::to_writer(&mut digesting, &all);
        if asset.transport == TransportKind::Winrm {
            let _written = serde_json::to_writer(&mut digesting, &(host.tls, &host.tls_name));
            if let Some(login) = &host.login {
                let _written = serde_json::to_writer(&mut digesting, login);
            }
        }
        let _written = digesting.write_all(b"\n");
    }
    let _flushed = digesting.flush();
    match digesting.into_inner() {
        Ok(Digesting(hasher)) => hasher.finish(),
        // Unreachable: flushing into a digest cannot fail.
        Err(error) => error.into_inner().get_ref().0.clone().finish(),
    }
}
