//! Every method of every area, through the layer; and for each whether it may be sent again.

#![deny(clippy::missing_trait_methods)]

use async_trait::async_trait;

use super::Access::{IdempotentWrite, Probe, Read, Write};
use super::{Access, Call, Layer, Layered, Operation};
use crate::error::Result;
use crate::model::{
    ActionFilter, Backend, Batch, ChannelStats, ChatMessage, Claim, CloseSessions, Count, CountSample,
    CurrentStatus, Enqueued, Expect, Health, KvEntry, KvKey, KvName, KvPrefix, KvValue, KvVersion, Lease,
    Limit, MaintenanceReport, NewMessage, NewToken, OutboundMessage, OutboundState, Plugin, Position,
    Recorded, Rename, Retention, Revocation, RowId, RowKey, Settlement, Source, Timestamp, TokenHash,
    TokenInfo, TokenSelector, TopChatter, UserAction, UserRows, UserStats, UserTotals, Username,
};
use crate::store::{
    Audit, Channel, Chat, Export, Import, Ingest, Kv, Lifecycle, Maintenance, Outbound, Status, Tokens, Users,
};
use crate::transfer::{Identities, Key, Page, Table, Work};

/// Calls the method of the inner store, through the layer: through its `around`, or through the method of its own that
/// is named after `by` and takes what follows.
macro_rules! around {
    ($self:ident, $access:expr, $method:ident($($argument:expr),*)) => {
        around!($self, $access, $method($($argument),*), by around())
    };
    ($self:ident, $access:expr, $method:ident($($argument:expr),*), by $through:ident($($also:expr),*)) => {{
        static OPERATION: Operation = Operation::new(stringify!($method));
        let attempt = || async { $self.inner.store(OPERATION.name()).await?.$method($($argument),*).await };
        $self.layer.$through(Call::new(&OPERATION, $access), $($also,)* attempt).await
    }};
}

#[async_trait]
impl<L: Layer> Ingest for Layered<L> {
    async fn record(&self, batch: &Batch) -> Result<Recorded> {
        around!(self, recording(batch), record(batch), by record(batch))
    }

    async fn position(&self, source: &Source) -> Result<Option<Position>> {
        around!(self, Read, position(source), by position(source))
    }
}

#[async_trait]
impl<L: Layer> Users for Layered<L> {
    async fn user_stats(&self, username: &Username) -> Result<Option<UserStats>> {
        around!(self, Read, user_stats(username))
    }

    async fn top_chatters(&self, limit: Limit) -> Result<Vec<TopChatter>> {
        around!(self, Read, top_chatters(limit))
    }

    async fn user_totals(&self) -> Result<UserTotals> {
        around!(self, Read, user_totals())
    }

    async fn close_sessions(&self, how: CloseSessions) -> Result<Count> {
        around!(self, Write, close_sessions(how))
    }

    async fn delete_user(&self, username: &Username) -> Result<UserRows> {
        around!(self, Write, delete_user(username))
    }

    async fn rename_user(&self, rename: &Rename) -> Result<UserRows> {
        around!(self, Write, rename_user(rename))
    }
}

#[async_trait]
impl<L: Layer> Chat for Layered<L> {
    async fn recent_chat(&self, limit: Limit) -> Result<Vec<ChatMessage>> {
        around!(self, Read, recent_chat(limit))
    }

    async fn chat_after(&self, after: RowKey, limit: Limit) -> Result<Vec<ChatMessage>> {
        around!(self, Read, chat_after(after, limit))
    }

    async fn chat_count(&self) -> Result<Count> {
        around!(self, Read, chat_count())
    }
}

#[async_trait]
impl<L: Layer> Channel for Layered<L> {
    async fn channel_stats(&self) -> Result<ChannelStats> {
        around!(self, Read, channel_stats())
    }

    async fn count_samples_after(&self, after: RowKey, limit: Limit) -> Result<Vec<CountSample>> {
        around!(self, Read, count_samples_after(after, limit))
    }

    async fn count_sample_count(&self) -> Result<Count> {
        around!(self, Read, count_sample_count())
    }
}

#[async_trait]
impl<L: Layer> Outbound for Layered<L> {
    async fn enqueue(&self, message: &NewMessage, now: Timestamp) -> Result<Enqueued> {
        around!(self, enqueuing(message), enqueue(message, now))
    }

    async fn due_messages(&self, now: Timestamp, limit: Limit) -> Result<Vec<OutboundMessage>> {
        around!(self, Read, due_messages(now, limit))
    }

    async fn claim_messages(&self, claim: Claim, limit: Limit) -> Result<Vec<Lease>> {
        around!(self, Write, claim_messages(claim, limit))
    }

    async fn settle_message(
        &self,
        lease: &Lease,
        settlement: &Settlement,
        now: Timestamp,
    ) -> Result<OutboundState> {
        around!(self, IdempotentWrite, settle_message(lease, settlement, now))
    }

