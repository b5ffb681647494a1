//! The way back: what is left of a schema and its rows, and of those who work with them.

use std::collections::{BTreeMap, BTreeSet};

use botstore::model::{
    ActionFilter, ActionKind, Batch, Claim, Expect, KvValue, Limit, NewMessage, NewToken, RowId, RowKey,
    Seconds, StatusPatch, StatusText, TokenSecret,
};
use botstore::store::BotStore;
use botstore::{Config, ErrorKind, Goal, Migrated};

use super::kv::key;
use super::migration::{NEWEST, VERSIONS, history};
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{
    action, at, chat, counts, joined, kind_of, left, limit, name, numbered, source, status, text,
};
use crate::objects::objects;
use crate::secrets;
use crate::unopened::{Raw, Unopened};

pub(super) const CASES: &[Case] = cases![
    ; ddl:
    every_version_leads_to_every_other_with_its_rows,
    the_way_back_says_what_it_did,
    what_is_beyond_a_goal_already_is_left_alone,
    a_step_back_that_fails_leaves_all_as_it_was,
    there_is_no_way_back_in_what_is_not_there,
    a_store_whose_schema_goes_says_so_and_goes_on_when_it_is_back,
    a_token_that_was_to_expire_is_revoked_on_the_way_back,
];

/// The tables, with the version that makes each, and their columns at every version.
const TABLES: [(&str, i32, &str); 11] = [
    (
        "user_stats",
        1,
        "username, first_seen, last_seen, total_chat_lines, total_time_connected, current_session_start, \
         session_last_seen",
    ),
    ("user_actions", 1, "id, timestamp, username, action_type, details"),
    (
        "channel_stats",
        1,
        "id, max_users, max_users_timestamp, max_connected, max_connected_timestamp, last_updated",
    ),
    ("user_count_history", 1, "id, timestamp, chat_users, connected_users"),
    ("recent_chat", 1, "id, timestamp, username, message"),
    (
        "current_status",
        1,
        "id, last_updated, status, bot_name, bot_rank, bot_afk, channel_name, current_users",
    ),
    (
        "outbound_messages",
        1,
        "id, timestamp, sent_timestamp, message, sent, retry_count, unique_key, state, due_at, lease_until, lease_token",
    ),
    ("api_tokens", 1, "id, token_hash, token_prefix, name, created_at, last_used, is_active, revoked_at"),
    ("source_positions", 2, "source, position"),
    ("plugin_values", 2, "plugin, key, value, version, expires_at"),
    (IDENTITY, 4, "id, database_id"),
];

const IDENTITY: &str = "database_identity";

/// All rows of the tables that a version has.
type Rows = BTreeMap<&'static str, Vec<String>>;

async fn rows(raw: Raw<'_>, version: i32) -> Rows {
    let tables = TABLES.into_iter().filter(|(_, since, _)| *since <= version);
    let selects = tables.clone().map(|(table, _, columns)| {
        let values = columns.split(", ").map(|column| match raw {
            Raw::Sqlite(_) => format!("quote({column})"),
            Raw::Postgres(_) => format!("coalesce(CAST({column} AS TEXT), 'NULL')"),
        });
        let row = values.collect::<Vec<_>>().join(" || ' ' || ");
        format!("SELECT '{table}:' || {row} FROM {table}")
    });
    let all = selects.collect::<Vec<_>>().join(" UNION ALL ");
    let all = if all.is_empty() { Vec::new() } else { raw.sql(&format!("{all} ORDER BY 1")).await };
    let mut rows: Rows = tables.map(|(table, ..)| (table, Vec::new())).collect();
    for row in all {
        let (table, row) = row.split_once(':').unwrap();
        rows.get_mut(table).unwrap().push(row.to_owned());
    }
    rows
}

