//! Files that are replaced or removed under a store.

use std::fs;
use std::path::{Path, PathBuf};

use botstore_core::model::{Timestamp, Username};
use botstore_core::{Events, Lifecycle, StoreError, Users};
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;

struct Given {
    _directory: TempDir,
    path: PathBuf,
    store: SqliteStore,
}

impl Given {
    /// A store, with a user.
    async fn with(user: &str) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("bot.db");
        let store = SqliteStore::open(&SqliteUrl::file(&path), true).await.unwrap();
        let given = Self { _directory: directory, path, store };
        given.join(user).await.unwrap();
        given
    }

    async fn join(&self, user: &str) -> Result<()> {
        self.store.user_joined(Timestamp::MIN, &Username::new(user).unwrap()).await
    }

    async fn users(&self) -> Result<i64> {
        Ok(self.store.user_totals().await?.users.get())
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        crate::files::beside(&self.path, suffix)
    }

    /// A whole copy of the database as it is now.
    fn backup(&self) -> PathBuf {
        let backup = self.path.with_file_name("backup.db");
        let connection = Connection::open(&self.path).unwrap();
        connection.execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
        backup
    }
}

/// The users in a file, by SQLite alone.
fn users_in(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare("SELECT username FROM user_stats ORDER BY username").unwrap();
    let found = statement.query_map([], |row| row.get(0)).unwrap();
    found.collect::<rusqlite::Result<_>>().unwrap()
}

#[track_caller]
fn assert_unavailable<T: std::fmt::Debug>(outcome: Result<T>, lasting: bool) -> StoreError {
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.is_lasting()), (&ErrorKind::Unavailable, lasting), "{error}");
    assert!(error.to_string().contains("bot.db"), "{error}");
    error
}

#[tokio::test]
async fn a_backup_that_takes_the_place_of_the_file_is_what_is_written_and_read_from_then_on() {
    let given = Given::with("before").await;
    let backup = given.backup();
    given.join("since").await.unwrap();
    fs::rename(&backup, &given.path).unwrap();
    assert_unavailable(given.join("refused").await, false);
    given.join("after").await.unwrap();
    assert_eq!(given.users().await.unwrap(), 2);
    given.store.close().await.unwrap();
    assert_eq!(users_in(&given.path), ["after", "before"]);
}

#[tokio::test]
async fn a_read_never_sees_the_file_that_was_replaced() {
    let given = Given::with("before").await;
    let backup = given.backup();
    given.join("since").await.unwrap();
    assert_eq!(given.users().await.unwrap(), 2);
    fs::rename(&backup, &given.path).unwrap();
    assert_unavailable(given.users().await, false);
    assert_eq!(given.users().await.unwrap(), 1);
}

#[tokio::test]
async fn a_file_that_was_moved_away_has_all_that_was_acknowledged() {
    let given = Given::with("before").await;
    let (backup, away) = (given.backup(), given.path.with_file_name("away.db"));
    given.join("since").await.unwrap();
    fs::rename(&given.path, &away).unwrap();
    fs::rename(&backup, &given.path).unwrap();
    assert_unavailable(given.join("refused").await, false);
    given.join("after").await.unwrap();
    given.store.close().await.unwrap();
    assert_eq!(users_in(&away), ["before", "since"]);
    assert_eq!(users_in(&given.path), ["after", "before"]);
}

#[tokio::test]
async fn while_the_file_is_gone_nothing_is_acknowledged_and_nothing_made() {
    let given = Given::with("ada").await;
    let away = given.path.with_file_name("away.db");
    fs::rename(&given.path, &away).unwrap();
    for _ in 0..2 {
        assert_unavailable(given.join("refused").await, true);
        assert_unavailable(given.users().await, true);
        assert_unavailable(given.store.health().await, true);
    }
    assert!(!given.path.exists());
    fs::rename(&away, &given.path).unwrap();
    given.join("bob").await.unwrap();
    assert_eq!(given.users().await.unwrap(), 2);
}

#[tokio::test]
async fn without_its_log_beside_it_the_file_loses_nothing() {
    for suffix in ["-wal", "-shm"] {
        let given = Given::with("ada").await;
        fs::remove_file(given.beside(suffix)).unwrap();
        assert_unavailable(given.join("refused").await, false);
        given.join("bob").await.unwrap();
        assert_eq!(users_in(&given.path), ["ada", "bob"], "{suffix}");
        assert_eq!(given.users().await.unwrap(), 2);
    }
}

