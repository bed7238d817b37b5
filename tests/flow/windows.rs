//! Hosts of Windows over OpenSSH, with cmd.exe or `PowerShell` as the shell: the rich profile beside the
//! default one, and programs that are refused or not there, as each shell says it.
//!
//! A real sshd stands for the host. It answers a line only where it is the very words of a probe.

use std::collections::BTreeMap;

use fleetstat::model::host::Platform;
use fleetstat::model::snapshot::View;
use fleetstat::probe::{Probe, Profile, by_id, probes_of};

use crate::ground::{Fleet, alone, at, came};
use crate::lab::{self, Server};
use crate::systems::sample;

const RICH: &str =
    "views: [listeners, sessions, interfaces, routes, counters, host]\nprofile: rich";

/// What a host says instead of an answer: the end of the program's path, its exit status, and its
/// words on standard error, with `{program}` for the path.
type Refusal = (&'static str, u32, &'static str);

const CMD_HAS_NOT: &str = "'{program}' is not recognized as an internal or external command,\noperable program or batch file.";

/// `PowerShell` as the shell, where nobody sees its window.
const POWERSHELL_HAS_NOT: &str = "#< CLIXML\n<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">\
    <S S=\"Error\">{program} : Die Benennung \"{program}\" wurde nicht als Name eines Cmdlet erkannt._x000D__x000A_</S></Objs>";

const DENIED: &str = "FEHLER: Zugriff verweigert";

/// A server that stands for a host of Windows.
fn play(fleet: &mut Fleet, name: &str, port: u16, refusals: &[Refusal]) -> Server {
    let mut script = "case \"$SSH_ORIGINAL_COMMAND\" in\n".to_owned();
    let fallbacks = ["windows/netstat-routes", "windows/tasklist"].into_iter().filter_map(by_id);
    for probe in probes_of(Profile::Rich, Platform::Windows, View::ALL).into_iter().chain(fallbacks)
    {
        script += &answer(probe, refusals);
    }
    // A line that is of no probe is not in the log of a host that was asked rightly.
    script += "esac\necho \"not a command: $SSH_ORIGINAL_COMMAND\" >&2\nexit 77\n";
    let path = fleet.lab.write(&format!("answers-{name}"), &script);
    let force = format!("ForceCommand /bin/sh {}", path.display());
    let address = at(6, 1, port);
    let server = lab::sshd_of(&fleet.lab, address, "", &[&force]);
    fleet.host(name, address, ", platform: windows, role: any", "host");
    server
}

fn answer(probe: &Probe, refusals: &[Refusal]) -> String {
    let words = probe.command().words().join(" ");
    let program = probe.command().words()[0].clone();
    if let Some((_, exit, said)) = refusals.iter().find(|(end, ..)| program.ends_with(end)) {
        let said = said.replace("{program}", &program).replace('\'', "'\\''");
        return format!("'{words}') printf '%s\\n' '{said}' >&2; exit {exit};;\n");
    }
    // Both print the same.
    let same = || sample(by_id("windows/route-print")?);
    format!("'{words}') exec cat '{}';;\n", sample(probe).or_else(same).unwrap().display())
}

#[test]
fn a_line_is_the_same_words_for_every_shell_and_both_profiles_are_one_record() {
    alone(|| {
        let mut fleet = Fleet::new();
        let _server = play(&mut fleet, "win-1", 2300, &[]);
        let said = fleet.run(RICH, &[]);
        let expected = BTreeMap::from([("win-1".to_owned(), came("complete", &[], 1))]);
        assert_eq!(fleet.outcomes(), expected, "{}\n{}", said.out, said.err);
        let evidence = String::from_utf8_lossy(&fleet.evidence("win-1")).into_owned();
        assert!(!evidence.contains("not a command"), "a line came otherwise than it was sent");
        for probe in probes_of(Profile::Rich, Platform::Windows, View::ALL) {
            assert!(evidence.contains(&format!(": {}\ndigest", probe.id)), "{}", probe.id);
        }
        let sockets = fleet.records("win-1", "socket");
        let told = |probe: &str| {
            let by = |row: &&serde_json::Value| row["probes"].to_string().contains(probe);
            sockets.iter().filter(by).count()
        };
        assert!(told("windows/netstat-tcp-udp") > 0 && told("windows/rich-sockets") > 0);
    });
}

#[test]
fn whatever_a_host_lacks_or_refuses_it_is_whole_with_what_the_rest_tells() {
    alone(|| {
        let mut fleet = Fleet::new();
        let lacks =
            |said| [("WMIC.exe", 1, said), ("route.exe", 1, said), ("powershell.exe", 1, said)];
        let hosts: [(&str, Vec<Refusal>); 4] = [
            ("cmd-1", lacks(CMD_HAS_NOT).into()),
            ("powershell-1", lacks(POWERSHELL_HAS_NOT).into()),
            ("denied-1", vec![("tasklist.exe", 1, DENIED), ("powershell.exe", 1, DENIED)]),
            ("older-1", vec![("WMIC.exe", 9009, ""), ("powershell.exe", 9009, "")]),
        ];
        let _servers: Vec<Server> = (2300..)
            .zip(&hosts)
            .map(|(port, (name, refusals))| play(&mut fleet, name, port, refusals))
            .collect();
        let said = fleet.run(RICH, &[]);
        let whole = |name: &str| (name.to_owned(), came("complete", &[], 1));
        let expected: BTreeMap<_, _> = hosts.iter().map(|(name, _)| whole(name)).collect();
        assert_eq!(fleet.outcomes(), expected, "{}\n{}", said.out, said.err);
        for (name, lacks_route) in [("cmd-1", true), ("powershell-1", true), ("older-1", false)] {
            let evidence = String::from_utf8_lossy(&fleet.evidence(name)).into_owned();
            assert_eq!(
                evidence.contains(": windows/netstat-routes\ndigest"),
                lacks_route,
                "{name}"
            );
            assert!(!fleet.records(name, "route").is_empty(), "{name}");
        }
        let denied = fleet.records("denied-1", "socket");
        let why: Vec<_> = denied.iter().map(|row| row["attribution"].as_str().unwrap()).collect();
        assert!(why.contains(&"denied") && !why.contains(&"owned"), "{why:?}");
        let issues = fleet.records("denied-1", "issue");
        let reason = |row: &&serde_json::Value| {
            row["message"] == "the account may not ask this (exit status 1)"
                && row["text"] == DENIED
        };
        // Two questions for names of processes and five scripts.
        assert_eq!(issues.iter().filter(reason).count(), 7, "{issues:?}");
    });
}
