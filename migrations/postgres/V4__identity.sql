-- Which database this is, wherever it stands: its standbys and its backups have the same, and no other has it. What waits
-- outside for this database must not go into another.
CREATE TABLE database_identity (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    database_id TEXT COLLATE "C" NOT NULL
);

INSERT INTO database_identity (id, database_id) VALUES (1, replace(gen_random_uuid()::text, '-', ''));
