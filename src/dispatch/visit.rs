//! One visit: connect, ask every order, close. Whatever the host does, a report comes out.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::dispatch::ending::{Broken, TIMEOUT, Unusable, answered, present, unusable};
use crate::dispatch::event::{Observer, RunEvent};
use crate::model::capture::{End, FallbackOf, Negotiated};
use crate::model::deadline::{CommandLimits, Deadlines};
use crate::model::fault::{Fault, FaultKind};
use crate::model::time::Utc;
use crate::plan::order::{Order, Visit, When};
use crate::probe::command::Invocation;
use crate::probe::fallback::Condition;
use crate::probe::follow::{ANSWER_BYTES_MAX, Ask, Seen};
use crate::probe::tool::FoundTools;
use crate::transport::SpoolSettings;
use crate::transport::clock::Clock;
use crate::transport::{Answer, Session, Transport};

/// Bytes of the list of tools that are looked at: it names about thirty paths.
const LISTING_BYTES: usize = 16 << 10;

/// The tool that lowers a command's priority.
const NICE: &str = "/usr/bin/nice";

/// What all commands of a host may print together: twice what one stream may. A host that prints
/// without end takes no more of the disk than that.
const HOST_SHARE: u64 = 2;

/// Time kept back at the end of a host's deadline, so that the last command ends by its own
/// deadline and its partial output is kept.
const HOST_MARGIN: Duration = Duration::from_secs(1);

/// One command and its answer.
#[derive(Debug)]
pub struct Captured {
    /// The order it belongs to.
    pub order: Arc<Order>,
    /// What was sent.
    pub invocation: Invocation,
    /// Set when it ran in place of another.
    pub fallback_of: Option<FallbackOf>,
    /// What came.
    pub answer: Answer,
    /// Another command took its place.
    pub replaced: bool,
}

/// What came of one visit.
#[derive(Debug)]
pub struct VisitReport {
    /// The visit as planned.
    pub visit: Arc<Visit>,
    /// When the first command was sent; when the visit was given up, if none was.
    pub started: Utc,
    /// When the last answer had ended.
    pub ended: Utc,
    /// Address that was connected to.
    pub peer: Option<IpAddr>,
    /// What the two ends agreed on.
    pub negotiated: Option<Negotiated>,
    /// Commands and answers, in the order they were sent.
    pub captured: Vec<Captured>,
    /// Faults of the visit as a whole.
    pub faults: Vec<Fault>,
}

impl VisitReport {
    /// A report of a host that gave no answer.
    #[must_use]
    pub fn without_answer(visit: Arc<Visit>, at: Utc, fault: Fault) -> Self {
        Self {
            visit,
            started: at,
            ended: at,
            peer: None,
            negotiated: None,
            captured: Vec::new(),
            faults: vec![fault],
        }
    }

    /// The fault that decided the visit: that of the visit itself, else of its first incomplete
    /// command without whose answer something is missing.
    #[must_use]
    pub fn worst_fault(&self) -> Option<&Fault> {
        let counts = |captured: &&Captured| {
            let missing = captured.answer.end.is_tool_missing();
            let spared = captured.order.rich || missing && captured.order.optional;
            !captured.replaced && !spared
        };
        let mut counting = self.captured.iter().filter(counts);
        let incomplete = counting.find_map(|captured| match &captured.answer.end {
            End::Incomplete(fault) => Some(fault),
            End::Exit(_) | End::Signal(_) => None,
        });
        self.faults.first().or(incomplete)
    }
}

/// What all visits of a run share.
pub struct VisitContext<'a> {
    /// Deadlines of the plan.
    pub deadlines: &'a Deadlines,
    /// Where output goes that outgrows memory.
    pub spool: &'a SpoolSettings,
    /// The run's clock.
    pub clock: &'a Clock,
    /// Takes the events.
    pub observer: &'a dyn Observer,
}

/// Visits one host.
pub async fn visit(
    visit: Arc<Visit>,
    transport: &dyn Transport,
    context: &VisitContext<'_>,
) -> VisitReport {
    let host = &visit.host;
    context.observer.event(&RunEvent::VisitStarted { host: &host.asset.name });
    let end = Instant::now() + context.deadlines.host;
    let session = match transport.connect(host, context.deadlines).await {
        Ok(session) => session,
        Err(fault) => {
            return VisitReport::without_answer(visit.clone(), context.clock.utc(), fault);
        }
    };
    let connected = context.clock.utc();
    let mut conversation = Conversation::new(session, &visit, context, end);
    for order in visit.orders.iter() {
        conversation.take(order).await;
    }
    let Conversation { session, captured, mut faults, broken, .. } = conversation;
    faults.extend(broken.map(Broken::told));
    let (negotiated, peer) = (session.negotiated(), session.peer());
    faults.extend(session.close().await);
    VisitReport {
        started: captured.first().map_or(connected, |first| first.answer.started),
        ended: captured.last().map_or(connected, |last| last.answer.ended),
        peer,
        negotiated,
        captured,
        faults,
        visit: visit.clone(),
    }
}

