//! The threads that read.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::thread;
use std::time::Duration;

use botstore_core::model::PoolHealth;
use rusqlite::Connection;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Semaphore, oneshot};

use crate::awake::{Vigil, soon};
use crate::connection;
use crate::error::Fault;

/// A few threads, each with a read-only connection of its own and lent to one caller at a time. Once this is dropped,
/// they end.
pub(crate) struct Readers {
    idle: Arc<Idle>,
    /// One for each thread.
    permits: Arc<Semaphore>,
    size: usize,
    waiting: AtomicUsize,
}

/// The last thread of some has ended when nothing holds the other side any more.
pub(crate) type Ended = mpsc::Receiver<()>;

/// The threads that nobody uses, at least as many as there are permits. The latest comes first: it may still be awake,
/// and its connection's pages are in the processor's cache.
#[derive(Default)]
struct Idle(Mutex<Vec<Reader>>);

/// The way to a thread. It lies among the idle ones, or travels with the job that the thread does.
struct Reader {
    jobs: mpsc::Sender<(Job, Reader)>,
    awake: Arc<AtomicBool>,
}

/// What a caller wants done on a connection, which leaves the answer to be given.
type Job = Box<dyn FnOnce(&Connection) -> Answer + Send>;
type Answer = Box<dyn FnOnce() + Send>;

impl Readers {
    /// Starts the threads on the database at `path`: as many as the machine runs at once, but two to four.
    pub(crate) fn start(path: &Path, busy_timeout: Duration) -> Result<(Self, Ended), Fault> {
        let size = thread::available_parallelism().map_or(2, NonZero::get).clamp(2, 4);
        let (end, ended) = mpsc::channel();
        let readers = Self {
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(size)),
            size,
            waiting: AtomicUsize::new(0),
        };
        for _ in 0..size {
            let (connection, end) = (connection::reader(path, busy_timeout)?, end.clone());
            let (sender, jobs) = mpsc::channel();
            let awake = Arc::new(AtomicBool::new(false));
            let idle = Arc::downgrade(&readers.idle);
            readers.idle.lock().push(Reader { jobs: sender, awake: Arc::clone(&awake) });
            thread::Builder::new()
                .name("botstore-read".into())
                .spawn(move || {
                    serve(&connection, &jobs, &idle, &awake);
                    drop((connection, end));
                })
                .map_err(|error| Fault::System("no thread can be started", error))?;
        }
        Ok((readers, ended))
    }

    /// Runs `work` on a connection; `None` if the readers are closed.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Option<Result<T, Fault>> {
        let permit = {
            let _waiting = Waiting::new(&self.waiting);
            Arc::clone(&self.permits).acquire_owned().await.ok()?
        };
        let (reply, mut answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let outcome = catch_unwind(AssertUnwindSafe(|| work(connection)));
            let outcome = outcome.unwrap_or_else(|_| Err(Fault::abandoned()));
            Box::new(move || {
                drop(permit);
                // The caller may have left meanwhile.
                let _ = reply.send(outcome);
            })
        });
        let reader = self.idle.lock().pop()?;
        // A thread that is awake is about to answer; one that has to wake up takes longer than this one may be kept.
        let soon_done = reader.awake.load(Ordering::Relaxed);
        reader.jobs.clone().send((job, reader)).ok()?;
        let answered = if soon_done {
            soon(|| match answer.try_recv() {
                Err(TryRecvError::Empty) => None,
                answered => Some(answered.unwrap_or_else(|_| Err(Fault::abandoned()))),
            })
        } else {
            None
        };
        if answered.is_some() {
            // Others have waited for this task's thread.
            tokio::task::yield_now().await;
            return answered;
        }
        Some(answer.await.unwrap_or_else(|_| Err(Fault::abandoned())))
    }

    pub(crate) fn health(&self) -> PoolHealth {
        PoolHealth {
            max: self.size,
            open: self.size,
            idle: self.idle.lock().len(),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }

    /// Waits until nobody reads, then lets the threads end. Closing again does nothing.
    pub(crate) async fn close(&self) {
        let all = u32::try_from(self.size).unwrap_or(u32::MAX);
        if let Ok(_all) = self.permits.acquire_many(all).await {
            self.permits.close();
            self.idle.lock().clear();
        }
    }
}

/// Does one job after the other, until nothing leads to this thread any more.
fn serve(
    connection: &Connection,
    jobs: &mpsc::Receiver<(Job, Reader)>,
    idle: &Weak<Idle>,
    awake: &AtomicBool,
) {
    let mut vigil = Vigil::new();
    loop {
        awake.store(vigil.is_worthwhile(), Ordering::Relaxed);
        let at_once = vigil.keep(|| jobs.try_recv().ok());
        awake.store(false, Ordering::Relaxed);
        let Some((job, reader)) = at_once.or_else(|| jobs.recv().ok()) else { return };
        vigil.end();
        let answer = job(connection);
        // Whoever is answered may come back at once, and is to find this thread.
        if let Some(idle) = idle.upgrade() {
            reader.awake.store(vigil.is_worthwhile(), Ordering::Relaxed);
            idle.lock().push(reader);
        } else {
            drop(reader);
        }
        answer();
    }
}

impl Idle {
    fn lock(&self) -> MutexGuard<'_, Vec<Reader>> {
        // Nothing that could panic is done under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts its caller among those who wait, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
