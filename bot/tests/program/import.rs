//! Taking over what the Python bot's database has.

mod damaged;
mod incomplete;
mod old;
mod reading;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use self::old::TOKENS;
use crate::rosey::{Ran, Rosey, chat};

pub(crate) use self::damaged::AREA as DAMAGED;
pub(crate) use self::incomplete::AREA as INCOMPLETE;
pub(crate) use self::reading::AREA as READING;

crate::checks![
    both_layouts_arrive_whole,
    a_second_import_finds_everything,
    an_import_that_was_killed_goes_on,
    a_database_with_rows_is_refused,
    what_is_not_valid_is_listed_and_kept,
    the_next_row_gets_a_new_number,
    ;
    once:
    a_dry_run_writes_nothing,
    the_old_file_is_not_imported_into_itself,
    rejects_go_into_no_database,
    an_old_file_as_the_database_is_told_of_the_import,
    ;
    postgres:
    the_sqlalchemy_layout_arrives_from_postgresql,
];

/// Rows of the old tables, in the order of the report.
const ROWS: [u64; 8] = [3, 2, 2, 2, 6, 3, 1, 1];

/// An import, as JSON.
pub(crate) fn imported(rosey: &Rosey, source: &str) -> Value {
    rosey.json(&["import", source, "--json"])
}

fn counts(report: &Value, key: &str) -> Vec<u64> {
    report["tables"].as_array().unwrap().iter().map(|table| table[key].as_u64().unwrap()).collect()
}

/// What every layout's rows are in the end.
fn arrived(rosey: &Rosey, report: &Value) {
    assert_eq!((counts(report, "read"), counts(report, "valid")), (ROWS.to_vec(), ROWS.to_vec()), "{report}");
    assert_eq!(report["lines"], json!({ "read": 5, "valid": 5 }));
    // bob's session lasted from 1000 to 1600; Bob was last seen before his began.
    assert_eq!(report["seconds"], json!({ "read": 150, "valid": 750 }));
    assert_eq!((&report["seconds_of_sessions"], &report["sessions_closed"]), (&json!(600), &json!(2)));
    let queue = json!({ "dead": 1, "failed": 1, "queued": 1, "retrying": 1, "sent": 2 });
    assert_eq!(report["queue"], queue);
    assert_eq!((&report["rejected"], &report["rejects_file"]), (&json!(0), &Value::Null));
    let user = |name| rosey.json(&["stats", name, "--json"]);
    let bob = user("bob");
    assert_eq!((&bob["total_time_connected"], &bob["total_chat_lines"]), (&json!(650), &json!(2)), "{bob}");
    assert_eq!(user("Bob")["total_time_connected"], json!(0));
    let recent = rosey.json(&["recent", "--json"]);
    assert_eq!(
        (&recent[1]["username"], &recent[1]["message"]),
        (&json!("bob"), &json!("héllo ☕")),
        "{recent}"
    );
    let dues: Vec<_> =
        rosey.json(&["outbound", "list", "--json"]).as_array().unwrap().iter().map(due).collect();
    let expected = [
        (1, "sent", json!(null)),
        (2, "queued", json!(1000)),
        // Two attempts failed: four minutes after it was queued.
        (3, "retrying", json!(1240)),
        (4, "dead", json!(null)),
        (5, "failed", json!(null)),
        (6, "sent", json!(null)),
    ];
    assert_eq!(dues, expected.map(|(id, state, due)| (id, state.to_owned(), due)));
    for (token, code) in TOKENS.into_iter().zip([0, 3, 0]) {
        assert_eq!(rosey.run_with(&["token", "check"], token).code, Some(code), "{token}");
    }
    let revoked = rosey.json(&["token", "list", "--json"]);
    let revoked = revoked.as_array().unwrap().iter().find(|token| !token["revoked_at"].is_null()).unwrap();
    assert_eq!(revoked["prefix"], json!(TOKENS[1][..8]));
}

fn due(message: &Value) -> (i64, String, Value) {
    (
        message["id"].as_i64().unwrap(),
        message["state"].as_str().unwrap().to_owned(),
        message["due_at"].clone(),
    )
}

