use std::collections::BTreeMap;

use botstore_core::model::{Limit, MessageText, Timestamp, Username};
use botstore_core::{Chat, Events, Lifecycle, StoreError, Users};
use tempfile::TempDir;
use tokio::task::JoinSet;

use super::*;
use crate::SqliteStore;

fn url(directory: &TempDir) -> SqliteUrl {
    SqliteUrl::file(directory.path().join("bot.db"))
}

/// The names and contents of all files.
fn files(directory: &TempDir) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().display().to_string(), fs::read(&path).unwrap()))
        .collect()
}

async fn refusal(url: &SqliteUrl, migrate: bool) -> StoreError {
    SqliteStore::open(url, migrate).await.unwrap_err()
}

#[tokio::test]
async fn the_database_of_another_program_stays_untouched() {
    for mode in ["DELETE", "WAL"] {
        let directory = TempDir::new().unwrap();
        let made = Connection::open(directory.path().join("bot.db")).unwrap();
        made.pragma_update(None, "journal_mode", mode).unwrap();
        made.execute_batch("CREATE TABLE user_stats (username TEXT)").unwrap();
        drop(made);
        let before = files(&directory);
        for migrate in [true, false] {
            assert_eq!(refusal(&url(&directory), migrate).await.kind(), &ErrorKind::Schema, "{mode}");
            assert_eq!(files(&directory), before, "{mode}");
        }
    }
}

