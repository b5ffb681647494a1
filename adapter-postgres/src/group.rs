//! Group commit: what callers record at the same time shares statements.
//!
//! A few statements write at once. A caller who finds one of these slots free sends a statement of its own, so a lone
//! caller waits for nobody. The others wait in a queue, and a slot that becomes free takes all who wait: their batches
//! are folded into one statement, and each has its answer after the commit. The busier the store, the more lines share
//! a commit. Where that is slow, because the server is far away or a statement waits for a lock, further slots open.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use botstore_core::fold::fold;
use botstore_core::model::Batch;
use botstore_core::{ErrorKind, Result, StoreError};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use crate::client::{Connections, Intent};
use crate::statement::Statement;

/// How many statements write at once: while one waits for the disk, the other is worked on. More gained nothing.
const SLOTS: usize = 2;
/// How many there may be when some are slow.
const MOST_SLOTS: usize = 8;
/// Whoever has waited so long opens a further slot, if one may be had, and asks again as often.
const PATIENCE: Duration = Duration::from_millis(20);
/// The most events of one statement, unless a single batch has more. The gain of larger ones is small.
const EVENTS: usize = 500;
/// How many batches may wait; further callers wait for their place. Both end with the wait for a connection.
const ROOM: usize = 10_000;

const OPERATION: &str = "record";

/// The way to write batches that may be merged.
pub(crate) struct Group(Arc<Shared>);

struct Shared {
    connections: Arc<Connections>,
    /// A permit for each batch that may wait, which keeps it until it is taken or thrown away.
    room: Arc<Semaphore>,
    queue: Mutex<Queue>,
}

/// Somebody waits only while [`SLOTS`] slots or more are in use.
struct Queue {
    slots: usize,
    waiting: VecDeque<Waiting>,
    tickets: u64,
}

/// A batch that waits, with its caller.
struct Waiting {
    ticket: u64,
    batch: Batch,
    caller: Caller,
    _room: OwnedSemaphorePermit,
}

/// The way back to a caller, and its call, which is under way until it is answered.
struct Caller {
    reply: oneshot::Sender<Result<()>>,
    _call: OwnedSemaphorePermit,
}

impl Group {
    pub(crate) fn new(connections: Arc<Connections>) -> Self {
        let queue = Queue { slots: 0, waiting: VecDeque::new(), tickets: 0 };
        Self(Arc::new(Shared { connections, room: Arc::new(Semaphore::new(ROOM)), queue: Mutex::new(queue) }))
    }

    /// Writes a batch without a cursor, together with others if many come. Dropped before the batch's turn comes, it
    /// writes nothing.
    pub(crate) async fn record(&self, batch: &Batch, call: OwnedSemaphorePermit) -> Result<()> {
        if let Some(slot) = self.slot(SLOTS) {
            return slot.write(std::slice::from_ref(batch)).await;
        }
        let deadline = Instant::now() + self.0.connections.pool.wait;
        let Ok(Ok(room)) = timeout_at(deadline, Arc::clone(&self.0.room).acquire_owned()).await else {
            return Err(self.exhausted());
        };
        let (ticket, mut answer) = self.wait(batch.clone(), call, room);
        let mut answered = timeout(PATIENCE, &mut answer).await;
        while answered.is_err() && Instant::now() < deadline {
            if let Some(slot) = self.slot(MOST_SLOTS) {
                slot.work();
            }
            answered = timeout(PATIENCE, &mut answer).await;
        }
        let answered = match answered {
            Ok(answered) => answered,
            Err(_) if self.0.withdraw(ticket) => return Err(self.exhausted()),
            // It is being written, and that has a deadline of its own.
            Err(_) => answer.await,
        };
        answered.unwrap_or_else(|_| {
            Err(StoreError::new(
                ErrorKind::Indeterminate,
                OPERATION,
                "the answer was lost: the runtime ended, or a panic",
            ))
        })
    }

    /// How many batches wait.
    pub(crate) fn waiting(&self) -> usize {
        self.0.queue().waiting.len()
    }

    /// A slot, if fewer than `most` are in use.
    fn slot(&self, most: usize) -> Option<Slot> {
        Slot::of(&self.0, &mut self.0.queue(), most)
    }

