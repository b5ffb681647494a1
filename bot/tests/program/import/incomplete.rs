//! Old databases that have less than their layout, or more: all that is there arrives, and the rest is named.

use std::fmt::Write as _;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{arrived, imported, old};
use crate::rosey::Rosey;

crate::checks![
    missing_tables_are_named,
    names_may_differ_by_case,
    ;
    once:
    each_missing_column_is_named,
    rows_that_lack_what_they_need_are_kept,
    what_an_older_release_lacks_is_told,
    what_is_not_known_is_named,
    bookkeeping_is_no_loss,
    ;
    postgres:
    what_may_not_be_read_is_named,
];

/// An import that is not whole.
fn incomplete(rosey: &Rosey, source: &str) -> Value {
    Rosey::json_of(rosey.run(&["import", source, "--json"]), 6)
}

fn v05(rosey: &Rosey, statements: &str) {
    old::v05(&rosey.path("old.db")).execute_batch(statements).unwrap();
}

fn missing_tables_are_named(rosey: &Rosey) {
    v05(rosey, "DROP TABLE api_tokens; DROP TABLE channel_stats; DELETE FROM current_status");
    let report = incomplete(rosey, "old.db");
    let missing = |table| json!({ "table": table, "column": null, "instead": null });
    assert_eq!(report["missing"], json!([missing("api_tokens"), missing("channel_stats")]));
    assert_eq!((&report["rejected"], &report["notes"]), (&json!(0), &json!([])));
    assert_eq!(report["tables"].as_array().unwrap().len(), 6);
    assert_eq!(rosey.json(&["stats", "ada", "--json"])["total_chat_lines"], json!(3));
    assert_eq!(rosey.json(&["token", "list", "--json"]), json!([]));
    let told = rosey.run(&["import", "old.db"]);
    assert_eq!(told.code, Some(6), "{told:?}");
    assert!(told.stdout.contains("Missing in the old database: the table api_tokens\n"), "{}", told.stdout);
}

/// Makes a table anew without a column.
fn without(path: &std::path::Path, table: &str, column: &str) {
    let old = Connection::open(path).unwrap();
    let mut columns = old.prepare("SELECT name FROM pragma_table_info(?1) WHERE name <> ?2").unwrap();
    let columns: Result<Vec<String>, _> =
        columns.query_map([table, column], |row| row.get(0)).unwrap().collect();
    let columns = columns.unwrap().join(", ");
    let statements = format!(
        "CREATE TABLE other AS SELECT {columns} FROM {table}; DROP TABLE {table}; ALTER TABLE other RENAME TO {table}"
    );
    old.execute_batch(&statements).unwrap();
}

/// What releases before v0.5 did without.
const BROUGHT_LATER: [(&str, &str); 4] = [
    ("outbound_messages", "retry_count"),
    ("outbound_messages", "last_error"),
    ("channel_stats", "max_connected"),
    ("channel_stats", "max_connected_timestamp"),
];

fn each_missing_column_is_named(home: &Rosey) {
    drop(old::v05(&home.path("v05.db")));
    Connection::open(home.path("v06.db")).unwrap().execute_batch(&old::v06(false)).unwrap();
    let mut seen = 0;
    for source in ["v05.db", "v06.db"] {
        let whole = Connection::open(home.path(source)).unwrap();
        let mut columns = whole
            .prepare(
                "SELECT tables.name, columns.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
                 WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite%'",
            )
            .unwrap();
        let columns = columns.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        for (table, column) in columns.collect::<Result<Vec<(String, String)>, _>>().unwrap() {
            let path = home.path("less.db");
            std::fs::copy(home.path(source), &path).unwrap();
            without(&path, &table, &column);
            let ran = home.run(&["import", "less.db", "--dry-run", "--json"]);
            if source == "v05.db" && BROUGHT_LATER.contains(&(&table, &column)) {
                // A peak without its moment is no valid row.
                let code = if column == "max_connected_timestamp" { 6 } else { 0 };
                let report = Rosey::json_of(ran, code);
                assert!(report["notes"][0].as_str().unwrap().contains(&column), "{report}");
                assert_eq!(report["missing"], json!([]));
            } else {
                let report = Rosey::json_of(ran, 6);
                let missing = report["missing"].as_array().unwrap();
                assert_eq!(missing.len(), 1, "{source} {table}.{column}: {report}");
                assert_eq!((&missing[0]["table"], &missing[0]["column"]), (&json!(table), &json!(column)));
            }
            seen += 1;
        }
    }
    assert_eq!(seen, 50 + 56);
}

