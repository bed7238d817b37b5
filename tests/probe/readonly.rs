//! The read-only proof: what each command asks of the kernel, as strace(1) sees it.
#![expect(clippy::disallowed_methods, reason = "the test starts the probes' own commands")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use fleetstat::model::parsed::Severity;
use fleetstat::probe::command::Wrap;
use fleetstat::probe::fallback::{Condition, fallback_condition};
use fleetstat::probe::follow::Pid;
use fleetstat::probe::tool::FoundTools;
use fleetstat::probe::{Probe, Usage, linux, tools_probe};

/// System calls that are looked at: all that take a path, talk to a network or start a process,
/// and those that change a file through a descriptor.
const TRACE: &str = "trace=%file,%network,%process,ftruncate,fchmod,fchown,fallocate,kill,tkill,\
tgkill,fsetxattr,fremovexattr,futimesat,settimeofday,clock_settime,adjtimex,clock_adjtime,\
sethostname,setdomainname,init_module,finit_module,delete_module,reboot,bpf";

/// Calls that change something, whatever their arguments.
const CHANGES: &[&str] = &[
    "creat",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "mkdir",
    "mkdirat",
    "rmdir",
    "link",
    "linkat",
    "symlink",
    "symlinkat",
    "mknod",
    "mknodat",
    "chmod",
    "fchmodat",
    "fchmod",
    "chown",
    "lchown",
    "fchownat",
    "fchown",
    "truncate",
    "ftruncate",
    "fallocate",
    "utime",
    "utimes",
    "utimensat",
    "futimesat",
    "setxattr",
    "lsetxattr",
    "fsetxattr",
    "removexattr",
    "lremovexattr",
    "fremovexattr",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "swapon",
    "swapoff",
    "acct",
    "quotactl",
    "settimeofday",
    "clock_settime",
    "sethostname",
    "setdomainname",
    "init_module",
    "finit_module",
    "delete_module",
    "reboot",
    "kill",
    "tkill",
    "tgkill",
    "bind",
    "listen",
    "accept",
    "accept4",
    "bpf",
    "setns",
    "unshare",
];

/// What a traced line does that a probe may not do. `None`: it only reads.
fn offence(line: &str) -> Option<String> {
    let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
    let (call, arguments) = line.split_once('(')?;
    let netlink = arguments.contains("AF_NETLINK");
    let bad = match call {
        "open" | "openat" | "openat2" => {
            let writes = ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_APPEND"]
                .iter()
                .any(|f| arguments.contains(f));
            writes && !arguments.contains("\"/dev/null\"") && !arguments.contains("\"/dev/tty\"")
        }
        // glibc asks a name service cache for the account's name, if there is one.
        "connect" => !netlink && !arguments.contains("\"/var/run/nscd/socket\""),
        "socket" => !netlink && !arguments.contains("AF_UNIX") && !arguments.contains("SOCK_DGRAM"),
        "sendto" | "sendmsg" | "sendmmsg" => {
            arguments.contains("SOCK_DESTROY") || changes_links(arguments)
        }
        "bind" => !netlink,
        _ => CHANGES.contains(&call),
    };
    bad.then(|| line.to_owned())
}

/// True for a message to the kernel that sets or removes what ip(8) shows.
fn changes_links(arguments: &str) -> bool {
    let words = arguments.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
    words.into_iter().any(|w| w.starts_with("RTM_") && !w.starts_with("RTM_GET"))
}

/// The command of a probe; one about processes asks about this one.
fn whole(probe: &Probe) -> fleetstat::probe::command::Command {
    let own = Pid::new(std::process::id()).expect("a process id");
    match &probe.each {
        Some(each) => each.fill(&probe.command(), &[own]).expect("one process may be asked about"),
        None => probe.command(),
    }
}

/// Runs one probe as it would be sent, under `before` (strace and its options).
fn run(probe: &Probe, before: &[&str]) -> Output {
    let invocation = whole(probe).invoke(Wrap::default());
    let mut words: Vec<&str> = before.to_vec();
    words.extend(invocation.argv().iter().map(String::as_str));
    let (program, rest) = words.split_first().expect("a command has a program");
    Command::new(program).args(rest).stdin(Stdio::null()).output().expect("the command starts")
}

/// True for the one program that writes on its own account: sudo(8) tells the host's log who asked
/// for what, here as with every command that goes through it. Only `check` asks for its list.
fn logs(probe: &Probe) -> bool {
    probe.tool.name() == "sudo" && probe.usage == Usage::Check
}

#[test]
fn no_probe_writes_connects_or_signals() {
    assert!(Path::new("/usr/bin/strace").exists(), "needs strace: apt-get install strace");
    let folder = tempfile::tempdir().expect("a temporary folder");
    for probe in linux::PROBES.iter().filter(|probe| !logs(probe)) {
        let log = folder.path().join("trace");
        let file = log.to_str().expect("a plain path");
        let output = run(probe, &["/usr/bin/strace", "-f", "-s", "256", "-e", TRACE, "-o", file]);
        let trace = std::fs::read_to_string(&log).expect("strace wrote its log");
        assert!(trace.contains("execve("), "{}: nothing was traced: {output:?}", probe.id);
        let offences: Vec<_> = trace.lines().filter_map(offence).collect();
        assert_eq!(offences, Vec::<String>::new(), "{}", probe.id);
    }
}

