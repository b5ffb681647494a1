//! Old files that can be read only with care, because they are to stay as they are.

use std::os::unix::fs::PermissionsExt;

use super::{arrived, imported, old};
use crate::rosey::Rosey;

crate::checks![
    ;
    once:
    a_file_with_a_log_is_read_if_nobody_has_it_open,
    a_file_whose_log_is_there_is_refused,
    a_log_that_is_none_is_refused,
    rows_without_places_arrive,
    a_hot_journal_is_left_to_its_own_program,
    a_directory_without_a_right_to_write_will_do,
    a_bot_that_writes_is_named,
];

fn a_file_with_a_log_is_read_if_nobody_has_it_open(home: &Rosey) {
    let source = home.path("v05.db");
    let old = old::v05(&source);
    old.pragma_update(None, "journal_mode", "WAL").unwrap();
    drop(old);
    let before = std::fs::read(&source).unwrap();
    assert_eq!(imported(home, "v05.db")["rejected"], 0);
    assert_eq!(std::fs::read(&source).unwrap(), before);
    assert!(!home.path("v05.db-wal").exists() && !home.path("v05.db-shm").exists());
}

fn a_file_whose_log_is_there_is_refused(home: &Rosey) {
    let old = old::v05(&home.path("v05.db"));
    old.pragma_update(None, "journal_mode", "WAL").unwrap();
    old.query_row("SELECT count(*) FROM user_stats", [], |_| Ok(())).unwrap();
    let length = || std::fs::metadata(home.path("v05.db-wal")).unwrap().len();
    let refused = || {
        let error = home.run(&["import", "v05.db"]).fails(1);
        assert!(error.contains("its log, the file -wal beside it, is there"), "{error}");
        assert!(error.contains("Stop the bot, and") && error.contains("wal_checkpoint(TRUNCATE)"), "{error}");
        assert!(!home.path("bot_data.db").exists());
    };
    assert_eq!(length(), 0);
    refused();
    old.execute_batch("INSERT INTO user_stats VALUES ('new', 1, 2, 3, 4, NULL)").unwrap();
    assert!(length() > 0);
    refused();
    // What a bot leaves that was killed, and what the advice makes of it.
    for name in ["v05.db", "v05.db-wal", "v05.db-shm"] {
        std::fs::copy(home.path(name), home.path(&name.replace("v05", "killed"))).unwrap();
    }
    home.run(&["import", "killed.db"]).fails(1);
    let advised = rusqlite::Connection::open(home.path("killed.db")).unwrap();
    advised.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    drop(advised);
    assert_eq!(imported(home, "killed.db")["tables"][0]["valid"], 4);
}

fn a_log_that_is_none_is_refused(home: &Rosey) {
    drop(old::v05(&home.path("v05.db")));
    home.file("v05.db-wal", "");
    let error = home.run(&["import", "v05.db"]).fails(1);
    assert!(error.contains("the file -wal beside it is empty, and no log of its"), "{error}");
}

fn rows_without_places_arrive(home: &Rosey) {
    let old = old::v05(&home.path("old.db"));
    let expected = imported(&home.beside(), home.path("old.db").to_str().unwrap());
    for (table, key) in [
        ("user_stats", "username"),
        ("user_actions", "id"),
        ("user_count_history", "id"),
        ("recent_chat", "username, id"),
        ("outbound_messages", "id"),
        ("api_tokens", "token"),
        ("channel_stats", "id"),
        ("current_status", "id"),
    ] {
        let mut columns = old.prepare("SELECT name FROM pragma_table_info(?1)").unwrap();
        let columns: Vec<String> =
            columns.query_map([table], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
        let columns = columns.join(", ");
        // A name that hides the place, with nothing in it.
        old.execute_batch(&format!(
            "ALTER TABLE {table} RENAME TO old;
             CREATE TABLE {table} ({columns}, _ROWID_, PRIMARY KEY ({key})) WITHOUT ROWID;
             INSERT INTO {table} SELECT {columns}, NULL FROM old; DROP TABLE old;"
        ))
        .unwrap();
    }
    let before = std::fs::read(home.path("old.db")).unwrap();
    let report = imported(home, "old.db");
    for (at, table) in expected["tables"].as_array().unwrap().iter().enumerate() {
        if table["table"] != "api_tokens" {
            assert_eq!(report["tables"][at], *table);
        }
    }
    arrived(home, &report);
    assert_eq!(std::fs::read(home.path("old.db")).unwrap(), before);
    // The third name of the place is free, and then none.
    let taken = |columns| {
        old.execute_batch(&format!(
            "CREATE TABLE other AS SELECT *, {columns} FROM user_stats; DROP TABLE user_stats;
             ALTER TABLE other RENAME TO user_stats"
        ))
        .unwrap();
    };
    taken("NULL AS rowid");
    let report = imported(&home.beside(), home.path("old.db").to_str().unwrap());
    assert_eq!(report["tables"][0], expected["tables"][0]);
    taken("NULL AS OID");
    let error = home.beside().run(&["import", home.path("old.db").to_str().unwrap()]).fails(1);
    assert!(
        error.contains("schema: ")
            && error.contains("the table user_stats has columns called _rowid_, rowid, oid, so that nothing"),
        "{error}"
    );
}

fn a_hot_journal_is_left_to_its_own_program(home: &Rosey) {
    let source = home.path("v05.db");
    let old = old::v05(&source);
    // So little memory that the file is written before the commit, as a crash would leave it.
    old.execute_batch(
        "PRAGMA cache_size = 1; BEGIN;
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000)
         INSERT INTO recent_chat (timestamp, username, message) SELECT n, 'ada', 'half done' FROM n;",
    )
    .unwrap();
    for name in ["v05.db", "v05.db-journal"] {
        std::fs::copy(home.path(name), home.path(&name.replace("v05", "crashed"))).unwrap();
    }
    drop(old);
    let before = std::fs::read(home.path("crashed.db")).unwrap();
    let journal = std::fs::read(home.path("crashed.db-journal")).unwrap();
    let error = home.run(&["import", "crashed.db"]).fails(1);
    assert!(error.contains("a crash left a transaction half done"), "{error}");
    assert_eq!(std::fs::read(home.path("crashed.db")).unwrap(), before);
    assert_eq!(std::fs::read(home.path("crashed.db-journal")).unwrap(), journal);
}

fn a_directory_without_a_right_to_write_will_do(home: &Rosey) {
    let directory = home.path("old");
    std::fs::create_dir(&directory).unwrap();
    drop(old::v05(&directory.join("v05.db")));
    std::fs::set_permissions(directory.join("v05.db"), PermissionsExt::from_mode(0o400)).unwrap();
    std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o500)).unwrap();
    let report = imported(home, "old/v05.db");
    std::fs::set_permissions(&directory, PermissionsExt::from_mode(0o700)).unwrap();
    assert_eq!(report["rejected"], 0);
}

fn a_bot_that_writes_is_named(home: &Rosey) {
    let old = old::v05(&home.path("v05.db"));
    old.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let error = home.run(&["import", "v05.db"]).fails(1);
    assert!(error.contains("another process keeps it locked: stop the bot"), "{error}");
}
