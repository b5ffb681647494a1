use async_trait::async_trait;
use botstore_core::model::{
    BotName, ChannelName, Count, CurrentStatus, MediaTitle, Rank, StatusPatch, Timestamp,
};
use botstore_core::{Result, Status};
use rusqlite::{Connection, params};

use crate::SqliteStore;
use crate::error::Fault;
use crate::row::{change, the_row};

#[async_trait]
impl Status for SqliteStore {
    async fn current_status(&self) -> Result<CurrentStatus> {
        self.read("current_status", current_status).await
    }
}

const CURRENT_STATUS: &str = "SELECT last_updated, status, bot_name, bot_rank, bot_afk, channel_name, current_users, \
    connected_users, current_chat_users, current_connected_users, playlist_items, current_media_title, \
    current_media_duration, bot_start_time, bot_connected FROM current_status WHERE id = 1";

fn current_status(connection: &Connection) -> Result<CurrentStatus, Fault> {
    the_row(connection, "current_status", CURRENT_STATUS, [], |row| {
        Ok(CurrentStatus {
            last_updated: row.get(0)?,
            status: row.get(1)?,
            bot_name: row.get(2)?,
            bot_rank: row.get(3)?,
            bot_afk: row.get(4)?,
            channel_name: row.get(5)?,
            current_users: row.get(6)?,
            connected_users: row.get(7)?,
            current_chat_users: row.get(8)?,
            current_connected_users: row.get(9)?,
            playlist_items: row.get(10)?,
            current_media_title: row.get(11)?,
            current_media_duration: row.get(12)?,
            bot_start_time: row.get(13)?,
            bot_connected: row.get(14)?,
        })
    })
}

pub(crate) fn change_status(
    connection: &Connection,
    at: Timestamp,
    patch: &StatusPatch,
) -> Result<(), Fault> {
    let mut status = current_status(connection)?;
    patch.apply(at, &mut status);
    put_status(connection, &status)
}

const PUT_STATUS: &str = "UPDATE current_status SET last_updated = ?1, status = ?2, bot_name = ?3, bot_rank = ?4, \
    bot_afk = ?5, channel_name = ?6, current_users = ?7, connected_users = ?8, current_chat_users = ?9, \
    current_connected_users = ?10, playlist_items = ?11, current_media_title = ?12, current_media_duration = ?13, \
    bot_start_time = ?14, bot_connected = ?15 WHERE id = 1";

fn put_status(connection: &Connection, status: &CurrentStatus) -> Result<(), Fault> {
    let values = params![
        status.last_updated.map(Timestamp::seconds),
        status.status.as_str(),
        status.bot_name.as_ref().map(BotName::as_str),
        status.bot_rank.map(Rank::get),
        status.bot_afk,
        status.channel_name.as_ref().map(ChannelName::as_str),
        status.current_users.get(),
        status.connected_users.get(),
        status.current_chat_users.map(Count::get),
        status.current_connected_users.map(Count::get),
        status.playlist_items.map(Count::get),
        status.current_media_title.as_ref().map(MediaTitle::as_str),
        status.current_media_duration.map(Count::get),
        status.bot_start_time.map(Timestamp::seconds),
        status.bot_connected,
    ];
    change(connection, PUT_STATUS, values).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_indexed;

    #[test]
    fn statements_use_their_indexes() {
        assert_indexed(&[CURRENT_STATUS, PUT_STATUS]);
    }
}
