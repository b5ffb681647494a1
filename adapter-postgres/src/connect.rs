//! Connecting: from the URL and the settings to a connection, or to what each server said.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher as _;
use std::time::Duration;

use botstore_core::InvalidInput;
use botstore_core::settings::PostgresSettings;
use botstore_core::url::{Address, ChannelBinding, Host, PostgresUrl, SslMode, Target};
use deadpool_postgres::ClientWrapper;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::config::{self, LoadBalanceHosts, TargetSessionAttrs};
use tokio_postgres::{Config, Connection, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::cancel::Canceller;
use crate::session::Session;
use crate::tls;

/// A connection that was made.
pub(crate) struct Connected {
    pub(crate) client: ClientWrapper,
    pub(crate) canceller: Canceller,
}

/// Whatever makes connections.
pub(crate) struct Connector {
    servers: Vec<Server>,
    tls: Option<MakeRustlsConnect>,
    timeout: Duration,
    /// Whether the servers are tried in random order.
    shuffle: bool,
    pooled: bool,
}

/// A server, and how to connect to it.
struct Server {
    host: Host,
    config: Config,
    /// How else, if it takes nobody over TLS.
    plain: Option<Config>,
}

/// Why no server would do.
pub(crate) struct ConnectError {
    /// What came of each attempt, in order; at least one.
    pub(crate) attempts: Vec<Attempt>,
    /// Whether the connections are meant for a pooler that hands sessions around.
    pub(crate) pooled: bool,
}

/// An attempt that failed.
pub(crate) struct Attempt {
    /// The server's host and port, and whether it was tried without the TLS that it might have.
    pub(crate) server: String,
    pub(crate) problem: Problem,
}

/// What came in between.
pub(crate) enum Problem {
    /// The server, the network or the operating system said no.
    Refused(tokio_postgres::Error),
    /// Nobody said anything within this time.
    TimedOut(Duration),
}

impl Connector {
    /// # Errors
    ///
    /// [`InvalidInput`] of `database_url`: a file that it names cannot be used.
    pub(crate) fn new(url: &PostgresUrl, settings: &PostgresSettings) -> Result<Self, InvalidInput> {
        let common = common(url, settings);
        let servers = url.hosts.iter().map(|host| server(host, url, &common)).collect();
        Ok(Self {
            servers,
            tls: tls::connector(&url.tls)?,
            timeout: url.connect_timeout.unwrap_or(PostgresUrl::CONNECT_TIMEOUT),
            shuffle: url.load_balance,
            pooled: !settings.statement_cache,
        })
    }

    /// Connects to the first server that will do.
    pub(crate) async fn connect(&self) -> Result<Connected, ConnectError> {
        let mut servers: Vec<_> = self.servers.iter().collect();
        if self.shuffle {
            servers.sort_by_cached_key(|_| RandomState::new().hash_one(()));
        }
        let mut attempts = Vec::new();
        for server in servers {
            match self.attempt(&server.config, &server.host).await {
                Ok(connected) => return Ok(connected),
                Err(problem) => {
                    let plain = server.plain.as_ref().filter(|_| problem.may_be_tls());
                    attempts.push(Attempt { server: server.host.to_string(), problem });
                    let Some(plain) = plain else { continue };
                    match self.attempt(plain, &server.host).await {
                        Ok(connected) => return Ok(connected),
                        Err(problem) => {
                            let server = format!("{} without TLS", server.host);
                            attempts.push(Attempt { server, problem });
                        }
                    }
                }
            }
        }
        Err(ConnectError { attempts, pooled: self.pooled })
    }

    async fn attempt(&self, config: &Config, host: &Host) -> Result<Connected, Problem> {
        let connecting = async {
            if let Some(tls) = &self.tls {
                let (client, connection) = config.connect(tls.clone()).await?;
                Ok(drive(client, connection, host))
            } else {
                let (client, connection) = config.connect(NoTls).await?;
                Ok(drive(client, connection, host))
            }
        };
        match tokio::time::timeout(self.timeout, connecting).await {
            Ok(Ok(client)) => {
                let token = client.cancel_token();
                let canceller = Canceller { token, host: host.clone(), tls: self.tls.clone() };
                Ok(Connected { client, canceller })
            }
            Ok(Err(error)) => Err(Problem::Refused(error)),
            Err(_) => Err(Problem::TimedOut(self.timeout)),
        }
    }
}

/// Lets a connection work, on a task that ends with it.
fn drive<T>(client: tokio_postgres::Client, connection: Connection<Socket, T>, server: &Host) -> ClientWrapper
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let server = server.to_string();
    let task = tokio::spawn(async move {
        if let Err(error) = connection.await {
            let code = error.code().map_or("", |code| code.code());
            tracing::debug!(server, code, %error, "connection broke");
        }
    });
    ClientWrapper::new(client, task)
}

