//! Trying again.

use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::{Access, Answer, Call, Layer, metrics};
use crate::error::{ErrorKind, Result, StoreError};

/// How long a call is tried again, and how long it waits in between.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The longest wait before the second attempt; each further one may be twice as long.
    pub first_wait: Duration,
    /// The longest wait before any attempt.
    pub longest_wait: Duration,
    /// From a call's beginning on, the time in which attempts may begin. An attempt that began is never cut off. With 0
    /// there is only one.
    pub deadline: Duration,
}

impl Default for RetryPolicy {
    /// 50 ms at first, 2 s at most, for 30 s.
    fn default() -> Self {
        Self {
            first_wait: Duration::from_millis(50),
            longest_wait: Duration::from_secs(2),
            deadline: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// The longest wait after so many attempts, from 1.
    fn longest_after(&self, attempts: u32) -> Duration {
        let factor = 1_u32.checked_shl(attempts - 1).unwrap_or(u32::MAX);
        self.first_wait.saturating_mul(factor).min(self.longest_wait)
    }

    /// How long to wait after so many attempts, from 1: between nothing and the longest ("full jitter"), for callers who
    /// failed together should not come back together.
    #[must_use]
    pub fn wait_after(&self, attempts: u32) -> Duration {
        self.longest_after(attempts).mul_f64(fastrand::f64())
    }
}

/// Tries again what surely did not happen, and what may have happened but may be sent twice.
///
/// | the attempt ended | it is tried again |
/// |---|---|
/// | [`Unavailable`](ErrorKind::Unavailable), [`Timeout`](ErrorKind::Timeout) | always, unless [waiting does not help](StoreError::is_lasting) |
/// | [`Indeterminate`](ErrorKind::Indeterminate) | if [`Call::is_idempotent`] |
/// | [`PoolExhausted`](ErrorKind::PoolExhausted) | never: it waited long enough |
/// | otherwise, and of `health` | never |
///
/// The error in the end is that of the last attempt, and says how often and how long it was tried. Of a call that may have
/// happened at an earlier attempt it is that one's `Indeterminate`, unless the last attempt found out. Of a call that waits
/// while the store is closed it is [`Closed`](ErrorKind::Closed), at once.
///
/// It needs a tokio runtime whose timer is on.
#[derive(Debug)]
pub struct Retry {
    policy: RetryPolicy,
    closing: watch::Sender<bool>,
}

impl Retry {
    /// Tries again as `policy` says.
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Self {
        Self { policy, closing: watch::Sender::new(false) }
    }

    /// Waits before the next attempt, unless the store is closed meanwhile. Says whether there is to be one.
    async fn pause(&self, wait: Duration) -> bool {
        let mut closing = self.closing.subscribe();
        timeout(wait, closing.wait_for(|&closing| closing)).await.is_err()
    }
}

impl Layer for Retry {
    async fn around<T, F>(&self, call: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        let begun = Instant::now();
        let mut uncertain = None;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let error = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = self.policy.wait_after(attempts);
            let in_time = begun.elapsed() + wait < self.policy.deadline;
            if !in_time || !may_be_tried_again(call, &error) {
                return Err(in_the_end(uncertain, error, attempts, begun.elapsed()));
            }
            if !self.pause(wait).await {
                // It is Indeterminate if that is what it is, and otherwise what every method says of a closed store.
                let last = if *error.kind() == ErrorKind::Indeterminate { error } else { closed(&error) };
                return Err(in_the_end(uncertain, last, attempts, begun.elapsed()));
            }
            debug!(operation = call.operation.name(), attempts, ?wait, %error, "tried again");
            metrics::retried(call.operation);
            if *error.kind() == ErrorKind::Indeterminate {
                uncertain = Some(error);
            }
        }
    }

    async fn close<F>(&self, close: impl FnOnce() -> F + Send) -> Result<()>
    where
        F: Future<Output = Result<()>> + Send,
    {
        self.closing.send_replace(true);
        close().await
    }
}

fn may_be_tried_again(call: Call, error: &StoreError) -> bool {
    match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Timeout => call.access != Access::Probe && !error.is_lasting(),
        ErrorKind::Indeterminate => call.is_idempotent(),
        _ => false,
    }
}

/// The store was closed before the call could be tried again after `error`.
fn closed(error: &StoreError) -> StoreError {
    StoreError::closed(error.operation()).with_remark(format!("before that: {error}"))
}

/// What the caller is told.
fn in_the_end(
    uncertain: Option<StoreError>,
    last: StoreError,
    attempts: u32,
    elapsed: Duration,
) -> StoreError {
    let found_out = matches!(
        last.kind(),
        ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::InvalidInput { .. } | ErrorKind::Indeterminate
    );
    let tried = format!("tried {attempts} times in {elapsed:.1?}");
    match uncertain {
        Some(uncertain) if !found_out => uncertain.with_remark(format!("{tried}, the last time: {last}")),
        _ if attempts > 1 => last.with_remark(tried),
        _ => last,
    }
}

#[cfg(test)]
mod tests;
