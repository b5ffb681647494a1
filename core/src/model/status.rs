//! What the bot is doing now.

use serde_json::{Map, Value};

use super::event::Fields;
use super::text::text_type;
use super::{Count, Timestamp};
use crate::error::InvalidInput;

text_type! {
    /// The bot's state in a word, such as `online`.
    StatusText, "status", 1..=50, NoControls
}

text_type! {
    /// The bot's name in the channel.
    BotName, "bot_name", 1..=50, NoControls
}

text_type! {
    /// The channel's name.
    ChannelName, "channel_name", 1..=100, NoControls
}

text_type! {
    /// The title of what is playing.
    MediaTitle, "current_media_title", 0..=1000, AllButNul
}

/// The bot's rank in the channel: a finite number, as CyTube has ranks such as 1.5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rank(f64);

impl Rank {
    /// A rank. Negative zero becomes zero.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `bot_rank`: infinite, or not a number.
    pub fn new(rank: f64) -> Result<Self, InvalidInput> {
        // Adding zero turns -0.0 into 0.0, which every database gives back as it is.
        if rank.is_finite() {
            Ok(Self(rank + 0.0))
        } else {
            Err(InvalidInput::new("bot_rank", "is not a finite number"))
        }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

/// The one row of the bot's status.
#[derive(Debug, Clone, PartialEq)]
pub struct CurrentStatus {
    /// The moment of the latest change; none before the first.
    pub last_updated: Option<Timestamp>,
    /// The bot's state, `offline` at first.
    pub status: StatusText,
    /// The bot's name.
    pub bot_name: Option<BotName>,
    /// The bot's rank.
    pub bot_rank: Option<Rank>,
    /// Whether the bot is away.
    pub bot_afk: Option<bool>,
    /// The channel.
    pub channel_name: Option<ChannelName>,
    /// Users, as the original's later layout counts them.
    pub current_users: Count,
    /// Connections, as the original's later layout counts them.
    pub connected_users: Count,
    /// Users in the chat.
    pub current_chat_users: Option<Count>,
    /// Connections to the channel.
    pub current_connected_users: Option<Count>,
    /// Items on the playlist.
    pub playlist_items: Option<Count>,
    /// What is playing.
    pub current_media_title: Option<MediaTitle>,
    /// How long it plays, in seconds.
    pub current_media_duration: Option<Count>,
    /// When the bot started.
    pub bot_start_time: Option<Timestamp>,
    /// Whether the bot is connected to the channel.
    pub bot_connected: Option<bool>,
}

impl Default for CurrentStatus {
    fn default() -> Self {
        Self {
            last_updated: None,
            status: StatusText("offline".into()),
            bot_name: None,
            bot_rank: None,
            bot_afk: None,
            channel_name: None,
            current_users: Count::ZERO,
            connected_users: Count::ZERO,
            current_chat_users: None,
            current_connected_users: None,
            playlist_items: None,
            current_media_title: None,
            current_media_duration: None,
            bot_start_time: None,
            bot_connected: None,
        }
    }
}

/// A change of some fields of the status. `None` leaves a field as it is; where a field may be unknown,
/// `Some(None)` makes it so.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StatusPatch {
    /// See [`CurrentStatus::status`].
    pub status: Option<StatusText>,
    /// See [`CurrentStatus::bot_name`].
    pub bot_name: Option<Option<BotName>>,
    /// See [`CurrentStatus::bot_rank`].
    pub bot_rank: Option<Option<Rank>>,
    /// See [`CurrentStatus::bot_afk`].
    pub bot_afk: Option<Option<bool>>,
    /// See [`CurrentStatus::channel_name`].
    pub channel_name: Option<Option<ChannelName>>,
    /// See [`CurrentStatus::current_users`].
    pub current_users: Option<Count>,
    /// See [`CurrentStatus::connected_users`].
    pub connected_users: Option<Count>,
    /// See [`CurrentStatus::current_chat_users`].
    pub current_chat_users: Option<Option<Count>>,
    /// See [`CurrentStatus::current_connected_users`].
    pub current_connected_users: Option<Option<Count>>,
    /// See [`CurrentStatus::playlist_items`].
    pub playlist_items: Option<Option<Count>>,
    /// See [`CurrentStatus::current_media_title`].
    pub current_media_title: Option<Option<MediaTitle>>,
    /// See [`CurrentStatus::current_media_duration`].
    pub current_media_duration: Option<Option<Count>>,
    /// See [`CurrentStatus::bot_start_time`].
    pub bot_start_time: Option<Option<Timestamp>>,
    /// See [`CurrentStatus::bot_connected`].
    pub bot_connected: Option<Option<bool>>,
}

/// Runs a macro over the fields that a patch can change: those that always have a value, then those that may not.
macro_rules! patch_fields {
    ($apply:ident) => {
        $apply! {
            required: status, current_users, connected_users;
            optional: bot_name, bot_rank, bot_afk, channel_name, current_chat_users, current_connected_users,
                playlist_items, current_media_title, current_media_duration, bot_start_time, bot_connected;
        }
    };
}

impl StatusPatch {
    /// This patch, then `later`: what both name is as `later` says.
    #[must_use]
    pub fn then(self, later: &Self) -> Self {
        macro_rules! merged {
            (required: $($required:ident),*; optional: $($optional:ident),*;) => {
                Self {
                    $($required: later.$required.clone().or(self.$required),)*
                    $($optional: later.$optional.clone().or(self.$optional),)*
                }
            };
        }
        patch_fields!(merged)
    }

