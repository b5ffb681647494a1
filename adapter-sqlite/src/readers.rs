//! The threads that read.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use botstore_core::model::PoolHealth;
use crossbeam_channel::{Receiver, Sender};
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use crate::awake::{Vigil, soon};
use crate::connection;
use crate::error::Fault;

/// What a caller wants done on a connection. It answers the caller by itself.
type Job = Box<dyn FnOnce(&Connection) + Send>;

/// A few threads, each with a read-only connection of its own, which take the jobs in turn.
pub(crate) struct Readers {
    /// None once the readers are closed.
    jobs: Mutex<Option<Sender<Job>>>,
    ended: watch::Receiver<()>,
    threads: Arc<Threads>,
    size: usize,
}

/// How many threads do what.
#[derive(Default)]
struct Threads {
    busy: AtomicUsize,
    /// They look out for the next job.
    awake: AtomicUsize,
}

impl Readers {
    /// Starts the threads on the database at `path`: as many as the machine runs at once, but two to four.
    pub(crate) fn start(path: &Path) -> Result<Self, Fault> {
        let size = thread::available_parallelism().map_or(2, NonZero::get).clamp(2, 4);
        let (sender, jobs) = crossbeam_channel::unbounded();
        let (end, ended) = watch::channel(());
        let threads = Arc::new(Threads::default());
        for _ in 0..size {
            let (connection, jobs) = (connection::reader(path)?, jobs.clone());
            let reader = Reader { connection, jobs, vigil: Vigil::new(), threads: Arc::clone(&threads) };
            let end = end.clone();
            thread::Builder::new()
                .name("botstore-read".into())
                .spawn(move || {
                    reader.run();
                    drop(end);
                })
                .map_err(|error| Fault::System("no thread can be started", error))?;
        }
        Ok(Self { jobs: Mutex::new(Some(sender)), ended, threads, size })
    }

    /// Runs `work` on a connection; `None` if the readers are closed.
    ///
    /// What nobody waits for any more is not begun.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Option<Result<T, Fault>> {
        let (reply, mut answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            if !reply.is_closed() {
                // The caller may have left meanwhile.
                let _ = reply.send(work(connection));
            }
        });
        // A thread that is awake is about to answer; one that has to wake up takes longer than this one may be kept.
        let soon_done = self.threads.awake.load(Ordering::Relaxed) > 0;
        self.jobs().as_ref()?.send(job).ok()?;
        if soon_done && let Some(outcome) = soon(|| answer.try_recv().ok()) {
            // Others have waited for this task's thread.
            tokio::task::yield_now().await;
            return Some(outcome);
        }
        Some(answer.await.unwrap_or_else(|_| Err(Fault::abandoned())))
    }

    pub(crate) fn health(&self) -> PoolHealth {
        PoolHealth {
            max: self.size,
            open: self.size,
            idle: self.size.saturating_sub(self.threads.busy.load(Ordering::Relaxed)),
            waiting: self.jobs().as_ref().map_or(0, Sender::len),
        }
    }

    /// Waits until all reads are done and the connections are closed. Closing again does nothing.
    pub(crate) async fn close(&self) {
        drop(self.jobs().take());
        // It fails, which is what is waited for: the last thread has ended.
        let _ = self.ended.clone().changed().await;
    }

    fn jobs(&self) -> MutexGuard<'_, Option<Sender<Job>>> {
        // Nothing that could panic is done under the lock.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Reader {
    connection: Connection,
    jobs: Receiver<Job>,
    vigil: Vigil,
    threads: Arc<Threads>,
}

impl Reader {
    /// Works until the store is closed or dropped and no job is left.
    fn run(mut self) {
        while let Some(job) = self.next() {
            self.threads.busy.fetch_add(1, Ordering::Relaxed);
            // A panic is its caller's, who learns of it by the missing answer.
            let _ = catch_unwind(AssertUnwindSafe(|| job(&self.connection)));
            self.threads.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn next(&mut self) -> Option<Job> {
        self.threads.awake.fetch_add(1, Ordering::Relaxed);
        let at_once = self.vigil.keep(|| self.jobs.try_recv().ok());
        self.threads.awake.fetch_sub(1, Ordering::Relaxed);
        let job = at_once.or_else(|| self.jobs.recv().ok());
        self.vigil.end();
        job
    }
}
