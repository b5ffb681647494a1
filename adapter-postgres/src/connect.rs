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
}

/// A server, and how to connect to it.
struct Server {
    host: Host,
    config: Config,
}

/// Why no server would do: what came of each attempt, in order; at least one.
pub(crate) struct ConnectError(pub(crate) Vec<Attempt>);

/// An attempt that failed.
pub(crate) struct Attempt {
    /// The server's host and port.
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
        let servers = url.hosts.iter().map(|host| server(host, url.tls.mode, &common)).collect();
        Ok(Self {
            servers,
            tls: tls::connector(&url.tls)?,
            timeout: url.connect_timeout.unwrap_or(PostgresUrl::CONNECT_TIMEOUT),
            shuffle: url.load_balance,
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
            let problem = match tokio::time::timeout(self.timeout, self.connect_to(server)).await {
                Ok(Ok(client)) => {
                    let (token, host) = (client.cancel_token(), server.host.clone());
                    let canceller = Canceller { token, host, tls: self.tls.clone() };
                    return Ok(Connected { client, canceller });
                }
                Ok(Err(error)) => Problem::Refused(error),
                Err(_) => Problem::TimedOut(self.timeout),
            };
            attempts.push(Attempt { server: server.host.to_string(), problem });
        }
        Err(ConnectError(attempts))
    }

    async fn connect_to(&self, server: &Server) -> Result<ClientWrapper, tokio_postgres::Error> {
        if let Some(tls) = &self.tls {
            let (client, connection) = server.config.connect(tls.clone()).await?;
            Ok(drive(client, connection, &server.host))
        } else {
            let (client, connection) = server.config.connect(NoTls).await?;
            Ok(drive(client, connection, &server.host))
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

fn server(host: &Host, mode: SslMode, common: &Config) -> Server {
    let mut config = common.clone();
    config.port(host.port);
    config.ssl_mode(match (&host.address, mode) {
        // As libpq has it: what goes through a socket of the operating system is never encrypted.
        (Address::Unix(_), _) | (_, SslMode::Disable) => config::SslMode::Disable,
        (_, SslMode::Prefer) => config::SslMode::Prefer,
        (_, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => config::SslMode::Require,
    });
    match &host.address {
        Address::Tcp(name) => config.host(name),
        Address::At(address, name) => config.host(name).hostaddr(*address),
        Address::Unix(directory) => config.host_path(directory),
    };
    Server { host: host.clone(), config }
}

/// The server's settings that a connection begins with, and after them those of the URL. Behind a pooler, connections
/// cannot have settings of their own: then only what the URL names.
fn options(url: &PostgresUrl, settings: &PostgresSettings) -> Option<String> {
    let ours = settings.statement_cache.then(|| session_options(settings));
    match (ours, &url.options) {
        (Some(ours), Some(given)) => Some(format!("{ours} {given}")),
        (Some(options), None) => Some(options),
        (None, given) => given.clone(),
    }
}

/// The settings of a session: a bound on every statement, and the isolation that the statements are written for. The
/// server looks now and then whether anybody is left to have the answer: a process that died asks for nothing to be
/// stopped. And one plan for each statement, made once: left to itself, the server finds a plan for an array of one element cheaper than
/// one for any array, and so plans anew at every call. The last settings see to it that this one plan goes by an index,
/// however small the table is when it is made.
pub(crate) fn session_options(settings: &PostgresSettings) -> String {
    let timeout = settings.statement_timeout.map_or(0, |timeout| timeout.as_millis());
    let jit = if settings.jit { "on" } else { "off" };
    format!(
        "-c statement_timeout={timeout} -c jit={jit} -c default_transaction_isolation=read\\ committed \
         -c client_connection_check_interval=10s -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off \
         -c enable_mergejoin=off"
    )
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.servers.iter().map(|server| &server.host)).finish()
    }
}

#[cfg(test)]
mod tests;
