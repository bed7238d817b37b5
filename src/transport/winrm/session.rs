//! A visit by WinRM: commands, one after the other, in one shell.

use std::net::IpAddr;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::evidence::spool::SpoolSettings;
use crate::model::capture::Negotiated;
use crate::model::fault::Fault;
use crate::probe::command::Invocation;
use crate::transport::clock::Clock;
use crate::transport::output::{Output, Watch};
use crate::transport::winrm::shell::Shell;
use crate::transport::{Answer, CommandLimits, Session};

/// An open shell.
pub(super) struct WinrmSession {
    pub(super) shell: Shell,
    pub(super) clock: Clock,
    pub(super) negotiated: Negotiated,
}

impl Session for WinrmSession {
    fn run<'a>(
        &'a mut self,
        invocation: &'a Invocation,
        limits: CommandLimits,
        spool: &'a SpoolSettings,
    ) -> BoxFuture<'a, Answer> {
        async move {
            let mut output = Output::new(spool);
            let begun = (self.clock.utc(), self.clock.instant());
            let watch = Watch::new(limits);
            let outcome = self.shell.run(invocation.argv(), watch, &mut output).await;
            outcome.answer(output, begun, self.clock)
        }
        .boxed()
    }

    fn negotiated(&self) -> Option<Negotiated> {
        Some(self.negotiated.clone())
    }

    fn broken_by(&self) -> Option<Fault> {
        self.shell.broken_by()
    }

    fn peer(&self) -> Option<IpAddr> {
        self.shell.peer()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, Option<Fault>> {
        self.shell.close().boxed()
    }
}
