//! What an old row is as one of ours. Whatever is written here in the code is written in words in
//! `docs/DATABASE_SETUP.md`.

use botstore_core::InvalidInput;
use botstore_core::model::{Count, MaxAttempts, OutboundState, Seconds, Timestamp, TokenSecret};
use botstore_core::transfer::{Content, Field, Row, Table};

use crate::layout::{Otherwise, REVOKED, TOKEN};
use crate::source::{Found, Raw};
use crate::value::Value;

/// The row of ours that an old one means.
///
/// # Errors
///
/// Of the first column, by our name, that is not what a store would have written.
pub(crate) fn row(found: &Found, raw: &Raw) -> Result<Row, InvalidInput> {
    let table = found.old.table;
    let mut draft = Draft { table, fields: vec![Field::Null; table.columns().len()] };
    draft.take(found, raw)?;
    match table {
        Table::UserStats => close_session(&mut draft)?,
        Table::OutboundMessages => queue(&mut draft)?,
        Table::ApiTokens => hide_token(&mut draft, found, raw)?,
        Table::ChannelStats => forget_no_peak(&mut draft),
        _ => {}
    }
    if !table.is_single() && matches!(draft.get("id"), Field::Int(id) if *id > Count::MAX.get()) {
        // The numbers that follow it would soon come to an end.
        return Err(InvalidInput::new("id", format!("is greater than {}", Count::MAX)));
    }
    Row::new(table, draft.fields)
}

/// A row in the making.
struct Draft {
    table: Table,
    fields: Vec<Field>,
}

impl Draft {
    fn place(&self, name: &str) -> Option<usize> {
        self.table.columns().iter().position(|column| column.name == name)
    }

    fn get(&self, name: &str) -> &Field {
        self.place(name).map_or(&Field::Null, |place| &self.fields[place])
    }

    fn set(&mut self, name: &str, field: Field) {
        if let Some(place) = self.place(name) {
            self.fields[place] = field;
        }
    }

    /// Takes over each column that has a counterpart.
    fn take(&mut self, found: &Found, raw: &Raw) -> Result<(), InvalidInput> {
        for (column, slot) in found.known() {
            let Some(ours) = column.ours else { continue };
            let Some(place) = self.place(ours) else { continue };
            let value = slot.and_then(|slot| raw.values.get(slot)).unwrap_or(&Value::Null);
            self.fields[place] = match (value, column.otherwise) {
                (Value::Null, Otherwise::Int(number)) => Field::Int(number),
                (Value::Null, Otherwise::Text(text)) => Field::Text(text.to_owned()),
                _ => field(ours, self.table.columns()[place].content, value)?,
            };
        }
        Ok(())
    }

    fn int(&self, name: &'static str) -> Result<i64, InvalidInput> {
        match self.get(name) {
            Field::Int(number) => Ok(*number),
            _ => Err(InvalidInput::new(name, "is null")),
        }
    }

    fn moment(&self, name: &'static str) -> Result<Timestamp, InvalidInput> {
        Timestamp::in_field(name, self.int(name)?)
    }

    fn moment_if_any(&self, name: &'static str) -> Result<Option<Timestamp>, InvalidInput> {
        if *self.get(name) == Field::Null { Ok(None) } else { self.moment(name).map(Some) }
    }

    fn count(&self, name: &'static str) -> Result<Count, InvalidInput> {
        Count::new(name, self.int(name)?)
    }

    fn yes(&self, name: &'static str) -> Result<bool, InvalidInput> {
        match self.get(name) {
            Field::Bool(yes) => Ok(*yes),
            _ => Err(InvalidInput::new(name, "is null")),
        }
    }
}

/// An old value, in a column of this content. Nothing is cut, rounded or read as something else; only SQLite's 0 and 1
/// are no and yes, and a whole number is a double where one is expected.
fn field(name: &'static str, content: Content, value: &Value) -> Result<Field, InvalidInput> {
    let expected = match (content, value) {
        (_, Value::Null) => return Ok(Field::Null),
        (Content::Int(_), Value::Int(number)) => return Ok(Field::Int(*number)),
        (Content::Real(_), Value::Real(number)) => return Ok(Field::Real(*number)),
        // Every rank that a double has exactly.
        (Content::Real(_), Value::Int(number)) if number.unsigned_abs() <= 1 << 53 => {
            return Ok(Field::Real(*number as f64));
        }
        (Content::Bool, Value::Bool(yes)) => return Ok(Field::Bool(*yes)),
        (Content::Bool, Value::Int(yes @ (0 | 1))) => return Ok(Field::Bool(*yes == 1)),
        (Content::Bool, Value::Int(_)) => return Err(InvalidInput::new(name, "is neither 0 nor 1")),
        (Content::Text(_), Value::Text(text)) => return Ok(Field::Text(text.clone())),
        (Content::Int(_), _) => "a whole number",
        (Content::Real(_), _) => "a number",
        (Content::Bool, _) => "yes or no",
        (Content::Text(_), _) => "text",
        (Content::Bytes(_), _) => "bytes",
    };
    Err(InvalidInput::new(name, format!("is {}, where {expected} is expected", value.kind())))
}

