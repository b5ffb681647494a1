//! `large measure`.

use std::time::{Duration, Instant};

use botstore::Config;
use botstore::model::Backend;
use botstore::store::BotStore;
use botstore::url::DatabaseUrl;
use indicatif::ProgressBar;

use crate::data::Sizes;
use crate::latency::{Latencies, Measured};
use crate::reads::{Arguments, READS, Read};

/// Calls of a read.
const CALLS: u32 = 1_000;

/// Calls of a total.
const TOTALS: u32 = 20;

/// Calls before, which do not count: statements are prepared, and pages come into memory.
const WARM_UP: u32 = 5;

/// How long a read may take, by the specification.
fn limit(backend: Backend, is_total: bool) -> Duration {
    match (backend, is_total) {
        (_, true) => Duration::from_secs(1),
        (Backend::Postgres, false) => Duration::from_millis(20),
        (_, false) => Duration::from_millis(10),
    }
}

/// Measures every read whose name contains `only`.
pub(crate) async fn measure(url: DatabaseUrl, sizes: Sizes, only: &str) -> anyhow::Result<Vec<Measured>> {
    let store = botstore::open(&Config::new(url)).await?;
    let mut arguments = Arguments::new(store.as_ref(), sizes).await?;
    let mut measured = Vec::new();
    let bar = ProgressBar::new(READS.len() as u64);
    for read in READS.iter().filter(|read| read.name.contains(only)) {
        let latencies = time(read, store.as_ref(), &mut arguments).await?;
        measured.push(latencies.measured(read.name, limit(store.backend(), read.is_total)));
        bar.inc(1);
    }
    bar.finish_and_clear();
    store.close().await?;
    Ok(measured)
}

async fn time(read: &Read, store: &dyn BotStore, arguments: &mut Arguments) -> anyhow::Result<Latencies> {
    for _ in 0..WARM_UP {
        (read.call)(store, arguments).await?;
    }
    let mut latencies = Latencies::new()?;
    for _ in 0..if read.is_total { TOTALS } else { CALLS } {
        let called = Instant::now();
        (read.call)(store, arguments).await?;
        latencies.record(called.elapsed());
    }
    Ok(latencies)
}
