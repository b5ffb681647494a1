//! The one thread that has the journal.
//!
//! The batches that wait when it becomes free share a transaction, and so one wait for the disk. Nobody has an answer
//! before that.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use botstore_core::model::{Batch, Recorded, Timestamp};
use botstore_core::settings::SpoolSettings;
use botstore_core::{ErrorKind, Result, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::journal::Journal;

/// How many jobs may wait, and how many batches share a transaction.
const GROUP: usize = 256;

/// What time it is, by the clock on the wall: it has to mean the same to the next process.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The way to the thread that has the journal. Once it is dropped, the thread ends.
pub(crate) struct Journalist {
    queue: mpsc::Sender<Job>,
    path: PathBuf,
    /// Whether anything may wait in the journal. While that is so, what is new queues behind it.
    waits: Arc<AtomicBool>,
}

enum Job {
    Append(Batch, oneshot::Sender<Result<Recorded>>),
    Do(Box<dyn FnOnce(&mut Journal) + Send>),
    Close(oneshot::Sender<Result<u64>>),
}

impl Journalist {
    /// Opens the journal on a thread of its own. `clock` says when batches arrive.
    pub(crate) async fn start(settings: SpoolSettings, clock: Clock) -> Result<Self> {
        let path = settings.path.clone();
        let (queue, jobs) = mpsc::channel(GROUP);
        let (opened, is_open) = oneshot::channel();
        let waits = Arc::new(AtomicBool::new(false));
        let thread_waits = Arc::clone(&waits);
        let begun = thread::Builder::new().name("botstore-spool".into()).spawn(move || {
            match Journal::open(settings) {
                Ok(journal) => {
                    thread_waits.store(journal.health().events > 0, Ordering::Release);
                    // Nobody waits for this any more if the caller gave up; then there are no jobs either.
                    let _ = opened.send(Ok(()));
                    Thread { journal, jobs, clock, waits: thread_waits }.run();
                }
                Err(error) => {
                    let _ = opened.send(Err(error));
                }
            }
        });
        if let Err(error) = begun {
            let told = "no thread can be started";
            return Err(StoreError::new(ErrorKind::Unavailable, "open", told).with_source(error));
        }
        is_open.await.unwrap_or_else(|_| Err(lost("open")))?;
        Ok(Self { queue, path, waits })
    }

    /// The journal's file.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Whether anything may wait in the journal.
    pub(crate) fn waits(&self) -> bool {
        self.waits.load(Ordering::Acquire)
    }

    /// Takes a batch. It is on the disk once this returns.
    pub(crate) async fn append(&self, batch: &Batch) -> Result<Recorded> {
        let (reply, answer) = oneshot::channel();
        self.send("record", Job::Append(batch.clone(), reply), answer).await?
    }

    /// Does something with the journal.
    pub(crate) async fn with<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&mut Journal) -> T + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let work = move |journal: &mut Journal| {
            // The caller may have given up.
            let _ = reply.send(work(journal));
        };
        self.send(operation, Job::Do(Box::new(work)), answer).await
    }

    /// From now on events go straight into the database, unless something waits; says whether nothing does.
    pub(crate) async fn settle(&self) -> Result<bool> {
        let waits = Arc::clone(&self.waits);
        // On the thread, so that nothing is appended between the look and what is made of it.
        self.with("spool", move |journal| {
            let settled = journal.settle()?;
            if settled {
                waits.store(false, Ordering::Release);
            }
            Ok(settled)
        })
        .await?
    }

    /// Closes the journal, and says how many events wait in it. Afterwards everything else says that it is closed.
    pub(crate) async fn close(&self) -> Result<u64> {
        let (reply, answer) = oneshot::channel();
        self.send("close", Job::Close(reply), answer).await?
    }

    async fn send<T>(&self, operation: &'static str, job: Job, answer: oneshot::Receiver<T>) -> Result<T> {
        if self.queue.send(job).await.is_err() {
            return Err(StoreError::closed(operation));
        }
        answer.await.map_err(|_| lost(operation))
    }
}

/// The thread ended before it answered: it was closed meanwhile, or broke down.
fn lost(operation: &'static str) -> StoreError {
    StoreError::closed(operation)
}

struct Thread {
    journal: Journal,
    jobs: mpsc::Receiver<Job>,
    clock: Clock,
    waits: Arc<AtomicBool>,
}

impl Thread {
    /// Works until the journal is closed, or nobody can send jobs any more.
    fn run(mut self) {
        let mut next = self.jobs.blocking_recv();
        while let Some(job) = next.take() {
            match job {
                Job::Append(batch, reply) => {
                    let mut group = vec![(batch, reply)];
                    while group.len() < GROUP {
                        match self.jobs.try_recv() {
                            Ok(Job::Append(batch, reply)) => group.push((batch, reply)),
                            other => {
                                next = other.ok();
                                break;
                            }
                        }
                    }
                    self.append(group);
                }
                Job::Do(work) => {
                    work(&mut self.journal);
                    // It may be one that somebody else had meanwhile.
                    self.look();
                }
                Job::Close(reply) => {
                    self.jobs.close();
                    let _ = reply.send(self.journal.close());
                    return;
                }
            }
            next = next.or_else(|| self.jobs.blocking_recv());
        }
    }

    /// Notes that something waits.
    fn look(&self) {
        if self.journal.health().events > 0 {
            self.waits.store(true, Ordering::Release);
        }
    }

    fn append(&mut self, group: Vec<(Batch, oneshot::Sender<Result<Recorded>>)>) {
        let batches: Vec<_> = group.iter().map(|(batch, _)| batch).collect();
        let answers = self.journal.append(&batches, (self.clock)());
        // Before anybody is told, so that what the same caller records next comes after.
        self.look();
        for ((_, reply), answer) in group.into_iter().zip(answers) {
            // The caller may have given up.
            let _ = reply.send(answer);
        }
    }
}

impl std::fmt::Debug for Journalist {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journalist").field("path", &self.path).finish_non_exhaustive()
    }
}
