//! The tables, as far as both backends have them: columns, keys, and what may stand in a column.

use super::{Field, Row};
use crate::error::InvalidInput;
use crate::model::{
    ActionDetails, ActionKind, BotName, ChannelName, Count, FailureText, KvName, KvValue, MaxAttempts,
    MediaTitle, MessageText, OutboundState, Plugin, Rank, Source, StatusText, Timestamp, TokenDescription,
    TokenName, TokenPermissions, TokenPrefix, UniqueKey, Username,
};

/// A table whose rows make up a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// What is counted of users.
    UserStats,
    /// The audit log.
    UserActions,
    /// Samples of how many users were there.
    UserCountHistory,
    /// The kept lines of chat.
    RecentChat,
    /// The queue of messages.
    OutboundMessages,
    /// Tokens.
    ApiTokens,
    /// Plugins' values.
    PluginValues,
    /// How far sources of events were read.
    SourcePositions,
    /// The peaks: always one row.
    ChannelStats,
    /// The bot's status: always one row.
    CurrentStatus,
}

impl Table {
    /// Every table, in the order in which they are copied: those that always have a row come last.
    pub const ALL: [Self; 10] = [
        Self::UserStats,
        Self::UserActions,
        Self::UserCountHistory,
        Self::RecentChat,
        Self::OutboundMessages,
        Self::ApiTokens,
        Self::PluginValues,
        Self::SourcePositions,
        Self::ChannelStats,
        Self::CurrentStatus,
    ];

    /// The table's name in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.form().name
    }

    /// The columns, those of the key first. What the database computes by itself is none of them.
    #[must_use]
    pub const fn columns(self) -> &'static [Column] {
        self.form().columns
    }

    /// The columns by which rows are told apart and ordered: numbers by size, texts byte by byte.
    #[must_use]
    pub fn key(self) -> &'static [Column] {
        &self.columns()[..self.form().key]
    }

    /// Whether the table always has exactly one row.
    #[must_use]
    pub const fn is_single(self) -> bool {
        matches!(self, Self::ChannelStats | Self::CurrentStatus)
    }

    /// The row that a new store has, of a table that always has one.
    #[must_use]
    pub fn initial(self) -> Option<Row> {
        let field = |column: &Column| match (column.name, column.content) {
            _ if column.nullable => Field::Null,
            ("id", _) => Field::Int(1),
            ("status", _) => Field::Text("offline".to_owned()),
            _ => Field::Int(0),
        };
        let row = || Row::new(self, self.columns().iter().map(field).collect());
        self.is_single().then(row)?.ok()
    }

    /// How many rows make a page: few where a row may be large, so that a page stays within a few megabytes.
    #[must_use]
    pub const fn page(self) -> i64 {
        self.form().page
    }

    const fn form(self) -> &'static Form {
        match self {
            Self::UserStats => &USER_STATS,
            Self::UserActions => &USER_ACTIONS,
            Self::UserCountHistory => &USER_COUNT_HISTORY,
            Self::RecentChat => &RECENT_CHAT,
            Self::OutboundMessages => &OUTBOUND_MESSAGES,
            Self::ApiTokens => &API_TOKENS,
            Self::PluginValues => &PLUGIN_VALUES,
            Self::SourcePositions => &SOURCE_POSITIONS,
            Self::ChannelStats => &CHANNEL_STATS,
            Self::CurrentStatus => &CURRENT_STATUS,
        }
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its name in the database.
    pub name: &'static str,
    /// Whether it may be null.
    pub nullable: bool,
    /// What stands in it otherwise.
    pub content: Content,
}

/// What stands in a column, with the rule that it keeps.
#[derive(Debug, Clone, Copy)]
pub enum Content {
    /// A whole number of 64 bits.
    Int(fn(i64) -> Result<(), InvalidInput>),
    /// A double.
    Real(fn(f64) -> Result<(), InvalidInput>),
    /// Yes or no.
    Bool,
    /// Text.
    Text(fn(&str) -> Result<(), InvalidInput>),
    /// Bytes, so many.
    Bytes(usize),
}

impl Column {
    const fn new(name: &'static str, content: Content) -> Self {
        Self { name, nullable: false, content }
    }

    /// A text column, with the rules of a type of text.
    const fn text<T: std::str::FromStr<Err = InvalidInput>>(name: &'static str) -> Self {
        Self::new(name, Content::Text(|text| text.parse::<T>().map(drop)))
    }

    const fn int(name: &'static str, rule: fn(i64) -> Result<(), InvalidInput>) -> Self {
        Self::new(name, Content::Int(rule))
    }

    const fn moment(name: &'static str) -> Self {
        Self::int(name, |at| Timestamp::new(at).map(drop))
    }

    const fn count(name: &'static str) -> Self {
        Self::int(name, |count| Count::new("count", count).map(drop))
    }

    const fn identity() -> Self {
        Self::int("id", positive)
    }

    const fn or_null(mut self) -> Self {
        self.nullable = true;
        self
    }
}

fn positive(number: i64) -> Result<(), InvalidInput> {
    if number > 0 { Ok(()) } else { Err(InvalidInput::new("number", "is not greater than zero")) }
}

fn not_negative(number: i64) -> Result<(), InvalidInput> {
    if number >= 0 { Ok(()) } else { Err(InvalidInput::new("number", "is negative")) }
}

