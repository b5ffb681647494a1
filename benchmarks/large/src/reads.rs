//! Every read of every area, with arguments that differ from call to call.

use botstore::model::{
    ActionFilter, ActionKind, Claim, KvKey, KvName, KvPrefix, Limit, OutboundState, Plugin, RowId, RowKey,
    Seconds, Source, Timestamp, Username,
};
use botstore::store::BotStore;
use fastrand::Rng;
use futures::future::BoxFuture;

use crate::data::{self, END, PLUGINS, SPAN, Sizes};

/// What a read takes its arguments from.
pub(crate) struct Arguments {
    random: Rng,
    sizes: Sizes,
    /// When the latest claim is over.
    now: Timestamp,
}

/// One read.
pub(crate) struct Read {
    /// The method, and what is special about its arguments.
    pub(crate) name: &'static str,
    /// Whether it is a total over a whole table.
    pub(crate) is_total: bool,
    /// Calls it once.
    pub(crate) call: for<'a> fn(&'a dyn BotStore, &'a mut Arguments) -> BoxFuture<'a, anyhow::Result<()>>,
}

macro_rules! reads {
    (@one $is_total:literal $name:literal $store:ident, $with:ident: $call:expr) => {
        Read {
            name: $name,
            is_total: $is_total,
            call: |$store, $with| {
                // Some reads take no arguments.
                let _ = &$with;
                Box::pin(async move {
                    std::hint::black_box($call);
                    Ok(())
                })
            },
        }
    };
    (|$store:ident, $with:ident| $($name:literal => $call:expr;)* totals: $($total:literal => $sum:expr;)*) => {
        &[
            $(reads!(@one false $name $store, $with: $call.await?),)*
            $(reads!(@one true $total $store, $with: $sum.await?),)*
        ]
    };
}

/// All reads. Checking a token and claiming messages write too: they are the two look-ups that must.
pub(crate) const READS: &[Read] = reads! { |store, with|
    "user_stats" => store.user_stats(&with.user()?);
    "user_stats, unknown user" => store.user_stats(&Username::new("nobody")?);
    "top_chatters, 10" => store.top_chatters(Limit::new(10)?);
    "recent_chat, 50" => store.recent_chat(Limit::new(50)?);
    "chat_after, 100 since a moment" => store.chat_after(with.key()?, Limit::new(100)?);
    "chat_after, 100 from the start" => store.chat_after(RowKey::START, Limit::new(100)?);
    "channel_stats" => store.channel_stats();
    "count_samples_after, 100" => store.count_samples_after(with.key()?, Limit::new(100)?);
    "due_messages, 100" => store.due_messages(with.now, Limit::new(100)?);
    "claim_messages, 10" => store.claim_messages(with.claim()?, Limit::new(10)?);
    "outbound_messages, 100" => store.outbound_messages(None, with.message(), Limit::new(100)?);
    "outbound_messages, queued" => with.messages(store, OutboundState::Queued);
    "outbound_messages, retrying" => with.messages(store, OutboundState::Retrying);
    "outbound_messages, sent" => with.messages(store, OutboundState::Sent);
    "outbound_messages, failed" => with.messages(store, OutboundState::Failed);
    "outbound_messages, dead" => with.messages(store, OutboundState::Dead);
    "current_status" => store.current_status();
    "check_token" => store.check_token(&data::token(with.number(with.sizes.tokens))?.hash(), Timestamp::new(END)?);
    "tokens, 100" => store.tokens(Some(RowId::new(with.number(with.sizes.tokens))), Limit::new(100)?);
    "user_actions, 100" => store.user_actions(&ActionFilter::default(), with.key()?, Limit::new(100)?);
    "user_actions, by user" => with.actions(store, true, None);
    "user_actions, by kind" => with.actions(store, false, Some("kick"));
    "user_actions, by user and kind" => with.actions(store, true, Some("command"));
    "user_actions, none of both" => with.actions(store, true, Some("ban"));
    "user_actions, of a span" => store.user_actions(&with.span()?, RowKey::END, Limit::new(100)?);
    "kv_get" => store.kv_get(&with.value()?, Timestamp::new(END)?);
    "kv_list, 100" => with.values(store, "", false);
    "kv_list, a prefix" => with.values(store, "key10", false);
    "kv_list, a further page" => with.values(store, "", true);
    "position" => store.position(&Source::new("channel")?);
    "health" => store.health();
    totals:
    "user_totals" => store.user_totals();
    "chat_count" => store.chat_count();
    "count_sample_count" => store.count_sample_count();
};

