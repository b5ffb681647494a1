use botstore_core::model::{Batch, ChannelEvent, Limit, MessageText, Timestamp, Username};
use botstore_core::{Chat, Ingest};
use futures::future::{join_all, select};
use futures::pin_mut;

use crate::client::Intent;
use crate::testing::Database;

/// Ends after so many turns of the runtime.
async fn turns(count: usize) {
    for _ in 0..count {
        tokio::task::yield_now().await;
    }
}

#[test]
fn calls_that_are_dropped_anywhere_leave_no_transaction_and_no_permit_behind() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |client| {
        let store = database.store_with("pool_size=2&max_overflow=2").await;
        let (at, username) = (Timestamp::new(1).unwrap(), Username::new("ada").unwrap());
        let message = MessageText::new("hello").unwrap();
        let batch = Batch::new(vec![ChannelEvent::Chat { at, username, message }]).unwrap();
        let caller = async |seed: usize| {
            for n in 0..60 {
                let (write, read) = (store.record(&batch), store.recent_chat(Limit::MAX));
                pin_mut!(write, read);
                let dropped_after = turns((seed * 31 + n * 17) % 60);
                pin_mut!(dropped_after);
                select(select(write, read), dropped_after).await;
            }
        };
        join_all((0..8).map(caller)).await;
        // Everybody gets a connection again, and none is in a transaction.
        let all = join_all((0..4).map(|_| store.connections.get("test"))).await;
        assert!(all.iter().all(Result::is_ok));
        let left = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
        assert_eq!(client.query_typed(left, &[]).await.unwrap()[0].get::<_, i64>(0), 0);
        drop(all);
        store.connections.endings.wait().await;
        let health = store.connections.pool.health();
        assert_eq!((health.open - health.idle, health.waiting), (0, 0));
    });
}

#[test]
fn with_and_without_a_statement_cache_the_rows_are_the_same() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |_| {
        let (cached, uncached) = (database.store().await, database.store_with("statement_cache=off").await);
        let (at, username) = (Timestamp::new(1).unwrap(), Username::new("ada").unwrap());
        let message = MessageText::new("hello").unwrap();
        let batch = Batch::new(vec![ChannelEvent::Chat { at, username, message }]).unwrap();
        uncached.record(&batch).await.unwrap();
        let (one, other) = tokio::join!(cached.recent_chat(Limit::MAX), uncached.recent_chat(Limit::MAX));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!((one.len(), &one), (1, &other));
    });
}

/// A function that fails with the code the first two times, whatever becomes of the transactions.
const CLASH: &str = "
    CREATE SEQUENCE clashes;
    CREATE FUNCTION clash(code text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('clashes') <= 2 THEN RAISE EXCEPTION 'clashed' USING ERRCODE = code; END IF;
    END $$";

#[test]
fn what_clashed_with_another_writer_is_sent_again_at_once() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |client| {
        client.batch_execute(CLASH).await.unwrap();
        for parameters in ["", "statement_cache=off"] {
            let store = database.store_with(parameters).await;
            for code in ["40001", "40P01"] {
                client.batch_execute("ALTER SEQUENCE clashes RESTART").await.unwrap();
                let sql = "SELECT 1 FROM clash($1)";
                store.connections.send("test", Intent::Write, sql, &[&code]).await.unwrap();
                let sent = "SELECT last_value FROM clashes";
                assert_eq!(client.query_typed(sent, &[]).await.unwrap()[0].get::<_, i64>(0), 3, "{code}");
            }
        }
    });
}
