//! SeaORM: entities and its query builder, on sqlx's pools. It turns one text into both dialects.

mod contestant;
mod entity;

use std::str::FromStr;

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode,
    TransactionOptions, TransactionTrait,
};

use crate::engine::{BUSY_TIMEOUT, POSTGRES_CONNECTIONS};

pub(crate) struct SeaOrm {
    database: DatabaseConnection,
}

impl SeaOrm {
    /// SQLite, with the one connection that SeaORM opens if nothing else is said.
    pub(crate) async fn sqlite(url: &str) -> anyhow::Result<Self> {
        let mut options = options(url);
        options.map_sqlx_sqlite_opts(|options| {
            options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(BUSY_TIMEOUT)
        });
        Ok(Self { database: Database::connect(options).await? })
    }

    /// PostgreSQL.
    pub(crate) async fn postgres(url: &str) -> anyhow::Result<Self> {
        // SeaORM's own error would repeat the URL, in which a password may stand.
        PgConnectOptions::from_str(url)?;
        let mut options = options(url);
        options.max_connections(POSTGRES_CONNECTIONS);
        Ok(Self { database: Database::connect(options).await? })
    }

    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
        self.database
            .begin_with_options(TransactionOptions { sqlite_transaction_mode, ..Default::default() })
            .await
    }
}

fn options(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).test_before_acquire(false);
    options
}
