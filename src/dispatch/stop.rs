//! How a run is asked to stop: first it starts no more hosts, then it drops those in flight.

use tokio::sync::watch;

/// How far a run should wind down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Go on.
    Run,
    /// Start no more hosts; let those in flight finish.
    Drain,
    /// Drop the hosts in flight too.
    Abort,
}

/// Asks a run to stop. Cheap to clone; any holder may ask.
#[derive(Clone, Debug)]
pub struct Stop {
    stage: watch::Sender<Stage>,
    reason: std::sync::Arc<std::sync::OnceLock<String>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { stage: watch::Sender::new(Stage::Run), reason: std::sync::Arc::default() }
    }
}

impl Stop {
    /// Raises the stage; it never falls. The first reason stays.
    pub fn ask(&self, stage: Stage, reason: &str) {
        self.reason.get_or_init(|| reason.to_owned());
        self.stage.send_if_modified(|now| {
            let raised = stage > *now;
            *now = stage.max(*now);
            raised
        });
    }

    /// The stage now.
    #[must_use]
    pub fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// Why the run stops. Empty while it does not.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.reason.get().map_or("", String::as_str)
    }

    /// Returns once the stage is at least `stage`.
    pub async fn reached(&self, stage: Stage) {
        let mut watch = self.stage.subscribe();
        // The sender lives in self, so waiting cannot fail.
        let _ = watch.wait_for(|now| *now >= stage).await;
    }
}
