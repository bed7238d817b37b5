//! What `normalize` makes of sections: owners, directions, duplicates, status and outcome.

use std::net::IpAddr;

use fleetstat::model::capture::{
    ControllerClock, End, FallbackOf, Header, Mandate, Section, Stream,
};
use fleetstat::model::digest::Sha256;
use fleetstat::model::fact::{ClockReading, Fact};
use fleetstat::model::fault::{Fault, FaultKind};
use fleetstat::model::host::Asset;
use fleetstat::model::id::{HostName, Pass, ProbeId, RunId};
use fleetstat::model::link::{Interface, InterfaceAddress};
use fleetstat::model::parsed::{Reader, Row, Severity, Sink, Span};
use fleetstat::model::process::ProcessFact;
use fleetstat::model::record::{SectionIssue, Source};
use fleetstat::model::snapshot::{
    EvidenceFile, Limitation, Outcome, SectionStatus, Snapshot, View,
};
use fleetstat::model::socket::Attribution::{Denied, Kernel, Owned};
use fleetstat::model::socket::Direction::{self, Inbound, Listener, Local, Outbound};
use fleetstat::model::socket::Scope::{Loopback, Specific, Wildcard};
use fleetstat::model::socket::{Family, Socket};
use fleetstat::model::text::HostText;
use fleetstat::model::time::Utc;
use fleetstat::normalize::{ReadSection, Rows, record_key, snapshot};
use fleetstat::probe::linux::proc_net::{self, Table};
use fleetstat::probe::linux::ss;

const SOCKETS: [View; 2] = [View::Listeners, View::Sessions];

fn start() -> Utc {
    Utc::parse("2026-11-24T01:42:00Z").unwrap()
}

fn header() -> Header {
    let name = HostName::new("web-1").unwrap();
    let asset = Asset::new(name, "10.0.0.1".into(), 22);
    let mandate = Mandate {
        playbook: "nightly".into(),
        purpose: "routine".into(),
        operator: "test".into(),
        change: None,
        tool_version: "0".into(),
    };
    Header {
        run: RunId::new(start(), 1),
        pass: Pass::FIRST,
        asset,
        peer: None,
        account: "fleet".into(),
        os: None,
        mandate,
        views: SOCKETS.to_vec(),
        started: start(),
        ended: start(),
        clock: None,
        controller_clock: ControllerClock { synchronized: None, error_us: None },
        surroundings: fleetstat::model::attribute::Surroundings::default(),
        negotiated: None,
        faults: vec![],
    }
}

/// A section of `ss`, or of anything that gives rows.
fn section(number: u16, argv: &[&str], bytes: u64, rows: Rows) -> ReadSection {
    let stream = |bytes| Stream { offset: 0, bytes, sha256: Sha256::of(b""), dropped: 0 };
    let section = Section {
        number,
        probe: ProbeId::builtin("linux/test"),
        digest: Sha256::of(b""),
        reader: "linux/test".to_owned(),
        views: SOCKETS.to_vec(),
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        sent: argv.join(" "),
        fallback_of: None,
        started: start(),
        ended: start(),
        elapsed_us: 4_000,
        end: End::Exit(0),
        stdout: stream(bytes),
        stderr: stream(0),
        faults: vec![],
    };
    let views = SOCKETS.to_vec();
    let rows = Some(rows);
    ReadSection {
        section,
        views,
        expects_output: true,
        acceptable_exit: &[0],
        rows,
        stderr: Vec::new(),
    }
}

fn read(number: u16, mut reader: Box<dyn Reader>, text: &str) -> Rows {
    let mut rows = Rows::new(number);
    reader.push(text.as_bytes(), &mut rows);
    reader.finish(&mut rows);
    rows
}

fn ss_section(number: u16, text: &str) -> ReadSection {
    let rows = read(number, ss::reader(Some(Family::Ipv4)), text);
    section(number, &["/usr/bin/ss", "-4", "-p"], text.len() as u64, rows)
}

