//! Databases that no store has opened yet, and SQL on a database as another program would run it.

use botstore::Config;
use botstore::url::DatabaseUrl;
use rusqlite::fallible_iterator::FallibleIterator as _;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::database::SqliteFile;
use crate::server::PostgresDatabase;

/// A database without any table. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) enum Unopened {
    Sqlite(SqliteFile),
    Postgres(PostgresDatabase),
}

impl Unopened {
    /// How to open it.
    pub(crate) fn config(&self) -> Config {
        Config::new(match self {
            Self::Sqlite(file) => file.url(),
            Self::Postgres(database) => database.url().parse().unwrap(),
        })
    }
}

/// Runs statements on the database that `config` names, and gives the first column of the rows, as text.
pub(crate) async fn sql(config: &Config, statements: &str) -> Vec<String> {
    match &config.url {
        DatabaseUrl::Sqlite(url) => sqlite(url.path.as_ref().unwrap(), statements).unwrap(),
        DatabaseUrl::Postgres(url) => {
            let (client, connection) =
                tokio_postgres::connect(&url.connection_string(), NoTls).await.unwrap();
            let connection = tokio::spawn(connection);
            let answers = client.simple_query(statements).await.unwrap();
            drop(client);
            // Whoever copies or drops the database next finds nobody connected.
            connection.await.unwrap().unwrap();
            answers.iter().filter_map(first_column).collect()
        }
    }
}

fn sqlite(path: &std::path::Path, statements: &str) -> rusqlite::Result<Vec<String>> {
    let connection = rusqlite::Connection::open(path)?;
    let mut values = Vec::new();
    let mut batch = rusqlite::Batch::new(&connection, statements);
    while let Some(mut statement) = batch.next()? {
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            values.push(row.get(0)?);
        }
    }
    Ok(values)
}

fn first_column(answer: &SimpleQueryMessage) -> Option<String> {
    match answer {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }
}

/// The names of all tables.
pub(crate) async fn tables(config: &Config) -> Vec<String> {
    let query = match config.url {
        DatabaseUrl::Sqlite(_) => "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
        DatabaseUrl::Postgres(_) => {
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename COLLATE \"C\""
        }
    };
    sql(config, query).await
}
