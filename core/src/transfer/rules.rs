//! What has to hold between the columns of a row.

use super::{Field, Row, Table};
use crate::error::InvalidInput;

pub(super) fn check(row: &Row) -> Result<(), InvalidInput> {
    match row.table() {
        Table::UserStats => both_or_neither(row, "session_last_seen", !is_null(row, "current_session_start")),
        Table::UserCountHistory if number(row, "connected_users") < number(row, "chat_users") => {
            Err(InvalidInput::new("connected_users", "is less than chat_users"))
        }
        Table::RecentChat => not_empty(row),
        Table::OutboundMessages => outbound(row),
        Table::ApiTokens => both_or_neither(row, "revoked_at", !is_true(row, "is_active")),
        Table::ChannelStats => {
            both_or_neither(row, "max_users_timestamp", number(row, "max_users") > 0)?;
            both_or_neither(row, "max_connected_timestamp", number(row, "max_connected") > 0)
        }
        Table::UserCountHistory
        | Table::UserActions
        | Table::PluginValues
        | Table::SourcePositions
        | Table::CurrentStatus => Ok(()),
    }
}

fn outbound(row: &Row) -> Result<(), InvalidInput> {
    let state = row.field("state");
    let is = |name: &str| *state == Field::Text(name.to_owned());
    if is_true(row, "sent") != is("sent") {
        return Err(InvalidInput::new("sent", "contradicts the state"));
    }
    both_or_neither(row, "sent_timestamp", is("sent"))?;
    both_or_neither(row, "due_at", is("queued") || is("retrying"))?;
    not_empty(row)
}

fn both_or_neither(row: &Row, column: &'static str, wanted: bool) -> Result<(), InvalidInput> {
    match (wanted, is_null(row, column)) {
        (true, true) => Err(InvalidInput::new(column, "is null, and the rest of the row asks for a moment")),
        (false, false) => {
            Err(InvalidInput::new(column, "is a moment, and the rest of the row asks for none"))
        }
        _ => Ok(()),
    }
}

fn not_empty(row: &Row) -> Result<(), InvalidInput> {
    match row.field("message") {
        Field::Text(text) if text.is_empty() => Err(InvalidInput::new("message", "is empty")),
        _ => Ok(()),
    }
}

fn is_null(row: &Row, column: &str) -> bool {
    *row.field(column) == Field::Null
}

fn is_true(row: &Row, column: &str) -> bool {
    *row.field(column) == Field::Bool(true)
}

fn number(row: &Row, column: &str) -> i64 {
    if let Field::Int(number) = row.field(column) { *number } else { 0 }
}