/// Writes into every table of the newest version, other rows in each round.
async fn fill(config: &Config, round: i64) {
    let store = secrets::open(config).await.unwrap();
    let (now, who) = (round * 1_000, format!("user{round}"));
    let events = vec![
        joined(now, "ada"),
        joined(now + 1, &who),
        chat(now + 2, &who, "hello"),
        counts(now + 3, 10 + round, 20 + round),
        action(now + 4, &who, "kick", Some("bob")),
        status(
            now + 5,
            StatusPatch { status: Some(StatusText::new("online").unwrap()), ..Default::default() },
        ),
        left(now + 6, &who),
    ];
    store.record(&numbered(&format!("log{round}"), 0, events)).await.unwrap();
    store.enqueue(&NewMessage::new(text("soon")).unwrap(), at(now)).await.unwrap();
    store.claim_messages(Claim::new(at(now), Seconds::new(30).unwrap()).unwrap(), limit(1)).await.unwrap();
    store.create_token(&NewToken::of(&TokenSecret::generate().unwrap()), at(now)).await.unwrap();
    let value = KvValue::from_stored("1").unwrap();
    store.kv_put(&key(&who), &value, None, Expect::Any, at(now)).await.unwrap();
    store.close().await.unwrap();
}

/// Brings the database to this version, whatever it has.
async fn go(config: &Config, version: i32) {
    let is_below = botstore::schema(config).await.unwrap().version < version;
    let goal = if is_below { Goal::Up(version) } else { Goal::Down(version) };
    assert_eq!(secrets::migrate_to(config, goal).await.unwrap().version, version);
}

/// The schema of each version, as the migrations alone make it.
pub(super) async fn shapes(db: &Database) -> Vec<Vec<String>> {
    let unopened = db.unopened().unwrap();
    let mut shapes = vec![objects(unopened.raw()).await];
    for version in 1..=5 {
        let migrated = secrets::migrate_to(&unopened.config(), Goal::Up(version)).await.unwrap();
        assert_eq!(
            (migrated.version, migrated.applied),
            (version, vec![NEWEST[version as usize - 1].to_owned()])
        );
        shapes.push(objects(unopened.raw()).await);
    }
    shapes
}

async fn every_version_leads_to_every_other_with_its_rows(db: Database) {
    let shapes = shapes(&db).await;
    let unopened = db.unopened().unwrap();
    let (config, raw) = (unopened.config(), unopened.raw());
    let mut identities = BTreeSet::new();
    for round in 0..36 {
        let (from, to) = (round / 6, round % 6);
        go(&config, 5).await;
        fill(&config, i64::from(round)).await;
        go(&config, from).await;
        let (before, applied) = (rows(raw, from).await, history(raw).await);
        assert!(before.values().all(|rows| !rows.is_empty()), "{before:?}");
        identities.extend(before.get(IDENTITY).cloned());
        for (to, from) in [(to, from), (from, to)] {
            go(&config, to).await;
            assert_eq!(objects(raw).await, shapes[to as usize], "from version {from} to {to}");
            let after = rows(raw, to).await;
            let stayed = from.min(to).min(round / 6).min(round % 6);
            for (table, since, _) in TABLES.into_iter().filter(|(_, since, _)| *since <= to) {
                match since {
                    _ if since <= stayed => {
                        assert_eq!(after[table], before[table], "{table}: {from} to {to}")
                    }
                    // It is another database, as far as anybody can tell.
                    4 => assert!(after[table].len() == 1 && identities.insert(after[table].clone())),
                    2 => assert_eq!(after[table], Vec::<String>::new(), "{table}: {from} to {to}"),
                    _ => assert!(after[table].len() <= 1, "{table} has but the row with which it is made"),
                }
            }
            let kept = stayed as usize;
            assert_eq!(history(raw).await.get(..kept), applied.get(..kept), "from version {from} to {to}");
        }
    }
    go(&config, 5).await;
    assert_eq!(raw.sql(VERSIONS).await, NEWEST);
    let store = secrets::open(&config).await.unwrap();
    let last = store.recent_chat(limit(1)).await.unwrap().pop();
    works_after(store.as_ref(), last.map(|line| line.id)).await;
    store.close().await.unwrap();
}

/// A store works, and gives out no number again.
async fn works_after(store: &dyn BotStore, last: Option<RowId>) {
    let line = Batch::new(vec![chat(1_000_000, "ada", "again")]).unwrap();
    store.record(&line).await.unwrap();
    let next = store.recent_chat(limit(1)).await.unwrap().remove(0).id;
    assert!(last < Some(next), "{last:?} {next:?}");
    assert_eq!(store.health().await.unwrap().database.unwrap().schema_version, 5);
}

