//! What the old tables look like, and which column of ours stands for which of theirs.

use std::fmt;

use botstore_core::transfer::Table;

/// Which of the Python bot's layers made a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Its sqlite3 layer.
    V05,
    /// Its SQLAlchemy layer.
    V06,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V05 => "v0.5",
            Self::V06 => "v0.6",
        })
    }
}

impl Layout {
    /// Columns that the older layout has not.
    pub(crate) const NEWER: [(&'static str, &'static str); 3] =
        [("api_tokens", "is_active"), ("outbound_messages", "error_message"), ("current_status", "status")];
}

/// A table of the old database.
#[derive(Debug)]
pub(crate) struct OldTable {
    pub(crate) table: Table,
    /// By what its rows are told apart; without that column, by their places.
    pub(crate) key: &'static str,
    pub(crate) columns: &'static [OldColumn],
}

/// A column of the old database.
#[derive(Debug)]
pub(crate) struct OldColumn {
    /// Its names, the newer one first.
    pub(crate) names: &'static [&'static str],
    /// The column of ours that has the same; none: several are made of it.
    pub(crate) ours: Option<&'static str>,
    /// What it means that there is none, or that it is null.
    pub(crate) otherwise: Otherwise,
}

/// What it means that a column is not there, or null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// There must be one. What null means the column of ours decides.
    Needed,
    /// Null.
    Null,
    /// This number, which is the bot's own default.
    Int(i64),
    /// This text, which is the bot's own default.
    Text(&'static str),
}

const fn column(names: &'static [&'static str], otherwise: Otherwise) -> OldColumn {
    OldColumn { names, ours: Some(names[0]), otherwise }
}

/// A column of one name that must be there, or may be missing.
macro_rules! columns {
    ($($kind:ident: $($name:literal)|+),* $(,)?) => {
        &[$(columns!(@one $kind [$($name),+])),*]
    };
    (@one needed $names:expr) => { column(&$names, Otherwise::Needed) };
    (@one maybe $names:expr) => { column(&$names, Otherwise::Null) };
    (@one zero $names:expr) => { column(&$names, Otherwise::Int(0)) };
    (@one offline $names:expr) => { column(&$names, Otherwise::Text("offline")) };
    (@one secret $names:expr) => {
        OldColumn { names: &$names, ours: None, otherwise: Otherwise::Needed }
    };
}

/// The column that holds tokens in clear.
pub(crate) const TOKEN: &str = "token";

/// The older name of the column `is_active`, whose meaning is the opposite.
pub(crate) const REVOKED: &str = "revoked";

/// The old tables, in the order of ours.
pub(crate) static TABLES: [OldTable; 8] = [
    OldTable {
        table: Table::UserStats,
        key: "username",
        columns: columns![
            needed: "username",
            needed: "first_seen",
            needed: "last_seen",
            needed: "total_chat_lines",
            needed: "total_time_connected",
            maybe: "current_session_start",
        ],
    },
    OldTable {
        table: Table::UserActions,
        key: "id",
        columns: columns![
            needed: "id",
            needed: "timestamp",
            needed: "username",
            needed: "action_type",
            maybe: "details",
        ],
    },
    OldTable {
        table: Table::UserCountHistory,
        key: "id",
        columns: columns![
            needed: "id",
            needed: "timestamp",
            needed: "chat_users",
            needed: "connected_users",
        ],
    },
    OldTable {
        table: Table::RecentChat,
        key: "id",
        columns: columns![
            needed: "id",
            needed: "timestamp",
            needed: "username",
            needed: "message",
        ],
    },
    OldTable {
        table: Table::OutboundMessages,
        key: "id",
        columns: columns![
            needed: "id",
            needed: "timestamp",
            maybe: "sent_timestamp",
            needed: "message",
            needed: "sent",
            zero: "retry_count",
            maybe: "error_message" | "last_error",
        ],
    },
    OldTable {
        table: Table::ApiTokens,
        key: "id",
        columns: columns![
            maybe: "id",
            secret: "token",
            maybe: "name",
            maybe: "description",
            maybe: "permissions",
            needed: "created_at",
            maybe: "last_used",
            needed: "is_active" | "revoked",
        ],
    },
    OldTable {
        table: Table::ChannelStats,
        key: "id",
        columns: columns![
            needed: "id",
            needed: "max_users",
            maybe: "max_users_timestamp",
            zero: "max_connected",
            maybe: "max_connected_timestamp",
            maybe: "last_updated",
        ],
    },
    OldTable {
        table: Table::CurrentStatus,
        key: "id",
        columns: columns![
            needed: "id",
            maybe: "last_updated",
            offline: "status",
            maybe: "bot_name",
            maybe: "bot_rank",
            maybe: "bot_afk",
            maybe: "channel_name",
            zero: "current_users",
            zero: "connected_users",
            maybe: "current_chat_users",
            maybe: "current_connected_users",
            maybe: "playlist_items",
            maybe: "current_media_title",
            maybe: "current_media_duration",
            maybe: "bot_start_time",
            maybe: "bot_connected",
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_old_column_has_one_of_ours() {
        for OldTable { table, columns, key } in &TABLES {
            for ours in columns.iter().filter_map(|column| column.ours) {
                assert!(table.columns().iter().any(|column| column.name == ours), "{table}.{ours}");
            }
            assert_eq!(table.columns()[0].name, *key);
        }
    }
}