/// What is known of the tools on the host.
enum Tools {
    /// Every tool so far was at its first path.
    NotAsked,
    /// The paths that exist, and the section that told.
    Found(FoundTools, u16),
    /// The host did not tell.
    Unknown,
}

/// An open session and what was said so far.
struct Conversation<'a> {
    session: Box<dyn Session>,
    visit: &'a Visit,
    context: &'a VisitContext<'a>,
    end: Instant,
    tools: Tools,
    /// The host's `timeout` does not take `-k`: nothing is sent through it any more.
    old_timeout: bool,
    captured: Vec<Captured>,
    faults: Vec<Fault>,
    /// Set when no further command can be sent.
    broken: Option<Broken>,
    /// The order that is asked is of the rich profile.
    rich: bool,
    /// What answers said of processes. `None`: nothing of the plan asks.
    seen: Option<Seen>,
}

/// Why an order was not answered by its own tool, and by what the next one can say so.
type Unanswered = (When, FallbackOf);

impl<'a> Conversation<'a> {
    fn new(
        session: Box<dyn Session>,
        visit: &'a Visit,
        context: &'a VisitContext<'a>,
        end: Instant,
    ) -> Self {
        Self {
            session,
            visit,
            context,
            end,
            tools: Tools::NotAsked,
            old_timeout: false,
            captured: Vec::new(),
            faults: Vec::new(),
            broken: None,
            rich: false,
            seen: visit.orders.iter().any(|order| order.each.is_some()).then(Seen::default),
        }
    }

    /// Asks one order of the plan, if what it follows from was answered; a question about
    /// processes as often as earlier answers and its bounds say.
    async fn take(&mut self, order: &Arc<Order>) {
        self.rich = order.rich;
        let was_answered = |probe: &&str| {
            self.captured.iter().any(|c| !c.replaced && c.order.probe.as_str() == *probe)
        };
        if !order.after.is_empty() && !order.after.iter().any(was_answered) {
            return;
        }
        let Some(each) = &order.each else {
            let before = self.captured.len();
            self.ask(order, None).await;
            return self.look(before);
        };
        let asks = self.seen.as_ref().map(|seen| seen.asks(each)).unwrap_or_default();
        for ask in asks {
            let before = self.captured.len();
            self.ask_about(order, &ask).await;
            self.look(before);
        }
    }

    /// Asks about the first processes of a list that are still there.
    async fn ask_about(&mut self, order: &Arc<Order>, ask: &Ask) {
        let mut origin = None;
        for order in ask.iter().filter_map(|pids| order.about(pids)) {
            let before = self.captured.len();
            self.ask(&Arc::new(order), origin.take()).await;
            let last = self.captured.iter_mut().skip(before).last();
            let gone = |c: &&mut Captured| c.answer.stdout.bytes() == 0 && answered(c);
            let Some(last) = last.filter(gone) else { return };
            last.replaced = true;
            origin = Some(self.replaced_by("the process had ended"));
        }
        // None of them was there: what the last one said stands.
        if origin.is_some() {
            self.captured.iter_mut().last().into_iter().for_each(|last| last.replaced = false);
        }
    }

    /// Looks for processes in what was answered since `before`.
    fn look(&mut self, before: usize) {
        let Some(seen) = &mut self.seen else { return };
        for captured in self.captured.iter_mut().skip(before).filter(|c| !c.replaced) {
            // An answer that cannot be read back names nobody; writing the evidence will tell.
            let answer = captured.answer.stdout.head(ANSWER_BYTES_MAX).unwrap_or_default();
            seen.look(&captured.order.reader, &answer);
        }
    }

    /// Asks one order and, where a condition holds, what replaces it.
    async fn ask(&mut self, order: &Arc<Order>, origin: Option<FallbackOf>) {
        // Popped from the end: fallbacks are pushed in reverse.
        let mut queue: Vec<(&Arc<Order>, Option<FallbackOf>)> = vec![(order, origin)];
        while let Some((order, origin)) = queue.pop() {
            let before = self.captured.len();
            let Some((when, origin)) = self.try_paths(order, origin).await else { continue };
            let fallback = order.fallbacks.iter().find(|fallback| fallback.takes(when));
            match fallback {
                Some(fallback) => {
                    self.mark_replaced(before);
                    let next = fallback.orders.iter().rev();
                    queue.extend(next.map(|next| (next, Some(origin.clone()))));
                }
                None if self.captured.len() == before && !self.is_spared(order) => {
                    let detail = format!("{}: {}", order.probe, origin.condition);
                    self.faults.push(Fault::new(FaultKind::ToolMissing, detail));
                }
                None => {}
            }
        }
    }

