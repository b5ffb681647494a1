//! Reads the databases of the Python bot that this store takes over from, row by row, as a store would have written
//! them: so [`transfer::copy`](botstore_core::transfer::copy) moves one into any store.
//!
//! Two layouts are known: that of its sqlite3 layer (v0.5) and that of its SQLAlchemy layer (v0.6), the latter in SQLite
//! and in PostgreSQL. What a row means is decided column by column (`layout.rs`), so files in between are read, too.
//! `convert.rs` makes a row of ours of an old one: every value stays what it is, or the row is [rejected](Reject) whole.
//!
//! Nothing is ever written to the old database. It is looked at twice: [`Legacy::check`] reads every row and reports what
//! is not valid; what it returns then exports the rest.
//!
//! ```no_run
//! use botstore_core::{BotStore, transfer};
//! use botstore_legacy::Legacy;
//!
//! # async fn example(store: &dyn BotStore) -> Result<(), Box<dyn std::error::Error>> {
//! let old = Legacy::open_file("bot_data.db".as_ref()).await?;
//! let checked = old.check(|_| (), |reject| { println!("{} {}", reject.table, reject.key); Ok(()) }).await?;
//! transfer::copy(&checked, store, |_| ()).await?;
//! # Ok(())
//! # }
//! ```

mod check;
mod convert;
mod export;
mod layout;
mod legacy;
mod postgres;
mod reject;
mod source;
mod sqlite;
mod sums;
mod value;

pub use check::{CheckError, Checked, Tally};
pub use layout::Layout;
pub use legacy::{Legacy, Note};
pub use reject::Reject;
pub use sums::Sums;

/// The operation's name in errors.
const OPERATION: &str = "import";
