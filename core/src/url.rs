//! `DATABASE_URL`, in every form in which people write it.

use std::fmt;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use crate::error::InvalidInput;

mod postgres;
mod sqlite;

pub use postgres::{
    Address, ChannelBinding, Host, Keepalives, Password, PostgresUrl, Roots, SslMode, Target, Tls,
};
pub use sqlite::{SqliteUrl, Synchronous};

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
        let url = url.trim();
        if url.contains('\0') {
            return invalid("contains NUL");
        }
        if url.starts_with(['"', '\'']) {
            return invalid("stands in quotation marks; leave them out");
        }
        let Some((scheme, rest)) = url.split_once("://") else {
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
        let scheme = scheme.to_ascii_lowercase();
        let (base, driver) = scheme.split_once('+').unwrap_or((&scheme, ""));
        match base {
            "sqlite" if SQLITE_DRIVERS.contains(&driver) => SqliteUrl::parse(rest, query).map(Self::Sqlite),
            "postgresql" | "postgres" if POSTGRES_DRIVERS.contains(&driver) => {
                PostgresUrl::parse(rest, query).map(|url| Self::Postgres(Box::new(url)))
            }
            "sqlite" | "postgresql" | "postgres" => invalid("names a driver behind its + that is not known"),
            _ => invalid("has a scheme that is neither sqlite nor postgresql"),
        }
    }
}

impl DatabaseUrl {
    /// Which database it is: its file's absolute path; or its servers and its name, with the role and the `search_path` that
    /// the URL names, for these decide whose tables are found there. Two names may lead to one database. No secret is in it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Sqlite(SqliteUrl { path: Some(path), .. }) => {
                std::path::absolute(path).as_ref().unwrap_or(path).display().to_string()
            }
            Self::Sqlite(SqliteUrl { path: None, .. }) => ":memory:".to_owned(),
            Self::Postgres(url) => {
                let hosts: Vec<_> = url.hosts.iter().map(ToString::to_string).collect();
                let database = url.database.as_ref().or(url.user.as_ref());
                let user = url.user.as_ref().map_or_else(String::new, |user| format!("{user}@"));
                let path = url.search_path().map_or_else(String::new, |path| format!(" {path}"));
                format!("{user}{}/{}{path}", hosts.join(","), database.map_or("", String::as_str))
            }
        }
    }
}

/// What SQLAlchemy's users have behind the scheme. A driver of something else, such as an encrypted SQLite, is none.
const SQLITE_DRIVERS: [&str; 3] = ["", "aiosqlite", "pysqlite"];
const POSTGRES_DRIVERS: [&str; 6] = ["", "asyncpg", "psycopg", "psycopg_async", "psycopg2", "pg8000"];

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(SqliteUrl { path: None, .. }) => f.write_str("sqlite:///:memory:"),
            Self::Sqlite(SqliteUrl { path: Some(path), .. }) => write!(f, "sqlite:///{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

/// A parameter with its article: `a port`, `an sslmode`.
fn a(name: &str) -> String {
    let vowel = name.starts_with(['a', 'e', 'i', 'o']) || name.starts_with("ssl");
    format!("{} {name}", if vowel { "an" } else { "a" })
}

/// The parameters of a URL's query, decoded, in order.
fn parameters(query: &str) -> impl Iterator<Item = Result<(String, String), InvalidInput>> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((decode(name)?, decode(value)?))
    })
}

fn decode(text: &str) -> Result<String, InvalidInput> {
    let mut codes = text.split('%').skip(1).map(str::as_bytes);
    if !codes.all(|code| code.len() >= 2 && code[..2].iter().all(u8::is_ascii_hexdigit)) {
        return invalid("has a % that no two hexadecimal digits follow; write %25 for a percent sign");
    }
    match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.contains('\0') => Ok(text.into_owned()),
        _ => invalid("has a percent-encoded part that is no text"),
    }
}

/// What each parameter was set to, to find out one that is set to two things.
#[derive(Default)]
struct Seen(Vec<(String, String)>);

impl Seen {
    /// Notes that `name`, which is known, was set to `value`.
    fn note(&mut self, name: &str, value: &str) -> Result<(), InvalidInput> {
        if self.0.iter().any(|(known, other)| known == name && other != value) {
            return invalid(format!("sets {name} twice, to different values"));
        }
        self.0.push((name.to_owned(), value.to_owned()));
        Ok(())
    }
}

/// Names the known parameter that is most like one that nobody knows. That one is repeated only if it is very much
/// like it, for it may be a part of a password that was not percent-encoded.
fn unknown<T>(name: &str, known: &[&str]) -> Result<T, InvalidInput> {
    let name = name.to_ascii_lowercase();
    let likeness = |known: &&str| strsim::jaro_winkler(&name, known);
    let nearest =
        known.iter().copied().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or_default();
    if likeness(&nearest) > 0.8 {
        return invalid(format!("has the unknown parameter {name:?}; is {nearest:?} meant?"));
    }
    invalid(format!(
        "has an unknown parameter, the nearest known one is {nearest:?}; in a password, & is written %26"
    ))
}

#[cfg(test)]
mod tests;
