//! Numbers, secrets and JSON: what each field refuses, and that its limits survive a store.

use std::fmt::Debug;

use botstore::InvalidInput;
use botstore::model::{
    ActionFilter, Batch, ChannelEvent, Claim, Count, Expect, KvKey, KvName, KvValue, Limit, MaxAttempts,
    NewMessage, NewToken, Plugin, Position, Rank, RowKey, Seconds, Timestamp, TokenPrefix, TokenSecret,
    TokenSelector, UserCounts,
};

use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{action, at, chat, joined, limit, position, record, source, text};

pub(super) const CASES: &[Case] = cases![
    moments_are_checked,
    moments_at_their_limits_survive,
    counts_are_checked,
    limits_are_checked_and_kept_to,
    positions_are_checked,
    spans_and_attempts_are_checked_and_survive,
    ranks_are_checked,
    sizes_of_batches_are_checked,
    tokens_and_prefixes_are_checked,
    events_of_json_are_checked,
    events_of_json_survive,
];

/// The greatest moment, 9999-12-31T23:59:59Z.
const LAST: i64 = 253_402_300_799;

/// Checks that `new` refuses each number for the reason, under the field's name.
fn refused<T: Debug>(
    field: &'static str,
    new: impl Fn(i64) -> Result<T, InvalidInput>,
    numbers: &[(i64, &str)],
) {
    for &(number, reason) in numbers {
        assert_eq!(new(number).unwrap_err(), InvalidInput::new(field, reason), "{number}");
    }
}

async fn moments_are_checked(_: Database) {
    let (early, late) = ("is before 1970", "is past the year 9999 (seconds are expected, not milliseconds)");
    let bad = [(-1, early), (i64::MIN, early), (LAST + 1, late), (1_700_000_000_000, late), (i64::MAX, late)];
    refused("at", Timestamp::new, &bad);
    refused("expires_at", |seconds| Timestamp::in_field("expires_at", seconds), &bad);
    assert_eq!((Timestamp::MIN.seconds(), Timestamp::MAX.seconds()), (0, LAST));
}

async fn moments_at_their_limits_survive(db: Database) {
    let store = db.store();
    let key = KvKey { plugin: Plugin::new("quotes").unwrap(), key: KvName::new("last").unwrap() };
    for moment in [Timestamp::MIN, Timestamp::MAX] {
        record(
            &**store,
            [chat(moment.seconds(), "ada", "hi"), action(moment.seconds(), "ada", "kick", None)],
        )
        .await;
        assert!(store.recent_chat(Limit::MAX).await.unwrap().iter().any(|line| line.at == moment));
        let entries = store.user_actions(&ActionFilter::default(), RowKey::END, Limit::MAX).await.unwrap();
        assert!(entries.iter().any(|entry| entry.at == moment));
        let id = store.enqueue(&NewMessage::new(text("hi")).unwrap(), moment).await.unwrap().id;
        let queued = store.outbound_messages(None, None, Limit::MAX).await.unwrap();
        assert_eq!(queued.iter().find(|queued| queued.id == id).unwrap().at, moment);
        let secret = TokenSecret::generate().unwrap();
        store.create_token(&NewToken::of(&secret), moment).await.unwrap();
        let token = store.check_token(&secret.hash(), moment).await.unwrap().unwrap();
        assert_eq!((token.created_at, token.last_used), (moment, Some(moment)));
        let value = KvValue::new(&moment.seconds().into()).unwrap();
        store.kv_put(&key, &value, Some(Timestamp::MAX), Expect::Any, moment).await.unwrap();
        let kept = store.kv_get(&key, at(LAST - 1)).await.unwrap().unwrap();
        assert_eq!(kept.expires_at, Some(Timestamp::MAX));
    }
}

async fn counts_are_checked(_: Database) {
    let most = Count::MAX.get();
    assert_eq!(most, 9_007_199_254_740_991);
    let great = "is greater than 9007199254740991";
    let bad = [(-1, "is negative"), (i64::MIN, "is negative"), (most + 1, great), (i64::MAX, great)];
    refused("playlist_items", |count| Count::new("playlist_items", count), &bad);
    refused("chat", |count| UserCounts::new(count, most), &bad);
    refused("connected", |count| UserCounts::new(0, count), &bad);
    refused(
        "connected",
        |count| UserCounts::new(count + 1, count),
        &[(0, "is less than chat"), (7, "is less than chat")],
    );
    assert_eq!(UserCounts::new(most, most).unwrap().chat(), Count::MAX);
}

