//! What the doctor finds of databases with which something is wrong.

mod files;
mod schema;
mod server;

use std::fs::{self, OpenOptions, Permissions};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use botstore_conformance::disk::run;
use rusqlite::Connection;
use serde_json::Value;

pub(crate) use self::files::AREA as FILES;
pub(crate) use self::schema::AREA as SCHEMA;
pub(crate) use self::server::AREA as SERVER;

use crate::doctor::{unwell, verdicts};
use crate::rosey::{Ran, Rosey, chat, sample};

crate::checks! {
    rows_that_no_store_wrote_are_named_in_depth,
    room_that_holds_nothing_is_told,
    ; once:
    a_warning_is_a_failure_to_who_is_strict,
    a_missing_index_is_named_with_what_makes_it_again,
    a_damaged_page_is_found,
    an_index_that_disagrees_with_its_table_is_found_in_depth,
    bytes_behind_the_last_page_are_found,
    a_file_that_is_no_database_gives_lines,
    a_locked_database_gives_lines,
    nothing_is_changed_not_even_a_log,
    a_journal_that_is_a_pipe_holds_nobody_up,
    a_journal_that_cannot_be_made_is_told_with_advice,
    a_server_that_says_nothing_is_given_up,
    what_is_kept_aside_is_told_with_the_reasons,
}

/// The line of a check, as its verdict, what was found, and what to do.
fn line(report: &Value, name: &str) -> (String, String, String) {
    let checks = report["checks"].as_array().unwrap();
    let found = checks.iter().find(|check| check["name"] == name);
    let found = found.unwrap_or_else(|| panic!("no {name} in {report}"));
    let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
    (text("verdict"), text("found"), text("advice"))
}

fn doctor(rosey: &Rosey) -> Value {
    rosey.json(&["doctor", "--json"])
}

fn sick(rosey: &Rosey) -> Value {
    unwell(rosey.run(&["doctor", "--json"]))
}

/// Writes into a file at a place, as a disk does that fails.
fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
    file.sync_all().unwrap();
}

fn rows_that_no_store_wrote_are_named_in_depth(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    rosey
        .sql("UPDATE user_stats SET first_seen = -1 WHERE username = (SELECT min(username) FROM user_stats)");
    rosey.sql("UPDATE recent_chat SET username = '' WHERE id IN (1, 3)");
    doctor(rosey);
    let (verdict, found, advice) = line(&unwell(rosey.run(&["doctor", "--deep", "--json"])), "rows");
    assert_eq!(verdict, "failed");
    assert!(found.starts_with("3 of 173 rows are none that a store wrote: user_stats "), "{found}");
    assert!(found.contains(": first_seen ") && found.contains("; recent_chat 1: username "), "{found}");
    assert!(found.contains("; recent_chat 3: username "), "{found}");
    assert!(advice.contains("by SQL"), "{advice}");
    rosey.sql("UPDATE user_stats SET first_seen = last_seen WHERE first_seen = -1");
    rosey.sql("UPDATE recent_chat SET username = 'ada' WHERE username = ''");
    let report = rosey.run(&["doctor", "--deep", "--json"]);
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    assert_eq!(line(&report, "rows").0, "ok");
}

fn room_that_holds_nothing_is_told(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    rosey.sql(
        "INSERT INTO recent_chat (timestamp, username, message)
         WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < 700000)
         SELECT i, 'ada', 'hello' FROM numbers",
    );
    let (verdict, found, _) = line(&doctor(rosey), "bloat");
    assert_eq!(verdict, "ok", "{found}");
    rosey.sql("DELETE FROM recent_chat WHERE id % 1000 > 0");
    if rosey.backend() != "sqlite" {
        // The index keeps the room of rows that are cleared away.
        rosey.sql("VACUUM recent_chat");
    }
    let (verdict, found, advice) = line(&doctor(rosey), "bloat");
    assert_eq!(verdict, "warning", "{found}");
    if rosey.backend() == "sqlite" {
        assert!(found.ends_with("pages are free"), "{found}");
        rosey.prints(&["maintain", "--keep-chat-hours", "999999"]);
    } else {
        assert!(found.starts_with("recent_chat_by_time takes "), "{found}");
        for statement in advice.split("; ") {
            rosey.sql(statement);
        }
    }
    assert_eq!(line(&doctor(rosey), "bloat").0, "ok");
}

fn a_warning_is_a_failure_to_who_is_strict(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    let file = rosey.path("bot_data.db");
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let report = doctor(rosey);
    assert_eq!((&report["healthy"], &report["verdict"]), (&Value::Bool(true), &Value::from("warning")));
    let (verdict, found, advice) = line(&report, "permissions");
    assert_eq!(verdict, "warning");
    assert!(found.starts_with("every user of this machine may read "), "{found}");
    assert!(
        advice.starts_with("chmod o= ") && advice.ends_with(" what people said, and its tokens"),
        "{advice}"
    );
    assert_eq!(rosey.run(&["doctor", "--strict"]).code, Some(1));
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(rosey.run(&["doctor", "--strict"]).code, Some(0));
}

