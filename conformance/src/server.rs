//! PostgreSQL servers for tests: found, or started and stopped again.

mod compose;
mod database;
mod flavour;
mod home;
mod instance;
mod least_privilege;
mod pgbouncer;
mod programs;
mod secret;
mod tls;

use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, anyhow, bail};
use botstore::url::DatabaseUrl;

use crate::secrets;

pub use database::PostgresDatabase;
pub(crate) use database::{blocking, query};
pub use flavour::Flavour;
pub(crate) use home::Home;
pub(crate) use instance::{FORGETFUL, Instance};
pub use programs::programs;
pub(crate) use secret::Secret;
pub use tls::Certificates;

use instance::DURABLE;

/// A PostgreSQL server on which databases can be made. A server that was started is stopped when the last of its
/// clones is dropped, and also when this process is killed.
#[derive(Debug, Clone)]
pub struct PostgresServer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// A URL of a role that may do everything here, or at least create databases.
    admin: Secret,
    /// The URL by which stores reach the server, of any database.
    stores: Secret,
    limits: Limits,
    /// What the names of this server's databases begin with, unlike any other test run's.
    prefix: String,
    created: AtomicU64,
    /// The server, if this process started it.
    instance: Option<Instance>,
    certificates: Option<Certificates>,
}

/// What stores may do with a server's databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Limits {
    /// Everything.
    None,
    /// They work with the rows, and leave the schema as it is.
    RowsOnly,
}

impl Inner {
    fn new(admin: Secret, stores: Secret, instance: Option<Instance>) -> Self {
        let prefix = format!("botstore_test_{:016x}", RandomState::new().hash_one(std::process::id()));
        let (limits, created, certificates) = (Limits::None, AtomicU64::new(0), None);
        Self { admin, stores, limits, prefix, created, instance, certificates }
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
        let no_binaries = match programs(&["initdb", "pg_ctl"]) {
            Ok(programs) => return Self::start_of(&programs, ""),
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
        if let DatabaseUrl::Postgres(url) = url.parse()?
            && let Some(password) = &url.password
        {
            secrets::also(password.reveal(), &url.to_string());
        }
        let server = Self::new(Secret(url.clone()), Secret(url), None);
        server.execute("SELECT 1")?;
        Ok(server)
    }

    /// Starts a server of this process's own, whatever else is there, with the settings, which are lines of
    /// `postgresql.conf`.
    ///
    /// # Errors
    ///
    /// PostgreSQL's programs are not found, or do not start.
    pub fn start_own(settings: &str) -> anyhow::Result<Self> {
        Self::start_of(&programs(&["initdb", "pg_ctl"])?, settings)
    }

    /// Starts a server for measurements, whatever else is there: what it acknowledges survives a power cut. Its data
    /// lies in a directory of its own in `place`, and goes when the server stops.
    ///
    /// # Errors
    ///
    /// PostgreSQL's programs are not found, or do not start in this place.
    pub fn start_durable(place: &Path) -> anyhow::Result<Self> {
        let programs = programs(&["initdb", "pg_ctl"])?;
        started(&programs, || running(&programs, Some(place), DURABLE)).map(Self::of)
    }

    /// Starts a server in memory, with the programs of a directory.
    fn start_of(programs: &Path, settings: &str) -> anyhow::Result<Self> {
        let settings = format!("{FORGETFUL}{settings}");
        started(programs, || running(programs, None, &settings)).map(Self::of)
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

    /// Makes a database with an up-to-date schema and nothing in it.
    ///
    /// # Errors
    ///
    /// The server or the store refuses.
    pub fn create_migrated(&self) -> anyhow::Result<PostgresDatabase> {
        let database = self.create_database()?;
        match self.0.limits {
            Limits::None => database.migrate(&database.admin)?,
            Limits::RowsOnly => least_privilege::migrate(&database)?,
        }
        Ok(database)
    }

    /// Crashes the server, and starts it again.
    ///
    /// # Errors
    ///
    /// This process did not start it, or it does not come back.
    pub fn restart_immediately(&self) -> anyhow::Result<()> {
        self.instance()?.restart_immediately()
    }

    /// Stops the server: `fast`, which rolls back what is under way, or `immediate`, as a crash would.
    ///
    /// # Errors
    ///
    /// This process did not start it, or it does not run.
    pub fn stop(&self, mode: &str) -> anyhow::Result<()> {
        self.instance()?.stop(mode)
    }

    /// Starts a server that was stopped, and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// This process did not start it, or it does not come back.
    pub fn start_again(&self) -> anyhow::Result<()> {
        self.instance()?.start()
    }

    /// Stops all processes of the server where they are, so that it takes connections and says nothing, until the answer
    /// is dropped.
    ///
    /// # Errors
    ///
    /// This process did not start it, or it does not run.
    pub fn freeze(&self) -> anyhow::Result<Frozen<'_>> {
        let frozen = Frozen(self.instance()?);
        frozen.0.signal("STOP")?;
        Ok(frozen)
    }

    /// What the server has logged.
    ///
    /// # Errors
    ///
    /// This process did not start it.
    pub fn log(&self) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.instance()?.log_file())?)
    }

    /// Where the server listens, in TCP.
    ///
    /// # Errors
    ///
    /// This process did not start it.
    pub fn port(&self) -> anyhow::Result<u16> {
        Ok(self.instance()?.port())
    }

    /// The certificates of a server of [`Flavour::Tls`].
    #[must_use]
    pub fn certificates(&self) -> Option<&Certificates> {
        self.0.certificates.as_ref()
    }

    fn instance(&self) -> anyhow::Result<&Instance> {
        self.0.instance.as_ref().context("this process did not start the server")
    }

    /// A server that was started, as its administrator and stores reach it by TCP.
    fn of(instance: Instance) -> Self {
        Self::new(instance.url(), instance.url(), Some(instance))
    }

    fn new(admin: Secret, stores: Secret, instance: Option<Instance>) -> Self {
        Self(Arc::new(Inner::new(admin, stores, instance)))
    }

    fn create(&self, options: &str) -> anyhow::Result<PostgresDatabase> {
        let number = self.0.created.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}_{number}", self.0.prefix);
        self.execute(&format!("CREATE DATABASE {name} {options}"))?;
        let (url, admin) = (self.0.stores.with_database(&name), self.0.admin.with_database(&name));
        Ok(PostgresDatabase { server: self.clone(), name, url, admin })
    }

    /// Runs one statement as the administrator.
    fn execute(&self, sql: &str) -> anyhow::Result<()> {
        blocking(query(&self.0.admin.0, sql)).map(drop)
    }
}

/// A server that stands still.
#[derive(Debug)]
pub struct Frozen<'a>(&'a Instance);

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        // A server that is gone needs none.
        let _ = self.0.signal("CONT");
    }
}

/// An instance that runs, in a home of its own.
fn running(programs: &Path, place: Option<&Path>, settings: &str) -> anyhow::Result<Instance> {
    let home = Arc::new(Home::new(programs, place)?);
    let instance = Instance::init(&home, "data", settings)?;
    instance.start()?;
    Ok(instance)
}

/// Starts something twice at most: between choosing a port and using it somebody else may take it.
pub(crate) fn started<T>(programs: &Path, start: impl Fn() -> anyhow::Result<T>) -> anyhow::Result<T> {
    start()
        .or_else(|_| start())
        .with_context(|| format!("PostgreSQL of {} does not start", programs.display()))
}

/// A variable of the environment; none if it is unset or empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