async fn the_way_back_says_what_it_did(db: Database) {
    db.store().close().await.unwrap();
    let config = db.config();
    let planned = botstore::schema(&config).await.unwrap().plan(Goal::Down(1));
    let undone: Vec<_> = planned.iter().map(|step| step.name.clone()).collect();
    let [fifth, fourth] = ["D5__token_expiry", "D4__identity"];
    assert_eq!(undone, [fifth, fourth, "D3__quick_lists", "D2__sources_and_plugin_values"]);
    let migrated = secrets::migrate_to(&config, Goal::Down(1)).await.unwrap();
    assert_eq!(migrated, Migrated { version: 1, applied: vec![], undone });
    assert_eq!(db.raw().sql(VERSIONS).await, NEWEST[..1]);
    let migrated = secrets::migrate_to(&config, Goal::Down(0)).await.unwrap();
    assert_eq!(migrated.undone, ["D1__original_tables"]);
    let left: Vec<_> =
        db.raw().tables().await.into_iter().filter(|name| !name.starts_with("sqlite_")).collect();
    assert_eq!(left, Vec::<String>::new());
}

async fn what_is_beyond_a_goal_already_is_left_alone(db: Database) {
    db.store().close().await.unwrap();
    let config = db.config();
    secrets::migrate_to(&config, Goal::Down(2)).await.unwrap();
    let before = (history(db.raw()).await, objects(db.raw()).await);
    for goal in [Goal::Up(0), Goal::Up(1), Goal::Up(2), Goal::Down(2), Goal::Down(3), Goal::Down(4)] {
        let migrated = secrets::migrate_to(&config, goal).await.unwrap();
        assert_eq!(migrated, Migrated { version: 2, applied: vec![], undone: vec![] }, "{goal:?}");
        assert_eq!((history(db.raw()).await, objects(db.raw()).await), before, "{goal:?}");
    }
}

async fn a_step_back_that_fails_leaves_all_as_it_was(db: Database) {
    db.store().close().await.unwrap();
    let (config, raw) = (db.config(), db.raw());
    raw.sql("ALTER TABLE plugin_values RENAME TO set_aside").await;
    let before = (history(raw).await, objects(raw).await, rows(raw, 1).await);
    // The steps before it are done when it fails.
    assert_eq!(kind_of(secrets::migrate_to(&config, Goal::Down(0)).await), ErrorKind::Schema);
    assert_eq!((history(raw).await, objects(raw).await, rows(raw, 1).await), before);
    raw.sql("ALTER TABLE set_aside RENAME TO plugin_values").await;
    secrets::migrate_to(&config, Goal::Down(0)).await.unwrap();
    if let Raw::Postgres(_) = raw {
        secrets::migrate(&config).await.unwrap();
        raw.sql("CREATE VIEW talkers AS SELECT username FROM user_stats").await;
        let before = (history(raw).await, objects(raw).await);
        let error = secrets::migrate_to(&config, Goal::Down(0)).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Schema);
        assert!(error.to_string().contains("remove what depends on it, such as a view"), "{error}");
        assert_eq!((history(raw).await, objects(raw).await), before);
    }
}

async fn there_is_no_way_back_in_what_is_not_there(db: Database) {
    let unopened = db.unopened().unwrap();
    let migrated = secrets::migrate_to(&unopened.config(), Goal::Down(0)).await.unwrap();
    assert_eq!(migrated, Migrated { version: 0, applied: vec![], undone: vec![] });
    if let Unopened::Sqlite(file) = &unopened {
        assert_eq!(std::fs::read_dir(file.path().parent().unwrap()).unwrap().count(), 0);
    }
    assert_eq!(unopened.raw().tables().await, Vec::<String>::new());
}

/// How many calls there are below.
const CALLS: usize = 15;

