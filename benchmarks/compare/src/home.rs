//! The databases on which contestants work.

use std::collections::BTreeMap;

use anyhow::{Context as _, anyhow, bail};
use botstore::model::{Batch, ChannelEvent, MessageText, Retention, Timestamp, Username};
use botstore::{BotStore, Config};
use botstore_bench_harness::{Backend, on_disk};
use botstore_conformance::server::{PostgresDatabase, PostgresServer};
use tempfile::TempDir;
use tokio_postgres::NoTls;

use crate::cli::Cli;

/// How many users a database has at first. Contestants are told.
pub(crate) const USERS: u32 = 1_000;
/// How many lines the one who talks most has said at first. As in real channels few say most: the second has said half
/// as many, the third a third, and so on, which is 10,000 or so together.
const MOST_LINES: u32 = 1_400;
/// When they did, in Unix seconds: just before the contestants' first moment.
const SAID_AT: i64 = 1_699_999_999;

const BY_LINES: &str = "CREATE INDEX user_stats_by_lines ON user_stats (total_chat_lines DESC, username) WHERE total_chat_lines > 0";

/// Where databases are made. All of it is removed when this is dropped.
pub(crate) struct Grounds {
    directory: TempDir,
    server: Result<PostgresServer, String>,
}

/// A database with botstore's tables. It goes when this is dropped.
pub(crate) struct Home {
    /// With a password: never print it.
    pub(crate) url: String,
    _postgres: Option<PostgresDatabase>,
}

impl Grounds {
    /// A directory, and a PostgreSQL server if one of the backends needs it.
    pub(crate) fn new(cli: &Cli, backends: &[Backend]) -> anyhow::Result<Self> {
        let place = std::path::absolute(&cli.directory)?;
        on_disk(&place)?;
        let directory = tempfile::Builder::new().prefix("botstore-compare-").tempdir_in(&place)?;
        let server = match &cli.pg_url {
            _ if !backends.contains(&Backend::Postgresql) => Err("nobody needs a server".to_owned()),
            Some(url) => PostgresServer::at(url.clone()).map_err(|error| format!("{error:#}")),
            None => PostgresServer::start_durable(&place).map_err(|error| format!("{error:#}")),
        };
        Ok(Self { directory, server })
    }

    /// An empty database, without any table.
    pub(crate) fn empty(&self, backend: Backend, name: &str) -> anyhow::Result<Home> {
        match backend {
            Backend::Sqlite => {
                let file = self.directory.path().join(format!("{name}.db"));
                let path = file.to_str().context("--directory is no UTF-8")?;
                Ok(Home { url: format!("sqlite:///{path}"), _postgres: None })
            }
            Backend::Postgresql => match &self.server {
                Ok(server) => {
                    let database = server.create_database()?;
                    Ok(Home { url: database.url().to_owned(), _postgres: Some(database) })
                }
                Err(why) => bail!("there is no server: {why}"),
            },
        }
    }

    /// The same as [`Grounds::settled`], with an index for the top list as others ask for it: botstore's own is by rank.
    pub(crate) async fn settled_for_others(&self, backend: Backend, name: &str) -> anyhow::Result<Home> {
        let home = self.settled(backend, name).await?;
        if backend == Backend::Postgresql {
            let config: tokio_postgres::Config =
                home.url.parse().map_err(|_| anyhow!("the server's URL is not understood"))?;
            let (client, connection) = config.connect(NoTls).await?;
            let connection = tokio::spawn(connection);
            client.batch_execute(BY_LINES).await?;
            drop(client);
            connection.await??;
        }
        Ok(home)
    }

    /// A database with botstore's tables, known users, and lines to read; PostgreSQL has analyzed them.
    pub(crate) async fn settled(&self, backend: Backend, name: &str) -> anyhow::Result<Home> {
        let home = self.empty(backend, name)?;
        let store = home.open().await?;
        let at = Timestamp::new(SAID_AT)?;
        let mut lines = Vec::new();
        for user in 0..USERS {
            let username = Username::new(format!("user{user}"))?;
            let line = |number| {
                let message = MessageText::new(format!("line {number} of user {user}, of the usual length"))?;
                Ok(ChannelEvent::Chat { at, username: username.clone(), message })
            };
            lines.extend((0..MOST_LINES / (user + 1)).map(line).collect::<botstore::Result<Vec<_>>>()?);
        }
        for lines in lines.chunks(Batch::MAX_EVENTS) {
            store.record(&Batch::new(lines.to_vec())?).await?;
        }
        store.maintain(&Retention::default(), at).await?;
        store.close().await?;
        Ok(home)
    }
}

impl Home {
    /// Somebody else's database, which stays.
    pub(crate) fn of_others(url: String) -> Self {
        Self { url, _postgres: None }
    }

    /// A text in which its password does not appear, whatever a library says.
    pub(crate) fn hide(&self, text: &str) -> String {
        let authority = self.url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
        match authority.and_then(|(user, _)| user.split_once(':')) {
            Some((_, password)) if !password.is_empty() => text.replace(password, "***"),
            _ => text.to_owned(),
        }
    }

    /// A store on it, which brings its tables up to date.
    pub(crate) async fn open(&self) -> anyhow::Result<Box<dyn BotStore>> {
        Ok(botstore::open(&Config::new(self.url.parse()?)).await?)
    }
}

/// The version of each backend's engine, as it says itself on the first of these databases.
pub(crate) async fn versions(homes: &[(Backend, &Home)]) -> anyhow::Result<BTreeMap<Backend, String>> {
    let mut versions = BTreeMap::new();
    for wanted in [Backend::Sqlite, Backend::Postgresql] {
        if let Some((backend, home)) = homes.iter().find(|(backend, _)| *backend == wanted) {
            let store = home.open().await?;
            let health = store.health().await?.database.map_err(|away| anyhow::anyhow!(away.error))?;
            versions.insert(*backend, health.engine_version);
            store.close().await?;
        }
    }
    Ok(versions)
}
