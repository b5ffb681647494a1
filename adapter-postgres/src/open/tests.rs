use botstore_core::model::{
    Batch, ChannelEvent, Expect, KvKey, KvName, KvValue, MessageText, NewMessage, Plugin, Retention,
    Timestamp, Username,
};
use botstore_core::url::DatabaseUrl;
use botstore_core::{Ingest, Kv, Lifecycle, Maintenance, Outbound};

use crate::testing::{Database, open};

use super::*;

/// The database's URL for another role.
fn for_role(database: &Database, role: &str, password: &str) -> String {
    let (_, place) = database.url().split_once('@').unwrap();
    format!("postgresql://{role}:{password}@{place}")
}

#[test]
fn a_role_that_may_not_change_the_schema_works_on_one_that_is_up_to_date() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |client| {
        let role = database.url().rsplit('/').next().unwrap();
        let grant = format!(
            "CREATE ROLE {role} LOGIN PASSWORD '{role}';
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"
        );
        client.batch_execute(&grant).await.unwrap();
        let DatabaseUrl::Postgres(url) = for_role(&database, role, role).parse().unwrap() else {
            unreachable!()
        };
        let settings = PostgresSettings::default();
        let store = PostgresStore::open(&url, &settings, true).await.unwrap();
        assert_eq!(migrate_to(&url, &settings, Goal::newest()).await.unwrap().applied, Vec::<String>::new());
        let (at, username) = (Timestamp::new(1).unwrap(), Username::new("ada").unwrap());
        let text = || MessageText::new("hello").unwrap();
        let line = Batch::new(vec![ChannelEvent::Chat { at, username, message: text() }]).unwrap();
        assert_eq!(store.record(&line).await.unwrap().applied, 1);
        assert!(store.enqueue(&NewMessage::new(text()).unwrap(), at).await.unwrap().created);
        let key = KvKey { plugin: Plugin::new("quiz").unwrap(), key: KvName::new("best").unwrap() };
        store.kv_put(&key, &KvValue::from_stored("1").unwrap(), None, Expect::Any, at).await.unwrap();
        store.maintain(&Retention::default(), at).await.unwrap();
        store.close().await.unwrap();
        client.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
    });
}

#[test]
fn a_server_that_isolates_otherwise_is_refused_with_what_to_do() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |_| {
        let parameters = "options=-c%20default_transaction_isolation%3Dserializable";
        let error = database.open(parameters, Arc::new(SystemClock)).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Schema);
        assert!(
            error.to_string().contains("run ALTER ROLE ... SET default_transaction_isolation"),
            "{error}"
        );
    });
}

#[test]
fn a_wrong_password_is_never_repeated() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |_| {
        let error =
            open(&for_role(&database, "nobody", "t0psecret"), Arc::new(SystemClock)).await.unwrap_err();
        let shown = format!("{error} {error:?} {:?}", std::error::Error::source(&error));
        assert_eq!(error.kind(), &ErrorKind::Unavailable);
        assert!(error.to_string().contains("check the user and the password in the URL"), "{error}");
        assert!(error.is_lasting(), "it is wrong in half a minute, too: {error}");
        assert!(!shown.contains("t0psecret"), "{shown}");
    });
}
