//! Keys of a login over WinRM that have no effect where they stand: nobody may believe that a host is
//! verified by what is never looked at.

use std::collections::{BTreeMap, HashSet};

use crate::inventory::attribute::Value;
use crate::inventory::host::Host;
use crate::inventory::overlay::Levels;
use crate::inventory::report::{At, Report};
use crate::inventory::table::{Key, code};
use crate::model::host::TransportKind;

/// Keys that say something of WinRM alone.
const OF_WINRM: [Key; 6] = [Key::Tls, Key::TlsName, Key::Auth, Key::Spn, Key::TlsCa, Key::TlsPin];

/// Keys that say whom TLS trusts. `tls_name` is none: Kerberos takes its name from it too.
const OF_TRUST: [Key; 2] = [Key::TlsCa, Key::TlsPin];

/// Lines that had no effect so far, each told once however many hosts it meets.
#[derive(Default)]
pub(super) struct Idle {
    /// The first host that such a line means nothing to, and how many there are.
    not_winrm: BTreeMap<(At, Key), (String, u64)>,
    /// The same where TLS is off.
    not_tls: BTreeMap<(At, Key), (String, u64)>,
    /// Lines that mean something to a host.
    used: HashSet<(At, Key)>,
    refused: HashSet<(At, Key)>,
}

impl Idle {
    /// Looks at what one host's levels say.
    pub(super) fn look(
        &mut self,
        host: &Host,
        Levels { own, layer, .. }: Levels<'_>,
        (at, report): (At, &mut Report<'_>),
    ) {
        let name = &host.asset.name;
        let plain =
            own.get(Key::Tls).is_some_and(|placed| matches!(placed.value, Value::Flag(false)));
        for key in OF_WINRM {
            let own = own.get(key).map(|placed| At { file: at.file, place: placed.place });
            let inherited = layer.values.get(&key).map(|inherited| inherited.origin.at);
            let Some(line) = own.or(inherited).map(|at| (at, key)) else { continue };
            let told = if host.asset.transport != TransportKind::Winrm {
                &mut self.not_winrm
            } else if host.tls || !OF_TRUST.contains(&key) {
                self.used.insert(line);
                continue;
            } else if plain && own.is_some() {
                if self.refused.insert(line) {
                    let message = format!("host `{name}` has `{key}` and `tls: false`");
                    let help =
                        format!("nothing is verified without TLS: remove `tls: false`, or `{key}`");
                    report.there(code::POLICY, line.0, message, Some(help));
                }
                continue;
            } else {
                &mut self.not_tls
            };
            told.entry(line).or_insert_with(|| (name.to_string(), 0)).1 += 1;
        }
    }

    /// Warns of what no host has a use for, and of what is not looked at where TLS is off.
    pub(super) fn tell(self, report: &mut Report<'_>) {
        let hosts = |(first, count): &(String, u64)| match count {
            0 | 1 => format!("host `{first}`"),
            _ => format!("host `{first}` and {} more", count - 1),
        };
        for (line, told) in &self.not_winrm {
            if !self.used.contains(line) && !self.not_tls.contains_key(line) {
                let message = format!(
                    "`{}` has no effect on {}: it is for `transport: winrm`",
                    line.1,
                    hosts(told)
                );
                report.warn(line.0, message);
            }
        }
        for (line, told) in &self.not_tls {
            let message = format!(
                "`{}` has no effect on {} with `tls: false`: no certificate is looked at",
                line.1,
                hosts(told)
            );
            report.warn(line.0, message);
        }
    }
}
