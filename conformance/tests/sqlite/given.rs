//! Short words for what tests are about.

use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use botstore::model::Batch;
use botstore::store::BotStore;
use botstore::{Config, ErrorKind, Result, StoreError};
use botstore_conformance::load::line;
use botstore_conformance::secrets;
use rusqlite::Connection;

/// Far more than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The database at `path`, with parameters of its URL.
pub(crate) fn config(path: &Path, parameters: &str) -> Config {
    let mut config = Config::new(format!("sqlite:///{}?{parameters}", path.display()).parse().unwrap());
    // Errors are what is looked at.
    config.retry.deadline = Duration::ZERO;
    config
}

/// A store that answers as the database does, at once.
pub(crate) async fn open(path: &Path) -> Arc<dyn BotStore> {
    try_open(&config(path, "")).await.unwrap()
}

pub(crate) async fn try_open(config: &Config) -> Result<Arc<dyn BotStore>> {
    secrets::open(config).await.map(secrets::searched)
}

pub(crate) async fn record(store: &Arc<dyn BotStore>, text: &str) -> Result<()> {
    store.record(&Batch::new(vec![line(text)]).unwrap()).await.map(drop)
}

/// Checks the error that there must be: `Unavailable`, whether waiting helps, and what it says.
#[track_caller]
pub(crate) fn assert_unavailable<T: Debug>(outcome: Result<T>, lasting: bool, says: &str) {
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.is_lasting()), (&ErrorKind::Unavailable, lasting), "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[track_caller]
pub(crate) fn assert_corrupt<T: Debug>(outcome: Result<T>) -> StoreError {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Corrupt, "{error}");
    error
}

/// What a file beside the database is called.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A whole copy of the database as it is now.
pub(crate) fn backup(path: &Path) -> PathBuf {
    let backup = path.with_file_name("backup.db");
    let connection = Connection::open(path).unwrap();
    connection.execute("VACUUM INTO ?1", [backup.to_str().unwrap()]).unwrap();
    backup
}

/// Checks that SQLite finds no fault in the file.
#[track_caller]
pub(crate) fn assert_whole(path: &Path) {
    let connection = Connection::open(path).unwrap();
    let found: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(found, "ok", "{}", path.display());
}

/// Runs what blocks where that does not stop others.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> anyhow::Result<T> + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap().unwrap()
}
