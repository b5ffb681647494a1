-- Which database this is, wherever it stands: its copies and its backups have the same, and no other has it. What waits
-- outside for this database must not go into another.
CREATE TABLE database_identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    database_id TEXT NOT NULL
) STRICT;

INSERT INTO database_identity (id, database_id) VALUES (1, lower(hex(randomblob(16))));
