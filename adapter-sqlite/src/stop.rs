//! Ending a statement for which nobody waits any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use crate::error::Fault;

/// How many of SQLite's steps go by until it asks whether to go on: a millisecond's at the most.
const STEPS: i32 = 10_000;

/// Whether work on another thread is to end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

/// Ends the work when it is dropped, as it is with the future that waits for it.
#[derive(Debug)]
pub(crate) struct StopOnDrop(Stop);

impl Stop {
    /// Work and those who wait for it.
    pub(crate) fn new() -> (Self, StopOnDrop) {
        let stop = Self::default();
        (stop.clone(), StopOnDrop(stop))
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Runs `work`, whose statements end once that is asked for.
    pub(crate) fn over<T>(
        &self,
        connection: &mut Connection,
        work: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let stop = self.clone();
        connection.progress_handler(STEPS, Some(move || stop.is_asked()))?;
        let outcome = work(connection);
        connection.progress_handler(0, None::<fn() -> bool>)?;
        outcome
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ErrorCode;

    use super::*;

    const ENDLESS: &str = "WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers) SELECT count(*) FROM numbers";

    #[test]
    fn a_statement_ends_when_nobody_waits_for_it_and_the_next_one_does_not() {
        let mut connection = Connection::open_in_memory().unwrap();
        let (stop, waiter) = Stop::new();
        drop(waiter);
        let ended = stop.over(&mut connection, |connection| Ok(connection.execute_batch(ENDLESS)?));
        let Err(Fault::Sqlite(error)) = ended else { panic!("{ended:?}") };
        assert_eq!(error.sqlite_error_code(), Some(ErrorCode::OperationInterrupted));
        let number: i64 = connection.query_row("SELECT 1", [], |row| row.get(0)).unwrap();
        assert_eq!(number, 1);
    }
}
