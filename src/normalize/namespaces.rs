//! Network namespaces beside the account's own: which section shows which, and what they are called.
//!
//! In: the sections, of which one says which process is in which namespace and others list the
//! sockets as one process sees them. Out: a [`Namespace`] for each of these sections, and whether
//! every namespace was seen.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::model::parsed::{Issue, Span};
use crate::model::record::SectionIssue;
use crate::model::socket::{Namespace, Runtime};
use crate::model::text::HostText;
use crate::normalize::owners::Owners;
use crate::normalize::processes::unit;
use crate::normalize::section::ReadSection;

/// The namespaces of a snapshot.
#[derive(Debug, Default)]
pub(super) struct Namespaces {
    by_section: HashMap<u16, Arc<Namespace>>,
    /// Every namespace of the host was looked into.
    pub(super) whole: bool,
}

impl Namespaces {
    /// Finds the namespaces. What keeps one from view is added to `issues`.
    pub(super) fn collect(
        sections: &mut [ReadSection],
        replaced: &HashSet<u16>,
        owners: &Owners,
        issues: &mut Vec<SectionIssue>,
    ) -> Self {
        let Some(listing) = Listing::collect(sections) else { return Self::default() };
        let shown: BTreeMap<u16, u32> = sections
            .iter()
            .filter(|s| s.is_of_namespace() && !replaced.contains(&s.section.number))
            .filter_map(|section| Some((section.section.number, pid_of(&section.section.argv)?)))
            .collect();
        let mut found: BTreeMap<u16, Namespace> = BTreeMap::new();
        for (section, pid) in &shown {
            let inode = listing.of.get(pid).copied().unwrap_or(0);
            let cgroup = owners.told(*pid).and_then(|told| told.cgroup());
            let (runtime, name) = name(cgroup.map(HostText::bytes), inode);
            let name = HostText::owned(name);
            found.insert(*section, Namespace { inode, name, runtime });
        }
        tell_apart(&mut found);
        let missing = listing.unseen(shown.values());
        let whole = listing.note(missing, issues);
        let by_section = found.into_iter().map(|(section, it)| (section, Arc::new(it))).collect();
        Self { by_section, whole }
    }

    /// The namespace that a section shows. `None`: the account's own.
    pub(super) fn of(&self, section: u16) -> Option<&Arc<Namespace>> {
        self.by_section.get(&section)
    }
}

/// Which process is in which namespace.
struct Listing {
    section: u16,
    own: Option<u64>,
    of: HashMap<u32, u64>,
    whole: bool,
}

impl Listing {
    fn collect(sections: &mut [ReadSection]) -> Option<Self> {
        let mut listing = None;
        for section in sections.iter_mut() {
            let (number, whole) = (section.section.number, section.is_whole());
            let Some(rows) = section.rows.as_mut().filter(|rows| !rows.members.is_empty()) else {
                continue;
            };
            let whole = whole && rows.coverage().is_whole();
            let mut found = Self { section: number, own: None, of: HashMap::new(), whole };
            for (member, _) in rows.members.drain(..) {
                match member.pid {
                    None => found.own = Some(member.namespace),
                    Some(pid) => drop(found.of.insert(pid, member.namespace)),
                }
            }
            listing = Some(found);
        }
        listing
    }

    /// Number of namespaces that no section shows.
    fn unseen<'a>(&self, shown: impl Iterator<Item = &'a u32>) -> usize {
        let shown = shown.filter_map(|pid| self.of.get(pid));
        let seen: BTreeSet<u64> = shown.chain(&self.own).copied().collect();
        let all: BTreeSet<u64> = self.of.values().copied().collect();
        all.difference(&seen).count()
    }

    /// Says what was not seen. True when everything was.
    fn note(&self, missing: usize, issues: &mut Vec<SectionIssue>) -> bool {
        let mut say = |message: String| {
            let issue = Issue::note(Span::default(), message, b"");
            issues.push(SectionIssue { section: self.section, issue });
        };
        // The first process is always there, and in every mount of /proc that hides nothing.
        let hidden = !self.of.contains_key(&1);
        if hidden {
            say("processes of other accounts are hidden (mount option hidepid of /proc), and so \
                 are containers: their sockets are not in the records"
                .to_owned());
        }
        if missing > 0 {
            say(format!("{missing} network namespaces were not looked into"));
        }
        self.whole && self.own.is_some() && !hidden && missing == 0
    }
}

/// The process whose files a command read.
fn pid_of(argv: &[String]) -> Option<u32> {
    argv.iter().find_map(|word| word.strip_prefix("/proc/")?.split('/').next()?.parse().ok())
}

/// Puts the number behind names that two namespaces would share.
fn tell_apart(found: &mut BTreeMap<u16, Namespace>) {
    let mut counts: HashMap<HostText<'static>, usize> = HashMap::new();
    for namespace in found.values() {
        *counts.entry(namespace.name.clone()).or_default() += 1;
    }
    for namespace in found.values_mut().filter(|it| counts.get(&it.name) > Some(&1)) {
        let mut name = namespace.name.bytes().to_vec();
        name.extend_from_slice(format!("#{}", namespace.inode).as_bytes());
        namespace.name = HostText::owned(name);
    }
}

