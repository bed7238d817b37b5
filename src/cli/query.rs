//! `fleetstat runs` and `fleetstat query`.

use crate::analyse::changed::{Folded, HostChange, fold};
use crate::analyse::prevalence::Rare;
use crate::cli::about::{about, tell};
use crate::cli::args::{ListenersArgs, PeersArgs, RunsArgs};
use crate::cli::problem::Problem;
use crate::cli::question::{ChangedArgs, PrevalenceArgs};
use crate::cli::saved::answer;
use crate::cli::setting::{Setting, store_problem};
use crate::cli::{Ended, time, to_stdout};
use crate::model::snapshot::View;
use crate::report::answer::{Listeners, Outcomes, Peers, Runs};
use crate::report::changed::{ChangedHosts, ChangedRow};
use crate::report::prevalence::Prevalences;
use crate::report::rows::write_answers;
use crate::report::unseen::write;
use crate::store::{ListenerQuery, Mode, Partner, PeerQuery};
use crate::workflow::question::{self, ChangedQuestion};

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
    let about = about(setting, &*store, &args.about)?;
    let query = ListenerQuery {
        port: args.port,
        address: args.address,
        hosts: about.hosts.clone(),
        role: None,
        // The latest is read through a narrower index than a time.
        at: args.about.at.is_some().then_some(about.at),
        include_closed: args.gone,
    };
    let rows = store.listeners(&query).map_err(store_problem)?;
    let unseen = question::answered(&*store, &about, View::Listeners).map_err(store_problem)?.1;
    tell(setting, &unseen);
    answer(&args.about.saved, |out| write(out, setting.layout(), Listeners, &rows, &unseen))
}

/// Who talked to an address.
pub(super) fn peers(setting: &Setting, args: &PeersArgs) -> Ended {
    let store = setting.store(Mode::Read)?;
    let about = about(setting, &*store, &args.about)?;
    let query = PeerQuery {
        partner: Partner::Address(args.address),
        since: Some(time::point(&args.since, about.at)?),
        until: args.about.at.is_some().then_some(about.at),
        hosts: about.hosts.clone(),
        at: args.about.at.is_some().then_some(about.at),
    };
    let rows = store.peers(&query).map_err(store_problem)?;
    let unseen = question::answered(&*store, &about, View::Sessions).map_err(store_problem)?.1;
    tell(setting, &unseen);
    answer(&args.about.saved, |out| write(out, setting.layout(), Peers, &rows, &unseen))
}

/// What changed.
pub(super) fn changed(setting: &Setting, args: &ChangedArgs) -> Ended {
    let store = setting.store(Mode::Read)?;
    let about = about(setting, &*store, &args.about)?;
    let since = time::point(&args.since, about.at)?;
    if since >= about.at {
        let message = format!("`--since` {since} is not before {}", about.at);
        return Err(Problem::new("FS-USE-003", message).into());
    }
    let mut views: Vec<View> = args.what.iter().map(|what| what.view()).collect();
    views.sort_unstable();
    views.dedup();
    let question = ChangedQuestion { hosts: about.hosts, since, until: about.at, views };
    let found = question::changed(&*store, &question).map_err(store_problem)?;
    let until = about.at;
    let single = |change: HostChange| Folded {
        hosts: vec![change.host.clone()],
        first_seen: change.first_seen,
        last_seen: change.last_seen,
        change,
    };
    let folded =
        if args.no_fold { found.rows.into_iter().map(single).collect() } else { fold(found.rows) };
    let row = |folded| ChangedRow { folded, since, until };
    let rows: Vec<_> = folded.into_iter().map(row).collect();
    tell(setting, &found.unseen);
    answer(&args.about.saved, |out| {
        write(out, setting.layout(), ChangedHosts, &rows, &found.unseen)
    })
}

/// How common each listener is.
pub(super) fn prevalence(setting: &Setting, args: &PrevalenceArgs) -> Ended {
    let store = setting.store(Mode::Read)?;
    let about = about(setting, &*store, &args.about)?;
    let wanted = Rare { below: args.rarer_than, hosts: args.max_hosts };
    let found = question::prevalence(&*store, &about, wanted, args.port).map_err(store_problem)?;
    tell(setting, &found.unseen);
    answer(&args.about.saved, |out| {
        write(out, setting.layout(), Prevalences, &found.rows, &found.unseen)
    })
}
