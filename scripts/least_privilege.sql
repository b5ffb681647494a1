-- Lets the role rosey_bot work with the store's rows, and with nothing else: no DDL, no TRUNCATE.
--
-- Once, as a superuser:
--
--     CREATE ROLE rosey_owner LOGIN;
--     CREATE ROLE rosey_bot LOGIN;
--     \password rosey_owner
--     \password rosey_bot
--     CREATE DATABASE rosey_db OWNER rosey_owner ENCODING 'UTF8' TEMPLATE template0;
--
-- Then `rosey migrate` with the URL of rosey_owner, and once after the first migration this file, as rosey_owner, in the
-- database. What later migrations add is rosey_bot's as well. The bot runs with the URL of rosey_bot.

GRANT USAGE ON SCHEMA public TO rosey_bot;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO rosey_bot;
-- To move a sequence on (UPDATE) is needed only to copy another database into this one.
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO rosey_bot;

-- The history of migrations is for reading.
REVOKE INSERT, UPDATE, DELETE ON refinery_schema_history FROM rosey_bot;

ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO rosey_bot;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO rosey_bot;
