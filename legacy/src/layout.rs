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
    pub(crate) since: Since,
}

/// Which databases have a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// All.
    Ever,
    /// Those of the older layer from its first start by the release that brought the column: it adds what is missing.
    Start,
    /// Those of the newer layer.
    V06,
}

impl OldColumn {
    /// Its name in a layout.
    pub(crate) fn name(&self, layout: Layout) -> &'static str {
        match (layout, self.names) {
            (Layout::V05, [.., name]) | (Layout::V06, [name, ..]) => name,
            (_, []) => "",
        }
    }
}

/// What it means that a column is not there, or null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// Without it no row is valid. What null means the column of ours decides.
    Needed,
    /// Null.
    Null,
    /// This number, which is the bot's own default.
    Int(i64),
    /// This text, which is the bot's own default.
    Text(&'static str),
}

impl Otherwise {
    /// What stands for a column that is not there.
    pub(crate) fn instead(self) -> Option<String> {
        match self {
            Self::Needed => None,
            Self::Null => Some("null".to_owned()),
            Self::Int(number) => Some(number.to_string()),
            Self::Text(text) => Some(text.to_owned()),
        }
    }
}

const fn column(names: &'static [&'static str], otherwise: Otherwise) -> OldColumn {
    OldColumn { names, ours: Some(names[0]), otherwise, since: Since::Ever }
}

/// Columns: what it means that one is null, before that which databases have it, and its names.
macro_rules! columns {
    ($($($kind:ident)+: $($name:literal)|+),* $(,)?) => {
        &[$(columns!(@one $($kind)+ [$($name),+])),*]
    };
    (@one v06 $kind:ident $names:expr) => {
        OldColumn { since: Since::V06, ..columns!(@one $kind $names) }
    };
    (@one start $kind:ident $names:expr) => {
        OldColumn { since: Since::Start, ..columns!(@one $kind $names) }
    };
    (@one needed $names:expr) => { column(&$names, Otherwise::Needed) };
    (@one maybe $names:expr) => { column(&$names, Otherwise::Null) };
    (@one zero $names:expr) => { column(&$names, Otherwise::Int(0)) };
    (@one offline $names:expr) => { column(&$names, Otherwise::Text("offline")) };
    (@one secret $names:expr) => {
        OldColumn { names: &$names, ours: None, otherwise: Otherwise::Needed, since: Since::Ever }
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
            start zero: "retry_count",
            start maybe: "error_message" | "last_error",
        ],
    },
    OldTable {
        table: Table::ApiTokens,
        key: "id",
        columns: columns![
            v06 maybe: "id",
            secret: "token",
            v06 maybe: "name",
            maybe: "description",
            v06 maybe: "permissions",
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
            start zero: "max_connected",
            start maybe: "max_connected_timestamp",
            maybe: "last_updated",
        ],
    },
    OldTable {
        table: Table::CurrentStatus,
        key: "id",
        columns: columns![
            needed: "id",
            maybe: "last_updated",
            v06 offline: "status",
            maybe: "bot_name",
            maybe: "bot_rank",
            maybe: "bot_afk",
            maybe: "channel_name",
            v06 zero: "current_users",
            v06 zero: "connected_users",
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
