//! Scripted hosts: what they answer, how long they take, and what was seen of the run.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fleetstat::dispatch::event::Silent;
use fleetstat::dispatch::run::{Dispatch, run};
use fleetstat::dispatch::stop::Stop;
use fleetstat::dispatch::visit::VisitReport;
use fleetstat::evidence::spool::{Spool, SpoolSettings};
use fleetstat::inventory::from_texts;
use fleetstat::inventory::host::Host;
use fleetstat::model::capture::{End, Negotiated};
use fleetstat::model::deadline::{CommandLimits, Deadlines};
use fleetstat::model::edge::EdgeLimits;
use fleetstat::model::fault::Fault;
use fleetstat::model::snapshot::View;
use fleetstat::model::time::Utc;
use fleetstat::plan::wave::Waves;
use fleetstat::plan::{Plan, Request, build};
use fleetstat::probe::Profile;
use fleetstat::probe::command::Invocation;
use fleetstat::transport::clock::Clock;
use fleetstat::transport::{Answer, Roads, Session, Transport};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// What a scripted host says to one command line: exit status, standard output, standard error.
pub(crate) type Say = fn(&str) -> (u32, &'static str, &'static str);

/// How one host behaves.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) connect: Result<Duration, Fault>,
    pub(crate) command: Duration,
    pub(crate) say: Say,
    pub(crate) panics: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            connect: Ok(Duration::from_millis(10)),
            command: Duration::from_millis(1),
            say: |_| (0, "1795493206.979011329\n", ""),
            panics: false,
        }
    }
}

/// What was seen of a run.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) starts: Vec<Duration>,
    /// Who was connected to, and when.
    pub(crate) opened: Vec<(String, Duration)>,
    pub(crate) open: usize,
    pub(crate) most_open: usize,
    pub(crate) lines: BTreeMap<String, Vec<String>>,
    pub(crate) connects: BTreeMap<String, usize>,
}

/// A fleet of scripted hosts behind one transport.
pub(crate) struct Fleet {
    scripts: BTreeMap<String, Script>,
    begun: Instant,
    pub(crate) seen: Arc<Mutex<Seen>>,
}

impl Transport for Fleet {
    fn connect<'a>(
        &'a self,
        host: &'a Host,
        _: &'a Deadlines,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, Fault>> {
        async move {
            let name = host.asset.name.to_string();
            let script = self.scripts.get(&name).cloned().unwrap_or_default();
            let open = Open::new(&self.seen, self.begun.elapsed(), &name);
            tokio::time::sleep(script.connect.clone()?).await;
            assert!(!script.panics, "a scripted panic");
            Ok(Box::new(Scripted { script, name, seen: self.seen.clone(), _open: open })
                as Box<dyn Session>)
        }
        .boxed()
    }
}

/// Counts a connection while it lives.
struct Open(Arc<Mutex<Seen>>);

impl Open {
    fn new(seen: &Arc<Mutex<Seen>>, at: Duration, name: &str) -> Self {
        let mut now = seen.lock().unwrap();
        now.starts.push(at);
        now.opened.push((name.to_owned(), at));
        now.open += 1;
        now.most_open = now.most_open.max(now.open);
        *now.connects.entry(name.to_owned()).or_default() += 1;
        Self(seen.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().unwrap().open -= 1;
    }
}

struct Scripted {
    script: Script,
    name: String,
    seen: Arc<Mutex<Seen>>,
    _open: Open,
}

impl Session for Scripted {
    fn run<'a>(
        &'a mut self,
        invocation: &'a Invocation,
        _: CommandLimits,
        spool: &'a SpoolSettings,
    ) -> BoxFuture<'a, Answer> {
        async move {
            let line = invocation.line();
            tokio::time::sleep(self.script.command).await;
            let (exit, out, err) = (self.script.say)(&line);
            let (mut stdout, mut stderr) = (Spool::new(spool), Spool::new(spool));
            stdout.write(out.as_bytes()).unwrap();
            stderr.write(err.as_bytes()).unwrap();
            let lines = &mut self.seen.lock().unwrap().lines;
            lines.entry(self.name.clone()).or_default().push(line);
            Answer {
                started: Utc::EPOCH,
                ended: Utc::EPOCH,
                elapsed: self.script.command,
                end: End::Exit(exit),
                stdout,
                stderr,
                faults: Vec::new(),
                session_usable: true,
            }
        }
        .boxed()
    }

    fn negotiated(&self) -> Option<Negotiated> {
        None
    }

    fn peer(&self) -> Option<std::net::IpAddr> {
        None
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Option<Fault>> {
        async { None }.boxed()
    }
}

