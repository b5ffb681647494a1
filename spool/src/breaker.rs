//! A circuit breaker: while the database is known to be away, nobody waits for it.

use botstore_core::model::{Away, Timestamp};
use botstore_core::{ErrorKind, StoreError};
use tokio::sync::watch;

/// Open while the database is away: since when, and why. Whoever opened it, only the one who asks the database again
/// closes it.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    away: watch::Sender<Option<Away>>,
}

impl Breaker {
    /// The error of a call that is refused, because the database is away.
    pub(crate) fn refusal(&self, operation: &'static str) -> Option<StoreError> {
        self.away.borrow().as_ref().map(|away| error(away, ErrorKind::Unavailable, operation))
    }

    /// The error of a call that is not waited for any longer, once the database is away.
    pub(crate) async fn given_up(&self, kind: ErrorKind, operation: &'static str) -> StoreError {
        match self.away.subscribe().wait_for(Option::is_some).await.as_deref() {
            Ok(Some(away)) => error(away, kind, operation),
            // The sender is here, and what was waited for is there.
            _ => StoreError::new(kind, operation, "the database is away"),
        }
    }

    /// The database could not be reached at `now`.
    pub(crate) fn open(&self, error: &StoreError, now: Timestamp) {
        self.away.send_modify(|away| {
            let since = away.as_ref().map_or(now, |away| away.since);
            *away = Some(Away { since, error: error.to_string() });
        });
    }

    /// The database has answered.
    pub(crate) fn close(&self) {
        self.away.send_replace(None);
    }

    /// Since when the database is away, and why; none if it is not.
    pub(crate) fn is_away(&self) -> Option<Away> {
        self.away.borrow().clone()
    }
}

fn error(away: &Away, kind: ErrorKind, operation: &'static str) -> StoreError {
    StoreError::new(kind, operation, format!("the database is away: {}", away.error))
}
