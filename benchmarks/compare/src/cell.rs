//! What is measured: a work, done by so many callers.

use std::fmt;

use botstore_bench_harness::Work;
use serde::Serialize;

/// One work, done by so many callers at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Cell {
    pub(crate) work: Work,
    pub(crate) callers: usize,
    pub(crate) data: Data,
}

/// On how much data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Data {
    /// A database of the contestant's own, of 1,000 users and some 10,000 lines at first.
    Small,
    /// One that all contestants of a backend read.
    Large,
}

/// Every cell, in the order of the table.
pub(crate) fn all() -> impl Iterator<Item = Cell> {
    let small = [
        (Work::Chat, 1),
        (Work::Chat, 8),
        (Work::Chat, 64),
        (Work::Join, 8),
        (Work::Top, 1),
        (Work::Recent, 1),
        (Work::Stats, 1),
        (Work::Queue, 8),
        (Work::Day, 1),
        (Work::Day, 8),
        (Work::Day, 64),
    ];
    let large = READS.into_iter().map(|work| (work, 1));
    let of = |data| move |(work, callers)| Cell { work, callers, data };
    small.into_iter().map(of(Data::Small)).chain(large.map(of(Data::Large)))
}

/// The works that read.
pub(crate) const READS: [Work; 3] = [Work::Top, Work::Recent, Work::Stats];

impl Cell {
    /// The small cell of a work and a number of callers.
    pub(crate) const fn small(work: Work, callers: usize) -> Self {
        Self { work, callers, data: Data::Small }
    }

    /// The work, as the table names it.
    pub(crate) fn title(self) -> String {
        match self.data {
            Data::Small => self.work.to_string(),
            Data::Large => format!("{}, large", self.work),
        }
    }
}

impl fmt::Display for Cell {
    /// As `--only` takes it, such as `chat@64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.title(), self.callers)
    }
}
