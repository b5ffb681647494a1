//! Opening a store: a first connection, what the server must be like, the schema.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use botstore_core::clock::{Clock, SystemClock};
use botstore_core::settings::PostgresSettings;
use botstore_core::url::PostgresUrl;
use botstore_core::{ErrorKind, Result, StoreError};
use botstore_migrations::{Goal, Migrated, MigrationError, SchemaStatus, postgres as migrations};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_postgres::types::Type;

use crate::client::Connections;
use crate::connect::Connector;
use crate::error;
use crate::group::Group;
use crate::lent::Endings;
use crate::pool::{Keeper, Object, Pool, ROUND};
use crate::rights::{self, Hidden};
use crate::row::Columns;
use crate::session::Session;

/// By how much a call may take longer than the server's bound on a statement allows.
pub(crate) const GRACE: Duration = Duration::from_secs(5);

/// What the server must be like for the statements to be right, and which of our tables the role may not see whole.
const SERVER: &str = "
    SELECT current_setting('server_encoding') AS encoding,
        current_setting('default_transaction_isolation') AS isolation,
        current_schema() IS NOT NULL AS placed,
        ARRAY(
            SELECT name FROM unnest($1) WITH ORDINALITY AS ours (name, place)
            WHERE row_security_active(to_regclass(name)::oid) ORDER BY place
        ) AS hidden,
        current_user::text AS role";

/// A store in a PostgreSQL database.
pub struct PostgresStore {
    pub(crate) connections: Arc<Connections>,
    /// Keeps the pool's minimum warm.
    pub(crate) keeper: Keeper,
    /// What callers record at the same time.
    pub(crate) group: Group,
    /// A permit for each call under way. Closing takes them all, and so waits for them; then it closes the gate.
    pub(crate) gate: Arc<Semaphore>,
    /// Whether the store is being closed: what may take very long ends then.
    pub(crate) closing: watch::Sender<bool>,
}

impl PostgresStore {
    /// How many calls may be under way at once; more wait for their turn.
    pub(crate) const MAX_CALLS: u32 = 1 << 20;

    /// Opens the store at `url`. With `migrate` the schema is brought up to date, else an old one is refused.
    ///
    /// # Errors
    ///
    /// - [`ErrorKind::Unavailable`]: the server cannot be reached, or refuses.
    /// - [`ErrorKind::Schema`]: the schema is none that this program works with, or the database's encoding or isolation; or
    ///   row-level security may hide rows from the role.
    /// - [`ErrorKind::InvalidInput`] of `database_url`: a file that it names cannot be used.
    pub async fn open(url: &PostgresUrl, settings: &PostgresSettings, migrate: bool) -> Result<Self> {
        Self::open_with(url, settings, migrate, Arc::new(SystemClock)).await
    }

    /// The same, with a clock by which connections grow old.
    pub(crate) async fn open_with(
        url: &PostgresUrl,
        settings: &PostgresSettings,
        migrate: bool,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let connections = Arc::new(Connections::new(url, settings, clock)?);
        let mut client = connections.first("open").await?;
        let prepared = if migrate {
            migrations::migrate(&mut client).await.map(drop)
        } else {
            migrations::check(&client).await.map(drop)
        };
        prepared.map_err(|error| connections.migration_error("open", error))?;
        drop(client);
        Ok(Self {
            keeper: connections.pool.keep(ROUND),
            group: Group::new(Arc::clone(&connections)),
            connections,
            gate: Arc::new(Semaphore::new(Self::MAX_CALLS as usize)),
            closing: watch::Sender::new(false),
        })
    }

    /// Lets a call in, unless the store is closed.
    pub(crate) async fn enter(&self, operation: &'static str) -> Result<OwnedSemaphorePermit> {
        Arc::clone(&self.gate).acquire_owned().await.map_err(|_| StoreError::closed(operation))
    }
}

