//! Running a statement: prepared once a connection, bounded in time, sent again after a clash.

use std::time::Duration;

use botstore_core::{ErrorKind, Result, StoreError};
use deadpool_postgres::Object;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::error;
use crate::open::PostgresStore;
use crate::statement::{Statement, typed};

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

/// How a statement is sent.
enum Form<'a> {
    /// Prepared once a connection. The parameters' types are the server's guess if none are given.
    Prepared { sql: &'a str, types: &'a [Type], params: Params<'a> },
    /// Parsed and planned for these very parameters, in the same round trip.
    PlannedAnew { sql: &'a str, params: &'a [(&'a (dyn ToSql + Sync), Type)] },
}

impl PostgresStore {
    /// Runs a statement and returns its rows.
    pub(crate) async fn rows(
        &self,
        operation: &'static str,
        intent: Intent,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>> {
        self.send(operation, intent, Form::Prepared { sql, types: &[], params }).await
    }

    /// Runs a statement that was put together, and returns its rows.
    pub(crate) async fn run(
        &self,
        operation: &'static str,
        intent: Intent,
        statement: &Statement<'_>,
    ) -> Result<Vec<Row>> {
        let (sql, types, params) = (statement.sql(), statement.types(), statement.params());
        if statement.plan_anew {
            let params = typed(&params, types);
            self.send(operation, intent, Form::PlannedAnew { sql, params: &params }).await
        } else {
            self.send(operation, intent, Form::Prepared { sql, types, params: &params }).await
        }
    }

    async fn send(&self, operation: &'static str, intent: Intent, form: Form<'_>) -> Result<Vec<Row>> {
        let _permit = self.gate.acquire().await.map_err(|_| StoreError::closed(operation))?;
        let client = self.connection(operation).await?;
        match tokio::time::timeout(DEADLINE, self.send_until_clear(&client, operation, intent, &form)).await {
            Ok(answer) => answer,
            Err(_) => {
                // Nobody knows what the connection will say next: it goes, and takes its statement with it.
                drop(Object::take(client));
                let kind = if intent == Intent::Read { ErrorKind::Timeout } else { ErrorKind::Indeterminate };
                Err(StoreError::new(kind, operation, format!("no answer within {} s", DEADLINE.as_secs())))
            }
        }
    }

    /// Sends a statement, and sends it again as long as it clashes with those of others.
    async fn send_until_clear(
        &self,
        client: &Object,
        operation: &'static str,
        intent: Intent,
        form: &Form<'_>,
    ) -> Result<Vec<Row>> {
        let mut attempt = 1;
        loop {
            let answer = match form {
                Form::Prepared { sql, types, params } => {
                    // What is prepared already costs no round trip.
                    let statement = client.prepare_typed_cached(sql, types).await;
                    let statement =
                        statement.map_err(|error| error::of_read(operation, &self.shown, error))?;
                    client.query(&statement, params).await
                }
                Form::PlannedAnew { sql, params } => client.query_typed(sql, params).await,
            };
            match answer {
                Err(error)
                    if attempt < ATTEMPTS && error::is_clash(&error, intent == Intent::WriteOrFind) =>
                {
                    tracing::debug!(operation, attempt, "clashed with another writer, sent again");
                    attempt += 1;
                }
                answer => {
                    let of = if intent == Intent::Read { error::of_read } else { error::of_write };
                    return answer.map_err(|error| of(operation, &self.shown, error));
                }
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
