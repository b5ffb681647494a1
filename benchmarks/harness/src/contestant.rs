//! What a contestant can do.

use async_trait::async_trait;

/// One way to do a bot's work on one backend.
///
/// The database exists and has botstore's tables. Every write is durable when its method returns; every list is read
/// into values that own their text, and its length is returned.
#[async_trait]
pub trait Contestant: Send + Sync {
    /// A line of chat: counts it for the user, who is made if unknown, and keeps it in `recent_chat`.
    async fn chat(&self, at: i64, user: &str, message: &str) -> anyhow::Result<()>;

    /// A user enters: is made if unknown, and has an open session.
    async fn join(&self, at: i64, user: &str) -> anyhow::Result<()>;

    /// A user leaves: an open session's seconds are added, and it is closed.
    async fn leave(&self, at: i64, user: &str) -> anyhow::Result<()>;

    /// So many users are there: a row of `user_count_history`, and the peaks in `channel_stats`.
    async fn count(&self, at: i64, chat: i64, connected: i64) -> anyhow::Result<()>;

    /// The users with the most lines.
    async fn top(&self, limit: i64) -> anyhow::Result<usize>;

    /// The newest lines, oldest of them first.
    async fn recent(&self, limit: i64) -> anyhow::Result<usize>;

    /// One user's row; whether there is one.
    async fn stats(&self, user: &str) -> anyhow::Result<bool>;

    /// Queues a message, claims one that is due, and marks that as sent, in three writes. Others who do the same may
    /// leave nothing to claim: then that was all.
    async fn queue(&self, at: i64, text: &str) -> anyhow::Result<()>;

    /// What a write that was answered survives, in the engine's own terms and asked of the engine, such as
    /// `WAL, synchronous=FULL` or `fsync=on, synchronous_commit=on`.
    async fn durability(&self) -> anyhow::Result<String>;
}