    /// True when nothing is missing without an order's answer: it is optional, or a probe that was
    /// answered tells all that it would.
    fn is_spared(&self, order: &Order) -> bool {
        let tells = |c: &Captured| {
            !c.replaced && answered(c) && order.covered_by.contains(&c.order.probe.as_str())
        };
        order.optional || self.captured.iter().any(tells)
    }

    /// Sends an order to each path its tool may have. `None`: it was answered, or nothing more can
    /// be sent.
    async fn try_paths(
        &mut self,
        order: &Arc<Order>,
        origin: Option<FallbackOf>,
    ) -> Option<Unanswered> {
        if self.broken.is_some() {
            return None;
        }
        let mut origin = origin;
        let mut index = match self.first_path(order) {
            Ok(index) => index,
            // In a chain of which a link was not sent, the evidence names the section before it.
            Err((when, this)) => return Some((when, origin.unwrap_or(this))),
        };
        loop {
            let unusable = self.send(order, index, origin.take()).await?;
            let this = self.replaced_by(unusable.words());
            match unusable {
                Unusable::SudoRefused => return Some((When::SudoRefused, this)),
                Unusable::Cut => return Some((When::OutputCut, this)),
                // Sent again without it, which cannot come to this a second time.
                Unusable::OldTimeout => {
                    self.old_timeout = true;
                    self.captured.iter_mut().last().into_iter().for_each(|c| c.replaced = true);
                    origin = Some(this);
                    continue;
                }
                Unusable::NoProgram | Unusable::Tool(Condition::ToolMissing) => {}
                Unusable::Tool(_) => return Some((When::ToolUnusable, this)),
            }
            match self.next_path(order, index).await {
                // It may be sudo that is missing, and not the tool.
                Some(_) if self.lacks_sudo(order) => return Some((When::SudoRefused, this)),
                Some(next) => {
                    let tried = usize::from(this.section).saturating_sub(1);
                    self.captured.iter_mut().skip(tried).take(1).for_each(|c| c.replaced = true);
                    origin = Some(this);
                    index = next;
                }
                None => return Some((When::ToolUnusable, this)),
            }
        }
    }

    /// Marks what was sent from `first` on as replaced, but for the list of tools itself.
    fn mark_replaced(&mut self, first: usize) {
        let tools = self.visit.tools.as_ref().map(|order| &order.probe);
        for captured in self.captured.iter_mut().skip(first) {
            captured.replaced |= Some(&captured.order.probe) != tools;
        }
    }

    /// The path to try first; by whose word the tool is missing, when it is known to be.
    fn first_path(&self, order: &Order) -> Result<usize, Unanswered> {
        let Tools::Found(paths, section) = &self.tools else { return Ok(0) };
        let missing =
            |condition: &str| FallbackOf { section: *section, condition: condition.to_owned() };
        match present(order, paths) {
            None => Err((When::ToolUnusable, missing("the tool is at none of its paths"))),
            Some(_) if self.lacks_sudo(order) => {
                Err((When::SudoRefused, missing("sudo is at none of its paths")))
            }
            Some(index) => Ok(index),
        }
    }

    /// True when an order goes through sudo and the host is known to have none.
    fn lacks_sudo(&self, order: &Order) -> bool {
        let Tools::Found(paths, _) = &self.tools else { return false };
        order.wrap.sudo.is_some_and(|sudo| !paths.has(sudo))
    }

    /// The path to try after one was missing; asks the host once where its tools are.
    async fn next_path(&mut self, order: &Arc<Order>, tried: usize) -> Option<usize> {
        let after = |tried| Some(tried + 1).filter(|next| *next < order.candidates.len());
        match &self.tools {
            Tools::NotAsked => {
                self.ask_for_tools().await;
                match &self.tools {
                    Tools::Found(paths, _) => present(order, paths),
                    // Again from the first path, now without `timeout`, which may be what is missing.
                    Tools::NotAsked | Tools::Unknown if self.visit.tools.is_some() => Some(0),
                    Tools::NotAsked | Tools::Unknown => after(tried),
                }
            }
            Tools::Found(..) => None,
            Tools::Unknown => after(tried),
        }
    }