/// What runs a control group, and what it is called.
fn name(cgroup: Option<&[u8]>, inode: u64) -> (Option<Runtime>, Vec<u8>) {
    let number = || format!("netns:{inode}").into_bytes();
    let Some(path) = cgroup else { return (None, number()) };
    if let Some((runtime, id)) = container(path) {
        return (Some(runtime), id);
    }
    let unit = unit(&HostText::new(path)).filter(|unit| unit.ends_with(b".service"));
    (None, unit.unwrap_or_else(number))
}

/// How runtimes name the last part of a path that is theirs: prefix and suffix around the id.
const SCOPES: &[(&[u8], &[u8], Runtime)] = &[
    (b"docker-", b".scope", Runtime::Docker),
    (b"libpod-", b".scope", Runtime::Podman),
    (b"libpod-", b"", Runtime::Podman),
    (b"cri-containerd-", b".scope", Runtime::Containerd),
    (b"crio-", b".scope", Runtime::Crio),
    (b"lxc.payload.", b"", Runtime::Lxc),
    (b"machine-", b".scope", Runtime::Machine),
];

/// Folders that hold a runtime's containers, with the cgroupfs driver.
const FOLDERS: &[(&[u8], Runtime)] =
    &[(b"docker", Runtime::Docker), (b"libpod_parent", Runtime::Podman), (b"lxc", Runtime::Lxc)];

fn container(path: &[u8]) -> Option<(Runtime, Vec<u8>)> {
    let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').filter(|p| !p.is_empty()).collect();
    if let Some(pod) = parts.iter().find_map(|part| pod(part)) {
        return Some((Runtime::Kubernetes, pod));
    }
    for (at, part) in parts.iter().enumerate() {
        for (prefix, suffix, runtime) in SCOPES {
            let id = part.strip_prefix(*prefix).and_then(|rest| rest.strip_suffix(*suffix));
            // `libpod-conmon-ID.scope` is the monitor of a container, outside it.
            if let Some(id) = id.filter(|id| !id.is_empty() && !id.starts_with(b"conmon-")) {
                return Some((*runtime, id.to_vec()));
            }
        }
        let folder = at.checked_sub(1).and_then(|before| parts.get(before));
        if let Some((_, runtime)) = FOLDERS.iter().find(|(name, _)| Some(name) == folder) {
            return Some((*runtime, part.to_vec()));
        }
    }
    None
}

/// The uid of a pod: `podUID`, or `kubepods-burstable-podUID.slice` with `_` for `-`.
fn pod(part: &[u8]) -> Option<Vec<u8>> {
    const UID: usize = 36;
    let part = part.strip_suffix(b".slice").unwrap_or(part);
    let at = memchr::memmem::rfind(part, b"pod")?;
    let uid: Vec<u8> =
        part.get(at + 3..)?.iter().map(|&b| if b == b'_' { b'-' } else { b }).collect();
    let plain = uid.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    (plain && uid.len() == UID).then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_groups_of_the_runtimes_name_their_containers() {
        let id = "3f2a".repeat(16);
        let pod = "0a1b2c3d-1111-2222-3333-444455556666";
        let slice = pod.replace('-', "_");
        let cases = [
            (format!("/system.slice/docker-{id}.scope"), Runtime::Docker, id.as_str()),
            (format!("/docker/{id}"), Runtime::Docker, &id),
            (format!("/machine.slice/libpod-{id}.scope/container"), Runtime::Podman, &id),
            (format!("/kubepods/besteffort/pod{pod}/{id}"), Runtime::Kubernetes, pod),
            (
                format!(
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{slice}.slice/cri-containerd-{id}.scope"
                ),
                Runtime::Kubernetes,
                pod,
            ),
            ("/lxc.payload.web/system.slice/nginx.service".to_owned(), Runtime::Lxc, "web"),
            ("/machine.slice/machine-box.scope".to_owned(), Runtime::Machine, "box"),
        ];
        for (path, runtime, id) in cases {
            let expected = (Some(runtime), id.as_bytes().to_vec());
            assert_eq!(name(Some(path.as_bytes()), 7), expected, "{path}");
        }
        let service = name(Some(b"/system.slice/private.service"), 7);
        assert_eq!(service, (None, b"private.service".to_vec()));
        assert_eq!(name(Some(b"/user.slice/session-1.scope"), 7), (None, b"netns:7".to_vec()));
        assert_eq!(name(None, 7), (None, b"netns:7".to_vec()));
    }

    #[test]
    fn two_namespaces_never_have_one_name() {
        let space = |inode, name: &'static [u8]| Namespace {
            inode,
            name: HostText::new(name),
            runtime: None,
        };
        let mut found = BTreeMap::from([
            (1, space(7, b"a.service")),
            (2, space(8, b"a.service")),
            (3, space(9, b"b.service")),
        ]);
        tell_apart(&mut found);
        let names: Vec<_> = found.values().map(|it| it.name.escaped().into_owned()).collect();
        assert_eq!(names, ["a.service#7", "a.service#8", "b.service"]);
    }
}
