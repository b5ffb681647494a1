//! Looking how a database is, through one connection that changes nothing.

mod bytes;
mod columns;
mod objects;
mod rows;
mod sequences;
mod singles;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use botstore_core::model::{Aspect, DatabaseHealth, Depth, Finding, PoolHealth};
use botstore_core::url::SqliteUrl;
use botstore_core::{Examine, Result};
use botstore_migrations::sqlite as migrations;
use rusqlite::Connection;

use crate::error::Fault;
use crate::lifecycle::identity;
use crate::open::{Place, blocking};
use crate::stop::Stop;

/// Looks how the database in a file is. Its log is left as it is, too, whoever closes it last.
pub struct SqliteExaminer {
    place: Arc<Place>,
    /// Opened when it is first wanted, so that what is wrong with the file is an answer, too.
    connection: Arc<Mutex<Option<Connection>>>,
}

impl SqliteExaminer {
    /// Looks at nothing yet.
    #[must_use]
    pub fn new(url: &SqliteUrl) -> Self {
        Self { place: Arc::new(Place::of(url)), connection: Arc::default() }
    }

    async fn look<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Place, &Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let (stop, _waiter) = Stop::new();
        let shared = Arc::clone(&self.connection);
        blocking(operation, &self.place, move |place| {
            let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let connection = match shared.take() {
                Some(connection) => connection,
                None => place.look()?,
            };
            stop.over(shared.insert(connection), |connection| work(place, connection))
        })
        .await
    }
}

#[async_trait]
impl Examine for SqliteExaminer {
    async fn health(&self) -> Result<DatabaseHealth> {
        self.look("health", |place, connection| {
            place.refuse_nothing()?;
            migrations::check(connection)?;
            let asked = Instant::now();
            let (id, engine_version, schema_version) = identity(connection)?;
            Ok(DatabaseHealth {
                id,
                engine_version,
                schema_version,
                latency: asked.elapsed(),
                pool: PoolHealth { max: 1, open: 1, idle: 1, waiting: 0 },
                read_only: None,
                differences: Vec::new(),
            })
        })
        .await
    }

    async fn examine(&self, aspect: Aspect, depth: Depth) -> Result<Option<Finding>> {
        // The others are a server's.
        let asked = [Aspect::Integrity, Aspect::Bloat, Aspect::Objects, Aspect::Sequences, Aspect::Rows];
        if self.place.is_nothing() || !asked.contains(&aspect) {
            return Ok(None);
        }
        self.look("examine", move |place, connection| match aspect {
            Aspect::Integrity => bytes::integrity(connection, place.path.as_deref(), depth).map(Some),
            Aspect::Bloat => bytes::bloat(connection).map(Some),
            Aspect::Objects if is_current(connection)? => objects::objects(connection).map(Some),
            Aspect::Sequences if is_current(connection)? => sequences::sequences(connection),
            Aspect::Rows if depth == Depth::Deep && is_current(connection)? => {
                rows::rows(connection).map(Some)
            }
            _ => Ok(None),
        })
        .await
    }
}

/// Whether the schema is the one that this program knows.
fn is_current(connection: &Connection) -> Result<bool, Fault> {
    Ok(migrations::status(connection)?.is_current())
}

impl fmt::Debug for SqliteExaminer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SqliteExaminer({})", self.place.name())
    }
}
