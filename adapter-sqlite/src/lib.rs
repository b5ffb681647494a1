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
//!
//! # When something is wrong with the file
//!
//! No write is acknowledged before it is in the log, that is synced, and the file still stands at its path. A store goes on
//! by itself as soon as it can; none of these needs a restart.
//!
//! | condition | a write | a read | goes on |
//! |---|---|---|---|
//! | the disk is full | `Unavailable`, lasting | works | when there is room |
//! | another process writes, or keeps a lock | `Unavailable` after the busy timeout | works | when that process lets go |
//! | another process has the file for itself | `Unavailable` after the busy timeout | the same | when that process ends |
//! | the file, or its log, may not be written | `Unavailable`, lasting | works | when it may |
//! | the disk fails to sync a commit | `Indeterminate` | works, or `Corrupt` | when the disk works again |
//! | the file is gone | `Unavailable`, lasting; nothing is made in its place | the same | when it, or another, is put there |
//! | another file took its place, by a name or by a link | `Unavailable` once, and then to the new file; `Indeterminate` if it happened during the commit | `Unavailable` once, and then of the new file | at the next call, if the new file opens: see [`SqliteStore::open`] for what else is said until one does |
//! | the log beside it, `-wal` or `-shm`, was removed | the same, to the same file, which has all that was in the log | works | at the next call |
//! | bytes of it were overwritten or cut off | `Corrupt`, if they are needed | `Corrupt`, if they are needed | when a backup takes its place |
//!
//! *Lasting* errors say that waiting does not help ([`StoreError::is_lasting`](botstore_core::StoreError::is_lasting)).
//!
//! Of a file that was moved away, all that was acknowledged goes with it: its log is written into it wherever it is now, or,
//! if that fails, set aside under a name of its own, `-wal.<number>`, and never taken for the new file's. To replace a file,
//! rename another over it: one that is overwritten in place is damaged as long as it is open. What takes the memory that
//! processes share away (a disk that is pulled out) ends the program by SIGBUS, as with every user of SQLite's log.

mod audit;
mod awake;
mod backup;
mod channel;
mod chat;
mod connection;
mod error;
mod examine;
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
mod stop;
mod store;
#[cfg(test)]
mod testing;
mod tokens;
mod transfer;
mod users;
mod writer;

pub use backup::{Backup, Progress, backup};
pub use botstore_migrations::{Goal, Migrated, SchemaStatus};
pub use examine::SqliteExaminer;
pub use open::{migrate_to, schema};
pub use store::SqliteStore;
