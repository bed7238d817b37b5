//! `fleetstat runs`, `fleetstat query listeners`, `fleetstat query peers`.

use crate::cli::args::{ListenersArgs, PeersArgs, RunsArgs};
use crate::cli::problem::Problem;
use crate::cli::setting::{Setting, store_problem};
use crate::cli::{Ended, time, to_stdout};
use crate::report::answer::{Listeners, Outcomes, Peers, Runs};
use crate::report::rows::write_answers;
use crate::store::{ListenerQuery, Mode, Partner, PeerQuery};

/// Lists the runs, or the hosts of one.
pub(super) fn runs(setting: &Setting, args: &RunsArgs) -> Ended {
    let store = setting.store(Mode::Read)?;
    let runs = store.runs().map_err(store_problem)?;
    if let Some(name) = &args.run {
        let Some(run) = runs.iter().find(|run| run.run.as_str() == name) else {
            let shown = crate::model::text::escape(name.as_bytes());
            let near = crate::yaml::suggest::nearest(name, runs.iter().map(|r| r.run.as_str()));
            let problem = Problem::new("FS-USE-009", format!("the store knows no run `{shown}`"));
            return Err(match near {
                Some(near) => problem.help(format!("did you mean `{near}`?")).into(),
                None => problem.into(),
            });
        };
        let limit = setting.limit_hosts(&*store)?;
        let mut hosts = store.outcomes(&run.run).map_err(store_problem)?;
        hosts.retain(|outcome| limit.as_ref().is_none_or(|names| names.contains(&outcome.host)));
        return to_stdout(|out| write_answers(out, setting.layout(), Outcomes, &hosts).map(drop));
    }
    to_stdout(|out| write_answers(out, setting.layout(), Runs, &runs).map(drop))
}

/// Who listens.
pub(super) fn listeners(setting: &Setting, args: &ListenersArgs) -> Ended {
    let store = setting.store(Mode::Read)?;
    let now = setting.clock.utc();
    let query = ListenerQuery {
        port: args.port,
        address: args.address,
        hosts: setting.limit_hosts(&*store)?,
        role: None,
        at: args.at.as_deref().map(|text| time::point(text, now)).transpose()?,
        include_closed: args.gone,
    };
    let rows = store.listeners(&query).map_err(store_problem)?;
    to_stdout(|out| write_answers(out, setting.layout(), Listeners, &rows).map(drop))
}

/// Who talked to an address.
pub(super) fn peers(setting: &Setting, args: &PeersArgs) -> Ended {
    let store = setting.store(Mode::Read)?;
    let query = PeerQuery {
        partner: Partner::Address(args.address),
        since: Some(time::point(&args.since, setting.clock.utc())?),
        until: None,
        hosts: setting.limit_hosts(&*store)?,
    };
    let rows = store.peers(&query).map_err(store_problem)?;
    to_stdout(|out| write_answers(out, setting.layout(), Peers, &rows).map(drop))
}
