//! Somebody writes to a file while it is read: with a log in use SQLite's locks do not keep a bot from that.

#![allow(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use botstore_core::{ErrorKind, StoreError};
use botstore_legacy::{CheckError, Checked, Legacy};
use rusqlite::Connection;
use tempfile::TempDir;

/// A file that is written with a log, which nobody has open.
fn file() -> (TempDir, PathBuf) {
    file_with("WAL")
}

fn file_with(journal: &str) -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("old.db");
    let old = Connection::open(&path).unwrap();
    old.pragma_update(None, "journal_mode", journal).unwrap();
    old.execute_batch(
        "CREATE TABLE recent_chat (id INTEGER PRIMARY KEY, timestamp INTEGER, username TEXT, message TEXT);
         INSERT INTO recent_chat VALUES (1, 1000, 'ada', 'hello')",
    )
    .unwrap();
    (home, path)
}

const WRITE: &str = "INSERT INTO recent_chat VALUES (2, 1001, 'ada', 'again')";

/// Reads the file, and does this as soon as the first rows were read.
async fn check(path: &Path, mut meanwhile: impl FnMut() + Send) -> Result<Checked, CheckError> {
    Legacy::open_file(path).await.unwrap().check(|_| meanwhile(), |_| Ok(())).await
}

fn told(error: &StoreError) -> String {
    assert_eq!(*error.kind(), ErrorKind::Unavailable, "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_bot_that_opens_the_file_meanwhile_is_seen_before_anything_is_written() {
    let (_home, path) = file();
    let mut bot = None;
    let read = check(&path, || {
        let opened = Connection::open(&path).unwrap();
        opened.query_row("SELECT count(*) FROM recent_chat", [], |_| Ok(())).unwrap();
        bot = Some(opened);
    });
    let Err(CheckError::Store(error)) = read.await else { panic!("it was not seen") };
    let expected = format!(
        "import: unavailable: {}: somebody opened it for writing, or wrote to it, while it was read: stop the bot; \
         nothing was written",
        path.display()
    );
    assert_eq!(told(&error), expected);
    drop(bot);
    check(&path, || ()).await.unwrap();
}

#[tokio::test]
async fn what_was_written_meanwhile_is_seen_when_the_log_is_gone_again() {
    let (_home, path) = file();
    let read = check(&path, || Connection::open(&path).unwrap().execute_batch(WRITE).unwrap());
    let Err(CheckError::Store(error)) = read.await else { panic!("it was not seen") };
    assert!(!path.with_extension("db-wal").exists());
    assert!(told(&error).contains("while it was read"));
}

#[tokio::test]
async fn what_makes_the_file_look_damaged_is_told_as_such() {
    let (_home, path) = file();
    let read = check(&path, || {
        let length = std::fs::metadata(&path).unwrap().len();
        std::fs::write(&path, vec![0xa5; usize::try_from(length).unwrap()]).unwrap();
    });
    let Err(CheckError::Store(error)) = read.await else { panic!("it was not seen") };
    assert!(told(&error).contains("while it was read"));
}

#[tokio::test]
async fn what_is_written_after_the_check_is_seen_at_the_end() {
    let (_home, path) = file();
    let checked = check(&path, || ()).await.unwrap();
    checked.verify_unchanged().await.unwrap();
    Connection::open(&path).unwrap().execute_batch(WRITE).unwrap();
    let error = checked.verify_unchanged().await.unwrap_err();
    assert!(told(&error).contains("while it was read"));
}

#[tokio::test]
async fn a_file_that_takes_its_place_is_seen() {
    let (_home, path) = file();
    let checked = check(&path, || ()).await.unwrap();
    let other = path.with_extension("other");
    std::fs::copy(&path, &other).unwrap();
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::File::options().append(true).open(&other).unwrap().set_modified(modified).unwrap();
    std::fs::rename(&other, &path).unwrap();
    assert!(told(&checked.verify_unchanged().await.unwrap_err()).contains("while it was read"));
}

/// Locks of this process on a file, as the system lists them.
fn locks(path: &Path) -> usize {
    let (process, place) =
        (std::process::id().to_string(), std::fs::metadata(path).unwrap().ino().to_string());
    let is_ours = |line: &&str| {
        let mut words = line.split_whitespace();
        words.any(|word| word == process) && words.any(|word| word.rsplit(':').next() == Some(&place))
    };
    std::fs::read_to_string("/proc/locks").unwrap().lines().filter(is_ours).count()
}

#[tokio::test]
async fn without_a_log_others_are_kept_from_writing_until_the_end() {
    let (_home, path) = file_with("DELETE");
    let checked = check(&path, || ()).await.unwrap();
    checked.verify_unchanged().await.unwrap();
    assert_eq!(locks(&path), 1);
    drop(checked);
    assert_eq!(locks(&path), 0);
}
