//! Sums over all rows, by which people see at a glance that all is there.

use std::collections::BTreeMap;

use botstore_core::transfer::{Field, Row, Table};

use crate::source::{Found, Raw};
use crate::value::Value;

/// What the old database has in all, and what of it is valid.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sums {
    /// Lines of chat of all users of the old database.
    pub lines_read: i128,
    /// Those of valid rows.
    pub lines: i128,
    /// Seconds of all users of the old database.
    pub seconds_read: i128,
    /// Those of valid rows, with those of the sessions that were closed.
    pub seconds: i128,
    /// Sessions of valid rows that were open, and are closed.
    pub sessions_closed: u64,
    /// The seconds that those add.
    pub seconds_of_sessions: i128,
    /// Valid messages of the queue, by state.
    pub queue: BTreeMap<String, u64>,
    /// Valid tokens that are active.
    pub tokens_active: u64,
    /// Valid tokens that are revoked.
    pub tokens_revoked: u64,
}

/// The old database's columns of which sums are made.
const LINES: &str = "total_chat_lines";
const SECONDS: &str = "total_time_connected";
const SESSION: &str = "current_session_start";

impl Sums {
    /// Counts an old row.
    pub(crate) fn read(&mut self, found: &Found, raw: &Raw) {
        if found.old.table == Table::UserStats {
            self.lines_read += number(found.value(raw, LINES));
            self.seconds_read += number(found.value(raw, SECONDS));
        }
    }

    /// Counts a valid row, with the old one that it was made of.
    pub(crate) fn take(&mut self, found: &Found, raw: &Raw, row: &Row) {
        match row.table() {
            Table::UserStats => {
                let (seconds, before) = (int(row.field(SECONDS)), number(found.value(raw, SECONDS)));
                self.lines += int(row.field(LINES));
                self.seconds += seconds;
                self.seconds_of_sessions += seconds - before;
                self.sessions_closed += u64::from(*found.value(raw, SESSION) != Value::Null);
            }
            Table::OutboundMessages => {
                if let Field::Text(state) = row.field("state") {
                    *self.queue.entry(state.clone()).or_default() += 1;
                }
            }
            Table::ApiTokens if *row.field("is_active") == Field::Bool(true) => self.tokens_active += 1,
            Table::ApiTokens => self.tokens_revoked += 1,
            _ => {}
        }
    }
}

fn number(value: &Value) -> i128 {
    if let Value::Int(number) = value { i128::from(*number) } else { 0 }
}

fn int(field: &Field) -> i128 {
    if let Field::Int(number) = field { i128::from(*number) } else { 0 }
}
