//! The database on which a case runs.

use std::sync::Arc;

use anyhow::Context as _;
use botstore::Config;
use botstore::store::BotStore;
use botstore::url::{DatabaseUrl, SqliteUrl};
use futures::future::BoxFuture;
use tempfile::TempDir;

use crate::case::Needs;
use crate::secrets;
use crate::server::PostgresDatabase;
use crate::unopened::{Raw, Unopened};

/// Where fresh databases come from.
#[derive(Debug, Clone)]
pub enum Backend {
    /// SQLite, in a file.
    SqliteFile,
    /// SQLite, in memory.
    SqliteMemory,
    /// PostgreSQL: copies of this migrated database.
    Postgres(Arc<PostgresDatabase>),
}

impl Backend {
    /// Why cases with such needs cannot run on this backend; none if they can.
    #[must_use]
    pub fn exception(&self, needs: Needs) -> Option<&'static str> {
        match (self, needs) {
            (Self::SqliteMemory, Needs::Persistence | Needs::Ddl) => {
                Some("a database in memory is private to its store and ends with it")
            }
            (Self::Postgres(template), Needs::Ddl) if template.is_rows_only() => {
                Some("the bot's role may not alter the schema")
            }
            _ => None,
        }
    }
}

/// What is put around a store before a case gets it: a [layer](botstore::layers), or several.
pub type Around = fn(Box<dyn BotStore>) -> BoxFuture<'static, Arc<dyn BotStore>>;

/// A fresh database and a store that has it open. It is removed when this is dropped.
#[derive(Debug)]
pub struct Database {
    // Before the home: the store is let go before its database is removed.
    store: Arc<dyn BotStore>,
    around: Around,
    config: Config,
    home: Home,
}

/// What must live as long as the database.
#[derive(Debug)]
enum Home {
    Memory,
    File(SqliteFile),
    Postgres(PostgresDatabase),
}

impl Database {
    /// An empty database of `backend`, its schema up to date, with `around` around each store on it.
    ///
    /// # Errors
    ///
    /// The database could not be made or opened.
    pub async fn fresh(backend: &Backend, around: Around) -> anyhow::Result<Self> {
        let (home, config) = match backend {
            Backend::SqliteFile => {
                let file = SqliteFile::new()?;
                let url = file.url();
                (Home::File(file), Config::new(url))
            }
            Backend::SqliteMemory => (Home::Memory, Config::new(DatabaseUrl::Sqlite(SqliteUrl::memory()))),
            Backend::Postgres(template) => {
                let database = template.copy()?;
                let config = Config::new(database.url().parse()?);
                let config = if database.is_rows_only() { config.without_migration() } else { config };
                (Home::Postgres(database), config)
            }
        };
        let store = secrets::open(&config).await.context("cannot open the fresh database")?;
        Ok(Self { store: around(store).await, around, config, home })
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn BotStore> {
        &self.store
    }

    /// How the store was opened.
    #[must_use]
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// A database of the same backend that no store has opened yet, in a file where it is SQLite. The
    /// case must have declared [`Needs::Ddl`].
    ///
    /// # Errors
    ///
    /// The server refuses, or the file's directory cannot be made.
    pub(crate) fn unopened(&self) -> anyhow::Result<Unopened> {
        Ok(match &self.home {
            Home::Memory | Home::File(_) => Unopened::Sqlite(SqliteFile::new()?),
            Home::Postgres(database) => Unopened::Postgres(database.beside()?),
        })
    }

    /// The database as another program sees it. The case must have declared [`Needs::Persistence`].
    ///
    /// # Panics
    ///
    /// It is in memory.
    pub(crate) fn raw(&self) -> Raw<'_> {
        match &self.home {
            Home::Memory => panic!("nobody else sees a database in memory"),
            Home::File(file) => Raw::Sqlite(file),
            Home::Postgres(database) => Raw::Postgres(database),
        }
    }

    /// A further store on the same database. The case must have declared [`Needs::Persistence`].
    ///
    /// # Panics
    ///
    /// The database cannot be opened.
    pub async fn open_another(&self) -> Arc<dyn BotStore> {
        match secrets::open(&self.config).await {
            Ok(store) => (self.around)(store).await,
            Err(error) => panic!("cannot open another store: {error}"),
        }
    }

    /// Closes the store and opens the same database again. The case must have declared [`Needs::Persistence`].
    ///
    /// # Panics
    ///
    /// The store cannot be closed or opened.
    pub async fn reopen(&mut self) {
        if let Err(error) = self.store.close().await {
            panic!("cannot close the store: {error}");
        }
        self.store = self.open_another().await;
    }
}

/// A place for an SQLite file, in a directory of its own that is removed when this is dropped.
#[derive(Debug)]
pub struct SqliteFile {
    directory: TempDir,
}

impl SqliteFile {
    /// A place where there is no file yet.
    ///
    /// # Errors
    ///
    /// The directory cannot be made.
    pub fn new() -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("botstore-").tempdir()?;
        Ok(Self { directory })
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("bot_data.db")
    }

    /// The file's URL.
    #[must_use]
    pub fn url(&self) -> DatabaseUrl {
        DatabaseUrl::Sqlite(SqliteUrl::file(self.path()))
    }
}
