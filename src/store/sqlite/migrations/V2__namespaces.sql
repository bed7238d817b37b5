-- Schema 2: a listener or conversation in another network namespace, such as a container's, is
-- apart from one of the host's own. `namespace` is the name of the container, pod, machine or unit;
-- NULL for the host's own.

ALTER TABLE shape ADD COLUMN namespace INTEGER REFERENCES service (id);

DROP INDEX shape_key;

CREATE UNIQUE INDEX shape_key ON shape (
    port, kind, transport, scope, coalesce(address, 0), coalesce(process, 0), coalesce(uid, -1),
    coalesce(namespace, 0)
);