fn a_missing_index_is_named_with_what_makes_it_again(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    rosey.sql("DROP INDEX recent_chat_by_time");
    let (verdict, found, advice) = line(&sick(rosey), "objects");
    assert_eq!((verdict.as_str(), found.as_str()), ("failed", "missing: index recent_chat_by_time"));
    rosey.sql(advice.split_once("program: ").unwrap().1);
    assert_eq!(line(&doctor(rosey), "objects").0, "ok");
}

fn a_damaged_page_is_found(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    let file = rosey.path("bot_data.db");
    let database = Connection::open(&file).unwrap();
    let page = "SELECT rootpage FROM sqlite_schema WHERE name = 'user_actions'";
    let page: u64 = database.query_row(page, [], |row| row.get(0)).unwrap();
    let size: u64 = database.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    drop(database);
    overwrite(&file, (page - 1) * size, &[0xff; 64]);
    let (verdict, found, advice) = line(&sick(rosey), "integrity");
    assert_eq!(verdict, "failed");
    assert!(found.contains("quick_check") || found.contains("damaged"), "{found} {advice}");
    // A page of the schema itself: nothing can be asked any more.
    overwrite(&file, 100, &[0xff; 64]);
    let report = sick(rosey);
    assert!(verdicts(&report).contains(&"connection failed".to_owned()), "{report}");
}

fn an_index_that_disagrees_with_its_table_is_found_in_depth(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    let file = rosey.path("bot_data.db");
    rosey.sql("INSERT INTO recent_chat (timestamp, username, message) VALUES (1, 'ada', 'hello')");
    let hidden = Connection::open(&file).unwrap();
    hidden
        .execute_batch(
            "PRAGMA writable_schema = ON;
             CREATE TEMP TABLE hidden AS SELECT * FROM sqlite_schema WHERE name = 'recent_chat_by_time';
             DELETE FROM sqlite_schema WHERE name = 'recent_chat_by_time'",
        )
        .unwrap();
    // Another connection knows nothing of the index, and so does not write it.
    rosey.sql("UPDATE recent_chat SET timestamp = 2");
    hidden.execute_batch("INSERT INTO sqlite_schema SELECT * FROM hidden").unwrap();
    drop(hidden);
    doctor(rosey);
    let report = unwell(rosey.run(&["doctor", "--deep", "--json"]));
    let (verdict, found, advice) = line(&report, "integrity");
    assert_eq!(verdict, "failed");
    assert!(found.contains("missing from index recent_chat_by_time"), "{found}");
    assert!(advice.contains("REINDEX"), "{advice}");
}

fn bytes_behind_the_last_page_are_found(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    let file = rosey.path("bot_data.db");
    let length = fs::metadata(&file).unwrap().len();
    overwrite(&file, length, b"this is no page");
    let (verdict, found, _) = line(&doctor(rosey), "integrity");
    assert_eq!(verdict, "warning");
    assert!(found.starts_with("15 bytes stand behind the last page"), "{found}");
}

fn a_file_that_is_no_database_gives_lines(rosey: &Rosey) {
    rosey.file("bot_data.db", "this is a text, and has been one all along\n".repeat(100));
    let report = sick(rosey);
    assert!(line(&report, "connection").1.contains("no SQLite database"), "{report}");
    assert_eq!(line(&report, "integrity").0, "failed", "{report}");

    fs::remove_file(rosey.path("bot_data.db")).unwrap();
    fs::create_dir(rosey.path("bot_data.db")).unwrap();
    let report = sick(rosey);
    assert!(line(&report, "connection").1.contains("this is a directory"), "{report}");
    assert_eq!(line(&report, "permissions").0, "failed", "{report}");

    // Cut off in the middle.
    fs::remove_dir(rosey.path("bot_data.db")).unwrap();
    rosey.replays(&[sample()]);
    let file = OpenOptions::new().write(true).open(rosey.path("bot_data.db")).unwrap();
    file.set_len(20_000).unwrap();
    let report = sick(rosey);
    assert_eq!(line(&report, "integrity").0, "failed", "{report}");
}

fn a_locked_database_gives_lines(rosey: &Rosey) {
    rosey.replays(&[sample()]);
    let other = Connection::open(rosey.path("bot_data.db")).unwrap();
    let lock = "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE channel_stats SET max_users = max_users; COMMIT";
    other.execute_batch(lock).unwrap();
    let url = "sqlite:///bot_data.db?busy_timeout=100ms";
    let report = unwell(rosey.run(&["--database-url", url, "doctor", "--json"]));
    assert!(line(&report, "connection").1.contains("keeps the database locked"), "{report}");
    assert_eq!(line(&report, "permissions").0, "ok", "{report}");
    drop(other);
    doctor(rosey);
}

