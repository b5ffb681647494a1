//! Rows as they are kept: what a store is copied by.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::Count;
use crate::transfer::{Identities, Key, Page, Table, Work};

/// Reading a store's rows as they are kept, identities included.
///
/// Each page is read by itself: whoever wants a copy of one moment sees to it that nobody writes meanwhile.
#[async_trait]
pub trait Export: Send + Sync {
    /// The rows of a table that follow `after`, in the order of their keys: [`Table::page`] of them at the most, and none
    /// behind the one that brings their content to [`Page::BYTES`]. An empty page: there are no more.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt): a row is none that a store would have written. The error names it.
    async fn export_rows(&self, table: Table, after: Option<&Key>) -> Result<Page>;

    /// How many rows a table has.
    async fn row_count(&self, table: Table) -> Result<Count>;

    /// The greatest numbers that were given to rows.
    async fn identities(&self) -> Result<Identities>;

    /// Asks whether all that this work needs may be done, and changes nothing: to be asked before any of it is begun.
    ///
    /// # Errors
    ///
    /// [`Schema`](crate::ErrorKind::Schema): rights lack. The error names all of them, and what gives them.
    async fn check_rights(&self, work: Work) -> Result<()>;
}

/// Writing rows as they are, identities included, into a store that nobody else uses meanwhile.
///
/// [`transfer::copy`](crate::transfer::copy) raises the identities, and then writes the rows.
#[async_trait]
pub trait Import: Export {
    /// Writes a page, all of it or nothing. A row whose key is there is left alone, so that a page may be written again;
    /// the row of a table that always has one is replaced.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict): another row has what only one may have, such as a message's unique key.
    async fn import_rows(&self, page: &Page) -> Result<()>;

    /// From now on numbers are given that are greater than these, and than any that were given before.
    async fn raise_identities(&self, to: &Identities) -> Result<()>;

    /// Removes rows of a table, [`Table::page`] of them at the most, and returns whether there may be more; the row of a
    /// table that always has one becomes that of a new store.
    async fn remove_rows(&self, table: Table) -> Result<bool>;
}
