//! Where tools are, what replaces what is missing, and how it is recorded.

use fleetstat::dispatch::stop::Stop;
use fleetstat::dispatch::visit::VisitReport;
use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::model::snapshot::View;

use crate::hosts::{Limits, Say, Script, dispatch, fleet};

/// One command as it is told below: probe, program, whether through `timeout`, condition of a
/// fallback, replaced.
type Told = (String, String, bool, Option<(u16, String)>, bool);

fn told(report: &VisitReport) -> Vec<Told> {
    let tell = |c: &fleetstat::dispatch::visit::Captured| {
        let argv = c.invocation.argv();
        let wrapped = argv.iter().any(|word| word == "/usr/bin/timeout");
        let program = c.order.candidates.iter().find_map(|command| {
            let path = command.words()[0].clone();
            argv.contains(&path).then_some(path)
        });
        let origin = c.fallback_of.as_ref().map(|f| (f.section, f.condition.clone()));
        (c.order.probe.to_string(), program.unwrap_or_default(), wrapped, origin, c.replaced)
    };
    report.captured.iter().map(tell).collect()
}

async fn visit(inventory: &str, say: Say) -> VisitReport {
    let script = Script { say, ..Script::default() };
    let limits = Limits { width: 1, starts_per_second: 1_000, waves: None };
    let views = [View::Listeners];
    let scripts = [("h001", script)];
    let (mut reports, _) = dispatch(inventory, &views, &limits, &scripts, Stop::default()).await;
    reports.remove(0)
}

/// The rows of one probe.
fn of(told: &[Told], probe: &str) -> Vec<Told> {
    told.iter().filter(|row| row.0 == probe).cloned().collect()
}

fn row(
    probe: &str,
    program: &str,
    wrapped: bool,
    origin: Option<(u16, &str)>,
    replaced: bool,
) -> Told {
    let origin = origin.map(|(section, condition)| (section, condition.to_owned()));
    (probe.to_owned(), program.to_owned(), wrapped, origin, replaced)
}

#[tokio::test(start_paused = true)]
async fn a_tool_at_another_path_is_looked_for_once_and_then_used_at_once() {
    let report = visit(&fleet(1), |line| {
        if line.contains("/bin/ls ") {
            (2, "/usr/sbin/ss\n/usr/bin/timeout\n/bin/date\n/bin/grep\n/sbin/ip\n/usr/sbin/ip\n/usr/bin/id\n/bin/uname\n/usr/bin/uname\n", "no such file")
        } else if line.contains("/usr/bin/ss ") {
            (127, "", "timeout: failed to run command '/usr/bin/ss': No such file or directory")
        } else {
            (0, "x\n", "")
        }
    })
    .await;
    let told = told(&report);
    let section = |probe: &str| {
        u16::try_from(told.iter().position(|row| row.0 == probe).unwrap() + 1).unwrap()
    };
    let first = section("linux/ss-inet4");
    assert_eq!(
        of(&told, "linux/ss-inet4"),
        [
            row("linux/ss-inet4", "/usr/bin/ss", true, None, true),
            row("linux/ss-inet4", "/usr/sbin/ss", true, Some((first, "exit 127")), false),
        ]
    );
    assert_eq!(
        of(&told, "linux/ss-inet6"),
        [row("linux/ss-inet6", "/usr/sbin/ss", true, None, false)]
    );
    assert_eq!(of(&told, "linux/tools").len(), 1);
    assert_eq!(report.faults, []);
}

