//! Whether everything is there that the migrations make.

use botstore_core::model::{Aspect, Finding};
use botstore_migrations::{Goal, sqlite as migrations};
use rusqlite::Connection;

use crate::connection;
use crate::error::Fault;

const NAME: &str = Aspect::Objects.as_str();

/// A table or an index.
struct Object {
    /// Such as `index user_stats_by_lines`.
    name: String,
    sql: String,
}

/// Compares the schema with one that is made anew in memory. What others added is none of our business.
pub(super) fn objects(connection: &Connection) -> Result<Finding, Fault> {
    let (found, expected) = (list(connection)?, list(&anew()?)?);
    let there = |object: &Object| found.iter().find(|found| found.name == object.name);
    let missing: Vec<_> = expected.iter().filter(|object| there(object).is_none()).collect();
    if !missing.is_empty() {
        return Ok(Finding::failed(NAME, format!("missing: {}", names(&missing)), advice(&missing)));
    }
    let is_changed = |object: &&Object| there(object).is_some_and(|found| found.sql != object.sql);
    let changed: Vec<_> = expected.iter().filter(is_changed).collect();
    if !changed.is_empty() {
        let found = format!("not as the migrations make them: {}", names(&changed));
        let advice = "copy the database into a new one by `rosey copy`";
        return Ok(Finding::warning(NAME, found, advice));
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
}