/// What is said to every server.
fn common(url: &PostgresUrl, settings: &PostgresSettings) -> Config {
    let mut config = Config::new();
    if let Some(user) = &url.user {
        config.user(user);
    }
    if let Some(password) = &url.password {
        config.password(password.reveal());
    }
    if let Some(database) = &url.database {
        config.dbname(database);
    }
    if let Some(options) = options(url, settings) {
        config.options(options);
    }
    config.application_name(&settings.application_name);
    config.target_session_attrs(match url.target {
        Target::Any => TargetSessionAttrs::Any,
        Target::ReadWrite => TargetSessionAttrs::ReadWrite,
        Target::ReadOnly => TargetSessionAttrs::ReadOnly,
    });
    config.channel_binding(match url.channel_binding {
        ChannelBinding::Disable => config::ChannelBinding::Disable,
        ChannelBinding::Prefer => config::ChannelBinding::Prefer,
        ChannelBinding::Require => config::ChannelBinding::Require,
    });
    if url.load_balance {
        // A name may have several addresses.
        config.load_balance_hosts(LoadBalanceHosts::Random);
    }
    config.keepalives(url.keepalives.on);
    if let Some(idle) = url.keepalives.idle {
        config.keepalives_idle(idle);
    }
    if let Some(interval) = url.keepalives.interval {
        config.keepalives_interval(interval);
    }
    if let Some(retries) = url.keepalives.retries {
        config.keepalives_retries(retries);
    }
    config
}

fn server(host: &Host, url: &PostgresUrl, common: &Config) -> Server {
    let mut config = common.clone();
    config.port(host.port);
    match &host.address {
        Address::Tcp(name) => config.host(name),
        Address::At(address, name) => config.host(name).hostaddr(*address),
        Address::Unix(directory) => config.host_path(directory),
    };
    let mode = match (&host.address, url.tls.mode) {
        // As libpq has it: what goes through a socket of the operating system is never encrypted.
        (Address::Unix(_), _) | (_, SslMode::Disable) => config::SslMode::Disable,
        (_, SslMode::Prefer) => config::SslMode::Prefer,
        (_, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => config::SslMode::Require,
    };
    // As libpq has it, too; but who wants the password's exchange bound to TLS wants TLS.
    let optional = mode == config::SslMode::Prefer && url.channel_binding != ChannelBinding::Require;
    let plain = optional.then(|| {
        let mut plain = config.clone();
        plain.ssl_mode(config::SslMode::Disable);
        plain
    });
    config.ssl_mode(mode);
    Server { host: host.clone(), config, plain }
}

/// The server's setting for how often it looks whether its client is still there. A server that cannot look refuses any
/// value but 0.
pub(crate) const CHECK_INTERVAL: &str = "client_connection_check_interval";

/// The server's settings that a connection begins with, and after them those of the URL. Behind a pooler, connections
/// cannot have settings of their own: then only what the URL names. The server is to look now and then whether anybody is
/// left to have the answer: a process that died has nothing stopped.
fn options(url: &PostgresUrl, settings: &PostgresSettings) -> Option<String> {
    let ours = settings.statement_cache.then(|| {
        let named = url.options.as_ref().is_some_and(|given| given.contains(CHECK_INTERVAL));
        let watch = if named { String::new() } else { format!(" -c {CHECK_INTERVAL}=10s") };
        Session::of(settings).options() + &watch
    });
    match (ours, &url.options) {
        (Some(ours), Some(given)) => Some(format!("{ours} {given}")),
        (Some(options), None) => Some(options),
        (None, given) => given.clone(),
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.servers.iter().map(|server| &server.host)).finish()
    }
}

#[cfg(test)]
mod tests;