    fn wait(
        &self,
        batch: Batch,
        call: OwnedSemaphorePermit,
        room: OwnedSemaphorePermit,
    ) -> (u64, oneshot::Receiver<Result<()>>) {
        let (reply, answer) = oneshot::channel();
        let mut queue = self.0.queue();
        queue.tickets += 1;
        let ticket = queue.tickets;
        queue.waiting.push_back(Waiting {
            ticket,
            batch,
            caller: Caller { reply, _call: call },
            _room: room,
        });
        // A slot may have become free since this caller asked for one.
        let slot = Slot::of(&self.0, &mut queue, SLOTS);
        drop(queue);
        if let Some(slot) = slot {
            slot.work();
        }
        (ticket, answer)
    }

    fn exhausted(&self) -> StoreError {
        let detail = format!(
            "{}: no turn to write came within {:?}; {} batches wait",
            self.0.connections.shown,
            self.0.connections.pool.wait,
            self.waiting()
        );
        StoreError::new(ErrorKind::PoolExhausted, OPERATION, detail)
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing that could panic is done under the lock.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a batch out of the queue; false if it is being written already.
    fn withdraw(&self, ticket: u64) -> bool {
        let mut queue = self.queue();
        let place = queue.waiting.iter().position(|waiting| waiting.ticket == ticket);
        place.and_then(|place| queue.waiting.remove(place)).is_some()
    }

    /// Takes those who have waited longest, as many as share a statement. Who has left is passed over: nobody would
    /// learn of what it wrote.
    fn take(&self) -> Vec<Waiting> {
        let mut queue = self.queue();
        let (mut taken, mut events) = (Vec::new(), 0);
        while let Some(next) = queue.waiting.front() {
            events += next.batch.events().len();
            if events > EVENTS && !taken.is_empty() {
                break;
            }
            taken.extend(queue.waiting.pop_front().filter(|waiting| !waiting.caller.reply.is_closed()));
        }
        taken
    }
}

/// The right to have a statement under way. Given back, it goes to those who wait.
struct Slot {
    shared: Arc<Shared>,
    runtime: Handle,
    /// Whether it works for those who wait, and not for one caller.
    at_work: bool,
}

impl Slot {
    fn of(shared: &Arc<Shared>, queue: &mut Queue, most: usize) -> Option<Self> {
        let runtime = Handle::current();
        (queue.slots < most).then(|| {
            queue.slots += 1;
            Self { shared: Arc::clone(shared), runtime, at_work: false }
        })
    }

    async fn write(&self, batches: &[Batch]) -> Result<()> {
        let statement = Statement::record(&fold(batches.iter().flat_map(Batch::events)), None);
        statement.send(&self.shared.connections, OPERATION, Intent::Write).await.map(drop)
    }

    /// Writes what waits, on a task of its own, until nothing does. A slot beyond the usual ones works once.
    fn work(mut self) {
        self.at_work = true;
        self.runtime.clone().spawn(async move {
            let mut slot = self;
            loop {
                let taken = slot.shared.take();
                if taken.is_empty() {
                    break;
                }
                slot.write_for(taken).await;
                if slot.shared.queue().slots > SLOTS {
                    break;
                }
                // Those who were answered may have more: it shall share the next statement.
                tokio::task::yield_now().await;
            }
            slot.at_work = false;
        });
    }

    async fn write_for(&self, taken: Vec<Waiting>) {
        let (batches, callers): (Vec<_>, Vec<_>) =
            taken.into_iter().map(|waiting| (waiting.batch, waiting.caller)).unzip();
        let outcome = self.write(&batches).await;
        for caller in callers {
            // A caller who left needs no answer.
            let _ = caller.reply.send(outcome.clone());
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut queue = self.shared.queue();
        // If the runtime ended, or after a panic, there is nobody to work for those who wait.
        let lost = if self.at_work { std::mem::take(&mut queue.waiting) } else { VecDeque::new() };
        if queue.waiting.is_empty() || queue.slots > SLOTS {
            queue.slots -= 1;
            drop(queue);
            for waiting in lost {
                let detail =
                    "nothing was written: the runtime ended, or a panic, before the batch's turn came";
                let _ =
                    waiting.caller.reply.send(Err(StoreError::new(ErrorKind::Internal, OPERATION, detail)));
            }
            return;
        }
        drop(queue);
        Self { shared: Arc::clone(&self.shared), runtime: self.runtime.clone(), at_work: false }.work();
    }
}

#[cfg(test)]
mod tests;
