//! Running a statement: prepared once a connection or not at all, bounded in time, sent again after a clash.

use std::time::Duration;

use botstore_core::{ErrorKind, Result, StoreError};
use futures::TryStreamExt as _;
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::bind::{Bind, Hidden};
use crate::error::{self, Aftermath};
use crate::lent::{Endings, Lent};
use crate::open::PostgresStore;
use crate::pool::{Object, Pool};
use crate::session::Session;
use crate::statement::Statement;

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
pub(crate) type Params<'a> = &'a [&'a dyn Bind];

/// The pool of connections, and how statements are sent on them.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(crate) pool: Pool,
    /// The URL as people are shown it.
    pub(crate) shown: String,
    /// How long a call may take once it has a connection. It is longer than the server's own bound on a statement, and
    /// also ends the wait for an answer that never comes.
    pub(crate) deadline: Option<Duration>,
    /// Whether a connection is a session that nobody else gets in between: only then anything may be left in it, such
    /// as a prepared statement.
    pub(crate) own_sessions: bool,
    /// How sessions are asked to be.
    pub(crate) session: Session,
    /// Whether the statements are logged.
    pub(crate) echo: bool,
    /// Statements for which nobody waits any more.
    pub(crate) endings: Endings,
}

/// An error of a statement, and whether it was sent before.
struct Failure {
    error: tokio_postgres::Error,
    sent: bool,
}

impl Connections {
    /// A connection of the pool.
    pub(crate) async fn get(&self, operation: &'static str) -> Result<Object> {
        self.pool
            .get()
            .await
            .map_err(|error| error::of_pool(operation, &self.shown, self.pool.shortage(), error))
    }

    /// A connection of the pool, for one statement.
    pub(crate) async fn lend(&self, operation: &'static str) -> Result<Lent> {
        Ok(Lent::new(self.get(operation).await?, &self.pool, &self.endings))
    }

    /// Runs a statement and returns its rows.
    pub(crate) async fn send(
        &self,
        operation: &'static str,
        intent: Intent,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>> {
        let lent = self.lend(operation).await?;
        self.log(operation, sql);
        let clear = self.send_until_clear(lent.client(), operation, sql, params);
        let answer = match self.deadline {
            None => clear.await,
            Some(deadline) => match tokio::time::timeout(deadline, clear).await {
                Ok(answer) => answer,
                Err(_) => return Err(self.no_answer(operation, intent, deadline)),
            },
        };
        match answer {
            Ok(rows) => {
                lent.give_back();
                Ok(rows)
            }
            Err(Failure { error, sent }) => {
                self.part_with(lent, &error);
                let harmless = intent == Intent::Read || !sent;
                let of = if harmless { error::of_read } else { error::of_write };
                Err(of(operation, &self.shown, error))
            }
        }
    }

    /// Sends a statement, and sends it again as long as it clashes with those of others, and once if what was prepared
    /// has become stale.
    async fn send_until_clear(
        &self,
        client: &Object,
        operation: &'static str,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, Failure> {
        let (mut attempt, mut healed) = (1, false);
        loop {
            match self.send_once(client, sql, params).await {
                Err(Failure { error, .. }) if attempt < ATTEMPTS && error::is_clash(&error) => {
                    tracing::debug!(operation, attempt, "clashed with another writer, sent again");
                    attempt += 1;
                }
                Err(Failure { error, .. }) if self.own_sessions && !healed && error::is_stale(&error) => {
                    tracing::debug!(operation, "prepared statements became stale, prepared again");
                    client.statement_cache.clear();
                    healed = true;
                }
                answer => return answer,
            }
        }
    }

    async fn send_once(&self, client: &Object, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        let unsent = |error| Failure { error, sent: false };
        let sent = |error| Failure { error, sent: true };
        let hidden = params.iter().map(|&param| Hidden(param));
        let rows = if self.own_sessions {
            let types: Vec<Type> = params.iter().map(|param| param.ty()).collect();
            // What is prepared already costs no round trip.
            let statement = client.prepare_typed_cached(sql, &types).await.map_err(unsent)?;
            client.query_raw(&statement, hidden).await
        } else {
            let typed = hidden.zip(params.iter().map(|param| param.ty()));
            client.query_typed_raw(sql, typed).await
        };
        rows.map_err(sent)?.try_collect().await.map_err(sent)
    }

    /// Gives a connection back after an error, if it is still good for anything.
    fn part_with(&self, lent: Lent, error: &tokio_postgres::Error) {
        match Aftermath::of(error) {
            Aftermath::Keep => lent.give_back(),
            Aftermath::Close => lent.close(),
            Aftermath::CloseAll => {
                lent.close();
                self.pool.forget_idle();
            }
        }
    }

    fn no_answer(&self, operation: &'static str, intent: Intent, deadline: Duration) -> StoreError {
        let kind = if intent == Intent::Read { ErrorKind::Timeout } else { ErrorKind::Indeterminate };
        StoreError::new(kind, operation, format!("{}: no answer within {deadline:?}", self.shown))
    }

    /// Logs a statement, if that is wanted.
    pub(crate) fn log(&self, operation: &'static str, sql: &str) {
        if self.echo {
            tracing::info!(operation, sql, "statement");
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
        self.connections.send(operation, intent, sql, params).await
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
            let text = "a row that is always there is gone; `rosey doctor` says what makes it again";
            StoreError::new(ErrorKind::Corrupt, operation, text)
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

#[cfg(test)]
mod tests;
