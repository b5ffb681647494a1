//! Many that migrate at once, up and down, while others work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use botstore::model::Batch;
use botstore::{ErrorKind, Goal};

use super::migration::{NEWEST, VERSIONS, works};
use super::migration_down::shapes;
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{action, chat, together};
use crate::objects::objects;
use crate::secrets;

pub(super) const CASES: &[Case] = cases![
    ; ddl:
    eight_that_migrate_up_and_down_at_once_leave_a_version_with_its_history,
    a_store_that_records_meanwhile_loses_nothing_that_it_said,
];

/// Each to a version of its own.
const GOALS: [Goal; 8] = [
    Goal::Up(4),
    Goal::Down(0),
    Goal::Up(2),
    Goal::Down(3),
    Goal::Up(3),
    Goal::Down(1),
    Goal::Up(1),
    Goal::Down(2),
];

async fn eight_that_migrate_up_and_down_at_once_leave_a_version_with_its_history(db: Database) {
    let shapes = shapes(&db).await;
    let unopened = db.unopened().unwrap();
    let (config, raw) = (unopened.config(), unopened.raw());
    for _ in 0..8 {
        let migrations = GOALS.map(|goal| {
            let config = config.clone();
            async move { (goal, secrets::migrate_to(&config, goal).await.unwrap()) }
        });
        for (goal, migrated) in together(migrations).await {
            let reached = match goal {
                Goal::Up(to) => migrated.version >= to,
                Goal::Down(to) => migrated.version <= to,
            };
            assert!(reached, "{goal:?}: {migrated:?}");
        }
        let status = botstore::schema(&config).await.unwrap();
        assert_eq!(status.refusal, None);
        let version = status.version as usize;
        assert_eq!(objects(raw).await, shapes[version]);
        if version > 0 {
            assert_eq!(raw.sql(VERSIONS).await, NEWEST[..version]);
        }
    }
    let store = secrets::open(&config).await.unwrap();
    works(store.as_ref()).await;
    store.close().await.unwrap();
}

/// Down to version 1 no line of chat is lost.
async fn a_store_that_records_meanwhile_loses_nothing_that_it_said(db: Database) {
    let config = db.config();
    let (told, is_over) = (Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut recorders = Vec::new();
    for recorder in 0..4 {
        let store = secrets::open(&config).await.unwrap();
        let (told, is_over) = (Arc::clone(&told), Arc::clone(&is_over));
        recorders.push(async move {
            while !is_over.load(Ordering::SeqCst) {
                // Of several tables that the steps change, too, each in an order of its own.
                let said = vec![chat(recorder, "ada", "hello"), action(recorder, "ada", "kick", None)];
                match store.record(&Batch::new(said).unwrap()).await {
                    Ok(_) => drop(told.fetch_add(1, Ordering::SeqCst)),
                    Err(error) => assert_eq!(error.kind(), &ErrorKind::Schema, "{error}"),
                }
            }
            store.close().await.unwrap();
        });
    }
    let recorders = tokio::spawn(together(recorders));
    let mut rounds = 0;
    while rounds < 10 || told.load(Ordering::SeqCst) < 50 {
        for goal in [Goal::Down(1), Goal::newest()] {
            secrets::migrate_to(&config, goal).await.unwrap();
        }
        rounds += 1;
    }
    is_over.store(true, Ordering::SeqCst);
    recorders.await.unwrap();
    assert_eq!(db.store().chat_count().await.unwrap().get(), told.load(Ordering::SeqCst));
    assert_eq!(db.raw().sql(VERSIONS).await, NEWEST);
}
