//! What a host's visits had confirmed at an earlier time. The table `confirmed` knows the latest
//! only; the rest is in the snapshots.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::model::snapshot::View;
use crate::model::socket::Direction;
use crate::model::time::Utc;
use crate::store::Error;
use crate::store::blob::{self, Part};
use crate::store::sqlite::conversion::{column, damaged, time};
use crate::store::sqlite::found::{Found, Sight};
use crate::store::sqlite::history::whole_probes;
use crate::store::sqlite::ingest::view_bit;
use crate::store::sqlite::read;
use crate::store::sqlite::statements::Statements;

/// One visit, as far as confirmation goes.
struct Visit {
    id: i64,
    sight: Sight,
    complete: i64,
    sections: Option<i64>,
}

/// Confirmations of the hosts asked for so far, up to one time.
#[derive(Default)]
pub(super) struct Past {
    /// Visits of a host at or before the time, the latest first.
    visits: HashMap<i64, Vec<Visit>>,
    /// Numbers of the whole probes in a blob of section results.
    probes: HashMap<i64, Vec<i64>>,
}

impl Past {
    /// When the probe or the view of a fact was last read whole, at or before a time that is the
    /// same for all calls; and how many visits of the host up to that time came later.
    pub(super) fn confirmed(
        &mut self,
        sql: &mut Statements<'_>,
        fact: &Found,
        at: Utc,
    ) -> Result<Option<(usize, Sight)>, Error> {
        const ALL: &str = "SELECT s.id, s.started, s.role, s.complete, s.sections FROM snapshot s
            JOIN run r ON r.id = s.run WHERE s.host = ?1 AND s.started <= ?2
            ORDER BY s.started DESC, r.name DESC, s.pass DESC, s.attempt DESC";
        let visits = match self.visits.entry(fact.host_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                place.insert(sql.all(ALL, (fact.host_id, at.micros()), visit)?)
            }
        };
        let view = match fact.kind {
            // What is in another namespace is confirmed by the look into all of them alone.
            _ if fact.namespace.is_some() => 0,
            Direction::Listener => view_bit(View::Listeners),
            _ => view_bit(View::Sessions),
        };
        for (place, visit) in visits.iter().enumerate() {
            if visit.complete & view != 0 {
                return Ok(Some((place, visit.sight)));
            }
            let (Some(probe), Some(sections)) = (fact.probe, visit.sections) else { continue };
            let whole = match self.probes.entry(sections) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(probes_in(sql, sections)?),
            };
            if whole.contains(&probe) {
                return Ok(Some((place, visit.sight)));
            }
        }
        Ok(None)
    }

    /// How many visits of a host that [`Past::confirmed`] has looked at came later than this one.
    /// `None`: it is later than the time of these calls.
    pub(super) fn place(&self, host: i64, snapshot: i64) -> Option<usize> {
        self.visits.get(&host)?.iter().position(|visit| visit.id == snapshot)
    }
}

fn visit(row: &rusqlite::Row<'_>) -> Result<Visit, Error> {
    let sight = Sight { at: time(row, "started")?, role: column(row, "role")? };
    let (complete, sections) = (column(row, "complete")?, column(row, "sections")?);
    Ok(Visit { id: column(row, "id")?, sight, complete, sections })
}

/// Numbers of the whole probes in a blob of section results.
pub(super) fn probes_in(sql: &mut Statements<'_>, sections: i64) -> Result<Vec<i64>, Error> {
    const FIND: &str = "SELECT id FROM source WHERE name = ?1";
    let page = read::page(sql, Part::Sections, sections)?;
    let results = blob::read_sections(&page).map_err(|fault| damaged("sections", fault))?;
    let mut probes = Vec::new();
    for name in whole_probes(&results) {
        probes.extend(sql.first(FIND, [name], |row| row.get::<_, i64>(0))?);
    }
    Ok(probes)
}
