//! What is found of accounts, whole.

use super::*;
use crate::inventory::host::Account;
use crate::model::host::Asset;
use crate::model::id::{HostName, Label};
use crate::probe::{by_id, platform_probes};
use std::sync::Arc;

fn text(text: &str) -> HostText<'static> {
    HostText::owned(text.as_bytes().to_vec())
}

fn host(platform: Platform, escalation: Escalation) -> Host {
    let mut asset = Asset::new(HostName::new("h-1").unwrap(), "192.0.2.1".to_owned(), 22);
    asset.platform = platform;
    let account = Account {
        name: Label::new("account", "a").unwrap(),
        user: "reader".to_owned(),
        identities: Vec::new(),
        escalation,
    };
    Host { account: Some(Arc::new(account)), ..Host::of(asset) }
}

fn looked(id: &str, facts: Vec<Fact>) -> Looked {
    let rows = facts.len();
    let probe = by_id(id).unwrap();
    Looked { probe, ended: Ended::Answered, facts, rows, services: true, users: true }
}

/// Every program of Linux is there.
fn tools() -> Looked {
    let paths = platform_probes(Platform::Linux).flat_map(|probe| probe.tool.paths());
    let found = paths.map(|path| Fact::Tool("tool", text(path))).collect();
    looked("linux/tools", found)
}

fn account(uid: u32, groups: &[&str]) -> Looked {
    let groups = groups.iter().map(|group| text(group)).collect();
    let facts = vec![
        Fact::EffectiveUid(uid),
        Fact::AccountName(text("reader")),
        Fact::AccountGroups(groups),
    ];
    looked("linux/account", facts)
}

fn rules(commands: &[&str]) -> Looked {
    let rule =
        |command: &&str| SudoRule { runas: text("root"), password: false, command: text(command) };
    looked("linux/sudo-rules", vec![Fact::SudoRules(commands.iter().map(rule).collect())])
}

/// Verdicts, what was found, and the grant.
fn said(found: &[AccountFinding]) -> Vec<(Verdict, &str, Option<Grant>)> {
    found.iter().map(|one| (one.verdict, one.what.as_str(), one.grant)).collect()
}

/// The rules of the standard, as `harden` prints them.
fn standard() -> Vec<String> {
    crate::probe::sudoers::rules(Platform::Linux).map(|rule| rule.command).collect()
}

#[test]
fn an_account_with_the_rules_that_harden_prints_fits() {
    let standard = standard();
    let standard: Vec<&str> = standard.iter().map(String::as_str).collect();
    let seen = [account(1_000, &["reader"]), rules(&standard), tools()];
    let found = judge(&host(Platform::Linux, Escalation::Sudo), &seen);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].verdict, found[0].account.as_deref()), (Verdict::Fits, Some("reader")));
}

#[test]
fn a_rule_that_is_missing_is_lacking_and_one_beyond_the_standard_is_too_much() {
    let ss6 = "/usr/bin/ss -6 -n -a -t -u -w -e -o -p";
    let standard = standard();
    let mut standard: Vec<&str> = standard.iter().map(String::as_str).collect();
    standard.retain(|command| !command.ends_with("-6 -n -a -t -u -w -e -o -p"));
    standard.push("/bin/cat /etc/shadow");
    let seen = [account(1_000, &["reader", "docker"]), rules(&standard), tools()];
    let found = judge(&host(Platform::Linux, Escalation::Sudo), &seen);
    assert_eq!(
        said(&found),
        [
            (
                Verdict::TooMuch,
                "group docker: its members start containers that are root on the host",
                None
            ),
            (
                Verdict::TooMuch,
                "a rule of sudo that is none of the standard's: (root) NOPASSWD: /bin/cat /etc/shadow",
                None
            ),
            (
                Verdict::Lacks,
                format!("sudo does not allow, without a password: {ss6}").as_str(),
                Some(Grant::Sudo)
            ),
        ]
    );
    assert_eq!(found[2].probes, [by_id("linux/ss-inet6").unwrap().id.clone()]);
}

#[test]
fn root_is_too_much_and_lacks_nothing() {
    let found = judge(&host(Platform::Linux, Escalation::None), &[account(0, &["root"]), tools()]);
    assert_eq!(said(&found), [(Verdict::TooMuch, "the account is root (uid 0)", None)]);
}

#[test]
fn without_escalation_owners_are_what_is_left_out() {
    let seen = [account(1_000, &["reader"]), tools()];
    let found = judge(&host(Platform::Linux, Escalation::None), &seen);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].verdict, found[0].grant), (Verdict::Reduced, Some(Grant::Sudo)));
}

#[test]
fn a_program_that_is_missing_is_told_with_what_stands_in() {
    let mut all = tools();
    all.facts.retain(|fact| !matches!(fact, Fact::Tool(_, path) if path.bytes().ends_with(b"/ss")));
    let mut seen = vec![account(0, &[]), all];
    let found = judge(&host(Platform::Linux, Escalation::None), &seen);
    let stand_ins: Vec<_> =
        found.iter().filter(|one| one.verdict == Verdict::Reduced).map(|one| &one.what).collect();
    assert_eq!(
        stand_ins,
        [
            "ss is not on the host: linux/proc-net-tcp stands in",
            "ss is not on the host: linux/proc-net-tcp6 stands in"
        ]
    );
    seen[1]
        .facts
        .retain(|fact| !matches!(fact, Fact::Tool(_, path) if path.bytes().ends_with(b"/uname")));
    let found = judge(&host(Platform::Linux, Escalation::None), &seen);
    let lacks = found.iter().find(|one| one.verdict == Verdict::Lacks).unwrap();
    assert_eq!(lacks.what, "uname is not on the host, and nothing stands in");
}