#[tokio::test(start_paused = true)]
async fn a_host_without_timeout_is_asked_without_it() {
    let report = visit(&fleet(1), |line| {
        if line.contains("/bin/ls ") {
            (2, "/usr/bin/ss\n/bin/date\n/bin/grep\n/usr/bin/id\n", "")
        } else if line.contains("/usr/bin/timeout") {
            (127, "", "env: '/usr/bin/timeout': No such file or directory")
        } else {
            (0, "x\n", "")
        }
    })
    .await;
    let told = told(&report);
    assert_eq!(
        of(&told, "linux/clock"),
        [
            row("linux/clock", "/bin/date", true, None, true),
            row("linux/clock", "/bin/date", false, Some((1, "exit 127")), false),
        ]
    );
    assert!(told.iter().skip(3).all(|row| !row.2), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn a_host_whose_timeout_takes_no_kill_after_is_asked_without_it_from_then_on() {
    let report = visit(&fleet(1), |line| {
        if line.contains("/usr/bin/timeout") {
            (125, "", "/usr/bin/timeout: invalid option -- 'k'\nTry `/usr/bin/timeout --help' for more information.")
        } else {
            (0, "x\n", "")
        }
    })
    .await;
    let told = told(&report);
    assert_eq!(
        of(&told, "linux/clock"),
        [
            row("linux/clock", "/bin/date", true, None, true),
            row("linux/clock", "/bin/date", false, Some((1, "timeout takes no -k")), false),
        ]
    );
    assert!(told.iter().skip(1).all(|row| !row.2), "{told:?}");
    assert!(told.iter().skip(1).all(|row| !row.4), "{told:?}");
    assert_eq!((of(&told, "linux/tools"), report.faults), (Vec::new(), Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_host_without_ss_is_read_from_proc() {
    let report = visit(&fleet(1), |line| {
        if line.contains("/bin/ls ") {
            (2, "/usr/bin/timeout\n/bin/date\n/bin/cat\n/bin/grep\n/usr/bin/id\n", "")
        } else if line.contains("/ss ") {
            (127, "", "timeout: failed to run command: No such file or directory")
        } else {
            (0, "x\n", "")
        }
    })
    .await;
    let told = told(&report);
    let tried = of(&told, "linux/ss-inet4");
    assert_eq!(tried, [row("linux/ss-inet4", "/usr/bin/ss", true, None, true)]);
    let why = Some((2, "exit 127"));
    assert_eq!(
        of(&told, "linux/proc-net-tcp"),
        [row("linux/proc-net-tcp", "/bin/cat", true, why, false)]
    );
    // The second family is not tried again: the list of tools, section 3, says that ss is nowhere.
    assert_eq!(of(&told, "linux/ss-inet6"), []);
    let why = Some((3, "the tool is at none of its paths"));
    assert_eq!(
        of(&told, "linux/proc-net-tcp6"),
        [row("linux/proc-net-tcp6", "/bin/cat", true, why, false)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_tool_without_fallback_that_is_nowhere_is_a_fault_of_the_visit() {
    let limits = Limits { width: 1, starts_per_second: 1_000, waves: None };
    let say: Say = |line| {
        if line.contains("/bin/ls ") {
            (2, "/usr/bin/timeout\n/bin/date\n/bin/cat\n/bin/grep\n", "")
        } else if line.contains("/bin/id") || line.contains("/uname ") {
            (127, "", "timeout: failed to run command: No such file or directory")
        } else {
            (0, "x\n", "")
        }
    };
    let scripts = [("h001", Script { say, ..Script::default() })];
    let (reports, _) = dispatch(&fleet(1), &[View::Host], &limits, &scripts, Stop::default()).await;
    let missing: Vec<&Fault> =
        reports[0].faults.iter().filter(|f| f.kind == FaultKind::ToolMissing).collect();
    // The first of the two commands has a section that says exit 127; the other was not sent.
    assert_eq!(missing.len(), 1, "{missing:?}");
    assert_eq!(missing[0].detail, "linux/kernel: the tool is at none of its paths");
}

#[tokio::test(start_paused = true)]
async fn what_sudo_refuses_is_asked_without_it() {
    let inventory = "accounts:\n  a: {user: reader, identity: /k, escalation: sudo}\n\
                     all: {account: a}\nhosts:\n  h001: {address: 10.0.0.1}\n";
    let report = visit(inventory, |line| {
        if line.contains("/usr/bin/sudo") {
            (1, "", "sudo: a password is required\n")
        } else {
            (0, "x\n", "")
        }
    })
    .await;
    let sockets: Vec<_> = report
        .captured
        .iter()
        .filter(|c| c.order.probe.as_str() == "linux/ss-inet4")
        .map(|c| {
            let sudo = c.invocation.argv().iter().any(|word| word == "/usr/bin/sudo");
            (sudo, c.fallback_of.as_ref().map(|f| f.condition.clone()), c.replaced)
        })
        .collect();
    assert_eq!(sockets, [(true, None, true), (false, Some("sudo refuses".to_owned()), false)]);
    let asked_sudo = |c: &&fleetstat::dispatch::visit::Captured| {
        c.invocation.argv().iter().any(|word| word == "/usr/bin/sudo")
    };
    // Only what shows owners of others goes through sudo.
    let through: Vec<_> =
        report.captured.iter().filter(asked_sudo).map(|c| c.order.probe.to_string()).collect();
    assert_eq!(through, ["linux/ss-inet4", "linux/ss-inet6"]);
}

/// Namespaces 1 (the account's own) and 2, of which the first process ends before it is asked; and
/// processes without end that no socket belongs to.
fn containers(line: &str) -> (u32, &'static str, &'static str) {
    if line.contains("/proc/self/") {
        (
            1,
            "+1/proc/self/net/tcp\n+1/proc/1/net/tcp\n+2/proc/20/net/tcp\n+2/proc/21/net/tcp\n+2/proc/9999999/net/tcp\n",
            "",
        )
    } else if line.contains("/proc/20/") {
        (2, "", "grep: /proc/20/cgroup: No such file or directory")
    } else if line.contains("/proc/21/") {
        (0, "/proc/21/cgroup:0::/x\n", "")
    } else {
        (0, "x\n", "")
    }
}

#[tokio::test(start_paused = true)]
async fn a_namespace_whose_first_process_has_ended_is_asked_through_the_next() {
    let report = visit(&fleet(1), containers).await;
    let asked: Vec<_> = report
        .captured
        .iter()
        .filter(|c| c.order.probe.as_str() == "linux/namespace-sockets")
        .map(|c| {
            let file = c.invocation.argv().iter().find(|word| word.ends_with("/cgroup")).unwrap();
            (file.as_str(), c.fallback_of.as_ref().map(|f| f.condition.as_str()), c.replaced)
        })
        .collect();
    let expected = [
        ("/proc/20/cgroup", None, true),
        ("/proc/21/cgroup", Some("the process had ended"), false),
    ];
    assert_eq!(asked, expected);
    // The owner map follows; no socket was named, so no process is asked about.
    let probes: Vec<_> = report.captured.iter().map(|c| c.order.probe.as_str()).collect();
    assert!(probes.contains(&"linux/owners") && !probes.contains(&"linux/processes"), "{probes:?}");
    assert_eq!(report.faults, []);
}
