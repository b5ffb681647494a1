//! Rows that no store would have written.

use botstore_core::model::{Aspect, Finding};
use botstore_core::transfer::{Row, Strangers, Table};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::error::Fault;
use crate::transfer::{fields, names};

/// Reads every row of every table.
pub(super) fn rows(connection: &Connection) -> Result<Finding, Fault> {
    let mut strangers = Strangers::default();
    for table in Table::ALL {
        let sql = format!("SELECT {} FROM {table}", names(table.columns()));
        let mut statement = connection.prepare(&sql)?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let read = Row::new(table, fields(table, row)?);
            strangers.read(table, read, || key(table, row));
        }
    }
    Ok(strangers.judge(Aspect::Rows.as_str()))
}

/// A row's key as it stands there, whatever it is.
fn key(table: Table, row: &rusqlite::Row<'_>) -> String {
    let part = |place| match row.get_ref(place) {
        Ok(ValueRef::Integer(number)) => number.to_string(),
        Ok(ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
        _ => "?".to_owned(),
    };
    (0..table.key().len()).map(part).collect::<Vec<_>>().join(" / ")
}
