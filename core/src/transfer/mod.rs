//! Moving a store's whole content into another one, whatever their backends, and showing that it arrived.
//!
//! [`copy`] reads [rows](Row) as they are kept, page by page, and writes them as they are; [`compare`] reads both and
//! says where they differ. Neither holds more than a page or two in memory. What is read and written is described by
//! [`Table`], once for both backends.
//!
//! A database's own identity, its history of migrations, and what waits in a journal are not copied.
//!
//! ```
//! use botstore_core::BotStore;
//! use botstore_core::transfer::{self, TransferError};
//!
//! async fn move_house(from: &dyn BotStore, into: &dyn BotStore) -> Result<bool, TransferError> {
//!     transfer::copy(from, into, |progress| println!("{}: {}", progress.table, progress.done)).await?;
//!     let compared = transfer::compare(from, into, 10, |_| ()).await?;
//!     Ok(compared.iter().all(transfer::Comparison::is_same))
//! }
//! ```

mod compare;
mod copy;
mod digest;
mod row;
mod rows;
mod rules;
mod strangers;
mod table;

pub use compare::{Comparison, Difference, Extent, compare};
pub use copy::{Copied, Planned, copy, plan, read_through};
pub use digest::Digest;
pub use row::{Field, Identities, Key, KeyPart, Page, Row};
pub use strangers::Strangers;
pub use table::{Column, Content, Table};

use crate::error::StoreError;

/// How far a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The table.
    pub table: Table,
    /// Rows done.
    pub done: u64,
    /// Rows that there are, as far as is known.
    pub total: u64,
}

/// What is to be done with a store's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// All are read.
    Read,
    /// Rows are written to those that are there.
    Write,
    /// All that are there are removed, and others are written.
    Replace,
}

/// One of two stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The first one: the one that is copied.
    From,
    /// The second one: the one that is copied into.
    Into,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::From => "the first store",
            Self::Into => "the second store",
        })
    }
}

/// Why a store was not copied, or not compared.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// A store failed.
    #[error("{side}: {error}")]
    Store {
        /// Which one.
        side: Side,
        /// What it said.
        #[source]
        error: StoreError,
    },
    /// The store that is copied into has rows of its own.
    #[error(
        "the second store has a row {key} in {table} that is not the first store's: it is not the copy's beginning"
    )]
    Occupied {
        /// The table of the first such row.
        table: Table,
        /// The row.
        key: Key,
    },
}

impl TransferError {
    fn of(side: Side) -> impl Fn(StoreError) -> Self {
        move |error| Self::Store { side, error }
    }
}

#[cfg(test)]
mod tests;
