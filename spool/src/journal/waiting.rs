//! What waits in a journal, without asking its file.

use std::collections::HashMap;

use botstore_core::model::{Position, Source, SpoolHealth, Timestamp};

use super::Row;

/// What waits, as the file has it.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) events: u64,
    pub(super) bytes: u64,
    pub(super) oldest: Option<Timestamp>,
    /// The place of each source's last event, of those that have any here.
    pub(super) sources: HashMap<Source, Position>,
    pub(super) dropped: u64,
    pub(super) rejected: u64,
    pub(super) rejected_bytes: u64,
    /// Batches that could not be read, since the journal was opened.
    pub(super) damaged: u64,
}

/// A batch that the journal keeps no more.
#[derive(Debug)]
pub(super) struct Taken {
    /// Where it came from, and the place of its last event; none if that cannot be read.
    pub(super) of: Option<(Source, Position)>,
    pub(super) events: u64,
    pub(super) bytes: u64,
}

impl Waiting {
    pub(super) fn add(&mut self, row: Row, now: Timestamp) {
        self.events += row.events;
        self.bytes += row.body.len() as u64;
        self.oldest.get_or_insert(now);
        self.sources.insert(row.source, row.last);
    }

    /// A batch is gone, and the oldest that is left arrived then.
    pub(super) fn take(&mut self, taken: &Taken, oldest: Option<Timestamp>) {
        // Somebody may have changed the file.
        self.events = self.events.saturating_sub(taken.events);
        self.bytes = self.bytes.saturating_sub(taken.bytes);
        self.oldest = oldest;
        if let Some((source, last)) = &taken.of
            && self.sources.get(source) == Some(last)
        {
            self.sources.remove(source);
        }
    }

    /// These batches are kept aside.
    pub(super) fn keep_aside(&mut self, taken: &[Taken]) {
        for taken in taken {
            self.rejected += taken.events;
            self.rejected_bytes += taken.bytes;
        }
    }

    pub(super) fn health(&self) -> SpoolHealth {
        let mut health = SpoolHealth::default();
        health.events = self.events;
        health.bytes = self.bytes;
        health.oldest = self.oldest;
        health.dropped = self.dropped;
        health.rejected = self.rejected;
        health
    }
}
