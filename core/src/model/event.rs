//! What a bot observes, and its JSON form.

use serde_json::{Map, Value};

use super::{ActionDetails, ActionKind, MessageText, StatusPatch, Timestamp, UserCounts, Username};
use crate::error::InvalidInput;

/// Something that a bot observed, with the moment at which it happened.
///
/// Its JSON form is one object: `at` (Unix seconds), `type`, and the fields of the type.
///
/// ```json
/// {"at":1700000000,"type":"user_joined","username":"ada"}
/// {"at":1700000009,"type":"user_left","username":"ada"}
/// {"at":1700000003,"type":"chat","username":"ada","message":"hello"}
/// {"at":1700000005,"type":"user_count","chat":3,"connected":5}
/// {"at":1700000007,"type":"action","username":"ada","action":"kick","details":"bob"}
/// {"at":1700000008,"type":"status","bot_name":"Rosey","bot_afk":false,"current_media_title":null}
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ChannelEvent {
    /// A user entered the channel.
    UserJoined {
        /// When.
        at: Timestamp,
        /// Who.
        username: Username,
    },
    /// A user left the channel.
    UserLeft {
        /// When.
        at: Timestamp,
        /// Who.
        username: Username,
    },
    /// A user said something.
    Chat {
        /// When.
        at: Timestamp,
        /// Who.
        username: Username,
        /// What.
        message: MessageText,
    },
    /// So many users were there.
    UserCount {
        /// When.
        at: Timestamp,
        /// How many.
        counts: UserCounts,
    },
    /// A user did something worth an entry in the audit log.
    Action {
        /// When.
        at: Timestamp,
        /// Who.
        username: Username,
        /// What kind of thing.
        action: ActionKind,
        /// What exactly.
        details: Option<ActionDetails>,
    },
    /// The bot's own state changed.
    Status {
        /// When.
        at: Timestamp,
        /// The fields that changed, boxed because they outweigh every other event.
        patch: Box<StatusPatch>,
    },
}

impl ChannelEvent {
    /// The moment at which it happened.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Self::UserJoined { at, .. }
            | Self::UserLeft { at, .. }
            | Self::Chat { at, .. }
            | Self::UserCount { at, .. }
            | Self::Action { at, .. }
            | Self::Status { at, .. } => *at,
        }
    }

    /// Reads the JSON form. Fields that no event has are passed over.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] that names the JSON field; `json` if the text is no JSON object.
    pub fn from_json(json: &str) -> Result<Self, InvalidInput> {
        let value: Value = serde_json::from_str(json)
            .map_err(|error| InvalidInput::new("json", format!("is no JSON: {}", without_line(&error))))?;
        let Value::Object(object) = value else {
            return Err(InvalidInput::new("json", "is no JSON object"));
        };
        let fields = Fields(&object);
        let at = Timestamp::new(fields.integer("at")?)?;
        let username = || Username::new(fields.text("username")?);
        match fields.text("type")? {
            "user_joined" => Ok(Self::UserJoined { at, username: username()? }),
            "user_left" => Ok(Self::UserLeft { at, username: username()? }),
            "chat" => Ok(Self::Chat {
                at,
                username: username()?,
                message: MessageText::new(fields.text("message")?)?,
            }),
            "user_count" => {
                let counts = UserCounts::new(fields.integer("chat")?, fields.integer("connected")?)?;
                Ok(Self::UserCount { at, counts })
            }
            "action" => Ok(Self::Action {
                at,
                username: username()?,
                action: ActionKind::new(fields.text("action")?)?,
                details: fields.nullable("details", |f, n| f.text(n).and_then(ActionDetails::new))?.flatten(),
            }),
            "status" => Ok(Self::Status { at, patch: Box::new(StatusPatch::from_fields(&fields)?) }),
            _ => Err(InvalidInput::new(
                "type",
                "is none of user_joined, user_left, chat, user_count, action, status",
            )),
        }
    }

    /// The JSON form, on one line.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        put("at", self.at().seconds().into());
        match self {
            Self::UserJoined { username, .. } => {
                put("type", "user_joined".into());
                put("username", username.as_str().into());
            }
            Self::UserLeft { username, .. } => {
                put("type", "user_left".into());
                put("username", username.as_str().into());
            }
            Self::Chat { username, message, .. } => {
                put("type", "chat".into());
                put("username", username.as_str().into());
                put("message", message.as_str().into());
            }
            Self::UserCount { counts, .. } => {
                put("type", "user_count".into());
                put("chat", counts.chat().get().into());
                put("connected", counts.connected().get().into());
            }
            Self::Action { username, action, details, .. } => {
                put("type", "action".into());
                put("username", username.as_str().into());
                put("action", action.as_str().into());
                if let Some(details) = details {
                    put("details", details.as_str().into());
                }
            }
            Self::Status { patch, .. } => {
                put("type", "status".into());
                patch.write_json(&mut fields);
            }
        }
        Value::Object(fields).to_string()
    }
}

