//! `DATABASE_URL`, in every form in which people write it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use crate::error::InvalidInput;

mod postgres;

pub use postgres::{
    Address, ChannelBinding, Host, Keepalives, Password, PostgresUrl, Roots, SslMode, Target, Tls,
};

/// Where the data is.
///
/// Its display form leaves out every secret, and so does its debug form.
///
/// | form | meaning |
/// |---|---|
/// | `sqlite:///bot_data.db` | a file, relative to the working directory |
/// | `sqlite:////srv/bot/data.db` | a file, by its absolute path |
/// | `sqlite:///:memory:`, `sqlite://` | memory, private to the store |
/// | `postgresql://user:password@host:port/database?sslmode=require` | a PostgreSQL database |
///
/// `postgres://` is `postgresql://`; a driver's name after the scheme, as SQLAlchemy has it (`sqlite+aiosqlite`,
/// `postgresql+asyncpg`), changes nothing.
///
/// ```
/// use botstore_core::url::DatabaseUrl;
///
/// let url: DatabaseUrl = "postgresql+asyncpg://rosey:secret@localhost/rosey_db".parse()?;
/// assert_eq!(url.to_string(), "postgresql://rosey@localhost:5432/rosey_db");
/// # Ok::<(), botstore_core::InvalidInput>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// An SQLite database.
    Sqlite(SqliteUrl),
    /// A PostgreSQL database.
    Postgres(Box<PostgresUrl>),
}

/// An SQLite database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteUrl {
    /// The file; none for a database in memory.
    pub path: Option<PathBuf>,
    /// What an acknowledged write survives.
    pub synchronous: Synchronous,
}

/// What an acknowledged write to SQLite survives: `?synchronous=full` (the default) or `normal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// A power cut.
    #[default]
    Full,
    /// A crash of the program. A power cut may take the latest writes, and leaves the database whole.
    Normal,
}

fn invalid<T>(reason: impl Into<String>) -> Result<T, InvalidInput> {
    Err(InvalidInput::new("database_url", reason))
}

impl FromStr for DatabaseUrl {
    type Err = InvalidInput;

    /// Reads a URL.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `database_url`. The reason never repeats the part in which a password may stand.
    fn from_str(url: &str) -> Result<Self, InvalidInput> {
        if url.contains('\0') {
            return invalid("contains NUL");
        }
        let Some((scheme, rest)) = url.trim().split_once("://") else {
            return invalid(
                "is no URL: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE is expected",
            );
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // Whoever read on would take a part of the password for a host, a database or a parameter, and show it.
        let end_of_authority = rest.find('/').unwrap_or(rest.len());
        if rest[end_of_authority..].contains('@') || query.contains('@') {
            return invalid(
                "has an @ where none is expected; percent-encode special characters: / as %2F, ? as %3F, @ as %40",
            );
        }
        match scheme.to_ascii_lowercase().as_str() {
            "sqlite" | "sqlite+aiosqlite" | "sqlite+pysqlite" => {
                SqliteUrl::parse(rest, query).map(Self::Sqlite)
            }
            "postgresql"
            | "postgres"
            | "postgresql+asyncpg"
            | "postgres+asyncpg"
            | "postgresql+psycopg"
            | "postgresql+psycopg2" => {
                PostgresUrl::parse(rest, query).map(|url| Self::Postgres(Box::new(url)))
            }
            _ => invalid("has a scheme that is neither sqlite nor postgresql"),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(SqliteUrl { path: None, .. }) => f.write_str("sqlite:///:memory:"),
            Self::Sqlite(SqliteUrl { path: Some(path), .. }) => write!(f, "sqlite:///{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

/// The parameters of a URL's query, decoded, in order.
fn parameters(query: &str) -> impl Iterator<Item = Result<(String, String), InvalidInput>> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode(name)?, decode(value)?))
    })
}

fn decode(text: &str) -> Result<String, InvalidInput> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.contains('\0') => Ok(text.into_owned()),
        _ => invalid("has a percent-encoded part that is no text"),
    }
}

/// Names a parameter that nobody knows, and the known one that is most like it.
fn unknown<T>(name: &str, known: &[&str]) -> Result<T, InvalidInput> {
    // A long or strange name may be a part of a mistyped password.
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || name.len() > 40 {
        return invalid("has a parameter that is not known; percent-encode a password's special characters");
    }
    let nearest = known.iter().max_by(|a, b| strsim::jaro(name, a).total_cmp(&strsim::jaro(name, b)));
    invalid(format!("has the unknown parameter {name:?}; is {:?} meant?", nearest.unwrap_or(&"")))
}

impl SqliteUrl {
    /// The database in a file, as durable as can be.
    #[must_use]
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self { path: Some(path.as_ref().to_owned()), synchronous: Synchronous::Full }
    }

    /// A database in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self { path: None, synchronous: Synchronous::Full }
    }

    fn parse(rest: &str, query: &str) -> Result<Self, InvalidInput> {
        let path = match decode(rest)?.strip_prefix('/') {
            None if rest.is_empty() => None,
            None => {
                return invalid(
                    "has two slashes where three are needed: sqlite:///FILE, or sqlite:////ABSOLUTE/PATH",
                );
            }
            Some("" | ":memory:") => None,
            Some(path) => Some(PathBuf::from(path)),
        };
        let mut url = Self { path, synchronous: Synchronous::default() };
        for parameter in parameters(query) {
            match parameter? {
                (name, value) if name == "synchronous" => url.synchronous = value.parse()?,
                (name, _) => return unknown(&name, &["synchronous"]),
            }
        }
        Ok(url)
    }
}

impl FromStr for Synchronous {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        match text.to_ascii_lowercase().as_str() {
            "full" => Ok(Self::Full),
            "normal" => Ok(Self::Normal),
            _ => invalid("has a synchronous that is neither full nor normal"),
        }
    }
}

#[cfg(test)]
mod tests;
