//! How many users were there.

use super::{Count, RowId, RowKey, Timestamp};
use crate::error::InvalidInput;

/// How many users chat and how many connections there are: the first never exceeds the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserCounts {
    chat: Count,
    connected: Count,
}

impl UserCounts {
    /// The counts of one moment.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `chat` or `connected`: negative, beyond 2^53 - 1, or fewer connected than chatting.
    pub fn new(chat: i64, connected: i64) -> Result<Self, InvalidInput> {
        let (chat, connected) = (Count::new("chat", chat)?, Count::new("connected", connected)?);
        if connected < chat {
            return Err(InvalidInput::new("connected", "is less than chat"));
        }
        Ok(Self { chat, connected })
    }

    /// Users in the chat.
    #[must_use]
    pub fn chat(self) -> Count {
        self.chat
    }

    /// Connections to the channel, guests included.
    #[must_use]
    pub fn connected(self) -> Count {
        self.connected
    }
}

/// A sample of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountSample {
    /// Its identity.
    pub id: RowId,
    /// When it was taken.
    pub at: Timestamp,
    /// The counts.
    pub counts: UserCounts,
}

impl CountSample {
    /// The sample's place in the list.
    #[must_use]
    pub fn key(&self) -> RowKey {
        RowKey { at: self.at, id: self.id }
    }
}

/// The greatest count seen, never 0, and the earliest moment at which it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peak {
    /// The count.
    pub count: Count,
    /// The moment.
    pub at: Timestamp,
}

impl Peak {
    /// The peak of a single sample: none if nobody was there.
    #[must_use]
    pub fn of(count: Count, at: Timestamp) -> Option<Self> {
        (count > Count::ZERO).then_some(Self { count, at })
    }

    /// The greater of two peaks; of equal ones the earlier.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        let rank = |peak: Self| (peak.count, std::cmp::Reverse(peak.at));
        if rank(other) > rank(self) { other } else { self }
    }
}

/// What is known of the channel as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelStats {
    /// The most users in the chat; none before anybody was seen.
    pub peak_chat: Option<Peak>,
    /// The most connections; none before anybody was seen.
    pub peak_connected: Option<Peak>,
    /// The moment of the latest sample.
    pub last_updated: Option<Timestamp>,
}
