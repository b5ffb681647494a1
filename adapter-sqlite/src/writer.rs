//! The one thread that writes.
//!
//! The jobs that wait when it becomes free share one transaction, each in a savepoint of its own: what fails in one
//! is undone for that one, and the commit, which waits for the disk, is paid once. Nobody has an answer before it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use botstore_core::{Result, StoreError};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::Fault;

/// How many jobs may wait, and how many share a transaction.
const GROUP: usize = 256;

/// The way to the thread that writes. Once it is dropped, the thread ends.
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    ended: watch::Receiver<()>,
    database: Arc<str>,
}

enum Message {
    /// Work that shares a transaction.
    Grouped(Box<dyn Job>),
    /// Work outside any transaction.
    Alone(Box<dyn Job>),
    /// No more work is taken.
    Close,
}

impl Writer {
    /// Starts the thread, which owns the connection. `database` is its name in errors.
    pub(crate) fn start(connection: Connection, database: Arc<str>) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel(GROUP);
        let (end, ended) = watch::channel(());
        let thread = Thread { connection, jobs, database: Arc::clone(&database) };
        thread::Builder::new().name("botstore-sqlite".into()).spawn(move || {
            thread.run();
            drop(end);
        })?;
        Ok(Self { queue, ended, database })
    }

    /// Runs `work` in a transaction, and returns when that is committed: all that `work` did, or, if it fails,
    /// nothing of it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.send(operation, work, Message::Grouped).await
    }

    /// Runs `work` outside any transaction.
    pub(crate) async fn run_alone<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        self.send(operation, work, Message::Alone).await
    }

    async fn send<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
        message: fn(Box<dyn Job>) -> Message,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let database = Arc::clone(&self.database);
        let task = Task { operation, database, work: Some(work), outcome: None, reply };
        if self.queue.send(message(Box::new(task))).await.is_err() {
            return Err(StoreError::closed(operation));
        }
        answer.await.unwrap_or_else(|_| Err(Fault::abandoned().into_error(operation, &self.database)))
    }

    /// How many jobs wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Waits until all jobs are done and the connection is closed. Closing again does nothing.
    pub(crate) async fn close(&self) {
        // Both fail only once the thread has taken its leave.
        let _ = self.queue.send(Message::Close).await;
        let _ = self.ended.clone().changed().await;
    }
}

/// Work for the thread, with the way back to its caller.
trait Job: Send {
    /// Does the work. The error is the caller's too.
    fn run(&mut self, connection: &Connection) -> Result<()>;

    /// Tells the caller how its work ended, or, if that went well, how the transaction did.
    fn answer(self: Box<Self>, transaction: Result<(), &StoreError>);
}

struct Task<W, T> {
    operation: &'static str,
    database: Arc<str>,
    work: Option<W>,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<W, T> Job for Task<W, T>
where
    W: FnOnce(&Connection) -> Result<T, Fault> + Send,
    T: Send,
{
    fn run(&mut self, connection: &Connection) -> Result<()> {
        // Nobody would learn of the work of a caller who left before it began.
        let Some(work) = self.work.take().filter(|_| !self.reply.is_closed()) else { return Ok(()) };
        let outcome = catch_unwind(AssertUnwindSafe(|| work(connection)))
            .unwrap_or_else(|_| Err(Fault::abandoned()))
            .map_err(|fault| fault.into_error(self.operation, &self.database));
        let done = outcome.as_ref().map(drop).map_err(Clone::clone);
        self.outcome = Some(outcome);
        done
    }

    fn answer(self: Box<Self>, transaction: Result<(), &StoreError>) {
        let answer = match (self.outcome, transaction) {
            (Some(Err(error)), _) => Err(error),
            (_, Err(error)) => Err(error.clone().in_operation(self.operation)),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => return,
        };
        // A caller who left needs no answer.
        let _ = self.reply.send(answer);
    }
}

struct Thread {
    connection: Connection,
    jobs: mpsc::Receiver<Message>,
    database: Arc<str>,
}

impl Thread {
    /// Works until the store is closed or dropped and no job is left.
    fn run(mut self) {
        while let Some(first) = self.jobs.blocking_recv() {
            let mut group = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Grouped(job) => group.push(job),
                    Message::Alone(mut job) => {
                        self.run_group(std::mem::take(&mut group));
                        // The error is in the job's own answer.
                        let _ = job.run(&self.connection);
                        job.answer(Ok(()));
                    }
                    Message::Close => self.jobs.close(),
                }
                next = if group.len() < GROUP { self.jobs.try_recv().ok() } else { None };
            }
            self.run_group(group);
        }
        if let Err((_, error)) = self.connection.close() {
            tracing::warn!(database = &*self.database, %error, "the database was not closed in order");
        }
    }

    /// Runs jobs in one transaction; where one of them brings it down, the rest in another.
    fn run_group(&self, group: Vec<Box<dyn Job>>) {
        let mut jobs = group.into_iter();
        while jobs.len() > 0 {
            let mut ran = Vec::new();
            let outcome = self.transaction(&mut jobs, &mut ran);
            if outcome.is_err() && !self.connection.is_autocommit() {
                // Should this fail too, the next BEGIN will say so.
                let _ = self.execute("ROLLBACK");
            }
            for job in ran {
                job.answer(outcome.as_ref().copied());
            }
        }
    }

    /// Moves jobs to `ran` and runs them, until there is none left or the transaction is lost.
    fn transaction(
        &self,
        jobs: &mut impl Iterator<Item = Box<dyn Job>>,
        ran: &mut Vec<Box<dyn Job>>,
    ) -> Result<()> {
        if let Err(error) = self.execute("BEGIN IMMEDIATE") {
            ran.extend(jobs);
            return Err(self.error(Fault::Sqlite(error)));
        }
        for mut job in jobs {
            let outcome = self.run_in_savepoint(&mut *job);
            ran.push(job);
            outcome?;
        }
        self.execute("COMMIT").map_err(|error| self.error(Fault::Commit(error)))
    }

    /// Runs a job, and undoes it if it fails. An error means that the whole transaction is lost.
    fn run_in_savepoint(&self, job: &mut dyn Job) -> Result<()> {
        let execute = |sql| self.execute(sql).map_err(|error| self.error(Fault::Sqlite(error)));
        execute("SAVEPOINT job")?;
        if let Err(error) = job.run(&self.connection) {
            // A full or failing disk makes SQLite end the transaction on its own.
            if self.connection.is_autocommit() {
                return Err(error);
            }
            execute("ROLLBACK TO job")?;
        }
        execute("RELEASE job")
    }

    fn execute(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }

    /// The error of a whole transaction: each caller's answer names its own operation.
    fn error(&self, fault: Fault) -> StoreError {
        fault.into_error("transaction", &self.database)
    }
}

#[cfg(test)]
mod tests;
