//! From open to closed.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Backend, Health};

/// What a store is, how it is, and its end.
#[async_trait]
pub trait Lifecycle: Send + Sync {
    /// Which database holds the data.
    fn backend(&self) -> Backend;

    /// Asks the database, and says how it is and how long the answer took.
    async fn health(&self) -> Result<Health>;

    /// Waits for what is under way, then lets go of the database; a vacuum it ends. Afterwards every method says
    /// [`Closed`](crate::ErrorKind::Closed), this one excepted: closing again does nothing.
    async fn close(&self) -> Result<()>;
}
