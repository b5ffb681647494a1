//! Lines of chat.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{ChatMessage, Count, Limit, RowKey};

/// Reading the kept lines. They are ordered by (time, identity); lines of one batch and one moment have identities in
/// the batch's order.
#[async_trait]
pub trait Chat: Send + Sync {
    /// The newest lines, oldest of them first.
    async fn recent_chat(&self, limit: Limit) -> Result<Vec<ChatMessage>>;

    /// The lines that follow `after`, oldest first: [`RowKey::START`] for all, [`RowKey::since`] a moment, exclusive,
    /// or the key of a page's last line for the next page.
    async fn chat_after(&self, after: RowKey, limit: Limit) -> Result<Vec<ChatMessage>>;

    /// How many lines are kept.
    async fn chat_count(&self) -> Result<Count>;
}
