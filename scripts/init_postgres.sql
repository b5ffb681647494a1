-- Run once by docker compose, on the first start of an empty volume, as the superuser POSTGRES_USER in POSTGRES_DB.
-- Tables are not made here: the program migrates the schema itself when it opens the database.

-- Times in the server's own log and in psql are UTC, as the bot's data is.
DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET timezone = ''UTC''', current_database());
    -- A development server shows what is slow. Statements as such are not logged: messages and names stand in them.
    EXECUTE format('ALTER DATABASE %I SET log_min_duration_statement = ''250ms''', current_database());
    EXECUTE format('ALTER DATABASE %I SET log_parameter_max_length = 0', current_database());
END
$$;

SELECT 'PostgreSQL is ready for Rosey' AS status;
