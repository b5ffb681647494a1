//! Where a PostgreSQL database is and how it is reached: libpq's parameters, and SQLAlchemy's where they differ.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::{decode, invalid, parameters, unknown};
use crate::error::InvalidInput;
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
    /// How long connecting to one server may take; none: 10 seconds.
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
    /// By a name or an IP address.
    Tcp(String),
    /// At an IP address, which need not be looked up, under a name that its certificate is for.
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
    /// If both sides can.
    #[default]
    Prefer,
    /// Always, with whatever certificate; with that of `sslrootcert`'s authority if one is named.
    Require,
    /// Always, with a certificate of a known authority.
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
    /// `keepalives_retries`: how many go unanswered before the connection is given up.
    pub retries: Option<u32>,
}

impl Default for Keepalives {
    fn default() -> Self {
        Self { on: true, idle: None, interval: None, retries: None }
    }
}

impl Password {
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

/// The parameters of the connection. Those of the store's settings are known too.
const PARAMETERS: [&str; 20] = [
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
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "user",
];

impl PostgresUrl {
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

/// The hosts as they are written: in the authority, or in parameters, which have the last word.
#[derive(Default)]
struct Hosts {
    /// From the authority: a name, or an address without its brackets, and a port.
    authority: Vec<(String, Option<u16>)>,
    names: Option<String>,
    addresses: Option<String>,
    ports: Option<String>,
}

impl PostgresUrl {
    pub(super) fn parse(rest: &str, query: &str) -> Result<Self, InvalidInput> {
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (user_info, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let mut url = Self {
            hosts: Vec::new(),
            user: some(decode(user)?),
            password: some(decode(password)?).map(Password),
            database: some(decode(database)?),
            tls: Tls::default(),
            channel_binding: ChannelBinding::default(),
            target: Target::default(),
            load_balance: false,
            connect_timeout: None,
            keepalives: Keepalives::default(),
            options: None,
            settings: Vec::new(),
        };
        let mut written = Hosts::default();
        for host in hosts.split(',').filter(|host| !host.is_empty()) {
            written.authority.push(host_and_port(host)?);
        }
        for parameter in parameters(query) {
            let (name, value) = parameter?;
            match name.as_str() {
                "host" => written.names = Some(value),
                "hostaddr" => written.addresses = Some(value),
                "port" => written.ports = Some(value),
                _ => url.set(&name, value)?,
            }
        }
        url.hosts = written.resolve()?;
        Ok(url)
    }

    /// Takes a parameter that is none of the hosts.
    fn set(&mut self, name: &str, value: String) -> Result<(), InvalidInput> {
        let wrong = |reason: &str| invalid(format!("has a {name} that {reason}"));
        match name {
            "user" => self.user = Some(value),
            "password" => self.password = Some(Password(value)),
            "dbname" => self.database = Some(value),
            "options" => self.options = Some(value),
            "sslmode" | "ssl" => self.tls.mode = value.parse()?,
            "sslrootcert" if value == "system" => self.tls.roots = Roots::System,
            "sslrootcert" => self.tls.roots = Roots::File(value.into()),
            "sslcert" => self.tls.certificate = Some(value.into()),
            "sslkey" => self.tls.key = Some(value.into()),
            "channel_binding" => {
                self.channel_binding = match value.as_str() {
                    "disable" => ChannelBinding::Disable,
                    "prefer" => ChannelBinding::Prefer,
                    "require" => ChannelBinding::Require,
                    _ => return wrong("is none of disable, prefer, require"),
                };
            }
            "target_session_attrs" => {
                self.target = match value.as_str() {
                    "any" => Target::Any,
                    "read-write" | "primary" => Target::ReadWrite,
                    "read-only" | "standby" => Target::ReadOnly,
                    _ => return wrong("is none of any, read-write, primary, read-only, standby"),
                };
            }
            "load_balance_hosts" => {
                self.load_balance = match value.as_str() {
                    "disable" => false,
                    "random" => true,
                    _ => return wrong("is neither disable nor random"),
                };
            }
            "connect_timeout" => self.connect_timeout = seconds(name, &value)?,
            "keepalives" => {
                self.keepalives.on = match value.as_str() {
                    "1" => true,
                    "0" => false,
                    _ => return wrong("is neither 0 nor 1"),
                };
            }
            "keepalives_idle" => self.keepalives.idle = seconds(name, &value)?,
            "keepalives_interval" => self.keepalives.interval = seconds(name, &value)?,
            "keepalives_retries" => {
                self.keepalives.retries = match value.parse() {
                    Ok(retries) => Some(retries).filter(|retries| *retries > 0),
                    Err(_) => return wrong("is no whole number"),
                };
            }
            name if PostgresSettings::names().any(|known| known == name) => {
                if let Err(reason) = PostgresSettings::default().set(name, &value) {
                    return wrong(&reason);
                }
                self.settings.push((name.to_owned(), value));
            }
            name => {
                let known: Vec<_> = PARAMETERS.into_iter().chain(PostgresSettings::names()).collect();
                return unknown(name, &known);
            }
        }
        Ok(())
    }
}

impl Hosts {
    /// The servers. Of several names, addresses or ports there are equally many; one port is everybody's.
    fn resolve(self) -> Result<Vec<Host>, InvalidInput> {
        let list =
            |text: Option<String>| text.map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>());
        let (names, addresses, ports) = (list(self.names), list(self.addresses), list(self.ports));
        let mut hosts: Vec<(String, Option<u16>)> = match names {
            Some(names) => names.into_iter().map(|name| (name, None)).collect(),
            None => self.authority,
        };
        let addresses = addresses.unwrap_or_default();
        if hosts.is_empty() {
            hosts = addresses.iter().map(|address| (address.clone(), None)).collect();
        }
        if hosts.is_empty() {
            return invalid("names no host: postgresql://USER:PASSWORD@HOST/DATABASE is expected");
        }
        if !addresses.is_empty() && addresses.len() != hosts.len() {
            return invalid("has not as many hostaddr as host");
        }
        let ports = ports.unwrap_or_default();
        if ports.len() > 1 && ports.len() != hosts.len() {
            return invalid("has neither one port nor as many as hosts");
        }
        let mut resolved = Vec::with_capacity(hosts.len());
        for (n, (name, own_port)) in hosts.into_iter().enumerate() {
            let port = match ports.get(n).or(ports.first()) {
                Some(text) if !text.is_empty() => port(text)?,
                _ => own_port.unwrap_or(5432),
            };
            resolved.push(Host { address: address(name, addresses.get(n))?, port });
        }
        Ok(resolved)
    }
}

fn address(name: String, address: Option<&String>) -> Result<Address, InvalidInput> {
    if name.is_empty() {
        return invalid("has an empty host");
    }
    if name.starts_with('/') {
        return Ok(Address::Unix(name.into()));
    }
    match address.map(|address| address.parse()) {
        None => Ok(Address::Tcp(name)),
        Some(Ok(address)) => Ok(Address::At(address, name)),
        Some(Err(_)) => invalid("has a hostaddr that is no IP address"),
    }
}

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`, where a socket's directory is a percent-encoded host.
fn host_and_port(text: &str) -> Result<(String, Option<u16>), InvalidInput> {
    let (name, after) = match text.strip_prefix('[').map(|v6| v6.split_once(']')) {
        Some(None) => return invalid("has an IPv6 address without its closing bracket"),
        Some(Some((name, after))) => (name, after),
        None => match text.split_once(':') {
            Some((_, rest)) if rest.contains(':') => {
                return invalid("has an IPv6 address without brackets; write [::1]");
            }
            Some((name, _)) => (name, &text[name.len()..]),
            None => (text, ""),
        },
    };
    let own_port = match after.strip_prefix(':') {
        None if after.is_empty() => None,
        Some(text) => Some(port(text)?),
        None => return invalid("has something other than a port behind an IPv6 address"),
    };
    Ok((decode(name)?, own_port))
}

fn port(text: &str) -> Result<u16, InvalidInput> {
    match text.parse() {
        Ok(port @ 1..) => Ok(port),
        _ => invalid(
            "has a port that is no number from 1 to 65535; percent-encode a password's special characters",
        ),
    }
}

/// Whole seconds; none for 0.
fn seconds(name: &str, text: &str) -> Result<Option<Duration>, InvalidInput> {
    match text.parse() {
        Ok(seconds @ 0..=86_400) => Ok(Some(Duration::from_secs(seconds)).filter(|time| !time.is_zero())),
        _ => invalid(format!("has a {name} that is no number of seconds up to a day")),
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
