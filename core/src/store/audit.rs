//! Who did what.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{ActionFilter, Limit, RowKey, UserAction};

/// Reading the audit log. It is written by [`ChannelEvent::Action`](crate::model::ChannelEvent::Action).
#[async_trait]
pub trait Audit: Send + Sync {
    /// The entries that meet the filter and come before `before`, newest first by (time, identity): [`RowKey::END`]
    /// for all, or the key of a page's last entry for the next page.
    async fn user_actions(
        &self,
        filter: &ActionFilter,
        before: RowKey,
        limit: Limit,
    ) -> Result<Vec<UserAction>>;
}