/// A section of facts and of one interface with the address 10.0.0.1.
fn host_section(number: u16, facts: Vec<Fact>) -> ReadSection {
    let mut rows = Rows::new(number);
    for fact in facts {
        rows.row(Span { line: 1, start: 0, end: 9 }, Row::Fact(fact));
    }
    let mut interface = Interface::named("eth0".into());
    for address in ["10.0.0.1", "127.0.0.1"] {
        let address = address.parse().unwrap();
        interface.addresses.push(InterfaceAddress {
            address,
            prefix: Some(24),
            scope: None,
            peer: None,
        });
    }
    rows.row(Span { line: 2, start: 9, end: 20 }, Row::Interface(interface));
    let mut section = section(number, &["/bin/cat"], 20, rows);
    section.views = vec![View::Host];
    section
}

fn root() -> Vec<Fact> {
    vec![Fact::EffectiveUid(0), Fact::EffectiveCapabilities(0x1ff_ffff_ffff)]
}

fn stranger() -> Vec<Fact> {
    vec![Fact::EffectiveUid(1000), Fact::EffectiveCapabilities(0)]
}

fn take(sections: Vec<ReadSection>) -> Snapshot {
    let evidence = EvidenceFile { name: "f".into(), sha256: Sha256::of(b""), bytes: 0 };
    snapshot(header(), evidence, sections, &SOCKETS)
}

