//! `large maintain`.

use std::time::{Duration, Instant};

use botstore::model::{Backend, MaintenanceReport, MessageText, Retention, Seconds, Timestamp, Username};
use botstore::store::BotStore;
use botstore::url::DatabaseUrl;
use botstore::{Config, Events as _};

use crate::data::{END, SPAN};
use crate::latency::{Latencies, Measured};

/// How long a line of chat may take, by the specification.
fn limit(backend: Backend) -> Duration {
    match backend {
        Backend::Postgres => Duration::from_millis(10),
        _ => Duration::from_millis(5),
    }
}

/// What a maintenance did, and what it cost those who wrote meanwhile.
pub(crate) struct Maintained {
    pub(crate) removed: MaintenanceReport,
    pub(crate) took: Duration,
    /// Lines of chat before and meanwhile.
    pub(crate) lines: [Measured; 2],
}

/// Lines of chat before the maintenance, for comparison.
const BEFORE: u32 = 2_000;

/// Removes the older half of all data, and measures lines of chat, one after the other, until that is done.
pub(crate) async fn maintain(url: DatabaseUrl) -> anyhow::Result<Maintained> {
    let store = botstore::open(&Config::new(url)).await?;
    let half = Seconds::new(SPAN / 2)?;
    let retention = Retention { counts: half, sent_messages: half, revoked_tokens: half, chat: half };
    let now = Timestamp::new(END)?;
    let (mut before, mut meanwhile) = (Latencies::new()?, Latencies::new()?);
    for _ in 0..BEFORE {
        before.record(say(store.as_ref(), now).await?);
    }
    let began = Instant::now();
    let mut maintenance = store.maintain(&retention, now);
    let removed = loop {
        tokio::select! {
            removed = &mut maintenance => break removed?,
            latency = say(store.as_ref(), now) => meanwhile.record(latency?),
        }
    };
    drop(maintenance);
    let (took, limit) = (began.elapsed(), limit(store.backend()));
    store.close().await?;
    let lines = [before.measured("a line before", limit), meanwhile.measured("a line meanwhile", limit)];
    Ok(Maintained { removed, took, lines })
}

/// Records a line of chat, and returns how long that took.
async fn say(store: &dyn BotStore, at: Timestamp) -> anyhow::Result<Duration> {
    let (user, message) = (Username::new("user0")?, MessageText::new("Is anybody there?")?);
    let said = Instant::now();
    store.chat(at, &user, &message).await?;
    Ok(said.elapsed())
}