#[tokio::test]
async fn the_log_of_another_program_that_crashed_stays_untouched() {
    let directory = TempDir::new().unwrap();
    let running = Connection::open(directory.path().join("running.db")).unwrap();
    running.pragma_update(None, "journal_mode", "WAL").unwrap();
    running.execute_batch("CREATE TABLE user_stats (username TEXT)").unwrap();
    for (from, to) in [("running.db", "bot.db"), ("running.db-wal", "bot.db-wal")] {
        fs::copy(directory.path().join(from), directory.path().join(to)).unwrap();
    }
    let left = |directory| {
        let mut files = files(directory);
        files.retain(|name, _| ["bot.db", "bot.db-wal", "bot.db.lock"].contains(&name.as_str()));
        files
    };
    let before = left(&directory);
    assert_eq!(refusal(&url(&directory), true).await.kind(), &ErrorKind::Schema);
    assert_eq!(left(&directory), before);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_but_its_owner_reads_the_database() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(&url(&directory), true).await.unwrap();
    store.user_joined(Timestamp::MIN, &Username::new("ada").unwrap()).await.unwrap();
    let names: Vec<_> = files(&directory).into_keys().collect();
    assert_eq!(names, ["bot.db", "bot.db-shm", "bot.db-wal", "bot.db.lock"]);
    for name in names {
        let mode = fs::metadata(directory.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_open_one_empty_path_at_once() {
    let directory = TempDir::new().unwrap();
    let mut opening = JoinSet::new();
    for number in 0..16 {
        let url = url(&directory);
        opening.spawn(async move {
            let store = SqliteStore::open(&url, true).await.unwrap();
            let name = Username::new(format!("user{number}")).unwrap();
            store.user_joined(Timestamp::MIN, &name).await.unwrap();
            store.close().await.unwrap();
        });
    }
    while let Some(opened) = opening.join_next().await {
        opened.unwrap();
    }
    assert!(migrate_to(&url(&directory), Goal::newest()).await.unwrap().applied.is_empty());
    let store = SqliteStore::open(&url(&directory), false).await.unwrap();
    assert_eq!(store.user_totals().await.unwrap().users.get(), 16);
}

#[tokio::test]
async fn closing_leaves_one_file_and_its_lock() {
    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(&url(&directory), true).await.unwrap();
    let (ada, hello) = (Username::new("ada").unwrap(), MessageText::new("hello").unwrap());
    store.chat(Timestamp::MIN, &ada, &hello).await.unwrap();
    assert_eq!(store.recent_chat(Limit::MAX).await.unwrap().len(), 1);
    store.close().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(store.health().await.unwrap_err().kind(), &ErrorKind::Closed);
    assert!(files(&directory).into_keys().eq(["bot.db", "bot.db.lock"]));
}

#[tokio::test]
async fn a_database_can_shrink_and_its_commits_are_durable() {
    for (memory, directory) in [(false, TempDir::new().unwrap()), (true, TempDir::new().unwrap())] {
        let url = if memory { SqliteUrl::memory() } else { url(&directory) };
        let store = SqliteStore::open(&url, true).await.unwrap();
        let settings = |connection: &Connection| {
            let get = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            Ok((get("auto_vacuum")?, get("synchronous")?, get("foreign_keys")?))
        };
        let (incremental, full, on) = (2, 2, 1);
        assert_eq!(store.write("settings", settings).await.unwrap(), (incremental, full, on));
    }
}

#[tokio::test]
async fn every_connection_waits_for_others_as_long_as_the_url_says() {
    let directory = TempDir::new().unwrap();
    let mut url = url(&directory);
    for milliseconds in [5_000, 1_500] {
        let store = SqliteStore::open(&url, true).await.unwrap();
        let timeout = |connection: &Connection| -> Result<i64, Fault> {
            Ok(connection.pragma_query_value(None, "busy_timeout", |row| row.get(0))?)
        };
        assert_eq!(store.write_alone("timeout", timeout).await.unwrap(), milliseconds);
        assert_eq!(store.read("timeout", timeout).await.unwrap(), milliseconds);
        store.close().await.unwrap();
        url.busy_timeout = Duration::from_millis(1_500);
    }
}

#[tokio::test]
async fn a_reader_can_not_write_and_comes_back_after_a_panic() {
    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(&url(&directory), true).await.unwrap();
    let write = |connection: &Connection| Ok(connection.execute("DELETE FROM user_stats", [])?);
    assert_eq!(store.read("write", write).await.unwrap_err().kind(), &ErrorKind::Unavailable);
    let panicking = |_: &Connection| -> Result<(), Fault> { panic!("a fault of the work") };
    assert_eq!(store.read("panic", panicking).await.unwrap_err().kind(), &ErrorKind::Internal);
    let pool = store.health().await.unwrap().database.unwrap().pool;
    assert_eq!((pool.idle, pool.waiting), (pool.max, 0));
}

#[tokio::test]
async fn what_can_not_be_opened_is_named_with_the_reason() {
    let directory = TempDir::new().unwrap();
    let at = |name: &str| SqliteUrl::file(directory.path().join(name));
    fs::write(directory.path().join("notes.txt"), "no database, ".repeat(1_000)).unwrap();
    fs::write(directory.path().join("short.txt"), "short").unwrap();
    for (name, kind) in [
        ("nowhere/bot.db", ErrorKind::Unavailable),
        ("", ErrorKind::Unavailable),
        ("notes.txt", ErrorKind::Corrupt),
        ("short.txt", ErrorKind::Corrupt),
    ] {
        let error = refusal(&at(name), true).await;
        assert_eq!(error.kind(), &kind, "{error}");
        assert!(error.to_string().contains(&directory.path().join(name).display().to_string()), "{error}");
    }
    assert_eq!(fs::read(directory.path().join("short.txt")).unwrap(), b"short");
}

#[tokio::test]
async fn without_migration_nothing_is_made() {
    let directory = TempDir::new().unwrap();
    assert_eq!(refusal(&url(&directory), false).await.kind(), &ErrorKind::Schema);
    assert!(files(&directory).is_empty());
    assert_eq!(refusal(&SqliteUrl::memory(), false).await.kind(), &ErrorKind::Schema);
    assert_eq!(
        migrate_to(&url(&directory), Goal::newest()).await.unwrap().version,
        botstore_migrations::newest_version()
    );
    SqliteStore::open(&url(&directory), false).await.unwrap();
}
