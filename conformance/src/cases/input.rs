//! Text: what each field refuses, and that what it admits survives a store byte for byte.

use std::fmt::Debug;

use botstore::InvalidInput;
use botstore::model::{
    ActionDetails, ActionFilter, ActionKind, Batch, BotName, ChannelEvent, ChannelName, Claim, Expect,
    FailureText, KvKey, KvName, KvPrefix, KvValue, Limit, MediaTitle, MessageText, NewMessage, NewToken,
    Plugin, RowKey, Seconds, Settlement, Source, StatusPatch, StatusText, TokenDescription, TokenName,
    TokenPermissions, TokenSecret, UniqueKey, Username,
};

use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, chat, limit, name, numbered, position, record, status, text, user};

pub(super) const CASES: &[Case] = cases![
    usernames_are_checked_and_survive,
    messages_are_checked_and_survive,
    actions_are_checked_and_survive,
    action_details_are_checked_and_survive,
    sources_are_checked_and_survive,
    plugins_keys_and_prefixes_are_checked_and_survive,
    values_are_checked_and_survive,
    unique_keys_are_checked_and_survive,
    failures_are_checked_and_survive,
    texts_of_tokens_are_checked_and_survive,
    texts_of_the_status_are_checked_and_survive,
];

/// A text field: its name in errors, its least and greatest length, and whether it admits control characters.
struct Field {
    name: &'static str,
    min: usize,
    max: usize,
    controls: bool,
}

const fn line(name: &'static str, max: usize) -> Field {
    Field { name, min: 1, max, controls: false }
}

const fn prose(name: &'static str, max: usize) -> Field {
    Field { name, min: 0, max, controls: true }
}

/// Control characters at the edges of their ranges, and those that people meet.
const CONTROLS: [char; 9] = ['\u{1}', '\t', '\n', '\r', '\u{1b}', '\u{1f}', '\u{7f}', '\u{80}', '\u{9f}'];

impl Field {
    /// Checks that the field refuses whatever it must, with the reason; returns values that it admits.
    fn check<T: Debug>(&self, new: impl Fn(String) -> Result<T, InvalidInput>) -> Vec<T> {
        for (text, reason) in self.refused() {
            let refused = new(text.clone()).expect_err(&format!("{}: {text:?}", self.name));
            assert_eq!(refused, InvalidInput::new(self.name, reason));
        }
        self.admitted().into_iter().map(|text| new(text).unwrap()).collect()
    }

    fn refused(&self) -> Vec<(String, String)> {
        let (max, over) = (self.max, self.max + 1);
        let too_long = format!("has {over} characters, at most {max} are allowed");
        let mut refused = vec![("x".repeat(over), too_long.clone()), ("\u{1F600}".repeat(over), too_long)];
        for text in ["\0", "\0ada", "a\0da", "ada\0", "\u{1F600}\0"] {
            refused.push((text.to_owned(), "contains NUL".to_owned()));
        }
        if self.min > 0 {
            refused.push((String::new(), "is empty".to_owned()));
        }
        for control in CONTROLS.iter().filter(|_| !self.controls) {
            let reason = format!("contains the control character U+{:04X}", u32::from(*control));
            refused.extend([format!("a{control}b"), control.to_string()].map(|text| (text, reason.clone())));
        }
        refused
    }

    fn admitted(&self) -> Vec<String> {
        let mut admitted: Vec<String> = [
            "a",
            " ",
            "a ",
            " a",
            "A",
            "%",
            "_",
            "'",
            "\"",
            "\\",
            "\\n",
            "a'; --",
            "$1",
            "?1",
            "{}",
            "null",
            "NULL",
            "0",
            "-1",
            "1e5",
            "\u{e9}",
            "e\u{301}",
            "\u{1F600}",
            "\u{1F468}\u{200d}\u{1F469}",
            "\u{202e}abc",
            "\u{5d0}\u{5d1}",
            "\u{a0}",
            "\u{ad}",
            "\u{200b}",
            "\u{2028}",
            "\u{feff}",
            "\u{fffd}",
            "\u{ffff}",
            "\u{e000}",
            "\u{10ffff}",
        ]
        .map(str::to_owned)
        .to_vec();
        admitted.extend(["x", "\u{e9}", "\u{1F600}"].map(|one| one.repeat(self.max)));
        if self.min == 0 {
            admitted.push(String::new());
        }
        if self.controls {
            admitted.extend(CONTROLS.iter().map(|control| format!("a{control}b{control}")));
            admitted.push("\r\n\t".to_owned());
        }
        admitted
    }
}

