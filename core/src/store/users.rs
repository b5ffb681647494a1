//! What is counted of users.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{CloseSessions, Count, Limit, TopChatter, UserStats, UserTotals, Username};

/// Reading users, and closing sessions wholesale.
#[async_trait]
pub trait Users: Send + Sync {
    /// One user; none if the name, compared byte by byte, is unknown.
    async fn user_stats(&self, username: &Username) -> Result<Option<UserStats>>;

    /// The users with at least one line: most lines first, then by name in byte order.
    async fn top_chatters(&self, limit: Limit) -> Result<Vec<TopChatter>>;

    /// Sums over all users, each at most [`Count::MAX`].
    async fn user_totals(&self) -> Result<UserTotals>;

    /// Closes every open session and adds its seconds to its user; returns how many there were.
    ///
    /// Only the one bot that records a channel may say this: when it starts, of sessions that a crash left open
    /// ([`CloseSessions::LastSign`]), and when it shuts down ([`CloseSessions::At`], as if every user left then).
    /// Opening and closing a store never does.
    async fn close_sessions(&self, how: CloseSessions) -> Result<Count>;
}
