//! What the bot is doing now.

use async_trait::async_trait;
use botstore_core::model::{
    BotName, ChannelName, Count, CurrentStatus, MediaTitle, Rank, StatusText, Timestamp,
};
use botstore_core::{Result, Status};

use crate::client::Intent;
use crate::open::PostgresStore;
use crate::row::Columns;
#[cfg(test)]
use crate::testing::Access;

const CURRENT_STATUS: &str = "
    SELECT last_updated, status, bot_name, bot_rank, bot_afk, channel_name, current_users, connected_users,
        current_chat_users, current_connected_users, playlist_items, current_media_title, current_media_duration,
        bot_start_time, bot_connected
    FROM current_status WHERE id = 1";

#[async_trait]
impl Status for PostgresStore {
    async fn current_status(&self) -> Result<CurrentStatus> {
        let row = self.row("current_status", Intent::Read, CURRENT_STATUS, &[]).await?;
        let count = |column| row.maybe(column, |count| Count::new("count", count));
        Ok(CurrentStatus {
            last_updated: row.moment_if_any("last_updated")?,
            status: row.value("status", |text: &str| StatusText::new(text))?,
            bot_name: row.maybe("bot_name", |text: &str| BotName::new(text))?,
            bot_rank: row.maybe("bot_rank", Rank::new)?,
            bot_afk: row.raw("bot_afk")?,
            channel_name: row.maybe("channel_name", |text: &str| ChannelName::new(text))?,
            current_users: row.count("current_users")?,
            connected_users: row.count("connected_users")?,
            current_chat_users: count("current_chat_users")?,
            current_connected_users: count("current_connected_users")?,
            playlist_items: count("playlist_items")?,
            current_media_title: row.maybe("current_media_title", |text: &str| MediaTitle::new(text))?,
            current_media_duration: count("current_media_duration")?,
            bot_start_time: row.maybe("bot_start_time", Timestamp::new)?,
            bot_connected: row.raw("bot_connected")?,
        })
    }
}

/// How the statements find their rows.
#[cfg(test)]
pub(crate) const PLANS: &[(&str, Access)] = &[(CURRENT_STATUS, Access::Index)];
