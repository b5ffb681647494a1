use async_trait::async_trait;
use botstore_core::model::{
    Claim, Enqueued, FailureText, Lease, Limit, NewMessage, OutboundMessage, OutboundState, RowId, Settled,
    Settlement, Timestamp, UniqueKey,
};
use botstore_core::{Outbound, Result, conflict};
use rusqlite::{Connection, params};

use crate::SqliteStore;
use crate::error::Fault;
use crate::row::{Row, change, row, rows, the_row};

const TABLE: &str = "outbound_messages";

#[async_trait]
impl Outbound for SqliteStore {
    async fn enqueue(&self, message: &NewMessage, now: Timestamp) -> Result<Enqueued> {
        let message = message.clone();
        self.write("enqueue", move |connection| enqueue(connection, &message, now)).await
    }

    async fn due_messages(&self, now: Timestamp, limit: Limit) -> Result<Vec<OutboundMessage>> {
        self.read("due_messages", move |connection| due(connection, now, limit)).await
    }

    async fn claim_messages(&self, claimed: Claim, limit: Limit) -> Result<Vec<Lease>> {
        self.write("claim_messages", move |connection| claim(connection, claimed, limit)).await
    }

    async fn settle_message(
        &self,
        lease: &Lease,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<OutboundState> {
        let (lease, settled) = (lease.clone(), lease.settle(settlement, now));
        self.write("settle_message", move |connection| settle(connection, &lease, &settled)).await
    }

    async fn outbound_messages(
        &self,
        state: Option<OutboundState>,
        after: Option<RowId>,
        limit: Limit,
    ) -> Result<Vec<OutboundMessage>> {
        self.read("outbound_messages", move |connection| messages(connection, state, after, limit)).await
    }

    async fn requeue_message(&self, id: RowId, now: Timestamp) -> Result<()> {
        self.write("requeue_message", move |connection| requeue(connection, id, now)).await
    }

    async fn discard_message(&self, id: RowId) -> Result<()> {
        self.write("discard_message", move |connection| discard(connection, id)).await
    }
}

/// The columns that [`message`] reads.
macro_rules! columns {
    () => {
        "id, timestamp, message, unique_key, state, retry_count, max_attempts, due_at, lease_until, sent_timestamp, \
         error_message"
    };
}

fn message(row: &Row<'_>) -> Result<OutboundMessage, Fault> {
    Ok(OutboundMessage {
        id: row.get(0)?,
        at: row.get(1)?,
        message: row.get(2)?,
        unique_key: row.get(3)?,
        state: row.get(4)?,
        retry_count: row.get(5)?,
        max_attempts: row.get(6)?,
        due_at: row.get(7)?,
        lease_until: row.get(8)?,
        sent_at: row.get(9)?,
        error: row.get(10)?,
    })
}

/// The message and, in the column after [`columns`], its lease's token.
fn lease(row: &Row<'_>) -> Result<Lease, Fault> {
    Ok(Lease { message: message(row)?, token: row.get(11)? })
}

const ENQUEUE: &str = "INSERT INTO outbound_messages (timestamp, message, unique_key, max_attempts, due_at) \
    VALUES (?1, ?2, ?3, ?4, ?1) ON CONFLICT (unique_key) DO NOTHING RETURNING id";

const WITH_KEY: &str = "SELECT id FROM outbound_messages WHERE unique_key = ?1";

fn enqueue(connection: &Connection, message: &NewMessage, now: Timestamp) -> Result<Enqueued, Fault> {
    let key = message.unique_key().map(UniqueKey::as_str);
    let values = params![now.seconds(), message.message().as_str(), key, message.max_attempts().get()];
    if let Some(id) = row(connection, TABLE, ENQUEUE, values, |row| row.get(0))? {
        return Ok(Enqueued { id, created: true });
    }
    let id = the_row(connection, TABLE, WITH_KEY, [key], |row| row.get(0))?;
    Ok(Enqueued { id, created: false })
}

/// What may be tried at `?1`, the first `?2` of it.
macro_rules! due {
    () => {
        "FROM outbound_messages WHERE due_at <= ?1 AND (lease_until IS NULL OR lease_until <= ?1) \
         ORDER BY due_at, id LIMIT ?2"
    };
}

const DUE: &str = concat!("SELECT ", columns!(), " ", due!());

fn due(connection: &Connection, now: Timestamp, limit: Limit) -> Result<Vec<OutboundMessage>, Fault> {
    rows(connection, TABLE, DUE, [now.seconds(), limit.get()], message)
}

const CLAIM: &str = concat!(
    "UPDATE outbound_messages SET lease_until = ?3, lease_token = lease_token + 1 WHERE id IN (SELECT id ",
    due!(),
    ") RETURNING ",
    columns!(),
    ", lease_token"
);

fn claim(connection: &Connection, claim: Claim, limit: Limit) -> Result<Vec<Lease>, Fault> {
    let values = [claim.now.seconds(), limit.get(), claim.until().seconds()];
    let mut leases = rows(connection, TABLE, CLAIM, values, lease)?;
    // What an UPDATE returns has no order.
    leases.sort_unstable_by_key(|lease| (lease.message.due_at, lease.message.id));
    Ok(leases)
}

const SETTLE: &str = "UPDATE outbound_messages SET state = ?3, sent = (?3 = 'sent'), retry_count = ?4, due_at = ?5, \
    sent_timestamp = ?6, error_message = ?7, lease_until = NULL \
    WHERE id = ?1 AND lease_token = ?2 AND lease_until IS NOT NULL";

const LEASE: &str = concat!("SELECT ", columns!(), ", lease_token FROM outbound_messages WHERE id = ?1");

fn settle(connection: &Connection, lease: &Lease, settled: &Settled) -> Result<OutboundState, Fault> {
    let id = lease.message.id.get();
    let values = params![
        id,
        lease.token,
        settled.state.as_str(),
        settled.retry_count,
        settled.due_at.map(Timestamp::seconds),
        settled.sent_at.map(Timestamp::seconds),
        settled.error.as_ref().map(FailureText::as_str),
    ];
    if change(connection, SETTLE, values)? == 1 {
        return Ok(settled.state);
    }
    let stored = row(connection, TABLE, LEASE, [id], self::lease)?;
    let stored = stored.ok_or_else(|| Fault::not_found("message"))?;
    if settled.was_said_before(lease, &stored) {
        return Ok(settled.state);
    }
    Err(Fault::conflict(conflict::STALE_LEASE))
}

const MESSAGES: &str =
    concat!("SELECT ", columns!(), " FROM outbound_messages WHERE id > ?1 ORDER BY id LIMIT ?2");

const MESSAGES_OF_STATE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM outbound_messages WHERE state = ?3 AND id > ?1 ORDER BY id LIMIT ?2"
);

