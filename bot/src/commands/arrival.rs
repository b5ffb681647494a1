//! Waiting until all that was recorded is in the database.

use std::time::{Duration, Instant};

use botstore::BotStore;
use indicatif::ProgressBar;

use crate::format::number;

/// How long to wait between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// Waits until nothing waits in the journal any more, but not for longer than this; returns how many events do then.
pub(super) async fn wait(store: &dyn BotStore, within: Duration) -> anyhow::Result<u64> {
    let begun = Instant::now();
    let bar = ProgressBar::new_spinner();
    loop {
        let waiting = store.health().await?.spool.map_or(0, |spool| spool.events);
        if waiting == 0 || begun.elapsed() >= within {
            bar.finish_and_clear();
            return Ok(waiting);
        }
        bar.set_message(format!("{} events wait for the database", number(waiting)));
        bar.tick();
        tokio::time::sleep(LOOK).await;
    }
}