/// An error of a one-line text: its line is always 1, so only the column is worth saying.
fn without_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.find(" at line ").unwrap_or(text.len());
    format!("{} at column {}", &text[..end], error.column())
}

/// A JSON object whose fields are read by name, so that an error can name the field.
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    fn get(&self, name: &'static str) -> Result<&'a Value, InvalidInput> {
        self.0.get(name).ok_or_else(|| InvalidInput::new(name, "is missing"))
    }

    pub(super) fn text(&self, name: &'static str) -> Result<&'a str, InvalidInput> {
        self.get(name)?.as_str().ok_or_else(|| InvalidInput::new(name, "is no text"))
    }

    pub(super) fn integer(&self, name: &'static str) -> Result<i64, InvalidInput> {
        self.get(name)?.as_i64().ok_or_else(|| InvalidInput::new(name, "is no whole number of 64 bits"))
    }

    pub(super) fn float(&self, name: &'static str) -> Result<f64, InvalidInput> {
        self.get(name)?.as_f64().ok_or_else(|| InvalidInput::new(name, "is no number"))
    }

    pub(super) fn boolean(&self, name: &'static str) -> Result<bool, InvalidInput> {
        self.get(name)?.as_bool().ok_or_else(|| InvalidInput::new(name, "is neither true nor false"))
    }

    /// A field that may be left out.
    pub(super) fn optional<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&Self, &'static str) -> Result<T, InvalidInput>,
    ) -> Result<Option<T>, InvalidInput> {
        if self.0.contains_key(name) { read(self, name).map(Some) } else { Ok(None) }
    }

    /// A field that may be left out, and that may be null: `Some(None)`.
    pub(super) fn nullable<T>(
        &self,
        name: &'static str,
        read: impl FnOnce(&Self, &'static str) -> Result<T, InvalidInput>,
    ) -> Result<Option<Option<T>>, InvalidInput> {
        match self.0.get(name) {
            Some(Value::Null) => Ok(Some(None)),
            _ => Ok(self.optional(name, read)?.map(Some)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(json: &str) -> &'static str {
        ChannelEvent::from_json(json).unwrap_err().field
    }

    #[test]
    fn every_event_survives_its_json_form() {
        for json in [
            r#"{"at":0,"type":"user_joined","username":"ada"}"#,
            r#"{"at":253402300799,"type":"user_left","username":"\u202eada"}"#,
            r#"{"at":3,"type":"chat","username":"ada","message":""}"#,
            r#"{"at":5,"type":"user_count","chat":3,"connected":5}"#,
            r#"{"at":7,"type":"action","username":"ada","action":"kick","details":"bob"}"#,
            r#"{"at":7,"type":"action","username":"ada","action":"kick"}"#,
            r#"{"at":8,"type":"status","status":"online","bot_rank":1.5,"bot_afk":null,"current_users":4,"bot_start_time":6}"#,
        ] {
            let event = ChannelEvent::from_json(json).unwrap();
            assert_eq!(ChannelEvent::from_json(&event.to_json()), Ok(event), "{json}");
        }
    }

    #[test]
    fn an_error_names_the_field() {
        assert_eq!(field("no json"), "json");
        assert_eq!(field("[]"), "json");
        assert_eq!(field(r#"{"type":"chat"}"#), "at");
        assert_eq!(field(r#"{"at":"1","type":"chat"}"#), "at");
        assert_eq!(field(r#"{"at":1.5,"type":"chat"}"#), "at");
        assert_eq!(field(r#"{"at":18446744073709551615,"type":"chat"}"#), "at");
        assert_eq!(field(r#"{"at":1,"type":"shout"}"#), "type");
        assert_eq!(field(r#"{"at":1,"type":"chat","username":"a\u0000b","message":""}"#), "username");
        assert_eq!(field(r#"{"at":1,"type":"chat","username":"a"}"#), "message");
        assert_eq!(field(r#"{"at":1,"type":"user_count","chat":5,"connected":4}"#), "connected");
        assert_eq!(field(r#"{"at":1,"type":"status","bot_rank":"high"}"#), "bot_rank");
        assert_eq!(field(r#"{"at":1,"type":"status","status":null}"#), "status");
    }

    #[test]
    fn a_syntax_error_says_where_and_repeats_nothing() {
        let error = ChannelEvent::from_json(r#"{"at":1,"message":"secret" "x"}"#).unwrap_err();
        assert_eq!(error.reason, "is no JSON: expected `,` or `}` at column 28");
    }
}
