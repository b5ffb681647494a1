//! Lines of chat.

use super::text::text_type;
use super::{RowId, RowKey, Timestamp, Username};

text_type! {
    /// What somebody said. It never appears in debug output, errors or logs.
    MessageText, "message", 0..=10000, AllButNul, hidden
}

impl MessageText {
    /// Whether the text is empty. Empty lines count for their user and are not kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_str().is_empty()
    }
}

/// A kept line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// Its identity.
    pub id: RowId,
    /// When it was said.
    pub at: Timestamp,
    /// Who said it.
    pub username: Username,
    /// What was said, never empty.
    pub message: MessageText,
}

impl ChatMessage {
    /// The line's place in the list.
    #[must_use]
    pub fn key(&self) -> RowKey {
        RowKey { at: self.at, id: self.id }
    }
}
