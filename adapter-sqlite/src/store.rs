//! The store: its connections, and how they are made anew when the file is replaced.

use std::sync::{Arc, PoisonError, RwLock};

use botstore_core::model::{Batch, PoolHealth};
use botstore_core::url::SqliteUrl;
use botstore_core::{ErrorKind, Result, StoreError};
use rusqlite::Connection;
use tokio::sync::Mutex;

use crate::error::Fault;
use crate::files::Files;
use crate::open::{Place, Prepared, blocking};
use crate::readers::Readers;
use crate::writer::Writer;

/// A store in an SQLite database: a file, or memory.
///
/// It has threads of its own: one that writes and, unless it is in memory, a few that read. Opening it needs a Tokio
/// runtime.
pub struct SqliteStore {
    database: Arc<str>,
    place: Arc<Place>,
    migrate: bool,
    current: RwLock<Arc<Connections>>,
    /// Whether the store was closed. Held while connections are made anew.
    closed: Mutex<bool>,
}

/// The connections to the database that stood at the path when they were made.
struct Connections {
    writer: Writer,
    /// None in memory: a second connection would have another database.
    file: Option<(Readers, Arc<Files>)>,
}

impl SqliteStore {
    /// Opens the database at `url`. With `migrate` a missing file is made, for its owner's eyes only, and the schema
    /// brought up to date; else a schema that is not is refused.
    ///
    /// # Errors
    ///
    /// - [`Schema`](ErrorKind::Schema): another program's database, or a schema that is too new, or too old to be used
    ///   without `migrate`. Nothing was changed.
    /// - [`Corrupt`](ErrorKind::Corrupt): no SQLite database, or a damaged one.
    /// - [`Timeout`](ErrorKind::Timeout): another process migrates the database all the time.
    /// - [`Unavailable`](ErrorKind::Unavailable): the file cannot be opened, read, written or locked.
    pub async fn open(url: &SqliteUrl, migrate: bool) -> Result<Self> {
        let place = Arc::new(Place::of(url));
        let connect = move |place: &Place| Connections::start(place, place.prepare(migrate)?);
        let current = RwLock::new(Arc::new(blocking("open", &place, connect).await?));
        Ok(Self { database: place.name().into(), place, migrate, current, closed: Mutex::new(false) })
    }

    /// Runs `work`, which writes, in a transaction.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let connections = self.connections(operation).await?;
        let outcome = connections.writer.run(operation, work).await;
        self.unless_replaced(&connections, operation, outcome)
    }

    /// Writes a batch without a cursor, merged with those of others.
    pub(crate) async fn record_together(&self, batch: Batch) -> Result<()> {
        const OPERATION: &str = "record";
        let connections = self.connections(OPERATION).await?;
        let outcome = connections.writer.record(batch).await;
        self.unless_replaced(&connections, OPERATION, outcome)
    }

    /// Runs `work`, which writes, outside any transaction.
    pub(crate) async fn write_alone<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let connections = self.connections(operation).await?;
        let files = connections.files();
        let work = move |connection: &Connection| {
            files.map_or(Ok(()), |files| files.check())?;
            work(connection)
        };
        let outcome = connections.writer.run_alone(operation, work).await;
        self.unless_replaced(&connections, operation, outcome)
    }

    /// Runs `work`, which reads by a single statement.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let connections = self.connections(operation).await?;
        let Some((readers, files)) = &connections.file else {
            return connections.writer.run(operation, work).await;
        };
        let files = Arc::clone(files);
        let work = move |connection: &Connection| {
            files.check_database()?;
            work(connection)
        };
        let outcome = match readers.read(work).await {
            None => Err(StoreError::closed(operation)),
            Some(outcome) => outcome.map_err(|fault| fault.into_error(operation, &self.database)),
        };
        self.unless_replaced(&connections, operation, outcome)
    }

    pub(crate) fn pool(&self) -> PoolHealth {
        let connections = self.current();
        match &connections.file {
            None => PoolHealth { max: 1, open: 1, idle: 1, waiting: connections.writer.waiting() },
            Some((readers, _)) => readers.health(),
        }
    }

    pub(crate) async fn end(&self) {
        let mut closed = self.closed.lock().await;
        *closed = true;
        self.current().close().await;
    }

    fn current(&self) -> Arc<Connections> {
        // Nothing that could panic is done under the lock.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The connections, made anew if the file was found replaced.
    async fn connections(&self, operation: &'static str) -> Result<Arc<Connections>> {
        let current = self.current();
        if !current.are_replaced() {
            return Ok(current);
        }
        // In a box: it happens rarely, and every call's future would have room for it.
        Box::pin(self.connect_anew(operation)).await
    }

    async fn connect_anew(&self, operation: &'static str) -> Result<Arc<Connections>> {
        let closed = self.closed.lock().await;
        let current = self.current();
        if *closed {
            return Err(StoreError::closed(operation));
        }
        if !current.are_replaced() {
            return Ok(current);
        }
        current.retire(operation).await?;
        let migrate = self.migrate;
        let connect = move |place: &Place| Connections::start(place, place.prepare_again(migrate)?);
        let anew = Arc::new(blocking(operation, &self.place, connect).await?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&anew);
        tracing::warn!(database = &*self.database, "the file was replaced; what stands there now is open");
        Ok(anew)
    }

    /// `Closed` is said of connections, too, that others close because the file was replaced.
    fn unless_replaced<T>(
        &self,
        connections: &Connections,
        operation: &'static str,
        outcome: Result<T>,
    ) -> Result<T> {
        outcome.map_err(|error| {
            if *error.kind() == ErrorKind::Closed && connections.are_replaced() {
                return Files::replaced().into_error(operation, &self.database);
            }
            error
        })
    }
}

impl Connections {
    fn start(place: &Place, prepared: Prepared) -> Result<Self, Fault> {
        let Prepared { connection, files, .. } = prepared;
        let files = files.map(Arc::new);
        let (readers, ended) =
            place.path.as_deref().map(|path| Readers::start(path, place.busy_timeout)).transpose()?.unzip();
        let writer = Writer::start(connection, place.name().into(), files.clone(), ended)
            .map_err(|error| Fault::System("no thread can be started", error))?;
        // If it was replaced meanwhile, they have two different files open.
        files.as_deref().map_or(Ok(()), Files::check)?;
        Ok(Self { writer, file: readers.zip(files) })
    }

    fn files(&self) -> Option<Arc<Files>> {
        self.file.as_ref().map(|(_, files)| Arc::clone(files))
    }

    fn are_replaced(&self) -> bool {
        self.file.as_ref().is_some_and(|(_, files)| files.are_replaced())
    }

    async fn close(&self) {
        if let Some((readers, _)) = &self.file {
            readers.close().await;
        }
        self.writer.close().await;
    }

    /// Closes connections to files that were replaced. To do so again does nothing.
    async fn retire(&self, operation: &'static str) -> Result<()> {
        let Some((readers, files)) = &self.file else { return Ok(()) };
        readers.close().await;
        let files = Arc::clone(files);
        let retired = self.writer.run_alone(operation, move |connection| files.retire(connection)).await;
        // Closed already if it was opening the new file that failed the last time.
        if let Err(error) = retired
            && *error.kind() != ErrorKind::Closed
        {
            return Err(error);
        }
        self.writer.close().await;
        Ok(())
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").field("database", &self.database).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
