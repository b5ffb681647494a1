//! The [`BotStore`](botstore_core::BotStore) adapter for PostgreSQL.
//!
//! Every write is one statement in one round trip, committed by itself; statements are prepared once a connection, or
//! not at all behind a pooler that hands sessions around (`statement_cache=off`).
//! Batches that callers record at the same time share one (`group.rs`).
//! One file an area holds its SQL, each statement right above the function that runs it. [`fold`](botstore_core::fold)
//! decides what a batch does; `record.rs` writes it down.
//!
//! ```no_run
//! use botstore_core::{BotStore, ErrorKind, StoreError};
//! use botstore_core::settings::PostgresSettings;
//! use botstore_core::url::DatabaseUrl;
//! use botstore_postgres::PostgresStore;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let url: DatabaseUrl = "postgresql://rosey@localhost/rosey_db".parse()?;
//! if let DatabaseUrl::Postgres(url) = url {
//!     let store: Box<dyn BotStore> =
//!         Box::new(PostgresStore::open(&url, &PostgresSettings::default(), true).await?);
//!     println!("{:?}", store.health().await?);
//! }
//! # Ok(())
//! # }
//! ```

mod audit;
mod bind;
mod cancel;
mod channel;
mod chat;
mod client;
mod connect;
mod error;
mod examine;
mod foreign;
mod group;
mod ingest;
mod kv;
mod lent;
mod lifecycle;
mod maintenance;
mod open;
mod outbound;
mod pool;
mod record;
mod rights;
mod row;
mod session;
mod statement;
mod status;
#[cfg(test)]
mod testing;
mod tls;
mod tokens;
mod transfer;
mod users;

pub use botstore_migrations::{Goal, Migrated, SchemaStatus};
pub use examine::PostgresExaminer;
pub use foreign::ForeignConnection;
pub use open::{PostgresStore, migrate_to, schema};

/// The greatest total, 2^53 - 1, as [`Count::MAX`](botstore_core::model::Count::MAX) has it.
macro_rules! max_total {
    () => {
        "9007199254740991"
    };
}
pub(crate) use max_total;
