//! A PostgreSQL server for tests: found, or started and stopped again.

mod compose;
mod local;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, anyhow, bail};
use botstore::url::DatabaseUrl;
use tokio_postgres::NoTls;

use local::LocalServer;

/// A PostgreSQL server on which databases can be made. A server that was started is stopped when the last of its
/// clones is dropped, and also when this process is killed.
#[derive(Debug, Clone)]
pub struct PostgresServer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// A URL of a role that may create databases. It holds a password: never print it.
    url: Secret,
    /// What the names of this server's databases begin with, unlike any other test run's.
    prefix: String,
    created: AtomicU64,
    _local: Option<LocalServer>,
}

/// A URL with its password, which does not appear in debug output.
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl PostgresServer {
    /// Finds a server, in this order: the one at `BOTSTORE_PG_URL`; one started with the programs in
    /// `BOTSTORE_PG_BIN`, or, if that is not set, on the `PATH` or under `/usr/lib/postgresql`; the repository's
    /// `docker compose` service `postgres`.
    ///
    /// # Errors
    ///
    /// None of them is there or works: the error says what was tried and what to do.
    pub fn start() -> anyhow::Result<Self> {
        if let Some(url) = variable("BOTSTORE_PG_URL") {
            return Self::at(url).context("the server at BOTSTORE_PG_URL does not answer");
        }
        let no_binaries = match local::programs(&["initdb", "pg_ctl"]) {
            Ok(programs) => {
                let (local, url) = LocalServer::start(&programs)?;
                return Ok(Self::new(url, Some(local)));
            }
            Err(error) => error,
        };
        let no_engine = match compose::start() {
            Ok(url) => return Self::at(url).context("the server of docker compose does not answer"),
            Err(error) => error,
        };
        bail!(
            "there is no PostgreSQL server to test with.\n\
             Tried:\n\
             - BOTSTORE_PG_URL: not set\n\
             - PostgreSQL's programs: {no_binaries:#}\n\
             - docker compose: {no_engine:#}\n\
             Do one of these:\n\
             - set BOTSTORE_PG_URL to the URL of a role that may create databases\n\
             - install PostgreSQL (for example: apt install postgresql), or set BOTSTORE_PG_BIN to its programs' directory\n\
             - start a docker engine\n\
             - set BOTSTORE_TEST_BACKENDS=sqlite to leave PostgreSQL out"
        )
    }

    /// The server at `url`, which names a role that may create databases.
    ///
    /// # Errors
    ///
    /// It does not answer.
    pub fn at(url: String) -> anyhow::Result<Self> {
        let server = Self::new(url, None);
        server.execute("SELECT 1")?;
        Ok(server)
    }

    /// Starts a server for measurements, whatever else is there: what it acknowledges survives a power cut. Its data
    /// lies in a directory of its own in `place`, and goes when the server stops.
    ///
    /// # Errors
    ///
    /// PostgreSQL's programs are not found, or do not start in this place.
    pub fn start_durable(place: &Path) -> anyhow::Result<Self> {
        let programs = local::programs(&["initdb", "pg_ctl"])?;
        let (local, url) = LocalServer::start_durable(&programs, place)?;
        Ok(Self::new(url, Some(local)))
    }

    /// The server that all tests of this process share.
    ///
    /// # Errors
    ///
    /// As for [`PostgresServer::start`].
    pub fn shared() -> anyhow::Result<Self> {
        static SHARED: OnceLock<Result<PostgresServer, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        shared.clone().map_err(|error| anyhow!(error))
    }

    /// Makes an empty database, without any table.
    ///
    /// # Errors
    ///
    /// The server refuses.
    pub fn create_database(&self) -> anyhow::Result<PostgresDatabase> {
        self.create("TEMPLATE template0 ENCODING 'UTF8'")
    }

    fn new(url: String, local: Option<LocalServer>) -> Self {
        let prefix = format!("botstore_test_{:016x}", RandomState::new().hash_one(std::process::id()));
        Self(Arc::new(Inner { url: Secret(url), prefix, created: AtomicU64::new(0), _local: local }))
    }

    fn create(&self, options: &str) -> anyhow::Result<PostgresDatabase> {
        let number = self.0.created.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}_{number}", self.0.prefix);
        self.execute(&format!("CREATE DATABASE {name} {options}"))?;
        let url = Secret(with_database(&self.0.url.0, &name));
        Ok(PostgresDatabase { server: self.clone(), name, url })
    }

    /// Runs one statement on a connection of its own. It may be called in and outside asynchronous code, hence the
    /// thread.
    fn execute(&self, sql: &str) -> anyhow::Result<()> {
        let DatabaseUrl::Postgres(url) = self.0.url.0.parse()? else { bail!("the URL is not PostgreSQL's") };
        let run = async {
            let (client, connection) = tokio_postgres::connect(&url.connection_string(), NoTls).await?;
            let (result, _) = tokio::join!(
                async move {
                    let result = client.batch_execute(sql).await;
                    drop(client);
                    result
                },
                connection
            );
            anyhow::Ok(result?)
        };
        std::thread::scope(|scope| {
            let worker = scope
                .spawn(|| tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run));
            worker.join().map_err(|_| anyhow!("the statement's thread panicked"))?
        })
        .with_context(|| format!("PostgreSQL refused: {sql}"))
    }
}

/// A database of a [`PostgresServer`]. It is dropped, whoever is connected to it, when this is.
#[derive(Debug)]
pub struct PostgresDatabase {
    server: PostgresServer,
    name: String,
    url: Secret,
}

impl PostgresDatabase {
    /// Its URL, with the password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url.0
    }

    /// A further database on the same server, without any table.
    ///
    /// # Errors
    ///
    /// The server refuses.
    pub fn beside(&self) -> anyhow::Result<Self> {
        self.server.create_database()
    }

    /// A copy of the database, to which nobody may be connected.
    ///
    /// # Errors
    ///
    /// The server refuses.
    pub fn copy(&self) -> anyhow::Result<Self> {
        self.server.create(&format!("TEMPLATE {}", self.name))
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        if let Err(error) = self.server.execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name)) {
            eprintln!("a test database was left behind: {error:#}");
        }
    }
}

/// The directory of all these programs of PostgreSQL's: `BOTSTORE_PG_BIN`, one of the `PATH`, or one under
/// `/usr/lib/postgresql`, where the newest version comes first.
///
/// # Errors
///
/// No directory has all of them.
pub fn programs(names: &[&str]) -> anyhow::Result<PathBuf> {
    local::programs(names)
}

/// A variable of the environment; none if it is unset or empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The URL, of another database.
fn with_database(url: &str, database: &str) -> String {
    let (base, query) = match url.split_once('?') {
        Some((base, query)) => (base, format!("?{query}")),
        None => (url, String::new()),
    };
    let (scheme, rest) = base.split_once("://").unwrap_or(("postgresql", base));
    let authority = rest.split('/').next().unwrap_or_default();
    format!("{scheme}://{authority}/{database}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_keeps_all_but_its_database() {
        for (url, expected) in [
            ("postgresql://u:p@h:1/a", "postgresql://u:p@h:1/b"),
            ("postgresql://u:p@h", "postgresql://u:p@h/b"),
            ("postgresql://u@/a?host=/run/pg", "postgresql://u@/b?host=/run/pg"),
        ] {
            assert_eq!(with_database(url, "b"), expected);
        }
    }
}