    async fn ask_for_tools(&mut self) {
        self.tools = Tools::Unknown;
        let Some(order) = self.visit.tools.clone() else { return };
        // The list is asked for without `timeout`: it may be the very tool that is missing.
        self.send(&order, 0, None).await;
        let section = self.section();
        let Some(captured) = self.captured.last_mut().filter(|c| c.order.probe == order.probe)
        else {
            return;
        };
        let listing = captured.answer.stdout.head(LISTING_BYTES);
        if let Some(listing) = listing.ok().filter(|listing| !listing.is_empty()) {
            self.tools = Tools::Found(FoundTools::read(&listing), section);
        }
    }

    /// Sends an order with the tool at one path. `None`: answered, or the session broke.
    async fn send(
        &mut self,
        order: &Arc<Order>,
        index: usize,
        fallback_of: Option<FallbackOf>,
    ) -> Option<Unusable> {
        let limits = self.limits(order)?;
        let invocation = order.invocation(index, self.has(TIMEOUT), self.has(NICE))?;
        let spool = self.room(order)?;
        let host = &self.visit.host.asset.name;
        let probe = &order.probe;
        self.context.observer.event(&RunEvent::CommandStarted { host, probe });
        let mut answer = self.session.run(&invocation, limits, &spool).await;
        let (bytes, elapsed) = (answer.stdout.bytes(), answer.elapsed);
        self.context.observer.event(&RunEvent::CommandEnded { host, probe, bytes, elapsed });
        let unusable = unusable(order, &invocation, &mut answer);
        if !answer.session_usable {
            self.break_off(&answer.end);
        }
        let order = Arc::clone(order);
        self.captured.push(Captured { order, invocation, fallback_of, answer, replaced: false });
        unusable
    }

    /// Where the next command's output goes, within what the host has left of its share. One whose
    /// output may be too much leaves half of that to the commands that then take its place.
    fn room(&mut self, order: &Order) -> Option<SpoolSettings> {
        let bytes = |c: &Captured| c.answer.stdout.bytes() + c.answer.stderr.bytes();
        let used: u64 = self.captured.iter().map(bytes).sum();
        let share = self.context.spool.cap.saturating_mul(HOST_SHARE);
        let left = share.saturating_sub(used);
        if left == 0 {
            let detail = format!("the host printed {used} bytes: no further command was sent");
            self.give_up(Fault::new(FaultKind::Truncated, detail));
            return None;
        }
        let left = if order.has_shorter() { left.div_ceil(2) } else { left };
        let cap = self.context.spool.cap.min(left);
        Some(SpoolSettings { cap, ..self.context.spool.clone() })
    }

    /// The order's limits inside what is left of the host's deadline.
    fn limits(&mut self, order: &Order) -> Option<CommandLimits> {
        if self.broken.is_some() {
            return None;
        }
        let left = self.end.saturating_duration_since(Instant::now()).saturating_sub(HOST_MARGIN);
        if left.is_zero() {
            let limit = self.context.deadlines.host.as_secs();
            let detail = format!("the visit reached the host deadline of {limit} s");
            self.give_up(Fault::new(FaultKind::Deadline, detail));
            return None;
        }
        let CommandLimits { first_byte, idle, total } = order.limits;
        let within = |limit: Duration| limit.min(left);
        Some(CommandLimits {
            first_byte: within(first_byte),
            idle: within(idle),
            total: within(total),
        })
    }

    fn break_off(&mut self, end: &End) {
        let fault = match end {
            End::Incomplete(fault) => fault.clone(),
            End::Exit(_) | End::Signal(_) => self.session.broken_by().unwrap_or_else(|| {
                Fault::new(FaultKind::Lost, "the connection ended with the command")
            }),
        };
        self.give_up(fault);
    }

    fn give_up(&mut self, fault: Fault) {
        self.broken = Some(Broken { fault, rich: self.rich });
    }

    /// Whether commands are sent through a program: yes, until the host is known not to have it.
    fn has(&self, program: &str) -> bool {
        if program == TIMEOUT && self.old_timeout {
            return false;
        }
        match &self.tools {
            Tools::NotAsked => true,
            Tools::Found(paths, _) => paths.has(program),
            Tools::Unknown => false,
        }
    }

    fn section(&self) -> u16 {
        u16::try_from(self.captured.len()).unwrap_or(u16::MAX)
    }

    /// Says that the section sent last is replaced, and why.
    fn replaced_by(&self, condition: &str) -> FallbackOf {
        FallbackOf { section: self.section(), condition: condition.to_owned() }
    }
}
