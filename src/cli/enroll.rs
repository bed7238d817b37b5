//! `fleetstat enroll`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream;

use crate::cli::args::EnrollArgs;
use crate::cli::problem::{Exit, Problem, Problems};
use crate::cli::setting::Setting;
use crate::cli::{Ended, request, to_stdout, trust};
use crate::inventory::Inventory;
use crate::inventory::host::Host;
use crate::inventory::login::Pin;
use crate::model::capture::HostCertificate;
use crate::model::deadline::Deadlines;
use crate::model::fault::Fault;
use crate::model::host::TransportKind;
use crate::model::id::HostName;
use crate::model::text::escape;
use crate::model::time::Utc;
use crate::secret::surroundings::Surroundings;
use crate::transport::Transport as _;
use crate::transport::ssh::host_key::{ServerKey, fetch_host_key_behind};
use crate::transport::ssh::known_hosts::enroll::{Enrolled, add};
use crate::transport::ssh::known_hosts::{Decision, KnownHosts};
use crate::transport::ssh::{Settings, Ssh};
use crate::yaml::suggest::did_you_mean;

/// Hosts asked for their key at once.
const WIDTH: usize = 32;

/// What a host showed.
type Shown<'a> = (&'a Host, Result<ServerKey, Fault>);

/// Fetches host keys, shows fingerprints, and trusts those that a person or a list confirms.
pub(super) fn enroll(setting: &Setting, args: &EnrollArgs) -> Ended {
    let confirmed = args.fingerprints.as_deref().map(fingerprints).transpose()?;
    if confirmed.is_none() && !io::stdin().is_terminal() {
        let message =
            "fingerprints must be compared by a person, and standard input is no terminal";
        return Err(Problem::new("FS-USE-008", message).into());
    }
    let inventory = setting.inventory()?;
    let selector = setting.selector()?;
    if let Some(confirmed) = &confirmed {
        warn_of_strangers(confirmed, &inventory);
    }
    let hosts = inventory.select(selector.as_ref());
    let hosts: Vec<&Host> =
        hosts.into_iter().filter(|h| h.asset.transport == TransportKind::Ssh).collect();
    if hosts.is_empty() {
        return Err(Problem::new("FS-USE-005", "no host is reached by ssh").into());
    }
    let files = setting.known_hosts();
    let file = files.first().ok_or_else(|| Problem::new("FS-CFG-002", "no known_hosts file"))?;
    let hosts = with_jumps(&hosts);
    let now = setting.clock.utc();
    let known_now = known(setting, &files)?;
    let mut enrolment =
        Enrolment { known: known_now, confirmed, file, now, tally: Tally::default() };
    // What is trusted at one depth is gone through at the next.
    let deepest = hosts.iter().map(|host| host.road.len()).max().unwrap_or(0);
    for depth in 0..=deepest {
        let level: Vec<&Host> = hosts.iter().filter(|host| host.road.len() == depth).collect();
        enrolment.known = known(setting, &files)?;
        for (host, result) in fetch(setting, &level, &enrolment.known)? {
            match result {
                Ok(key) => enrolment.one(host, &key)?,
                Err(fault) => {
                    enrolment.tally.failed += 1;
                    let name = &host.asset.name;
                    say(&format!("{name}: {fault}\n  help: {}", fault.kind.remedy()))?;
                }
            }
        }
    }
    let Tally { added, known, left, failed } = enrolment.tally;
    say(&format!(
        "{added} trusted, {known} already known, {left} left, {failed} not reached; \
         trusted keys are in {}",
        file.display()
    ))?;
    Ok(if failed + left > 0 { Exit::SomeFailed } else { Exit::Clean })
}

/// What is trusted already, what may be trusted now, and where it is written.
struct Enrolment<'a> {
    known: Arc<KnownHosts>,
    /// Fingerprints by host. `None`: a person is asked.
    confirmed: Option<BTreeMap<String, String>>,
    file: &'a Path,
    /// When certificates must be valid.
    now: Utc,
    tally: Tally,
}

#[derive(Default)]
struct Tally {
    added: u64,
    known: u64,
    left: u64,
    failed: u64,
}

fn say(line: &str) -> Result<(), Problems> {
    to_stdout(|out| writeln!(out, "{line}")).map(drop)
}

