//! Tokens by which programs prove who they are.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::text::text_type;
use super::{RowId, Timestamp};
use crate::error::InvalidInput;

text_type! {
    /// What a token is called.
    TokenName, "name", 1..=100, NoControls
}

text_type! {
    /// What a token is for.
    TokenDescription, "description", 0..=1000, AllButNul
}

text_type! {
    /// What a token allows, in the bot's own words; the store only keeps it.
    TokenPermissions, "permissions", 0..=10000, AllButNul
}

/// A whole token, as its holder has it. Shown once, never stored, never printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret(String);

impl TokenSecret {
    /// A new token: 256 bits from the operating system, in 43 characters of URL-safe Base64.
    ///
    /// # Errors
    ///
    /// The operating system's, if it has no random numbers to give.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// A token as somebody presents it: 9 to 255 visible ASCII characters.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `token`: too short, too long, or with other characters.
    pub fn new(token: &str) -> Result<Self, InvalidInput> {
        let fail = |reason| Err(InvalidInput::new("token", reason));
        match token.len() {
            0 => fail("is empty"),
            1..=TokenPrefix::CHARS => fail("is too short to be a whole token"),
            256.. => fail("has more than 255 characters"),
            _ if !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
                fail("has characters that no token has")
            }
            _ => Ok(Self(token.to_owned())),
        }
    }

    /// The token, to be shown to its holder and to nobody else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the store keeps instead of the token.
    #[must_use]
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }

    /// The token's first 8 characters, by which people tell tokens apart.
    #[must_use]
    pub fn prefix(&self) -> TokenPrefix {
        TokenPrefix(self.0[..TokenPrefix::CHARS].to_owned())
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(..)")
    }
}

/// The SHA-256 of a token. A token has 256 random bits, so a slow, salted hash would add nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The digest's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}

/// A token's first 8 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenPrefix(String);

impl TokenPrefix {
    /// The length of a prefix, in characters.
    pub const CHARS: usize = 8;

    /// A prefix as somebody presents it.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `token`: not exactly 8 visible ASCII characters.
    pub fn new(prefix: &str) -> Result<Self, InvalidInput> {
        if prefix.len() == Self::CHARS && prefix.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(prefix.to_owned()))
        } else {
            Err(InvalidInput::new("token", "is neither a whole token nor a prefix of exactly 8 characters"))
        }
    }

    /// The characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which token to revoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSelector {
    /// The one with this hash.
    Whole(TokenHash),
    /// The active one that begins with this prefix.
    Prefix(TokenPrefix),
}

impl TokenSelector {
    /// Reads a whole token, or a prefix of exactly 8 characters.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `token`: neither of them.
    pub fn parse(text: &str) -> Result<Self, InvalidInput> {
        if text.len() <= TokenPrefix::CHARS {
            TokenPrefix::new(text).map(Self::Prefix)
        } else {
            TokenSecret::new(text).map(|token| Self::Whole(token.hash()))
        }
    }
}

/// A token to be kept: all but the secret itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// The secret's hash.
    pub hash: TokenHash,
    /// The secret's prefix.
    pub prefix: TokenPrefix,
    /// What it is called.
    pub name: Option<TokenName>,
    /// What it is for.
    pub description: Option<TokenDescription>,
    /// What it allows.
    pub permissions: Option<TokenPermissions>,
    /// From when on it is not accepted any more; none: for ever.
    pub expires_at: Option<Timestamp>,
}

impl NewToken {
    /// A token with nothing but its secret's hash and prefix.
    #[must_use]
    pub fn of(secret: &TokenSecret) -> Self {
        Self {
            hash: secret.hash(),
            prefix: secret.prefix(),
            name: None,
            description: None,
            permissions: None,
            expires_at: None,
        }
    }
}

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// Its identity.
    pub id: RowId,
    /// Its first 8 characters.
    pub prefix: TokenPrefix,
    /// What it is called.
    pub name: Option<TokenName>,
    /// What it is for.
    pub description: Option<TokenDescription>,
    /// What it allows.
    pub permissions: Option<TokenPermissions>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last found valid; only goes up.
    pub last_used: Option<Timestamp>,
    /// When it was revoked; none if it was not.
    pub revoked_at: Option<Timestamp>,
    /// From when on it is not accepted any more; none: for ever.
    pub expires_at: Option<Timestamp>,
}

impl TokenInfo {
    /// Whether the token is accepted at `now`: neither revoked nor expired.
    #[must_use]
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|expiry| now < expiry)
    }
}

/// What a revocation found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// An active token, which is revoked now.
    Revoked,
    /// A token that had been revoked before. Nothing was changed.
    AlreadyRevoked,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_token_is_valid_and_never_the_same() {
        let (a, b) = (TokenSecret::generate().unwrap(), TokenSecret::generate().unwrap());
        assert_ne!(a, b);
        assert_eq!(a.reveal().len(), 43);
        assert_eq!(TokenSecret::new(a.reveal()), Ok(a.clone()));
        assert_eq!(format!("{a:?}"), "TokenSecret(..)");
    }

    #[test]
    fn a_selector_is_a_whole_token_or_exactly_8_characters() {
        assert!(matches!(TokenSelector::parse("abc_%xyz"), Ok(TokenSelector::Prefix(_))));
        assert!(matches!(TokenSelector::parse("abcdefghi"), Ok(TokenSelector::Whole(_))));
        for bad in ["", "a", "abcdefg", "abcdefg\0", "abcdef\u{e9}", "abcdefgh ijkl"] {
            assert_eq!(TokenSelector::parse(bad).unwrap_err().field, "token", "{bad:?}");
        }
    }
}