fn messages(
    connection: &Connection,
    state: Option<OutboundState>,
    after: Option<RowId>,
    limit: Limit,
) -> Result<Vec<OutboundMessage>, Fault> {
    let (after, limit) = (after.map_or(i64::MIN, RowId::get), limit.get());
    match state {
        None => rows(connection, TABLE, MESSAGES, [after, limit], message),
        Some(state) => {
            rows(connection, TABLE, MESSAGES_OF_STATE, params![after, limit, state.as_str()], message)
        }
    }
}

const REQUEUE: &str = "UPDATE outbound_messages SET state = 'queued', retry_count = 0, due_at = ?2, \
    lease_token = lease_token + 1 WHERE id = ?1 AND state IN ('dead', 'failed')";

fn requeue(connection: &Connection, id: RowId, now: Timestamp) -> Result<(), Fault> {
    let changed = change(connection, REQUEUE, [id.get(), now.seconds()])?;
    expect_changed(connection, id, changed)
}

const DISCARD: &str = "DELETE FROM outbound_messages WHERE id = ?1 AND state IN ('dead', 'failed')";

fn discard(connection: &Connection, id: RowId) -> Result<(), Fault> {
    let changed = change(connection, DISCARD, [id.get()])?;
    expect_changed(connection, id, changed)
}

const STATE: &str = "SELECT state FROM outbound_messages WHERE id = ?1";

/// Says why a message that must be dead or failed was not changed.
fn expect_changed(connection: &Connection, id: RowId, changed: u64) -> Result<(), Fault> {
    if changed == 1 {
        return Ok(());
    }
    let state: Option<OutboundState> = row(connection, TABLE, STATE, [id.get()], |row| row.get(0))?;
    match state {
        Some(_) => Err(Fault::conflict(conflict::NOT_FINISHED)),
        None => Err(Fault::not_found("message")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_brief, assert_indexed};

    #[test]
    fn a_list_passes_over_no_message_that_is_not_meant() {
        for state in ["queued", "sent", "dead"] {
            assert_brief(MESSAGES_OF_STATE, params![0, 10, state]);
        }
        for sql in [DUE, MESSAGES] {
            assert_brief(sql, [i64::MAX, 10]);
        }
        assert_brief(CLAIM, [i64::MAX, 10, i64::MAX]);
    }

    #[test]
    fn statements_use_their_indexes() {
        assert_indexed(&[
            ENQUEUE,
            WITH_KEY,
            DUE,
            CLAIM,
            SETTLE,
            LEASE,
            MESSAGES,
            MESSAGES_OF_STATE,
            REQUEUE,
            DISCARD,
            STATE,
        ]);
    }
}
