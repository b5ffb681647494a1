//! A look into a journal that may be another process's.

use std::path::Path;

use botstore_core::StoreError;
use botstore_core::files::resolve;
use botstore_core::model::{DatabaseId, SpoolHealth, Timestamp};
use rusqlite::{Connection, OpenFlags};

use super::{file, queue};
use crate::fault::Fault;
use crate::lock::Lock;

/// A journal as another process sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Look {
    /// What waits.
    pub spool: SpoolHealth,
    /// Of the events that are kept aside, those that could not be read.
    pub damaged: u64,
    /// Since when its database is away, and the error then, as far as its owner noted it.
    pub away: Option<(Timestamp, String)>,
    /// Whether a process has it open.
    pub in_use: bool,
    /// The database that it belongs to; none if it was never reached.
    pub database: Option<DatabaseId>,
}

/// Looks into the journal at `path`, changing nothing; none if there is no such file.
///
/// # Errors
///
/// - [`Corrupt`](botstore_core::ErrorKind::Corrupt): it is damaged, or another program's.
/// - [`Unavailable`](botstore_core::ErrorKind::Unavailable): it cannot be read.
pub fn look(path: &Path) -> Result<Option<Look>, StoreError> {
    looked(path).map_err(|fault| fault.into_error("health", path))
}

fn looked(path: &Path) -> Result<Option<Look>, Fault> {
    if !path.try_exists()? {
        return Ok(None);
    }
    file::refuse_no_file(path)?;
    let in_use = Lock::is_taken(&resolve(path)?)?;
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if file::form(&connection)?.is_none() {
        return Ok(Some(Look {
            spool: SpoolHealth::default(),
            damaged: 0,
            away: None,
            in_use,
            database: None,
        }));
    }
    let mut spool = queue::waiting(&connection, 0)?.health();
    let damaged = queue::damaged(&connection)?;
    let away = queue::noted(&connection)?;
    spool.error = away.as_ref().map(|(_, error)| error.clone());
    let database = queue::database(&connection)?.and_then(|id| DatabaseId::new(id).ok());
    Ok(Some(Look { spool, damaged, away, in_use, database }))
}