fn both_layouts_arrive_whole(rosey: &Rosey) {
    drop(old::v05(&rosey.path("v05.db")));
    let before = std::fs::read(rosey.path("v05.db")).unwrap();
    let report = imported(rosey, "v05.db");
    assert_eq!((&report["layout"], &report["notes"]), (&json!("v0.5"), &json!([])));
    arrived(rosey, &report);
    assert_eq!(std::fs::read(rosey.path("v05.db")).unwrap(), before);
    for suffix in ["-wal", "-shm", "-journal"] {
        assert!(!rosey.path(&format!("v05.db{suffix}")).exists(), "{suffix}");
    }
    let other = rosey.beside();
    let path = other.path("v06.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(&old::v06(false)).unwrap();
    let report = imported(&other, path.to_str().unwrap());
    assert_eq!((&report["layout"], &report["notes"]), (&json!("v0.6"), &json!([])));
    arrived(&other, &report);
    let stats = other.json(&["stats", "--json"]);
    assert_eq!(stats["peak_chat"], json!({ "count": 4, "at": 1600 }), "{stats}");
    assert_eq!((&stats["connected_seconds"], &stats["open_sessions"]), (&json!(750), &json!(0)), "{stats}");
}

fn the_sqlalchemy_layout_arrives_from_postgresql(rosey: &Rosey) {
    let old = rosey.beside();
    old.sql(&old::v06(true));
    old.sql("CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('c8da062236ab')");
    old.sql("ALTER TABLE recent_chat ADD mood TEXT; UPDATE recent_chat SET mood = 'glad' WHERE id = 42");
    old.sql("SELECT setval('outbound_messages_id_seq', 20)");
    let dump = "SELECT table_name || column_name FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1";
    let before = old.sql(dump);
    let report = Rosey::json_of(rosey.run(&["import", old.url(), "--json"]), 6);
    assert_eq!(report["layout"], "v0.6");
    let other = json!([{ "table": "recent_chat", "column": "mood", "rows": 1 }]);
    assert_eq!((&report["not_imported"], &report["missing"]), (&other, &json!([])));
    assert!(!report["source"].as_str().unwrap().contains("password"), "{report}");
    arrived(rosey, &report);
    let sent = rosey.json(&["outbound", "send", "next", "--json"]);
    assert_eq!(sent["id"], json!(21), "{sent}");
    assert_eq!(old.sql(dump), before);
    // The server's own message is enough where nobody listens, and where there is no such table.
    let error = rosey.run(&["import", "postgresql://nobody@127.0.0.1:1/none"]).fails(1);
    assert!(error.contains("cannot connect"), "{error}");
    let empty = rosey.beside();
    let error = rosey.run(&["import", empty.url()]).fails(1);
    assert!(error.contains("none of the Python bot's tables"), "{error}");
    old.sql("ALTER TABLE user_stats DROP CONSTRAINT user_stats_pkey");
    let error = rosey.beside().run(&["import", old.url()]).fails(1);
    assert!(error.contains("the table user_stats has no primary key username"), "{error}");
}

fn a_second_import_finds_everything(rosey: &Rosey) {
    drop(old::v05(&rosey.path("v05.db")));
    let first = imported(rosey, "v05.db");
    let second = imported(rosey, "v05.db");
    // The rows of two tables are always there.
    assert_eq!((&first["found"], &second["found"]), (&json!(0), &json!(20)));
    assert_eq!(first["tables"], second["tables"]);
}

fn an_import_that_was_killed_goes_on(rosey: &Rosey) {
    let large = |path: &std::path::Path| {
        let old = old::v05(path);
        old.execute_batch(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 40000)
             INSERT INTO user_actions
             SELECT 1000 + n, iif(n % 10 = 0, -n, n), 'user' || n, 'kick', printf('%.100c', 'x') FROM n",
        )
        .unwrap();
    };
    large(&rosey.path("large.db"));
    let undisturbed = rosey.beside();
    let source = rosey.path("large.db");
    let large_import = |rosey: &Rosey| {
        let report = Rosey::json_of(rosey.run(&["import", source.to_str().unwrap(), "--json"]), 6);
        (report, std::fs::read_to_string(rosey.path("import-rejects.jsonl")).unwrap())
    };
    let (expected, rejects) = large_import(&undisturbed);
    assert_eq!(rejects.lines().count(), 4_000);
    for milliseconds in [60, 120, 180, 240, 300, 360, 420] {
        let mut command = rosey.command(&["import", "large.db"]);
        let mut running = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Wherever that is: the end has to be the same.
        std::thread::sleep(Duration::from_millis(milliseconds));
        running.kill().unwrap();
        running.wait().unwrap();
    }
    let (report, kept) = large_import(rosey);
    assert_eq!(report["tables"], expected["tables"]);
    assert!(kept == rejects, "other rejects than those of an import that was not killed");
    assert!(!names(rosey).iter().any(|name| name.contains("reject") && name != "import-rejects.jsonl"));
    // What a killed import wrote of its file ends anywhere.
    let other = rosey.beside();
    for length in [0, 1, rejects.len() / 2, rejects.len()] {
        other.file("import-rejects.jsonl", &rejects[..length]);
        assert!(large_import(&other).1 == rejects, "{length}");
    }
    // Somebody else's begins otherwise, or does not end there.
    for theirs in [format!("{{{rejects}"), format!("{rejects}mine\n")] {
        other.file("import-rejects.jsonl", &theirs);
        let error = other.run(&["import", source.to_str().unwrap()]).fails(1);
        assert!(error.contains("import-rejects.jsonl is there already, and has other rows"), "{error}");
        assert!(std::fs::read_to_string(other.path("import-rejects.jsonl")).unwrap() == theirs);
    }
}