async fn usernames_are_checked_and_survive(db: Database) {
    let names = line("username", 50).check(Username::new);
    for (seconds, who) in (0..).zip(&names) {
        record(&**db.store(), [chat(seconds, who.as_str(), "hi")]).await;
    }
    let lines = db.store().recent_chat(Limit::MAX).await.unwrap();
    assert_eq!(lines.iter().map(|line| &line.username).collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
    for (seconds, who) in (0..).zip(&names) {
        let row = user(&**db.store(), who.as_str()).await;
        assert_eq!((&row.username, row.first_seen, row.last_seen), (who, at(seconds), at(seconds)));
    }
    assert_eq!(db.store().top_chatters(Limit::MAX).await.unwrap().len(), names.len());
}

async fn messages_are_checked_and_survive(db: Database) {
    let messages = prose("message", 10_000).check(MessageText::new);
    record(
        &**db.store(),
        messages.iter().map(|message| chat(1, "ada", message.as_str())).collect::<Vec<_>>(),
    )
    .await;
    let kept: Vec<_> = messages.into_iter().filter(|message| !message.is_empty()).collect();
    let lines = db.store().recent_chat(Limit::MAX).await.unwrap();
    assert_eq!(lines.into_iter().map(|line| line.message).collect::<Vec<_>>(), kept);
    for message in kept {
        let id = db.store().enqueue(&NewMessage::new(message.clone()).unwrap(), at(1)).await.unwrap().id;
        let queued = db.store().outbound_messages(None, None, Limit::MAX).await.unwrap();
        let queued = queued.into_iter().find(|queued| queued.id == id).unwrap();
        assert_eq!(queued.message, message);
    }
}

async fn actions_are_checked_and_survive(db: Database) {
    let kinds = line("action", 50).check(ActionKind::new);
    let event = |kind: &ActionKind| ChannelEvent::Action {
        at: at(1),
        username: name("ada"),
        action: kind.clone(),
        details: None,
    };
    record(&**db.store(), kinds.iter().map(event).collect::<Vec<_>>()).await;
    for action in kinds {
        let filter = ActionFilter { action: Some(action.clone()), ..ActionFilter::default() };
        let entries = db.store().user_actions(&filter, RowKey::END, Limit::MAX).await.unwrap();
        assert_eq!(entries.iter().map(|entry| &entry.action).collect::<Vec<_>>(), [&action]);
    }
}

async fn action_details_are_checked_and_survive(db: Database) {
    let mut details: Vec<_> =
        prose("details", 10_000).check(ActionDetails::new).into_iter().map(Some).collect();
    details.push(None);
    let event = |details: &Option<ActionDetails>| ChannelEvent::Action {
        at: at(1),
        username: name("ada"),
        action: ActionKind::new("kick").unwrap(),
        details: details.clone(),
    };
    record(&**db.store(), details.iter().map(event).collect::<Vec<_>>()).await;
    let entries = db.store().user_actions(&ActionFilter::default(), RowKey::END, Limit::MAX).await.unwrap();
    details.reverse();
    assert_eq!(entries.into_iter().map(|entry| entry.details).collect::<Vec<_>>(), details, "newest first");
}

async fn sources_are_checked_and_survive(db: Database) {
    let sources = line("source", 255).check(Source::new);
    for (place, from) in (1..).zip(&sources) {
        let batch =
            Batch::with_cursor(from.clone(), position(0), vec![(position(place), chat(1, "ada", "hi"))]);
        db.store().record(&batch.unwrap()).await.unwrap();
    }
    for (place, from) in (1..).zip(&sources) {
        assert_eq!(db.store().position(from).await.unwrap(), Some(position(place)), "{from:?}");
        let behind = numbered(from.as_str(), 0, vec![chat(1, "ada", "hi")]);
        assert_eq!(db.store().record(&behind).await.unwrap().skipped, 1);
    }
}

async fn plugins_keys_and_prefixes_are_checked_and_survive(db: Database) {
    let plugins = line("plugin", 255).check(Plugin::new);
    let keys = line("key", 255).check(KvName::new);
    Field { min: 0, ..line("prefix", 255) }.check(KvPrefix::new);
    assert_eq!(plugins.len(), keys.len());
    for (number, (plugin, key)) in plugins.iter().zip(&keys).enumerate() {
        let key = KvKey { plugin: plugin.clone(), key: key.clone() };
        let value = KvValue::new(&number.into()).unwrap();
        db.store().kv_put(&key, &value, None, Expect::Absent, at(1)).await.unwrap();
    }
    for (number, (plugin, key)) in plugins.iter().zip(&keys).enumerate() {
        // The whole key as a prefix finds the key, and nothing in another plugin's room.
        let prefix = KvPrefix::new(key.as_str()).unwrap();
        let found = db.store().kv_list(plugin, &prefix, None, at(1), Limit::MAX).await.unwrap();
        let found: Vec<_> = found.iter().map(|entry| (&entry.key, entry.value.to_value())).collect();
        assert_eq!(found, [(key, number.into())]);
    }
}

async fn values_are_checked_and_survive(db: Database) {
    let too_long = format!("\"{}\"", "x".repeat(KvValue::MAX_BYTES - 1));
    for bad in ["", "{", "nul", "1 2", "'a'", "{a:1}", "\"\u{1}\"", &"[".repeat(129), "NaN", &too_long] {
        assert_eq!(KvValue::parse(bad).unwrap_err().field, "value", "{bad:?}");
    }
    let longest = format!("\"{}\"", "x".repeat(KvValue::MAX_BYTES - 2));
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let key = KvKey { plugin: Plugin::new("quotes").unwrap(), key: KvName::new("last").unwrap() };
    for good in [
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "1e300",
        "18446744073709551615",
        "\"\"",
        "[]",
        "{}",
        "{\"a\":[1,{\"b\":null}]}",
        r#""\u0000""#,
        r#""\\u0000""#,
        "\"\u{1F600} e\u{301} \u{202e}\u{5d0}\"",
        r#""\n\t\"\\'%_""#,
        r#"{"":"","\u0000":1}"#,
        &longest,
        &deep,
    ] {
        let value = KvValue::parse(good).unwrap();
        db.store().kv_put(&key, &value, None, Expect::Any, at(1)).await.unwrap();
        let kept = db.store().kv_get(&key, at(1)).await.unwrap().unwrap().value;
        assert_eq!(kept.as_json(), value.as_json());
        assert_eq!(kept.to_value(), serde_json::from_str::<serde_json::Value>(good).unwrap());
    }
}

async fn unique_keys_are_checked_and_survive(db: Database) {
    let keys = line("unique_key", 255).check(UniqueKey::new);
    let message = |key: &UniqueKey| NewMessage::new(text("hi")).unwrap().with_unique_key(key.clone());
    let mut identities = Vec::new();
    for key in &keys {
        let queued = db.store().enqueue(&message(key), at(1)).await.unwrap();
        assert!(queued.created, "{key:?}");
        identities.push(queued.id);
    }
    for (key, id) in keys.iter().zip(identities) {
        let again = db.store().enqueue(&message(key), at(2)).await.unwrap();
        assert_eq!((again.id, again.created), (id, false), "{key:?}");
    }
    let queued = db.store().outbound_messages(None, None, Limit::MAX).await.unwrap();
    assert_eq!(queued.into_iter().map(|message| message.unique_key.unwrap()).collect::<Vec<_>>(), keys);
}

async fn failures_are_checked_and_survive(db: Database) {
    for error in prose("error", 2_000).check(FailureText::new) {
        let id = db.store().enqueue(&NewMessage::new(text("hi")).unwrap(), at(1)).await.unwrap().id;
        let claim = Claim::new(at(1), Seconds::new(60).unwrap()).unwrap();
        let lease = db.store().claim_messages(claim, limit(1)).await.unwrap().remove(0);
        assert_eq!(lease.message.id, id);
        db.store().settle_message(&lease, &Settlement::Permanent(error.clone()), at(2)).await.unwrap();
        let failed = db.store().outbound_messages(None, None, Limit::MAX).await.unwrap();
        assert_eq!(failed.last().unwrap().error, Some(error));
    }
}

async fn texts_of_tokens_are_checked_and_survive(db: Database) {
    let names = line("name", 100).check(TokenName::new);
    let descriptions = prose("description", 1_000).check(TokenDescription::new);
    let permissions = prose("permissions", 10_000).check(TokenPermissions::new);
    for (number, (description, permissions)) in descriptions.iter().zip(&permissions).enumerate() {
        let secret = TokenSecret::generate().unwrap();
        let token = NewToken {
            name: names.get(number).cloned(),
            description: Some(description.clone()),
            permissions: Some(permissions.clone()),
            ..NewToken::of(&secret)
        };
        let made = db.store().create_token(&token, at(1)).await.unwrap();
        let kept = db.store().check_token(&secret.hash(), at(2)).await.unwrap().unwrap();
        assert_eq!((made.id, made.name, made.description), (kept.id, token.name, token.description));
        assert_eq!((&kept.name, kept.description.as_ref()), (&names.get(number).cloned(), Some(description)));
        assert_eq!(kept.permissions.as_ref(), Some(permissions));
    }
}

async fn texts_of_the_status_are_checked_and_survive(db: Database) {
    let statuses = line("status", 50).check(StatusText::new);
    let names = line("bot_name", 50).check(BotName::new);
    let channels = line("channel_name", 100).check(ChannelName::new);
    let titles = prose("current_media_title", 1_000).check(MediaTitle::new);
    for (number, title) in titles.into_iter().enumerate() {
        let of_line = number % statuses.len();
        let patch = StatusPatch {
            status: Some(statuses[of_line].clone()),
            bot_name: Some(Some(names[of_line].clone())),
            channel_name: Some(Some(channels[of_line].clone())),
            current_media_title: Some(Some(title)),
            ..StatusPatch::default()
        };
        let mut expected = db.store().current_status().await.unwrap();
        patch.apply(at(1), &mut expected);
        record(&**db.store(), [status(1, patch)]).await;
        assert_eq!(db.store().current_status().await.unwrap(), expected);
    }
}