#[test]
fn an_administrator_of_windows_is_known_in_any_language() {
    let groups =
        ["S-1-1-0 Jeder", "S-1-5-32-544 VORDEFINIERT\\Administratoren", "S-1-16-12288 Hohe"];
    let groups = groups.map(text).to_vec();
    let privileges = ["SeChangeNotifyPrivilege", "SeDebugPrivilege"].map(text).to_vec();
    let seen = [
        looked("windows/account", vec![Fact::AccountName(text("web-1\\admin"))]),
        looked("windows/groups", vec![Fact::AccountGroups(groups)]),
        looked("windows/privileges", vec![Fact::AccountPrivileges(privileges)]),
    ];
    let found = judge(&host(Platform::Windows, Escalation::None), &seen);
    assert_eq!(
        said(&found),
        [
            (
                Verdict::TooMuch,
                "group S-1-5-32-544 VORDEFINIERT\\\\Administratoren: Administrators: may do everything on the host",
                None
            ),
            (
                Verdict::TooMuch,
                "group S-1-16-12288 Hohe: a token of high integrity: its rights are raised",
                None
            ),
            (
                Verdict::TooMuch,
                "privilege SeDebugPrivilege: reads and writes the memory of every process",
                None
            ),
        ]
    );
    assert_eq!(found[0].account.as_deref(), Some("web-1\\\\admin"));
}

#[test]
fn what_wmi_refuses_names_the_grant_and_a_missing_program_none() {
    let of = |id, ended| Looked { ended, ..looked(id, Vec::new()) };
    let silent = Looked {
        rows: 9,
        services: false,
        users: false,
        ..looked("windows/tasklist-services", Vec::new())
    };
    let seen = [
        looked("windows/account", vec![Fact::AccountName(text("web-1\\r"))]),
        looked("windows/groups", vec![Fact::AccountGroups(vec![text("S-1-1-0 x")])]),
        looked(
            "windows/privileges",
            vec![Fact::AccountPrivileges(vec![text("SeTimeZonePrivilege")])],
        ),
        of("windows/clock", Ended::ToolMissing),
        silent,
        of("windows/tasklist-users", Ended::Failed("exit 1: ERROR: Access denied".to_owned())),
    ];
    let found = judge(&host(Platform::Windows, Escalation::None), &seen);
    assert_eq!(
        said(&found),
        [
            (Verdict::Reduced, "WMIC.exe is not on the host", None),
            (Verdict::Reduced, "no process has the name of a service", Some(Grant::Services)),
            (
                Verdict::Reduced,
                "tasklist tells nothing: exit 1: ERROR: Access denied",
                Some(Grant::Cimv2)
            ),
        ]
    );
    let remedy = found[2].remedy.as_deref();
    assert_eq!(
        remedy,
        Some("see section `wmi_cimv2` of `fleetstat harden --platform windows --wmi`")
    );
}

#[test]
fn an_account_that_cannot_be_looked_at_does_not_fit() {
    let nothing = Looked { ended: Ended::Failed("exit 1".to_owned()), ..account(0, &[]) };
    let nothing = Looked { facts: Vec::new(), ..nothing };
    let found = judge(&host(Platform::Linux, Escalation::None), &[nothing, tools()]);
    assert_eq!(found[0].verdict, Verdict::Lacks);
    assert_eq!(found[0].what, "who the account is cannot be said whole: exit 1");
    let refused = Fault::new(FaultKind::Denied, "no shell");
    let told = fault(&host(Platform::Windows, Escalation::None), &refused);
    assert_eq!((told.verdict, told.grant), (Verdict::Fault, Some(Grant::Shell)));
}

proptest::proptest! {
    #[test]
    fn whatever_a_host_says_is_told_in_printable_lines_and_no_more_than_there_are_names(
        names in proptest::collection::vec(proptest::collection::vec(0u8.., 0..40), 0..30),
    ) {
        let texts: Vec<_> = names.iter().map(|name| HostText::owned(name.clone())).collect();
        let rule = |text: &HostText<'static>| SudoRule {
            runas: text.clone(),
            password: false,
            command: text.clone(),
        };
        let all = vec![
            Fact::EffectiveUid(7),
            Fact::AccountGroups(vec![text("docker"); 30]),
            Fact::AccountGroups(texts.clone()),
            Fact::AccountPrivileges(vec![text("SeTcbPrivilege"); 30]),
            Fact::AccountPrivileges(texts.clone()),
            Fact::SudoRules(texts.iter().map(rule).collect()),
        ];
        for (platform, id) in [(Platform::Linux, "linux/account"), (Platform::Windows, "windows/account")] {
            let found = judge(&host(platform, Escalation::Sudo), &[looked(id, all.clone())]);
            proptest::prop_assert!(found.len() < 60, "{}", found.len());
            for one in found {
                proptest::prop_assert!(!one.what.chars().any(char::is_control), "{}", one.what);
            }
        }
    }
}
