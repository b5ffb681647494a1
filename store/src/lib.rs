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

use std::sync::Arc;

pub use botstore_core::config::Config;
pub use botstore_core::*;
pub use botstore_migrations::Migrated;

use botstore_core::layers::{Layered, Observe, Outage, Retry, Stack};
use botstore_core::url::DatabaseUrl;
#[cfg(feature = "postgres")]
use botstore_postgres::PostgresStore;
#[cfg(feature = "sqlite")]
use botstore_sqlite::SqliteStore;

/// Opens the store that `config` names, and unless told otherwise brings its schema up to date first.
///
/// This is the one place that puts a store together: a call goes through [`Observe`], [`Retry`] and [`Outage`] to the
/// database, in this order, so that what is observed is what the caller sees, waits and retries included, and an outage is
/// noticed even if every call outlasts it. Opening itself is tried once.
///
/// # Errors
///
/// - [`InvalidInput`](ErrorKind::InvalidInput) of `database_url`: this program was built without that backend.
/// - [`Schema`](ErrorKind::Schema): the database is another program's, or of a version that this one does not know.
/// - [`Unavailable`](ErrorKind::Unavailable), [`Timeout`](ErrorKind::Timeout): the database cannot be reached.
pub async fn open(config: &Config) -> Result<Box<dyn BotStore>> {
    let store = connect(config).await?;
    let backend = store.backend();
    tracing::info!(backend = backend.as_str(), "store opened: {config}");
    let attempts = Stack(Retry::new(config.retry.clone()), Outage::new(backend));
    Ok(Box::new(Layered::new(store, Stack(Observe::new(backend, config.slow), attempts))))
}

/// The store itself, with nothing around it.
async fn connect(config: &Config) -> Result<Arc<dyn BotStore>> {
    // The adapters' futures are boxed, here and below: they lie so deep in one another that a caller's own would come
    // upon the compiler's limit.
    Ok(match &config.url {
        #[cfg(feature = "sqlite")]
        DatabaseUrl::Sqlite(url) => Arc::new(Box::pin(SqliteStore::open(url, config.migrate)).await?),
        #[cfg(feature = "postgres")]
        DatabaseUrl::Postgres(url) => {
            Arc::new(Box::pin(PostgresStore::open(url, &config.postgres, config.migrate)).await?)
        }
        #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
        url => return Err(not_built_in(url)),
    })
}

/// Brings the schema of the database that `config` names up to date, and says what that took. Any number of processes
/// may do so at once.
///
/// # Errors
///
/// As [`open`].
pub async fn migrate(config: &Config) -> Result<Migrated> {
    match &config.url {
        #[cfg(feature = "sqlite")]
        DatabaseUrl::Sqlite(url) => Box::pin(botstore_sqlite::migrate(url)).await,
        #[cfg(feature = "postgres")]
        DatabaseUrl::Postgres(url) => Box::pin(botstore_postgres::migrate(url, &config.postgres)).await,
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
        ] {
            let ErrorKind::InvalidInput { field, reason } = error.kind() else { panic!("{error}") };
            assert_eq!(*field, "database_url");
            assert!(reason.contains("built without"), "{reason}");
        }
    }
}