fn one(number: i64) -> Result<(), InvalidInput> {
    if number == 1 { Ok(()) } else { Err(InvalidInput::new("number", "is not 1")) }
}

/// What a table looks like.
struct Form {
    name: &'static str,
    /// How many columns make the key.
    key: usize,
    page: i64,
    columns: &'static [Column],
}

/// Rows of a page where a row is short, and where it may have 10,000 characters.
const SHORT: i64 = 5_000;
const LONG: i64 = 1_000;

static USER_STATS: Form = Form {
    name: "user_stats",
    key: 1,
    page: SHORT,
    columns: &[
        Column::text::<Username>("username"),
        Column::moment("first_seen"),
        Column::moment("last_seen"),
        Column::count("total_chat_lines"),
        Column::count("total_time_connected"),
        Column::moment("current_session_start").or_null(),
        Column::moment("session_last_seen").or_null(),
    ],
};

static USER_ACTIONS: Form = Form {
    name: "user_actions",
    key: 1,
    page: LONG,
    columns: &[
        Column::identity(),
        Column::moment("timestamp"),
        Column::text::<Username>("username"),
        Column::text::<ActionKind>("action_type"),
        Column::text::<ActionDetails>("details").or_null(),
    ],
};

static USER_COUNT_HISTORY: Form = Form {
    name: "user_count_history",
    key: 1,
    page: SHORT,
    columns: &[
        Column::identity(),
        Column::moment("timestamp"),
        Column::count("chat_users"),
        Column::count("connected_users"),
    ],
};

static RECENT_CHAT: Form = Form {
    name: "recent_chat",
    key: 1,
    page: LONG,
    columns: &[
        Column::identity(),
        Column::moment("timestamp"),
        Column::text::<Username>("username"),
        Column::text::<MessageText>("message"),
    ],
};

static OUTBOUND_MESSAGES: Form = Form {
    name: "outbound_messages",
    key: 1,
    page: LONG,
    columns: &[
        Column::identity(),
        Column::moment("timestamp"),
        Column::moment("sent_timestamp").or_null(),
        Column::text::<MessageText>("message"),
        Column::new("sent", Content::Bool),
        Column::count("retry_count"),
        Column::text::<FailureText>("error_message").or_null(),
        Column::text::<UniqueKey>("unique_key").or_null(),
        Column::text::<OutboundState>("state"),
        Column::int("max_attempts", |attempts| MaxAttempts::new(attempts).map(drop)),
        Column::moment("due_at").or_null(),
        Column::moment("lease_until").or_null(),
        Column::int("lease_token", not_negative),
    ],
};

static API_TOKENS: Form = Form {
    name: "api_tokens",
    key: 1,
    page: LONG,
    columns: &[
        Column::identity(),
        Column::new("token_hash", Content::Bytes(32)),
        Column::new("token_prefix", Content::Text(|prefix| TokenPrefix::new(prefix).map(drop))),
        Column::text::<TokenName>("name").or_null(),
        Column::text::<TokenDescription>("description").or_null(),
        Column::text::<TokenPermissions>("permissions").or_null(),
        Column::moment("created_at"),
        Column::moment("last_used").or_null(),
        Column::new("is_active", Content::Bool),
        Column::moment("revoked_at").or_null(),
        Column::moment("expires_at").or_null(),
    ],
};

static PLUGIN_VALUES: Form = Form {
    name: "plugin_values",
    key: 2,
    page: 200,
    columns: &[
        Column::text::<Plugin>("plugin"),
        Column::text::<KvName>("key"),
        Column::new("value", Content::Text(|value| KvValue::from_stored(value).map(drop))),
        Column::int("version", positive),
        Column::moment("expires_at").or_null(),
    ],
};

static SOURCE_POSITIONS: Form = Form {
    name: "source_positions",
    key: 1,
    page: SHORT,
    columns: &[Column::text::<Source>("source"), Column::int("position", not_negative)],
};

static CHANNEL_STATS: Form = Form {
    name: "channel_stats",
    key: 1,
    page: 1,
    columns: &[
        Column::int("id", one),
        Column::count("max_users"),
        Column::moment("max_users_timestamp").or_null(),
        Column::count("max_connected"),
        Column::moment("max_connected_timestamp").or_null(),
        Column::moment("last_updated").or_null(),
    ],
};

static CURRENT_STATUS: Form = Form {
    name: "current_status",
    key: 1,
    page: 1,
    columns: &[
        Column::int("id", one),
        Column::moment("last_updated").or_null(),
        Column::text::<StatusText>("status"),
        Column::text::<BotName>("bot_name").or_null(),
        Column::new("bot_rank", Content::Real(|rank| Rank::new(rank).map(drop))).or_null(),
        Column::new("bot_afk", Content::Bool).or_null(),
        Column::text::<ChannelName>("channel_name").or_null(),
        Column::count("current_users"),
        Column::count("connected_users"),
        Column::count("current_chat_users").or_null(),
        Column::count("current_connected_users").or_null(),
        Column::count("playlist_items").or_null(),
        Column::text::<MediaTitle>("current_media_title").or_null(),
        Column::count("current_media_duration").or_null(),
        Column::moment("bot_start_time").or_null(),
        Column::new("bot_connected", Content::Bool).or_null(),
    ],
};
