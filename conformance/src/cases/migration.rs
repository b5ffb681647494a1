//! Which databases are opened, which are refused, and what opening does to them.

use botstore::model::Limit;
use botstore::store::BotStore;
use botstore::{Config, ErrorKind, Goal, Migrated};

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
    the_status_names_each_migration_and_changes_nothing,
    a_version_that_no_program_knows_is_refused,
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

pub(super) const VERSIONS: &str = "SELECT 'V' || CAST(version AS TEXT) || '__' || name FROM refinery_schema_history \
                        ORDER BY version";

pub(super) const NEWEST: [&str; 5] = [
    "V1__original_tables",
    "V2__sources_and_plugin_values",
    "V3__quick_lists",
    "V4__identity",
    "V5__token_expiry",
];

/// Opens a database that must be refused, with and without migration, and sees that nothing of it changes.
async fn refused(config: &Config, raw: Raw<'_>) {
    let before = (raw.tables().await, history(raw).await);
    for config in [config.clone(), config.clone().without_migration()] {
        assert_eq!(kind_of(secrets::open(&config).await), ErrorKind::Schema);
    }
    for goal in [Goal::newest(), Goal::Up(1), Goal::Down(3), Goal::Down(0)] {
        assert_eq!(kind_of(secrets::migrate_to(config, goal).await), ErrorKind::Schema);
    }
    let status = botstore::schema(config).await.unwrap();
    assert!(status.refusal.is_some() && status.plan(Goal::Down(0)).is_empty(), "{status:?}");
    assert_eq!((raw.tables().await, history(raw).await), before);
}

/// The whole history, if there is one.
pub(super) async fn history(raw: Raw<'_>) -> Vec<String> {
    if raw.tables().await.iter().any(|table| table == "refinery_schema_history") {
        raw.sql(HISTORY).await
    } else {
        Vec::new()
    }
}

pub(super) async fn works(store: &dyn BotStore) {
    assert_eq!(store.health().await.unwrap().database.unwrap().schema_version, 5);
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
    let did = |applied: &[&str]| {
        let applied = applied.iter().map(|&name| name.to_owned()).collect();
        Migrated { version: 5, applied, undone: vec![] }
    };
    assert_eq!(secrets::migrate(&Config::new(url.clone())).await.unwrap(), did(&NEWEST));
    assert_eq!(secrets::migrate(&Config::new(url.clone())).await.unwrap(), did(&[]));
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

async fn without_migration_an_older_schema_is_refused_and_left_as_it_is(db: Database) {
    db.store().close().await.unwrap();
    let (config, raw) = (db.config().without_migration(), db.raw());
    secrets::migrate_to(&config, Goal::Down(1)).await.unwrap();
    let before = (raw.tables().await, history(raw).await);
    let error = secrets::open(&config).await.unwrap_err();
    let lacking = format!("version 1, and this program needs 5: it lacks {}. Run", NEWEST[1..].join(", "));
    assert_eq!(error.kind(), &ErrorKind::Schema);
    assert!(error.to_string().contains(&lacking), "{error}");
    assert_eq!((raw.tables().await, history(raw).await), before);
}

async fn an_older_schema_is_brought_up_to_date_with_its_rows(mut db: Database) {
    record(db.store().as_ref(), [chat(1, "ada", "hello")]).await;
    let before = db.store().recent_chat(Limit::MAX).await.unwrap();
    db.store().close().await.unwrap();
    let first = history(db.raw()).await.swap_remove(0);
    secrets::migrate_to(&db.config(), Goal::Down(1)).await.unwrap();
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
                 VALUES (6, 'from_the_future', '2100-01-01T00:00:00Z', '1')";
    db.raw().sql(newer).await;
    refused(&db.config(), db.raw()).await;
}

async fn an_edited_migration_is_refused_and_left_as_it_is(db: Database) {
    db.store().close().await.unwrap();
    let (config, raw) = (db.config(), db.raw());
    for (column, edited) in [("checksum", "'1'"), ("name", "'another_edition'")] {
        for version in [1, 2, 3, 4, 5] {
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

async fn the_status_names_each_migration_and_changes_nothing(db: Database) {
    let unopened = db.unopened().unwrap();
    let config = unopened.config();
    let states = || async {
        let status = botstore::schema(&config).await.unwrap();
        assert_eq!((status.newest, status.refusal), (5, None));
        let names = status.migrations.iter().map(|migration| migration.name.as_str());
        assert!(names.eq(NEWEST), "{:?}", status.migrations);
        let applied = status.migrations.iter().filter(|migration| migration.applied_at.is_some()).count();
        (
            status.version,
            applied,
            status.migrations.iter().map(|migration| migration.state.as_str()).collect::<Vec<_>>(),
        )
    };
    for _ in 0..2 {
        assert_eq!(states().await, (0, 0, ["pending"; 5].to_vec()));
    }
    if let Unopened::Sqlite(file) = &unopened {
        assert_eq!(std::fs::read_dir(file.path().parent().unwrap()).unwrap().count(), 0);
    }
    assert_eq!(unopened.raw().tables().await, Vec::<String>::new());
    secrets::migrate_to(&config, Goal::Up(2)).await.unwrap();
    let before = (unopened.raw().tables().await, history(unopened.raw()).await);
    assert_eq!(states().await, (2, 2, vec!["applied", "applied", "pending", "pending", "pending"]));
    assert_eq!((unopened.raw().tables().await, history(unopened.raw()).await), before);
}

async fn a_version_that_no_program_knows_is_refused(db: Database) {
    for goal in [Goal::Up(6), Goal::Up(-1), Goal::Down(6), Goal::Down(-1)] {
        let ErrorKind::InvalidInput { field, .. } = kind_of(secrets::migrate_to(&db.config(), goal).await)
        else {
            panic!("{goal:?} was taken")
        };
        assert_eq!(field, "version");
    }
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
    assert!(migrated.iter().all(|migrated| migrated.version == 5));
    assert_eq!(unopened.raw().sql(VERSIONS).await, NEWEST);
    // One of them did it, the others found it done.
    let mut applied: Vec<_> = migrated.into_iter().map(|migrated| migrated.applied.len()).collect();
    applied.sort_unstable();
    assert_eq!(applied, [vec![0; 15], vec![NEWEST.len()]].concat());
}
