//! A plan as text: what would be sent to whom, to the byte.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use crate::inventory::host::{Account, Escalation, Host, Identity, Jump, SecretSource};
use crate::inventory::login::Mechanism;
use crate::model::digest::Sha256;
use crate::model::host::TransportKind;
use crate::plan::fold::{self, Shown, natural};
use crate::plan::forecast;
use crate::plan::order::{Order, Visit};
use crate::plan::wave::Waves;
use crate::plan::{LeftOut, Plan, Reason, Request};
use crate::probe::follow::PID_MAX;

/// Prints the plan for people: hosts that are asked the same share one list of commands.
///
/// # Errors
/// Only when `out` fails; writing to a `String` does not.
pub fn write(out: &mut impl fmt::Write, plan: &Plan) -> fmt::Result {
    request(out, &plan.request)?;
    let (visited, left_out) = (plan.visits.len(), plan.left_out.len());
    writeln!(out, "Hosts: {visited} visited, {left_out} left out. Nothing was sent.")?;
    forecast::load(out, plan)?;
    forecast::waves(out, plan)?;
    let jumps = jumps(plan);
    if !jumps.is_empty() {
        writeln!(out, "\nJump hosts:")?;
    }
    for one in jumps.values() {
        writeln!(out, "  {}", jump(one))?;
    }
    let groups = groups(plan)?;
    summary(out, &groups)?;
    for (number, group) in (1..).zip(groups) {
        match group.len() {
            1 => writeln!(out, "\nGroup {number}: 1 host")?,
            hosts => writeln!(out, "\nGroup {number}: {hosts} hosts asked the same")?,
        }
        let mut hosts: Vec<Shown> = group.iter().map(|visit| shown(&visit.host)).collect();
        hosts.sort_by(|one, other| natural(&one.name, &other.name));
        for line in fold::lines(&hosts) {
            writeln!(out, "  {line}")?;
        }
        if let Some(first) = group.first() {
            commands(out, first)?;
        }
    }
    left_out_hosts(out, &plan.left_out)
}

/// Hosts that nobody selected are counted; of the others each is named, as there is something to mend.
fn left_out_hosts(out: &mut impl fmt::Write, left_out: &[LeftOut]) -> fmt::Result {
    if !left_out.is_empty() {
        writeln!(out, "\nLeft out:")?;
    }
    let (mut others, mut not_selected) = (Vec::new(), Vec::new());
    for one in left_out {
        let to = if one.reason == Reason::NotSelected { &mut not_selected } else { &mut others };
        to.push(one);
    }
    if not_selected.len() > 1 {
        writeln!(out, "  {} hosts: {}", not_selected.len(), Reason::NotSelected)?;
        not_selected.clear();
    }
    for one in not_selected.into_iter().chain(others) {
        writeln!(out, "  {}: {}", one.host.asset.name, one.reason)?;
    }
    Ok(())
}

/// Most groups in the summary.
const SUMMARY_MAX: usize = 50;

/// One line for each group, where there are several.
fn summary(out: &mut impl fmt::Write, groups: &[Vec<&Arc<Visit>>]) -> fmt::Result {
    if groups.len() < 2 {
        return Ok(());
    }
    writeln!(out, "\nAsked the same, below with their hosts and commands:")?;
    for (number, group) in (1..).zip(groups.iter().take(SUMMARY_MAX)) {
        let Some(first) = group.first() else { continue };
        let roles: BTreeSet<&str> = group.iter().map(|v| v.host.asset.role_word()).collect();
        let more = roles.len().saturating_sub(ROLES_MAX);
        let roles: Vec<&str> = roles.into_iter().take(ROLES_MAX).collect();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let (hosts, commands) = (counted(group.len(), "host"), first.orders.len());
        let asset = &first.host.asset;
        writeln!(
            out,
            "  {number}. {hosts}, {} over {}: {}; roles {}{more}",
            asset.platform,
            asset.transport,
            counted(commands, "command"),
            roles.join(", ")
        )?;
    }
    match groups.len().saturating_sub(SUMMARY_MAX) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more groups"),
    }
}

/// Most roles of a group in the summary.
const ROLES_MAX: usize = 5;

/// `1 host`, `2 hosts`.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// A host for the list of its group.
fn shown(one: &Host) -> Shown {
    let (name, address) = (one.asset.name.to_string(), one.asset.address.clone());
    let line = host(one);
    let rest = match address.as_str() {
        "" => vec![line],
        address => line.split(address).map(str::to_owned).collect(),
    };
    Shown { name, address, rest }
}

