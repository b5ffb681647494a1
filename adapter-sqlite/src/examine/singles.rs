//! Rows that are always there.

use botstore_core::model::Finding;
use rusqlite::{Connection, OptionalExtension as _};

use super::objects::NAME;
use crate::error::Fault;

/// The tables that always have one row, each with what makes it again.
const SINGLES: [(&str, &str); 4] = [
    ("channel_stats", "INSERT INTO channel_stats (id) VALUES (1)"),
    ("current_status", "INSERT INTO current_status (id) VALUES (1)"),
    (
        "database_identity",
        "INSERT INTO database_identity (id, database_id) VALUES (1, lower(hex(randomblob(16))))",
    ),
    (
        "plugin_value_versions",
        "INSERT INTO plugin_value_versions (id, last) SELECT 1, coalesce(max(version), 0) FROM plugin_values",
    ),
];

/// The rows that are gone. A table that is missing is told of elsewhere.
pub(super) fn faults(connection: &Connection) -> Result<Vec<Finding>, Fault> {
    let mut faults = Vec::new();
    for (table, statement) in SINGLES {
        if connection.table_exists(None, table)? && is_empty(connection, table)? {
            let advice =
                format!("restore a backup; or have the row begin anew, by the sqlite3 program: {statement}");
            faults.push(Finding::failed(NAME, format!("missing: the row of {table}"), advice));
        }
    }
    Ok(faults)
}

fn is_empty(connection: &Connection, table: &str) -> Result<bool, Fault> {
    let any = connection.query_row(&format!("SELECT 1 FROM {table}"), [], |_| Ok(()));
    Ok(any.optional()?.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::migrated;

    #[test]
    fn a_row_that_is_gone_is_named_with_what_makes_it_again() {
        let connection = migrated();
        assert!(faults(&connection).unwrap().is_empty());
        for (table, statement) in SINGLES {
            assert_eq!(connection.execute(&format!("DELETE FROM {table}"), []).unwrap(), 1, "{table}");
            let gone = faults(&connection).unwrap();
            assert_eq!(gone.len(), 1, "{gone:?}");
            assert_eq!(gone[0].found, format!("missing: the row of {table}"));
            assert!(gone[0].advice.as_deref().unwrap().ends_with(&format!(": {statement}")));
            connection.execute_batch(statement).unwrap();
            assert!(faults(&connection).unwrap().is_empty());
        }
    }
}
