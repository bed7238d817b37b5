//! Processes that own sockets.

use crate::model::text::HostText;
use crate::model::time::Utc;

/// A file descriptor that holds a socket open, as `/proc/PID/fd` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    /// Inode of the socket. `None`: the descriptor is there, but what it is could not be read.
    pub inode: Option<u64>,
    /// Process id.
    pub pid: u32,
    /// File descriptor in that process.
    pub fd: u32,
}

/// A process and the network namespace that it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NamespaceMember {
    /// Number of the namespace: the inode of its `net/tcp`, which all its processes share and no
    /// other namespace has. It is not the number that `/proc/PID/ns/net` shows.
    pub namespace: u64,
    /// Process id. `None`: the asking process itself.
    pub pid: Option<u32>,
}

/// One statement about a process, as one line of a probe's answer gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessFact {
    /// Its name (`comm`).
    Name(HostText<'static>),
    /// Parent's process id; 0 for the first process and for the kernel's.
    Parent(u32),
    /// Effective user id.
    Uid(u32),
    /// A control group that it is in: how well the hierarchy names services, higher is better, and
    /// the path.
    Cgroup(u8, HostText<'static>),
    /// Name of the user it runs as.
    User(HostText<'static>),
    /// Path of its binary.
    Executable(HostText<'static>),
    /// Its command line.
    CommandLine(HostText<'static>),
    /// When it started.
    Started(Utc),
    /// A service that the OS says it runs: of Windows, SMF or SRC. A process can run several.
    Service(HostText<'static>),
    /// The account that a service of it runs as, as the list of services spells it: its user, where
    /// nothing tells that.
    Account(HostText<'static>),
}

/// Two statements about one process that cannot both be true: answers come one after the other, and
/// another process may have taken the id, or the process another name. The first is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// What they are about: `name`, `user` or `user id`.
    pub of: &'static str,
    /// What is kept.
    pub kept: HostText<'static>,
    /// What is not.
    pub other: HostText<'static>,
}

/// Bytes of each word in the text of a dispute: both must fit an issue's.
const DISPUTED_BYTES_MAX: usize = 100;

impl Dispute {
    /// What an issue says of it; its text is [`Self::text`].
    pub const MESSAGE: &'static str =
        "two answers disagree about a process: the first one's word is kept";

    /// Of two names or users. Names that differ only in their folder, their case, or in what a tool
    /// cuts off or prints as `?` do not disagree.
    #[must_use]
    pub fn of_names(of: &'static str, kept: &HostText<'_>, other: &HostText<'_>) -> Option<Self> {
        fn base(name: &[u8]) -> &[u8] {
            let name = name.rsplit(|byte| *byte == b'/').next().unwrap_or(name);
            name.strip_prefix(b"-").unwrap_or(name)
        }
        let same =
            |(one, two): (&u8, &u8)| one.eq_ignore_ascii_case(two) || *one == b'?' || *two == b'?';
        let agree = base(kept.bytes()).iter().zip(base(other.bytes())).all(same);
        let owned = |text: &HostText<'_>| text.clone().into_owned();
        (!agree).then(|| Self { of, kept: owned(kept), other: owned(other) })
    }

    /// Of two user ids.
    #[must_use]
    pub fn of_ids(kept: u32, other: u32) -> Option<Self> {
        let text = |id: u32| HostText::owned(id.to_string().into_bytes());
        (kept != other).then(|| Self { of: "user id", kept: text(kept), other: text(other) })
    }

    /// `process 7: name sshd, also name nginx`.
    #[must_use]
    pub fn text(&self, pid: u32) -> Vec<u8> {
        let cut = |text: &HostText<'static>| {
            let bytes = text.bytes();
            bytes.get(..DISPUTED_BYTES_MAX).unwrap_or(bytes).to_vec()
        };
        let of = self.of;
        let mut text = format!("process {pid}: {of} ").into_bytes();
        text.extend(cut(&self.kept));
        text.extend(format!(", also {of} ").bytes());
        text.extend(cut(&self.other));
        text
    }
}

/// True when `other` is the whole of a name of which `known` is the start: a tool cut it to its
/// column (sockstat to ten bytes).
#[must_use]
pub fn is_fuller_name(other: &HostText<'_>, known: &HostText<'_>) -> bool {
    other.bytes().len() > known.bytes().len() && other.bytes().starts_with(known.bytes())
}

/// One process. What a probe does not report is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Parent's process id.
    pub parent_pid: Option<u32>,
    /// Name as the tool prints it (Linux `comm`): chosen by the process, display data.
    pub name: HostText<'static>,
    /// Path of the binary.
    pub executable: Option<HostText<'static>>,
    /// Command line.
    pub command_line: Option<HostText<'static>>,
    /// Effective user id.
    pub uid: Option<u32>,
    /// Name of that user, where the tool tells names.
    pub user: Option<HostText<'static>>,
    /// When it started.
    pub started_at: Option<Utc>,
    /// Control group path of its sockets.
    pub cgroup: Option<HostText<'static>>,
    /// systemd unit, or service of Windows, SMF or SRC; several of one process stand sorted, with
    /// commas between them.
    pub service: Option<HostText<'static>>,
}

impl Process {
    /// A process of which nothing but id and name is known.
    #[must_use]
    pub const fn named(pid: u32, name: HostText<'static>) -> Self {
        Self {
            pid,
            parent_pid: None,
            name,
            executable: None,
            command_line: None,
            uid: None,
            user: None,
            started_at: None,
            cgroup: None,
            service: None,
        }
    }

    /// Takes one statement about it. The first of a kind wins, of names the whole one over one that
    /// was cut; services are added up, sorted. Returns what an earlier statement says otherwise.
    pub fn add(&mut self, fact: &ProcessFact) -> Option<Dispute> {
        fn first<T: Clone>(slot: &mut Option<T>, value: &T) {
            slot.get_or_insert_with(|| value.clone());
        }
        match fact {
            ProcessFact::Name(name) if is_fuller_name(name, &self.name) => {
                self.name = name.clone();
            }
            ProcessFact::Name(name) => return Dispute::of_names("name", &self.name, name),
            ProcessFact::Parent(pid) => first(&mut self.parent_pid, pid),
            ProcessFact::Uid(uid) => {
                return Dispute::of_ids(*self.uid.get_or_insert(*uid), *uid);
            }
            ProcessFact::Cgroup(_, path) => first(&mut self.cgroup, path),
            ProcessFact::Account(name) => first(&mut self.user, name),
            ProcessFact::User(name) => {
                let kept = self.user.get_or_insert_with(|| name.clone());
                return Dispute::of_names("user", kept, name);
            }
            ProcessFact::Executable(path) => first(&mut self.executable, path),
            ProcessFact::CommandLine(line) => first(&mut self.command_line, line),
            ProcessFact::Started(time) => first(&mut self.started_at, time),
            ProcessFact::Service(name) => self.add_service(name),
        }
        None
    }

    fn add_service(&mut self, name: &HostText<'static>) {
        let known = self.service.as_ref().map(HostText::bytes).unwrap_or_default();
        let mut names: Vec<&[u8]> = known.split(|byte| *byte == b',').collect();
        names.retain(|known| !known.is_empty());
        names.push(name.bytes());
        names.sort_unstable();
        names.dedup();
        self.service = Some(HostText::owned(names.join(&b',')));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_both_be_true_is_a_dispute() {
        let of = |one: &'static str, two: &'static str| {
            Dispute::of_names(
                "name",
                &HostText::new(one.as_bytes()),
                &HostText::new(two.as_bytes()),
            )
        };
        for (one, two) in [
            ("sshd", "sshd"),
            ("/usr/sbin/sshd", "sshd"),
            ("systemd-resolve", "systemd-resolved"),
            ("-bash", "bash"),
            ("a?b", "a\nb"),
            ("Svchost.exe", "svchost.EXE"),
        ] {
            assert_eq!(of(one, two), None, "{one} {two}");
        }
        let dispute = of("sshd", "nginx").unwrap();
        assert_eq!(dispute.text(7), b"process 7: name sshd, also name nginx");
        assert_eq!(Dispute::of_ids(0, 0), None);
        let ids = Dispute::of_ids(0, 33).unwrap();
        assert_eq!(ids.text(7), b"process 7: user id 0, also user id 33");
    }

    #[test]
    fn the_first_word_is_kept_and_the_other_is_told() {
        let text = |text: &'static str| HostText::new(text.as_bytes());
        let mut process = Process::named(7, text(""));
        let facts = [
            (ProcessFact::Name(text("sshd")), None),
            (ProcessFact::Name(text("nginx")), Some("name")),
            (ProcessFact::Uid(0), None),
            (ProcessFact::Uid(33), Some("user id")),
            (ProcessFact::User(text("root")), None),
            (ProcessFact::User(text("www-data")), Some("user")),
        ];
        for (fact, expected) in facts {
            assert_eq!(process.add(&fact).map(|dispute| dispute.of), expected, "{fact:?}");
        }
        let mut kept = Process::named(7, text("sshd"));
        (kept.uid, kept.user) = (Some(0), Some(text("root")));
        assert_eq!(process, kept);
    }
}
