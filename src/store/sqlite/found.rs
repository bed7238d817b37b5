//! Facts as questions read them, with everything that names them, and their place in time.

use rusqlite::{Params, Row};

use crate::model::id::HostName;
use crate::model::socket::{Direction, Scope, Transport};
use crate::model::time::Utc;
use crate::store::Error;
use crate::store::sqlite::conversion::damaged;
use crate::store::sqlite::engine;
use crate::store::sqlite::past::Past;
use crate::store::sqlite::statements::Statements;

/// A query for facts: `$from` names `h` (host), `s` (shape) and `f` (fact) in the order in which
/// they shall be looked up. `p` and `v` are what the fact's probe and view confirmed last; `?1` is
/// the view's number.
macro_rules! facts_from {
    ($from:literal) => {
        concat!(
            "SELECT h.id, h.name, s.kind, s.transport, s.scope, s.port, s.uid, s.address, f.peer,
            s.process, f.service, f.probe, f.max_count, first.started, first.role,
            last.started, last.role, p.started, p.role, v.started, v.role, s.namespace, f.first, f.last
            FROM ",
            $from,
            " LEFT JOIN snapshot first ON first.id = f.first
            LEFT JOIN snapshot last ON last.id = f.last
            LEFT JOIN confirmed p ON p.host = f.host AND p.source = f.probe
            LEFT JOIN confirmed v ON v.host = f.host AND v.source = ?1
            AND s.namespace IS NULL"
        )
    };
}

/// Open listeners of a port.
pub(super) const OPEN_BY_PORT: &str = concat!(
    facts_from!(
        "shape s CROSS JOIN fact f ON f.shape = s.id AND f.last IS NULL
        CROSS JOIN host h ON h.id = f.host"
    ),
    " WHERE s.port = ?2 AND s.kind = 'listener'"
);

/// All listeners of a port.
pub(super) const BY_PORT: &str = concat!(
    facts_from!("shape s CROSS JOIN fact f ON f.shape = s.id CROSS JOIN host h ON h.id = f.host"),
    " WHERE s.port = ?2 AND s.kind = 'listener'"
);

/// All listeners of a host.
pub(super) const BY_HOST: &str = concat!(
    facts_from!("host h CROSS JOIN fact f ON f.host = h.id CROSS JOIN shape s ON s.id = f.shape"),
    " WHERE h.name = ?2 AND s.kind = 'listener'"
);

/// Open listeners of a host.
pub(super) const OPEN_BY_HOST: &str = concat!(
    facts_from!(
        "host h CROSS JOIN fact f ON f.host = h.id AND f.last IS NULL
        CROSS JOIN shape s ON s.id = f.shape"
    ),
    " WHERE h.name = ?2 AND s.kind = 'listener'"
);

/// Open facts of a host (`?2`) that began after `?3` and not after `?4`.
pub(super) const BEGUN: &str = concat!(
    facts_from!(
        "host h CROSS JOIN fact f ON f.host = h.id AND f.last IS NULL
        CROSS JOIN shape s ON s.id = f.shape"
    ),
    " WHERE h.id = ?2 AND first.started > ?3 AND first.started <= ?4"
);

/// Ended facts of a host (`?2`) that were last seen at or after `?3` and begun not after `?4`.
pub(super) const ENDED: &str = concat!(
    facts_from!(
        "host h CROSS JOIN fact f ON f.host = h.id
        AND f.last IN (SELECT id FROM snapshot WHERE host = ?2 AND started >= ?3)
        CROSS JOIN shape s ON s.id = f.shape"
    ),
    " WHERE h.id = ?2 AND first.started <= ?4"
);

/// Conversations of a host (`?2`) that are open and began not after `?3`.
pub(super) const STANDING: &str = concat!(
    facts_from!(
        "host h CROSS JOIN fact f ON f.host = h.id AND f.last IS NULL
        CROSS JOIN shape s ON s.id = f.shape"
    ),
    " WHERE h.id = ?2 AND s.kind IN ('inbound', 'outbound') AND first.started <= ?3"
);

/// All listeners.
pub(super) const ALL: &str = concat!(
    facts_from!("shape s CROSS JOIN fact f ON f.shape = s.id CROSS JOIN host h ON h.id = f.host"),
    " WHERE s.kind = 'listener'"
);

/// Conversations with partners in a range of addresses.
pub(super) const BY_PEER: &str = concat!(
    facts_from!(
        "endpoint e CROSS JOIN fact f ON f.peer = e.id CROSS JOIN shape s ON s.id = f.shape
        CROSS JOIN host h ON h.id = f.host"
    ),
    " WHERE e.address BETWEEN ?2 AND ?3"
);

