//! Reading a URL.

use std::time::Duration;

use super::hosts::Hosts;
use super::{Address, ChannelBinding, Password, PostgresUrl, Roots, SslMode, Target};
use crate::error::InvalidInput;
use crate::settings::PostgresSettings;
use crate::settings::value::switch;
use crate::url::{Seen, a, decode, invalid, parameters, unknown};

/// The parameters of the connection, by libpq's names.
const PARAMETERS: [&str; 19] = [
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "user",
];

/// Parameters that ask for what is done anyway, if they have one of these values.
const GRANTED: [(&str, &[&str]); 7] = [
    ("client_encoding", &["utf8", "UTF8", "utf-8", "UTF-8", "auto"]),
    ("gssencmode", &["disable", "prefer"]),
    ("ssl_min_protocol_version", &["TLSv1", "TLSv1.1", "TLSv1.2"]),
    ("sslcertmode", &["allow"]),
    ("sslcompression", &["0"]),
    ("sslnegotiation", &["postgres"]),
    ("sslsni", &["1"]),
];

/// Parameters of libpq and of others that are not supported, and what to do instead.
const UNSUPPORTED: [(&str, &str); 25] = [
    ("connection_limit", "set pool_size and max_overflow"),
    ("fallback_application_name", "set application_name"),
    ("gssdelegation", "authenticate by a password or a client certificate"),
    ("gsslib", "authenticate by a password or a client certificate"),
    ("krbsrvname", "authenticate by a password or a client certificate"),
    ("max_protocol_version", "leave it out"),
    ("min_protocol_version", "leave it out"),
    ("oauth_client_id", "authenticate by a password or a client certificate"),
    ("oauth_issuer", "authenticate by a password or a client certificate"),
    ("passfile", "give the password in the URL or in PGPASSWORD"),
    ("replication", "leave it out"),
    ("require_auth", "say sslmode=verify-full, so that no other server is asked"),
    ("requirepeer", "give the socket's directory rights of its own"),
    ("requiressl", "say sslmode=require"),
    ("schema", "say options=-c%20search_path=NAME"),
    ("scram_client_key", "give the password in the URL or in PGPASSWORD"),
    ("scram_server_key", "give the password in the URL or in PGPASSWORD"),
    ("service", "write what the service file says into the URL"),
    ("servicefile", "write what the service file says into the URL"),
    ("ssl_max_protocol_version", "leave it out"),
    ("sslcrl", "trust a single authority by sslrootcert"),
    ("sslcrldir", "trust a single authority by sslrootcert"),
    ("sslkeylogfile", "leave it out"),
    ("sslpassword", "name a key file in sslkey that is not encrypted"),
    ("tcp_user_timeout", "set keepalives_idle, keepalives_interval and keepalives_count"),
];

/// A URL that is being read: what it says so far.
struct Reading {
    url: PostgresUrl,
    hosts: Hosts,
    mode: Option<SslMode>,
    roots: Option<Roots>,
}

impl PostgresUrl {
    pub(in crate::url) fn parse(rest: &str, query: &str) -> Result<Self, InvalidInput> {
        let mut reading = Reading::of_authority(rest)?;
        let mut seen = Seen::default();
        for parameter in parameters(query) {
            let (name, value) = parameter?;
            let (name, value) = plain(&name, value)?;
            if value.is_empty() && is_known(name) {
                return invalid(format!("has an empty {name}; give a value, or leave the parameter out"));
            }
            reading.take(name, &value)?;
            // SQLAlchemy names each of several hosts by a parameter of its own.
            if name != "host" {
                seen.note(name, &value)?;
            }
        }
        reading.finish()
    }
}

fn is_known(name: &str) -> bool {
    let granted = GRANTED.iter().map(|(name, _)| *name);
    PARAMETERS.into_iter().chain(PostgresSettings::names()).chain(granted).any(|known| known == name)
}

/// A parameter of another program in this one's words: asyncpg's, SQLAlchemy's, tokio-postgres's and Prisma's.
fn plain(name: &str, value: String) -> Result<(&str, String), InvalidInput> {
    let cache = |on: bool| Ok(("statement_cache", if on { "on" } else { "off" }.to_owned()));
    match name {
        "sslmode" | "ssl" => Ok((
            "sslmode",
            match switch(&value) {
                Ok(true) => "require".to_owned(),
                Ok(false) => "disable".to_owned(),
                Err(_) => value,
            },
        )),
        "keepalives_retries" => Ok(("keepalives_count", value)),
        "command_timeout" => match value.parse::<u32>() {
            Ok(_) => Ok(("statement_timeout", value + "s")),
            Err(_) => invalid(format!("has a {name} that is no whole number of seconds")),
        },
        "statement_cache_size" | "prepared_statement_cache_size" => match value.parse::<u32>() {
            Ok(size) => cache(size > 0),
            Err(_) => invalid(format!("has a {name} that is no whole number")),
        },
        "pgbouncer" => match switch(&value) {
            Ok(pooler) => cache(!pooler),
            Err(reason) => invalid(format!("has a pgbouncer that {reason}")),
        },
        name => Ok((name, value)),
    }
}