fn rows_that_lack_what_they_need_are_kept(home: &Rosey) {
    drop(old::v05(&home.path("old.db")));
    without(&home.path("old.db"), "recent_chat", "message");
    let report = incomplete(home, "old.db");
    assert_eq!(report["missing"], json!([{ "table": "recent_chat", "column": "message", "instead": null }]));
    assert_eq!(
        report["tables"][3],
        json!({
            "table": "recent_chat", "read": 2, "valid": 0, "rejected": 2, "digest": report["tables"][3]["digest"]
        })
    );
    let kept = std::fs::read_to_string(home.path("import-rejects.jsonl")).unwrap();
    let first: Value = serde_json::from_str(kept.lines().next().unwrap()).unwrap();
    let expected = json!({
        "table": "recent_chat", "key": "41", "field": "message", "reason": "is null",
        "row": { "id": 41, "timestamp": 1000, "username": "ada" }
    });
    assert_eq!(first, expected);
    assert_eq!(home.json(&["stats", "ada", "--json"])["total_chat_lines"], json!(3));
    // If no table has what it needs, it is another program's.
    Connection::open(home.path("theirs.db"))
        .unwrap()
        .execute_batch("CREATE TABLE user_stats (name TEXT); CREATE TABLE recent_chat (line TEXT)")
        .unwrap();
    let error = home.run(&["import", "theirs.db"]).fails(1);
    assert!(
        error.contains("the table user_stats has no column username, and no other table is whole"),
        "{error}"
    );
}

fn what_an_older_release_lacks_is_told(home: &Rosey) {
    v05(home, "UPDATE outbound_messages SET retry_count = 0");
    for (table, column) in BROUGHT_LATER {
        without(&home.path("old.db"), table, column);
    }
    let report = imported(home, "old.db");
    let note = |table, column, instead| {
        format!("An older release made {table}, without the column {column}: {instead} stands for it")
    };
    let notes = [
        note("outbound_messages", "retry_count", "0"),
        note("outbound_messages", "last_error", "null"),
        note("channel_stats", "max_connected", "0"),
        note("channel_stats", "max_connected_timestamp", "null"),
    ];
    assert_eq!(report["notes"], json!(notes));
    assert_eq!(report["queue"], json!({ "queued": 3, "sent": 3 }));
}

fn what_is_not_known_is_named(home: &Rosey) {
    v05(
        home,
        "ALTER TABLE user_stats ADD COLUMN mood TEXT; UPDATE user_stats SET mood = 'glad' WHERE username = 'ada';
         CREATE TABLE quotes (text TEXT); INSERT INTO quotes VALUES ('to be'), ('or not');
         CREATE TABLE absent (n INTEGER);
         PRAGMA writable_schema = on;
         UPDATE sqlite_schema SET rootpage = 0, sql = 'CREATE VIRTUAL TABLE absent USING nowhere(n)' WHERE name = 'absent'",
    );
    let report = incomplete(home, "old.db");
    let expected = json!([
        { "table": "user_stats", "column": "mood", "rows": 1 },
        { "table": "quotes", "column": null, "rows": 2 },
        { "table": "absent", "column": null, "rows": null },
    ]);
    assert_eq!(report["not_imported"], expected);
    assert_eq!((&report["rejected"], report["tables"][0]["valid"].as_u64()), (&json!(0), Some(3)));
    let told = home.run(&["import", "old.db"]).stdout;
    for line in [
        "Not imported: the column user_stats.mood, in which 1 row has something",
        "Not imported: the table quotes with 2 rows",
        "Not imported: the table absent, which is not readable",
    ] {
        assert!(told.lines().any(|shown| shown == line), "{told}");
    }
}

fn bookkeeping_is_no_loss(home: &Rosey) {
    v05(
        home,
        "CREATE TABLE Alembic_Version (version_num TEXT); INSERT INTO alembic_version VALUES ('c8da062236ab');
         ALTER TABLE user_stats ADD COLUMN empty TEXT; CREATE TABLE none (n INTEGER); ANALYZE",
    );
    let report = imported(home, "old.db");
    assert_eq!(
        (&report["notes"], &report["missing"], &report["not_imported"]),
        (&json!([]), &json!([]), &json!([]))
    );
}

