-- Lost: the database's identity. It gets another when it is migrated again, and what waits for the former one in a bot's
-- journal is refused then: let the journals empty first.
--
-- The identity has no other place, and what has no identity cannot be told from another database. So a journal that kept
-- events for it must not go into it any more: that they stay in the journal can be mended, that they are counted twice, or
-- in the wrong database, cannot.

DROP TABLE database_identity;
