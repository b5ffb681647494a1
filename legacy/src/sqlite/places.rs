//! The places of rows, by which they are told apart: what SQLite calls rowid.

use rusqlite::Connection;

use super::quoted;
use crate::source::Found;

/// What SQLite calls the place of a row, unless a column has that name.
const NAMES: [&str; 3] = ["_rowid_", "rowid", "oid"];

/// The name that no column has; none if all three are taken.
fn free(found: &Found) -> Option<&'static str> {
    let is_free = |place: &&str| !found.columns.iter().any(|column| column.eq_ignore_ascii_case(place));
    NAMES.into_iter().find(is_free)
}

/// What the place of a row is called in a table that is [readable](unreadable).
pub(super) fn name(found: &Found) -> &'static str {
    free(found).unwrap_or(NAMES[0])
}

/// Why the rows of a table cannot be read, in words that can follow its name.
pub(super) fn unreadable(found: &Found) -> Option<String> {
    if !found.is_readable {
        return Some("needs a module that SQLite has not".to_owned());
    }
    let reason = || format!("has columns called {}, so that nothing tells its rows apart", NAMES.join(", "));
    free(found).is_none().then(reason)
}

/// Gives the rows of a table places if it has none (`WITHOUT ROWID`): a copy takes the table's name, in SQLite's own
/// temporary file.
pub(super) fn give(connection: &Connection, table: &str) -> rusqlite::Result<()> {
    let has_none = "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1";
    if !connection.query_row(has_none, [table], |row| row.get::<_, bool>(0))? {
        return Ok(());
    }
    let table = quoted(table);
    connection.pragma_update(None, "query_only", false)?;
    connection.execute_batch(&format!("CREATE TEMP TABLE {table} AS SELECT * FROM main.{table}"))?;
    connection.pragma_update(None, "query_only", true)
}
