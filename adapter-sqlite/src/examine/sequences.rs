//! Whether new values get versions that no value has.
//!
//! The numbers of rows need no look: SQLite gives one above the greatest that is there, whatever it has noted.

use botstore_core::model::{Aspect, Finding};
use rusqlite::Connection;

use crate::error::Fault;

const NAME: &str = Aspect::Sequences.as_str();

/// The greatest version that was given, and the greatest that is there.
const VERSIONS: &str = "
    SELECT coalesce(max(last), 0), (SELECT coalesce(max(version), 0) FROM plugin_values) FROM plugin_value_versions";

const RAISE: &str = "UPDATE plugin_value_versions SET last = (SELECT max(version) FROM plugin_values)";

/// None if a table or a column is missing, which is told of elsewhere.
pub(super) fn sequences(connection: &Connection) -> Result<Option<Finding>, Fault> {
    for (table, column) in [("plugin_values", "version"), ("plugin_value_versions", "last")] {
        if !connection.column_exists(None, table, column)? {
            return Ok(None);
        }
    }
    let (given, greatest): (i64, i64) =
        connection.query_row(VERSIONS, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if given >= greatest {
        return Ok(Some(Finding::ok(NAME, "new rows get numbers above those that are there")));
    }
    let found = format!(
        "plugin_value_versions is at {given}, and a value has the version {greatest}: new values get versions that are taken"
    );
    let advice = format!("run this in the database, by the sqlite3 program: {RAISE}");
    Ok(Some(Finding::failed(NAME, found, advice)))
}

#[cfg(test)]
mod tests {
    use botstore_core::model::Verdict;

    use super::*;
    use crate::testing::migrated;

    #[test]
    fn versions_that_would_be_given_again_are_a_failure_until_they_are_raised() {
        let connection = migrated();
        let verdict = || sequences(&connection).unwrap().unwrap().verdict;
        assert_eq!(verdict(), Verdict::Ok);
        let value =
            "INSERT INTO plugin_values (plugin, key, value, version) VALUES ('dice', 'sides', '6', 7)";
        connection.execute_batch(value).unwrap();
        for (last, expected) in [(0, Verdict::Failed), (6, Verdict::Failed), (7, Verdict::Ok)] {
            connection.execute("UPDATE plugin_value_versions SET last = ?1", [last]).unwrap();
            assert_eq!(verdict(), expected, "{last}");
        }
        connection.execute("UPDATE plugin_value_versions SET last = 3", []).unwrap();
        connection.execute_batch(RAISE).unwrap();
        assert_eq!(verdict(), Verdict::Ok);
        connection.execute_batch("DROP TABLE plugin_values").unwrap();
        assert_eq!(sequences(&connection).unwrap(), None);
    }

    #[test]
    fn the_number_of_a_row_is_above_those_that_are_there_whatever_is_noted() {
        let connection = migrated();
        let chat = "INSERT INTO recent_chat (timestamp, username, message) VALUES (1, 'ada', 'hello')";
        connection.execute_batch(&format!("{chat}; UPDATE recent_chat SET id = 700")).unwrap();
        connection.execute_batch(&format!("UPDATE sqlite_sequence SET seq = 1; {chat}")).unwrap();
        assert_eq!(connection.last_insert_rowid(), 701);
    }
}
