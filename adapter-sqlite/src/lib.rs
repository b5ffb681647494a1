//! The [`BotStore`](botstore_core::BotStore) adapter for SQLite.
//!
//! One connection writes, on its own thread: the writes that wait share a transaction, and each caller gets its own
//! answer after the commit. A few read-only connections read meanwhile, each a single statement. One file an area
//! holds its SQL, each statement right above the function that runs it. [`fold`](botstore_core::fold) decides what a
//! batch does; the areas write it down.
//!
//! ```
//! use botstore_core::model::{Limit, MessageText, Timestamp, Username};
//! use botstore_core::url::SqliteUrl;
//! use botstore_core::{BotStore, Events};
//! use botstore_sqlite::SqliteStore;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let store: Box<dyn BotStore> = Box::new(SqliteStore::open(&SqliteUrl::memory(), true).await?);
//! let (now, ada) = (Timestamp::new(1_700_000_000)?, Username::new("ada")?);
//! store.chat(now, &ada, &MessageText::new("hello")?).await?;
//! assert_eq!(store.recent_chat(Limit::new(50)?).await?.len(), 1);
//! store.close().await?;
//! # Ok(())
//! # }
//! ```

mod audit;
mod awake;
mod channel;
mod chat;
mod connection;
mod error;
mod files;
mod ingest;
mod kv;
mod lifecycle;
mod maintenance;
mod open;
mod outbound;
mod readers;
mod row;
mod status;
mod store;
#[cfg(test)]
mod testing;
mod tokens;
mod users;
mod writer;

pub use botstore_migrations::Migrated;
pub use open::migrate;
pub use store::SqliteStore;
