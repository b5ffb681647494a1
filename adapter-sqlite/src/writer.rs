//! The one thread that writes.
//!
//! The jobs that wait when it becomes free share one transaction, each in a savepoint of its own: what fails in one
//! is undone for that one, and the commit, which waits for the disk, is paid once. Nobody has an answer before it.
//! Batches of events are one job together, since a savepoint of its own for each would cost as much as the writing.

mod job;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use botstore_core::model::Batch;
use botstore_core::{ErrorKind, Result, StoreError};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use crate::awake::Vigil;
use crate::error::Fault;
use crate::files::Files;
use crate::readers::Ended;
use job::{Job, Recorded, Recording, Task};

/// How many jobs may wait, and how many share a transaction.
const GROUP: usize = 256;
/// With so many events a transaction is full, so that nobody waits long for others' large batches.
const EVENTS: usize = 1_000;

/// The longest that those who were answered are given to come back with more.
const COMPANY: Duration = Duration::from_millis(2);

/// The way to the thread that writes. Once it is dropped, the thread ends.
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    ended: watch::Receiver<()>,
    database: Arc<str>,
}

enum Message {
    /// Events that share a transaction, and may be merged with others.
    Record(Recorded),
    /// Work that shares a transaction.
    Grouped(Box<dyn Job>),
    /// Work outside any transaction.
    Alone(Box<dyn Job>),
    /// No more work is taken.
    Close,
}