impl Arguments {
    /// Arguments for a database of these sizes. What an earlier run has claimed is due again.
    pub(crate) async fn new(store: &dyn BotStore, sizes: Sizes) -> anyhow::Result<Self> {
        let queued = store.outbound_messages(Some(OutboundState::Queued), None, Limit::MAX).await?;
        let claimed = queued.iter().filter_map(|message| message.lease_until).max();
        let now = Timestamp::new(END)?;
        Ok(Self { random: Rng::with_seed(1), sizes, now: claimed.map_or(now, |until| until.max(now)) })
    }

    /// A row's number in a table of so many.
    fn number(&mut self, rows: i64) -> i64 {
        self.random.i64(1..=rows)
    }

    fn user(&mut self) -> anyhow::Result<Username> {
        Ok(Username::new(format!("user{}", self.number(self.sizes.users) - 1))?)
    }

    /// A moment of the data's.
    fn moment(&mut self) -> anyhow::Result<Timestamp> {
        Ok(Timestamp::new(END - self.random.i64(1..=SPAN))?)
    }

    fn key(&mut self) -> anyhow::Result<RowKey> {
        Ok(RowKey::since(self.moment()?))
    }

    fn message(&mut self) -> Option<RowId> {
        Some(RowId::new(self.number(self.sizes.messages)))
    }

    /// A claim that is over when the next one is made, so that there is always something to claim.
    fn claim(&mut self) -> anyhow::Result<Claim> {
        let claim = Claim::new(self.now, Seconds::new(1)?)?;
        self.now = claim.until();
        Ok(claim)
    }

    async fn messages(&mut self, store: &dyn BotStore, state: OutboundState) -> anyhow::Result<usize> {
        let after = self.message();
        Ok(store.outbound_messages(Some(state), after, Limit::new(100)?).await?.len())
    }

    /// A page of the audit log. The user is the busiest one.
    async fn actions(
        &mut self,
        store: &dyn BotStore,
        of_user: bool,
        kind: Option<&str>,
    ) -> anyhow::Result<usize> {
        let filter = ActionFilter {
            username: of_user.then(|| Username::new("user0")).transpose()?,
            action: kind.map(ActionKind::new).transpose()?,
            ..ActionFilter::default()
        };
        Ok(store.user_actions(&filter, self.key()?, Limit::new(100)?).await?.len())
    }

    /// A day of the audit log.
    fn span(&mut self) -> anyhow::Result<ActionFilter> {
        let from = self.moment()?;
        let until = from.plus(Seconds::from_days(1));
        Ok(ActionFilter { from: Some(from), until: Some(until), ..ActionFilter::default() })
    }

    fn value(&mut self) -> anyhow::Result<KvKey> {
        let number = self.number(self.sizes.values);
        Ok(KvKey { plugin: plugin(number)?, key: name(number)? })
    }

    async fn values(&mut self, store: &dyn BotStore, prefix: &str, page: bool) -> anyhow::Result<usize> {
        let number = self.number(self.sizes.values);
        let after = page.then(|| name(number)).transpose()?;
        let (plugin, prefix) = (plugin(number)?, KvPrefix::new(prefix)?);
        let now = Timestamp::new(END)?;
        Ok(store.kv_list(&plugin, &prefix, after.as_ref(), now, Limit::new(100)?).await?.len())
    }
}

/// The plugin of value `number`.
fn plugin(number: i64) -> anyhow::Result<Plugin> {
    Ok(Plugin::new(format!("plugin{}", number % PLUGINS))?)
}

/// The key of value `number`.
fn name(number: i64) -> anyhow::Result<KvName> {
    Ok(KvName::new(format!("key{}", 1_000_000 + number))?)
}
