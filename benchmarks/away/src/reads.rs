//! Reads that are refused.

use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use botstore::ErrorKind;
use botstore::model::Username;
use hdrhistogram::Histogram;

use crate::stores::Ground;

/// How long refusals took.
pub(crate) struct Refused {
    pub(crate) reads: u64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) most: Duration,
}

/// Reads one after the other while the database is known to be away.
pub(crate) async fn refused(ground: &Ground, reads: u32) -> anyhow::Result<Refused> {
    let store = ground.away().await?;
    let somebody = Username::new("user1")?;
    let mut latencies = Histogram::<u64>::new(3)?;
    for _ in 0..reads {
        let begun = Instant::now();
        let answer = store.user_stats(&somebody).await;
        let took = begun.elapsed();
        let Err(error) = answer else { bail!("the database is there") };
        ensure!(*error.kind() == ErrorKind::Unavailable, "{error}");
        latencies.record(u64::try_from(took.as_nanos())?)?;
    }
    store.close().await?;
    let quantile = |quantile| Duration::from_nanos(latencies.value_at_quantile(quantile));
    Ok(Refused { reads: latencies.len(), p50: quantile(0.5), p99: quantile(0.99), most: quantile(1.0) })
}
