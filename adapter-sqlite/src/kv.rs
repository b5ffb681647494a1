use async_trait::async_trait;
use botstore_core::model::{
    Expect, KvEntry, KvKey, KvName, KvPrefix, KvValue, KvVersion, Limit, Plugin, Timestamp,
};
use botstore_core::{Kv, Result, conflict};
use rusqlite::{Connection, params};

use crate::SqliteStore;
use crate::error::Fault;
use crate::row::{Row, change, row, rows, the_row};

const TABLE: &str = "plugin_values";

#[async_trait]
impl Kv for SqliteStore {
    async fn kv_get(&self, key: &KvKey, now: Timestamp) -> Result<Option<KvEntry>> {
        let key = key.clone();
        self.read("kv_get", move |connection| get(connection, &key, now)).await
    }

    async fn kv_put(
        &self,
        key: &KvKey,
        value: &KvValue,
        expires_at: Option<Timestamp>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<KvVersion> {
        let (key, value) = (key.clone(), value.clone());
        let put = move |connection: &Connection| {
            expect_version(version(connection, &key, now)?, expect)?;
            put(connection, &key, &value, expires_at)
        };
        self.write("kv_put", put).await
    }

    async fn kv_delete(&self, key: &KvKey, version: Option<KvVersion>, now: Timestamp) -> Result<bool> {
        let (key, expect) = (key.clone(), version.map_or(Expect::Any, Expect::Version));
        self.write("kv_delete", move |connection| delete(connection, &key, expect, now)).await
    }

    async fn kv_list(
        &self,
        plugin: &Plugin,
        prefix: &KvPrefix,
        after: Option<&KvName>,
        now: Timestamp,
        limit: Limit,
    ) -> Result<Vec<KvEntry>> {
        let (plugin, range) = (plugin.clone(), prefix.range(after));
        self.read("kv_list", move |connection| list(connection, &plugin, range, now, limit)).await
    }
}

fn entry(row: &Row<'_>) -> Result<KvEntry, Fault> {
    Ok(KvEntry { key: row.get(0)?, value: row.get(1)?, version: row.get(2)?, expires_at: row.get(3)? })
}

fn expect_version(found: Option<KvVersion>, expect: Expect) -> Result<(), Fault> {
    match (expect, found) {
        (Expect::Any, _) | (Expect::Absent, None) => Ok(()),
        (Expect::Version(version), Some(found)) if version == found => Ok(()),
        _ => Err(Fault::conflict(conflict::OTHER_VALUE)),
    }
}

const GET: &str = "SELECT key, value, version, expires_at FROM plugin_values \
    WHERE plugin = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3)";

fn get(connection: &Connection, key: &KvKey, now: Timestamp) -> Result<Option<KvEntry>, Fault> {
    row(connection, TABLE, GET, params![key.plugin.as_str(), key.key.as_str(), now.seconds()], entry)
}

const VERSION: &str = "SELECT version FROM plugin_values \
    WHERE plugin = ?1 AND key = ?2 AND (expires_at IS NULL OR expires_at > ?3)";

fn version(connection: &Connection, key: &KvKey, now: Timestamp) -> Result<Option<KvVersion>, Fault> {
    let values = params![key.plugin.as_str(), key.key.as_str(), now.seconds()];
    row(connection, TABLE, VERSION, values, |row| row.get(0))
}

const NEXT_VERSION: &str = "UPDATE plugin_value_versions SET last = last + 1 WHERE id = 1 RETURNING last";

fn next_version(connection: &Connection) -> Result<KvVersion, Fault> {
    the_row(connection, "plugin_value_versions", NEXT_VERSION, [], |row| row.get(0))
}

const PUT: &str = "INSERT INTO plugin_values (plugin, key, value, version, expires_at) VALUES (?1, ?2, ?3, ?4, ?5) \
    ON CONFLICT (plugin, key) DO UPDATE \
    SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at";

fn put(
    connection: &Connection,
    key: &KvKey,
    value: &KvValue,
    expires_at: Option<Timestamp>,
) -> Result<KvVersion, Fault> {
    let version = next_version(connection)?;
    let values = params![
        key.plugin.as_str(),
        key.key.as_str(),
        value.as_json(),
        version.get(),
        expires_at.map(Timestamp::seconds),
    ];
    change(connection, PUT, values)?;
    Ok(version)
}

const DELETE: &str = "DELETE FROM plugin_values WHERE plugin = ?1 AND key = ?2";

fn delete(connection: &Connection, key: &KvKey, expect: Expect, now: Timestamp) -> Result<bool, Fault> {
    let found = version(connection, key, now)?;
    expect_version(found, expect)?;
    if found.is_some() {
        change(connection, DELETE, params![key.plugin.as_str(), key.key.as_str()])?;
    }
    Ok(found.is_some())
}

const LIST: &str = "SELECT key, value, version, expires_at FROM plugin_values \
    WHERE plugin = ?1 AND key >= ?2 AND key < ?3 AND (expires_at IS NULL OR expires_at > ?4) ORDER BY key LIMIT ?5";

fn list(
    connection: &Connection,
    plugin: &Plugin,
    (from, until): (String, String),
    now: Timestamp,
    limit: Limit,
) -> Result<Vec<KvEntry>, Fault> {
    let values = params![plugin.as_str(), from, until, now.seconds(), limit.get()];
    rows(connection, TABLE, LIST, values, entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_indexed;

    #[test]
    fn statements_use_their_indexes() {
        assert_indexed(&[GET, VERSION, NEXT_VERSION, PUT, DELETE, LIST]);
    }
}
