//! Which databases are opened, which are refused, and what opening does to them.

use botstore::model::Limit;
use botstore::store::BotStore;
use botstore::{Config, ErrorKind, Migrated};

use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{chat, kind_of, record, together};
use crate::secrets;
use crate::unopened::{Raw, Unopened};

pub(super) const CASES: &[Case] = cases![
    ; persistent:
    opening_again_leaves_the_history_as_it_is,
    without_migration_a_current_database_is_opened;
    ddl:
    an_empty_database_is_brought_to_the_newest_schema,
    a_migration_says_what_it_did,
    without_migration_an_empty_database_is_refused_and_left_empty,
    without_migration_an_older_schema_is_refused_and_left_as_it_is,
    an_older_schema_is_brought_up_to_date_with_its_rows,
    a_database_of_the_original_is_refused_and_left_as_it_is,
    tables_of_other_names_are_left_alone,
    a_newer_schema_is_refused_and_left_as_it_is,
    an_edited_migration_is_refused_and_left_as_it_is,
    sixteen_that_open_an_empty_database_at_once_all_succeed,
    sixteen_that_migrate_an_empty_database_at_once_make_one_history,
];

/// The tables of the original.
const ORIGINAL: [&str; 8] = [
    "api_tokens",
    "channel_stats",
    "current_status",
    "outbound_messages",
    "recent_chat",
    "user_actions",
    "user_count_history",
    "user_stats",
];

const HISTORY: &str = "SELECT CAST(version AS TEXT) || ' ' || name || ' ' || applied_on || ' ' || checksum \
                       FROM refinery_schema_history ORDER BY version";

const VERSIONS: &str = "SELECT 'V' || CAST(version AS TEXT) || '__' || name FROM refinery_schema_history \
                        ORDER BY version";

const NEWEST: [&str; 4] =
    ["V1__original_tables", "V2__sources_and_plugin_values", "V3__quick_lists", "V4__identity"];

/// Opens a database that must be refused, with and without migration, and sees that nothing of it changes.
async fn refused(config: &Config, raw: Raw<'_>) {
    let before = (raw.tables().await, history(raw).await);
    for config in [config.clone(), config.clone().without_migration()] {
        assert_eq!(kind_of(secrets::open(&config).await), ErrorKind::Schema);
    }
    assert_eq!(kind_of(secrets::migrate(config).await), ErrorKind::Schema);
    assert_eq!((raw.tables().await, history(raw).await), before);
}

/// The whole history, if there is one.
async fn history(raw: Raw<'_>) -> Vec<String> {
    if raw.tables().await.iter().any(|table| table == "refinery_schema_history") {
        raw.sql(HISTORY).await
    } else {
        Vec::new()
    }
}

async fn works(store: &dyn BotStore) {
    assert_eq!(store.health().await.unwrap().database.unwrap().schema_version, 4);
    record(store, [chat(1, "ada", "hello")]).await;
    assert_eq!(store.top_chatters(Limit::MAX).await.unwrap().len(), 1);
}

async fn an_empty_database_is_brought_to_the_newest_schema(db: Database) {
    let unopened = db.unopened().unwrap();
    let store = secrets::open(&unopened.config()).await.unwrap();
    works(store.as_ref()).await;
    store.close().await.unwrap();
    assert_eq!(unopened.raw().sql(VERSIONS).await, NEWEST);
}

async fn a_migration_says_what_it_did(db: Database) {
    let unopened = db.unopened().unwrap();
    let url = unopened.config().url;
    let applied = NEWEST.map(str::to_owned).to_vec();
    assert_eq!(secrets::migrate(&Config::new(url.clone())).await.unwrap(), Migrated { version: 4, applied });
    assert_eq!(
        secrets::migrate(&Config::new(url.clone())).await.unwrap(),
        Migrated { version: 4, applied: vec![] }
    );
    let store = secrets::open(&unopened.config().without_migration()).await.unwrap();
    works(store.as_ref()).await;
    store.close().await.unwrap();
}

async fn opening_again_leaves_the_history_as_it_is(mut db: Database) {
    let before = history(db.raw()).await;
    assert_eq!(before.len(), NEWEST.len());
    for _ in 0..2 {
        db.reopen().await;
        assert_eq!(history(db.raw()).await, before);
    }
}

async fn without_migration_a_current_database_is_opened(db: Database) {
    record(db.store().as_ref(), [chat(1, "ada", "hello")]).await;
    let store = secrets::open(&db.config().without_migration()).await.unwrap();
    assert_eq!(store.chat_count().await.unwrap().get(), 1);
    store.close().await.unwrap();
}

async fn without_migration_an_empty_database_is_refused_and_left_empty(db: Database) {
    let unopened = db.unopened().unwrap();
    let config = unopened.config().without_migration();
    assert_eq!(kind_of(secrets::open(&config).await), ErrorKind::Schema);
    if let Unopened::Sqlite(file) = &unopened {
        assert!(!file.path().exists());
    }
    assert_eq!(unopened.raw().tables().await, Vec::<String>::new());
}

