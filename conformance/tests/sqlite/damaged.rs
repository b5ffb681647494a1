//! Files with bytes that no store wrote, and without bytes that one did.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use botstore::model::{Batch, Limit, RowKey};
use botstore_conformance::SqliteFile;
use botstore_conformance::load::line;
use rusqlite::Connection;

use crate::given::{assert_corrupt, assert_whole, backup, config, open, record, try_open};

crate::tests![
    || None;
    a_damaged_page_is_corrupt_and_the_others_are_read,
    a_file_without_its_beginning_is_no_database,
    a_file_that_was_cut_off_is_corrupt,
    a_file_that_is_cut_off_while_it_is_open_is_corrupt_until_a_backup_takes_its_place,
];

const LINES: i64 = 5_000;

/// A database that is closed, with so many lines of chat.
async fn filled() -> SqliteFile {
    let file = SqliteFile::new().unwrap();
    let store = open(&file.path()).await;
    for thousand in 0..LINES / 1_000 {
        let lines = (0..1_000).map(|n| line(&format!("line {n} of the {thousand}. thousand"))).collect();
        store.record(&Batch::new(lines).unwrap()).await.unwrap();
    }
    store.close().await.unwrap();
    file
}

/// Overwrites a page of the lines of chat, in the middle of them.
fn damage(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let middle = "SELECT pageno FROM dbstat WHERE name = 'recent_chat' AND pagetype = 'leaf'
        ORDER BY path LIMIT 1 OFFSET 20";
    let page: u32 = connection.query_row(middle, [], |row| row.get(0)).unwrap();
    let size: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    drop(connection);
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&vec![0xA5; size as usize], u64::from(page - 1) * u64::from(size)).unwrap();
}

async fn a_damaged_page_is_corrupt_and_the_others_are_read() {
    let file = filled().await;
    let whole = backup(&file.path());
    damage(&file.path());
    let store = open(&file.path()).await;
    assert_eq!(store.user_totals().await.unwrap().users.get(), 1);
    assert_eq!(store.recent_chat(Limit::new(100).unwrap()).await.unwrap().len(), 100);
    assert_eq!(store.chat_after(RowKey::START, Limit::new(100).unwrap()).await.unwrap().len(), 100);
    let mut after = RowKey::START;
    let error = loop {
        match store.chat_after(after, Limit::MAX).await {
            Ok(page) => after = page.last().unwrap().key(),
            Err(error) => break error,
        }
    };
    assert!(assert_corrupt::<()>(Err(error)).to_string().contains("restore a backup"));
    record(&store, "after").await.unwrap();
    assert_eq!(store.recent_chat(Limit::new(1).unwrap()).await.unwrap()[0].message.as_str(), "after");

    fs::rename(whole, file.path()).unwrap();
    // The first call finds out.
    assert!(store.chat_count().await.is_err());
    assert_eq!(store.chat_count().await.unwrap().get(), LINES);
    store.close().await.unwrap();
    assert_whole(&file.path());
}

async fn a_file_without_its_beginning_is_no_database() {
    let file = filled().await;
    let raw = OpenOptions::new().write(true).open(file.path()).unwrap();
    raw.write_all_at(&[0xA5; 4096], 0).unwrap();
    drop(raw);
    let before = fs::read(file.path()).unwrap();
    for config in [config(&file.path(), ""), config(&file.path(), "").without_migration()] {
        let error = assert_corrupt(try_open(&config).await);
        assert!(error.to_string().contains("no SQLite database"), "{error}");
    }
    assert_eq!(fs::read(file.path()).unwrap(), before);
}

async fn a_file_that_was_cut_off_is_corrupt() {
    let file = filled().await;
    let raw = OpenOptions::new().write(true).open(file.path()).unwrap();
    raw.set_len(raw.metadata().unwrap().len() / 2).unwrap();
    drop(raw);
    let before = fs::read(file.path()).unwrap();
    for config in [config(&file.path(), ""), config(&file.path(), "").without_migration()] {
        assert_corrupt(try_open(&config).await);
    }
    assert_eq!(fs::read(file.path()).unwrap(), before);
}

async fn a_file_that_is_cut_off_while_it_is_open_is_corrupt_until_a_backup_takes_its_place() {
    let file = filled().await;
    let whole = backup(&file.path());
    let store = open(&file.path()).await;
    let raw = OpenOptions::new().write(true).open(file.path()).unwrap();
    raw.set_len(raw.metadata().unwrap().len() / 2).unwrap();
    drop(raw);
    let mut after = RowKey::START;
    let error = loop {
        match store.chat_after(after, Limit::MAX).await {
            Ok(page) => after = page.last().unwrap().key(),
            Err(error) => break error,
        }
    };
    assert_corrupt::<()>(Err(error));
    fs::rename(whole, file.path()).unwrap();
    assert!(record(&store, "refused").await.is_err());
    record(&store, "after").await.unwrap();
    assert_eq!(store.chat_count().await.unwrap().get(), LINES + 1);
    store.close().await.unwrap();
    assert_whole(&file.path());
}
