//! Running a statement: prepared once a connection, bounded in time, sent again after a clash.

use std::time::Duration;

use botstore_core::{ErrorKind, Result, StoreError};
use deadpool_postgres::{Object, Pool};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::error;
use crate::open::PostgresStore;
use crate::statement::Statement;

/// How long a call may take once it has a connection. The server's own bound on a statement is 60 s; this one also ends
/// the wait for an answer that never comes.
const DEADLINE: Duration = Duration::from_secs(65);
/// How often a statement that clashed with others is sent.
const ATTEMPTS: usize = 20;

/// What a statement does, which decides what a broken connection means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Intent {
    /// It changes nothing.
    Read,
    /// It changes something.
    Write,
}

/// Parameters of a statement.
pub(crate) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The pool of connections, and the database's name in errors.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(crate) pool: Pool,
    /// The URL as people are shown it.
    pub(crate) shown: String,
}

/// A connection that goes back to the pool only after an answer. Without one, because it took too long or because nobody
/// waits for it any more, its statement may still be under way, and the next one would wait behind it: then it goes.
struct Lent(Option<Object>);

impl Lent {
    #[expect(clippy::expect_used, reason = "it is taken only by the two that end this value")]
    fn client(&self) -> &Object {
        self.0.as_ref().expect("a connection until the end")
    }

    fn give_back(mut self) {
        self.0.take();
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}

impl Connections {
    /// A connection of the pool.
    pub(crate) async fn get(&self, operation: &'static str) -> Result<Object> {
        self.pool
            .get()
            .await
            .map_err(|error| error::of_pool(operation, &self.shown, self.pool.status(), error))
    }

    /// Runs a statement and returns its rows. The parameters' types are the server's guess if none are given.
    pub(crate) async fn send(
        &self,
        operation: &'static str,
        intent: Intent,
        sql: &str,
        types: &[Type],
        params: Params<'_>,
    ) -> Result<Vec<Row>> {
        let lent = Lent(Some(self.get(operation).await?));
        let clear = self.send_until_clear(lent.client(), operation, intent, sql, types, params);
        match tokio::time::timeout(DEADLINE, clear).await {
            Ok(answer) => {
                lent.give_back();
                answer
            }
            Err(_) => {
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
        sql: &str,
        types: &[Type],
        params: Params<'_>,
    ) -> Result<Vec<Row>> {
        let mut attempt = 1;
        loop {
            // What is prepared already costs no round trip.
            let statement = client.prepare_typed_cached(sql, types).await;
            let statement = statement.map_err(|error| error::of_read(operation, &self.shown, error))?;
            match client.query(&statement, params).await {
                Err(error) if attempt < ATTEMPTS && error::is_clash(&error) => {
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
        let _call = self.enter(operation).await?;
        self.connections.send(operation, intent, sql, &[], params).await
    }

    /// Runs a statement that was put together, and returns its rows.
    pub(crate) async fn run(
        &self,
        operation: &'static str,
        intent: Intent,
        statement: &Statement<'_>,
    ) -> Result<Vec<Row>> {
        let _call = self.enter(operation).await?;
        statement.send(&self.connections, operation, intent).await
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
