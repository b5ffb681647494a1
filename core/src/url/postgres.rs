//! Where a PostgreSQL database is and how it is reached: libpq's parameters, and SQLAlchemy's where they differ.

mod hosts;
mod listed;
mod names;
mod read;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::settings::PostgresSettings;

/// A PostgreSQL database. Neither its display form nor its debug form shows the password.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresUrl {
    /// The servers, in the order in which they are tried; at least one.
    pub hosts: Vec<Host>,
    /// The role; none: the name of the operating system's user.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Password>,
    /// The database; none: the one that is called like the role.
    pub database: Option<String>,
    /// How the connection is encrypted.
    pub tls: Tls,
    /// Whether authentication is bound to the encrypted connection.
    pub channel_binding: ChannelBinding,
    /// Which of the servers will do.
    pub target: Target,
    /// Whether the servers are tried in random order.
    pub load_balance: bool,
    /// How long connecting to one server may take; none: [`CONNECT_TIMEOUT`](Self::CONNECT_TIMEOUT).
    pub connect_timeout: Option<Duration>,
    /// Whether and how the operating system finds out that a silent connection is dead.
    pub keepalives: Keepalives,
    /// Settings for the server, as its command line has them: `-c geqo=off`.
    pub options: Option<String>,
    settings: Vec<(String, String)>,
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// How it is reached.
    pub address: Address,
    /// Its port, which is a part of a socket's name too.
    pub port: u16,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// By a name or an IP address, an IPv6 one without brackets, with its zone if it has one.
    Tcp(String),
    /// At an IP address (`hostaddr`), which need not be looked up, under a name that its certificate is for.
    At(IpAddr, String),
    /// By a socket in this directory.
    Unix(PathBuf),
}

/// A password, which is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// How a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Tls {
    /// Whether it is, and what is checked.
    pub mode: SslMode,
    /// Whom to trust.
    pub roots: Roots,
    /// The file with this side's certificate, PEM.
    pub certificate: Option<PathBuf>,
    /// The file with the certificate's key, PEM.
    pub key: Option<PathBuf>,
}

/// How a connection to PostgreSQL is encrypted: `sslmode` as libpq has it, or `ssl` as asyncpg has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SslMode {
    /// Never.
    Disable,
    /// If both sides can and will: `prefer`. So does `allow`, for which libpq tries without first.
    #[default]
    Prefer,
    /// Always, with whatever certificate; with that of `sslrootcert`'s authority if one is named.
    Require,
    /// Always, with a certificate of `sslrootcert`'s authority, for whatever host.
    VerifyCa,
    /// Always, with a certificate of a known authority for this very host.
    VerifyFull,
}

/// Which authorities' certificates are believed: `sslrootcert`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Roots {
    /// Those that the operating system trusts: `system`.
    #[default]
    System,
    /// Those in a PEM file.
    File(PathBuf),
}

/// `channel_binding`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChannelBinding {
    /// `disable`.
    Disable,
    /// `prefer`.
    #[default]
    Prefer,
    /// `require`.
    Require,
}

/// `target_session_attrs`: which server will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Target {
    /// Any.
    #[default]
    Any,
    /// One that can be written to: `read-write`, `primary`.
    ReadWrite,
    /// One that cannot: `read-only`, `standby`.
    ReadOnly,
}

/// `keepalives` and what belongs to it; none: the operating system's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalives {
    /// `keepalives`: whether they are sent.
    pub on: bool,
    /// `keepalives_idle`: the silence before the first.
    pub idle: Option<Duration>,
    /// `keepalives_interval`: the time between two.
    pub interval: Option<Duration>,
    /// `keepalives_count`: how many go unanswered before the connection is given up.
    pub retries: Option<u32>,
}

impl Default for Keepalives {
    fn default() -> Self {
        Self { on: true, idle: None, interval: None, retries: None }
    }
}

impl Password {
    pub(crate) fn new(password: String) -> Self {
        Self(password)
    }

    /// The password itself: never print it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl PostgresUrl {
    /// How long connecting to one server may take, from looking its name up to the end of its greeting, if the URL does
    /// not say.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

    /// What every URL begins as: everything by default, and nobody to connect to.
    fn empty() -> Self {
        Self {
            hosts: Vec::new(),
            user: None,
            password: None,
            database: None,
            tls: Tls::default(),
            channel_binding: ChannelBinding::default(),
            target: Target::default(),
            load_balance: false,
            connect_timeout: None,
            keepalives: Keepalives::default(),
            options: None,
            settings: Vec::new(),
        }
    }

    pub(crate) fn has_password(&self, password: &str) -> bool {
        self.password.as_ref().is_some_and(|own| own.reveal() == password)
    }

    /// Whether the URL itself names the setting.
    pub(crate) fn sets(&self, setting: &str) -> bool {
        self.settings.iter().any(|(name, _)| name == setting)
    }

    /// The settings that the URL itself names, laid over those of `base`.
    #[must_use]
    pub fn settings(&self, mut base: PostgresSettings) -> PostgresSettings {
        for (name, value) in &self.settings {
            // Each was tried when the URL was read.
            let _ = base.set(name, value);
        }
        base
    }

    /// The same in libpq's form of keywords and values, without what concerns TLS: for tools that connect by
    /// themselves. It holds the password: never print it.
    #[must_use]
    pub fn connection_string(&self) -> String {
        let mut words = Vec::new();
        let mut word = |name: &str, value: &str| {
            words.push(format!("{name}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'")));
        };
        let list = |each: fn(&Host) -> String| self.hosts.iter().map(each).collect::<Vec<_>>().join(",");
        word("host", &list(|host| host.address.name()));
        word("port", &list(|host| host.port.to_string()));
        for (name, value) in [
            ("user", self.user.as_deref()),
            ("password", self.password.as_ref().map(Password::reveal)),
            ("dbname", self.database.as_deref()),
            ("options", self.options.as_deref()),
        ] {
            if let Some(value) = value {
                word(name, value);
            }
        }
        words.join(" ")
    }
}

impl Address {
    /// The name, or the socket's directory.
    fn name(&self) -> String {
        match self {
            Self::Tcp(name) | Self::At(_, name) => name.clone(),
            Self::Unix(directory) => directory.display().to_string(),
        }
    }
}

impl PostgresUrl {
    /// The setting of `search_path` among the [options](Self::options): `search_path=bot`.
    pub(super) fn search_path(&self) -> Option<&str> {
        let words = self.options.as_deref()?.split_whitespace();
        let mut settings = words.map(|word| word.trim_start_matches("--").trim_start_matches("-c"));
        settings.rfind(|setting| setting.starts_with("search_path="))
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgresql://")?;
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        for (n, host) in self.hosts.iter().enumerate() {
            let separator = if n == 0 { "" } else { "," };
            write!(f, "{separator}{host}")?;
        }
        write!(f, "/{}", self.database.as_deref().unwrap_or(""))
    }
}

impl fmt::Display for Host {
    /// The host and its port, as in a URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Tcp(name) | Address::At(_, name) if name.contains(':') => write!(f, "[{name}]")?,
            address => f.write_str(&address.name())?,
        }
        write!(f, ":{}", self.port)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}
