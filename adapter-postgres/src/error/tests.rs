use std::sync::Arc;

use botstore_core::clock::SystemClock;
use botstore_core::model::{Batch, ChannelEvent, Limit, MessageText, Timestamp, Username};
use botstore_core::settings::PostgresSettings;
use botstore_core::{Chat, Ingest, Maintenance, Users};

use crate::client::{Connections, Intent};
use crate::open::PostgresStore;
use crate::testing::{Database, Said, Speaker, postgres_url};

use super::*;

/// The connections of a store that is not opened, so that nothing but the test itself is asked.
fn connections(url: &str) -> Connections {
    let url = postgres_url(url);
    let settings = url.settings(PostgresSettings::default());
    Connections::new(&url, &settings, Arc::new(SystemClock)).unwrap()
}

/// A function that fails with the code that it is given.
const FAIL: &str = "
    CREATE FUNCTION fail(code text) RETURNS void LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'as asked' USING ERRCODE = code; END $$";

fn open_connections(store: &PostgresStore) -> usize {
    store.connections.pool.health().open
}

#[test]
fn each_code_has_its_meaning_for_the_caller_and_for_the_connections() {
    use ErrorKind::{Conflict, Corrupt, Indeterminate, Internal, Schema, Timeout, Unavailable};
    let Some(database) = Database::migrated() else { return };
    database.run(async |client| {
        client.batch_execute(FAIL).await.unwrap();
        let store = database.store_with("pool_size=2&max_overflow=0").await;
        store.keeper.stop();
        // The kind for a read, for a write, and how many of two connections are left.
        for (code, read, write, left) in [
            ("25006", Unavailable, Unavailable, 0),
            ("57P01", Unavailable, Indeterminate, 1),
            ("57P02", Unavailable, Indeterminate, 1),
            ("57P03", Unavailable, Unavailable, 2),
            ("08006", Unavailable, Indeterminate, 1),
            ("53300", Unavailable, Unavailable, 2),
            ("53100", Unavailable, Unavailable, 2),
            ("57014", Timeout, Timeout, 2),
            ("40P01", Unavailable, Unavailable, 2),
            ("40001", Unavailable, Unavailable, 2),
            ("26000", Unavailable, Unavailable, 1),
            ("42P05", Unavailable, Unavailable, 1),
            ("42501", Schema, Schema, 2),
            ("23505", Conflict, Conflict, 2),
            ("XX001", Corrupt, Corrupt, 2),
            ("22012", Internal, Internal, 2),
        ] {
            for (intent, kind) in [(Intent::Read, read), (Intent::Write, write)] {
                let both = (store.connections.get("test").await, store.connections.get("test").await);
                drop(both);
                let sql = "SELECT 1 FROM fail($1)";
                let error = store.connections.send("test", intent, sql, &[&code]).await.unwrap_err();
                assert_eq!(error.kind(), &kind, "{code} {intent:?}: {error}");
                assert!(error.to_string().contains(&format!("as asked (SQLSTATE {code})")), "{error}");
                assert_eq!(open_connections(&store), left, "{code} {intent:?}");
            }
        }
    });
}

#[test]
fn a_statement_that_clashes_with_others_is_sent_again() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |client| {
        // What a sequence counted stays when the statement is rolled back.
        let clash = "CREATE SEQUENCE sent;
            CREATE FUNCTION clash(code text, times int) RETURNS bigint LANGUAGE plpgsql AS $$
            DECLARE n bigint := nextval('sent');
            BEGIN
                IF n <= times THEN RAISE EXCEPTION 'as asked' USING ERRCODE = code; END IF;
                RETURN n;
            END $$";
        client.batch_execute(clash).await.unwrap();
        let store = database.store().await;
        for code in ["40001", "40P01"] {
            client.batch_execute("ALTER SEQUENCE sent RESTART").await.unwrap();
            let sql = "SELECT clash($1, 19)";
            let rows = store.connections.send("test", Intent::Write, sql, &[&code]).await.unwrap();
            assert_eq!(rows[0].get::<_, i64>(0), 20);
        }
    });
}

