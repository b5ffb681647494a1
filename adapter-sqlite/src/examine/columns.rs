//! Whether columns are as the migrations make them, as far as a store depends on it.

use botstore_core::model::Finding;
use rusqlite::Connection;

use super::objects::{COPY, NAME};
use crate::error::Fault;

/// A column of a table.
struct Column {
    table: String,
    name: String,
    kind: String,
    /// Whether it refuses NULL.
    is_required: bool,
    /// Whether it has a value that nobody gave it.
    has_own: bool,
    /// Its place in the primary key; 0 if it is no part of it.
    key: i64,
}

/// A virtual column, or a stored one that is computed, has a number as `hidden`.
const COLUMNS: &str = r#"
    SELECT owner.name, part.name, part.type, part."notnull", part.dflt_value IS NOT NULL OR part.hidden > 0, part.pk
    FROM sqlite_schema AS owner, pragma_table_xinfo(owner.name) AS part
    WHERE owner.type = 'table' ORDER BY 1, part.cid"#;

fn list(connection: &Connection) -> Result<Vec<Column>, Fault> {
    let mut statement = connection.prepare(COLUMNS)?;
    let columns = statement.query_map([], |row| {
        Ok(Column {
            table: row.get(0)?,
            name: row.get(1)?,
            kind: row.get(2)?,
            is_required: row.get(3)?,
            has_own: row.get(4)?,
            key: row.get(5)?,
        })
    })?;
    Ok(columns.collect::<Result<_, _>>()?)
}

/// Compares the columns with those of a schema that was made anew. A table that is missing is told of elsewhere.
pub(super) fn faults(connection: &Connection, anew: &Connection) -> Result<Vec<Finding>, Fault> {
    let (found, expected) = (list(connection)?, list(anew)?);
    let mut faults = Vec::new();
    for column in &expected {
        if found.iter().any(|found| found.table == column.table) {
            let there = found.iter().find(|found| is_same(found, column));
            faults.extend(judge(column, there));
        }
    }
    for extra in found.iter().filter(|found| found.is_required && !found.has_own) {
        let mut of_table = expected.iter().filter(|column| column.table == extra.table).peekable();
        let is_ours = of_table.peek().is_some() && !expected.iter().any(|column| is_same(column, extra));
        // One that lacks may be this one, under another name.
        if is_ours && of_table.all(|column| found.iter().any(|found| is_same(found, column))) {
            let found = format!("column {}.{} must be given, and no store does", extra.table, extra.name);
            faults.push(Finding::failed(NAME, found, COPY));
        }
    }
    Ok(faults)
}

fn is_same(one: &Column, other: &Column) -> bool {
    one.table == other.table && one.name == other.name
}

/// What is wrong with a column, which is as it is found, or not there.
fn judge(expected: &Column, found: Option<&Column>) -> Option<Finding> {
    let Column { table, name, kind, .. } = expected;
    let Some(found) = found else {
        let advice = "restore a backup, or give the column its name back (ALTER TABLE ... RENAME COLUMN) if it has another";
        return Some(Finding::failed(NAME, format!("missing: column {table}.{name}"), advice));
    };
    if !found.kind.eq_ignore_ascii_case(kind) {
        let found = format!("column {table}.{name} is {}, not {kind}", found.kind);
        return Some(Finding::failed(NAME, found, "restore a backup"));
    }
    let what = match () {
        () if found.key == 0 && expected.key > 0 => "is no part of the key",
        () if found.key == 0 && found.is_required && !expected.is_required => "refuses NULL",
        () => return None,
    };
    Some(Finding::failed(NAME, format!("column {table}.{name} {what}"), COPY))
}
