//! The journal's file: whose it is, its settings, its tables.

use std::fs::{self, File, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use botstore_core::ErrorKind;
use rusqlite::{Connection, OpenFlags};

use super::files::{self, unless_missing};
use crate::fault::Fault;
use crate::lock::private;
use crate::standing::Standing;
use crate::step::{Step, reached};

/// What a journal's file says it is, SQLite's `application_id`: `bsSP` in ASCII.
const APPLICATION: i32 = 0x6273_5350;
/// The form of its tables.
const FORM: i32 = 3;

const TABLES: &str = "
    CREATE TABLE batch (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        after INTEGER,
        last INTEGER NOT NULL,
        arrived INTEGER NOT NULL,
        events INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE TABLE rejected (
        number INTEGER PRIMARY KEY,
        source TEXT NOT NULL,
        after INTEGER,
        last INTEGER NOT NULL,
        arrived INTEGER NOT NULL,
        events INTEGER NOT NULL,
        body TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT;
    CREATE TABLE gap (source TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    CREATE TABLE journal (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        owner TEXT,
        database_name TEXT,
        database_id TEXT,
        former_id TEXT,
        dropped INTEGER NOT NULL,
        told INTEGER NOT NULL DEFAULT 0,
        away_since INTEGER,
        error TEXT
    ) STRICT;
    INSERT INTO journal (id, dropped) VALUES (1, 0);";

/// What makes a journal of the first form one of the second.
const FROM_1: &str = "
    ALTER TABLE journal ADD COLUMN owner TEXT;
    ALTER TABLE journal ADD COLUMN database_name TEXT;";

/// The same of the second form.
const FROM_2: &str = "
    ALTER TABLE journal ADD COLUMN former_id TEXT;
    ALTER TABLE journal ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
    UPDATE journal SET told = dropped;";

/// Opens the journal to write, and makes it if it is not there.
pub(super) fn open(path: &Path) -> Result<(Connection, Standing), Fault> {
    create(path)?;
    refuse_no_database(path)?;
    reached(Step::Locked);
    let standing = Standing::at(path)?;
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let form = form(&connection)?;
    // One that was made by another hand may be open to others.
    for file in files::names(path) {
        unless_missing(fs::set_permissions(file, Permissions::from_mode(0o600)))?;
    }
    match form {
        None => make(&connection)?,
        Some(1) => bring_forward(&connection, &[FROM_1, FROM_2].concat())?,
        Some(2) => bring_forward(&connection, FROM_2)?,
        Some(_) => {}
    }
    set(&connection)?;
    if standing.is_there()? {
        return Ok((connection, standing));
    }
    let why = "was replaced while it was opened: try again";
    Err(Fault::Refused(ErrorKind::Unavailable, why.to_owned()))
}

/// Refuses what is at the path and no file: a device, a pipe, a directory. Its rights must not be touched, and to open it
/// may take for ever.
pub(super) fn refuse_no_file(path: &Path) -> Result<(), Fault> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::Error::from(io::ErrorKind::IsADirectory).into()),
        Ok(found) if !found.is_file() => {
            let why = "is no file: name another one (ROSEY_SPOOL)";
            Err(Fault::Refused(ErrorKind::Unavailable, why.to_owned()))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// What every SQLite database begins with, <https://sqlite.org/fileformat.html>.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Refuses a file that is no database. SQLite itself would take one for such that stands where a database was, if the log of
/// that one is still beside it. Nobody in this process may have it open: closing it drops SQLite's locks.
pub(super) fn refuse_no_database(path: &Path) -> Result<(), Fault> {
    let mut begins = Vec::with_capacity(MAGIC.len());
    File::open(path)?.take(MAGIC.len() as u64).read_to_end(&mut begins)?;
    if begins.is_empty() || begins == MAGIC {
        return Ok(());
    }
    Err(Fault::Damaged("is not a database".to_owned()))
}

/// Makes the file if there is none. One that is there is not opened: closing it would drop the locks that SQLite has on it
/// in this process.
fn create(path: &Path) -> Result<(), Fault> {
    let is_new = match private().create_new(true).write(true).open(path) {
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::metadata(path)?.len() == 0,
        Err(error) => return Err(error.into()),
    };
    if is_new {
        // What stands beside it belongs to one that was removed, and perhaps is still open.
        let [log, index, _] = files::names(path);
        unless_missing(fs::remove_file(log))?;
        unless_missing(fs::remove_file(index))?;
    }
    Ok(())
}

fn make(connection: &Connection) -> Result<(), Fault> {
    // A file that grew in an outage gives its room back afterwards. It can only be set before there are tables.
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL")?;
    set(connection)?;
    bring_forward(connection, &format!("{TABLES} PRAGMA application_id = {APPLICATION};"))
}

fn bring_forward(connection: &Connection, how: &str) -> Result<(), Fault> {
    let all = format!("BEGIN IMMEDIATE; {how} PRAGMA user_version = {FORM}; COMMIT");
    Ok(connection.execute_batch(&all)?)
}

fn set(connection: &Connection) -> Result<(), Fault> {
    let pragmas =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 1048576;";
    Ok(connection.execute_batch(pragmas)?)
}

/// The form of the journal's tables; none if it has nothing at all. Anything else is none of ours.
pub(super) fn form(connection: &Connection) -> Result<Option<i32>, Fault> {
    let refused = |why: String| Err(Fault::Refused(ErrorKind::Corrupt, why));
    match (pragma(connection, "application_id")?, pragma(connection, "user_version")?) {
        (APPLICATION, form @ 1..=FORM) => Ok(Some(form)),
        (APPLICATION, form) => {
            refused(format!("is of form {form}, and this program knows {FORM}: use a newer one"))
        }
        (0, 0) if tables(connection)? == 0 => Ok(None),
        _ => refused("is another program's database: name another file (ROSEY_SPOOL)".to_owned()),
    }
}

fn pragma(connection: &Connection, name: &str) -> Result<i32, Fault> {
    Ok(connection.pragma_query_value(None, name, |row| row.get(0))?)
}

fn tables(connection: &Connection) -> Result<i64, Fault> {
    Ok(connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?)
}

#[cfg(test)]
mod tests;
