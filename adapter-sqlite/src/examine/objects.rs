//! Whether everything is there that the migrations make.

use botstore_core::model::{Aspect, Finding};
use botstore_migrations::{Goal, sqlite as migrations};
use rusqlite::Connection;

use super::{columns, singles};
use crate::connection;
use crate::error::Fault;

pub(super) const NAME: &str = Aspect::Objects.as_str();

/// What makes a schema as it should be, as long as every column is there.
pub(super) const COPY: &str = "copy the database into a new one by `rosey copy`";

/// A table or an index.
struct Object {
    /// Such as `index user_stats_by_lines`.
    name: String,
    sql: String,
}

/// Compares the schema with one that is made anew in memory. What others added is none of our business, unless it refuses
/// what a store writes.
pub(super) fn objects(connection: &Connection) -> Result<Finding, Fault> {
    let anew = anew()?;
    let (found, expected) = (list(connection)?, list(&anew)?);
    let there = |object: &Object| found.iter().find(|found| found.name == object.name);
    let missing: Vec<_> = expected.iter().filter(|object| there(object).is_none()).collect();
    let mut faults = Vec::new();
    if !missing.is_empty() {
        faults.push(Finding::failed(NAME, format!("missing: {}", names(&missing)), advice(&missing)));
    }
    faults.extend(columns::faults(connection, &anew)?);
    faults.extend(singles::faults(connection)?);
    if let Some(finding) = Finding::joined(faults) {
        return Ok(finding);
    }
    let is_changed = |object: &&Object| there(object).is_some_and(|found| found.sql != object.sql);
    let changed: Vec<_> = expected.iter().filter(is_changed).collect();
    if !changed.is_empty() {
        let found = format!("not as the migrations make them: {}", names(&changed));
        return Ok(Finding::warning(NAME, found, COPY));
    }
    Ok(Finding::ok(NAME, format!("all {} tables and indexes are there", expected.len())))
}

/// The schema as the migrations make it.
fn anew() -> Result<Connection, Fault> {
    let memory = connection::memory()?;
    for step in migrations::status(&memory)?.plan(Goal::newest()) {
        memory.execute_batch(&step.sql)?;
    }
    Ok(memory)
}

/// SQLite's own, and the indexes that come with a table, have no name that anybody gave them.
const OBJECTS: &str = "SELECT type || ' ' || name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1";

fn list(connection: &Connection) -> Result<Vec<Object>, Fault> {
    let mut statement = connection.prepare(OBJECTS)?;
    let objects = statement.query_map([], |row| Ok(Object { name: row.get(0)?, sql: row.get(1)? }))?;
    Ok(objects.collect::<Result<_, _>>()?)
}

fn names(objects: &[&Object]) -> String {
    objects.iter().map(|object| object.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// An index can be made again, a table's rows cannot.
fn advice(missing: &[&Object]) -> String {
    if missing.iter().any(|object| !object.name.starts_with("index ")) {
        return "restore a backup: nobody knows what was in a table that is gone".to_owned();
    }
    let statements: Vec<_> = missing.iter().map(|object| object.sql.as_str()).collect();
    format!("run this in the database, by the sqlite3 program: {}", statements.join("; "))
}

#[cfg(test)]
mod tests {
    use botstore_core::model::Verdict;

    use super::*;
    use crate::testing::migrated;

    fn judged(change: &str) -> (Verdict, String, Option<String>) {
        let connection = migrated();
        connection.execute_batch(change).unwrap();
        let Finding { verdict, found, advice, .. } = objects(&connection).unwrap();
        (verdict, found, advice)
    }

    #[test]
    fn what_the_migrations_make_is_whole_and_what_others_add_does_no_harm() {
        let (verdict, found, _) = judged("CREATE VIEW mine AS SELECT * FROM recent_chat; ANALYZE");
        assert_eq!((verdict, found.as_str()), (Verdict::Ok, "all 27 tables and indexes are there"));
    }

    #[test]
    fn an_index_that_lacks_is_named_with_what_makes_it_again() {
        let (verdict, found, advice) = judged("DROP INDEX recent_chat_by_time");
        assert_eq!((verdict, found.as_str()), (Verdict::Failed, "missing: index recent_chat_by_time"));
        let statement = "CREATE INDEX recent_chat_by_time ON recent_chat (timestamp)";
        let advice = advice.unwrap();
        assert!(advice.ends_with(statement), "{advice}");
        let (verdict, ..) = judged(&format!("DROP INDEX recent_chat_by_time; {statement}"));
        assert_eq!(verdict, Verdict::Ok);
    }

    #[test]
    fn a_table_that_lacks_or_was_changed_is_named() {
        let (verdict, found, advice) = judged("DROP TABLE plugin_values");
        assert_eq!(verdict, Verdict::Failed);
        assert_eq!(found, "missing: index plugin_values_by_expiry, table plugin_values");
        assert!(advice.unwrap().starts_with("restore a backup"));
        let (verdict, found, _) = judged("ALTER TABLE recent_chat ADD COLUMN mood TEXT");
        assert_eq!(verdict, Verdict::Warning);
        assert_eq!(found, "not as the migrations make them: table recent_chat");
    }

    #[test]
    fn a_column_that_lacks_is_a_failure_and_a_copy_is_no_advice() {
        for change in ["DROP COLUMN message", "RENAME COLUMN message TO text"] {
            let (verdict, found, advice) = judged(&format!("ALTER TABLE recent_chat {change}"));
            let expected = (Verdict::Failed, "missing: column recent_chat.message");
            assert_eq!((verdict, found.as_str()), expected);
            assert!(advice.unwrap().starts_with("restore a backup, or"), "{change}");
        }
    }

    /// The table, made anew with this in place of that.
    fn remade(table: &str, that: &str, this: &str) -> (Verdict, String, Option<String>) {
        let name = format!("table {table}");
        let made = list(&migrated()).unwrap().into_iter().find(|object| object.name == name).unwrap().sql;
        assert!(made.contains(that), "{made}");
        judged(&format!("DROP TABLE {table}; {}", made.replacen(that, this, 1)))
    }

    #[test]
    fn a_table_that_refuses_what_a_store_writes_is_a_failure() {
        let indexed = "missing: index recent_chat_by_time; ";
        for (that, this, expected) in [
            ("timestamp INTEGER", "timestamp TEXT", "column recent_chat.timestamp is TEXT, not INTEGER"),
            (
                "message TEXT",
                "mood TEXT NOT NULL, message TEXT",
                "column recent_chat.mood must be given, and no store does",
            ),
            ("PRIMARY KEY AUTOINCREMENT", "", "column recent_chat.id is no part of the key"),
        ] {
            let (verdict, found, _) = remade("recent_chat", that, this);
            assert_eq!((verdict, found), (Verdict::Failed, format!("{indexed}{expected}")));
        }
        let (verdict, found, advice) =
            remade("channel_stats", "last_updated INTEGER", "last_updated INTEGER NOT NULL DEFAULT 0");
        assert_eq!(verdict, Verdict::Failed);
        assert!(found.starts_with("column channel_stats.last_updated refuses NULL; "), "{found}");
        assert!(advice.unwrap().starts_with(COPY));
        let (_, found, _) = remade("recent_chat", "mess", "mood TEXT NOT NULL DEFAULT '', mess");
        assert_eq!(found, "missing: index recent_chat_by_time");
    }
}