fn request(out: &mut impl fmt::Write, request: &Request) -> fmt::Result {
    let views: Vec<_> = request.views.iter().map(|view| view.as_str()).collect();
    writeln!(out, "Playbook:  {} ({})", request.playbook, request.purpose)?;
    writeln!(out, "Operator:  {}", request.operator)?;
    writeln!(out, "Change:    {}", request.change.as_deref().unwrap_or("none given"))?;
    writeln!(out, "Views:     {}", views.join(", "))?;
    writeln!(out, "Profile:   {}", request.profile)?;
    writeln!(
        out,
        "Limits:    {} hosts at once, {} starts per second, {} per stream",
        request.width,
        request.starts_per_second,
        size(request.output_bytes)
    )?;
    if let Some(waves) = &request.waves {
        let shares: Vec<String> = waves.shares.iter().map(|share| format!("{share} %")).collect();
        let shares =
            if shares.is_empty() { String::new() } else { format!("{}, ", shares.join(", ")) };
        let Waves { canary, max_fail_percentage, .. } = waves;
        writeln!(
            out,
            "Waves:     {canary} of each role and system, {shares}the rest; none starts when more than \
             {max_fail_percentage} % of one failed"
        )?;
    }
    let d = &request.deadlines;
    writeln!(
        out,
        "Deadlines: connect {}, banner {}, key exchange {}, authentication {}, channel {}, host {}",
        seconds(d.connect),
        seconds(d.banner),
        seconds(d.key_exchange),
        seconds(d.authenticate),
        seconds(d.channel),
        seconds(d.host)
    )
}

/// Visits that are asked the same, in the order of the plan. Most share their orders; those that a
/// site's probes were filled in for are told apart by what would be printed, of which only the
/// digest is kept: 100,000 hosts may each have their own.
fn groups(plan: &Plan) -> Result<Vec<Vec<&Arc<Visit>>>, fmt::Error> {
    let mut groups: Vec<Vec<&Arc<Visit>>> = Vec::new();
    let mut shared: HashMap<*const Arc<Order>, usize> = HashMap::new();
    let mut alike: HashMap<Sha256, usize> = HashMap::new();
    let mut text = String::new();
    for visit in &plan.visits {
        let pointer = visit.orders.as_ptr();
        let group = if let Some(group) = shared.get(&pointer) {
            *group
        } else {
            text.clear();
            commands(&mut text, visit)?;
            let next = groups.len();
            let group = *alike.entry(Sha256::of(text.as_bytes())).or_insert(next);
            shared.insert(pointer, group);
            group
        };
        match groups.get_mut(group) {
            Some(group) => group.push(visit),
            None => groups.push(vec![visit]),
        }
    }
    Ok(groups)
}

/// `ssh fleetstat@10.0.0.1:22, account nightly, key ~/.ssh/id (file), role web`.
fn host(host: &Host) -> String {
    let asset = &host.asset;
    let mut line = String::new();
    match (&host.account, asset.transport) {
        (Some(account), TransportKind::Ssh) => {
            line += &login("ssh", account, &asset.address, asset.port);
            if account.escalation == Escalation::Sudo {
                line += ", sudo for owners of sockets";
            }
        }
        (Some(account), TransportKind::Winrm) => {
            let road = if host.tls { "winrm over https" } else { "winrm over http, sealed" };
            line += &login(road, account, &asset.address, asset.port);
            line += &windows(host);
        }
        (None, TransportKind::Ssh | TransportKind::Winrm) => {
            line = format!("{}, no account", asset.transport);
        }
        (_, TransportKind::Local) => line += "this machine, as the operator",
    }
    if let Some(via) = host.via() {
        line = format!("{line}, via {via}");
    }
    if let Some(legacy) = &host.legacy {
        line = format!("{line}, old algorithms {legacy}");
    }
    if host.require_pq {
        line += ", post-quantum key exchange only";
    }
    if let Some(role) = &asset.role {
        line = format!("{line}, role {role}");
    }
    if host.fragile {
        line += ", fragile: lowest priority";
    }
    line
}

/// What differs from the defaults over WinRM.
fn windows(host: &Host) -> String {
    let Some(login) = host.login.as_deref() else { return String::new() };
    let mut text = match host.mechanism() {
        Mechanism::Ntlm => String::new(),
        Mechanism::Kerberos => {
            let kdcs: Vec<String> = login.kdcs.iter().map(ToString::to_string).collect();
            let service = format!("HTTP/{}", host.service_name());
            let service = login.spn.as_deref().unwrap_or(&service);
            format!(", kerberos for {service} from {}", kdcs.join(", then "))
        }
        Mechanism::Basic => ", basic".to_owned(),
        Mechanism::Certificate => ", by client certificate".to_owned(),
    };
    if let Some(path) = login.tls_ca.as_ref().filter(|_| host.tls) {
        text = format!("{text}, trusts {}", path.display());
    }
    if let Some(pin) = login.tls_pin.filter(|_| host.tls) {
        text = format!("{text}, certificate {pin} only");
    }
    text
}

