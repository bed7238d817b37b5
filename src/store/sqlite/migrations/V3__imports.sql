-- Change requests and host attributes, as imports brought them (store::imports).
--
-- Nothing here is ever changed or removed: a later import adds a version. What was known at a time
-- are the versions of the imports until then, the latest of each number or key.

CREATE TABLE import (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL UNIQUE,
    operator TEXT NOT NULL,
    file TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    -- How it was read, JSON.
    options TEXT NOT NULL
) STRICT;

-- Names by which tickets and asset lists call things, lower case, with the part before the first dot.
CREATE TABLE item (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    short TEXT NOT NULL
) STRICT;

CREATE INDEX item_short ON item (short);

-- One version of a change request. `begins` and `ends` are its window, NULL when it has none.
-- `replaced` is the import that brought the next version, NULL while there is none.
CREATE TABLE change_request (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL,
    import INTEGER NOT NULL REFERENCES import (id),
    begins INTEGER,
    ends INTEGER,
    body TEXT NOT NULL,
    replaced INTEGER REFERENCES import (id)
) STRICT;

CREATE UNIQUE INDEX change_number ON change_request (number, import);
CREATE INDEX change_window ON change_request (ends, begins) WHERE ends IS NOT NULL;

CREATE TABLE change_item (
    item INTEGER NOT NULL REFERENCES item (id),
    change_request INTEGER NOT NULL REFERENCES change_request (id),
    PRIMARY KEY (item, change_request)
) STRICT, WITHOUT ROWID;

-- One version of an attribute. `value` NULL: from then on it has none.
CREATE TABLE attribute (
    item INTEGER NOT NULL REFERENCES item (id),
    key TEXT NOT NULL,
    import INTEGER NOT NULL REFERENCES import (id),
    value TEXT,
    replaced INTEGER REFERENCES import (id),
    PRIMARY KEY (item, key, import)
) STRICT, WITHOUT ROWID;

-- The address of the host's latest snapshot, and what it can be looked up by.
ALTER TABLE host ADD COLUMN address TEXT;
CREATE INDEX host_lower ON host (lower(name));
CREATE INDEX host_short ON host (lower(substr(name, 1, instr(name || '.', '.') - 1)));
CREATE INDEX host_address ON host (address) WHERE address IS NOT NULL;

ALTER TABLE snapshot ADD COLUMN surroundings INTEGER REFERENCES blob (id);
