use async_trait::async_trait;
use botstore_core::fold::KeptLine;
use botstore_core::model::{ChatMessage, Count, Limit, RowKey};
use botstore_core::{Chat, Result};
use rusqlite::{Connection, params};

use crate::SqliteStore;
use crate::error::Fault;
use crate::row::{Row, rows, the_row};

const TABLE: &str = "recent_chat";

#[async_trait]
impl Chat for SqliteStore {
    async fn recent_chat(&self, limit: Limit) -> Result<Vec<ChatMessage>> {
        self.read("recent_chat", move |connection| recent_chat(connection, limit)).await
    }

    async fn chat_after(&self, after: RowKey, limit: Limit) -> Result<Vec<ChatMessage>> {
        self.read("chat_after", move |connection| chat_after(connection, after, limit)).await
    }

    async fn chat_count(&self) -> Result<Count> {
        self.read("chat_count", chat_count).await
    }
}

fn message(row: &Row<'_>) -> Result<ChatMessage, Fault> {
    Ok(ChatMessage { id: row.get(0)?, at: row.get(1)?, username: row.get(2)?, message: row.get(3)? })
}

const KEEP_LINE: &str = "INSERT INTO recent_chat (timestamp, username, message) VALUES (?1, ?2, ?3)";

pub(crate) fn keep_lines(connection: &Connection, lines: &[KeptLine<'_>]) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(KEEP_LINE)?;
    for line in lines {
        statement.execute(params![line.at.seconds(), line.username.as_str(), line.message.as_str()])?;
    }
    Ok(())
}

const RECENT_CHAT: &str =
    "SELECT id, timestamp, username, message FROM recent_chat ORDER BY timestamp DESC, id DESC LIMIT ?1";

fn recent_chat(connection: &Connection, limit: Limit) -> Result<Vec<ChatMessage>, Fault> {
    let mut newest_first = rows(connection, TABLE, RECENT_CHAT, [limit.get()], message)?;
    newest_first.reverse();
    Ok(newest_first)
}

const CHAT_AFTER: &str = "SELECT id, timestamp, username, message FROM recent_chat \
    WHERE (timestamp, id) > (?1, ?2) ORDER BY timestamp, id LIMIT ?3";

fn chat_after(connection: &Connection, after: RowKey, limit: Limit) -> Result<Vec<ChatMessage>, Fault> {
    let values = [after.at.seconds(), after.id.get(), limit.get()];
    rows(connection, TABLE, CHAT_AFTER, values, message)
}

const CHAT_COUNT: &str = "SELECT count(*) FROM recent_chat";

fn chat_count(connection: &Connection) -> Result<Count, Fault> {
    the_row(connection, TABLE, CHAT_COUNT, [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_brief, assert_indexed, assert_total};

    #[test]
    fn a_page_passes_over_no_line_before_it() {
        assert_brief(CHAT_AFTER, [2_000, 0, 10]);
        assert_brief(RECENT_CHAT, [10]);
    }

    #[test]
    fn statements_use_their_indexes() {
        assert_indexed(&[KEEP_LINE, RECENT_CHAT, CHAT_AFTER]);
        assert_total(&[CHAT_COUNT]);
    }
}
