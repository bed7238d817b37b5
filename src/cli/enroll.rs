//! `fleetstat enroll`.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use futures::StreamExt as _;
use futures::stream;

use crate::cli::args::EnrollArgs;
use crate::cli::problem::{Exit, Problem, Problems};
use crate::cli::setting::Setting;
use crate::cli::{Ended, request, to_stdout, trust};
use crate::inventory::host::Host;
use crate::model::capture::HostCertificate;
use crate::model::deadline::Deadlines;
use crate::model::fault::Fault;
use crate::model::host::TransportKind;
use crate::model::text::escape;
use crate::model::time::Utc;
use crate::transport::ssh::host_key::{ServerKey, fetch_host_key};
use crate::transport::ssh::known_hosts::enroll::{Enrolled, add};
use crate::transport::ssh::known_hosts::{Decision, KnownHosts};

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
    let hosts = inventory.select(selector.as_ref());
    let hosts: Vec<&Host> =
        hosts.into_iter().filter(|h| h.asset.transport == TransportKind::Ssh).collect();
    if hosts.is_empty() {
        return Err(Problem::new("FS-USE-005", "no host is reached by ssh").into());
    }
    let files = setting.known_hosts();
    let file = files.first().ok_or_else(|| Problem::new("FS-CFG-002", "no known_hosts file"))?;
    // A file that is not there yet has no keys; `add` makes it.
    let there: Vec<_> = files.iter().filter(|file| file.exists()).cloned().collect();
    let known = trust::read(setting, &there)?;
    let shown = fetch(&hosts, &known)?;
    let now = setting.clock.utc();
    let mut enrolment = Enrolment { known, confirmed, file, now, tally: Tally::default() };
    for (host, result) in shown {
        match result {
            Ok(key) => enrolment.one(host, &key)?,
            Err(fault) => {
                enrolment.tally.failed += 1;
                say(&format!("{}: {fault}\n  help: {}", host.asset.name, fault.kind.remedy()))?;
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
    known: KnownHosts,
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

fn fetch<'a>(hosts: &[&'a Host], known: &KnownHosts) -> Result<Vec<Shown<'a>>, Problem> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| Problem::new("FS-INT-001", format!("no runtime: {error}")))?;
    let deadlines = Deadlines::default();
    let visits = stream::iter(hosts.iter().copied());
    let fetch = |host| {
        let deadlines = &deadlines;
        async move { (host, fetch_host_key(host, known, deadlines).await) }
    };
    let visits = visits.map(fetch);
    Ok(runtime.block_on(visits.buffered(WIDTH).collect()))
}

impl Enrolment<'_> {
    fn one(&mut self, host: &Host, key: &ServerKey) -> Result<(), Problems> {
        let name = &host.asset.name;
        let shown = format!("{name}: {} ({})", key.fingerprint(), key.algorithm());
        let verdict = key.judge(&self.known, self.now).map_err(|error| {
            Problem::new("FS-INT-001", format!("{shown} cannot be judged: {error}"))
        })?;
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
    say(&format!(
        "{} ({}:{}, reached at {}) shows\n  {} {fingerprint}",
        asset.name,
        asset.address,
        asset.port,
        key.peer,
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
        match line.split_once(',').map(|(host, key)| (host.trim(), key.trim())) {
            Some((host, key)) if key.starts_with("SHA256:") => {
                list.insert(host.to_owned(), key.to_owned());
            }
            Some(_) | None => {
                let shown = escape(line.as_bytes());
                let mut problem =
                    Problem::new("FS-USE-007", format!("`{shown}` is not host,SHA256:..."))
                        .help("write one host a line, such as web-1,SHA256:...");
                problem.place = Some(format!("{}:{number}", path.display()));
                problems.push(problem);
            }
        }
    }
    if problems.is_empty() { Ok(list) } else { Err(Problems(problems)) }
}