/// The files of a home.
fn names(rosey: &Rosey) -> BTreeSet<String> {
    let entries = std::fs::read_dir(rosey.path(".")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn a_database_with_rows_is_refused(rosey: &Rosey) {
    drop(old::v05(&rosey.path("v05.db")));
    rosey.file("log.jsonl", chat(0..3));
    rosey.replays(&["log.jsonl"]);
    let error = rosey.run(&["import", "v05.db"]).fails(1);
    assert!(error.contains("in user_stats that the old one has not"), "{error}");
    assert!(error.contains("help: an import needs an empty database"), "{error}");
    assert_eq!(rosey.json(&["stats", "--json"])["chat_lines"], json!(3));
}

fn what_is_not_valid_is_listed_and_kept(rosey: &Rosey) {
    let old = old::v05(&rosey.path("v05.db"));
    let secret = "a token with spaces that nobody may read";
    old.execute_batch(&format!(
        "INSERT INTO user_stats VALUES ('{}', 1, 2, 3, 4, NULL);
         INSERT INTO user_stats VALUES ('neg', 1, 2, 3, -4, 1);
         INSERT INTO recent_chat VALUES (43, 1002, 'a' || char(0), 'nul');
         INSERT INTO user_count_history VALUES (3, 1600, 6, 5);
         UPDATE current_status SET bot_rank = 9e999;
         INSERT INTO api_tokens VALUES ('{secret}', 'x', 1000, NULL, 0);",
        "x".repeat(51)
    ))
    .unwrap();
    drop(old);
    let ran = rosey.run(&["import", "v05.db"]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    let long = "x".repeat(51);
    for line in [
        "6 rows were rejected; all that stands there is in import-rejects.jsonl",
        &format!("  user_stats {long}: username has 51 characters, at most 50 are allowed"),
        "  user_stats neg: total_time_connected is negative",
        "  recent_chat 43: username contains NUL",
        "  user_count_history 3: connected_users is less than chat_users",
        "  api_tokens 4: token has characters that no token has",
        "  current_status 1: bot_rank",
    ] {
        assert!(ran.stdout.lines().any(|shown| shown.starts_with(line)), "{line:?} of {}", ran.stdout);
    }
    let path = rosey.path("import-rejects.jsonl");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let kept = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 6);
    let negative = json!({
        "table": "user_stats", "key": "neg", "field": "total_time_connected", "reason": "is negative",
        "row": { "username": "neg", "first_seen": 1, "last_seen": 2, "total_chat_lines": 3,
            "total_time_connected": -4, "current_session_start": 1 }
    });
    assert!(lines.contains(&negative), "{kept}");
    for shown in [&ran.stdout, &ran.stderr, &kept] {
        assert!(!shown.contains(secret) && !TOKENS.iter().any(|token| shown.contains(token)), "{shown}");
    }
    let token = lines.iter().find(|line| line["table"] == "api_tokens").unwrap();
    assert_eq!(token["row"]["token_prefix"], "a token ");
    assert_eq!(token["row"]["token_hash"].as_str().unwrap().len(), 64);
    // All others arrived; the sums say of how many.
    let report = Rosey::json_of(rosey.run(&["import", "v05.db", "--json"]), 6);
    assert_eq!(report["tables"][0]["valid"], json!(3));
    assert_eq!(report["seconds"], json!({ "read": 150 + 4 - 4, "valid": 750 }));
    // The same rejects may be kept again, others not.
    let other = rosey.beside();
    drop(old::v05(&other.path("v05.db")));
    other.file("import-rejects.jsonl", "mine\n");
    let old = rusqlite::Connection::open(other.path("v05.db")).unwrap();
    old.execute_batch("INSERT INTO user_stats VALUES ('neg', 1, 2, -3, 4, NULL)").unwrap();
    let error = other.run(&["import", "v05.db"]).fails(1);
    assert!(error.contains("import-rejects.jsonl is there already"), "{error}");
    assert_eq!(std::fs::read(other.path("import-rejects.jsonl")).unwrap(), b"mine\n");
    assert_eq!(other.run(&["import", "v05.db", "--rejects", "others.jsonl"]).code, Some(6));
    assert_eq!(std::fs::read_to_string(other.path("others.jsonl")).unwrap().lines().count(), 1);
    let error = other.run(&["import", "v05.db", "--rejects", "nowhere/rejects.jsonl"]).fails(1);
    assert_eq!(
        error,
        "error: the rejects' file nowhere/rejects.jsonl: No such file or directory (os error 2). Nothing was written\n"
    );
    // Of two imports at once, one writes them.
    let writing = std::fs::File::create(other.path("locked.jsonl")).unwrap();
    writing.lock().unwrap();
    let error = other.run(&["import", "v05.db", "--rejects", "locked.jsonl"]).fails(1);
    assert_eq!(
        error,
        "error: the rejects' file locked.jsonl: another import writes it. Nothing was written\n"
    );
}

fn the_next_row_gets_a_new_number(rosey: &Rosey) {
    let old = old::v05(&rosey.path("v05.db"));
    old.execute_batch("UPDATE sqlite_sequence SET seq = 20 WHERE name = 'outbound_messages'").unwrap();
    drop(old);
    imported(rosey, "v05.db");
    let sent = rosey.json(&["outbound", "send", "next", "--json"]);
    assert_eq!(sent["id"], json!(21), "{sent}");
    let made = rosey.json(&["token", "create", "--json"]);
    assert_eq!(made["id"], json!(4), "{made}");
}

fn a_dry_run_writes_nothing(home: &Rosey) {
    let old = old::v05(&home.path("v05.db"));
    old.execute_batch("INSERT INTO user_stats VALUES ('neg', 1, 2, -3, 4, NULL)").unwrap();
    drop(old);
    let ran = home.run(&["import", "v05.db", "--dry-run"]);
    assert_eq!(ran.code, Some(6), "{ran:?}");
    assert!(ran.stdout.contains("nothing was imported") && ran.stdout.contains("1 row would be rejected"));
    assert_eq!(names(home), ["v05.db".to_owned()].into());
    assert_eq!(home.run(&["import", "v05.db", "--dry-run", "--rejects", "r.jsonl"]).code, Some(6));
    assert_eq!(names(home).len(), 2);
}

fn the_old_file_is_not_imported_into_itself(home: &Rosey) {
    drop(old::v05(&home.path("bot_data.db")));
    let before = std::fs::read(home.path("bot_data.db")).unwrap();
    std::fs::hard_link(home.path("bot_data.db"), home.path("linked.db")).unwrap();
    for name in ["bot_data.db", "./bot_data.db", "linked.db", "sqlite:///bot_data.db"] {
        let error = home.run(&["import", name]).fails(1);
        assert!(error.contains("is also the database that is to be imported into"), "{error}");
        assert!(error.contains("help: name a new one"), "{error}");
    }
    assert_eq!(std::fs::read(home.path("bot_data.db")).unwrap(), before);
}

/// Also where there is nothing yet, or something empty, which rejects could go into.
fn rejects_go_into_no_database(home: &Rosey) {
    let old = old::v05(&home.path("old.db"));
    old.execute_batch("INSERT INTO user_stats VALUES ('neg', 1, 2, -3, 4, NULL)").unwrap();
    drop(old);
    std::os::unix::fs::symlink("old.db", home.path("link")).unwrap();
    home.file("bot_data.db.lock", "");
    let before = (names(home), std::fs::read(home.path("old.db")).unwrap());
    let refused = |name: &str, whose: &str| {
        for dry in [None, Some("--dry-run")] {
            let mut command = home.command(&["import", "old.db", "--rejects", name]);
            let ran = command.args(dry).env("ROSEY_SPOOL", "elsewhere.spool").output().unwrap();
            let error = Ran::of(ran).fails(1);
            assert_eq!(error, format!("error: {name}: this is the {whose} itself, or belongs to it\n"));
        }
    };
    for end in ["", "-wal", "-shm", "-journal", ".lock", ".spool", ".spool-wal"] {
        refused(&format!("bot_data.db{end}"), "database");
    }
    for name in ["./bot_data.db", "elsewhere.spool", "elsewhere.spool.lock"] {
        refused(name, "database");
    }
    for name in ["old.db", "./old.db", "link", "old.db-wal", "old.db-journal"] {
        refused(name, "old database");
    }
    let error = home.run(&["import", "old.db", "--database-url", "sqlite:///import-rejects.jsonl"]).fails(1);
    assert!(error.contains("import-rejects.jsonl: this is the database itself"), "{error}");
    let server = ["--database-url", "postgresql://rosey@localhost/ours", "--rejects", "ours.spool"];
    let error = home.run(&[&["import", "old.db"], &server[..]].concat()).fails(1);
    assert!(error.contains("ours.spool: this is the database itself"), "{error}");
    assert!((names(home), std::fs::read(home.path("old.db")).unwrap()) == before);
}

fn an_old_file_as_the_database_is_told_of_the_import(home: &Rosey) {
    drop(old::v05(&home.path("bot_data.db")));
    let error = home.run(&["stats"]).fails(1);
    assert!(error.contains("rosey import"), "{error}");
}
