//! Lines of chat.

use async_trait::async_trait;
use botstore_core::model::{ChatMessage, Count, Limit, MessageText, RowKey, Username};
use botstore_core::{Chat, Result};
use tokio_postgres::Row;

use crate::client::Intent;
use crate::open::PostgresStore;
use crate::row::Columns;
#[cfg(test)]
use crate::testing::Access;

const RECENT_CHAT: &str = "
    SELECT id, timestamp, username, message FROM (
        SELECT id, timestamp, username, message FROM recent_chat ORDER BY timestamp DESC, id DESC LIMIT $1
    ) AS newest
    ORDER BY timestamp, id";

const CHAT_AFTER: &str = "
    SELECT id, timestamp, username, message FROM recent_chat
    WHERE (timestamp, id) > ($1, $2) ORDER BY timestamp, id LIMIT $3";

const CHAT_COUNT: &str = "SELECT count(*) AS lines FROM recent_chat";

#[async_trait]
impl Chat for PostgresStore {
    async fn recent_chat(&self, limit: Limit) -> Result<Vec<ChatMessage>> {
        let rows = self.rows("recent_chat", Intent::Read, RECENT_CHAT, &[&limit.get()]).await?;
        rows.iter().map(message).collect()
    }

    async fn chat_after(&self, after: RowKey, limit: Limit) -> Result<Vec<ChatMessage>> {
        let key = (after.at.seconds(), after.id.get());
        let rows = self.rows("chat_after", Intent::Read, CHAT_AFTER, &[&key.0, &key.1, &limit.get()]).await?;
        rows.iter().map(message).collect()
    }

    async fn chat_count(&self) -> Result<Count> {
        self.row("chat_count", Intent::Read, CHAT_COUNT, &[]).await?.count("lines")
    }
}

fn message(row: &Row) -> Result<ChatMessage> {
    Ok(ChatMessage {
        id: row.id("id")?,
        at: row.moment("timestamp")?,
        username: row.value("username", |name: &str| Username::new(name))?,
        message: row.value("message", |text: &str| MessageText::new(text))?,
    })
}

/// How the statements find their rows.
#[cfg(test)]
pub(crate) const PLANS: &[(&str, Access)] =
    &[(RECENT_CHAT, Access::Index), (CHAT_AFTER, Access::Index), (CHAT_COUNT, Access::Total)];
