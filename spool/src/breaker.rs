//! A circuit breaker: while the database is known to be away, nobody waits for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use botstore_core::model::{Away, Timestamp};
use botstore_core::{ErrorKind, StoreError};

/// Open while the database is away. Whoever opened it, only the one who asks the database again closes it.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    open: AtomicBool,
    ended: AtomicBool,
    away: Mutex<Option<Away>>,
}

impl Breaker {
    /// The error of a call that is refused, because the database is away.
    pub(crate) fn refusal(&self, operation: &'static str) -> Option<StoreError> {
        if !self.open.load(Ordering::Acquire) {
            return None;
        }
        let away = self.away();
        let error = &away.as_ref()?.error;
        Some(StoreError::new(ErrorKind::Unavailable, operation, format!("the database is away: {error}")))
    }

    /// The database could not be reached at `now`.
    pub(crate) fn open(&self, error: &StoreError, now: Timestamp) {
        let mut away = self.away();
        if self.ended.load(Ordering::Relaxed) {
            return;
        }
        let since = away.as_ref().map(|away| away.since);
        *away = Some(Away { since: since.unwrap_or(now), error: error.to_string() });
        self.open.store(true, Ordering::Release);
    }

    /// The database has answered.
    pub(crate) fn close(&self) {
        let mut away = self.away();
        *away = None;
        self.open.store(false, Ordering::Release);
    }

    /// The store is closed, which is what everybody is to hear from now on.
    pub(crate) fn end(&self) {
        let mut away = self.away();
        self.ended.store(true, Ordering::Relaxed);
        *away = None;
        self.open.store(false, Ordering::Release);
    }

    /// Whether the store is closed.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Since when the database is away, and why; none if it is not.
    pub(crate) fn is_away(&self) -> Option<Away> {
        self.away().clone()
    }

    fn away(&self) -> MutexGuard<'_, Option<Away>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
