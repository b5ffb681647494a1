//! What a journal may hold, and what gives way.

use std::time::Duration;

use botstore_core::ErrorKind;
use botstore_core::model::Timestamp;
use botstore_core::settings::{SpoolSettings, WhenFull};

use super::{Journal, queue};
use crate::fault::Fault;

/// What was read to be written into the database: batches up to a number. They are not dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lent {
    pub(super) upto: i64,
    pub(super) bytes: u64,
}

impl Journal {
    /// Sees to it that so many bytes more may wait.
    pub(super) fn make_room(&mut self, bytes: u64, now: Timestamp) -> Result<(), Fault> {
        while let Some(what) = self.excess(bytes, now)? {
            // Nothing is dropped for what would not be taken all the same.
            let may_drop = self.settings.when_full == WhenFull::DropOldest
                && self.lent.bytes + bytes <= self.settings.max_bytes;
            if !may_drop || !self.drop_oldest()? {
                let why = format!("is full: {what} (ROSEY_SPOOL_FULL says what gives way)");
                return Err(Fault::Refused(ErrorKind::Unavailable, why));
            }
        }
        Ok(())
    }

    /// In what way the journal would be too full.
    fn excess(&self, bytes: u64, now: Timestamp) -> Result<Option<String>, Fault> {
        let SpoolSettings { max_bytes, max_age, .. } = self.settings;
        if bytes > max_bytes {
            return Ok(Some(format!(
                "a batch takes {bytes} bytes, and {max_bytes} may wait (ROSEY_SPOOL_SIZE)"
            )));
        }
        if self.waiting.bytes + bytes > max_bytes {
            return Ok(Some(format!("{} bytes of events wait, and {max_bytes} may", self.waiting.bytes)));
        }
        let Some(max_age) = max_age else { return Ok(None) };
        let oldest = match self.settings.when_full {
            WhenFull::Refuse => self.waiting.oldest,
            // Of those that can give way: others would have to go for one that cannot.
            WhenFull::DropOldest => queue::oldest(&self.connection, self.lent.upto)?,
        };
        let age = oldest.map(|oldest| Duration::from_secs(now.seconds_since(oldest).unsigned_abs()));
        let too_old = age.filter(|age| *age > max_age);
        Ok(too_old.map(|age| format!("its oldest event waits for {age:?}, and may for {max_age:?}")))
    }

    /// Gives the oldest batch up that can be; says whether there was one.
    fn drop_oldest(&mut self) -> Result<bool, Fault> {
        let Some(dropped) = queue::drop_oldest(&self.connection, self.lent.upto)? else { return Ok(false) };
        let before = self.waiting.dropped;
        self.waiting.dropped += dropped.events;
        self.waiting.take(&dropped, queue::oldest(&self.connection, self.owed.upto)?);
        if has_doubled(before, self.waiting.dropped) {
            let (journal, dropped) = (self.settings.path.display(), self.waiting.dropped);
            tracing::warn!(%journal, dropped, "the journal is full: its oldest events are given up");
        }
        Ok(true)
    }
}

/// Whether a number went beyond a power of 2: lines that are logged then stay few.
pub(super) fn has_doubled(before: u64, now: u64) -> bool {
    before.checked_ilog2() != now.checked_ilog2()
}

#[cfg(test)]
mod tests;