/// `ssh fleetstat@10.0.0.1:22, account nightly, key ~/.ssh/id`.
fn login(road: &str, account: &Account, address: &str, port: u16) -> String {
    let key = account.identities.iter().map(identity).collect::<Vec<_>>().join(", then ");
    format!("{road} {}@{address}:{port}, account {}, {key}", account.user, account.name)
}

/// The jump hosts of all roads, each once, in the order of their names.
fn jumps(plan: &Plan) -> BTreeMap<&str, &Jump> {
    let roads = plan.visits.iter().flat_map(|visit| visit.host.road.iter());
    roads.map(|jump| (jump.name.as_str(), &**jump)).collect()
}

fn jump(jump: &Jump) -> String {
    let line = format!("{}: {}", jump.name, login("ssh", &jump.account, &jump.address, jump.port));
    match &jump.legacy {
        Some(legacy) => format!("{line}, old algorithms {legacy}"),
        None => line,
    }
}

fn identity(identity: &Identity) -> String {
    let certified = |certificate: &Option<std::path::PathBuf>| match certificate {
        Some(path) => format!(" with certificate {}", path.display()),
        None => String::new(),
    };
    match identity {
        Identity::File { path, passphrase, certificate } => {
            let locked = if passphrase.is_some() { " (encrypted)" } else { "" };
            format!("key {}{locked}{}", path.display(), certified(certificate))
        }
        Identity::Agent { fingerprint: Some(fingerprint), certificate } => {
            format!("agent key {fingerprint}{}", certified(certificate))
        }
        Identity::Agent { fingerprint: None, certificate } => {
            format!("the agent's only key{}", certified(certificate))
        }
        Identity::AgentCertificate { fingerprint } => {
            format!("agent certificate for key {fingerprint}")
        }
        Identity::Password(source) => format!("password from {}", secret(source)),
        Identity::TlsCertificate { certificate, passphrase, .. } => {
            let locked = if passphrase.is_some() { " (encrypted)" } else { "" };
            format!("client certificate {}{locked}", certificate.display())
        }
    }
}

/// Where a secret comes from; of a command only its program, since arguments may tell too much.
fn secret(source: &SecretSource) -> String {
    match source {
        SecretSource::File(path) => format!("file {}", path.display()),
        SecretSource::Credential(name) => format!("credential {name}"),
        SecretSource::Command(words) => {
            format!("command {}", words.first().map_or("", String::as_str))
        }
        SecretSource::Prompt => "the terminal".to_owned(),
    }
}

fn commands(out: &mut impl fmt::Write, visit: &Visit) -> fmt::Result {
    for (number, order) in visit.orders.iter().enumerate() {
        command(out, order, &format!("{:>2}.", number + 1), 2)?;
    }
    if let Some(tools) = &visit.tools {
        writeln!(out, "  Once, after a first exit 127, to find where the tools are:")?;
        command(out, tools, "  -", 4)?;
        writeln!(out, "    The command is then sent with its tool at the path found, and without")?;
        writeln!(out, "    /usr/bin/timeout where the host has none.")?;
    }
    Ok(())
}

fn command(out: &mut impl fmt::Write, order: &Order, mark: &str, indent: usize) -> fmt::Result {
    let views: Vec<_> = order.views.iter().map(|view| view.as_str()).collect();
    let for_views = if views.is_empty() { "context".to_owned() } else { views.join(", ") };
    let (first, total) = (seconds(order.limits.first_byte), seconds(order.limits.total));
    let pad = " ".repeat(indent);
    let probe = &order.probe;
    writeln!(out, "{pad}{mark} {probe} ({for_views}; first byte {first}, in all {total})")?;
    if let Some(line) = order.shown(0, true) {
        writeln!(out, "{pad}    {line}")?;
    }
    if let Some(each) = &order.each {
        writeln!(
            out,
            "{pad}    {{pid}}: {}, 1 to {PID_MAX}, as the answers before name it; at most {} in one \
             command, {} commands",
            each.pick.words(),
            each.per_command,
            each.commands
        )?;
    }
    if !order.after.is_empty() {
        writeln!(out, "{pad}    only after an answer of {}", order.after.join(", "))?;
    }
    let others: Vec<_> = (1..order.candidates.len()).filter_map(|i| order.path(i)).collect();
    if !others.is_empty() {
        writeln!(out, "{pad}    or with {}", others.join(", "))?;
    }
    for fallback in &order.fallbacks {
        writeln!(out, "{pad}    if {}:", fallback.words())?;
        for next in &fallback.orders {
            command(out, next, "-", indent + 6)?;
        }
    }
    Ok(())
}

/// Whole MiB, or KiB below that.
fn size(bytes: u64) -> String {
    match bytes >> 20 {
        0 => format!("{} KiB", bytes >> 10),
        mib => format!("{mib} MiB"),
    }
}

