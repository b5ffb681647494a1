-- How far each source of events has been read.
CREATE TABLE source_positions (
    source TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL CHECK (position >= 0)
) STRICT, WITHOUT ROWID;

-- The plugins' own values: canonical JSON as text.
CREATE TABLE plugin_values (
    plugin TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    version INTEGER NOT NULL UNIQUE,
    expires_at INTEGER,
    PRIMARY KEY (plugin, key)
) STRICT;

CREATE INDEX plugin_values_by_expiry ON plugin_values (expires_at) WHERE expires_at IS NOT NULL;

-- The greatest version that was ever given to a value.
CREATE TABLE plugin_value_versions (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last INTEGER NOT NULL
) STRICT;

INSERT INTO plugin_value_versions (id, last) VALUES (1, 0);
