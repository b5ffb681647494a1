//! Copying a store.

use super::rows::{Rows, last};
use super::{Key, Progress, Side, Table, TransferError};
use crate::store::{Export, Import};

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Rows that were written.
    pub written: u64,
    /// Rows that were there already: an earlier copy, which was stopped, had written them.
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
/// - [`TransferError::Store`]: one of the stores failed. Begin again once it works.
pub async fn copy(
    from: &dyn Export,
    into: &dyn Import,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Copied, TransferError> {
    let mut copied = Copied::default();
    // All is looked at before anything is written.
    let mut begun = Vec::new();
    for table in Table::ALL {
        let beginning = beginning(from, into, table).await?;
        copied.found += beginning.found;
        begun.push((table, beginning));
    }
    for (table, beginning) in begun {
        let written = rest(from, into, table, beginning, &mut progress).await?;
        copied.written += written;
    }
    let identities = from.identities().await.map_err(TransferError::of(Side::From))?;
    into.raise_identities(&identities).await.map_err(TransferError::of(Side::Into))?;
    Ok(copied)
}

/// How much of a table is there already.
struct Beginning {
    found: u64,
    /// The last row of it.
    until: Option<Key>,
}

/// What `into` has of a table, if it is what a copy begins with.
async fn beginning(from: &dyn Export, into: &dyn Import, table: Table) -> Result<Beginning, TransferError> {
    let (mut here, mut there) = (Rows::of(from, Side::From, table), Rows::of(into, Side::Into, table));
    let mut beginning = Beginning { found: 0, until: None };
    while let Some(row) = there.next().await? {
        if here.next().await? == Some(row) {
            beginning.found += 1;
            beginning.until = Some(row.key());
        } else if table.initial().as_ref() != Some(row) {
            return Err(TransferError::Occupied { table, key: row.key() });
        }
        here.pass();
        there.pass();
    }
    Ok(beginning)
}

/// Copies what follows the beginning, and says how many rows it were.
async fn rest(
    from: &dyn Export,
    into: &dyn Import,
    table: Table,
    Beginning { found, mut until }: Beginning,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<u64, TransferError> {
    let total = from.row_count(table).await.map_err(TransferError::of(Side::From))?;
    let mut written = 0;
    loop {
        let done = found + written;
        progress(Progress { table, done, total: done.max(total.get().unsigned_abs()) });
        let page = from.export_rows(table, until.as_ref()).await.map_err(TransferError::of(Side::From))?;
        let Some(key) = last(&page) else { return Ok(written) };
        into.import_rows(&page).await.map_err(TransferError::of(Side::Into))?;
        written += page.rows().len() as u64;
        until = Some(key);
    }
}
