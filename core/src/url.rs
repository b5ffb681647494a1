//! `DATABASE_URL`, in every form in which people write it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use crate::error::InvalidInput;

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
/// assert_eq!(url.to_string(), "postgresql://rosey@localhost/rosey_db");
/// # Ok::<(), botstore_core::InvalidInput>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// An SQLite database.
    Sqlite(SqliteUrl),
    /// A PostgreSQL database.
    Postgres(PostgresUrl),
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

/// A PostgreSQL database.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    connection_string: String,
    display: String,
    ssl_mode: SslMode,
}

/// How a connection to PostgreSQL is encrypted: `sslmode` as libpq has it, or `ssl` as asyncpg has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SslMode {
    /// Never.
    Disable,
    /// If both sides can.
    #[default]
    Prefer,
    /// Always, with whatever certificate.
    Require,
    /// Always, with a certificate of a known authority.
    VerifyCa,
    /// Always, with a certificate of a known authority for this very host.
    VerifyFull,
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
            | "postgresql+psycopg2" => PostgresUrl::parse(rest, query).map(Self::Postgres),
            _ => invalid("has a scheme that is neither sqlite nor postgresql"),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(SqliteUrl { path: None, .. }) => f.write_str("sqlite:///:memory:"),
            Self::Sqlite(SqliteUrl { path: Some(path), .. }) => write!(f, "sqlite:///{}", path.display()),
            Self::Postgres(url) => f.write_str(&url.display),
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

impl PostgresUrl {
    /// Parameters that go to the driver as they are.
    const DRIVER_PARAMETERS: [&'static str; 18] = [
        "application_name",
        "channel_binding",
        "connect_timeout",
        "dbname",
        "host",
        "hostaddr",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_retries",
        "load_balance_hosts",
        "options",
        "password",
        "port",
        "ssl",
        "sslmode",
        "target_session_attrs",
        "user",
    ];

    /// The URL for the driver. It holds the password: never print it.
    #[must_use]
    pub fn connection_string(&self) -> &str {
        &self.connection_string
    }

    /// How the connection is encrypted. The connection string says nothing of it.
    #[must_use]
    pub fn ssl_mode(&self) -> SslMode {
        self.ssl_mode
    }

    fn parse(rest: &str, query: &str) -> Result<Self, InvalidInput> {
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user_info, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, _password) = user_info.split_once(':').unwrap_or((user_info, ""));
        decode(user_info)?;
        let (user, database) = (decode(user)?, decode(database)?);
        for host in hosts.split(',').filter(|host| !host.is_empty()) {
            check_port(host)?;
        }
        let mut ssl_mode = SslMode::default();
        let mut driver_query = Vec::new();
        let mut shown = Shown { user, hosts: hosts.to_owned(), port: None, database };
        for (raw, parameter) in query.split('&').filter(|pair| !pair.is_empty()).zip(parameters(query)) {
            let (name, value) = parameter?;
            match name.as_str() {
                "sslmode" | "ssl" => ssl_mode = value.parse()?,
                known if Self::DRIVER_PARAMETERS.contains(&known) => {
                    driver_query.push(raw);
                    match known {
                        "user" => shown.user = value,
                        "host" | "hostaddr" => shown.hosts = value,
                        "port" => shown.port = Some(value),
                        "dbname" => shown.database = value,
                        _ => {}
                    }
                }
                name => return unknown(name, &Self::DRIVER_PARAMETERS),
            }
        }
        if shown.hosts.is_empty() {
            return invalid("names no host: postgresql://USER:PASSWORD@HOST/DATABASE is expected");
        }
        let mut connection_string = format!("postgresql://{rest}");
        if !driver_query.is_empty() {
            connection_string.push('?');
            connection_string.push_str(&driver_query.join("&"));
        }
        Ok(Self { connection_string, display: shown.to_string(), ssl_mode })
    }
}

/// What people are shown of a URL: where it leads, whether its path or a parameter says so.
struct Shown {
    user: String,
    hosts: String,
    port: Option<String>,
    database: String,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgresql://")?;
        if !self.user.is_empty() {
            write!(f, "{}@", self.user)?;
        }
        f.write_str(&self.hosts)?;
        if let Some(port) = &self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "/{}", self.database)
    }
}

/// Checks the port of `host`, `host:port`, `[v6]` or `[v6]:port`.
fn check_port(host: &str) -> Result<(), InvalidInput> {
    let port = match host.strip_prefix('[').map(|v6| v6.split_once(']')) {
        Some(None) => return invalid("has an IPv6 address without its closing bracket"),
        Some(Some((_, ""))) => return Ok(()),
        Some(Some((_, after))) => after.strip_prefix(':'),
        None => match host.rsplit_once(':') {
            None => return Ok(()),
            Some((name, _)) if name.contains(':') => {
                return invalid("has an IPv6 address without brackets; write [::1]");
            }
            Some((_, port)) => Some(port),
        },
    };
    match port.map(str::parse::<u16>) {
        Some(Ok(1..)) => Ok(()),
        _ => invalid(
            "has a port that is no number from 1 to 65535; percent-encode a password's special characters",
        ),
    }
}

impl FromStr for SslMode {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        match text.to_ascii_lowercase().as_str() {
            "disable" | "false" | "0" | "off" => Ok(Self::Disable),
            "allow" | "prefer" => Ok(Self::Prefer),
            "require" | "true" | "1" | "on" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" => Ok(Self::VerifyFull),
            _ => invalid("has an sslmode that is none of disable, prefer, require, verify-ca, verify-full"),
        }
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({})", self.display)
    }
}

#[cfg(test)]
mod tests;
