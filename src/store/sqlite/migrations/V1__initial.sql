-- Schema 1 of the fleetstat store.
--
-- Names are interned once and referred to by number. Times are microseconds since 1970, UTC.
-- Addresses are 16 bytes, IPv4 as v4-mapped IPv6. Text from hosts stands in escaped form; exact
-- bytes are inside blobs.

CREATE TABLE host (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE role (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- What can be read whole: a probe by its name, a view as `view:NAME`.
CREATE TABLE source (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE process (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE service (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE endpoint (
    id INTEGER PRIMARY KEY,
    address BLOB NOT NULL UNIQUE CHECK (length(address) = 16)
) STRICT;

CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    playbook TEXT NOT NULL,
    purpose TEXT NOT NULL,
    operator TEXT NOT NULL,
    change TEXT,
    started INTEGER NOT NULL,
    folder TEXT NOT NULL,
    ended INTEGER,
    manifest BLOB CHECK (length(manifest) = 32)
) STRICT;

-- A compressed page of columns (store::blob) that snapshots share, named by the SHA-256 of the page.
-- `bytes` is its size before compression.
CREATE TABLE blob (
    id INTEGER PRIMARY KEY,
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
    bytes INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- One visit of one host that left evidence. `complete` has one bit per view that was read whole.
-- The parts are blobs; a part that did not change is the same blob.
CREATE TABLE snapshot (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run (id),
    host INTEGER NOT NULL REFERENCES host (id),
    pass INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    started INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    role INTEGER REFERENCES role (id),
    complete INTEGER NOT NULL,
    evidence_name TEXT NOT NULL,
    evidence_sha256 BLOB NOT NULL CHECK (length(evidence_sha256) = 32),
    evidence_bytes INTEGER NOT NULL,
    asset INTEGER REFERENCES blob (id),
    mandate INTEGER REFERENCES blob (id),
    connection INTEGER REFERENCES blob (id),
    sections INTEGER REFERENCES blob (id),
    listeners INTEGER REFERENCES blob (id),
    unconnected INTEGER REFERENCES blob (id),
    interfaces INTEGER REFERENCES blob (id),
    routes INTEGER REFERENCES blob (id),
    neighbours INTEGER REFERENCES blob (id),
    counters INTEGER REFERENCES blob (id),
    programs INTEGER REFERENCES blob (id),
    host_facts INTEGER REFERENCES blob (id)
) STRICT;

CREATE INDEX snapshot_host ON snapshot (host, started);

-- The page of what changes with every visit: never shared, so it needs no index by its digest.
CREATE TABLE moment (
    snapshot INTEGER PRIMARY KEY REFERENCES snapshot (id),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    bytes INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;

-- What came of each host in each run, with or without a snapshot. `at`, `evidence`: only without.
-- `faults` is JSON; NULL when there are none.
CREATE TABLE visit (
    run INTEGER NOT NULL REFERENCES run (id),
    host INTEGER NOT NULL REFERENCES host (id),
    pass INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    snapshot INTEGER REFERENCES snapshot (id),
    at INTEGER,
    evidence TEXT,
    faults TEXT,
    PRIMARY KEY (run, host, pass, attempt)
) STRICT, WITHOUT ROWID;

-- What a listener or conversation is, on any host. `address` only for listeners.
CREATE TABLE shape (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    transport TEXT NOT NULL,
    address INTEGER REFERENCES endpoint (id),
    scope TEXT NOT NULL,
    port INTEGER NOT NULL,
    process INTEGER REFERENCES process (id),
    uid INTEGER
) STRICT;

CREATE UNIQUE INDEX shape_key ON shape (
    port, kind, transport, scope, coalesce(address, 0), coalesce(process, 0), coalesce(uid, -1)
);

-- An interval in which a host showed a shape, with a peer. `first` and `last` are snapshots;
-- `last` is NULL while it is open, so a night in which nothing changes writes nothing here.
CREATE TABLE fact (
    id INTEGER PRIMARY KEY,
    host INTEGER NOT NULL REFERENCES host (id),
    shape INTEGER NOT NULL REFERENCES shape (id),
    peer INTEGER REFERENCES endpoint (id),
    first INTEGER NOT NULL REFERENCES snapshot (id),
    last INTEGER REFERENCES snapshot (id),
    max_count INTEGER NOT NULL,
    probe INTEGER REFERENCES source (id),
    service INTEGER REFERENCES service (id)
) STRICT;

CREATE INDEX fact_shape ON fact (shape, last, host);
CREATE INDEX fact_host ON fact (host, last);
-- A comparison with `peer` implies `IS NOT NULL`, so this partial index serves it as it stands.
-- (`WHERE peer <> 0` would be ignored unless the query repeats it.)
CREATE INDEX fact_peer ON fact (peer, last) WHERE peer IS NOT NULL;

-- The latest snapshot of a host in which a source was whole: the last sighting of open facts. Time
-- and role are the snapshot's, repeated because every question about the present asks for them.
CREATE TABLE confirmed (
    host INTEGER NOT NULL REFERENCES host (id),
    source INTEGER NOT NULL REFERENCES source (id),
    snapshot INTEGER NOT NULL REFERENCES snapshot (id),
    started INTEGER NOT NULL,
    role INTEGER REFERENCES role (id),
    PRIMARY KEY (host, source)
) STRICT, WITHOUT ROWID;

-- Sockets in `close_wait` (`half_closed` 1) and `syn_sent` (0). `process` is 0 when it is not known.
CREATE TABLE state_tally (
    snapshot INTEGER NOT NULL REFERENCES snapshot (id),
    half_closed INTEGER NOT NULL CHECK (half_closed IN (0, 1)),
    process INTEGER NOT NULL,
    sockets INTEGER NOT NULL,
    PRIMARY KEY (snapshot, half_closed, process)
) STRICT, WITHOUT ROWID;

-- What was written, in the same transaction. `at` is the controller's time of what was written.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    action TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES run (id),
    detail TEXT NOT NULL
) STRICT;
