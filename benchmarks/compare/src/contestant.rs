//! Who takes part.

use std::fmt;

use botstore_bench_harness::{Backend, Work};
use serde::Serialize;

use crate::cell::Cell;

/// The contestant against which all are held.
pub(crate) const OURS: &str = "botstore";
/// SQLite's own limit, and PostgreSQL's by its driver alone.
pub(crate) const RUSQLITE: &str = "rusqlite";
pub(crate) const TOKIO_POSTGRES: &str = "tokio-postgres";
/// PostgreSQL's own limit, by its own program.
pub(crate) const PGBENCH: &str = "pgbench";

/// One way to do the work on one backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    pub(crate) backend: Backend,
    #[serde(skip)]
    pub(crate) program: Program,
}

/// The program that a contestant is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Program {
    Engines,
    Peers,
    Python,
    Pgbench,
}

/// Every contestant, in the order of the table.
pub(crate) const ALL: [Contestant; 13] = {
    use Backend::{Postgresql, Sqlite};
    use Program::{Engines, Peers, Pgbench, Python};
    const fn new(name: &'static str, backend: Backend, program: Program) -> Contestant {
        Contestant { name, backend, program }
    }
    [
        new(OURS, Sqlite, Engines),
        new(RUSQLITE, Sqlite, Engines),
        new("sqlx", Sqlite, Peers),
        new("seaorm", Sqlite, Peers),
        new("diesel", Sqlite, Peers),
        new("sqlalchemy", Sqlite, Python),
        new(OURS, Postgresql, Engines),
        new(TOKIO_POSTGRES, Postgresql, Engines),
        new(PGBENCH, Postgresql, Pgbench),
        new("sqlx", Postgresql, Peers),
        new("seaorm", Postgresql, Peers),
        new("diesel", Postgresql, Peers),
        new("sqlalchemy", Postgresql, Python),
    ]
};

impl Contestant {
    /// botstore on this backend.
    pub(crate) fn ours(backend: Backend) -> Option<Self> {
        Self::named(OURS, backend)
    }

    /// The contestant of this name and backend.
    pub(crate) fn named(name: &str, backend: Backend) -> Option<Self> {
        ALL.into_iter().find(|contestant| contestant.name == name && contestant.backend == backend)
    }

    /// Whether it is something that a bot would be written with, instead of botstore.
    pub(crate) fn is_peer(self) -> bool {
        matches!(self.program, Program::Peers | Program::Python)
    }

    /// Whether it has a part in this cell: pgbench repeats one statement, and that is a line of chat.
    pub(crate) fn does(self, cell: Cell) -> bool {
        self.program != Program::Pgbench || cell.work == Work::Chat
    }

    /// Its connections or tasks at so many callers, where those are not as many.
    pub(crate) fn clients(self, callers: usize) -> Option<usize> {
        (self.program == Program::Pgbench && callers > Self::PGBENCH_CLIENTS).then_some(Self::PGBENCH_CLIENTS)
    }

    /// pgbench has a connection for each client: beyond this many it only gets slower.
    const PGBENCH_CLIENTS: usize = 20;
}

impl fmt::Display for Contestant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.name, self.backend)
    }
}
