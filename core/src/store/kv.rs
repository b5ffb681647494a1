//! A plugin's own values.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Expect, KvEntry, KvKey, KvName, KvPrefix, KvValue, KvVersion, Limit, Plugin, Timestamp};

/// JSON values by (plugin, key), with versions and expiry. A value is gone from its `expires_at` on, for every method,
/// whether or not maintenance has removed it.
#[async_trait]
pub trait Kv: Send + Sync {
    /// A value; none if it is not there.
    async fn kv_get(&self, key: &KvKey, now: Timestamp) -> Result<Option<KvEntry>>;

    /// Writes a value if what is there is as expected; returns the new version. Without `expires_at` it stays.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict): something else is there. Nothing was written.
    async fn kv_put(
        &self,
        key: &KvKey,
        value: &KvValue,
        expires_at: Option<Timestamp>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<KvVersion>;

    /// Removes a value, or only the one with this version; returns whether it was there.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict): a version was given, and another value or none is there.
    async fn kv_delete(&self, key: &KvKey, version: Option<KvVersion>, now: Timestamp) -> Result<bool>;

    /// The plugin's values whose key begins with `prefix` and follows `after`, by key in byte order.
    async fn kv_list(
        &self,
        plugin: &Plugin,
        prefix: &KvPrefix,
        after: Option<&KvName>,
        now: Timestamp,
        limit: Limit,
    ) -> Result<Vec<KvEntry>>;
}
