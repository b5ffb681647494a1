//! What a bot's role can do that was given no more than it needs, by `scripts/least_privilege.sql`.

use botstore::ErrorKind;
use botstore::model::{Retention, Timestamp};
use botstore::url::DatabaseUrl;
use botstore_conformance::secrets;
use botstore_conformance::server::Flavour;
use tokio_postgres::NoTls;
use tokio_postgres::error::SqlState;

use crate::given::{batch, config, open};

crate::tests![
    the_bots_role_works_with_rows_and_cannot_touch_the_schema,
    to_migrate_as_the_bots_role_is_refused_with_advice,
    a_store_of_which_the_role_may_see_a_part_does_not_open,
    a_policy_that_comes_later_is_told_with_what_helps,
];

async fn the_bots_role_works_with_rows_and_cannot_touch_the_schema() {
    let database = Flavour::LeastPrivilege.start().unwrap().create_migrated().unwrap();
    let config = config(database.url());
    let store = secrets::open(&config.clone().without_migration()).await.unwrap();
    store.record(&batch("hello")).await.unwrap();
    store.maintain(&Retention::default(), Timestamp::new(1_000).unwrap()).await.unwrap();
    store.close().await.unwrap();

    let DatabaseUrl::Postgres(url) = &config.url else { unreachable!() };
    let (client, connection) = tokio_postgres::connect(&url.connection_string(), NoTls).await.unwrap();
    tokio::spawn(connection);
    for forbidden in [
        "CREATE TABLE notes (note TEXT)",
        "CREATE SCHEMA notes",
        "DROP TABLE recent_chat",
        "ALTER TABLE recent_chat ADD COLUMN note TEXT",
        "CREATE INDEX ON recent_chat (message)",
        "TRUNCATE recent_chat",
        "UPDATE refinery_schema_history SET version = 0",
        "DELETE FROM refinery_schema_history",
        "CREATE ROLE another",
    ] {
        let error = client.batch_execute(forbidden).await.unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{forbidden}: {error}");
    }
}

async fn to_migrate_as_the_bots_role_is_refused_with_advice() {
    let server = Flavour::LeastPrivilege.start().unwrap();
    let empty = server.create_database().unwrap();
    let config = config(empty.url());
    for error in [secrets::open(&config).await.unwrap_err(), secrets::migrate(&config).await.unwrap_err()] {
        assert_eq!(*error.kind(), ErrorKind::Schema, "{error}");
        assert!(error.to_string().contains("grant"), "{error}");
    }
    // With nothing left to migrate, the same URL will do.
    let migrated = server.create_migrated().unwrap();
    let store = open(migrated.url()).await;
    store.close().await.unwrap();
}

async fn a_store_of_which_the_role_may_see_a_part_does_not_open() {
    let database = Flavour::LeastPrivilege.start().unwrap().create_migrated().unwrap();
    let config = config(database.url());
    for table in ["recent_chat", "refinery_schema_history"] {
        database.sql(&format!("ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")).await.unwrap();
        let expected = format!(
            "row-level security may hide rows of {table} from the role; as a superuser: ALTER ROLE \"rosey_bot\" BYPASSRLS; \
             or as the owner of the tables: ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"
        );
        let errors = [
            secrets::open(&config).await.unwrap_err(),
            secrets::open(&config.clone().without_migration()).await.unwrap_err(),
            secrets::migrate(&config).await.unwrap_err(),
            botstore::schema(&config).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!(*error.kind(), ErrorKind::Schema, "{error}");
            assert!(error.to_string().ends_with(&expected), "{error}");
        }
        database.sql(&format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")).await.unwrap();
        open(database.url()).await.close().await.unwrap();
    }
}

async fn a_policy_that_comes_later_is_told_with_what_helps() {
    let database = Flavour::LeastPrivilege.start().unwrap().create_migrated().unwrap();
    let store = open(database.url()).await;
    database.sql("ALTER TABLE recent_chat ENABLE ROW LEVEL SECURITY").await.unwrap();
    let error = store.record(&batch("hello")).await.unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Schema, "{error}");
    let error = error.to_string();
    assert!(error.contains("row-level security policy for table \"recent_chat\""), "{error}");
    assert!(error.contains("; no GRANT helps: as a superuser ALTER ROLE ... BYPASSRLS, or "), "{error}");
    store.close().await.unwrap();
}
