//! The storage layer of a chat bot: open a URL, call a trait. SQLite on the laptop, PostgreSQL in production, and not
//! one line of code between the two.
//!
//! ```
//! use botstore::model::{Limit, MessageText, Timestamp, Username};
//! use botstore::{Config, Events};
//!
//! #[tokio::main]
//! async fn main() -> botstore::Result<()> {
//!     let store = botstore::open(&Config::new("sqlite:///:memory:".parse()?)).await?;
//!     let (now, ada) = (Timestamp::new(1_700_000_000)?, Username::new("ada")?);
//!     store.user_joined(now, &ada).await?;
//!     store.chat(now, &ada, &MessageText::new("hello")?).await?;
//!     for line in store.recent_chat(Limit::new(50)?).await? {
//!         println!("{}: {}", line.username, line.message.as_str());
//!     }
//!     store.close().await
//! }
//! ```
//!
//! Everything of `botstore-core` is here too: the traits with their contracts in [`store`], validated types in
//! [`model`], [`StoreError`], and where a URL comes from in [`config`].
//!
//! | feature | backend | URL |
//! |---|---|---|
//! | `sqlite` (default) | SQLite, built in | `sqlite:///bot_data.db` |
//! | `postgres` (default) | PostgreSQL | `postgresql://user:password@host/database` |

#[cfg(not(any(feature = "sqlite", feature = "postgres")))]
compile_error!("botstore needs a backend: the feature sqlite, postgres, or both");

#[cfg(feature = "sqlite")]
mod backup;
mod examine;
mod schema;

use std::sync::Arc;

#[cfg(feature = "sqlite")]
pub use backup::backup;
pub use botstore_core::config::Config;
pub use botstore_core::*;
pub use botstore_migrations::{Goal, Migrated, MigrationState, MigrationStatus, SchemaStatus, Step};
pub use botstore_spool as spool;
#[cfg(feature = "sqlite")]
pub use botstore_sqlite::{Backup, Progress as BackupProgress};
pub use examine::examiner;
pub use schema::{migrate, migrate_to, newest_schema_version, schema};

use botstore_core::layers::{Connector, Layered, Observe, Outage, Retry, Stack};
use botstore_core::model::Backend;
use botstore_core::url::DatabaseUrl;
#[cfg(feature = "postgres")]
use botstore_postgres::PostgresStore;
use botstore_spool::Spool;
#[cfg(feature = "sqlite")]
use botstore_sqlite::SqliteStore;

/// Opens the store that `config` names, and unless told otherwise brings its schema up to date first.
///
/// This is the one place that puts a store together. A call goes through [`Observe`], [`Spool`] if there is one,
/// [`Retry`] and [`Outage`] to the database. In this order, because what is observed is what the caller sees, waits and
/// retries included; because what a spool keeps was tried again before; and because an outage is noticed even if every
/// call outlasts it. Opening itself is tried once. With a spool the database may be away: then it is opened, and its
/// schema brought up to date, once it is there.
///
/// # Errors
///
/// - [`InvalidInput`](ErrorKind::InvalidInput) of `database_url`: this program was built without that backend.
/// - [`Schema`](ErrorKind::Schema): the database is another program's, or of a version that this one does not know; or the
///   server may hide rows from the role, by row-level security.
/// - [`Unavailable`](ErrorKind::Unavailable), [`Timeout`](ErrorKind::Timeout): the database cannot be reached.
/// - With a spool also those of [`Spool::open`].
pub async fn open(config: &Config) -> Result<Box<dyn BotStore>> {
    let backend = backend_of(&config.url)?;
    let connecting = config.clone();
    let database = Connector::new(backend, move || {
        let config = connecting.clone();
        async move { connect(&config).await }
    });
    let outage = Arc::new(Outage::new(backend));
    let observe = Observe::new(backend, config.slow);
    let mut retry = config.retry.clone();
    let Some(mut settings) = config.spool.clone() else {
        database.store("open").await?;
        let attempts = Stack(Retry::new(retry), outage);
        return Ok(Box::new(Layered::new(database, Stack(observe, attempts))));
    };
    settings.database = Some(config.url.name());
    let behind = Layered::new(database.clone(), Arc::clone(&outage));
    let spool = Spool::open(settings, Arc::new(behind)).await?;
    retry.deadline = retry.deadline.min(Spool::PATIENCE);
    let attempts = Stack(Retry::new(retry), outage);
    Ok(Box::new(Layered::new(database, Stack(observe, Stack(spool, attempts)))))
}

/// The store itself, with nothing around it.
async fn connect(config: &Config) -> Result<Arc<dyn BotStore>> {
    // The adapters' futures are boxed, here and below: they lie so deep in one another that a caller's own would come
    // upon the compiler's limit.
    let store: Arc<dyn BotStore> = match &config.url {
        #[cfg(feature = "sqlite")]
        DatabaseUrl::Sqlite(url) => Arc::new(Box::pin(SqliteStore::open(url, config.migrate)).await?),
        #[cfg(feature = "postgres")]
        DatabaseUrl::Postgres(url) => {
            Arc::new(Box::pin(PostgresStore::open(url, &config.postgres, config.migrate)).await?)
        }
        #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
        url => return Err(not_built_in(url)),
    };
    tracing::info!(backend = store.backend().as_str(), "store opened: {config}");
    Ok(store)
}

/// The backend of a URL, if this program has it.
fn backend_of(url: &DatabaseUrl) -> Result<Backend> {
    match url {
        #[cfg(feature = "sqlite")]
        DatabaseUrl::Sqlite(_) => Ok(Backend::Sqlite),
        #[cfg(feature = "postgres")]
        DatabaseUrl::Postgres(_) => Ok(Backend::Postgres),
        #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
        url => Err(not_built_in(url)),
    }
}

#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
fn not_built_in(url: &DatabaseUrl) -> StoreError {
    let (backend, feature) = match url {
        DatabaseUrl::Sqlite(_) => ("SQLite", "sqlite"),
        DatabaseUrl::Postgres(_) => ("PostgreSQL", "postgres"),
    };
    let reason = format!("is of {backend}, which this program was built without (feature {feature})");
    InvalidInput::new("database_url", reason).into()
}

/// The README's example is compiled like any other.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

#[cfg(all(test, not(all(feature = "sqlite", feature = "postgres"))))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_backend_that_was_not_built_in_is_named() {
        let url = if cfg!(feature = "sqlite") { "postgresql://localhost/rosey" } else { "sqlite://" };
        let url: DatabaseUrl = url.parse().unwrap();
        for error in [
            open(&Config::new(url.clone())).await.map(drop).unwrap_err(),
            migrate(&Config::new(url.clone())).await.unwrap_err(),
            schema(&Config::new(url.clone())).await.unwrap_err(),
        ] {
            let ErrorKind::InvalidInput { field, reason } = error.kind() else { panic!("{error}") };
            assert_eq!(*field, "database_url");
            assert!(reason.contains("built without"), "{reason}");
        }
    }
}
