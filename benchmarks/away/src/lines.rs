//! Lines of chat, as many as can be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use botstore::BotStore;
use botstore::model::{Batch, ChannelEvent, MessageText, Timestamp, Username};
use fastrand::Rng;
use tokio::task::JoinSet;

/// How long lines are recorded that do not count.
const WARM_UP: Duration = Duration::from_millis(200);

/// Who talks.
const USERS: u32 = 1_000;

/// The length of messages, in characters.
const LENGTH: std::ops::RangeInclusive<usize> = 20..=80;

/// Lines a second, by so many callers, each of whom says the next as soon as the last is recorded.
pub(crate) async fn rate(store: &Arc<dyn BotStore>, callers: usize, span: Duration) -> anyhow::Result<f64> {
    recorded(store, callers, WARM_UP).await?;
    let begun = Instant::now();
    let lines = recorded(store, callers, span).await?;
    Ok(lines as f64 / begun.elapsed().as_secs_f64())
}

async fn recorded(store: &Arc<dyn BotStore>, callers: usize, span: Duration) -> anyhow::Result<u64> {
    let mut random = Rng::with_seed(1);
    let mut tasks = JoinSet::new();
    let end = Instant::now() + span;
    for _ in 0..callers {
        let (store, mut random) = (Arc::clone(store), random.fork());
        tasks.spawn(async move {
            let mut lines = 0;
            while Instant::now() < end {
                let recorded = store.record(&line(&mut random)?).await?;
                ensure!(recorded.applied + recorded.spooled == 1, "a line was not recorded: {recorded:?}");
                lines += 1;
            }
            Ok(lines)
        });
    }
    let mut lines = 0;
    while let Some(ended) = tasks.join_next().await {
        lines += ended??;
    }
    Ok(lines)
}

fn line(random: &mut Rng) -> botstore::Result<Batch> {
    let username = Username::new(format!("user{}", random.u32(..USERS)))?;
    let length = random.usize(LENGTH);
    let message =
        MessageText::new(std::iter::repeat_with(|| random.lowercase()).take(length).collect::<String>())?;
    Ok(Batch::new(vec![ChannelEvent::Chat { at: Timestamp::new(1_700_000_000)?, username, message }])?)
}