/// `5 s`, or `250 ms`.
pub(super) fn seconds(duration: Duration) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = match duration.subsec_millis() {
        0 => write!(text, "{} s", duration.as_secs()),
        _ => write!(text, "{} ms", duration.as_millis()),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::snapshot::View;
    use crate::plan::testing::plan;

    const FLEET: &str = "\
accounts:
  a: {user: reader, identity: key}
  b: {user: ops, agent: true, escalation: sudo}
all: {account: a}
hosts:
  \"web-[1-2]\": {address: \"192.0.2.[1-2]\", role: web}
  db-1: {address: 2001:db8::6, port: 2222, account: b, fragile: true}
  here: {transport: local}
  out-1: {}
";

    fn page(inventory: &str, site: &str) -> String {
        let mut page = String::new();
        write(&mut page, &plan(inventory, &[View::Counters], site)).unwrap();
        page
    }

    #[test]
    fn the_head_says_what_was_asked_for_and_that_nothing_was_sent() {
        let page = page(FLEET, "");
        let head = "\
Playbook:  nightly (routine)
Operator:  night shift
Change:    none given
Views:     counters
Profile:   default
Limits:    64 hosts at once, 1 starts per second, 1 MiB per stream
Deadlines: connect 5 s, banner 5 s, key exchange 10 s, authentication 15 s, channel 5 s, host 180 s
Hosts: 4 visited, 1 left out. Nothing was sent.
Duration:  at least 5 s, when each visit takes 2 s
";
        assert!(page.starts_with(head), "{page}");
        assert!(page.ends_with("\nLeft out:\n  out-1: not selected\n"), "{page}");
    }

    #[test]
    fn a_large_fleet_is_a_few_lines_and_who_is_not_selected_is_a_number() {
        let fleet = "accounts:\n  a: {user: r, identity: k}\nall: {account: a}\nhosts:\n  \
                     \"w[0001-2000]\": {address: \"10.0.[1-20].[1-100]\", role: web}\n  \
                     out-1: {}\n  win: {platform: windows}\n";
        let page = page(fleet, "");
        let lines: Vec<&str> = page.lines().filter(|line| line.starts_with("  w[")).collect();
        assert_eq!(lines.len(), 20, "{page}");
        assert_eq!(
            lines[0],
            "  w[0001-0100]: ssh r@10.0.1.[1-100]:22, account a, key k, role web (100 hosts)"
        );
        let out = plan(fleet, &[View::Counters], "").left_out.remove(0);
        let twice = [out.clone(), out];
        let mut text = String::new();
        left_out_hosts(&mut text, &twice).unwrap();
        assert_eq!(text, "\nLeft out:\n  2 hosts: not selected\n");
        let summary = "\nAsked the same, below with their hosts and commands:\n  1. 2000 hosts, linux \
                       over ssh: ";
        assert!(page.contains(summary), "{page}");
    }

    #[test]
    fn each_host_is_shown_with_its_road_and_its_account_in_the_group_of_those_asked_the_same() {
        let page = page(FLEET, "");
        let shown: Vec<_> = page
            .lines()
            .filter(|line| {
                let names = ["Group", "  web", "  db", "  here"];
                names.iter().any(|name| line.starts_with(name))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "Group 1: 1 host",
                "  db-1: ssh ops@2001:db8::6:2222, account b, the agent's only key, sudo for owners \
                 of sockets, fragile: lowest priority",
                "Group 2: 3 hosts asked the same",
                "  here: this machine, as the operator",
                "  web-1: ssh reader@192.0.2.1:22, account a, key key, role web",
                "  web-2: ssh reader@192.0.2.2:22, account a, key key, role web",
            ]
        );
    }

    #[test]
    fn commands_are_shown_to_the_byte_with_their_other_paths_and_conditions() {
        let page = page(FLEET, "");
        let visit = plan(FLEET, &[View::Counters], "").visits[1].clone();
        for order in visit.orders.iter() {
            let line = order.invocation(0, true, true).unwrap().line();
            assert!(page.lines().any(|shown| shown.trim() == line), "{line}");
        }
        assert!(page.contains("\n  Once, after a first exit 127, to find where the tools are:\n"));
    }

    #[test]
    fn site_probes_with_the_same_values_do_not_part_a_group() {
        let site = "probes:\n  - {id: site/x, platform: linux, argv: [/usr/bin/ss, sport, \
                    \":{p}\"], parameters: {p: {type: port, from: vars.p}}}\n";
        let fleet = "all: {transport: local, vars: {p: 1}}\nhosts:\n  \"h[1-3]\": {}\n  \
                     other: {vars: {p: 2}}\n";
        let page = page(fleet, site);
        let groups: Vec<_> = page.lines().filter(|line| line.starts_with("Group")).collect();
        assert_eq!(groups, ["Group 1: 3 hosts asked the same", "Group 2: 1 host"]);
    }
}
