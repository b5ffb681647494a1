//! Tokens by which programs prove who they are.

use async_trait::async_trait;
use botstore_core::model::{
    Limit, NewToken, Revocation, RowId, Timestamp, TokenDescription, TokenHash, TokenInfo, TokenName,
    TokenPermissions, TokenPrefix, TokenSelector,
};
use botstore_core::{Result, StoreError, Tokens, conflict};
use tokio_postgres::Row;

use crate::client::Intent;
use crate::open::PostgresStore;
use crate::row::Columns;
#[cfg(test)]
use crate::testing::Access;

/// The columns of a token.
macro_rules! columns {
    () => {
        "id, token_prefix, name, description, permissions, created_at, last_used, revoked_at, expires_at"
    };
}

const CREATE_TOKEN: &str = concat!(
    "INSERT INTO api_tokens (token_hash, token_prefix, name, description, permissions, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (token_hash) DO NOTHING
    RETURNING ",
    columns!()
);

const CHECK_TOKEN: &str = concat!(
    "UPDATE api_tokens SET last_used = GREATEST(last_used, $2)
    WHERE token_hash = $1 AND is_active AND (expires_at IS NULL OR expires_at > $2) RETURNING ",
    columns!()
);

/// A statement that revokes the one active token whose `$column` is $1. `meant` locks all of them: of two revocations
/// at once, the second finds none active any more, but still sees the token as it was.
macro_rules! revoke_by {
    ($column:literal) => {
        concat!(
            "WITH meant AS MATERIALIZED (
                SELECT id FROM api_tokens WHERE ",
            $column,
            " = $1 AND is_active ORDER BY id FOR UPDATE
            ), revoked AS (
                UPDATE api_tokens SET is_active = FALSE, revoked_at = $2
                WHERE id IN (SELECT id FROM meant) AND (SELECT count(*) FROM meant) = 1
                RETURNING 1
            )
            SELECT (SELECT count(*) FROM meant) AS meant, (SELECT count(*) FROM revoked) AS revoked,
                EXISTS (SELECT FROM api_tokens WHERE ",
            $column,
            " = $1) AS known"
        )
    };
}

const REVOKE_BY_HASH: &str = revoke_by!("token_hash");

const REVOKE_BY_PREFIX: &str = revoke_by!("token_prefix");

const TOKENS: &str = concat!("SELECT ", columns!(), " FROM api_tokens WHERE id > $1 ORDER BY id LIMIT $2");

#[async_trait]
impl Tokens for PostgresStore {
    async fn create_token(&self, token: &NewToken, now: Timestamp) -> Result<TokenInfo> {
        const OPERATION: &str = "create_token";
        let name = token.name.as_ref().map(TokenName::as_str);
        let description = token.description.as_ref().map(TokenDescription::as_str);
        let permissions = token.permissions.as_ref().map(TokenPermissions::as_str);
        let row = self
            .row_if_any(
                OPERATION,
                Intent::Write,
                CREATE_TOKEN,
                &[
                    &token.hash.as_bytes(),
                    &token.prefix.as_str(),
                    &name,
                    &description,
                    &permissions,
                    &now.seconds(),
                    &token.expires_at.map(Timestamp::seconds),
                ],
            )
            .await?;
        info(&row.ok_or_else(|| StoreError::conflict(OPERATION, conflict::SAME_TOKEN))?)
    }

    async fn check_token(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<TokenInfo>> {
        let row = self
            .row_if_any("check_token", Intent::Write, CHECK_TOKEN, &[&hash.as_bytes(), &now.seconds()])
            .await?;
        row.as_ref().map(info).transpose()
    }

    async fn revoke_token(&self, token: &TokenSelector, now: Timestamp) -> Result<Revocation> {
        const OPERATION: &str = "revoke_token";
        let now = now.seconds();
        let row = match token {
            TokenSelector::Whole(hash) => {
                self.row(OPERATION, Intent::Write, REVOKE_BY_HASH, &[&hash.as_bytes(), &now]).await?
            }
            TokenSelector::Prefix(prefix) => {
                self.row(OPERATION, Intent::Write, REVOKE_BY_PREFIX, &[&prefix.as_str(), &now]).await?
            }
        };
        match (row.raw::<i64>("meant")?, row.raw::<i64>("revoked")?) {
            (_, 1) => Ok(Revocation::Revoked),
            (0, _) if row.raw("known")? => Ok(Revocation::AlreadyRevoked),
            (0, _) => Err(StoreError::not_found(OPERATION, "token")),
            _ => Err(StoreError::conflict(OPERATION, conflict::AMBIGUOUS_PREFIX)),
        }
    }

    async fn tokens(&self, after: Option<RowId>, limit: Limit) -> Result<Vec<TokenInfo>> {
        let after = after.map_or(i64::MIN, RowId::get);
        let rows = self.rows("tokens", Intent::Read, TOKENS, &[&after, &limit.get()]).await?;
        rows.iter().map(info).collect()
    }
}

fn info(row: &Row) -> Result<TokenInfo> {
    Ok(TokenInfo {
        id: row.id("id")?,
        prefix: row.value("token_prefix", TokenPrefix::new)?,
        name: row.maybe("name", |text: &str| TokenName::new(text))?,
        description: row.maybe("description", |text: &str| TokenDescription::new(text))?,
        permissions: row.maybe("permissions", |text: &str| TokenPermissions::new(text))?,
        created_at: row.moment("created_at")?,
        last_used: row.moment_if_any("last_used")?,
        revoked_at: row.moment_if_any("revoked_at")?,
        expires_at: row.moment_if_any("expires_at")?,
    })
}

/// How the statements find their rows.
#[cfg(test)]
pub(crate) const PLANS: &[(&str, Access)] = &[
    (CREATE_TOKEN, Access::Index),
    (CHECK_TOKEN, Access::Index),
    (REVOKE_BY_HASH, Access::Index),
    (REVOKE_BY_PREFIX, Access::Index),
    (TOKENS, Access::Index),
];