#[test]
fn the_proof_sees_what_it_is_there_to_see() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("trace");
    let target = folder.path().join("made");
    for words in [vec!["/usr/bin/touch"], vec!["/usr/bin/mkdir"], vec!["/bin/rmdir"]] {
        let mut command = Command::new("/usr/bin/strace");
        command.args(["-f", "-e", TRACE, "-o"]).arg(&log).args(words).arg(&target);
        command.stdin(Stdio::null()).output().expect("strace starts");
        let trace = std::fs::read_to_string(&log).expect("strace wrote its log");
        assert!(trace.lines().any(|line| offence(line).is_some()), "{trace}");
        // What touch made stands in the way of mkdir.
        if target.is_file() {
            std::fs::remove_file(&target).expect("it can be removed");
        }
    }
    for line in [
        "7 connect(3, {sa_family=AF_INET, sin_port=htons(80)}, 16) = 0",
        "7 sendmsg(3, {msg_iov=[{iov_base=[{nlmsg_type=RTM_NEWROUTE}]}]}, 0) = 44",
        "7 openat(AT_FDCWD, \"/x\", O_RDONLY|O_CREAT) = 3",
    ] {
        assert!(offence(line).is_some(), "{line}");
    }
}

/// Checks that an answer was given and every line of it understood.
fn assert_understood(probe: &Probe, output: &Output) {
    let exit = output.status.code().and_then(|code| u32::try_from(code).ok()).expect("an exit");
    if !probe.accepts(exit) {
        // A kernel without UDP-Lite has no such table, and an option of another build of a tool is
        // refused; nothing else may be missing here.
        let table = probe.id.as_str().contains("udplite");
        let built = probe.fallback.is_some_and(|f| f.on.contains(&Condition::UsageError));
        let expected = if table { Condition::FileMissing } else { Condition::UsageError };
        assert!(table || built, "{}: {output:?}", probe.id);
        assert_eq!(fallback_condition(exit, &output.stderr), Some(expected), "{}", probe.id);
        return;
    }
    assert!(!output.stdout.is_empty() || !probe.expects_output, "{}: {output:?}", probe.id);
    let seen = crate::sink::read((probe.reader)(), &output.stdout, 4096);
    let unparsed = seen.issues.iter().filter(|issue| issue.severity == Severity::Unparsed);
    assert_eq!(unparsed.count(), 0, "{}: {seen:?}", probe.id);
}

#[test]
fn every_command_runs_here_and_every_line_of_it_is_understood() {
    for probe in linux::PROBES {
        assert_understood(probe, &run(probe, &[]));
    }
}

#[test]
fn every_command_answers_an_ordinary_account_too() {
    // Without root this test's own account is one.
    let root = rustix::process::geteuid().is_root();
    let nobody = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    for probe in linux::PROBES {
        assert_understood(probe, &run(probe, if root { &nobody } else { &[] }));
    }
}

#[test]
fn busybox_gives_an_answer_or_the_condition_of_a_fallback() {
    assert!(Path::new("/bin/busybox").exists(), "needs busybox: apt-get install busybox");
    for probe in linux::PROBES {
        let output = Command::new("/bin/busybox")
            .arg(probe.tool.name())
            .args(whole(probe).words().iter().skip(1))
            .stdin(Stdio::null())
            .output()
            .expect("busybox starts");
        let exit = output.status.code().and_then(|code| u32::try_from(code).ok()).expect("an exit");
        let id = probe.id.as_str();
        let expected = match probe.tool.name() {
            "ss" | "sudo" => Condition::ToolMissing,
            // It has its own, which lists every open file whatever it is asked for.
            "lsof" => continue,
            "netstat" | "find" => Condition::UsageError,
            // Its text of addresses and neighbours is right; the rest it refuses.
            "ip" if !matches!(id, "linux/ip-address-text" | "linux/ip-neigh-text") => {
                Condition::UsageError
            }
            _ => {
                assert_understood(probe, &output);
                continue;
            }
        };
        assert_eq!(fallback_condition(exit, &output.stderr), Some(expected), "{}", probe.id);
    }
}

#[test]
fn the_tools_of_this_machine_are_found() {
    let probe = tools_probe(fleetstat::model::host::Platform::Linux).expect("Linux has one");
    let found = FoundTools::read(&run(probe, &[]).stdout);
    for probe in linux::PROBES {
        let path = found.path_of(probe.tool).expect("this machine has every tool");
        assert!(Path::new(path).exists());
        let command = probe.command_at(path).expect("a candidate");
        assert_eq!(command.words().first().map(String::as_str), Some(path));
    }
    assert!(linux::PROBES[0].command_at("/tmp/date").is_none());
}

/// Elsewhere it writes a cache of device nodes into the home of the account (decision 0026).
#[test]
fn lsof_is_asked_only_where_it_keeps_no_cache() {
    let mut asked = Vec::new();
    for probe in fleetstat::probe::PROBES.into_iter().flatten() {
        if probe.tool.name() == "lsof" {
            asked.push(probe.id.as_str());
            let words = probe.arguments.words();
            let cached = words.iter().find(|word| word.starts_with("-D") || word.starts_with("+D"));
            assert_eq!(cached, None, "{}", probe.id);
        }
    }
    asked.sort_unstable();
    assert_eq!(asked, ["linux/lsof", "macos/lsof"]);
}
