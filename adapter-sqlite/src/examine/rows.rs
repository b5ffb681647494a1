//! Rows that no store would have written.

use botstore_core::model::{Aspect, Finding};
use botstore_core::transfer::{Row, Strangers, Table};
use rusqlite::Connection;

use crate::error::Fault;
use crate::transfer::{fields, key, names};

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
