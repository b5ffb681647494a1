//! Watching each call: a span, metrics, and a warning if it was slow.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Instrument as _, Span, debug, debug_span, field, warn};

use super::metrics::{self, Outcome};
use super::{Answer, Call, Layer};
use crate::error::Result;
use crate::model::Backend;

/// Watches each call.
///
/// Each has a span `store` of level debug with the fields `backend`, `operation`, `duration`, `rows` and `outcome`, and
/// one event in it when it ends. A slow call is warned of; of those that follow within a second only the number is said,
/// with the next warning. `maintain`, which takes its time, is never slow. The metrics are in the
/// [module's table](super).
#[derive(Debug)]
pub struct Observe {
    backend: Backend,
    /// From when on a call is slow; none: never.
    slow: Option<Duration>,
    warned: Mutex<Warned>,
}

/// When a slow call was last warned of, and how many were passed over since.
#[derive(Debug, Default)]
struct Warned {
    at: Option<Instant>,
    passed_over: u64,
}

/// There is at most one warning of slow calls within this time.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(1);

impl Observe {
    /// Watches the calls to a store of `backend`. Those that take longer than `slow` are warned of; none: no call is.
    #[must_use]
    pub fn new(backend: Backend, slow: Option<Duration>) -> Self {
        metrics::describe();
        Self { backend, slow, warned: Mutex::default() }
    }

    fn warn_if_slow(&self, call: Call, took: Duration, outcome: Outcome, ended: Instant) {
        if self.slow.is_none_or(|slow| took < slow) || call.operation.name() == "maintain" {
            return;
        }
        let passed_over = {
            let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
            if warned.at.is_some_and(|at| ended.saturating_duration_since(at) < BETWEEN_WARNINGS) {
                warned.passed_over += 1;
                return;
            }
            warned.at = Some(ended);
            std::mem::take(&mut warned.passed_over)
        };
        let (operation, outcome) = (call.operation.name(), outcome.as_str());
        warn!(backend = self.backend.as_str(), operation, duration = ?took, outcome, passed_over, "slow call");
    }
}

impl Layer for Observe {
    async fn around<T, F>(&self, call: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        let span = debug_span!(
            "store",
            backend = self.backend.as_str(),
            operation = call.operation.name(),
            duration = field::Empty,
            rows = field::Empty,
            outcome = field::Empty,
        );
        let watched =
            Watched { observe: self, call, span: span.clone(), begun: Instant::now(), outcome: None };
        let result = attempt().instrument(span).await;
        watched.end(&result);
        result
    }
}

/// A call under way. Dropped before it ended, it was cancelled.
struct Watched<'a> {
    observe: &'a Observe,
    call: Call,
    span: Span,
    begun: Instant,
    outcome: Option<(Outcome, u64)>,
}

impl Watched<'_> {
    fn end<T: Answer>(mut self, result: &Result<T>) {
        match result {
            Ok(answer) => {
                if let Some(pool) = answer.pool() {
                    metrics::pool(pool);
                }
                self.outcome = Some((Outcome::OK, answer.rows()));
            }
            Err(error) => {
                self.span.in_scope(|| debug!(%error));
                self.outcome = Some((Outcome::of(error.kind()), 0));
            }
        }
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let ended = Instant::now();
        let took = ended.duration_since(self.begun);
        let (outcome, rows) = self.outcome.unwrap_or((Outcome::CANCELLED, 0));
        if !self.span.is_disabled() {
            self.span.record("duration", field::debug(took));
            self.span.record("rows", rows);
            self.span.record("outcome", outcome.as_str());
            self.span.in_scope(|| debug!("done"));
        }
        metrics::finished(self.call.operation, outcome, took, rows);
        self.observe.warn_if_slow(self.call, took, outcome, ended);
    }
}

#[cfg(test)]
mod tests;
