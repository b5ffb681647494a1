use async_trait::async_trait;
use botstore_core::model::{
    Limit, NewToken, Revocation, RowId, Timestamp, TokenDescription, TokenHash, TokenInfo, TokenName,
    TokenPermissions, TokenSelector,
};
use botstore_core::{Result, Tokens, conflict};
use rusqlite::{Connection, params};

use crate::SqliteStore;
use crate::error::Fault;
use crate::row::{Row, change, row, rows, the_row};

const TABLE: &str = "api_tokens";

#[async_trait]
impl Tokens for SqliteStore {
    async fn create_token(&self, token: &NewToken, now: Timestamp) -> Result<TokenInfo> {
        let token = token.clone();
        self.write("create_token", move |connection| create(connection, &token, now)).await
    }

    async fn check_token(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<TokenInfo>> {
        let hash = *hash;
        self.write("check_token", move |connection| check(connection, &hash, now)).await
    }

    async fn revoke_token(&self, token: &TokenSelector, now: Timestamp) -> Result<Revocation> {
        let token = token.clone();
        self.write("revoke_token", move |connection| revoke(connection, &token, now)).await
    }

    async fn tokens(&self, after: Option<RowId>, limit: Limit) -> Result<Vec<TokenInfo>> {
        self.read("tokens", move |connection| tokens(connection, after, limit)).await
    }
}

/// The columns that [`info`] reads.
macro_rules! columns {
    () => {
        "id, token_prefix, name, description, permissions, created_at, last_used, revoked_at, expires_at"
    };
}

fn info(row: &Row<'_>) -> Result<TokenInfo, Fault> {
    Ok(TokenInfo {
        id: row.get(0)?,
        prefix: row.get(1)?,
        name: row.get(2)?,
        description: row.get(3)?,
        permissions: row.get(4)?,
        created_at: row.get(5)?,
        last_used: row.get(6)?,
        revoked_at: row.get(7)?,
        expires_at: row.get(8)?,
    })
}

const CREATE: &str = concat!(
    "INSERT INTO api_tokens (token_hash, token_prefix, name, description, permissions, created_at, expires_at) ",
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (token_hash) DO NOTHING RETURNING ",
    columns!()
);

fn create(connection: &Connection, token: &NewToken, now: Timestamp) -> Result<TokenInfo, Fault> {
    let values = params![
        token.hash.as_bytes(),
        token.prefix.as_str(),
        token.name.as_ref().map(TokenName::as_str),
        token.description.as_ref().map(TokenDescription::as_str),
        token.permissions.as_ref().map(TokenPermissions::as_str),
        now.seconds(),
        token.expires_at.map(Timestamp::seconds),
    ];
    row(connection, TABLE, CREATE, values, info)?.ok_or_else(|| Fault::conflict(conflict::SAME_TOKEN))
}

const CHECK: &str = concat!(
    "UPDATE api_tokens SET last_used = max(coalesce(last_used, ?2), ?2) ",
    "WHERE token_hash = ?1 AND is_active = 1 AND (expires_at IS NULL OR expires_at > ?2) RETURNING ",
    columns!()
);

fn check(connection: &Connection, hash: &TokenHash, now: Timestamp) -> Result<Option<TokenInfo>, Fault> {
    row(connection, TABLE, CHECK, params![hash.as_bytes(), now.seconds()], info)
}

/// How many active and how many revoked tokens are meant.
const MEANT: &str = "SELECT count(*) FILTER (WHERE is_active = 1), count(*) FILTER (WHERE is_active = 0) \
    FROM api_tokens WHERE token_hash = ?1 OR token_prefix = ?2";

const REVOKE: &str = "UPDATE api_tokens SET is_active = 0, revoked_at = ?3 \
    WHERE (token_hash = ?1 OR token_prefix = ?2) AND is_active = 1";

fn revoke(connection: &Connection, token: &TokenSelector, now: Timestamp) -> Result<Revocation, Fault> {
    let (hash, prefix) = match token {
        TokenSelector::Whole(hash) => (Some(hash.as_bytes()), None),
        TokenSelector::Prefix(prefix) => (None, Some(prefix.as_str())),
    };
    let (active, revoked): (i64, i64) =
        the_row(connection, TABLE, MEANT, params![hash, prefix], |row| Ok((row.get(0)?, row.get(1)?)))?;
    match (active, revoked) {
        (0, 0) => Err(Fault::not_found("token")),
        (0, _) => Ok(Revocation::AlreadyRevoked),
        (1, _) => {
            change(connection, REVOKE, params![hash, prefix, now.seconds()])?;
            Ok(Revocation::Revoked)
        }
        _ => Err(Fault::conflict(conflict::AMBIGUOUS_PREFIX)),
    }
}

const TOKENS: &str = concat!("SELECT ", columns!(), " FROM api_tokens WHERE id > ?1 ORDER BY id LIMIT ?2");

fn tokens(connection: &Connection, after: Option<RowId>, limit: Limit) -> Result<Vec<TokenInfo>, Fault> {
    rows(connection, TABLE, TOKENS, [after.map_or(i64::MIN, RowId::get), limit.get()], info)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_indexed;

    #[test]
    fn statements_use_their_indexes() {
        assert_indexed(&[CREATE, CHECK, MEANT, REVOKE, TOKENS]);
    }
}
