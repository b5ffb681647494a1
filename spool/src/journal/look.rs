//! A look into a journal that may be another process's.

use std::path::Path;

use botstore_core::StoreError;
use botstore_core::files::resolve;
use botstore_core::model::{DatabaseId, SpoolHealth, Timestamp};
use rusqlite::{Connection, OpenFlags};

use super::{aside, file, queue};
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
    /// The number of the batch that was kept aside last; 0: none is. Whatever is kept aside later has a higher one.
    pub last_aside: i64,
    /// How many of the [dropped](SpoolHealth::dropped) events there were when it was last closed in order, so that somebody
    /// could be told of them.
    pub told: u64,
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
    let Some(connection) = reader(path)? else { return Ok(None) };
    let mut look = Look {
        spool: SpoolHealth::default(),
        damaged: 0,
        last_aside: 0,
        told: 0,
        away: None,
        in_use: Lock::is_taken(&resolve(path)?)?,
        database: None,
    };
    if let Some(form) = file::form(&connection)? {
        look.spool = queue::waiting(&connection, 0)?.health();
        // Older ones do not say.
        look.told = if form < 3 { look.spool.dropped } else { queue::told(&connection)? };
        look.damaged = queue::damaged(&connection)?;
        look.last_aside = aside::last(&connection)?;
        look.away = queue::noted(&connection)?;
        look.spool.error = look.away.as_ref().map(|(_, error)| error.clone());
        look.database = queue::database(&connection)?.and_then(|id| DatabaseId::new(id).ok());
    }
    Ok(Some(look))
}

/// How many events the journal at `path` keeps aside of those that came there after a [look](Look::last_aside), changing
/// nothing; none if there is no such file.
///
/// # Errors
///
/// Those of [`look`].
pub fn kept_aside_since(path: &Path, last_aside: i64) -> Result<u64, StoreError> {
    let count = |connection: Connection| match file::form(&connection)? {
        Some(_) => aside::since(&connection, last_aside),
        None => Ok(0),
    };
    let counted = reader(path).and_then(|connection| connection.map_or(Ok(0), count));
    counted.map_err(|fault| fault.into_error("health", path))
}

/// The file; none if there is no such.
fn reader(path: &Path) -> Result<Option<Connection>, Fault> {
    if !path.try_exists()? {
        return Ok(None);
    }
    file::refuse_no_file(path)?;
    if !Lock::is_taken(&resolve(path)?)? {
        file::refuse_no_database(path)?;
    }
    Ok(Some(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?))
}
