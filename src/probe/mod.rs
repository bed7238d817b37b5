//! A question for one platform and the reader of its answer.
//!
//! Comes in: a platform and the views a playbook asks for. Goes out: probes, each with the one
//! argument vector it sends and the parser of what comes back. It must not know how a command gets
//! to a host: no transport, no inventory, no time.
//!
//! [`PROBES`] is the whole command standard. Its words are checked while fleetstat is compiled
//! (see [`command`]); `docs/reference/commands` is printed from it.

pub mod command;
pub mod tool;
pub mod fallback;
pub mod gap;
pub mod lines;
mod cursor;
pub(crate) mod address;
mod whole;
pub mod json;
pub mod json_tree;
pub mod follow;
pub mod table;
pub mod parameter;
pub mod template;
pub mod allow;
pub mod site;
pub mod site_file;
pub mod unix;
mod bsd;
pub mod linux;
pub mod windows;
pub mod macos;
pub mod freebsd;
pub mod openbsd;
pub mod netbsd;
pub mod solaris;
pub mod illumos;
pub mod aix;
pub mod hpux;
pub mod sudoers;
pub mod standard;
#[cfg(test)]
mod testing;

pub use table::{Naming, Privilege, Probe, Profile, Usage, Verified};

use crate::model::host::Platform;
use crate::model::parsed::Reader;
use crate::model::privilege::Grant;
use crate::model::snapshot::View;
use crate::probe::linux::counters::File;

/// Every built-in probe, each platform's in the order of a visit.
pub static PROBES: [&[Probe]; 10] = [
    linux::PROBES,
    windows::PROBES,
    macos::PROBES,
    freebsd::PROBES,
    openbsd::PROBES,
    netbsd::PROBES,
    solaris::PROBES,
    illumos::PROBES,
    aix::PROBES,
    hpux::PROBES,
];

// A table with two probes of one id, a fallback that is not there, or a visit that does not begin
// with the clock is a build error.
const _: () = table::assert_sound(linux::PROBES);
const _: () = table::assert_sound(windows::PROBES);
const _: () = table::assert_sound(macos::PROBES);
const _: () = table::assert_sound(freebsd::PROBES);
const _: () = table::assert_sound(openbsd::PROBES);
const _: () = table::assert_sound(netbsd::PROBES);
const _: () = table::assert_sound(solaris::PROBES);
const _: () = table::assert_sound(illumos::PROBES);
const _: () = table::assert_sound(aix::PROBES);
const _: () = table::assert_sound(hpux::PROBES);

/// Every built-in probe of a platform, in the order of a visit: the clock, then what changes
/// fastest, then facts.
pub fn platform_probes(platform: Platform) -> impl Iterator<Item = &'static Probe> {
    PROBES.into_iter().flatten().filter(move |probe| probe.platform == platform)
}

/// The probes that a visit plans for these views, in order: those that answer one of them, and
/// those that give them context (clock, account). Fallbacks are not among them; each probe names
/// its own.
#[must_use]
pub fn probes_for(platform: Platform, views: &[View]) -> Vec<&'static Probe> {
    probes_of(Profile::Default, platform, views)
}

/// The same for a profile. What the rich one adds stands behind all others: a host that takes long over
/// it has answered the rest.
#[must_use]
pub fn probes_of(profile: Profile, platform: Platform, views: &[View]) -> Vec<&'static Probe> {
    let concerned = |probe: &&Probe| views.iter().any(|view| probe.concerns(*view));
    let all = || platform_probes(platform).filter(concerned);
    let rich = all().filter(|probe| profile == Profile::Rich && probe.usage == Usage::Rich);
    all().filter(|probe| probe.usage == Usage::Planned).chain(rich).collect()
}

