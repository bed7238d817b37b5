//! The `realms` section: where the tickets of a Kerberos realm come from.

use std::collections::BTreeMap;

use crate::inventory::build::Tree;
use crate::inventory::host::Host;
use crate::inventory::login::{Kdc, Mechanism, principal};
use crate::inventory::report::{At, Report};
use crate::inventory::table::code;
use crate::model::host::TransportKind;
use crate::yaml::defect::quoted;
use crate::yaml::node::{Entry, Node};

/// Gives hosts with Kerberos the KDCs of their account's realm.
pub(super) fn apply(trees: &[Tree], hosts: &mut [Host], report: &mut Report<'_>) {
    let realms = read(trees, report);
    for host in hosts {
        if host.asset.transport != TransportKind::Winrm || host.mechanism() != Mechanism::Kerberos {
            continue;
        }
        // A user without a realm was refused where the host was read.
        let Some((_, realm)) = host.account.as_ref().and_then(|account| principal(&account.user))
        else {
            continue;
        };
        let kdcs = realms.get(&realm).cloned();
        let kdcs = kdcs.unwrap_or_else(|| vec![Kdc::of_realm(&realm)]);
        host.login.get_or_insert_default().kdcs = kdcs;
    }
}

fn read(trees: &[Tree], report: &mut Report<'_>) -> BTreeMap<String, Vec<Kdc>> {
    let mut seen: BTreeMap<String, At> = BTreeMap::new();
    let mut realms = BTreeMap::new();
    for (file, tree) in trees {
        report.enter(*file);
        for entry in tree.get("realms").map(Node::entries).unwrap_or_default() {
            let at = At { file: *file, place: entry.place };
            // Realms are compared in upper case.
            let realm = entry.key.to_ascii_uppercase();
            if let Some(first) = seen.get(&realm) {
                let message =
                    format!("realm {} is in {} too", quoted(&entry.key), report.line(*first));
                report.there(code::TWICE, at, message, Some("keep one of the two".to_owned()));
                continue;
            }
            seen.insert(realm.clone(), at);
            realms.insert(realm, kdcs(entry, report));
        }
    }
    realms
}

fn kdcs(entry: &Entry, report: &mut Report<'_>) -> Vec<Kdc> {
    let items = entry.value.get("kdc").map(Node::items).unwrap_or_default();
    let mut kdcs = Vec::with_capacity(items.len());
    for item in items {
        let Some(text) = item.text() else { continue };
        match Kdc::parse(text) {
            Ok(kdc) => kdcs.push(kdc),
            Err(reason) => {
                let message =
                    format!("KDC {} of realm {} {reason}", quoted(text), quoted(&entry.key));
                let help = "write a name or an IP address, and a port after a colon where it is \
                            not 88"
                    .to_owned();
                report.at(code::ADDRESS, item.place, message, Some(help));
            }
        }
    }
    kdcs
}
