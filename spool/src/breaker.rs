//! A circuit breaker: while the database is known to be away, nobody waits for it.

use std::sync::atomic::{AtomicBool, Ordering};

use botstore_core::model::{Away, Timestamp};
use botstore_core::{ErrorKind, StoreError};
use tokio::sync::watch;

/// Open while the database does not do what it is asked: since when, and why. Whoever opened it, only the one who asks the
/// database again closes it.
#[derive(Debug)]
pub(crate) struct Breaker {
    /// What is wrong while it is open, in words.
    meaning: &'static str,
    away: watch::Sender<Option<Away>>,
    ended: AtomicBool,
}

impl Breaker {
    pub(crate) fn new(meaning: &'static str) -> Self {
        Self { meaning, away: watch::Sender::default(), ended: AtomicBool::new(false) }
    }

    /// The error of a call that is refused.
    pub(crate) fn refusal(&self, operation: &'static str) -> Option<StoreError> {
        self.away.borrow().as_ref().map(|away| self.error(away, ErrorKind::Unavailable, operation))
    }

    /// The error of a call that is not waited for any longer, once this is open.
    pub(crate) async fn given_up(&self, kind: ErrorKind, operation: &'static str) -> StoreError {
        match self.away.subscribe().wait_for(Option::is_some).await.as_deref() {
            Ok(Some(away)) => self.error(away, kind, operation),
            // The sender is here, and what was waited for is there.
            _ => StoreError::new(kind, operation, self.meaning),
        }
    }

    /// The database did not do at `now` what it was asked.
    pub(crate) fn open(&self, error: &StoreError, now: Timestamp) {
        self.away.send_modify(|away| {
            if !self.ended.load(Ordering::Relaxed) {
                let since = away.as_ref().map_or(now, |away| away.since);
                *away = Some(Away { since, error: error.to_string() });
            }
        });
    }

    /// The database did what it was asked.
    pub(crate) fn close(&self) {
        self.away.send_replace(None);
    }

    /// The store is closed, which is what everybody is to hear from now on.
    pub(crate) fn end(&self) {
        self.away.send_modify(|away| {
            self.ended.store(true, Ordering::Relaxed);
            *away = None;
        });
    }

    /// Whether the store is closed.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Since when this is open, and why; none if it is not.
    pub(crate) fn is_away(&self) -> Option<Away> {
        self.away.borrow().clone()
    }

    fn error(&self, away: &Away, kind: ErrorKind, operation: &'static str) -> StoreError {
        StoreError::new(kind, operation, format!("{}: {}", self.meaning, away.error))
    }
}