/// The probes that `fleetstat check` sends, in order: those that tell who the account is, which tools
/// the host has, and where a login alone is not enough (WMI of Windows) those that need more.
#[must_use]
pub fn check_probes(platform: Platform) -> Vec<&'static Probe> {
    let identity = |probe: &Probe| {
        let name = probe.id.as_str().rsplit('/').next().unwrap_or_default();
        probe.usage == Usage::Planned && matches!(name, "account" | "groups" | "status")
    };
    let more = |probe: &Probe| {
        let kept = |grant: &Grant| matches!(grant, Grant::Shell | Grant::Sudo);
        probe.usage == Usage::Planned && !probe.grants.iter().all(kept)
    };
    let asked = |probe: &&Probe| {
        matches!(probe.usage, Usage::Check | Usage::FindTools) || identity(probe) || more(probe)
    };
    platform_probes(platform).filter(asked).collect()
}

/// The built-in probe with this id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Probe> {
    PROBES.into_iter().flatten().find(|probe| probe.id.as_str() == id)
}

/// The probe that finds out which tools a host of this platform has. It runs at most once a visit,
/// after the first exit 127.
#[must_use]
pub fn tools_probe(platform: Platform) -> Option<&'static Probe> {
    platform_probes(platform).find(|probe| probe.usage == Usage::FindTools)
}

/// Readers that take text alone, whose family or table is told by the text itself.
const ALIASES: &[(&str, table::MakeReader)] = &[
    ("linux/ss", || linux::ss::reader(None)),
    ("linux/netstat", || linux::netstat::reader(linux::netstat::Width::Auto)),
    ("macos/netstat", macos::sockets_reader),
    ("freebsd/netstat", freebsd::sockets_reader),
    ("openbsd/netstat", openbsd::sockets_reader),
    ("netbsd/netstat", netbsd::sockets_reader),
    ("hpux/netstat", hpux::netstat),
    ("freebsd/netstat-libxo", freebsd::libxo::sockets::reader),
    ("linux/proc-net", || linux::proc_net::reader(linux::proc_net::Table::Auto)),
    ("linux/proc-net-big-endian", linux::proc_net::big_endian_reader),
    ("linux/proc-net-snmp", || counters(File::Snmp)),
    ("linux/proc-net-snmp6", || counters(File::Snmp6)),
    ("linux/proc-net-netstat", || counters(File::Netstat)),
    ("linux/proc-net-sockstat", || counters(File::Sockstat)),
    ("linux/proc-net-sockstat6", || counters(File::Sockstat6)),
    ("linux/ip-route-text", || linux::ip_text::route_reader(None)),
    ("solaris/netstat", || {
        solaris::netstat::reader(solaris::netstat::Dialect::Solaris, solaris::netstat::Part::All)
    }),
    ("illumos/netstat", || {
        solaris::netstat::reader(solaris::netstat::Dialect::Illumos, solaris::netstat::Part::All)
    }),
    ("windows/netstat", windows::netstat::reader),
];

fn counters(file: File) -> Box<dyn Reader> {
    linux::counters::file_reader(file)
}

/// A new reader by name: a probe's id, or one that takes every form of a tool from text alone, such
/// as `linux/ss` or `macos/netstat`. `None`: no such name; [`reader_names`] lists all.
#[must_use]
pub fn reader_for(name: &str) -> Option<Box<dyn Reader>> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    match alias {
        Some((_, reader)) => Some(reader()),
        None => by_id(name).map(|probe| (probe.reader)()),
    }
}

/// Names of a platform's readers that take every form of a tool from text alone; they are no
/// probe's id.
pub fn text_readers(platform: Platform) -> impl Iterator<Item = &'static str> {
    let names = ALIASES.iter().map(|(name, _)| *name);
    names.filter(move |name| name.split('/').next() == Some(platform.as_str()))
}

/// Every name that [`reader_for`] takes, in order.
#[must_use]
pub fn reader_names() -> Vec<&'static str> {
    let probes = PROBES.into_iter().flatten().map(|probe| probe.id.as_str());
    let mut names: Vec<&str> = ALIASES.iter().map(|(alias, _)| *alias).chain(probes).collect();
    names.sort_unstable();
    names
}
