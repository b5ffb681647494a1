//! What the bot is doing now.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::CurrentStatus;

/// Reading the status. It is changed by [`ChannelEvent::Status`](crate::model::ChannelEvent::Status).
#[async_trait]
pub trait Status: Send + Sync {
    /// The status; [`CurrentStatus::default`] before the first change.
    async fn current_status(&self) -> Result<CurrentStatus>;
}