fn known(setting: &Setting, files: &[std::path::PathBuf]) -> Result<Arc<KnownHosts>, Problem> {
    // A file that is not there yet has no keys; `add` makes it.
    let there: Vec<_> = files.iter().filter(|file| file.exists()).cloned().collect();
    trust::read(setting, &there).map(Arc::new)
}

/// The hosts, and the jump hosts on their roads that are none of them, each once.
fn with_jumps(hosts: &[&Host]) -> Vec<Host> {
    let mut all: Vec<Host> = Vec::new();
    let mut seen: BTreeSet<HostName> = hosts.iter().map(|h| h.asset.name.clone()).collect();
    for host in hosts {
        for (depth, jump) in host.road.iter().enumerate() {
            if seen.insert(jump.name.clone()) {
                let before = host.road.iter().take(depth).cloned().collect();
                all.push(jump.as_host(before, host.require_pq));
            }
        }
    }
    all.extend(hosts.iter().map(|host| (*host).clone()));
    all
}

fn fetch<'a>(
    setting: &Setting,
    hosts: &[&'a Host],
    known: &Arc<KnownHosts>,
) -> Result<Vec<Shown<'a>>, Problem> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Problem::new("FS-INT-001", format!("no runtime: {error}")))?;
    let deadlines = Deadlines::default();
    let ssh = Ssh::new(Settings {
        known_hosts: Arc::clone(known),
        surroundings: Surroundings::read(),
        ask: Arc::new(crate::secret::ask),
        clock: setting.clock,
    });
    let visits = stream::iter(hosts.iter().copied());
    let fetch = |host| {
        let (ssh, deadlines) = (&ssh, &deadlines);
        async move { (host, fetch_host_key_behind(ssh, host, deadlines).await) }
    };
    let visits = visits.map(fetch);
    Ok(runtime.block_on(async {
        let shown = visits.buffered(WIDTH).collect().await;
        ssh.finish().await;
        shown
    }))
}

/// Warns of lines of the list that confirm nothing, whatever hosts are looked at now.
fn warn_of_strangers(confirmed: &BTreeMap<String, String>, inventory: &Inventory) {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for host in &inventory.hosts {
        if host.asset.transport == TransportKind::Ssh {
            known.insert(host.asset.name.as_str());
        }
        known.extend(host.road.iter().map(|jump| jump.name.as_str()));
    }
    for name in confirmed.keys().filter(|name| !known.contains(name.as_str())) {
        let near = did_you_mean(name, known.iter().copied());
        let near = near.map_or_else(String::new, |near| format!("; {near}"));
        let name = escape(name.as_bytes());
        tracing::warn!(
            "the list has `{name}`, and no host that is reached by ssh has that name{near}"
        );
    }
}

