//! A plugin's own values.

use async_trait::async_trait;
use botstore_core::model::{
    Expect, KvEntry, KvKey, KvName, KvPrefix, KvValue, KvVersion, Limit, Plugin, Timestamp,
};
use botstore_core::{Kv, Result, StoreError, conflict};
use tokio_postgres::Row;

use crate::client::{Intent, Params};
use crate::open::PostgresStore;
use crate::row::Columns;
#[cfg(test)]
use crate::testing::Access;

const KV_GET: &str = "
    SELECT key, value, version, expires_at FROM plugin_values
    WHERE plugin = $1 AND key = $2 AND (expires_at IS NULL OR expires_at > $3)";

/// Writes whatever is there. A value that is replaced gets its version once its row is locked: the one that was drawn for
/// the insertion may be less than that of a writer who came first.
const PUT_ANY: &str = "
    INSERT INTO plugin_values (plugin, key, value, expires_at, version)
    VALUES ($1, $2, $3, $4, nextval('plugin_value_versions'))
    ON CONFLICT (plugin, key) DO UPDATE
    SET value = excluded.value, expires_at = excluded.expires_at, version = nextval('plugin_value_versions')
    RETURNING version";

/// Writes if nothing is there, or only a value whose time is over.
const PUT_ABSENT: &str = "
    INSERT INTO plugin_values AS v (plugin, key, value, expires_at, version)
    VALUES ($1, $2, $3, $4, nextval('plugin_value_versions'))
    ON CONFLICT (plugin, key) DO UPDATE
    SET value = excluded.value, expires_at = excluded.expires_at, version = nextval('plugin_value_versions')
    WHERE v.expires_at <= $5
    RETURNING version";

/// Writes if the version $6 is there.
const PUT_VERSION: &str = "
    UPDATE plugin_values SET value = $3, expires_at = $4, version = nextval('plugin_value_versions')
    WHERE plugin = $1 AND key = $2 AND version = $6 AND (expires_at IS NULL OR expires_at > $5)
    RETURNING version";

const DELETE_ANY: &str = "
    DELETE FROM plugin_values WHERE plugin = $1 AND key = $2 AND (expires_at IS NULL OR expires_at > $3) RETURNING 1";

const DELETE_VERSION: &str = "
    DELETE FROM plugin_values
    WHERE plugin = $1 AND key = $2 AND (expires_at IS NULL OR expires_at > $3) AND version = $4 RETURNING 1";

const KV_LIST: &str = "
    SELECT key, value, version, expires_at FROM plugin_values
    WHERE plugin = $1 AND key >= $2 AND key < $3 AND (expires_at IS NULL OR expires_at > $4)
    ORDER BY key LIMIT $5";

#[async_trait]
impl Kv for PostgresStore {
    async fn kv_get(&self, key: &KvKey, now: Timestamp) -> Result<Option<KvEntry>> {
        let (plugin, name) = (key.plugin.as_str(), key.key.as_str());
        let row = self.row_if_any("kv_get", Intent::Read, KV_GET, &[&plugin, &name, &now.seconds()]).await?;
        row.as_ref().map(entry).transpose()
    }

    async fn kv_put(
        &self,
        key: &KvKey,
        value: &KvValue,
        expires_at: Option<Timestamp>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<KvVersion> {
        const OPERATION: &str = "kv_put";
        let (plugin, name, value) = (key.plugin.as_str(), key.key.as_str(), value.as_json());
        let (expires, now) = (expires_at.map(Timestamp::seconds), now.seconds());
        let row = match expect {
            Expect::Any => {
                self.row_if_any(OPERATION, Intent::Write, PUT_ANY, &[&plugin, &name, &value, &expires]).await
            }
            Expect::Absent => {
                let params: Params<'_> = &[&plugin, &name, &value, &expires, &now];
                self.row_if_any(OPERATION, Intent::Write, PUT_ABSENT, params).await
            }
            Expect::Version(version) => {
                let version = version.get();
                let params: Params<'_> = &[&plugin, &name, &value, &expires, &now, &version];
                self.row_if_any(OPERATION, Intent::Write, PUT_VERSION, params).await
            }
        }?;
        row.ok_or_else(|| other_value(OPERATION))?.raw("version").map(KvVersion::new)
    }

    async fn kv_delete(&self, key: &KvKey, version: Option<KvVersion>, now: Timestamp) -> Result<bool> {
        const OPERATION: &str = "kv_delete";
        let (plugin, name, now) = (key.plugin.as_str(), key.key.as_str(), now.seconds());
        let Some(version) = version.map(KvVersion::get) else {
            let row = self.row_if_any(OPERATION, Intent::Write, DELETE_ANY, &[&plugin, &name, &now]).await?;
            return Ok(row.is_some());
        };
        let params: Params<'_> = &[&plugin, &name, &now, &version];
        let row = self.row_if_any(OPERATION, Intent::Write, DELETE_VERSION, params).await?;
        row.map(|_| true).ok_or_else(|| other_value(OPERATION))
    }

    async fn kv_list(
        &self,
        plugin: &Plugin,
        prefix: &KvPrefix,
        after: Option<&KvName>,
        now: Timestamp,
        limit: Limit,
    ) -> Result<Vec<KvEntry>> {
        let (from, until) = prefix.range(after);
        let params: Params<'_> = &[&plugin.as_str(), &from, &until, &now.seconds(), &limit.get()];
        self.rows("kv_list", Intent::Read, KV_LIST, params).await?.iter().map(entry).collect()
    }
}

fn other_value(operation: &'static str) -> StoreError {
    StoreError::conflict(operation, conflict::OTHER_VALUE)
}

fn entry(row: &Row) -> Result<KvEntry> {
    Ok(KvEntry {
        key: row.value("key", |key: &str| KvName::new(key))?,
        value: row.value("value", |text: &str| KvValue::from_stored(text))?,
        version: KvVersion::new(row.raw("version")?),
        expires_at: row.moment_if_any("expires_at")?,
    })
}

/// How the statements find their rows.
#[cfg(test)]
pub(crate) const PLANS: &[(&str, Access)] = &[
    (KV_GET, Access::Index),
    (PUT_ANY, Access::Index),
    (PUT_ABSENT, Access::Index),
    (PUT_VERSION, Access::Index),
    (DELETE_ANY, Access::Index),
    (DELETE_VERSION, Access::Index),
    (KV_LIST, Access::PassingOver),
];
