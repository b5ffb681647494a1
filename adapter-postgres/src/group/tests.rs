use std::pin::pin;

use botstore_core::model::{ChannelEvent, Limit, MessageText, RowKey, Timestamp, Username};
use botstore_core::{Chat, Ingest, Lifecycle};
use futures::future::join_all;
use futures::poll;
use tokio_postgres::Client;

use crate::open::PostgresStore;
use crate::testing::Database;

use super::*;

const STUCK: &str = "stuck";

fn line(username: &str) -> Batch {
    let (at, username) = (Timestamp::new(1).unwrap(), Username::new(username).unwrap());
    Batch::new(vec![ChannelEvent::Chat { at, username, message: MessageText::new("hello").unwrap() }])
        .unwrap()
}

/// Runs `work` while all statements that write at once in quiet times are stuck: somebody else holds the row of the user
/// that they change. It is let go of afterwards.
fn while_statements_are_stuck(work: impl AsyncFnOnce(&PostgresStore, &Client)) {
    let Some(database) = Database::migrated() else { return };
    database.run(async |client| {
        let store = database.store().await;
        store.record(&line(STUCK)).await.unwrap();
        let hold = format!("BEGIN; SELECT FROM user_stats WHERE username = '{STUCK}' FOR UPDATE");
        client.batch_execute(&hold).await.unwrap();
        let batch = line(STUCK);
        let (one, two, ()) = tokio::join!(store.record(&batch), store.record(&batch), async {
            work(&store, client).await;
            client.batch_execute("COMMIT").await.unwrap();
        });
        assert_eq!((one.unwrap().applied, two.unwrap().applied), (1, 1));
    });
}

/// The kept lines' speakers, each with the number of the transaction that wrote the line.
async fn transactions(client: &Client) -> Vec<(String, String)> {
    let sql = "SELECT username, xmin::text FROM recent_chat ORDER BY username";
    let rows = client.query_typed(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[test]
fn a_statement_that_is_stuck_does_not_stop_the_others() {
    while_statements_are_stuck(async |store, client| {
        store.record(&line("ada")).await.unwrap();
        assert_eq!(transactions(client).await.len(), 2);
    });
}

#[test]
fn batches_that_wait_together_share_a_transaction() {
    while_statements_are_stuck(async |store, client| {
        let batches: Vec<_> = (0..50).map(|n| line(&format!("user{n}"))).collect();
        let recorded = join_all(batches.iter().map(|batch| store.record(batch))).await;
        assert!(recorded.iter().all(|recorded| recorded.as_ref().unwrap().applied == 1));
        let mut writers = transactions(client).await;
        writers.retain(|(username, _)| username != STUCK);
        assert_eq!(writers.len(), 50);
        assert!(writers.iter().all(|(_, transaction)| *transaction == writers[0].1), "{writers:?}");
    });
}

#[test]
fn a_batch_whose_caller_left_in_the_queue_is_not_written() {
    while_statements_are_stuck(async |store, client| {
        {
            let left = line("left");
            let mut left = pin!(store.record(&left));
            assert!(poll!(&mut left).is_pending());
        }
        store.record(&line("stayed")).await.unwrap();
        let speakers: Vec<_> = transactions(client).await.into_iter().map(|(username, _)| username).collect();
        assert_eq!(speakers, ["stayed", STUCK]);
    });
}

#[test]
fn a_statement_that_fails_tells_each_of_its_callers() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |client| {
        let store = database.store().await;
        client.batch_execute("ALTER TABLE recent_chat RENAME TO elsewhere").await.unwrap();
        let batch = line("ada");
        let kinds = join_all((0..20).map(|_| store.record(&batch))).await.into_iter().map(|recorded| {
            let error = recorded.unwrap_err();
            (error.kind().clone(), error.operation())
        });
        assert!(kinds.eq((0..20).map(|_| (ErrorKind::Schema, "record"))));
        client.batch_execute("ALTER TABLE elsewhere RENAME TO recent_chat").await.unwrap();
        store.record(&batch).await.unwrap();
        assert_eq!(transactions(client).await.len(), 1);
    });
}

