//! Running a statement: prepared once a connection, bounded in time, sent again after a clash.

use std::time::Duration;

use botstore_core::{ErrorKind, Result, StoreError};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::error;
use crate::open::PostgresStore;

/// How long a call may take once it has a connection. The server's own bound on a statement is 60 s; this one also ends
/// the wait for an answer that never comes.
const DEADLINE: Duration = Duration::from_secs(65);
/// How often a statement that clashed with others is sent.
const ATTEMPTS: usize = 20;

/// What a statement does, which decides what a broken connection means and what is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// It changes nothing.
    Read,
    /// It changes something.
    Write,
    /// It makes a row that somebody else may be making at this moment: then it finds that row when it is sent again.
    WriteOrFind,
}

/// Parameters of a statement.
pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

impl PostgresStore {
    /// Runs a statement and returns its rows.
    pub(crate) async fn rows(
        &self,
        operation: &'static str,
        intent: Intent,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>> {
        let _permit = self.gate.acquire().await.map_err(|_| StoreError::closed(operation))?;
        let client = self.connection(operation).await?;
        let call = async {
            let statement =
                client.prepare_cached(sql).await.map_err(|error| error::of_read(operation, error))?;
            for _ in 1..ATTEMPTS {
                match client.query(&statement, params).await {
                    Err(error) if error::is_clash(&error, intent == Intent::WriteOrFind) => {
                        tracing::debug!(operation, "clashed with another writer, sent again");
                    }
                    answer => return answer.map_err(|error| of_intent(operation, intent, error)),
                }
            }
            client.query(&statement, params).await.map_err(|error| of_intent(operation, intent, error))
        };
        match tokio::time::timeout(DEADLINE, call).await {
            Ok(answer) => answer,
            Err(_) => {
                // Nobody knows what the connection will say next: it goes, and takes its statement with it.
                drop(deadpool_postgres::Object::take(client));
                let kind = if intent == Intent::Read { ErrorKind::Timeout } else { ErrorKind::Indeterminate };
                Err(StoreError::new(kind, operation, format!("no answer within {} s", DEADLINE.as_secs())))
            }
        }
    }

    /// Runs a statement that returns exactly one row.
    pub(crate) async fn row(
        &self,
        operation: &'static str,
        intent: Intent,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Row> {
        self.row_if_any(operation, intent, sql, params).await?.ok_or_else(|| {
            StoreError::new(ErrorKind::Corrupt, operation, "a row that is always there is missing")
        })
    }

    /// Runs a statement that returns one row or none.
    pub(crate) async fn row_if_any(
        &self,
        operation: &'static str,
        intent: Intent,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Option<Row>> {
        Ok(self.rows(operation, intent, sql, params).await?.pop())
    }
}

fn of_intent(operation: &'static str, intent: Intent, error: tokio_postgres::Error) -> StoreError {
    match intent {
        Intent::Read => error::of_read(operation, error),
        Intent::Write | Intent::WriteOrFind => error::of_write(operation, error),
    }
}
