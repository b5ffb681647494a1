//! Short words for what tests are about.

use std::sync::{Arc, OnceLock};

use botstore::Config;
use botstore::model::{Batch, Username};
use botstore::store::BotStore;
use botstore_conformance::load::line;
use botstore_conformance::secrets;
use botstore_conformance::server::{PostgresDatabase, PostgresServer};

/// An up-to-date database without rows, on a server that tests share.
pub(crate) fn database() -> PostgresDatabase {
    static SERVER: OnceLock<PostgresServer> = OnceLock::new();
    SERVER.get_or_init(|| PostgresServer::start_own("").unwrap()).create_migrated().unwrap()
}

pub(crate) fn config(url: &str) -> Config {
    Config::new(url.parse().unwrap())
}

/// A store, with errors that are searched for passwords.
pub(crate) async fn open(url: &str) -> Arc<dyn BotStore> {
    secrets::searched(secrets::open(&config(url)).await.unwrap())
}

pub(crate) fn batch(text: &str) -> Batch {
    Batch::new(vec![line(text)]).unwrap()
}

pub(crate) fn ada() -> Username {
    Username::new("ada").unwrap()
}

/// How many connections of stores there are of which this is true.
pub(crate) async fn connections(database: &PostgresDatabase, what: &str) -> usize {
    let count = format!(
        "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'rosey-bot' AND {what}"
    );
    database.sql(&count).await.unwrap()[0].parse().unwrap()
}