#[test]
fn closing_waits_for_a_batch_under_way_whose_caller_has_left() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |client| {
        let store = database.store().await;
        let hold = "BEGIN; LOCK TABLE recent_chat";
        client.batch_execute(hold).await.unwrap();
        let batch = line("ada");
        let (one, two, closed) = tokio::join!(store.record(&batch), store.record(&batch), async {
            {
                let mut leaves = pin!(store.record(&batch));
                // A further slot takes it, on a task of the store's.
                while poll!(&mut leaves).is_pending() && store.group.waiting() == 0 {
                    tokio::task::yield_now().await;
                }
                while store.group.waiting() > 0 {
                    assert!(poll!(&mut leaves).is_pending());
                    tokio::task::yield_now().await;
                }
            }
            let mut closing = pin!(store.close());
            assert!(poll!(&mut closing).is_pending());
            client.batch_execute("COMMIT").await.unwrap();
            closing.await
        });
        closed.unwrap();
        assert_eq!((one.unwrap().applied, two.unwrap().applied), (1, 1));
        assert_eq!(transactions(client).await.len(), 3);
        let closed = store.chat_after(RowKey::START, Limit::MAX).await.unwrap_err();
        assert_eq!(closed.kind(), &ErrorKind::Closed);
    });
}

/// How many statements wait for a lock in the database.
async fn waiting_for_locks(client: &Client) -> i64 {
    client.query_typed("SELECT pg_stat_clear_snapshot()", &[]).await.unwrap();
    let sql = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    client.query_typed(sql, &[]).await.unwrap()[0].get(0)
}

#[test]
fn a_call_that_is_dropped_in_the_middle_takes_its_connection_along() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |client| {
        let store = database.store().await;
        let (stuck, other) = (line(STUCK), line("ada"));
        store.record(&stuck).await.unwrap();
        let hold = format!("BEGIN; SELECT FROM user_stats WHERE username = '{STUCK}' FOR UPDATE");
        client.batch_execute(&hold).await.unwrap();
        {
            let mut dropped = pin!(store.record(&stuck));
            while waiting_for_locks(client).await == 0 {
                assert!(poll!(&mut dropped).is_pending());
            }
        }
        store.connections.endings.wait().await;
        assert_eq!(waiting_for_locks(client).await, 0, "the server was asked to stop it");
        let pool = store.connections.pool.health();
        assert_eq!(pool.open, pool.idle, "nothing is lent any more");
        // Else this would wait behind the statement that nobody waits for any more.
        store.record(&other).await.unwrap();
        client.batch_execute("COMMIT").await.unwrap();
    });
}

#[test]
fn whoever_waits_while_all_slots_are_in_use_gets_the_first_that_ends() {
    while_statements_are_stuck(async |store, client| {
        // The further slots, all but one stuck, too; then more callers than slots, again and again.
        let stuck = line(STUCK);
        let others: Vec<_> = (0..200).map(|n| line(&format!("user{n}"))).collect();
        let more = async {
            for batches in others.chunks(20) {
                let recorded = join_all(batches.iter().map(|batch| store.record(batch))).await;
                for recorded in recorded {
                    recorded.unwrap();
                }
            }
            client.batch_execute("COMMIT").await.unwrap();
        };
        let one_by_one = async {
            // Each finds those before it under way, so that no statement has two of them.
            let mut waiting = Vec::new();
            while waiting_for_locks(client).await < SLOTS as i64 {
                tokio::task::yield_now().await;
            }
            for stuck_slots in SLOTS + 1..MOST_SLOTS {
                let mut call = Box::pin(store.record(&stuck));
                while waiting_for_locks(client).await < stuck_slots as i64 {
                    assert!(poll!(&mut call).is_pending());
                    tokio::task::yield_now().await;
                }
                waiting.push(call);
            }
            waiting
        };
        let waiting = one_by_one.await;
        let (_, stuck) = tokio::join!(more, join_all(waiting));
        assert!(stuck.into_iter().all(|recorded| recorded.is_ok()));
    });
}
