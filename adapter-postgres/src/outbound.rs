//! The queue of messages that wait to be sent.

use async_trait::async_trait;
use botstore_core::model::{
    Claim, Enqueued, FailureText, Lease, Limit, MaxAttempts, MessageText, NewMessage, OutboundMessage,
    OutboundState, RowId, Settlement, Timestamp, UniqueKey,
};
use botstore_core::{Outbound, Result, StoreError, conflict};
use tokio_postgres::Row;

use crate::client::{Intent, Params};
use crate::open::PostgresStore;
use crate::row::Columns;
#[cfg(test)]
use crate::testing::Access;

/// The columns of a message.
macro_rules! columns {
    () => {
        "id, timestamp, message, unique_key, state, retry_count, max_attempts, due_at, lease_until, sent_timestamp,
            error_message, lease_token"
    };
}

/// What is due at $1. A message that somebody has under a live lease is not.
macro_rules! is_due {
    () => {
        "due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)"
    };
}

/// The message with the key is found in the same snapshot in which the insertion fails, unless it was made just now:
/// then there is no row at all, and the statement is sent again.
const ENQUEUE: &str = "
    WITH made AS (
        INSERT INTO outbound_messages (timestamp, message, unique_key, max_attempts, due_at) VALUES ($1, $2, $3, $4, $1)
        ON CONFLICT (unique_key) DO NOTHING RETURNING id
    )
    SELECT id, TRUE AS created FROM made
    UNION ALL SELECT id, FALSE FROM outbound_messages WHERE unique_key = $3";

const DUE_MESSAGES: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM outbound_messages WHERE ",
    is_due!(),
    " ORDER BY due_at, id LIMIT $2"
);

const CLAIM_MESSAGES: &str = concat!(
    "WITH due AS MATERIALIZED (
        SELECT id FROM outbound_messages WHERE ",
    is_due!(),
    " ORDER BY due_at, id LIMIT $2 FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE outbound_messages SET lease_until = $3, lease_token = lease_token + 1
        WHERE id IN (SELECT id FROM due)
        RETURNING ",
    columns!(),
    ")
    SELECT ",
    columns!(),
    " FROM claimed ORDER BY due_at, id"
);

const SETTLE_MESSAGE: &str = "
    UPDATE outbound_messages SET state = $3, sent = ($3 = 'sent'), retry_count = $4, due_at = $5, sent_timestamp = $6,
        error_message = $7, lease_until = NULL
    WHERE id = $1 AND lease_token = $2 AND lease_until IS NOT NULL
    RETURNING id";

const OUTBOUND_MESSAGE: &str = concat!("SELECT ", columns!(), " FROM outbound_messages WHERE id = $1");

const ALL_MESSAGES: &str =
    concat!("SELECT ", columns!(), " FROM outbound_messages WHERE id > $1 ORDER BY id LIMIT $2");

/// A range of the index by state. Written as an equality it could be read from the primary key, which has the same order
/// and would pass over all messages of other states.
const MESSAGES_OF_STATE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM outbound_messages WHERE (state, id) > ($3, $1) AND state <= $3 ORDER BY state, id LIMIT $2"
);

const REQUEUE_MESSAGE: &str = "
    UPDATE outbound_messages SET state = 'queued', retry_count = 0, due_at = $2, lease_token = lease_token + 1
    WHERE id = $1 AND state IN ('failed', 'dead') RETURNING id";

const DISCARD_MESSAGE: &str =
    "DELETE FROM outbound_messages WHERE id = $1 AND state IN ('failed', 'dead') RETURNING id";

#[async_trait]
impl Outbound for PostgresStore {
    async fn enqueue(&self, message: &NewMessage, now: Timestamp) -> Result<Enqueued> {
        let (at, text) = (now.seconds(), message.message().as_str());
        let (key, attempts) = (message.unique_key().map(UniqueKey::as_str), message.max_attempts().get());
        loop {
            let row =
                self.row_if_any("enqueue", Intent::Write, ENQUEUE, &[&at, &text, &key, &attempts]).await?;
            if let Some(row) = row {
                return Ok(Enqueued { id: row.id("id")?, created: row.raw("created")? });
            }
        }
    }

    async fn due_messages(&self, now: Timestamp, limit: Limit) -> Result<Vec<OutboundMessage>> {
        let rows =
            self.rows("due_messages", Intent::Read, DUE_MESSAGES, &[&now.seconds(), &limit.get()]).await?;
        rows.iter().map(message).collect()
    }

    async fn claim_messages(&self, claim: Claim, limit: Limit) -> Result<Vec<Lease>> {
        let (now, until) = (claim.now.seconds(), claim.until().seconds());
        let rows =
            self.rows("claim_messages", Intent::Write, CLAIM_MESSAGES, &[&now, &limit.get(), &until]).await?;
        rows.iter().map(lease).collect()
    }

