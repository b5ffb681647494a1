//! A table's rows, one after the other.

use super::{Key, Page, Row, Side, Table, TransferError};
use crate::store::Export;

/// Reads a table page by page.
pub(super) struct Rows<'a> {
    store: &'a dyn Export,
    side: Side,
    table: Table,
    page: Option<Page>,
    /// The place of the next row in the page.
    next: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn of(store: &'a dyn Export, side: Side, table: Table) -> Self {
        Self { store, side, table, page: None, next: 0 }
    }

    /// The next row, which stays the next until [`pass`](Self::pass); none if there are no more.
    pub(super) async fn next(&mut self) -> Result<Option<&Row>, TransferError> {
        let has_more = |page: &Page| page.rows().is_empty() || self.next < page.rows().len();
        if !self.page.as_ref().is_some_and(has_more) {
            let after = self.page.as_ref().and_then(last);
            let page = self.store.export_rows(self.table, after.as_ref()).await;
            self.page = Some(page.map_err(TransferError::of(self.side))?);
            self.next = 0;
        }
        Ok(self.page.as_ref().and_then(|page| page.rows().get(self.next)))
    }

    /// Goes on to the row after the next.
    pub(super) fn pass(&mut self) {
        self.next += 1;
    }
}

/// The key of a page's last row.
pub(super) fn last(page: &Page) -> Option<Key> {
    page.rows().last().map(Row::key)
}