impl Enrolment<'_> {
    /// What the list says of a host whose key is trusted already, when that is another.
    fn contradiction(&self, decision: &Decision, host: &Host, key: &ServerKey) -> Option<String> {
        let listed = self.confirmed.as_ref()?.get(host.asset.name.as_str())?;
        let trusted = matches!(decision, Decision::Trusted(_));
        (trusted && *listed != key.fingerprint()).then(|| listed.clone())
    }

    fn one(&mut self, host: &Host, key: &ServerKey) -> Result<(), Problems> {
        let name = &host.asset.name;
        let shown = format!("{name}: {} ({})", key.fingerprint(), key.algorithm());
        let verdict = key.judge(&self.known, self.now).map_err(|error| {
            Problem::new("FS-INT-001", format!("{shown} cannot be judged: {error}"))
        })?;
        if let Some(listed) = self.contradiction(&verdict.decision, host, key) {
            self.tally.left += 1;
            return say(&format!(
                "{shown} is known, and the list says {listed}\n  help: find out which of the two is \
                 right before anything else; then mend the list, or `ssh-keygen -R` the old line"
            ));
        }
        match (&verdict.decision, &verdict.certificate) {
            (Decision::Unknown, _) => {}
            (Decision::Trusted(place), Some(certificate)) => {
                self.tally.known += 1;
                let HostCertificate { key_id, authority, .. } = certificate;
                return say(&format!(
                    "{shown} is vouched for by its certificate `{key_id}`, signed by {authority} \
                     ({place})"
                ));
            }
            (Decision::Trusted(_), None) => {
                self.tally.known += 1;
                return say(&format!("{shown} is known"));
            }
            (Decision::Changed(_) | Decision::Revoked(_), _) => {
                self.tally.left += 1;
                return say(&format!(
                    "{shown} is NOT the key that is known, or is revoked\n  help: find out why \
                     before anything else; then `ssh-keygen -R` the old line"
                ));
            }
        }
        if let Some(objection) = &verdict.objection {
            say(&format!("{shown}: its certificate {}", objection.reason()))?;
        }
        let refusal = match &self.confirmed {
            Some(list) => match list.get(name.as_str()) {
                Some(listed) if *listed == key.fingerprint() => None,
                Some(listed) => Some(format!("the list says {listed}: NOT trusted")),
                None => Some("it is not in the list: not trusted".to_owned()),
            },
            None if ask(host, key, &key.fingerprint())? => None,
            None => Some("not trusted".to_owned()),
        };
        if let Some(refusal) = refusal {
            self.tally.left += 1;
            return say(&format!("{shown}: {refusal}"));
        }
        let added = add(self.file, &[(key.name.clone(), key.key.clone())])
            .map_err(|error| Problem::new("FS-CFG-002", error.to_string()))?;
        match added.first() {
            Some(Enrolled::Known(_)) => self.tally.known += 1,
            Some(Enrolled::Added) | None => self.tally.added += 1,
        }
        say(&format!("{shown} is now trusted"))
    }
}

/// How often an answer that is neither yes nor no is asked for again.
const ASKED_MAX: usize = 3;

/// Asks on the terminal. `yes`, spelled out, or the fingerprint itself is a yes.
fn ask(host: &Host, key: &ServerKey, fingerprint: &str) -> Result<bool, Problems> {
    let asset = &host.asset;
    let reached = match key.peer {
        Some(peer) => format!("reached at {peer}"),
        None => format!("via {}", host.via().unwrap_or_default()),
    };
    say(&format!(
        "{} ({}:{}, {}) shows\n  {} {fingerprint}",
        asset.name,
        asset.address,
        asset.port,
        reached,
        key.algorithm()
    ))?;
    to_stdout(|out| write!(out, "  Is that the fingerprint its owner gave you? [yes/no] "))?;
    for _ in 0..ASKED_MAX {
        let mut line = String::new();
        io::stdin()
            .lock()
            .read_line(&mut line)
            .map_err(|error| Problem::new("FS-USE-008", format!("standard input: {error}")))?;
        match line.trim() {
            "yes" => return Ok(true),
            typed if typed == fingerprint => return Ok(true),
            // An end of input is a no.
            "no" => return Ok(false),
            "" if line.is_empty() => return Ok(false),
            _ => to_stdout(|out| write!(out, "  Please type yes, no or the fingerprint: "))?,
        };
    }
    Ok(false)
}

/// Reads `host,SHA256:...` lines; `#` begins a comment.
fn fingerprints(path: &Path) -> Result<BTreeMap<String, String>, Problems> {
    let bytes = request::read_file(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut list = BTreeMap::new();
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let shown = || escape(line.as_bytes());
        // The whole digest of a key: 32 bytes.
        let pair = line.split_once(',').map(|(host, key)| (host.trim(), Pin::parse(key.trim())));
        let wrong = match pair {
            Some((host, Some(key))) => {
                let key = key.to_string();
                let before = list.insert(host.to_owned(), key.clone());
                let other = before.is_some_and(|before| before != key);
                other.then(|| format!("`{}` has another fingerprint in a line above", shown()))
            }
            Some((_, None)) => Some(format!("`{}` has no whole fingerprint of SHA-256", shown())),
            None => Some(format!("`{}` is not host,SHA256:...", shown())),
        };
        if let Some(wrong) = wrong {
            let help = "write one host a line, with what `ssh-keygen -lf` prints: web-1,SHA256: and 43 \
                        characters";
            let mut problem = Problem::new("FS-USE-007", wrong).help(help);
            problem.place = Some(format!("{}:{number}", path.display()));
            problems.push(problem);
        }
    }
    if problems.is_empty() { Ok(list) } else { Err(Problems(problems)) }
}