/// Which of these calls say that the schema is another; all others must do their work.
async fn without_schema(store: &dyn BotStore, round: i64) -> Vec<&'static str> {
    let (who, value) = (name("ada"), KvValue::from_stored("1").unwrap());
    let (from, at) = (source("log"), at(1_000 + round));
    let token = NewToken::of(&TokenSecret::generate().unwrap());
    let line = Batch::new(vec![chat(1_000 + round, "ada", "hello")]).unwrap();
    let followed = numbered(&format!("log{round}"), 0, vec![chat(1_000 + round, "ada", "hello")]);
    let of_a_kind = ActionFilter {
        username: Some(who.clone()),
        action: Some(ActionKind::new("kick").unwrap()),
        ..Default::default()
    };
    let answers: [_; CALLS] = [
        ("record", store.record(&line).await.map(drop)),
        ("record with a cursor", store.record(&followed).await.map(drop)),
        ("position", store.position(&from).await.map(drop)),
        ("user_stats", store.user_stats(&who).await.map(drop)),
        ("top_chatters", store.top_chatters(Limit::MAX).await.map(drop)),
        ("recent_chat", store.recent_chat(Limit::MAX).await.map(drop)),
        ("channel_stats", store.channel_stats().await.map(drop)),
        ("current_status", store.current_status().await.map(drop)),
        ("tokens", store.tokens(None, Limit::MAX).await.map(drop)),
        ("create_token", store.create_token(&token, at).await.map(drop)),
        ("enqueue", store.enqueue(&NewMessage::new(text("soon")).unwrap(), at).await.map(drop)),
        ("kv_put", store.kv_put(&key("best"), &value, None, Expect::Any, at).await.map(drop)),
        ("kv_get", store.kv_get(&key("best"), at).await.map(drop)),
        ("user_actions of a kind", store.user_actions(&of_a_kind, RowKey::END, Limit::MAX).await.map(drop)),
        ("health", store.health().await.map(drop)),
    ];
    let failed = answers.into_iter().filter_map(|(call, answer)| Some((call, answer.err()?)));
    failed
        .map(|(call, error)| {
            assert_eq!(error.kind(), &ErrorKind::Schema, "{call}: {error}");
            assert!(error.to_string().contains("run `rosey migrate`"), "{call}: {error}");
            call
        })
        .collect()
}

async fn a_store_whose_schema_goes_says_so_and_goes_on_when_it_is_back(db: Database) {
    let config = db.config();
    let store = secrets::open(&config).await.unwrap();
    let by_version_3: &[_] = match db.raw() {
        Raw::Sqlite(_) => &["user_actions of a kind"],
        Raw::Postgres(_) => &["top_chatters"],
    };
    let (of_identity, by_version_2) = (["health"], ["position", "record with a cursor", "kv_put", "kv_get"]);
    let of_tokens = ["create_token", "tokens"];
    for (round, version) in (0..).zip([5, 4, 3, 2, 1, 5, 0, 5]) {
        go(&config, version).await;
        let mut expected: Vec<&str> = Vec::new();
        let since_4_and_5 = [(4, of_identity.as_slice()), (5, of_tokens.as_slice())];
        for (since, calls) in
            [(2, by_version_2.as_slice()), (3, by_version_3)].into_iter().chain(since_4_and_5)
        {
            if version < since {
                expected.extend(calls);
            }
        }
        let mut failed = without_schema(store.as_ref(), round).await;
        if version == 0 {
            assert_eq!(failed.len(), CALLS, "{failed:?}");
        } else {
            expected.sort_unstable();
            failed.sort_unstable();
            assert_eq!(failed, expected, "version {version}");
        }
    }
    // A line without a cursor, and one with, since all was gone.
    assert_eq!(store.recent_chat(Limit::MAX).await.unwrap().len(), 2);
    store.close().await.unwrap();
}

async fn a_token_that_was_to_expire_is_revoked_on_the_way_back(db: Database) {
    let (config, secret) = (db.config(), TokenSecret::generate().unwrap());
    let new = NewToken { expires_at: Some(at(500)), ..NewToken::of(&secret) };
    db.store().create_token(&new, at(1)).await.unwrap();
    db.store().close().await.unwrap();
    go(&config, 4).await;
    go(&config, 5).await;
    let store = secrets::open(&config).await.unwrap();
    assert_eq!(store.check_token(&secret.hash(), at(100)).await.unwrap(), None);
    let kept = store.tokens(None, Limit::MAX).await.unwrap().remove(0);
    assert_eq!((kept.revoked_at, kept.expires_at), (Some(at(500)), None));
    store.close().await.unwrap();
}
