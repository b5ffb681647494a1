//! botstore, through its traits, as a bot uses it.

use anyhow::Context;
use async_trait::async_trait;
use botstore::config::Config;
use botstore::model::{
    Claim, Limit, MessageText, NewMessage, Seconds, Settlement, Timestamp, UserCounts, Username,
};
use botstore::url::{DatabaseUrl, Synchronous};
use botstore::{BotStore, Events};
use botstore_bench_harness::Contestant;

use crate::{durability, postgres};

/// How long a claimed message is ours.
const LEASE: Seconds = Seconds::from_minutes(5);

pub(crate) struct Store {
    url: DatabaseUrl,
    store: Box<dyn BotStore>,
}

impl Store {
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        let url: DatabaseUrl = url.parse()?;
        let store = botstore::open(&Config::new(url.clone()).without_migration()).await?;
        Ok(Self { url, store })
    }
}

#[async_trait]
impl Contestant for Store {
    async fn chat(&self, at: i64, user: &str, message: &str) -> anyhow::Result<()> {
        let (at, user, message) = (Timestamp::new(at)?, Username::new(user)?, MessageText::new(message)?);
        Ok(self.store.chat(at, &user, &message).await?)
    }

    async fn join(&self, at: i64, user: &str) -> anyhow::Result<()> {
        Ok(self.store.user_joined(Timestamp::new(at)?, &Username::new(user)?).await?)
    }

    async fn leave(&self, at: i64, user: &str) -> anyhow::Result<()> {
        Ok(self.store.user_left(Timestamp::new(at)?, &Username::new(user)?).await?)
    }

    async fn count(&self, at: i64, chat: i64, connected: i64) -> anyhow::Result<()> {
        Ok(self.store.user_count(Timestamp::new(at)?, UserCounts::new(chat, connected)?).await?)
    }

    async fn top(&self, limit: i64) -> anyhow::Result<usize> {
        Ok(self.store.top_chatters(Limit::new(limit)?).await?.len())
    }

    async fn recent(&self, limit: i64) -> anyhow::Result<usize> {
        Ok(self.store.recent_chat(Limit::new(limit)?).await?.len())
    }

    async fn stats(&self, user: &str) -> anyhow::Result<bool> {
        Ok(self.store.user_stats(&Username::new(user)?).await?.is_some())
    }

    async fn queue(&self, at: i64, text: &str) -> anyhow::Result<()> {
        let at = Timestamp::new(at)?;
        self.store.enqueue(&NewMessage::new(MessageText::new(text)?)?, at).await?;
        for lease in self.store.claim_messages(Claim::new(at, LEASE)?, Limit::new(1)?).await? {
            self.store.settle_message(&lease, &Settlement::Sent, at).await?;
        }
        Ok(())
    }

    /// The store keeps its connections to itself, so another one is asked for what is the database's, and the URL for
    /// what is the connection's.
    async fn durability(&self) -> anyhow::Result<String> {
        match &self.url {
            DatabaseUrl::Sqlite(url) => {
                let path = url.path.as_ref().context("a database in memory survives nothing")?;
                let journal = durability::journal(&rusqlite::Connection::open(path)?)?;
                let synchronous = match url.synchronous {
                    Synchronous::Full => "FULL",
                    Synchronous::Normal => "NORMAL",
                };
                Ok(format!("{journal}, synchronous={synchronous}"))
            }
            DatabaseUrl::Postgres(url) => {
                let client = postgres::connect(&url.connection_string().parse()?).await?;
                Ok(durability::of_postgres(&client).await?)
            }
        }
    }
}
