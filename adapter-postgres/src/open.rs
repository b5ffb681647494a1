//! Opening a store: the connection's settings, the pool, the schema.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use botstore_core::settings::PostgresSettings;
use botstore_core::url::{PostgresUrl, SslMode};
use botstore_core::{ErrorKind, InvalidInput, Result, StoreError};
use botstore_migrations::{Migrated, MigrationError, postgres as migrations};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::NoTls;

use crate::client::Connections;
use crate::error;
use crate::group::Group;

/// How long a new connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The server's settings that every connection begins with: a bound on every statement, and the isolation that the
/// statements are written for. No just-in-time compilation, which costs short queries more than it gives. And one plan
/// for each statement, made once: left to itself, the server finds a plan for an array of one element cheaper than one
/// for any array, and so plans anew at every call. The other settings see to it that this one plan goes by an index,
/// however small the table is when it is made.
pub(crate) const SESSION_OPTIONS: &str = "-c statement_timeout=60s -c default_transaction_isolation=read\\ committed -c jit=off \
    -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off -c enable_hashjoin=off \
    -c enable_mergejoin=off";

/// A store in a PostgreSQL database.
pub struct PostgresStore {
    pub(crate) connections: Arc<Connections>,
    /// What callers record at the same time.
    pub(crate) group: Group,
    /// A permit for each call under way. Closing takes them all, and so waits for them; then it closes the gate.
    pub(crate) gate: Arc<Semaphore>,
}

impl PostgresStore {
    /// How many calls may be under way at once; more wait for their turn.
    pub(crate) const MAX_CALLS: u32 = 1 << 20;

    /// Opens the store at `url`. With `migrate` the schema is brought up to date, else an old one is refused.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Unavailable`]: the server cannot be reached, or refuses.
    /// - [`ErrorKind::Schema`]: the schema is none that this program works with.
    /// - [`ErrorKind::InvalidInput`]: a setting in the URL is not understood, or cannot be met.
    pub async fn open(url: &PostgresUrl, settings: &PostgresSettings, migrate: bool) -> Result<Self> {
        let store = Self::connect(url, settings)?;
        let mut client = store.connections.get("open").await?;
        store.check_encoding(&client).await?;
        if migrate {
            migrations::migrate(&mut client).await.map_err(|error| store.migration_error(error))?;
        } else {
            migrations::check(&client).await.map_err(|error| store.migration_error(error))?;
        }
        drop(client);
        Ok(store)
    }

    fn connect(url: &PostgresUrl, settings: &PostgresSettings) -> Result<Self> {
        let shown = url.to_string();
        if !matches!(url.tls.mode, SslMode::Disable | SslMode::Prefer) {
            return Err(invalid("asks for TLS, which this version does not offer: use a tunnel, or sslmode=disable for plain text").into());
        }
        let mut config = tokio_postgres::Config::from_str(&url.connection_string())
            // The driver's words could repeat a part of the URL.
            .map_err(|_| {
                invalid("is not understood: postgresql://USER:PASSWORD@HOST/DATABASE is expected")
            })?;
        let options = match config.get_options() {
            Some(given) => format!("{SESSION_OPTIONS} {given}"),
            None => SESSION_OPTIONS.to_owned(),
        };
        config.options(options);
        config.application_name(&settings.application_name);
        config.connect_timeout(url.connect_timeout.unwrap_or(CONNECT_TIMEOUT));
        // What a closed connection says of itself is checked without a round trip; a statement finds out the rest.
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let timeouts =
            Timeouts { wait: Some(settings.pool_timeout), create: Some(CONNECT_TIMEOUT), recycle: None };
        let pool = Pool::builder(Manager::from_config(config, NoTls, manager))
            .max_size(settings.max_connections() as usize)
            .timeouts(timeouts)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| {
                StoreError::new(ErrorKind::Internal, "open", "the pool could not be built").with_source(error)
            })?;
        let connections = Arc::new(Connections { pool, shown });
        Ok(Self {
            group: Group::new(Arc::clone(&connections)),
            connections,
            gate: Arc::new(Semaphore::new(Self::MAX_CALLS as usize)),
        })
    }

    /// Lets a call in, unless the store is closed.
    pub(crate) async fn enter(&self, operation: &'static str) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.gate).acquire_owned().await.map_err(|_| StoreError::closed(operation))
    }

    /// Text that is stored and ordered by bytes needs one encoding on both sides.
    async fn check_encoding(&self, client: &Object) -> Result<()> {
        let encoding: String = client
            .query_one("SELECT current_setting('server_encoding')", &[])
            .await
            .map_err(|error| error::of_read("open", &self.connections.shown, error))?
            .get(0);
        if encoding == "UTF8" {
            return Ok(());
        }
        let advice =
            format!("{} is encoded in {encoding}; create it with ENCODING 'UTF8'", self.connections.shown);
        Err(StoreError::new(ErrorKind::Schema, "open", advice))
    }

    fn migration_error(&self, error: MigrationError) -> StoreError {
        match error {
            MigrationError::Refused(advice) => {
                StoreError::new(ErrorKind::Schema, "open", format!("{}: {advice}", self.connections.shown))
            }
            MigrationError::Failed(source) => {
                error::of_migration("open", &self.connections.shown, source.as_ref())
            }
        }
    }
}

/// Brings the database at `url` to the newest schema, and lets go of it.
///
/// # Errors
///
/// As [`PostgresStore::open`].
pub async fn migrate(url: &PostgresUrl, settings: &PostgresSettings) -> Result<Migrated> {
    let store = PostgresStore::connect(url, settings)?;
    let mut client = store.connections.get("migrate").await?;
    store.check_encoding(&client).await?;
    let migrated = migrations::migrate(&mut client)
        .await
        .map_err(|error| store.migration_error(error).in_operation("migrate"));
    drop(client);
    store.connections.pool.close();
    migrated
}

fn invalid(reason: &str) -> InvalidInput {
    InvalidInput::new("database_url", reason)
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresStore({})", self.connections.shown)
    }
}
