//! How many users were there.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{ChannelStats, Count, CountSample, Limit, RowKey};

/// Reading the channel's peaks and the history of its counts.
#[async_trait]
pub trait Channel: Send + Sync {
    /// The peaks. Each is the greatest count ever recorded, under any concurrency and in any order, with the earliest
    /// moment of that count; retention does not lower it.
    async fn channel_stats(&self) -> Result<ChannelStats>;

    /// The samples that follow `after`, by (time, identity): [`RowKey::START`] for all, [`RowKey::since`] a moment,
    /// exclusive, [`RowKey::before`] one, inclusive, or the key of a page's last sample for the next page.
    async fn count_samples_after(&self, after: RowKey, limit: Limit) -> Result<Vec<CountSample>>;

    /// How many samples are kept.
    async fn count_sample_count(&self) -> Result<Count>;
}
