-- How far each source of events has been read.
CREATE TABLE source_positions (
    source TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL CHECK (position >= 0)
);

-- The plugins' own values: canonical JSON as text, not jsonb, which would change it.
CREATE TABLE plugin_values (
    plugin TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    value TEXT NOT NULL,
    version BIGINT NOT NULL UNIQUE,
    expires_at BIGINT,
    PRIMARY KEY (plugin, key)
);

CREATE INDEX plugin_values_by_expiry ON plugin_values (expires_at) WHERE expires_at IS NOT NULL;

-- Versions of values. A sequence never gives a number twice, not even after a rollback.
CREATE SEQUENCE plugin_value_versions AS BIGINT;
