//! What the writing thread does, with the way back to its callers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use botstore_core::fold::fold;
use botstore_core::model::Batch;
use botstore_core::{Result, StoreError};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::error::Fault;
use crate::ingest;

/// Work for the thread.
pub(super) trait Job: Send {
    /// Does the work. The error is the callers' too.
    fn run(&mut self, connection: &Connection) -> Result<()>;

    /// What the job was put together from, if it was: of what failed together, some may succeed.
    fn split(&mut self) -> Vec<Box<dyn Job>>;

    /// Tells the callers how the work ended, or, if that went well, how the transaction did.
    fn answer(self: Box<Self>, transaction: Result<(), &StoreError>);
}

/// One caller's work.
pub(super) struct Task<W, T> {
    operation: &'static str,
    database: Arc<str>,
    work: Option<W>,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<W, T> Task<W, T> {
    pub(super) fn new(
        operation: &'static str,
        database: Arc<str>,
        work: W,
        reply: oneshot::Sender<Result<T>>,
    ) -> Self {
        Self { operation, database, work: Some(work), outcome: None, reply }
    }
}

impl<W, T> Job for Task<W, T>
where
    W: FnOnce(&Connection) -> Result<T, Fault> + Send,
    T: Send,
{
    fn run(&mut self, connection: &Connection) -> Result<()> {
        // Nobody would learn of the work of a caller who left before it began.
        let Some(work) = self.work.take().filter(|_| !self.reply.is_closed()) else { return Ok(()) };
        let outcome =
            caught(|| work(connection)).map_err(|fault| fault.into_error(self.operation, &self.database));
        let done = outcome.as_ref().map(drop).map_err(Clone::clone);
        self.outcome = Some(outcome);
        done
    }

    fn split(&mut self) -> Vec<Box<dyn Job>> {
        Vec::new()
    }

    fn answer(self: Box<Self>, transaction: Result<(), &StoreError>) {
        if let Some(answer) = told(self.operation, self.outcome, transaction) {
            // A caller who left needs no answer.
            let _ = self.reply.send(answer);
        }
    }
}

/// A batch without a cursor, and its caller.
pub(super) struct Recorded {
    pub(super) batch: Batch,
    pub(super) reply: oneshot::Sender<Result<()>>,
}

/// Batches of several callers, written as if they were one.
pub(super) struct Recording {
    database: Arc<str>,
    batches: Vec<Recorded>,
    outcome: Option<Result<()>>,
}

impl Recording {
    const OPERATION: &'static str = "record";

    pub(super) fn new(database: Arc<str>, batches: Vec<Recorded>) -> Self {
        Self { database, batches, outcome: None }
    }
}

impl Job for Recording {
    fn run(&mut self, connection: &Connection) -> Result<()> {
        self.batches.retain(|recorded| !recorded.reply.is_closed());
        let effect = fold(self.batches.iter().flat_map(|recorded| recorded.batch.events()));
        let outcome = caught(|| ingest::write_down(connection, &effect))
            .map_err(|fault| fault.into_error(Self::OPERATION, &self.database));
        self.outcome = Some(outcome.clone());
        outcome
    }

    fn split(&mut self) -> Vec<Box<dyn Job>> {
        if self.batches.len() < 2 {
            return Vec::new();
        }
        let alone =
            |recorded| -> Box<dyn Job> { Box::new(Self::new(Arc::clone(&self.database), vec![recorded])) };
        self.batches.drain(..).map(alone).collect()
    }

    fn answer(self: Box<Self>, transaction: Result<(), &StoreError>) {
        if let Some(answer) = told(Self::OPERATION, self.outcome, transaction) {
            for recorded in self.batches {
                let _ = recorded.reply.send(answer.clone());
            }
        }
    }
}

/// Runs work whose panic is a fault like others.
fn caught<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Fault::abandoned()))
}

/// What a caller is told; nothing if its work was not begun because it left.
fn told<T>(
    operation: &'static str,
    outcome: Option<Result<T>>,
    transaction: Result<(), &StoreError>,
) -> Option<Result<T>> {
    match (outcome, transaction) {
        (Some(Err(error)), _) => Some(Err(error)),
        (_, Err(error)) => Some(Err(error.clone().in_operation(operation))),
        (outcome, Ok(())) => outcome,
    }
}
