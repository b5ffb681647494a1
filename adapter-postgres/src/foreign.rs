//! A connection to a database that another program made.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use botstore_core::clock::SystemClock;
use botstore_core::settings::PostgresSettings;
use botstore_core::url::PostgresUrl;
use botstore_core::{Result, StoreError};
use tokio_postgres::Client;

use crate::client::Connections;
use crate::error;
use crate::pool::Object;

/// A connection of one's own, made as those of a store are, to a database whose schema nobody looks at: for reading what
/// another program left there. It takes no part in a pool, and keeps no prepared statement unless it is told to.
pub struct ForeignConnection {
    client: Object,
    connections: Connections,
}

impl ForeignConnection {
    /// Connects. `operation` stands in errors.
    ///
    /// # Errors
    ///
    /// - [`Unavailable`](botstore_core::ErrorKind::Unavailable): no server of the URL can be reached, or all refuse.
    /// - [`InvalidInput`](botstore_core::ErrorKind::InvalidInput) of `database_url`: a file that it names cannot be used.
    pub async fn open(
        operation: &'static str,
        url: &PostgresUrl,
        settings: &PostgresSettings,
    ) -> Result<Self> {
        let connections = Connections::new(url, settings, Arc::new(SystemClock))?;
        let client = connections.get(operation).await?;
        Ok(Self { client, connections })
    }

    /// What an error of a statement that changes nothing means to a caller.
    #[must_use]
    pub fn error(&self, operation: &'static str, error: tokio_postgres::Error) -> StoreError {
        error::of_read(operation, &self.connections.shown, error)
    }
}

impl Deref for ForeignConnection {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl fmt::Debug for ForeignConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForeignConnection({})", self.connections.shown)
    }
}
