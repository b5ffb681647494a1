use botstore_core::transfer::Table;

use super::*;
use crate::layout::TABLES;
use crate::source::Shape;

/// A table with these columns, and a row of it.
fn convert(table: Table, columns: &[(&str, Value)]) -> Result<Row, InvalidInput> {
    let old = TABLES.iter().find(|old| old.table == table).unwrap();
    let names = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
    let values = columns.iter().map(|(_, value)| value.clone()).collect();
    let shape = Shape { name: table.name().to_owned(), columns: names, is_readable: true };
    row(&Found::of(old, shape), &Raw { place: 17, values })
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn user(last_seen: i64, total: i64, start: Value) -> Result<Row, InvalidInput> {
    convert(
        Table::UserStats,
        &[
            ("username", text("ada")),
            ("first_seen", Value::Int(10)),
            ("last_seen", Value::Int(last_seen)),
            ("total_chat_lines", Value::Int(0)),
            ("total_time_connected", Value::Int(total)),
            ("current_session_start", start),
        ],
    )
}

#[test]
fn an_open_session_ends_at_the_last_sign_of_life() {
    let seconds = |row: Row| {
        assert_eq!(*row.field("current_session_start"), Field::Null);
        assert_eq!(*row.field("session_last_seen"), Field::Null);
        row.field("total_time_connected").clone()
    };
    assert_eq!(seconds(user(160, 50, Value::Int(100)).unwrap()), Field::Int(110));
    assert_eq!(seconds(user(90, 50, Value::Int(100)).unwrap()), Field::Int(50));
    assert_eq!(seconds(user(160, 50, Value::Null).unwrap()), Field::Int(50));
    // A total that is not valid is not made so by the session.
    let field = |row: Result<Row, InvalidInput>| row.unwrap_err().field;
    assert_eq!(field(user(160, -5, Value::Int(100))), "total_time_connected");
    assert_eq!(field(user(160, Count::MAX.get(), Value::Int(159))), "total_time_connected");
    assert_eq!(field(user(160, 0, Value::Int(-1))), "current_session_start");
}

fn message(sent: Value, sent_at: Value, retries: i64, error: Value) -> Result<Row, InvalidInput> {
    convert(
        Table::OutboundMessages,
        &[
            ("id", Value::Int(1)),
            ("timestamp", Value::Int(1_000)),
            ("message", text("hi")),
            ("sent", sent),
            ("sent_timestamp", sent_at),
            ("retry_count", Value::Int(retries)),
            ("last_error", error),
        ],
    )
}

#[test]
fn a_message_has_the_state_that_the_bot_gave_it() {
    let is = |row: Result<Row, InvalidInput>, state: &str, due: Option<i64>, sent: Option<i64>| {
        let row = row.unwrap();
        assert_eq!(*row.field("state"), Field::Text(state.into()));
        assert_eq!(*row.field("due_at"), due.map_or(Field::Null, Field::Int), "{state}");
        assert_eq!(*row.field("sent_timestamp"), sent.map_or(Field::Null, Field::Int), "{state}");
        assert_eq!(*row.field("sent"), Field::Bool(state == "sent"));
    };
    let (yes, no, never) = (Value::Int(1), Value::Int(0), Value::Null);
    let error = text("muted");
    is(message(no.clone(), never.clone(), 0, never.clone()), "queued", Some(1_000), None);
    is(message(no.clone(), never.clone(), 1, error.clone()), "retrying", Some(1_120), None);
    is(message(no.clone(), never.clone(), 2, error.clone()), "retrying", Some(1_240), None);
    is(message(no.clone(), never.clone(), 3, error.clone()), "dead", None, None);
    is(message(yes.clone(), Value::Int(1_000), 0, never.clone()), "sent", None, Some(1_000));
    // Sent before the wait for its failure was over: refused. Later, it was sent at last.
    is(message(yes.clone(), Value::Int(1_119), 1, error.clone()), "failed", None, None);
    is(message(yes.clone(), Value::Int(1_120), 1, error.clone()), "sent", None, Some(1_120));
    is(message(yes.clone(), Value::Int(1_120), 2, error.clone()), "failed", None, None);
    is(message(yes.clone(), Value::Int(1_000), 1, never.clone()), "sent", None, Some(1_000));
    assert_eq!(message(yes, never, 0, Value::Null).unwrap_err().field, "sent_timestamp");
    assert_eq!(message(no, Value::Int(1_000), 0, Value::Null).unwrap_err().field, "sent_timestamp");
}

fn token(token: &str, more: &[(&str, Value)]) -> Result<Row, InvalidInput> {
    let mut columns = vec![("token", text(token)), ("created_at", Value::Int(100))];
    columns.extend_from_slice(more);
    convert(Table::ApiTokens, &columns)
}

#[test]
fn a_token_is_kept_as_its_hash_and_stays_revoked() {
    let secret = "a-token-of-some-length";
    let row = token(secret, &[("is_active", Value::Bool(true)), ("id", Value::Int(3))]).unwrap();
    let expected = TokenSecret::new(secret).unwrap();
    assert_eq!(*row.field("token_hash"), Field::Bytes(expected.hash().as_bytes().to_vec()));
    assert_eq!(*row.field("token_prefix"), Field::Text("a-token-".into()));
    assert_eq!((row.field("id"), row.field("revoked_at")), (&Field::Int(3), &Field::Null));
    // The older layout has no numbers, and the opposite flag; the last moment that is known stands for the revocation's.
    let row = token(secret, &[("revoked", Value::Int(1)), ("last_used", Value::Int(150))]).unwrap();
    assert_eq!((row.field("id"), row.field("is_active")), (&Field::Int(17), &Field::Bool(false)));
    assert_eq!(*row.field("revoked_at"), Field::Int(150));
    let row = token(secret, &[("revoked", Value::Int(1))]).unwrap();
    assert_eq!(*row.field("revoked_at"), Field::Int(100));
    let row = token(secret, &[("revoked", Value::Int(0))]).unwrap();
    assert_eq!(*row.field("is_active"), Field::Bool(true));
    assert_eq!(token("short", &[("revoked", Value::Int(0))]).unwrap_err().field, "token");
}

#[test]
fn no_peak_has_no_moment_and_a_rank_may_be_whole() {
    let stats = |users| {
        convert(
            Table::ChannelStats,
            &[
                ("id", Value::Int(1)),
                ("max_users", Value::Int(users)),
                ("max_users_timestamp", Value::Int(50)),
                ("max_connected", Value::Null),
            ],
        )
        .unwrap()
    };
    assert_eq!(*stats(0).field("max_users_timestamp"), Field::Null);
    assert_eq!(*stats(1).field("max_users_timestamp"), Field::Int(50));
    assert_eq!(*stats(1).field("max_connected"), Field::Int(0));
    let status = |rank| convert(Table::CurrentStatus, &[("id", Value::Int(1)), ("bot_rank", rank)]);
    assert_eq!(*status(Value::Int(3)).unwrap().field("bot_rank"), Field::Real(3.0));
    assert_eq!(*status(Value::Null).unwrap().field("status"), Field::Text("offline".into()));
    for rank in [Value::Real(f64::INFINITY), Value::Int(i64::MAX), text("3")] {
        assert_eq!(status(rank).unwrap_err().field, "bot_rank");
    }
}

#[test]
fn what_is_of_another_type_is_told_so() {
    let reason = |value| {
        convert(
            Table::UserStats,
            &[
                ("username", value),
                ("first_seen", Value::Null),
                ("last_seen", Value::Null),
                ("total_chat_lines", Value::Null),
                ("total_time_connected", Value::Null),
            ],
        )
        .unwrap_err()
        .reason
    };
    assert_eq!(reason(Value::Int(5)), "is a whole number, where text is expected");
    assert_eq!(reason(Value::NotUtf8(vec![0xff])), "is text that is not UTF-8, where text is expected");
    assert_eq!(reason(Value::Null), "is null");
}
