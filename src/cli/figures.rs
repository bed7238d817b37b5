//! `fleetstat query states`, `query interfaces`, `query routes`.

use crate::analyse::routing::{Wanted, network};
use crate::analyse::states::totals;
use crate::cli::about::{about, tell};
use crate::cli::problem::Problem;
use crate::cli::question::{InterfacesArgs, RoutesArgs, StateRows, StatesArgs};
use crate::cli::saved::answer;
use crate::cli::setting::{Setting, store_problem};
use crate::cli::{Ended, time};
use crate::report::rate::{LinkRateRow, LinkRates};
use crate::report::routed::{RoutedRow, RoutedRows};
use crate::report::state::{HostStateRow, HostStateRows, StateTotals};
use crate::report::unseen::write;
use crate::store::Mode;
use crate::workflow::figures;

/// Sockets by state.
pub(super) fn states(setting: &Setting, args: &StatesArgs) -> Ended {
    let store = setting.store(Mode::Read)?;
    let about = about(setting, &*store, &args.about)?;
    let found = figures::states(&*store, &about).map_err(store_problem)?;
    tell(setting, &found.unseen);
    let (layout, unseen) = (setting.layout(), &found.unseen);
    match args.by {
        StateRows::Host => {
            let row = |states| HostStateRow { states, asked: about.at };
            let rows: Vec<_> = found.rows.into_iter().map(row).collect();
            answer(&args.about.saved, |out| write(out, layout, HostStateRows, &rows, unseen))
        }
        StateRows::State => {
            let rows = totals(&found.rows);
            answer(&args.about.saved, |out| write(out, layout, StateTotals, &rows, unseen))
        }
    }
}

/// Interfaces with rates.
pub(super) fn interfaces(setting: &Setting, args: &InterfacesArgs) -> Ended {
    let store = setting.store(Mode::Read)?;
    let about = about(setting, &*store, &args.about)?;
    let since = args.since.as_deref().map(|text| time::point(text, about.at)).transpose()?;
    let mut found = figures::interfaces(&*store, &about, since).map_err(store_problem)?;
    if let Some(name) = &args.name {
        found.rows.retain(|rate| rate.interface.name.escaped() == name.as_str());
    }
    let row = |rate| LinkRateRow { rate, asked: about.at };
    let rows: Vec<_> = found.rows.into_iter().map(row).collect();
    tell(setting, &found.unseen);
    answer(&args.about.saved, |out| write(out, setting.layout(), LinkRates, &rows, &found.unseen))
}

/// Routes.
pub(super) fn routes(setting: &Setting, args: &RoutesArgs) -> Ended {
    let store = setting.store(Mode::Read)?;
    let about = about(setting, &*store, &args.about)?;
    let to = args.to.as_deref().map(destination).transpose()?;
    let wanted = Wanted { to, via: args.via, default: args.default };
    let found = figures::routes(&*store, &about, wanted, args.no_fold).map_err(store_problem)?;
    let row = |routed| RoutedRow { routed, to, asked: about.at };
    let rows: Vec<_> = found.rows.into_iter().map(row).collect();
    tell(setting, &found.unseen);
    answer(&args.about.saved, |out| write(out, setting.layout(), RoutedRows, &rows, &found.unseen))
}

fn destination(text: &str) -> Result<crate::analyse::routing::Network, Problem> {
    network(text).ok_or_else(|| {
        let shown = crate::model::text::escape(text.as_bytes());
        let problem = Problem::new("FS-USE-001", format!("`--to {shown}` is no address"));
        problem.help("write an address or a network, such as 192.0.2.7 or 10.0.0.0/8")
    })
}
