//! All that events can change in a store, read through its API.

use botstore::model::{
    ActionFilter, ChannelStats, ChatMessage, CountSample, CurrentStatus, Limit, RowKey, TopChatter,
    UserAction, UserStats, UserTotals,
};
use botstore::store::BotStore;

use crate::given::name;

/// What a store holds of some users, and all else that events change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) users: Vec<Option<UserStats>>,
    pub(crate) top: Vec<TopChatter>,
    pub(crate) totals: UserTotals,
    pub(crate) chat: Vec<ChatMessage>,
    pub(crate) samples: Vec<CountSample>,
    pub(crate) channel: ChannelStats,
    pub(crate) actions: Vec<UserAction>,
    pub(crate) status: CurrentStatus,
}

impl Snapshot {
    pub(crate) async fn of(store: &dyn BotStore, names: &[&str]) -> Self {
        let mut users = Vec::new();
        for who in names {
            users.push(store.user_stats(&name(who)).await.unwrap());
        }
        Self {
            users,
            top: store.top_chatters(Limit::MAX).await.unwrap(),
            totals: store.user_totals().await.unwrap(),
            chat: store.chat_after(RowKey::START, Limit::MAX).await.unwrap(),
            samples: store.count_samples_after(RowKey::START, Limit::MAX).await.unwrap(),
            channel: store.channel_stats().await.unwrap(),
            actions: store.user_actions(&ActionFilter::default(), RowKey::END, Limit::MAX).await.unwrap(),
            status: store.current_status().await.unwrap(),
        }
    }
}