#[test]
fn statements_that_a_migration_made_stale_are_prepared_again() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |client| {
        let store = database.store_with("pool_size=1&max_overflow=0").await;
        let (at, username) = (Timestamp::new(1).unwrap(), Username::new("ada").unwrap());
        let message = MessageText::new("hello").unwrap();
        let batch = Batch::new(vec![ChannelEvent::Chat { at, username, message }]).unwrap();
        let round = async || {
            store.record(&batch).await.unwrap();
            store.recent_chat(Limit::MAX).await.unwrap().len()
        };
        assert_eq!(round().await, 1);
        client.batch_execute("ALTER TABLE recent_chat ALTER message TYPE varchar").await.unwrap();
        assert_eq!(round().await, 2);
        let connection = store.connections.get("test").await.unwrap();
        connection.batch_execute("DEALLOCATE ALL").await.unwrap();
        drop(connection);
        assert_eq!(round().await, 3);
    });
}

#[test]
fn statements_that_somebody_keeps_removing_are_reported_with_what_to_do() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |client| {
        client.batch_execute(FAIL).await.unwrap();
        let store = database.store().await;
        let fail = store.connections.send("test", Intent::Read, "SELECT 1 FROM fail('26000')", &[]).await;
        assert!(fail.unwrap_err().to_string().ends_with("add statement_cache=off to the URL"));
    });
}

#[test]
fn without_a_statement_cache_nothing_is_left_in_the_session() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |_| {
        let store = database.store_with("statement_cache=off&pool_size=1&max_overflow=0").await;
        let now = Timestamp::new(1).unwrap();
        store.user_totals().await.unwrap();
        store.recent_chat(Limit::MAX).await.unwrap();
        store.maintain(&Default::default(), now).await.unwrap();
        let left = "SELECT (SELECT count(*) FROM pg_prepared_statements) AS prepared,
            (SELECT count(*) FROM pg_settings WHERE source = 'session'
                AND name NOT IN ('client_encoding', 'application_name')) AS set";
        let row = &store.connections.send("test", Intent::Read, left, &[]).await.unwrap()[0];
        assert_eq!((row.get::<_, i64>("prepared"), row.get::<_, i64>("set")), (0, 0));
    });
}

/// After a crash the server plays its log again, and the write may be in it.
#[tokio::test]
async fn a_write_during_which_the_server_ended_the_session_may_have_happened() {
    use ErrorKind::{Indeterminate, Internal, Unavailable};
    // The kind for a read, for a write, and how many connections are left.
    for (severity, code, read, write, left) in [
        ("PANIC", "53100", Unavailable, Indeterminate, 0),
        ("PANIC", "58030", Unavailable, Indeterminate, 0),
        ("PANIC", "XX000", Unavailable, Indeterminate, 0),
        ("FATAL", "53200", Unavailable, Indeterminate, 0),
        ("FATAL", "57P01", Unavailable, Indeterminate, 0),
        ("FATAL", "57P05", Unavailable, Indeterminate, 0),
        ("FATAL", "25P03", Unavailable, Indeterminate, 0),
        ("FATAL", "40001", Unavailable, Indeterminate, 0),
        ("FATAL", "08P01", Unavailable, Indeterminate, 0),
        // A pooler found no session for the statement.
        ("FATAL", "57P03", Unavailable, Unavailable, 0),
        ("FATAL", "53300", Unavailable, Unavailable, 0),
        ("FATAL", "28P01", Unavailable, Unavailable, 0),
        ("FATAL", "3D000", Unavailable, Unavailable, 0),
        ("ERROR", "53100", Unavailable, Unavailable, 1),
        ("ERROR", "58030", Internal, Internal, 1),
    ] {
        let speaker = Speaker::to_statements(Said { severity, code, message: "as told" });
        let connections = connections(&speaker.url("statement_cache=off"));
        for (intent, kind) in [(Intent::Read, &read), (Intent::Write, &write)] {
            let error = connections.send("test", intent, "SELECT 1", &[]).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{severity} {code} {intent:?}: {error}");
            assert_eq!(connections.pool.health().open, left, "{severity} {code} {intent:?}");
        }
    }
}
