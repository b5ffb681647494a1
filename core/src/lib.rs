//! What a chat bot's store is, without knowing any database.
//!
//! | module | what it holds |
//! |---|---|
//! | [`store`] | one trait an area, and [`BotStore`], which is all of them |
//! | [`model`] | validated types: what has been made cannot be refused for a business reason |
//! | [`mod@fold`] | what a batch of events does to a store, as a pure function |
//! | [`url`], [`config`] | `DATABASE_URL` in every form, and where it comes from |
//! | [`files`] | which files belong to a database |
//! | [`layers`] | stores around a store: retries, spans, metrics |
//! | [`transfer`] | moving a store's content into another one, and comparing two |
//! | [`StoreError`] | what can go wrong, by what a caller can do about it |
//!
//! Areas have the same names everywhere: ingest, users, chat, channel, outbound, status, tokens, audit, kv,
//! maintenance, transfer, lifecycle.
//!
//! ```
//! use botstore_core::model::{Limit, MessageText, Timestamp, Username};
//! use botstore_core::{BotStore, Events, Result};
//!
//! /// A handler gets a store; which database is behind it is not its business.
//! async fn greet(store: &dyn BotStore, now: Timestamp) -> Result<usize> {
//!     let ada = Username::new("ada")?;
//!     store.user_joined(now, &ada).await?;
//!     store.chat(now, &ada, &MessageText::new("hello")?).await?;
//!     Ok(store.recent_chat(Limit::new(50)?).await?.len())
//! }
//! ```

pub mod clock;
pub mod config;
mod error;
pub mod files;
pub mod fold;
pub mod layers;
pub mod model;
pub mod settings;
pub mod store;
pub mod transfer;
pub mod url;

pub use error::{ErrorKind, InvalidInput, Result, StoreError, conflict};
pub use store::{
    Audit, BotStore, Channel, Chat, Events, Examine, Export, Import, Ingest, Kv, Lifecycle, Maintenance,
    Outbound, Status, Tokens, Users,
};
