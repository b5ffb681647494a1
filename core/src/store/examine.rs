//! Looking how a database is, before there is a store on it.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Aspect, DatabaseHealth, Depth, Finding};

/// Looks into a database, and changes nothing in it. A call that is dropped ends soon, wherever it was.
#[async_trait]
pub trait Examine: Send + Sync + std::fmt::Debug {
    /// How the database is, as [`Lifecycle::health`](crate::Lifecycle::health) says it.
    ///
    /// # Errors
    ///
    /// [`Schema`](crate::ErrorKind::Schema): its schema is not the newest, or lacks something.
    async fn health(&self) -> Result<DatabaseHealth>;

    /// Looks at one aspect; none if this database has nothing of the kind, or a schema that has it in another way.
    ///
    /// # Errors
    ///
    /// That of the first question that had no answer.
    async fn examine(&self, aspect: Aspect, depth: Depth) -> Result<Option<Finding>>;
}
