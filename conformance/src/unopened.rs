//! Databases that no store has opened yet, and databases as another program sees them.

use botstore::Config;
use rusqlite::fallible_iterator::FallibleIterator as _;

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

    pub(crate) fn raw(&self) -> Raw<'_> {
        match self {
            Self::Sqlite(file) => Raw::Sqlite(file),
            Self::Postgres(database) => Raw::Postgres(database),
        }
    }
}

/// A database as another program sees it, which may do everything.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Raw<'a> {
    Sqlite(&'a SqliteFile),
    Postgres(&'a PostgresDatabase),
}

impl Raw<'_> {
    /// Runs statements, and gives the first column of the rows, as text.
    pub(crate) async fn sql(self, statements: &str) -> Vec<String> {
        match self {
            Self::Sqlite(file) => sqlite(&file.path(), statements).unwrap(),
            Self::Postgres(database) => database.sql(statements).await.unwrap(),
        }
    }

    /// The names of all tables.
    pub(crate) async fn tables(self) -> Vec<String> {
        let query = match self {
            Self::Sqlite(_) => "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name",
            Self::Postgres(_) => {
                "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename COLLATE \"C\""
            }
        };
        self.sql(query).await
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
