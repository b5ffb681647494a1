//! The one place where the program asks what time it is: a store is told it with each call.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use botstore::model::Timestamp;

/// The system clock's time.
pub(crate) fn now() -> anyhow::Result<Timestamp> {
    let since_1970 =
        SystemTime::now().duration_since(UNIX_EPOCH).context("the system clock is set before 1970")?;
    let seconds = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX);
    Timestamp::new(seconds).map_err(|_| anyhow::anyhow!("the system clock is set past the year 9999"))
}
