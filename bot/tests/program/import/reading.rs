//! Old files that can be read only with care, because they are to stay as they are.

use std::os::unix::fs::PermissionsExt;

use super::{imported, old};
use crate::rosey::Rosey;

crate::checks![
    ;
    once:
    a_file_with_a_log_is_read_if_the_log_is_empty,
    a_file_with_a_full_log_is_refused,
    a_hot_journal_is_left_to_its_own_program,
    a_directory_without_a_right_to_write_will_do,
    a_bot_that_writes_is_named,
];

fn a_file_with_a_log_is_read_if_the_log_is_empty(home: &Rosey) {
    let source = home.path("v05.db");
    let old = old::v05(&source);
    old.pragma_update(None, "journal_mode", "WAL").unwrap();
    drop(old);
    let before = std::fs::read(&source).unwrap();
    assert_eq!(imported(home, "v05.db")["rejected"], 0);
    assert_eq!(std::fs::read(&source).unwrap(), before);
    assert!(!home.path("v05.db-wal").exists() && !home.path("v05.db-shm").exists());
}

fn a_file_with_a_full_log_is_refused(home: &Rosey) {
    let old = old::v05(&home.path("v05.db"));
    old.pragma_update(None, "journal_mode", "WAL").unwrap();
    old.execute_batch("INSERT INTO user_stats VALUES ('new', 1, 2, 3, 4, NULL)").unwrap();
    let error = home.run(&["import", "v05.db"]).fails(1);
    assert!(error.contains("still in its log") && error.contains("wal_checkpoint"), "{error}");
    assert!(!home.path("bot_data.db").exists());
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