/// A moment at which something was seen, with the host's role then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sight {
    pub(super) at: Utc,
    pub(super) role: Option<i64>,
}

/// A fact.
pub(super) struct Found {
    pub(super) host_id: i64,
    pub(super) host: HostName,
    pub(super) kind: Direction,
    pub(super) transport: Transport,
    pub(super) scope: Scope,
    pub(super) port: u16,
    pub(super) uid: Option<u32>,
    pub(super) bind: Option<i64>,
    pub(super) peer: Option<i64>,
    pub(super) process: Option<i64>,
    pub(super) service: Option<i64>,
    /// Name of its network namespace, among the services. `None`: the host's own.
    pub(super) namespace: Option<i64>,
    pub(super) probe: Option<i64>,
    pub(super) count: u64,
    pub(super) first: Sight,
    /// `None`: it is open.
    pub(super) last: Option<Sight>,
    /// Numbers of the first and last snapshot.
    pub(super) ends: (i64, Option<i64>),
    /// When its probe or its view was last read whole.
    pub(super) confirmed: Option<Sight>,
}

/// Asks one of the queries above.
pub(super) fn ask(
    sql: &mut Statements<'_>,
    query: &'static str,
    params: impl Params,
) -> Result<Vec<Found>, Error> {
    sql.all(query, params, found)
}

fn found(row: &Row<'_>) -> Result<Found, Error> {
    // Columns by place: by name costs as much as the query itself.
    let first = sight(row, 13)?.ok_or_else(|| damaged("fact.first", "NULL"))?;
    Ok(Found {
        host_id: cell(row, 0)?,
        host: word(row, 1, |text| HostName::new(text).ok())?,
        kind: word(row, 2, Direction::parse)?,
        transport: word(row, 3, Transport::parse)?,
        scope: word(row, 4, Scope::parse)?,
        port: cell(row, 5)?,
        uid: cell(row, 6)?,
        bind: cell(row, 7)?,
        peer: cell(row, 8)?,
        process: cell(row, 9)?,
        service: cell(row, 10)?,
        namespace: cell(row, 21)?,
        probe: cell(row, 11)?,
        count: cell::<i64>(row, 12)?.cast_unsigned(),
        first,
        last: sight(row, 15)?,
        ends: (cell(row, 22)?, cell(row, 23)?),
        confirmed: sight(row, 17)?.max(sight(row, 19)?),
    })
}

fn cell<T: rusqlite::types::FromSql>(row: &Row<'_>, place: usize) -> Result<T, Error> {
    row.get(place).map_err(engine("read a column"))
}

fn word<T>(row: &Row<'_>, place: usize, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
    let value = row.get_ref(place).map_err(engine("read a column"))?;
    let text = value.as_str().unwrap_or("");
    parse(text).ok_or_else(|| damaged("of a fact's names", text))
}

fn sight(row: &Row<'_>, place: usize) -> Result<Option<Sight>, Error> {
    let micros: Option<i64> = cell(row, place)?;
    let Some(micros) = micros else { return Ok(None) };
    let at = Utc::from_micros(micros).ok_or_else(|| damaged("snapshot.started", micros))?;
    Ok(Some(Sight { at, role: cell(row, place + 1)? }))
}

/// A fact set in time: when it was last seen, and whether it still held.
pub(super) struct Standing {
    pub(super) last_seen: Sight,
    pub(super) open: bool,
}

impl Found {
    /// By all that is known.
    pub(super) fn now(&self) -> Standing {
        match self.last {
            Some(last_seen) => Standing { last_seen, open: false },
            None => Standing { last_seen: self.first.max_with(self.confirmed), open: true },
        }
    }

    /// By what was known at a time. `None`: it had not been seen yet.
    pub(super) fn at(
        &self,
        sql: &mut Statements<'_>,
        past: &mut Past,
        at: Utc,
    ) -> Result<Option<Standing>, Error> {
        if self.first.at > at {
            return Ok(None);
        }
        let confirmed = past.confirmed(sql, self, at)?;
        let last = self.ends.1.and_then(|last| past.place(self.host_id, last));
        if let (Some(last_seen), Some(last)) = (self.last, last) {
            // The whole visit after its last sighting is what ended it. By their order: two visits
            // may begin at the same microsecond.
            let ended = confirmed.is_some_and(|(place, _)| place < last);
            return Ok(Some(Standing { last_seen, open: !ended }));
        }
        let confirmed = confirmed.map(|(_, sight)| sight);
        let standing = Standing { last_seen: self.first.max_with(confirmed), open: true };
        Ok(Some(standing))
    }
}

impl Sight {
    fn max_with(self, other: Option<Self>) -> Self {
        other.filter(|other| other.at > self.at).unwrap_or(self)
    }
}