    /// Changes `status` as this patch, made at `at`, says. [`CurrentStatus::last_updated`] only goes up.
    pub fn apply(&self, at: Timestamp, status: &mut CurrentStatus) {
        macro_rules! change {
            (required: $($required:ident),*; optional: $($optional:ident),*;) => {
                $(if let Some(value) = &self.$required { status.$required = value.clone(); })*
                $(if let Some(value) = &self.$optional { status.$optional = value.clone(); })*
            };
        }
        patch_fields!(change);
        status.last_updated = status.last_updated.max(Some(at));
    }

    pub(super) fn from_fields(fields: &Fields<'_>) -> Result<Self, InvalidInput> {
        let required_count = |name| fields.optional(name, |f, n| f.integer(n).and_then(|i| Count::new(n, i)));
        let count = |name| fields.nullable(name, |f, n| f.integer(n).and_then(|i| Count::new(n, i)));
        Ok(Self {
            status: fields.optional("status", |f, n| f.text(n).and_then(StatusText::new))?,
            bot_name: fields.nullable("bot_name", |f, n| f.text(n).and_then(BotName::new))?,
            bot_rank: fields.nullable("bot_rank", |f, n| f.float(n).and_then(Rank::new))?,
            bot_afk: fields.nullable("bot_afk", Fields::boolean)?,
            channel_name: fields.nullable("channel_name", |f, n| f.text(n).and_then(ChannelName::new))?,
            current_users: required_count("current_users")?,
            connected_users: required_count("connected_users")?,
            current_chat_users: count("current_chat_users")?,
            current_connected_users: count("current_connected_users")?,
            playlist_items: count("playlist_items")?,
            current_media_title: fields
                .nullable("current_media_title", |f, n| f.text(n).and_then(MediaTitle::new))?,
            current_media_duration: count("current_media_duration")?,
            bot_start_time: fields.nullable("bot_start_time", |f, n| {
                f.integer(n).and_then(|seconds| Timestamp::in_field(n, seconds))
            })?,
            bot_connected: fields.nullable("bot_connected", Fields::boolean)?,
        })
    }

    pub(super) fn write_json(&self, fields: &mut Map<String, Value>) {
        macro_rules! write {
            (required: $($required:ident),*; optional: $($optional:ident),*;) => {
                $(if let Some(value) = &self.$required {
                    fields.insert(stringify!($required).into(), value.json());
                })*
                $(if let Some(value) = &self.$optional {
                    fields.insert(stringify!($optional).into(), value.as_ref().map_or(Value::Null, Json::json));
                })*
            };
        }
        patch_fields!(write);
    }
}

/// The JSON form of a field's value.
trait Json {
    fn json(&self) -> Value;
}

macro_rules! json {
    ($($type:ty: |$value:ident| $json:expr;)*) => {
        $(impl Json for $type {
            fn json(&self) -> Value {
                let $value = self;
                Value::from($json)
            }
        })*
    };
}

json! {
    StatusText: |text| text.as_str();
    BotName: |text| text.as_str();
    ChannelName: |text| text.as_str();
    MediaTitle: |text| text.as_str();
    Rank: |rank| rank.get();
    Count: |count| count.get();
    Timestamp: |at| at.seconds();
    bool: |flag| *flag;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_changes_only_the_fields_it_names() {
        let mut status = CurrentStatus { bot_afk: Some(true), ..CurrentStatus::default() };
        let patch = StatusPatch {
            bot_name: Some(Some(BotName::new("Rosey").unwrap())),
            current_users: Some(Count::new("current_users", 3).unwrap()),
            ..StatusPatch::default()
        };
        patch.apply(Timestamp::new(9).unwrap(), &mut status);
        let expected = CurrentStatus {
            last_updated: Some(Timestamp::new(9).unwrap()),
            bot_name: Some(BotName::new("Rosey").unwrap()),
            bot_afk: Some(true),
            current_users: Count::new("current_users", 3).unwrap(),
            ..CurrentStatus::default()
        };
        assert_eq!(status, expected);
    }

    #[test]
    fn one_patch_after_another_is_the_same_as_both_at_once() {
        let first =
            StatusPatch { bot_afk: Some(Some(true)), bot_connected: Some(Some(true)), ..Default::default() };
        let second = StatusPatch { bot_afk: Some(None), ..Default::default() };
        let mut one_by_one = CurrentStatus::default();
        first.apply(Timestamp::new(7).unwrap(), &mut one_by_one);
        second.apply(Timestamp::new(5).unwrap(), &mut one_by_one);
        let mut at_once = CurrentStatus::default();
        first.then(&second).apply(Timestamp::new(7).unwrap(), &mut at_once);
        assert_eq!(one_by_one, at_once);
        assert_eq!(one_by_one.bot_afk, None);
        assert_eq!(one_by_one.last_updated, Some(Timestamp::new(7).unwrap()));
    }
}
