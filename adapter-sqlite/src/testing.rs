//! What the tests of several areas need.

use rusqlite::Connection;

use crate::connection;

/// A migrated database in memory.
pub(crate) fn migrated() -> Connection {
    let mut connection = connection::memory().unwrap();
    botstore_migrations::sqlite::migrate(&mut connection).unwrap();
    connection
}

/// Checks that each statement can be prepared, and finds its rows by an index, in their order.
#[track_caller]
pub(crate) fn assert_indexed(statements: &[&str]) {
    let connection = migrated();
    for sql in statements {
        let plan = plan(&connection, sql);
        for step in plan.lines() {
            let by_index = !step.starts_with("SCAN") || step.contains("INDEX");
            assert!(by_index && !step.contains("TEMP B-TREE"), "{sql}\n{plan}");
        }
    }
}

fn plan(connection: &Connection, sql: &str) -> String {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = statement.raw_query().mapped(|row| row.get::<_, String>(3));
    steps.map(|step| step.unwrap() + "\n").collect()
}