#[tokio::test]
async fn what_is_no_database_of_ours_is_refused_until_ours_is_back() {
    let given = Given::with("ada").await;
    let (backup, stranger) = (given.backup(), given.path.with_file_name("stranger.db"));
    Connection::open(&stranger).unwrap().execute_batch("CREATE TABLE user_stats (username TEXT)").unwrap();
    fs::rename(&stranger, &given.path).unwrap();
    let as_it_was = fs::read(&given.path).unwrap();
    assert_unavailable(given.join("refused").await, false);
    for _ in 0..2 {
        assert_eq!(given.join("refused").await.unwrap_err().kind(), &ErrorKind::Schema);
        assert_eq!(given.users().await.unwrap_err().kind(), &ErrorKind::Schema);
    }
    assert_eq!(fs::read(&given.path).unwrap(), as_it_was);

    fs::write(&stranger, "no database, ".repeat(1_000)).unwrap();
    fs::rename(&stranger, &given.path).unwrap();
    assert_eq!(given.users().await.unwrap_err().kind(), &ErrorKind::Corrupt);

    fs::rename(&backup, &given.path).unwrap();
    given.join("bob").await.unwrap();
    assert_eq!(given.users().await.unwrap(), 2);
}

#[tokio::test]
async fn a_backup_that_is_still_being_copied_is_waited_for() {
    let given = Given::with("ada").await;
    let backup = fs::read(given.backup()).unwrap();
    fs::remove_file(&given.path).unwrap();
    fs::write(&given.path, "").unwrap();
    assert_unavailable(given.join("refused").await, false);
    assert_unavailable(given.join("refused").await, false);
    assert_eq!(fs::metadata(&given.path).unwrap().len(), 0, "an empty file must not become a database");
    fs::write(&given.path, &backup[..backup.len() / 2]).unwrap();
    assert_eq!(given.join("refused").await.unwrap_err().kind(), &ErrorKind::Corrupt);
    fs::write(&given.path, backup).unwrap();
    given.join("bob").await.unwrap();
    assert_eq!(given.users().await.unwrap(), 2);
}

#[tokio::test]
async fn a_commit_during_which_the_file_was_replaced_is_indeterminate() {
    let given = Given::with("ada").await;
    let (backup, path) = (given.backup(), given.path.clone());
    let replace = move |connection: &Connection| {
        connection.execute("DELETE FROM user_stats", [])?;
        fs::rename(&backup, &path).unwrap();
        Ok(())
    };
    let error = given.store.write("replace", replace).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Indeterminate, "{error}");
    assert_eq!(given.users().await.unwrap(), 1);
}

#[tokio::test]
async fn a_file_that_is_replaced_before_the_end_does_not_get_the_log_of_the_other() {
    let given = Given::with("before").await;
    let backup = given.backup();
    given.join("since").await.unwrap();
    fs::rename(&backup, &given.path).unwrap();
    given.store.close().await.unwrap();
    assert!(!given.beside("-wal").exists());
    assert_eq!(users_in(&given.path), ["before"]);
    assert_eq!(given.users().await.unwrap_err().kind(), &ErrorKind::Closed);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_is_followed_to_where_it_leads_now() {
    let given = Given::with("ada").await;
    let (backup, link) = (given.backup(), given.path.with_file_name("link.db"));
    std::os::unix::fs::symlink(&given.path, &link).unwrap();
    let linked = SqliteStore::open(&SqliteUrl::file(&link), true).await.unwrap();
    let join = |user| {
        let user = Username::new(user).unwrap();
        let linked = &linked;
        async move { linked.user_joined(Timestamp::MIN, &user).await }
    };
    join("bob").await.unwrap();
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&backup, &link).unwrap();
    assert_eq!(join("refused").await.unwrap_err().kind(), &ErrorKind::Unavailable);
    join("cleo").await.unwrap();
    linked.close().await.unwrap();
    assert_eq!(users_in(&backup), ["ada", "cleo"]);
    given.join("dan").await.unwrap();
    assert_eq!(users_in(&given.path), ["ada", "bob", "dan"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_callers_one_opens_the_new_file_and_all_go_on() {
    let given = Arc::new(Given::with("before").await);
    let backup = given.backup();
    let callers = (0..16).map(|number| {
        let given = Arc::clone(&given);
        tokio::spawn(async move {
            let mut refused = 0;
            for n in 0..50 {
                while let Err(error) = given.join(&format!("user{number}_{n}")).await {
                    assert!(
                        matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Indeterminate),
                        "{error}"
                    );
                    refused += 1;
                }
                if let Err(error) = given.users().await {
                    assert_eq!(error.kind(), &ErrorKind::Unavailable, "{error}");
                }
            }
            refused
        })
    });
    let callers: Vec<_> = callers.collect();
    given.join("since").await.unwrap();
    fs::rename(&backup, &given.path).unwrap();
    let mut refused = 0;
    for caller in callers {
        refused += caller.await.unwrap();
    }
    assert!(refused <= 16 * 2, "{refused} refusals");
    given.join("after").await.unwrap();
    let users = users_in(&given.path);
    assert!(users.contains(&"before".to_owned()) && users.contains(&"after".to_owned()));
    assert!(!users.contains(&"since".to_owned()));
}
