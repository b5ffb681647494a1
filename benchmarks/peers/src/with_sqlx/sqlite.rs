//! SQLite. sqlx gives each connection a thread; its pool has ten connections if nothing else is said.

use std::path::Path;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::contestant::contestant;
use super::statement::statements;
use crate::engine::{BUSY_TIMEOUT, LEASE, SQLITE_DURABILITY};
use crate::rows::{Chatter, Claimed, Line, Stats};

pub(crate) struct Sqlite {
    pool: SqlitePool,
}

impl Sqlite {
    pub(crate) async fn open(file: &Path) -> anyhow::Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new().test_before_acquire(false).connect_with(options).await?;
        Ok(Self { pool })
    }
}

statements!(least = "min", greatest = "max", lock = "");
contestant!(Sqlite, begin = "BEGIN IMMEDIATE", durability = SQLITE_DURABILITY);
