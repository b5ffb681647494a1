//! Migrations in a database where others hold locks.

use std::time::Duration;

use botstore::Goal;
use botstore_conformance::secrets;
use botstore_conformance::server::PostgresDatabase;
use tokio::task::JoinHandle;

use crate::given::{config, connections, database};

crate::tests![
    a_migration_that_deadlocks_begins_again,
    a_migration_waits_for_a_lock_longer_than_a_statement_may,
];

/// Waits until the migration waits for a lock.
async fn until_it_waits(database: &PostgresDatabase, migration: &JoinHandle<i32>) {
    while connections(database, "wait_event_type = 'Lock'").await == 0 {
        assert!(!migration.is_finished(), "it did not wait");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Begins to go back to version 2, which takes more than one table away.
fn go_back(url: String) -> JoinHandle<i32> {
    tokio::spawn(async move { secrets::migrate_to(&config(&url), Goal::Down(2)).await.unwrap().version })
}

async fn a_migration_that_deadlocks_begins_again() {
    let database = database();
    let other = database.connect().await.unwrap();
    other.batch_execute("BEGIN; LOCK TABLE user_actions IN ROW EXCLUSIVE MODE").await.unwrap();
    let migration = go_back(database.url().to_owned());
    until_it_waits(&database, &migration).await;
    // The migration has waited for longer, and so it is the one that the server ends.
    other.batch_execute("LOCK TABLE user_stats IN ROW EXCLUSIVE MODE").await.unwrap();
    until_it_waits(&database, &migration).await;
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(migration.await.unwrap(), 2);
}

async fn a_migration_waits_for_a_lock_longer_than_a_statement_may() {
    let database = database();
    let other = database.connect().await.unwrap();
    other.batch_execute("BEGIN; LOCK TABLE user_stats IN ROW EXCLUSIVE MODE").await.unwrap();
    let migration = go_back(format!("{}?statement_timeout=1s", database.url()));
    until_it_waits(&database, &migration).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(!migration.is_finished());
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(migration.await.unwrap(), 2);
}