async fn limits_are_checked_and_kept_to(db: Database) {
    let reason = "must be from 1 to 10000";
    let bad = [i64::MIN, -1, 0, 10_001, 65_536, 65_537, i64::MAX].map(|rows| (rows, reason));
    refused("limit", Limit::new, &bad);
    record(
        &**db.store(),
        (0..3).map(|second| chat(second, &format!("user {second}"), "hi")).collect::<Vec<_>>(),
    )
    .await;
    for (rows, expected) in [(1, 1), (2, 2), (3, 3), (4, 3), (10_000, 3)] {
        assert_eq!(db.store().recent_chat(limit(rows)).await.unwrap().len(), expected);
        assert_eq!(db.store().top_chatters(limit(rows)).await.unwrap().len(), expected);
    }
}

async fn positions_are_checked(_: Database) {
    refused("position", Position::new, &[(-1, "is negative"), (i64::MIN, "is negative")]);
    let batch = |after: i64, places: &[i64]| {
        let events = places.iter().map(|&place| (position(place), joined(1, "ada"))).collect();
        Batch::with_cursor(source("log"), position(after), events)
    };
    for (after, places) in
        [(0, &[0][..]), (5, &[5]), (5, &[4]), (0, &[1, 1]), (0, &[2, 1]), (i64::MAX, &[i64::MAX])]
    {
        assert_eq!(batch(after, places).unwrap_err().field, "position", "{after} {places:?}");
    }
    assert_eq!(batch(0, &[]).unwrap_err(), InvalidInput::new("events", "is empty"));
    assert!(batch(0, &[1, i64::MAX]).is_ok());
}

async fn spans_and_attempts_are_checked_and_survive(db: Database) {
    let reason = "must be from 0 to 253402300799";
    refused("seconds", Seconds::new, &[-1, i64::MIN, LAST + 1, i64::MAX].map(|span| (span, reason)));
    let bad = [i64::MIN, -1, 0, 21, i64::MAX].map(|attempts| (attempts, "must be from 1 to 20"));
    refused("max_attempts", MaxAttempts::new, &bad);
    let no_time = Claim::new(at(1), Seconds::new(0).unwrap()).unwrap_err();
    assert_eq!(no_time, InvalidInput::new("lease", "must be at least a second"));
    for attempts in [1, 20].map(|attempts| MaxAttempts::new(attempts).unwrap()) {
        let message = NewMessage::new(text("hi")).unwrap().with_max_attempts(attempts);
        db.store().enqueue(&message, at(1)).await.unwrap();
        // A lease that would outlast the calendar ends with it.
        let claim = Claim::new(at(1), Seconds::new(LAST).unwrap()).unwrap();
        let lease = db.store().claim_messages(claim, limit(1)).await.unwrap().remove(0);
        assert_eq!((lease.message.max_attempts, lease.message.lease_until), (attempts, Some(Timestamp::MAX)));
    }
}

async fn ranks_are_checked(_: Database) {
    for rank in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let refused = Rank::new(rank).unwrap_err();
        assert_eq!(refused, InvalidInput::new("bot_rank", "is not a finite number"));
    }
}

async fn sizes_of_batches_are_checked(_: Database) {
    assert_eq!(Batch::new(vec![]).unwrap_err(), InvalidInput::new("events", "is empty"));
    let refused = Batch::new(vec![joined(1, "ada"); 1_001]).unwrap_err();
    assert_eq!(refused, InvalidInput::new("events", "has 1001 events, at most 1000 are allowed"));
    let refused = NewMessage::new(text("")).unwrap_err();
    assert_eq!(refused, InvalidInput::new("message", "is empty"));
}