    async fn settle_message(
        &self,
        held: &Lease,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<OutboundState> {
        const OPERATION: &str = "settle_message";
        let settled = held.settle(settlement, now);
        let id = held.message.id.get();
        let (due, sent) = (settled.due_at.map(Timestamp::seconds), settled.sent_at.map(Timestamp::seconds));
        let error = settled.error.as_ref().map(FailureText::as_str);
        let changed = self
            .row_if_any(
                OPERATION,
                Intent::Write,
                SETTLE_MESSAGE,
                &[&id, &held.token, &settled.state.as_str(), &settled.retry_count, &due, &sent, &error],
            )
            .await?;
        if changed.is_some() {
            return Ok(settled.state);
        }
        let row = self.row_if_any(OPERATION, Intent::Read, OUTBOUND_MESSAGE, &[&id]).await?;
        let row = row.ok_or_else(|| StoreError::not_found(OPERATION, "message"))?;
        if settled.was_said_before(held, &lease(&row)?) {
            return Ok(settled.state);
        }
        Err(StoreError::conflict(OPERATION, conflict::STALE_LEASE))
    }

    async fn outbound_messages(
        &self,
        state: Option<OutboundState>,
        after: Option<RowId>,
        limit: Limit,
    ) -> Result<Vec<OutboundMessage>> {
        const OPERATION: &str = "outbound_messages";
        let (after, limit) = (after.map_or(i64::MIN, RowId::get), limit.get());
        let rows = match state {
            None => self.rows(OPERATION, Intent::Read, ALL_MESSAGES, &[&after, &limit]).await?,
            Some(state) => {
                self.rows(OPERATION, Intent::Read, MESSAGES_OF_STATE, &[&after, &limit, &state.as_str()])
                    .await?
            }
        };
        rows.iter().map(message).collect()
    }

    async fn requeue_message(&self, id: RowId, now: Timestamp) -> Result<()> {
        let params: Params<'_> = &[&id.get(), &now.seconds()];
        self.finish_by_hand("requeue_message", id, REQUEUE_MESSAGE, params).await
    }

    async fn discard_message(&self, id: RowId) -> Result<()> {
        self.finish_by_hand("discard_message", id, DISCARD_MESSAGE, &[&id.get()]).await
    }
}

impl PostgresStore {
    /// Runs a statement that changes a dead or failed message. Why it changed nothing is asked afterwards: a statement
    /// that waited for somebody else still sees what was there before.
    async fn finish_by_hand(
        &self,
        operation: &'static str,
        id: RowId,
        sql: &str,
        params: Params<'_>,
    ) -> Result<()> {
        if self.row_if_any(operation, Intent::Write, sql, params).await?.is_some() {
            return Ok(());
        }
        match self.row_if_any(operation, Intent::Read, OUTBOUND_MESSAGE, &[&id.get()]).await? {
            Some(_) => Err(StoreError::conflict(operation, conflict::NOT_FINISHED)),
            None => Err(StoreError::not_found(operation, "message")),
        }
    }
}

fn lease(row: &Row) -> Result<Lease> {
    Ok(Lease { message: message(row)?, token: row.raw("lease_token")? })
}

fn message(row: &Row) -> Result<OutboundMessage> {
    Ok(OutboundMessage {
        id: row.id("id")?,
        at: row.moment("timestamp")?,
        message: row.value("message", |text: &str| MessageText::new(text))?,
        unique_key: row.maybe("unique_key", |key: &str| UniqueKey::new(key))?,
        state: row.value("state", |state: &str| state.parse())?,
        retry_count: row.raw("retry_count")?,
        max_attempts: row.value("max_attempts", MaxAttempts::new)?,
        due_at: row.moment_if_any("due_at")?,
        lease_until: row.moment_if_any("lease_until")?,
        sent_at: row.moment_if_any("sent_timestamp")?,
        error: row.maybe("error_message", |text: &str| FailureText::new(text))?,
    })
}

/// How the statements find their rows.
#[cfg(test)]
pub(crate) const PLANS: &[(&str, Access)] = &[
    (ENQUEUE, Access::Index),
    (SETTLE_MESSAGE, Access::Index),
    (OUTBOUND_MESSAGE, Access::Index),
    (ALL_MESSAGES, Access::Index),
    (MESSAGES_OF_STATE, Access::Index),
    (REQUEUE_MESSAGE, Access::Index),
    (DISCARD_MESSAGE, Access::Index),
    (DUE_MESSAGES, Access::PassingOver),
    (CLAIM_MESSAGES, Access::PassingOver),
];