/// An open session ends at the user's last sign of life, and its seconds count.
fn close_session(draft: &mut Draft) -> Result<(), InvalidInput> {
    if let Some(start) = draft.moment_if_any("current_session_start")? {
        let seconds = draft.moment("last_seen")?.seconds_since(start);
        let total = draft.count("total_time_connected")?.get() + seconds;
        draft.set("total_time_connected", Field::Int(total));
        draft.set("current_session_start", Field::Null);
    }
    Ok(())
}

/// Where a message is on its way, by the bot's own rules: it tries each message three times, 2^n minutes after the
/// message was queued if n attempts failed. What is refused for good it marks as sent, and counts that attempt, too: so
/// a message that was sent before the wait for its failures was over was refused.
fn queue(draft: &mut Draft) -> Result<(), InvalidInput> {
    let (at, failures) = (draft.moment("timestamp")?, draft.count("retry_count")?.get());
    let retry_at = at.plus(backoff(failures));
    let refused = failures > 0
        && *draft.get("error_message") != Field::Null
        && draft.moment_if_any("sent_timestamp")?.is_some_and(|sent_at| sent_at < retry_at);
    let attempts = MaxAttempts::default().get();
    let (state, due_at) = match draft.yes("sent")? {
        true if refused => (OutboundState::Failed, None),
        true => (OutboundState::Sent, None),
        false if failures == 0 => (OutboundState::Queued, Some(at)),
        false if failures < attempts => (OutboundState::Retrying, Some(retry_at)),
        false => (OutboundState::Dead, None),
    };
    if state == OutboundState::Failed {
        draft.set("sent", Field::Bool(false));
        draft.set("sent_timestamp", Field::Null);
    }
    draft.set("state", Field::Text(state.as_str().to_owned()));
    draft.set("due_at", due_at.map_or(Field::Null, |at| Field::Int(at.seconds())));
    draft.set("max_attempts", Field::Int(attempts));
    draft.set("lease_token", Field::Int(0));
    Ok(())
}

/// 2^n minutes.
fn backoff(failures: i64) -> Seconds {
    Seconds::from_minutes(1 << failures.clamp(0, 20))
}

/// A token is kept as its hash. When one was revoked the old database does not say: the last moment of which it is known
/// that the token was active stands for it.
fn hide_token(draft: &mut Draft, found: &Found, raw: &Raw) -> Result<(), InvalidInput> {
    let token = match found.value(raw, TOKEN) {
        Value::Text(token) => TokenSecret::new(token)?,
        Value::Null => return Err(InvalidInput::new(TOKEN, "is null")),
        other => {
            return Err(InvalidInput::new(TOKEN, format!("is {}, where text is expected", other.kind())));
        }
    };
    draft.set("token_hash", Field::Bytes(token.hash().as_bytes().to_vec()));
    draft.set("token_prefix", Field::Text(token.prefix().as_str().to_owned()));
    if found.key_column().is_none() {
        draft.set("id", Field::Int(raw.place));
    }
    let is_opposite = found.name_of("is_active").eq_ignore_ascii_case(REVOKED);
    let is_active = draft.yes("is_active")? != is_opposite;
    draft.set("is_active", Field::Bool(is_active));
    if !is_active {
        let known = draft.moment_if_any("last_used")?.max(Some(draft.moment("created_at")?));
        draft.set("revoked_at", known.map_or(Field::Null, |at| Field::Int(at.seconds())));
    }
    Ok(())
}

/// Nobody is no peak, so there is no moment of one.
fn forget_no_peak(draft: &mut Draft) {
    for (peak, moment) in [("max_users", "max_users_timestamp"), ("max_connected", "max_connected_timestamp")]
    {
        if *draft.get(peak) == Field::Int(0) {
            draft.set(moment, Field::Null);
        }
    }
}

#[cfg(test)]
mod tests;
