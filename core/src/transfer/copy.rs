//! Copying a store.

use super::rows::{Rows, last};
use super::{Key, Progress, Side, Table, TransferError, Work};
use crate::store::{Export, Import};

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Rows that were written.
    pub written: u64,
    /// Rows that were there already: an earlier copy, which was stopped, had written them. Those that every database has from
    /// the beginning do not count.
    pub found: u64,
}

/// Writes all that `from` has into `into`, which has nothing, or the beginning of an earlier copy of the same. What is
/// there already is compared row by row, and then the copy goes on behind it: one that was stopped, or killed, is simply
/// begun again. `progress` hears of each page.
///
/// Nobody may write to either store meanwhile.
///
/// # Errors
///
/// - [`TransferError::Occupied`]: `into` has other rows. Nothing was written.
/// - [`TransferError::Store`]: one of the stores failed. Begin again once it works. If rights lack, in either, nothing was
///   written.
pub async fn copy(
    from: &dyn Export,
    into: &dyn Import,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Copied, TransferError> {
    let mut copied = Copied::default();
    // All is looked at before anything is written.
    let planned = plan(from, into).await?;
    // First: nobody gets a number twice who goes on with half a copy.
    let identities = from.identities().await.map_err(TransferError::of(Side::From))?;
    into.raise_identities(&identities).await.map_err(TransferError::of(Side::Into))?;
    for planned in planned {
        copied.found += planned.found;
        copied.written += rest(from, into, planned, &mut progress).await?;
    }
    Ok(copied)
}

/// Reads all that a store has, and so shows that it can be copied. `progress` hears of each page.
///
/// # Errors
///
/// [`TransferError::Store`]: the store failed, or may not be read, or has a row that no store would have written, which the
/// error names.
pub async fn read_through(
    from: &dyn Export,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<(), TransferError> {
    from.check_rights(Work::Read).await.map_err(TransferError::of(Side::From))?;
    for table in Table::ALL {
        let rows = from.row_count(table).await.map_err(TransferError::of(Side::From))?.get().unsigned_abs();
        let (mut done, mut until) = (0, None);
        loop {
            progress(Progress { table, done, total: done.max(rows) });
            let page =
                from.export_rows(table, until.as_ref()).await.map_err(TransferError::of(Side::From))?;
            let Some(key) = last(&page) else { break };
            done += page.rows().len() as u64;
            until = Some(key);
        }
    }
    from.identities().await.map_err(TransferError::of(Side::From)).map(drop)
}

/// A table before it is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// The table.
    pub table: Table,
    /// How many rows there are to copy.
    pub rows: u64,
    /// How many of them are there already: an earlier copy, which was stopped, had written them. The row that a table has from
    /// the beginning does not count.
    pub found: u64,
    /// The last row of those.
    until: Option<Key>,
}

/// What [`copy`] would do, without doing it.
///
/// # Errors
///
/// Those of [`copy`].
pub async fn plan(from: &dyn Export, into: &dyn Export) -> Result<Vec<Planned>, TransferError> {
    from.check_rights(Work::Read).await.map_err(TransferError::of(Side::From))?;
    into.check_rights(Work::Write).await.map_err(TransferError::of(Side::Into))?;
    let mut plan = Vec::new();
    for table in Table::ALL {
        let rows = from.row_count(table).await.map_err(TransferError::of(Side::From))?.get().unsigned_abs();
        let (found, until) = beginning(from, into, table).await?;
        plan.push(Planned { table, rows, found, until });
    }
    Ok(plan)
}

/// How much `into` has of a table, and the last row of it, if it is what a copy begins with.
async fn beginning(
    from: &dyn Export,
    into: &dyn Export,
    table: Table,
) -> Result<(u64, Option<Key>), TransferError> {
    let (mut here, mut there) = (Rows::of(from, Side::From, table), Rows::of(into, Side::Into, table));
    let (mut found, mut until) = (0, None);
    while let Some(row) = there.next().await? {
        let is_untouched = table.initial().as_ref() == Some(row);
        if here.next().await? == Some(row) {
            // Nobody copied what is there from the beginning.
            found += u64::from(!is_untouched);
            until = Some(row.key());
        } else if !is_untouched {
            return Err(TransferError::Occupied { table, key: row.key() });
        }
        here.pass();
        there.pass();
    }
    Ok((found, until))
}

/// Copies what follows the beginning, and says how many rows it were.
async fn rest(
    from: &dyn Export,
    into: &dyn Import,
    Planned { table, rows, found, mut until }: Planned,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<u64, TransferError> {
    let mut written = 0;
    loop {
        let done = found + written;
        progress(Progress { table, done, total: done.max(rows) });
        let page = from.export_rows(table, until.as_ref()).await.map_err(TransferError::of(Side::From))?;
        let Some(key) = last(&page) else { return Ok(written) };
        into.import_rows(&page).await.map_err(TransferError::of(Side::Into))?;
        written += page.rows().len() as u64;
        until = Some(key);
    }
}