fn names_may_differ_by_case(rosey: &Rosey) {
    let old = old::v05(&rosey.path("old.db"));
    let mut names = old
        .prepare(
            "SELECT tables.name, columns.name FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
             WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite%' ORDER BY 1",
        )
        .unwrap();
    let names = names.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let mut statements = String::new();
    let mut tables = Vec::new();
    for (table, column) in names.collect::<Result<Vec<(String, String)>, _>>().unwrap() {
        writeln!(statements, "ALTER TABLE {table} RENAME COLUMN {column} TO {};", column.to_uppercase())
            .unwrap();
        tables.push(table);
    }
    tables.dedup();
    for table in tables {
        let upper = table.to_uppercase();
        writeln!(statements, "ALTER TABLE {table} RENAME TO x; ALTER TABLE x RENAME TO {upper};").unwrap();
    }
    old.execute_batch(&statements).unwrap();
    let report = imported(rosey, "old.db");
    assert_eq!((&report["layout"], &report["notes"]), (&json!("v0.5"), &json!([])));
    arrived(rosey, &report);
    let next = rosey.json(&["outbound", "send", "next", "--json"]);
    assert_eq!(next["id"], json!(7), "{next}");
    // A token stays hidden whatever its column is called.
    let secret = "a token with spaces that nobody may read";
    old.execute_batch(&format!("INSERT INTO api_tokens VALUES ('{secret}', 'x', 1000, NULL, 0)")).unwrap();
    let other = rosey.beside();
    let source = rosey.path("old.db");
    let report = incomplete(&other, source.to_str().unwrap());
    assert_eq!(report["rejects"][0]["field"], json!("TOKEN"), "{report}");
    let kept = std::fs::read_to_string(other.path("import-rejects.jsonl")).unwrap();
    assert!(kept.contains("token_hash") && !kept.contains(secret), "{kept}");
}

fn what_may_not_be_read_is_named(rosey: &Rosey) {
    let old = rosey.beside();
    old.sql(&old::v06(true));
    let role = format!("importer-{}", old.path("").file_name().unwrap().to_str().unwrap());
    let tables = "user_stats, user_actions, channel_stats, user_count_history, recent_chat, current_status, \
                  outbound_messages, api_tokens";
    old.sql(&format!(
        "CREATE ROLE \"{role}\"; GRANT USAGE ON SCHEMA public TO \"{role}\"; GRANT SELECT ON {tables} TO \"{role}\""
    ));
    let options: String = format!("-c role={role}").bytes().map(|byte| format!("%{byte:02X}")).collect();
    let source = format!("{}?options={options}", old.url());
    // No right on any sequence.
    let report = imported(rosey, &source);
    assert_eq!(report["layout"], "v0.6");
    arrived(rosey, &report);
    let next = rosey.json(&["outbound", "send", "next", "--json"]);
    assert_eq!(next["id"], json!(7), "{next}");
    // Nothing of the schema, or another one.
    old.sql(&format!("REVOKE USAGE ON SCHEMA public FROM PUBLIC, \"{role}\""));
    let error = rosey.beside().run(&["import", &source]).fails(1);
    let right = format!("GRANT USAGE ON SCHEMA public TO \"{role}\"");
    assert!(error.contains(&format!("8 of the Python bot's tables are in the schema public, and the role may not look into it: {right}. ")), "{error}");
    assert!(!error.contains("another program"), "{error}");
    old.sql(&right);
    old.sql(&format!("CREATE SCHEMA nothing; GRANT USAGE ON SCHEMA nothing TO \"{role}\""));
    let elsewhere = format!("{source}%20-c%20search_path%3Dnothing");
    let error = rosey.beside().run(&["import", &elsewhere]).fails(1);
    let right = "options=-c%20search_path=public";
    assert!(error.contains(&format!("the search_path leads elsewhere: add {right} to the URL")), "{error}");
    let other = rosey.beside();
    arrived(&other, &imported(&other, &format!("{}?{right}", old.url())));
    // A stranger's table.
    old.sql("CREATE TABLE ledger (sum INTEGER); INSERT INTO ledger VALUES (5)");
    let report = incomplete(&rosey.beside(), &source);
    assert_eq!(report["not_imported"], json!([{ "table": "ledger", "column": null, "rows": null }]));
    assert_eq!(report["tables"][0]["valid"], json!(3));
    // One of the layout: some rows, or some columns, or nothing of it.
    old.sql("ALTER TABLE api_tokens ENABLE ROW LEVEL SECURITY");
    let error = rosey.beside().run(&["import", &source]).fails(1);
    assert!(
        error.contains(&format!("the table api_tokens, or not all of it: ALTER ROLE \"{role}\" BYPASSRLS")),
        "{error}"
    );
    old.sql("ALTER TABLE api_tokens DISABLE ROW LEVEL SECURITY");
    for revoke in ["REVOKE SELECT ON api_tokens FROM", "GRANT SELECT (id, created_at) ON api_tokens TO"] {
        old.sql(&format!("{revoke} \"{role}\""));
        let error = rosey.beside().run(&["import", &source]).fails(1);
        let right = format!("GRANT SELECT ON api_tokens TO \"{role}\"");
        assert!(error.contains("may not read the table api_tokens, or not all of it: "), "{error}");
        assert!(error.contains(&right), "{error}");
    }
    old.sql(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""));
}
