//! Putting rows into a database past the store, as fast as the engine takes them.

use anyhow::{bail, ensure};
use botstore::url::{DatabaseUrl, PostgresUrl, SqliteUrl};
use rusqlite::Connection;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls};

/// The most rows of one statement.
const PORTION: i64 = 100_000;

/// A token as it is stored: hash, prefix, and when it was revoked.
pub(crate) type StoredToken = (Vec<u8>, String, Option<i64>);

/// A connection to the database that is filled.
pub(crate) enum Engine {
    Postgres(Box<Client>),
    Sqlite(Connection),
}

impl Engine {
    /// Connects to a database whose schema is up to date.
    pub(crate) async fn connect(url: &DatabaseUrl) -> anyhow::Result<Self> {
        match url {
            DatabaseUrl::Postgres(url) => Self::connect_postgres(url).await,
            DatabaseUrl::Sqlite(url) => Self::open_sqlite(url),
        }
    }

    async fn connect_postgres(url: &PostgresUrl) -> anyhow::Result<Self> {
        let (client, connection) = tokio_postgres::connect(&url.connection_string(), NoTls).await?;
        // Should it break, the next statement says so.
        tokio::spawn(connection);
        Ok(Self::Postgres(Box::new(client)))
    }

    /// One transaction holds all until [`finish`](Self::finish): a file that was filled halfway is of no use.
    fn open_sqlite(url: &SqliteUrl) -> anyhow::Result<Self> {
        let Some(path) = &url.path else { bail!("a database in memory ends with this program; name a file") };
        let connection = Connection::open(path)?;
        connection.set_prepared_statement_cache_capacity(32);
        connection.pragma_update(None, "cache_size", -(256 << 10))?;
        connection.execute_batch("BEGIN IMMEDIATE")?;
        Ok(Self::Sqlite(connection))
    }

    /// Refuses a database in which there is something already.
    pub(crate) async fn expect_empty(&self) -> anyhow::Result<()> {
        let count = "SELECT (SELECT count(*) FROM user_stats) + (SELECT count(*) FROM recent_chat)";
        let rows: i64 = match self {
            Self::Postgres(client) => client.query_one(count, &[]).await?.get(0),
            Self::Sqlite(connection) => connection.query_row(count, [], |row| row.get(0))?,
        };
        ensure!(rows == 0, "the database has rows already; name one that is migrated and empty");
        Ok(())
    }

    /// Runs `insert` for the numbers 1 to `rows`, with `parameters` as $3 and on, in portions, and tells `progress` how
    /// many rows each has.
    pub(crate) async fn insert(
        &self,
        insert: &str,
        rows: i64,
        parameters: &[i64],
        progress: impl Fn(u64),
    ) -> anyhow::Result<()> {
        let mut first = 1;
        while first <= rows {
            let last = rows.min(first + PORTION - 1);
            let numbers: Vec<i64> = [first, last].iter().chain(parameters).copied().collect();
            match self {
                Self::Postgres(client) => insert_postgres(client, insert, &numbers).await?,
                Self::Sqlite(connection) => insert_sqlite(connection, insert, &numbers)?,
            }
            progress((last - first + 1).unsigned_abs());
            first = last + 1;
        }
        Ok(())
    }

    /// Puts tokens in, made at the moment `created_at`.
    pub(crate) async fn insert_tokens(&self, tokens: &[StoredToken], created_at: i64) -> anyhow::Result<()> {
        match self {
            Self::Postgres(client) => {
                let hashes: Vec<_> = tokens.iter().map(|(hash, ..)| hash.as_slice()).collect();
                let prefixes: Vec<_> = tokens.iter().map(|(_, prefix, _)| prefix.as_str()).collect();
                let revoked: Vec<_> = tokens.iter().map(|(.., revoked)| *revoked).collect();
                let sql =
                    "INSERT INTO api_tokens (token_hash, token_prefix, created_at, is_active, revoked_at)
                    SELECT hash, prefix, $4, revoked_at IS NULL, revoked_at
                    FROM unnest($1::bytea[], $2::text[], $3::bigint[]) AS t (hash, prefix, revoked_at)";
                client.execute(sql, &[&hashes, &prefixes, &revoked, &created_at]).await?;
            }
            Self::Sqlite(connection) => {
                let sql =
                    "INSERT INTO api_tokens (token_hash, token_prefix, created_at, is_active, revoked_at)
                    VALUES (?1, ?2, ?4, ?3 IS NULL, ?3)";
                let mut statement = connection.prepare_cached(sql)?;
                for (hash, prefix, revoked) in tokens {
                    statement.execute((hash, prefix, revoked, created_at))?;
                }
            }
        }
        Ok(())
    }

    /// Makes the next plugin value's version greater than `version`, commits, and tidies up.
    pub(crate) async fn finish(self, version: i64) -> anyhow::Result<()> {
        match self {
            Self::Postgres(client) => {
                client.execute("SELECT setval('plugin_value_versions', $1)", &[&version]).await?;
                // botstore's own index is by rank; other libraries read this database, too.
                client.batch_execute("CREATE INDEX ON user_stats (total_chat_lines DESC, username)").await?;
                client.batch_execute("VACUUM (ANALYZE)").await?;
            }
            Self::Sqlite(connection) => {
                connection.execute("UPDATE plugin_value_versions SET last = ?1", [version])?;
                connection.execute_batch("COMMIT")?;
                connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
            }
        }
        Ok(())
    }
}

async fn insert_postgres(client: &Client, insert: &str, numbers: &[i64]) -> anyhow::Result<()> {
    let sql = format!("WITH numbers (i) AS (SELECT generate_series($1, $2)) {insert}");
    let parameters: Vec<_> =
        numbers.iter().map(|number| (number as &(dyn ToSql + Sync), Type::INT8)).collect();
    client.query_typed(&sql, &parameters).await?;
    Ok(())
}

fn insert_sqlite(connection: &Connection, insert: &str, numbers: &[i64]) -> anyhow::Result<()> {
    // What PostgreSQL calls $3 is ?3 here.
    let insert = insert.replace('$', "?");
    let numbered = format!(
        "WITH RECURSIVE numbers (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM numbers WHERE i < ?2) {insert}"
    );
    let mut statement = connection.prepare_cached(&numbered)?;
    // A statement has as many parameters as the greatest number that it names.
    let named = statement.parameter_count();
    statement.execute(rusqlite::params_from_iter(&numbers[..named]))?;
    Ok(())
}
