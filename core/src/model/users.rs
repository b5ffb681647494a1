//! Users and what is counted of them.

use super::text::text_type;
use super::{Count, Timestamp};
use crate::error::InvalidInput;

text_type! {
    /// A user's name, case-sensitive.
    Username, "username", 1..=50, NoControls
}

impl Username {
    /// Whether this is `server`, in any ASCII case: the channel's own voice, no person. Its joins, leaves and
    /// lines change nothing.
    #[must_use]
    pub fn is_server(&self) -> bool {
        self.as_str().eq_ignore_ascii_case("server")
    }
}

/// What is kept of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserStats {
    /// The name.
    pub username: Username,
    /// The earliest moment at which the user joined, spoke, or left an open session.
    pub first_seen: Timestamp,
    /// The latest such moment.
    pub last_seen: Timestamp,
    /// Lines spoken, empty ones included.
    pub total_chat_lines: Count,
    /// Seconds of all closed sessions.
    pub total_time_connected: Count,
    /// When the open session began; none if no session is open.
    pub current_session_start: Option<Timestamp>,
    /// The open session's last sign of life: its start or its latest line. None if no session is open.
    pub session_last_seen: Option<Timestamp>,
}

/// One row of the list of top chatters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopChatter {
    /// The name.
    pub username: Username,
    /// Lines spoken, at least 1.
    pub total_chat_lines: Count,
}

/// Sums over all users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UserTotals {
    /// How many users are known.
    pub users: Count,
    /// Lines of all users.
    pub chat_lines: Count,
    /// Seconds of all closed sessions of all users.
    pub connected_seconds: Count,
    /// How many sessions are open.
    pub open_sessions: Count,
}

/// A user's new name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    from: Username,
    to: Username,
}

impl Rename {
    /// What was kept of `from` is kept of `to` from now on.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `username`: both are the same, or one is [the channel's own voice](Username::is_server).
    pub fn new(from: Username, to: Username) -> Result<Self, InvalidInput> {
        if from == to {
            return Err(InvalidInput::new("username", "is the same as before"));
        }
        if from.is_server() || to.is_server() {
            return Err(InvalidInput::new("username", "is the channel's own voice, and no user"));
        }
        Ok(Self { from, to })
    }

    /// The name until now.
    #[must_use]
    pub fn from(&self) -> &Username {
        &self.from
    }

    /// The name from now on.
    #[must_use]
    pub fn to(&self) -> &Username {
        &self.to
    }
}

/// How much of a user was removed, or renamed, in rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UserRows {
    /// Whether the user was known.
    pub user: bool,
    /// Kept lines of chat.
    pub chat: Count,
    /// Entries of the audit log.
    pub actions: Count,
}

/// At which moment `close_sessions` closes each open session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseSessions {
    /// Each at its own last sign of life: after a crash, when nobody knows how long they went on.
    LastSign,
    /// All at this moment, as if every user had left then: at an orderly shutdown.
    At(Timestamp),
}