const TEXT: &str = "\
Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port Process
tcp LISTEN    0 5 0.0.0.0:22     0.0.0.0:*    users:((\"sshd\",pid=7,fd=3)) ino:1 sk:1 cgroup:/system.slice/sshd.service <->
tcp LISTEN    0 5 127.0.0.1:25   0.0.0.0:*    ino:2 sk:2 <->
tcp ESTAB     0 0 10.0.0.1:22    10.9.9.9:5   users:((\"sshd\",pid=8,fd=4)) ino:3 sk:3 <->
tcp ESTAB     0 0 10.0.0.1:40000 10.9.9.9:443 uid:33 ino:4 sk:4 <->
tcp ESTAB     0 0 10.0.0.1:40001 10.0.0.1:22  users:((\"ssh\",pid=9,fd=3)) ino:5 sk:5 <->
tcp TIME-WAIT 0 0 10.0.0.1:22    10.9.9.8:6   ino:0 sk:6
";

fn column<T>(snapshot: &Snapshot, field: impl Fn(&Socket<'static>) -> T) -> Vec<T> {
    snapshot.records.sockets.iter().map(|socket| field(&socket.record)).collect()
}

#[test]
fn scope_and_direction_follow_from_listeners_and_addresses() {
    let snapshot = take(vec![ss_section(1, TEXT), host_section(2, root())]);
    let directions = column(&snapshot, |socket| socket.direction);
    assert_eq!(directions, [Listener, Listener, Inbound, Outbound, Local, Inbound]);
    let scopes = column(&snapshot, |socket| socket.bind_scope);
    assert_eq!(scopes, [Wildcard, Loopback, Specific, Specific, Specific, Specific]);
    assert_eq!(snapshot.outcome, Outcome::Complete);
    let host = snapshot.records.host.unwrap().record;
    assert_eq!(host.addresses, ["10.0.0.1".parse::<IpAddr>().unwrap()]);
}

#[test]
fn a_missing_owner_is_the_kernels_only_when_all_owners_could_be_seen() {
    let seen = take(vec![ss_section(1, TEXT), host_section(2, root())]);
    let expected = [Owned, Kernel, Owned, Kernel, Owned, Kernel];
    assert_eq!(column(&seen, |socket| socket.attribution), expected);
    assert_eq!(seen.sections[0].limitations, [Limitation::HostNetnsOnly]);

    let hidden = take(vec![ss_section(1, TEXT), host_section(2, stranger())]);
    let expected = [Owned, Denied, Owned, Denied, Owned, Kernel];
    assert_eq!(column(&hidden, |socket| socket.attribution), expected);
    let limits = [Limitation::NoOwner, Limitation::HostNetnsOnly];
    assert_eq!(hidden.sections[0].limitations, limits);
    assert_eq!(hidden.sections[0].status, SectionStatus::Complete);

    let mut sudo = ss_section(1, TEXT);
    sudo.section.argv.insert(0, "/usr/bin/sudo".into());
    let raised = take(vec![sudo, host_section(2, stranger())]);
    assert_eq!(column(&raised, |socket| socket.attribution)[1], Kernel);
}

#[test]
fn root_without_capabilities_and_an_unknown_account_do_not_see_all() {
    for facts in [vec![Fact::EffectiveUid(0), Fact::EffectiveCapabilities(1 << 19)], vec![]] {
        let unknown = facts.is_empty();
        let snapshot = take(vec![ss_section(1, TEXT), host_section(2, facts)]);
        assert_eq!(column(&snapshot, |socket| socket.attribution)[1], Denied);
        let said = snapshot.records.issues.iter().any(|i| i.issue.message.contains("rights"));
        assert_eq!(said, unknown);
    }
}

#[test]
fn ss_and_proc_rows_of_one_socket_become_one_record_with_both_sources() {
    let proc_text =
        "   0: 00000000:0016 00000000:0000 0A 00000000:00000001 00:00000000 00000000 0 0 1 1 0\n";
    let rows = read(2, proc_net::reader(Table::Tcp), proc_text);
    let proc_section = section(2, &["/bin/cat"], proc_text.len() as u64, rows);
    let snapshot = take(vec![ss_section(1, TEXT), proc_section, host_section(3, root())]);
    assert_eq!(snapshot.records.sockets.len(), 6);
    let first = &snapshot.records.sockets[0];
    let row = TEXT.find("tcp LISTEN").unwrap();
    let end = row + TEXT[row..].find('\n').unwrap() + 1;
    let sources = [
        Source { section: 1, start: row as u64, end: end as u64 },
        Source { section: 2, start: 0, end: proc_text.len() as u64 },
    ];
    assert_eq!(first.sources[..], sources);
    assert!(!first.record.flags.duplicate);
    assert_eq!(first.record.backlog_max, Some(5));
}

#[test]
fn a_row_printed_twice_is_one_record_and_says_so() {
    let row = TEXT.lines().last().unwrap();
    let snapshot = take(vec![ss_section(1, &format!("{TEXT}{row}\n")), host_section(2, root())]);
    let duplicates = column(&snapshot, |socket| socket.flags.duplicate);
    assert_eq!(duplicates, [false, false, false, false, false, true]);
    assert_eq!(snapshot.records.sockets[5].sources.len(), 2);
}

#[test]
fn listeners_that_share_a_port_without_an_inode_stay_apart() {
    let row = "udp UNCONN 0 0 0.0.0.0:53 0.0.0.0:*\n";
    let snapshot = take(vec![ss_section(1, &row.repeat(3))]);
    assert_eq!(snapshot.records.sockets.len(), 3);
}

#[test]
fn output_that_was_cut_is_partial_and_its_last_row_is_left_out() {
    let cut = TEXT.len() - 30;
    let mut lost = ss_section(1, &TEXT[..cut]);
    lost.section.end = End::Incomplete(Fault::new(FaultKind::Lost, "connection reset"));
    let snapshot = take(vec![lost, host_section(2, root())]);
    let result = &snapshot.sections[0];
    assert_eq!(result.status, SectionStatus::Partial);
    let limits = [Limitation::Truncated, Limitation::HostNetnsOnly, Limitation::Unparsed];
    assert_eq!(result.limitations, limits);
    assert_eq!(snapshot.outcome, Outcome::Partial);
    assert_eq!(snapshot.records.sockets.len(), 5);
    // What is not in a list that was cut may still be there.
    assert_eq!(column(&snapshot, |socket| socket.direction)[3], Direction::Unknown);
}

#[test]
fn no_answer_never_looks_like_no_listeners() {
    let header_only = "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n";
    let none = take(vec![ss_section(1, header_only)]);
    assert_eq!(
        (none.outcome, none.sections[0].status),
        (Outcome::Complete, SectionStatus::Complete)
    );

    let silent = take(vec![ss_section(1, "")]);
    assert_eq!(
        (silent.outcome, silent.sections[0].status),
        (Outcome::Failed, SectionStatus::Failed)
    );
    assert_eq!(silent.sections[0].faults[0].kind, FaultKind::SuspiciousEmpty);

    let garbage = take(vec![ss_section(1, "bash: ss: something\n")]);
    assert_eq!(garbage.sections[0].status, SectionStatus::Failed);

    for (status, kind) in
        [(127, FaultKind::ToolMissing), (126, FaultKind::Denied), (124, FaultKind::Deadline)]
    {
        let mut failed = ss_section(1, "");
        failed.section.end = End::Exit(status);
        let snapshot = take(vec![failed]);
        assert_eq!(snapshot.sections[0].faults[0].kind, kind);
        assert_eq!(snapshot.outcome, Outcome::Failed);
    }
    assert_eq!(take(vec![]).outcome, Outcome::Failed);
}

#[test]
fn a_section_that_another_replaced_does_not_spoil_its_view() {
    let mut missing = ss_section(1, "");
    missing.section.end = End::Exit(127);
    let mut fallback = ss_section(2, TEXT);
    fallback.section.fallback_of = Some(FallbackOf { section: 1, condition: "exit 127".into() });
    let snapshot = take(vec![missing, fallback, host_section(3, root())]);
    assert_eq!(snapshot.sections[0].status, SectionStatus::Replaced);
    assert_eq!(snapshot.view_status(View::Listeners), Some(SectionStatus::Complete));
    assert_eq!(snapshot.outcome, Outcome::Complete);
}

#[test]
fn the_host_record_adds_up_and_another_name_is_an_issue() {
    let remote = Utc::parse("2026-11-24T01:42:01.002Z").unwrap();
    let mut facts = root();
    facts.push(Fact::Hostname("db-9".into()));
    facts.push(Fact::Clock { remote, resolution_us: 1 });
    facts.push(Fact::ClockSynchronized(true));
    let mut section = host_section(4, facts);
    let part = Row::Interface(Interface { mtu: Some(1500), ..Interface::named("eth0".into()) });
    section.rows.as_mut().unwrap().row(Span { line: 3, start: 20, end: 30 }, part);
    let snapshot = take(vec![section]);
    let host = snapshot.records.host.unwrap().record;
    let clock =
        ClockReading { remote, offset_us: 1_000_000, error_us: 2_001, synchronized: Some(true) };
    assert_eq!(host.clock, Some(clock));
    assert_eq!(host.account.sees_all_owners, Some(true));
    let [interface] = &snapshot.records.interfaces[..] else { panic!("one interface") };
    assert_eq!((interface.record.mtu, interface.record.addresses.len()), (Some(1500), 2));
    assert_eq!(interface.sources.len(), 2);
    let [issue] = &snapshot.records.issues[..] else { panic!("one issue") };
    assert_eq!((issue.section, issue.issue.severity), (4, Severity::Note));
    assert_eq!(issue.issue.text, HostText::from("db-9"));
}

#[test]
fn owners_become_processes_with_their_unit() {
    let snapshot = take(vec![ss_section(1, TEXT), host_section(2, root())]);
    let processes: Vec<_> = snapshot
        .records
        .processes
        .iter()
        .map(|p| (p.record.pid, p.record.name.clone(), p.record.service.clone()))
        .collect();
    let expected = [
        (7, "sshd".into(), Some("sshd.service".into())),
        (8, "sshd".into(), None),
        (9, "ssh".into(), None),
    ];
    assert_eq!(processes, expected);
}

#[test]
fn what_two_answers_say_otherwise_of_one_process_is_an_issue_that_names_both() {
    let text = |text: &'static str| HostText::new(text.as_bytes());
    let facts = |number, facts: Vec<(u32, ProcessFact)>| {
        let mut rows = Rows::new(number);
        for (pid, fact) in facts {
            rows.row(Span { line: 1, start: 0, end: 9 }, Row::Process(pid, fact));
        }
        section(number, &["/bin/ps"], 9, rows)
    };
    let listener =
        "tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=7,fd=3)) ino:5 sk:1\n";
    let first = vec![
        (7, ProcessFact::Name(text("nginx"))),
        (7, ProcessFact::Uid(0)),
        (8, ProcessFact::Name(text("cron"))),
    ];
    let second = vec![
        (7, ProcessFact::Name(text("httpd"))),
        (7, ProcessFact::Uid(33)),
        (7, ProcessFact::User(text("root"))),
        (8, ProcessFact::Name(text("cron"))),
    ];
    let snapshot = take(vec![
        ss_section(1, listener),
        facts(2, first),
        facts(3, second),
        host_section(4, root()),
    ]);
    let [process] = &snapshot.records.processes[..] else { panic!("{:?}", snapshot.records) };
    let kept = (&process.record.name, process.record.uid, process.record.user.clone());
    assert_eq!(kept, (&text("sshd"), Some(0), Some(text("root"))));
    let issues = snapshot.records.issues.iter();
    let issues: Vec<_> =
        issues.map(|found| (found.section, found.issue.text.escaped().into_owned())).collect();
    assert_eq!(
        issues,
        [
            (3, "process 7: name nginx, also name httpd".to_owned()),
            (3, "process 7: user id 0, also user id 33".to_owned()),
            (1, "process 7: name sshd, also name nginx".to_owned()),
        ]
    );
}

#[test]
fn a_restart_keeps_the_key_of_a_listener_and_a_new_peer_changes_that_of_a_connection() {
    let host = HostName::new("web-1").unwrap();
    let before = take(vec![ss_section(1, TEXT)]);
    let after = TEXT.replace("pid=7", "pid=70").replace("10.9.9.9:5 ", "10.9.9.9:6 ");
    let after = take(vec![ss_section(1, &after)]);
    let keys = |snapshot: &Snapshot| column(snapshot, |socket| record_key(&host, socket));
    let (before, after) = (keys(&before), keys(&after));
    let same: Vec<_> = before.iter().zip(&after).map(|(one, other)| one == other).collect();
    assert_eq!(same, [true, true, false, true, true, true]);
    assert!(before.iter().enumerate().all(|(at, key)| !before[at + 1..].contains(key)));
}

#[test]
fn a_socket_that_lsof_lists_for_each_owner_is_one_record_of_a_section_that_is_a_part() {
    let text = "p7\0cmaster\0\nf6\0tIPv4\0d55\0PTCP\0n*:80\0TST=LISTEN\0TQR=0\0TQS=0\0\n\
                p8\0cworker\0\nf6\0tIPv4\0d55\0PTCP\0n*:80\0TST=LISTEN\0TQR=0\0TQS=0\0\n\
                f7\0tIPv4\0d55\0PTCP\0n*:80\0TST=LISTEN\0TQR=0\0TQS=0\0\n";
    let rows = read(1, fleetstat::probe::unix::lsof::reader(), text);
    let mut lsof = section(1, &["/usr/bin/lsof", "-i"], text.len() as u64, rows);
    lsof.section.probe = ProbeId::builtin("linux/lsof");
    let snapshot = take(vec![lsof, host_section(2, root())]);
    let [socket] = &snapshot.records.sockets[..] else { panic!("{:?}", snapshot.records.sockets) };
    let owners: Vec<_> = socket.record.owners.iter().map(|owner| (owner.pid, owner.fd)).collect();
    assert_eq!(owners, [(7, Some(6)), (8, Some(6)), (8, Some(7))]);
    assert_eq!(socket.record.attribution, Owned);
    assert!(!socket.record.flags.duplicate);
    assert_eq!(snapshot.sections[0].status, SectionStatus::Partial);
    assert!(snapshot.sections[0].limitations.contains(&Limitation::ToolGap));
}

/// The kernel's tables of a host whose `uname -m` says this.
fn of_machine(machine: &'static str) -> Snapshot {
    const TAIL: &str = "00000000:00000000 00:00000000 00000000     0        0 5 1 0 100 0 0 10 0\n";
    let tcp = format!("   0: C0000201:0016 00000000:0000 0A {TAIL}");
    let tcp6 = format!(
        "   0: 20010DB8000000000000000000000001:0016 00000000000000000000FFFFC0000202:9C40 01 {TAIL}"
    );
    let routes = "e0\t00000000\tC0000201\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                  e0\tC0000200\t00000000\t0001\t0\t0\t0\tFFFFFF00\t0\t0\t0\n";
    let probe = |number, id, reader, text: &str| {
        let mut part =
            section(number, &["/bin/cat"], text.len() as u64, read(number, reader, text));
        part.section.probe = ProbeId::builtin(id);
        part
    };
    let routes_reader = fleetstat::probe::linux::proc_tables::route_reader();
    take(vec![
        probe(1, "linux/proc-net-tcp", proc_net::reader(Table::Tcp), &tcp),
        probe(2, "linux/proc-net-tcp6", proc_net::reader(Table::Tcp6), &tcp6),
        probe(3, "linux/proc-net-route", routes_reader, routes),
        host_section(4, vec![Fact::Architecture(machine.into())]),
    ])
}

#[test]
fn addresses_of_a_big_endian_host_are_set_right_by_its_architecture() {
    let snapshot = of_machine("s390x");
    let address = |text: &str| text.parse::<IpAddr>().unwrap();
    let ends = column(&snapshot, |socket| {
        (socket.local.address, socket.remote.as_ref().map(|end| end.address))
    });
    assert_eq!(
        ends,
        [(address("192.0.2.1"), None), (address("2001:db8::1"), Some(address("192.0.2.2"))),]
    );
    let routes: Vec<_> = snapshot
        .records
        .routes
        .iter()
        .map(|r| (r.record.destination, r.record.prefix, r.record.next_hops[0].via))
        .collect();
    assert_eq!(
        routes,
        [(address("0.0.0.0"), 0, Some(address("192.0.2.1"))), (address("192.0.2.0"), 24, None),]
    );
}

#[test]
fn an_architecture_that_does_not_tell_its_byte_order_is_said_and_another_changes_nothing() {
    let local = |snapshot: &Snapshot| column(snapshot, |socket| socket.local.address);
    let notes = |snapshot: &Snapshot| -> Vec<u16> {
        let said = |issue: &&SectionIssue| issue.issue.message.contains("byte order");
        snapshot.records.issues.iter().filter(said).map(|issue| issue.section).collect()
    };
    let (mips, intel) = (of_machine("mips64"), of_machine("x86_64"));
    assert_eq!(local(&mips), local(&intel));
    assert_eq!(local(&intel)[0], "1.2.0.192".parse::<IpAddr>().unwrap());
    assert_eq!((notes(&mips), notes(&intel)), (vec![1, 2, 3], vec![]));
}

#[test]
fn the_ends_of_the_ephemeral_range_come_from_two_answers() {
    let told = |facts: Vec<Fact>| {
        let sections =
            facts.into_iter().zip(1..).map(|(fact, number)| host_section(number, vec![fact]));
        let snapshot = take(sections.collect());
        let said = snapshot
            .records
            .issues
            .iter()
            .filter(|issue| issue.issue.message.contains("ephemeral"));
        let said: Vec<_> = said.map(|issue| issue.issue.text.escaped().into_owned()).collect();
        (snapshot.records.host.unwrap().record.ephemeral, said)
    };
    let (first, last) = (Fact::EphemeralFirst(49152), Fact::EphemeralLast(65535));
    assert_eq!(told(vec![first.clone(), last.clone()]), (Some((49152, 65535)), vec![]));
    assert_eq!(told(vec![last.clone(), first.clone()]), (Some((49152, 65535)), vec![]));
    assert_eq!(told(vec![first]), (None, vec!["49152-?".to_owned()]));
    let (first, last) = (Fact::EphemeralFirst(9), Fact::EphemeralLast(8));
    assert_eq!(told(vec![first, last]), (None, vec!["9-8".to_owned()]));
}

/// sockstat cuts names to ten bytes, ps does not, and either may come first.
#[test]
fn sockets_and_processes_have_the_whole_name_whichever_answer_came_first() {
    let sockstat = "www      longserver 4711  6   tcp4   192.0.2.1:80          *:*\n\
        www      short      4712  6   tcp4   192.0.2.1:81          *:*\n";
    let processes = " 4711     1    80 longserver-two\n 4712     1    80 short\n";
    let of = |number: u16, id: &'static str, text: &str| {
        let rows = read(number, fleetstat::probe::reader_for(id).unwrap(), text);
        let mut section = section(number, &["/usr/bin/sockstat"], text.len() as u64, rows);
        section.section.probe = ProbeId::builtin(id);
        section
    };
    for sections in [
        vec![of(1, "freebsd/sockstat", sockstat), of(2, "freebsd/processes", processes)],
        vec![of(1, "freebsd/processes", processes), of(2, "freebsd/sockstat", sockstat)],
    ] {
        let records = take(sections).records;
        let owners = records.sockets.iter().flat_map(|socket| &socket.record.owners);
        let owners: Vec<_> = owners.map(|one| (one.pid, one.name.escaped().into_owned())).collect();
        let told = records.processes.iter().map(|process| &process.record);
        let told: Vec<_> = told.map(|one| (one.pid, one.name.escaped().into_owned())).collect();
        let expected = [(4711, "longserver-two".to_owned()), (4712, "short".to_owned())];
        assert_eq!(owners, expected);
        assert_eq!(told, expected);
    }
}