impl Reading {
    /// Reads what stands before the parameters.
    fn of_authority(rest: &str) -> Result<Self, InvalidInput> {
        if rest.contains(char::is_whitespace) {
            return invalid("contains white space; percent-encode it: a space is %20");
        }
        let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
        if database.contains('/') {
            return invalid("has a slash in the database's name; percent-encode it as %2F, or leave it out");
        }
        let (user_info, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let url = PostgresUrl {
            user: some(decode(user)?),
            password: some(decode(password)?).map(Password::new),
            database: some(decode(database)?),
            ..PostgresUrl::empty()
        };
        Ok(Self { url, hosts: Hosts::of_authority(hosts)?, mode: None, roots: None })
    }

    /// Takes a parameter.
    fn take(&mut self, name: &str, value: &str) -> Result<(), InvalidInput> {
        let text = || Some(value.to_owned());
        let wrong =
            |reason: String| InvalidInput::new("database_url", format!("has {} that {reason}", a(name)));
        let url = &mut self.url;
        match name {
            "host" => self.hosts.name(value)?,
            "hostaddr" => self.hosts.addresses(value),
            "port" => self.hosts.ports(value)?,
            "user" => url.user = text(),
            "password" => url.password = text().map(Password::new),
            "dbname" => url.database = text(),
            "options" => url.options = text(),
            "sslmode" => self.mode = Some(SslMode::read(value).map_err(wrong)?),
            "sslrootcert" if value == "system" => self.roots = Some(Roots::System),
            "sslrootcert" => self.roots = Some(Roots::File(value.into())),
            "sslcert" => url.tls.certificate = Some(value.into()),
            "sslkey" => url.tls.key = Some(value.into()),
            "channel_binding" => url.channel_binding = ChannelBinding::read(value).map_err(wrong)?,
            "target_session_attrs" => url.target = Target::read(value).map_err(wrong)?,
            "load_balance_hosts" => url.load_balance = one_of(value, "disable", "random").map_err(wrong)?,
            "connect_timeout" => url.connect_timeout = Some(seconds(value, 1).map_err(wrong)?),
            "keepalives" => url.keepalives.on = one_of(value, "0", "1").map_err(wrong)?,
            "keepalives_idle" => url.keepalives.idle = not_zero(seconds(value, 0).map_err(wrong)?),
            "keepalives_interval" => url.keepalives.interval = not_zero(seconds(value, 0).map_err(wrong)?),
            "keepalives_count" => {
                let count = value.parse().map_err(|_| wrong("is no whole number".to_owned()))?;
                url.keepalives.retries = Some(count).filter(|count| *count > 0);
            }
            name if PostgresSettings::names().any(|known| known == name) => {
                PostgresSettings::default().set(name, value).map_err(wrong)?;
                url.settings.push((name.to_owned(), value.to_owned()));
            }
            name => return other(name, value),
        }
        Ok(())
    }

    /// Puts together what belongs together.
    fn finish(mut self) -> Result<PostgresUrl, InvalidInput> {
        self.url.hosts = self.hosts.resolve()?;
        self.url.tls.mode = match (self.mode, &self.roots) {
            // As libpq has it: who names the roots wants them to be used.
            (None, Some(Roots::System)) => SslMode::VerifyFull,
            (None | Some(SslMode::Prefer), Some(Roots::File(_))) => {
                return invalid("has an sslrootcert, which is not used so; add sslmode=verify-full");
            }
            (Some(SslMode::Disable | SslMode::VerifyFull), Some(_)) | (Some(_), Some(Roots::File(_))) => {
                self.mode.unwrap_or_default()
            }
            // Any server has a certificate of one of these many authorities, for a host of its own.
            (Some(_), Some(Roots::System)) | (Some(SslMode::VerifyCa), None) => {
                return invalid(
                    "trusts the system's authorities without a look at the host; say sslmode=verify-full, \
                     or name the server's authority by sslrootcert",
                );
            }
            (mode, None) => mode.unwrap_or_default(),
        };
        self.url.tls.roots = self.roots.unwrap_or_default();
        self.url.check()?;
        Ok(self.url)
    }
}

impl PostgresUrl {
    /// Refuses what cannot be had together.
    fn check(&self) -> Result<(), InvalidInput> {
        let binding = self.channel_binding == ChannelBinding::Require;
        let socket = self.hosts.iter().any(|host| matches!(host.address, Address::Unix(_)));
        match (&self.tls.certificate, &self.tls.key) {
            (Some(_), None) => invalid("has an sslcert without its sslkey"),
            (None, Some(_)) => invalid("has an sslkey without its sslcert"),
            _ if socket && self.tls.mode.is_required() => {
                let mode = self.tls.mode.as_str();
                invalid(format!(
                    "asks for sslmode={mode} on a socket, which stays on this machine and is never encrypted; leave sslmode out"
                ))
            }
            _ if binding && (socket || self.tls.mode == SslMode::Disable) => {
                invalid("asks for channel_binding=require on a connection that is not encrypted")
            }
            _ => Ok(()),
        }
    }
}

/// What is said of a parameter that changes nothing.
fn other(name: &str, value: &str) -> Result<(), InvalidInput> {
    if let Some((_, granted)) = GRANTED.iter().find(|(known, _)| *known == name) {
        if granted.contains(&value) {
            return Ok(());
        }
        let granted = granted.join(" or ");
        return invalid(format!("has {} that is not supported; only {granted} is", a(name)));
    }
    if let Some((_, instead)) = UNSUPPORTED.iter().find(|(known, _)| *known == name) {
        return invalid(format!("has the parameter {name:?}, which is not supported; {instead}"));
    }
    let known: Vec<_> = PARAMETERS.into_iter().chain(PostgresSettings::names()).collect();
    unknown(name, &known)
}

/// Whether it is the second of two words, and not the first.
fn one_of(text: &str, no: &str, yes: &str) -> Result<bool, String> {
    if text == yes || text == no { Ok(text == yes) } else { Err(format!("is neither {no} nor {yes}")) }
}

/// Whole seconds up to a day.
fn seconds(text: &str, least: u64) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (least..=86_400).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("is no whole number of seconds from {least} to 86400")),
    }
}

/// For libpq 0 is the operating system's own.
fn not_zero(time: Duration) -> Option<Duration> {
    Some(time).filter(|time| !time.is_zero())
}
