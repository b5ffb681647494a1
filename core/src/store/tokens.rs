//! Tokens by which programs prove who they are.

use async_trait::async_trait;

use crate::error::Result;
use crate::model::{Limit, NewToken, Revocation, RowId, Timestamp, TokenHash, TokenInfo, TokenSelector};

/// Keeping, checking and revoking tokens. The store never sees one, only its hash and its first 8 characters.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// Keeps a token.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict): the same token is there, active or revoked.
    async fn create_token(&self, token: &NewToken, now: Timestamp) -> Result<TokenInfo>;

    /// The token with this hash, if it is neither revoked nor expired at `now`, and notes its use; none if there is none.
    /// `last_used` only goes up.
    async fn check_token(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<TokenInfo>>;

    /// Revokes a token: the one with the hash, or the one with the prefix, of which every character stands for itself, that
    /// was not revoked before, expired or not. Of two revocations of one token at once, one finds it revoked.
    ///
    /// # Errors
    ///
    /// - [`NotFound`](crate::ErrorKind::NotFound): no token, active or revoked, is meant.
    /// - [`Conflict`](crate::ErrorKind::Conflict): several tokens that were not revoked have the prefix. None is revoked.
    async fn revoke_token(&self, token: &TokenSelector, now: Timestamp) -> Result<Revocation>;

    /// The tokens, revoked ones included, whose identity is greater than `after`, by identity.
    async fn tokens(&self, after: Option<RowId>, limit: Limit) -> Result<Vec<TokenInfo>>;
}