async fn tokens_and_prefixes_are_checked(_: Database) {
    let long = "x".repeat(256);
    for (bad, reason) in [
        ("", "is empty"),
        ("short", "is too short to be a whole token"),
        ("12345678", "is too short to be a whole token"),
        (&long, "has more than 255 characters"),
        ("with a space", "has characters that no token has"),
        ("with\0nul__", "has characters that no token has"),
        ("with\nbreak", "has characters that no token has"),
        ("with\u{e9}accent", "has characters that no token has"),
    ] {
        assert_eq!(TokenSecret::new(bad).unwrap_err(), InvalidInput::new("token", reason), "{bad:?}");
    }
    assert!(TokenSecret::new(&long[1..]).is_ok());
    for bad in
        ["", "1234567", "123456789", "1234567 ", "1234567\0", "\u{e9}\u{e9}\u{e9}\u{e9}", "1234567\u{e9}"]
    {
        assert_eq!(TokenPrefix::new(bad).unwrap_err().field, "token", "{bad:?}");
    }
    for bad in ["", "1234567", "1234567\n", "123456789 ", "\u{1F600}\u{1F600}\u{1F600}"] {
        assert_eq!(TokenSelector::parse(bad).unwrap_err().field, "token", "{bad:?}");
    }
}

async fn events_of_json_are_checked(_: Database) {
    for (field, json) in [
        ("json", ""),
        ("json", "null"),
        ("json", "[1]"),
        ("json", r#"{"at":1"#),
        ("at", r#"{"type":"user_joined","username":"ada"}"#),
        ("at", r#"{"at":null,"type":"user_joined","username":"ada"}"#),
        ("at", r#"{"at":1.5,"type":"user_joined","username":"ada"}"#),
        ("at", r#"{"at":"1","type":"user_joined","username":"ada"}"#),
        ("at", r#"{"at":-1,"type":"user_joined","username":"ada"}"#),
        ("at", r#"{"at":1e3,"type":"user_joined","username":"ada"}"#),
        ("at", r#"{"at":9223372036854775808,"type":"user_joined","username":"ada"}"#),
        ("type", r#"{"at":1,"username":"ada"}"#),
        ("type", r#"{"at":1,"type":"USER_JOINED","username":"ada"}"#),
        ("username", r#"{"at":1,"type":"user_joined"}"#),
        ("username", r#"{"at":1,"type":"user_left","username":5}"#),
        ("username", r#"{"at":1,"type":"user_left","username":""}"#),
        ("username", r#"{"at":1,"type":"chat","username":"a\nb","message":"hi"}"#),
        ("message", r#"{"at":1,"type":"chat","username":"ada","message":null}"#),
        ("message", r#"{"at":1,"type":"chat","username":"ada","message":"a\u0000b"}"#),
        ("chat", r#"{"at":1,"type":"user_count","chat":-1,"connected":5}"#),
        ("connected", r#"{"at":1,"type":"user_count","chat":1,"connected":"5"}"#),
        ("connected", r#"{"at":1,"type":"user_count","chat":6,"connected":5}"#),
        ("action", r#"{"at":1,"type":"action","username":"ada","action":""}"#),
        ("details", r#"{"at":1,"type":"action","username":"ada","action":"kick","details":["bob"]}"#),
        ("bot_afk", r#"{"at":1,"type":"status","bot_afk":1}"#),
        ("bot_rank", r#"{"at":1,"type":"status","bot_rank":"1"}"#),
        ("current_users", r#"{"at":1,"type":"status","current_users":null}"#),
        ("playlist_items", r#"{"at":1,"type":"status","playlist_items":9007199254740992}"#),
        ("bot_start_time", r#"{"at":1,"type":"status","bot_start_time":-1}"#),
    ] {
        assert_eq!(ChannelEvent::from_json(json).unwrap_err().field, field, "{json}");
    }
}

async fn events_of_json_survive(db: Database) {
    let json = r#"{"at":7,"type":"chat","username":"\u202eada","message":"\ud83d\ude00\r\n\"\\"}"#;
    record(&**db.store(), [ChannelEvent::from_json(json).unwrap()]).await;
    let line = db.store().recent_chat(limit(1)).await.unwrap().remove(0);
    assert_eq!((line.at, line.username.as_str()), (at(7), "\u{202e}ada"));
    assert_eq!(line.message.as_str(), "\u{1F600}\r\n\"\\");
    let again = ChannelEvent::Chat { at: line.at, username: line.username, message: line.message };
    assert_eq!(ChannelEvent::from_json(&again.to_json()).unwrap(), ChannelEvent::from_json(json).unwrap());
}