impl Writer {
    /// Starts the thread, which owns the connection, and closes it when the threads of `readers` have ended: the last
    /// connection to close tidies the log away, and one that only reads cannot. `database` is its name in errors, and
    /// `files` are what it is, unless it is in memory.
    pub(crate) fn start(
        connection: Connection,
        database: Arc<str>,
        files: Option<Arc<Files>>,
        readers: Option<Ended>,
    ) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel(GROUP);
        let (end, ended) = watch::channel(());
        let (vigil, name) = (Vigil::new(), Arc::clone(&database));
        let thread = Thread { connection, jobs, vigil, files, readers, database: name };
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
        let (job, answer) = self.task(operation, work);
        self.send(operation, Message::Grouped(job), answer).await
    }

    /// Writes a batch without a cursor, as [`Writer::run`] does.
    pub(crate) async fn record(&self, batch: Batch) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        self.send("record", Message::Record(Recorded { batch, reply }), answer).await
    }

    /// Runs `work` outside any transaction.
    pub(crate) async fn run_alone<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let (job, answer) = self.task(operation, work);
        self.send(operation, Message::Alone(job), answer).await
    }

    fn task<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> (Box<dyn Job>, oneshot::Receiver<Result<T>>) {
        let (reply, answer) = oneshot::channel();
        (Box::new(Task::new(operation, Arc::clone(&self.database), work, reply)), answer)
    }

    async fn send<T>(
        &self,
        operation: &'static str,
        message: Message,
        answer: oneshot::Receiver<Result<T>>,
    ) -> Result<T> {
        if self.queue.send(message).await.is_err() {
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

struct Thread {
    connection: Connection,
    jobs: mpsc::Receiver<Message>,
    vigil: Vigil,
    files: Option<Arc<Files>>,
    readers: Option<Ended>,
    database: Arc<str>,
}

impl Thread {
    /// Works until the store is closed or dropped and no job is left.
    fn run(mut self) {
        while let Some(first) = self.next() {
            let (mut batches, mut events, mut group) = (Vec::new(), 0, Vec::new());
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Record(recorded) => {
                        events += recorded.batch.events().len();
                        batches.push(recorded);
                    }
                    Message::Grouped(job) => group.push(job),
                    Message::Alone(mut job) => {
                        self.run_group(std::mem::take(&mut batches), std::mem::take(&mut group));
                        // The error is in the job's own answer.
                        let _ = job.run(&self.connection);
                        job.answer(Ok(()));
                    }
                    Message::Close => self.jobs.close(),
                }
                let full = batches.len() + group.len() >= GROUP || events >= EVENTS;
                next = if full { None } else { self.jobs.try_recv().ok() };
            }
            let (size, begun) = (batches.len() + group.len(), Instant::now());
            self.run_group(batches, group);
            self.wait_for_company(size, begun.elapsed());
        }
        self.end();
    }

    /// Closes the connection as the last one.
    fn end(self) {
        if let Some(readers) = &self.readers {
            // It fails, which is what is waited for: nothing is ever sent.
            let _ = readers.recv();
        }
        if let Some(files) = &self.files
            && files.check().is_err()
            && files.are_replaced()
            && let Err(fault) = files.retire(&self.connection)
        {
            let error = self.error(fault);
            tracing::warn!(%error, "a log is left beside a file that it does not belong to");
        }
        if let Err((_, error)) = self.connection.close() {
            tracing::warn!(database = &*self.database, %error, "the database was not closed in order");
        }
    }

    fn next(&mut self) -> Option<Message> {
        let message = match self.vigil.keep(|| self.jobs.try_recv().ok()) {
            Some(message) => Some(message),
            None => self.jobs.blocking_recv(),
        };
        self.vigil.end();
        message
    }

    /// After a transaction of `size` jobs that took `time`: lets those who were answered come back with more, so that
    /// they share the next one with those who wait already. It costs at most half as much again, never more than
    /// [`COMPANY`], and nothing after a job that was alone.
    fn wait_for_company(&self, size: usize, time: Duration) {
        if size < 2 {
            return;
        }
        let expected = (size + self.jobs.len()).min(GROUP);
        let (begun, patience) = (Instant::now(), COMPANY.min(time / 2));
        while self.jobs.len() < expected && begun.elapsed() < patience && !self.jobs.is_closed() {
            thread::yield_now();
        }
    }

    /// Runs batches and jobs in one transaction; where one of them brings it down, the rest in another.
    fn run_group(&self, batches: Vec<Recorded>, group: Vec<Box<dyn Job>>) {
        let mut jobs = VecDeque::from(group);
        if !batches.is_empty() {
            jobs.push_front(Box::new(Recording::new(Arc::clone(&self.database), batches)));
        }
        while !jobs.is_empty() {
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
    fn transaction(&self, jobs: &mut VecDeque<Box<dyn Job>>, ran: &mut Vec<Box<dyn Job>>) -> Result<()> {
        if let Err(fault) = self.begin() {
            ran.extend(jobs.drain(..));
            return Err(self.error(fault));
        }
        while let Some(mut job) = jobs.pop_front() {
            let outcome = self.run_in_savepoint(&mut *job);
            if let Ok(false) = outcome {
                for part in job.split().into_iter().rev() {
                    jobs.push_front(part);
                }
            }
            ran.push(job);
            outcome?;
        }
        self.commit().map_err(|fault| self.error(fault))
    }

    fn begin(&self) -> Result<(), Fault> {
        self.files.as_ref().map_or(Ok(()), |files| files.check())?;
        Ok(self.execute("BEGIN IMMEDIATE")?)
    }

    /// Commits to a file that stands at the path afterwards, too: else nobody would find what was acknowledged.
    fn commit(&self) -> Result<(), Fault> {
        self.execute("COMMIT").map_err(Fault::Commit)?;
        self.files.as_ref().map_or(Ok(()), |files| files.check()).map_err(|_| {
            let text = "the file was removed or replaced during the commit";
            Fault::Refused(ErrorKind::Indeterminate, text.into())
        })
    }

    /// Runs a job, and undoes it if it fails: false. An error means that the whole transaction is lost.
    fn run_in_savepoint(&self, job: &mut dyn Job) -> Result<bool> {
        let execute = |sql| self.execute(sql).map_err(|error| self.error(Fault::Sqlite(error)));
        execute("SAVEPOINT job")?;
        let outcome = job.run(&self.connection);
        if let Err(error) = &outcome {
            // A full or failing disk makes SQLite end the transaction on its own.
            if self.connection.is_autocommit() {
                return Err(error.clone());
            }
            execute("ROLLBACK TO job")?;
        }
        execute("RELEASE job")?;
        Ok(outcome.is_ok())
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
