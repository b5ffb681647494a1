//! What a file is made of.

use std::fs;
use std::path::Path;

use botstore_core::model::{Aspect, Depth, Finding};
use rusqlite::Connection;

use crate::error::Fault;
use crate::files::beside;

const INTEGRITY: &str = Aspect::Integrity.as_str();
const BLOAT: &str = Aspect::Bloat.as_str();

/// Faults that are named; SQLite looks for no more.
const NAMED: usize = 5;

/// Reads the whole file: quickly without comparing indexes with their tables, in depth with that.
pub(super) fn integrity(
    connection: &Connection,
    path: Option<&Path>,
    depth: Depth,
) -> Result<Finding, Fault> {
    let (check, meaning) = match depth {
        Depth::Quick => ("quick_check", "every page makes sense"),
        Depth::Deep => ("integrity_check", "every page makes sense, and every index agrees with its table"),
    };
    let mut statement = connection.prepare(&format!("PRAGMA {check}({NAMED})"))?;
    let faults = statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    if faults != ["ok"] {
        let found = format!("{check}: {}", faults.join("; "));
        let advice = "check the disk, and restore a backup; if only an index is named, `REINDEX` by the sqlite3 program \
                      makes it again";
        return Ok(Finding::failed(INTEGRITY, found, advice));
    }
    let foreign = path.map_or(Ok(0), |path| foreign_bytes(connection, path))?;
    if foreign > 0 {
        let found =
            format!("{foreign} bytes stand behind the last page, and SQLite did not write them there");
        let advice =
            "find out what else writes to this file; a backup by `rosey backup` does not have these bytes";
        return Ok(Finding::warning(INTEGRITY, found, advice));
    }
    Ok(Finding::ok(INTEGRITY, format!("{check}: {meaning}")))
}

/// The bytes of the file that are no part of the database. While a log has pages, nobody can tell.
fn foreign_bytes(connection: &Connection, path: &Path) -> Result<u64, Fault> {
    let length = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    if length(&beside(path, "-wal")) > 0 {
        return Ok(0);
    }
    let [pages, size] = pragmas(connection, ["page_count", "page_size"])?;
    Ok(length(path).saturating_sub(pages * size))
}

/// Free pages are warned of when they are more than the others, and take more than this.
const MUCH: u64 = 16 << 20;

/// How much of the file holds nothing.
pub(super) fn bloat(connection: &Connection) -> Result<Finding, Fault> {
    let [pages, free, size] = pragmas(connection, ["page_count", "freelist_count", "page_size"])?;
    let found = format!("{free} of {pages} pages are free");
    if free * size > MUCH && free > pages - free.min(pages) {
        return Ok(Finding::warning(BLOAT, found, "`rosey maintain` gives their room back to the disk"));
    }
    Ok(Finding::ok(BLOAT, found))
}

fn pragmas<const N: usize>(connection: &Connection, names: [&str; N]) -> Result<[u64; N], Fault> {
    let mut values = [0; N];
    for (value, name) in values.iter_mut().zip(names) {
        *value = connection.pragma_query_value(None, name, |row| row.get(0))?;
    }
    Ok(values)
}