/// Limits of a run.
pub(crate) struct Limits {
    pub(crate) width: usize,
    pub(crate) starts_per_second: u32,
    pub(crate) waves: Option<Waves>,
}

/// Runs the fleet of this inventory to its end.
pub(crate) async fn dispatch(
    inventory: &str,
    views: &[View],
    limits: &Limits,
    scripts: &[(&str, Script)],
    stop: Stop,
) -> (Vec<VisitReport>, Arc<Mutex<Seen>>) {
    let plan = plan(inventory, views, limits);
    let seen = Arc::new(Mutex::new(Seen::default()));
    let scripts = scripts.iter().map(|(name, script)| ((*name).to_owned(), script.clone()));
    let fleet: Arc<dyn Transport> =
        Arc::new(Fleet { scripts: scripts.collect(), begun: Instant::now(), seen: seen.clone() });
    let folder = tempfile::tempdir().unwrap();
    let dispatch = Arc::new(Dispatch {
        edges: plan.edges.clone(),
        waves: plan.waves.clone(),
        max_fail_percentage: plan.max_fail_percentage(),
        deadlines: Deadlines::default(),
        spool: SpoolSettings::new(folder.path().to_owned(), 1 << 20),
        clock: Clock::at(Utc::EPOCH),
        roads: Arc::new(Roads { ssh: fleet.clone(), local: fleet.clone(), winrm: fleet }),
        observer: Arc::new(Silent),
        stop,
    });
    let (reports, mut waiting) = mpsc::channel(4);
    let running = tokio::spawn(run(dispatch, plan.visits, reports));
    let mut all = Vec::new();
    while let Some(report) = waiting.recv().await {
        all.push(report);
    }
    running.await.unwrap();
    all.sort_by(|a, b| a.visit.host.asset.name.cmp(&b.visit.host.asset.name));
    (all, seen)
}

/// The plan of an inventory.
pub(crate) fn plan(inventory: &str, views: &[View], limits: &Limits) -> Plan {
    let inventory = from_texts(&[("fleet.yaml", inventory)]).unwrap();
    let named = inventory.limits;
    let hosts: Vec<Arc<Host>> = inventory.hosts.into_iter().map(Arc::new).collect();
    let request = Request {
        playbook: "test".to_owned(),
        purpose: "routine".to_owned(),
        operator: "tester".to_owned(),
        change: None,
        views: views.to_vec(),
        profile: Profile::Default,
        width: limits.width,
        starts_per_second: NonZeroU32::new(limits.starts_per_second).unwrap(),
        edges: EdgeLimits { named, ..EdgeLimits::default() },
        waves: limits.waves.clone(),
        output_bytes: 1 << 20,
        deadlines: Deadlines::default(),
        containers: true,
        site_probes: Vec::new(),
    };
    build::plan(request, &hosts, |_| true)
}

/// An inventory of `count` hosts with one account.
pub(crate) fn fleet(count: usize) -> String {
    format!(
        "accounts:\n  a: {{user: reader, identity: /k}}\nall: {{account: a}}\n\
         hosts:\n  \"h[001-{count:03}]\": {{address: \"10.0.0.[1-{count}]\"}}\n"
    )
}
