//! Batches of events, and how far a source has been read.

use std::fmt;
use std::sync::Arc;

use super::ChannelEvent;
use super::text::text_type;
use crate::error::InvalidInput;

text_type! {
    /// Where events come from, in order: a file's digest, a stream's name.
    ///
    /// A name that begins with `private:` says that nobody can read the events again: see [`Source::private`].
    Source, "source", 1..=255, NoControls
}

impl Source {
    const PRIVATE: &'static str = "private:";

    /// A source that nobody had before, for a single run of `whom`: `private:record:` and 32 hexadecimal digits.
    ///
    /// What it is the source of happens once and cannot be read again, as events of a living channel. If a database turns
    /// out to lack some of them (it was restored from a backup, say), nobody can make up for that, so a
    /// spool writes those that follow all the same. Of a source that can be read again it keeps them aside.
    ///
    /// # Errors
    ///
    /// The operating system's, if it has no random numbers to give.
    pub fn private(whom: &'static str) -> Result<Self, getrandom::Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        Ok(Self(format!("{}{whom}:{:032x}", Self::PRIVATE, u128::from_be_bytes(random)).into()))
    }

    /// Whether nobody can read its events again: it is one of [`Source::private`], or named like them.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.as_str().starts_with(Self::PRIVATE)
    }
}

/// A place in a source: the number of the last line, message or entry that was read, 1 for the first.
/// 0 means that nothing was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(i64);

impl Position {
    /// Before everything.
    pub const START: Self = Self(0);

    /// A place in a source.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `position`: negative.
    pub fn new(position: i64) -> Result<Self, InvalidInput> {
        if position < 0 { Err(InvalidInput::new("position", "is negative")) } else { Ok(Self(position)) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What makes a batch exactly-once: the source, where it must stand, and each event's place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    source: Source,
    after: Position,
    positions: Vec<Position>,
}

impl Cursor {
    /// The source.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Where the source must stand for the whole batch to be new.
    #[must_use]
    pub fn after(&self) -> Position {
        self.after
    }

    /// Each event's place.
    #[must_use]
    pub fn positions(&self) -> &[Position] {
        &self.positions
    }

    /// Where the source stands once the batch is written: the last event's place.
    #[must_use]
    pub fn last(&self) -> Position {
        // A batch is never empty, so this is always the last event's.
        self.positions.last().copied().unwrap_or(self.after)
    }
}

/// Events that are written together or not at all. Validated when it is made, immutable, cheap to clone.
#[derive(Debug, Clone)]
pub struct Batch(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    events: Vec<ChannelEvent>,
    cursor: Option<Cursor>,
}

/// What is left to do of a batch with a cursor, given where its source stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resume {
    /// So many of its first events were written before; the rest is new. With 0, all is.
    From(usize),
    /// All of it was written before.
    Done,
    /// The source stands before the batch, or is unknown: something in between is missing.
    Gap,
}

impl Batch {
    /// The most events that a batch may hold. Beyond about this size a statement of many rows gains no more
    /// speed and only holds its locks longer.
    pub const MAX_EVENTS: usize = 1_000;

    /// A batch without a cursor: written once for each time that it is recorded.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `events`: none, or more than [`Batch::MAX_EVENTS`].
    pub fn new(events: Vec<ChannelEvent>) -> Result<Self, InvalidInput> {
        Self::checked(events, None)
    }

    /// A batch of a source's events, each with its place, following the place `after`: written once, however
    /// often it is recorded.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `events` as in [`Batch::new`], or of `position` unless the places increase strictly,
    /// beginning beyond `after`.
    pub fn with_cursor(
        source: Source,
        after: Position,
        events: Vec<(Position, ChannelEvent)>,
    ) -> Result<Self, InvalidInput> {
        let (positions, events): (Vec<_>, Vec<_>) = events.into_iter().unzip();
        let mut previous = after;
        for &position in &positions {
            if position <= previous {
                let reason = format!("must increase strictly: {position} follows {previous}");
                return Err(InvalidInput::new("position", reason));
            }
            previous = position;
        }
        Self::checked(events, Some(Cursor { source, after, positions }))
    }

    fn checked(events: Vec<ChannelEvent>, cursor: Option<Cursor>) -> Result<Self, InvalidInput> {
        if events.is_empty() {
            return Err(InvalidInput::new("events", "is empty"));
        }
        if events.len() > Self::MAX_EVENTS {
            let reason = format!("has {} events, at most {} are allowed", events.len(), Self::MAX_EVENTS);
            return Err(InvalidInput::new("events", reason));
        }
        Ok(Self(Arc::new(Inner { events, cursor })))
    }