/// Takes the database back to version 1.
async fn undo_versions_2_to_4(raw: Raw<'_>) {
    let of_version_3 = match raw {
        Raw::Sqlite(_) => "DROP INDEX user_stats_open_sessions",
        Raw::Postgres(_) => {
            "ALTER TABLE user_stats DROP COLUMN chat_rank; ALTER TABLE user_stats RESET (fillfactor); \
             CREATE INDEX user_stats_by_lines ON user_stats (total_chat_lines DESC, username) WHERE total_chat_lines > 0"
        }
    };
    let versions = match raw {
        Raw::Sqlite(_) => "TABLE",
        Raw::Postgres(_) => "SEQUENCE",
    };
    let undo = format!(
        "DROP TABLE database_identity; {of_version_3}; DROP INDEX user_actions_by_user_and_type; \
         DROP TABLE source_positions; DROP TABLE plugin_values; DROP {versions} plugin_value_versions; \
         DELETE FROM refinery_schema_history WHERE version > 1"
    );
    raw.sql(&undo).await;
}

async fn without_migration_an_older_schema_is_refused_and_left_as_it_is(db: Database) {
    db.store().close().await.unwrap();
    let (config, raw) = (db.config().without_migration(), db.raw());
    undo_versions_2_to_4(raw).await;
    let before = (raw.tables().await, history(raw).await);
    assert_eq!(kind_of(secrets::open(&config).await), ErrorKind::Schema);
    assert_eq!((raw.tables().await, history(raw).await), before);
}

async fn an_older_schema_is_brought_up_to_date_with_its_rows(mut db: Database) {
    record(db.store().as_ref(), [chat(1, "ada", "hello")]).await;
    let before = db.store().recent_chat(Limit::MAX).await.unwrap();
    db.store().close().await.unwrap();
    let first = history(db.raw()).await.swap_remove(0);
    undo_versions_2_to_4(db.raw()).await;
    db.reopen().await;
    assert_eq!(db.store().recent_chat(Limit::MAX).await.unwrap(), before);
    works(db.store().as_ref()).await;
    assert_eq!(db.raw().sql(VERSIONS).await, NEWEST);
    assert_eq!(history(db.raw()).await[0], first);
}

async fn a_database_of_the_original_is_refused_and_left_as_it_is(db: Database) {
    let unopened = db.unopened().unwrap();
    let (config, raw) = (unopened.config(), unopened.raw());
    for table in ORIGINAL {
        raw.sql(&format!("CREATE TABLE {table} (note TEXT); INSERT INTO {table} VALUES ('kept')")).await;
        refused(&config, raw).await;
        assert_eq!(raw.sql(&format!("SELECT note FROM {table}")).await, ["kept"]);
        raw.sql(&format!("DROP TABLE {table}")).await;
    }
}

async fn tables_of_other_names_are_left_alone(db: Database) {
    let unopened = db.unopened().unwrap();
    let (config, raw) = (unopened.config(), unopened.raw());
    raw.sql("CREATE TABLE notes (note TEXT); INSERT INTO notes VALUES ('kept')").await;
    let store = secrets::open(&config).await.unwrap();
    works(store.as_ref()).await;
    store.close().await.unwrap();
    assert_eq!(raw.sql("SELECT note FROM notes").await, ["kept"]);
}

async fn a_newer_schema_is_refused_and_left_as_it_is(db: Database) {
    db.store().close().await.unwrap();
    let newer = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
                 VALUES (5, 'from_the_future', '2100-01-01T00:00:00Z', '1')";
    db.raw().sql(newer).await;
    refused(&db.config(), db.raw()).await;
}

async fn an_edited_migration_is_refused_and_left_as_it_is(db: Database) {
    db.store().close().await.unwrap();
    let (config, raw) = (db.config(), db.raw());
    for (column, edited) in [("checksum", "'1'"), ("name", "'another_edition'")] {
        for version in [1, 2, 3, 4] {
            let select = format!("SELECT {column} FROM refinery_schema_history WHERE version = {version}");
            let original = raw.sql(&select).await.remove(0);
            let set = |to: &str| {
                format!("UPDATE refinery_schema_history SET {column} = {to} WHERE version = {version}")
            };
            raw.sql(&set(edited)).await;
            refused(&config, raw).await;
            raw.sql(&set(&format!("'{original}'"))).await;
        }
    }
    // As it was, it is opened again.
    let store = secrets::open(&config).await.unwrap();
    works(store.as_ref()).await;
    store.close().await.unwrap();
}

async fn sixteen_that_open_an_empty_database_at_once_all_succeed(db: Database) {
    let unopened = db.unopened().unwrap();
    let openers = (0..16).map(|index| {
        let config = unopened.config();
        async move {
            let store = secrets::open(&config).await.unwrap();
            record(store.as_ref(), [chat(index, "ada", "hello")]).await;
            store
        }
    });
    for store in together(openers).await {
        assert_eq!(store.chat_count().await.unwrap().get(), 16);
        store.close().await.unwrap();
    }
    assert_eq!(unopened.raw().sql(VERSIONS).await, NEWEST);
}

async fn sixteen_that_migrate_an_empty_database_at_once_make_one_history(db: Database) {
    let unopened = db.unopened().unwrap();
    let migrations = (0..16).map(|_| {
        let config = unopened.config();
        async move { secrets::migrate(&config).await.unwrap() }
    });
    let migrated = together(migrations).await;
    assert!(migrated.iter().all(|migrated| migrated.version == 4));
    assert_eq!(unopened.raw().sql(VERSIONS).await, NEWEST);
    // One of them did it, the others found it done.
    let mut applied: Vec<_> = migrated.into_iter().map(|migrated| migrated.applied.len()).collect();
    applied.sort_unstable();
    assert_eq!(applied, [vec![0; 15], vec![NEWEST.len()]].concat());
}
