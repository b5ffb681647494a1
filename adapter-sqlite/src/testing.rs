//! What the tests of several areas need.

use rusqlite::{Connection, Params, StatementStatus};

use crate::connection;

/// An index that holds few of its table's rows, so that it can be read whole.
const SMALL_INDEX: &str = "user_stats_open_sessions";

/// Rows for `numbers` in each large table, which differ as those of a bot do: nearly all messages are sent, a few users
/// are there, half of the tokens are revoked.
const FILL: [&str; 7] = [
    "INSERT INTO user_stats SELECT 'user' || i, i, i, i % 100, 0, iif(i <= 20, i, NULL), iif(i <= 20, i, NULL) FROM numbers",
    "INSERT INTO recent_chat SELECT i, i, 'user' || (i % 100), 'hello' FROM numbers",
    "INSERT INTO user_count_history SELECT i, i, 1, 2 FROM numbers",
    "INSERT INTO user_actions SELECT i, i, 'user' || (i % 100), iif(i % 3, 'kick', 'ban'), NULL FROM numbers",
    "INSERT INTO outbound_messages (timestamp, message, unique_key, state, sent, sent_timestamp, due_at)
     SELECT i, 'hello', 'key' || i, iif(i <= 3900, 'sent', 'queued'), i <= 3900, iif(i <= 3900, i, NULL),
        iif(i <= 3900, NULL, i) FROM numbers",
    "INSERT INTO api_tokens (token_hash, token_prefix, created_at, is_active, revoked_at)
     SELECT CAST(printf('%032d', i) AS BLOB), printf('%08d', i), i, i % 2 = 0, iif(i % 2 = 0, NULL, i) FROM numbers",
    "INSERT INTO plugin_values SELECT 'plugin' || (i % 20), 'key' || i, '1', i, iif(i % 10 = 0, i, NULL) FROM numbers",
];

/// A migrated database in memory.
pub(crate) fn migrated() -> Connection {
    let mut connection = connection::memory().unwrap();
    botstore_migrations::sqlite::migrate(&mut connection).unwrap();
    connection
}

/// The same, with rows in it: one of whose number the planner knows nothing, and one of which it has statistics.
fn filled() -> [Connection; 2] {
    let filled = || {
        let connection = migrated();
        for insert in FILL {
            let numbers =
                "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 4000)";
            connection.execute(&format!("{numbers} {insert}"), []).unwrap();
        }
        connection
    };
    let (unknown, analyzed) = (filled(), filled());
    analyzed.execute("ANALYZE", []).unwrap();
    [unknown, analyzed]
}

/// Checks that each statement finds its rows by an index, in their order.
#[track_caller]
pub(crate) fn assert_indexed(statements: &[&str]) {
    for connection in filled() {
        for sql in statements {
            let plan = plan(&connection, sql);
            for step in plan.lines() {
                let is_limited = step.contains("INDEX") && sql.contains("LIMIT");
                let by_index = !step.starts_with("SCAN") || is_limited || step.contains(SMALL_INDEX);
                assert!(by_index && !step.contains("TEMP B-TREE"), "{sql}\n{plan}");
            }
        }
    }
}

/// Checks that a statement does not pass over the many rows that it does not mean, which its plan does not show. At most
/// 10 rows may be found.
#[track_caller]
pub(crate) fn assert_brief(sql: &str, values: impl Params + Copy) {
    for connection in filled() {
        let mut statement = connection.prepare(sql).unwrap();
        let mut rows = statement.query(values).unwrap();
        while rows.next().unwrap().is_some() {}
        drop(rows);
        // To look at one row takes several steps, and there are 4,000.
        let steps = statement.get_status(StatementStatus::VmStep);
        assert!(steps < 1_000, "{steps} steps\n{sql}");
    }
}

/// Checks that each statement reads a whole table once, and no more.
#[track_caller]
pub(crate) fn assert_total(statements: &[&str]) {
    for connection in filled() {
        for sql in statements {
            let plan = plan(&connection, sql);
            assert!(plan.starts_with("SCAN") && plan.lines().count() == 1, "{sql}\n{plan}");
        }
    }
}

fn plan(connection: &Connection, sql: &str) -> String {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let steps = statement.raw_query().mapped(|row| row.get::<_, String>(3));
    steps.map(|step| step.unwrap() + "\n").collect()
}
