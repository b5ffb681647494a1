//! The steps of a journal's life, between any two of which a process may die: tests make it die at each.

/// A step that was just taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The journal's file is locked, and there; perhaps it is empty.
    Locked,
    /// It has its tables.
    Made,
    /// It has a new owner.
    Owned,
    /// Batches are in a transaction that is not committed.
    Inserted,
    /// They are committed, and nobody was told.
    Appended,
    /// The oldest of them were read.
    Read,
    /// They are in the database, and still in the journal.
    Recorded,
    /// They are out of the journal.
    Removed,
    /// The journal was found empty; from now on events go straight into the database.
    Settled,
    /// The store let go of the database.
    Disconnected,
    /// The journal is closed, and its file is still there.
    Closed,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Locked,
        Self::Made,
        Self::Owned,
        Self::Inserted,
        Self::Appended,
        Self::Read,
        Self::Recorded,
        Self::Removed,
        Self::Settled,
        Self::Disconnected,
        Self::Closed,
    ];
}

/// What a test does at each step.
#[cfg(feature = "fault-points")]
pub static AT_EACH: std::sync::OnceLock<fn(Step)> = std::sync::OnceLock::new();

#[cfg(feature = "fault-points")]
pub(crate) fn reached(step: Step) {
    if let Some(at_each) = AT_EACH.get() {
        at_each(step);
    }
}

#[cfg(not(feature = "fault-points"))]
pub(crate) fn reached(_: Step) {}