    async fn outbound_messages(
        &self,
        state: Option<OutboundState>,
        after: Option<RowId>,
        limit: Limit,
    ) -> Result<Vec<OutboundMessage>> {
        around!(self, Read, outbound_messages(state, after, limit))
    }

    async fn requeue_message(&self, id: RowId, now: Timestamp) -> Result<()> {
        around!(self, Write, requeue_message(id, now))
    }

    async fn discard_message(&self, id: RowId) -> Result<()> {
        around!(self, Write, discard_message(id))
    }
}

#[async_trait]
impl<L: Layer> Status for Layered<L> {
    async fn current_status(&self) -> Result<CurrentStatus> {
        around!(self, Read, current_status())
    }
}

#[async_trait]
impl<L: Layer> Tokens for Layered<L> {
    async fn create_token(&self, token: &NewToken, now: Timestamp) -> Result<TokenInfo> {
        around!(self, Write, create_token(token, now))
    }

    async fn check_token(&self, hash: &TokenHash, now: Timestamp) -> Result<Option<TokenInfo>> {
        around!(self, IdempotentWrite, check_token(hash, now))
    }

    async fn revoke_token(&self, token: &TokenSelector, now: Timestamp) -> Result<Revocation> {
        around!(self, revoking(token), revoke_token(token, now))
    }

    async fn tokens(&self, after: Option<RowId>, limit: Limit) -> Result<Vec<TokenInfo>> {
        around!(self, Read, tokens(after, limit))
    }
}

#[async_trait]
impl<L: Layer> Audit for Layered<L> {
    async fn user_actions(
        &self,
        filter: &ActionFilter,
        before: RowKey,
        limit: Limit,
    ) -> Result<Vec<UserAction>> {
        around!(self, Read, user_actions(filter, before, limit))
    }
}

#[async_trait]
impl<L: Layer> Kv for Layered<L> {
    async fn kv_get(&self, key: &KvKey, now: Timestamp) -> Result<Option<KvEntry>> {
        around!(self, Read, kv_get(key, now))
    }

    async fn kv_put(
        &self,
        key: &KvKey,
        value: &KvValue,
        expires_at: Option<Timestamp>,
        expect: Expect,
        now: Timestamp,
    ) -> Result<KvVersion> {
        around!(self, Write, kv_put(key, value, expires_at, expect, now))
    }

    async fn kv_delete(&self, key: &KvKey, version: Option<KvVersion>, now: Timestamp) -> Result<bool> {
        around!(self, Write, kv_delete(key, version, now))
    }

    async fn kv_list(
        &self,
        plugin: &Plugin,
        prefix: &KvPrefix,
        after: Option<&KvName>,
        now: Timestamp,
        limit: Limit,
    ) -> Result<Vec<KvEntry>> {
        around!(self, Read, kv_list(plugin, prefix, after, now, limit))
    }
}

#[async_trait]
impl<L: Layer> Maintenance for Layered<L> {
    async fn maintain(&self, retention: &Retention, now: Timestamp) -> Result<MaintenanceReport> {
        around!(self, Write, maintain(retention, now))
    }
}

#[async_trait]
impl<L: Layer> Export for Layered<L> {
    async fn export_rows(&self, table: Table, after: Option<&Key>) -> Result<Page> {
        around!(self, Read, export_rows(table, after))
    }

    async fn row_count(&self, table: Table) -> Result<Count> {
        around!(self, Read, row_count(table))
    }

    async fn identities(&self) -> Result<Identities> {
        around!(self, Read, identities())
    }

    async fn check_rights(&self, work: Work) -> Result<()> {
        around!(self, Read, check_rights(work))
    }
}

#[async_trait]
impl<L: Layer> Import for Layered<L> {
    async fn import_rows(&self, page: &Page) -> Result<()> {
        around!(self, IdempotentWrite, import_rows(page))
    }

    async fn raise_identities(&self, to: &Identities) -> Result<()> {
        around!(self, IdempotentWrite, raise_identities(to))
    }

    async fn remove_rows(&self, table: Table) -> Result<bool> {
        around!(self, IdempotentWrite, remove_rows(table))
    }
}

#[async_trait]
impl<L: Layer> Lifecycle for Layered<L> {
    fn backend(&self) -> Backend {
        self.inner.backend()
    }

    async fn health(&self) -> Result<Health> {
        around!(self, Probe, health(), by health())
    }

    async fn close(&self) -> Result<()> {
        self.layer.close(|| self.inner.close()).await
    }
}

/// A cursor makes a batch exactly-once.
fn recording(batch: &Batch) -> Access {
    if batch.cursor().is_some() { IdempotentWrite } else { Write }
}

/// With its key in the queue already, a message is not queued again.
fn enqueuing(message: &NewMessage) -> Access {
    if message.unique_key().is_some() { IdempotentWrite } else { Write }
}

/// A prefix can mean another token by now; a hash cannot.
fn revoking(token: &TokenSelector) -> Access {
    match token {
        TokenSelector::Whole(_) => IdempotentWrite,
        TokenSelector::Prefix(_) => Write,
    }
}
