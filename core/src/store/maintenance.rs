//! Keeping a database small and quick.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{MaintenanceReport, Retention, Timestamp};

/// What is to be done from time to time.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Removes what is older than its retention, and plugin values whose time is over, in batches that never hold a
    /// lock for long; then gives space back, and refreshes the planner's statistics where plans depend on them.
    /// Returns what was removed.
    ///
    /// Stopped at any point, it has removed some of what is to be removed, and the next run goes on.
    async fn maintain(&self, retention: &Retention, now: Timestamp) -> Result<MaintenanceReport>;
}
