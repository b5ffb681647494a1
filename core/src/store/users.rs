//! What is counted of users.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{
    CloseSessions, Count, Limit, Rename, TopChatter, UserRows, UserStats, UserTotals, Username,
};

/// Reading users, closing sessions wholesale, and what a person may ask for: another name, or to be forgotten.
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

    /// Removes all that is kept under a name: what is counted, the kept lines, and the entries of the audit log; returns
    /// how much it was. The channel's own counts and peaks stay, and so does what others wrote about the user.
    async fn delete_user(&self, username: &Username) -> Result<UserRows>;

    /// Keeps under a new name all that is kept under another, and returns how much it was. If the new name is known, too,
    /// both become one: lines and seconds are added up, and the earlier `first_seen` and the later `last_seen` stay. Two open
    /// sessions that overlap become one, from the earlier start to the later sign of life. Of two that do not, the earlier
    /// ends at its last sign of life, and the later stays open.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound): nothing is kept under the old name: no counts, no line, no entry.
    async fn rename_user(&self, rename: &Rename) -> Result<UserRows>;
}