/// Brings the database at `url` to this version, and lets go of it.
///
/// # Errors
///
/// As [`PostgresStore::open`].
pub async fn migrate_to(url: &PostgresUrl, settings: &PostgresSettings, goal: Goal) -> Result<Migrated> {
    let connections = Connections::new(url, settings, Arc::new(SystemClock))?;
    let mut client = connections.first("migrate").await?;
    let migrated = migrations::migrate_to(&mut client, goal).await;
    migrated.map_err(|error| connections.migration_error("migrate", error))
}

/// Says how the schema of the database at `url` stands to this program, changes nothing, and lets go of it.
///
/// # Errors
///
/// As [`PostgresStore::open`], but no version is refused.
pub async fn schema(url: &PostgresUrl, settings: &PostgresSettings) -> Result<SchemaStatus> {
    let connections = Connections::new(url, settings, Arc::new(SystemClock))?;
    let client = connections.first("schema").await?;
    let status = migrations::status(&client).await;
    status.map_err(|error| connections.migration_error("schema", error))
}

impl Connections {
    pub(crate) fn new(url: &PostgresUrl, settings: &PostgresSettings, clock: Arc<dyn Clock>) -> Result<Self> {
        let pool = Pool::new(Connector::new(url, settings)?, settings, clock).map_err(|error| {
            StoreError::new(ErrorKind::Internal, "open", "the pool could not be built").with_source(error)
        })?;
        Ok(Self {
            pool,
            shown: url.to_string(),
            deadline: settings.statement_timeout.map(|timeout| timeout + GRACE),
            own_sessions: settings.statement_cache,
            session: Session::of(settings),
            echo: settings.echo,
            endings: Endings::new(),
        })
    }

    /// The first connection, to a server of which the statements can be sure, as a role that sees every row: of some rows,
    /// a half would be told, copied or removed for the whole.
    pub(crate) async fn first(&self, operation: &'static str) -> Result<Object> {
        match self.look(operation).await? {
            (client, None) => Ok(client),
            (_, Some(hidden)) => {
                let detail = format!("{}: {}; {}", self.shown, hidden.found(), hidden.advice());
                Err(StoreError::new(ErrorKind::Schema, operation, detail))
            }
        }
    }

    /// The same as any role, with what it does not see.
    pub(crate) async fn look(&self, operation: &'static str) -> Result<(Object, Option<Hidden>)> {
        let client = self.get(operation).await?;
        let row = client.query_typed_one(SERVER, &[(&rights::all_tables(), Type::TEXT_ARRAY)]).await;
        let row = row.map_err(|error| error::of_read(operation, &self.shown, error))?;
        let (encoding, isolation): (&str, &str) = (row.raw("encoding")?, row.raw("isolation")?);
        let advice = if encoding != "UTF8" {
            // Text that is stored and ordered by bytes needs one encoding on both sides.
            format!("is encoded in {encoding}; create it with ENCODING 'UTF8'")
        } else if isolation != "read committed" {
            format!(
                "isolates transactions as {isolation}; run ALTER ROLE ... SET default_transaction_isolation TO 'read \
                 committed', and leave it out of the URL's options"
            )
        } else if !row.raw("placed")? {
            "has no schema of its search_path: create one that is there, or take search_path out of the URL's options"
                .to_owned()
        } else {
            return Ok((client, Hidden::of(&row)?));
        };
        Err(StoreError::new(ErrorKind::Schema, operation, format!("{} {advice}", self.shown)))
    }

    pub(crate) fn migration_error(&self, operation: &'static str, error: MigrationError) -> StoreError {
        match error {
            MigrationError::Refused(advice) => {
                StoreError::new(ErrorKind::Schema, operation, format!("{}: {advice}", self.shown))
            }
            MigrationError::Failed(source) => error::of_migration(operation, &self.shown, source.as_ref()),
        }
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresStore({})", self.connections.shown)
    }
}

#[cfg(test)]
mod tests;