    /// The events, in order; never empty.
    #[must_use]
    pub fn events(&self) -> &[ChannelEvent] {
        &self.0.events
    }

    /// The cursor, if it has one.
    #[must_use]
    pub fn cursor(&self) -> Option<&Cursor> {
        self.0.cursor.as_ref()
    }

    /// What [`Resume::Gap`] means, in words: where the source stands and where the batch begins.
    #[must_use]
    pub fn gap(&self, stored: Option<Position>) -> String {
        let after = self.cursor().map_or(Position::START, Cursor::after);
        let stands = stored.map_or("is unknown".to_owned(), |stored| format!("stands at {stored}"));
        format!("the batch begins after {after} and its source {stands}: something in between is missing")
    }

    /// What is left to do if the store has `stored` as the source's position (none: it does not know the
    /// source). A batch without a cursor is always new.
    #[must_use]
    pub fn resume(&self, stored: Option<Position>) -> Resume {
        let Some(cursor) = self.cursor() else { return Resume::From(0) };
        let stored = stored.unwrap_or(Position::START);
        if stored < cursor.after {
            Resume::Gap
        } else if stored >= cursor.last() {
            Resume::Done
        } else {
            Resume::From(cursor.positions.partition_point(|&position| position <= stored))
        }
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recorded {
    /// Events that were written now.
    pub applied: u64,
    /// Events that had been written before.
    pub skipped: u64,
    /// Events that are safe on this machine's disk, and go into the database when it is back: see [`SpoolHealth`].
    ///
    /// [`SpoolHealth`]: super::SpoolHealth
    pub spooled: u64,
}

impl Recorded {
    /// A report, made by an adapter.
    #[must_use]
    pub fn new(applied: usize, skipped: usize) -> Self {
        Self { applied: applied as u64, skipped: skipped as u64, spooled: 0 }
    }

    /// A report, made by a spool.
    #[must_use]
    pub fn spooled(spooled: usize, skipped: usize) -> Self {
        Self { applied: 0, skipped: skipped as u64, spooled: spooled as u64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Timestamp, Username};

    fn event() -> ChannelEvent {
        ChannelEvent::UserJoined { at: Timestamp::MIN, username: Username::new("ada").unwrap() }
    }

    fn batch(after: i64, positions: &[i64]) -> Result<Batch, InvalidInput> {
        let events = positions.iter().map(|&position| (Position(position), event())).collect();
        Batch::with_cursor(Source::new("log").unwrap(), Position(after), events)
    }

    #[test]
    fn a_batch_has_1_to_1000_events() {
        assert_eq!(Batch::new(vec![]).unwrap_err().field, "events");
        assert!(Batch::new(vec![event(); 1_000]).is_ok());
        assert_eq!(Batch::new(vec![event(); 1_001]).unwrap_err().field, "events");
    }

    #[test]
    fn a_private_source_is_new_each_time_and_known_by_its_name() {
        let [one, other] = [(); 2].map(|()| Source::private("record").unwrap());
        assert_ne!(one, other);
        let digits = one.as_str().strip_prefix("private:record:").unwrap();
        assert!(digits.len() == 32 && digits.chars().all(|digit| digit.is_ascii_hexdigit()), "{digits}");
        assert_eq!(Source::new(one.as_str()).unwrap(), one);
        assert!(one.is_private());
        for name in ["log", "record:00", "not private:record:00"] {
            assert!(!Source::new(name).unwrap().is_private(), "{name}");
        }
    }

    #[test]
    fn positions_increase_strictly() {
        assert!(batch(3, &[4, 9, 10]).is_ok());
        assert_eq!(batch(3, &[3]).unwrap_err().field, "position");
        assert_eq!(batch(3, &[5, 5]).unwrap_err().reason, "must increase strictly: 5 follows 5");
    }

    #[test]
    fn a_batch_goes_on_where_its_source_stands() {
        let batch = batch(3, &[4, 9, 10]).unwrap();
        let at = |position| batch.resume(Some(Position(position)));
        assert_eq!(batch.resume(None), Resume::Gap);
        assert_eq!(at(2), Resume::Gap);
        assert_eq!(at(3), Resume::From(0));
        assert_eq!(at(4), Resume::From(1));
        assert_eq!(at(8), Resume::From(1));
        assert_eq!(at(9), Resume::From(2));
        assert_eq!(at(10), Resume::Done);
        assert_eq!(at(11), Resume::Done);
    }

    #[test]
    fn an_unknown_source_stands_at_the_start() {
        assert_eq!(batch(0, &[1, 2]).unwrap().resume(None), Resume::From(0));
    }
}
