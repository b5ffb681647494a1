//! Writing what waits into the database.

use botstore_core::model::{Batch, Position};
use botstore_core::{ErrorKind, Result};

use super::{Failure, Shared};
use crate::journal::{Journal, Portion};
use crate::step::{Step, reached};

impl Shared {
    /// Writes what waits into the database, until nothing does.
    pub(super) async fn drain(&self) -> Result<(), Failure> {
        let (mut written, mut portions) = (0, 0);
        loop {
            let next = |journal: &mut Journal| journal.next().map(|next| (next, journal.health().events));
            match self.with_journal(next).await? {
                (Some(portion), left) => {
                    self.ending.send_replace(portions > 0 && left <= Batch::MAX_EVENTS as u64);
                    let outcome = self.write(portion).await;
                    self.answered(&outcome);
                    written += outcome?;
                    portions += 1;
                }
                (None, _) if self.journal.settle().await.map_err(Failure::Journal)? => break,
                // Something came in between, which is next.
                (None, _) => {}
            }
        }
        if written > 0 {
            let journal = self.journal.path().display();
            tracing::info!(events = written, %journal, "what waited for the database is in it");
        }
        self.said.store(false, std::sync::atomic::Ordering::Relaxed);
        Ok(())
    }

    /// Writes the oldest events into the database, and takes them out of the journal; says how many it were.
    async fn write(&self, mut portion: Portion) -> Result<usize, Failure> {
        let count = portion.events.len();
        let mut recorded = self.record(&portion).await;
        if is_conflict(&recorded) && portion.after.is_some() && portion.source.is_private() {
            let source = portion.source.as_str();
            tracing::warn!(
                source,
                "the database lacks events that nobody can send again; those after them are written"
            );
            portion.after = None;
            recorded = self.record(&portion).await;
        }
        match recorded {
            Ok(()) => {
                reached(Step::Recorded);
                self.with_journal(move |journal| journal.remove(&portion)).await?;
                Ok(count)
            }
            // What is missing can be read again from where it came, and what follows should not wait for that.
            Err(error) if *error.kind() == ErrorKind::Conflict => {
                let reason = error.to_string();
                self.with_journal(move |journal| journal.reject(&portion, &reason)).await?;
                Ok(0)
            }
            Err(error) => {
                if *error.kind() != ErrorKind::Indeterminate {
                    self.with_journal(|journal| {
                        journal.give_back();
                        Ok(())
                    })
                    .await?;
                }
                Err(Failure::Database(error))
            }
        }
    }

    async fn record(&self, portion: &Portion) -> Result<()> {
        if let Some(batch) = self.batch(portion).await? {
            self.store.record(&batch).await?;
        }
        Ok(())
    }

    /// What is left to write of a portion; none if all of it is in the database.
    async fn batch(&self, portion: &Portion) -> Result<Option<Batch>> {
        let (after, first) = match portion.after {
            Some(after) => (after, 0),
            None => {
                let stands = self.store.position(&portion.source).await?.unwrap_or(Position::START);
                (stands, portion.events.partition_point(|(place, _)| *place <= stands))
            }
        };
        let events = portion.events[first..].to_vec();
        if events.is_empty() {
            return Ok(None);
        }
        Ok(Some(Batch::with_cursor(portion.source.clone(), after, events)?))
    }
}

fn is_conflict<T>(outcome: &Result<T>) -> bool {
    outcome.as_ref().is_err_and(|error| *error.kind() == ErrorKind::Conflict)
}