fn nothing_is_changed_not_even_a_log(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    let mut recording = rosey.command(&["record"]);
    recording.stdin(Stdio::piped()).stdout(Stdio::null());
    let mut recording = recording.spawn().unwrap();
    let mut input = recording.stdin.take().unwrap();
    input.write_all(chat(0..50).as_bytes()).unwrap();
    input.flush().unwrap();
    let begun = Instant::now();
    while rosey.json(&["stats", "--json"])["chat_lines"] != 50 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the lines do not arrive");
    }
    recording.kill().unwrap();
    recording.wait().unwrap();
    let all = || {
        let mut all: Vec<_> = fs::read_dir(rosey.path(""))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            // What processes share of the log is memory, in a file.
            .filter(|path| !path.to_str().unwrap().ends_with("-shm"))
            .map(|path| (fs::read(&path).unwrap(), path))
            .collect();
        all.sort_by(|(_, one), (_, other)| one.cmp(other));
        all
    };
    let before = all();
    assert!(before.iter().any(|(bytes, path)| path.ends_with("bot_data.db-wal") && !bytes.is_empty()));
    doctor(rosey);
    rosey.json(&["doctor", "--deep", "--json"]);
    assert!(all() == before, "something was changed");
    assert_eq!(rosey.json(&["stats", "--json"])["chat_lines"], 50);
}

fn a_journal_that_is_a_pipe_holds_nobody_up(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    run("mkfifo", [rosey.path("journal")]).unwrap();
    let begun = Instant::now();
    let mut command = rosey.command(&["doctor", "--limit", "1", "--json"]);
    let output = command.env("ROSEY_SPOOL", "journal").output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(30), "it took {:?}", begun.elapsed());
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (verdict, found, _) = line(&report, "spool");
    assert_eq!(verdict, "failed");
    assert!(found.contains("is no file"), "{found}");
    assert_eq!(line(&report, "integrity").0, "ok");
}

fn a_journal_that_cannot_be_made_is_told_with_advice(rosey: &Rosey) {
    rosey.prints(&["migrate"]);
    fs::write(rosey.path("notes"), "notes").unwrap();
    for (journal, told) in [
        ("missing/journal", "its directory does not exist; make it, or name another file by ROSEY_SPOOL"),
        (".", "it is a directory; name a file in it"),
        ("notes", "the journal notes is not a database; move it away"),
    ] {
        let output = rosey.command(&["doctor", "--json"]).env("ROSEY_SPOOL", journal).output().unwrap();
        let (verdict, found, _) = line(&unwell(Ran::of(output)), "spool");
        assert_eq!((verdict.as_str(), found.contains(told)), ("failed", true), "{found}");
    }
}

fn a_server_that_says_nothing_is_given_up(home: &Rosey) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgresql://rosey@{}/d", silent.local_addr().unwrap());
    let report = unwell(home.run(&["--database-url", &url, "doctor", "--limit", "1", "--json"]));
    let (verdict, found, _) = line(&report, "connection");
    assert_eq!((verdict.as_str(), found.as_str()), ("failed", "no answer within 1s"));
}

fn what_is_kept_aside_is_told_with_the_reasons(home: &Rosey) {
    // What waits for a server that is away, as its recorder left it.
    let url = "postgresql://rosey@127.0.0.1:1/d";
    let ran = home.run_with(&["--database-url", url, "record"], chat(0..3));
    assert_eq!(ran.code, Some(4), "{ran:?}");
    let journal = Connection::open(home.path("d.spool")).unwrap();
    let aside = "INSERT INTO rejected (number, source, after, last, arrived, events, body, reason)
        SELECT number + ?1, source, after, last, arrived, events, body, ?2 FROM batch";
    let spool = |reason: &str, place: i64| {
        assert!(journal.execute(aside, (place, reason)).unwrap() > 0);
        line(&unwell(home.run(&["--database-url", url, "doctor", "--json"])), "spool")
    };
    let (verdict, found, advice) = spool("it cannot be read", 100);
    assert_eq!(verdict, "warning");
    assert!(found.ends_with("3 events are kept aside; 3 of them cannot be read"), "{found}");
    assert!(advice.contains("check its disk") && !advice.contains("replay them"), "{advice}");
    let (_, found, advice) = spool("events before it are missing", 200);
    assert!(found.ends_with("6 events are kept aside; 3 of them cannot be read"), "{found}");
    assert!(advice.contains("check its disk") && advice.contains("replay them"), "{advice}");
    assert!(advice.contains("in the table rejected of d.spool, each batch with the reason"), "{advice}");
}
