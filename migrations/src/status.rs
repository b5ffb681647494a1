//! How a database's schema stands to this program.

use crate::Goal;
use crate::scripts::{Scripts, Step};

/// How a database's schema stands to this program.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SchemaStatus {
    /// The database's version; 0 if it has no schema of ours.
    pub version: i32,
    /// The newest version that this program knows.
    pub newest: i32,
    /// All migrations that this program has, and those that only the database has, by version.
    pub migrations: Vec<MigrationStatus>,
    /// Why this program must not touch the database, and what to do; none if it may.
    pub refusal: Option<String>,
    pub(crate) scripts: Scripts,
}

/// How it stands with a migration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MigrationStatus {
    /// The version to which it leads.
    pub version: i32,
    /// Its name, such as `V1__original_tables`.
    pub name: String,
    /// Whether the database has it.
    pub state: MigrationState,
    /// When it was applied, in Unix seconds; none if it was not, or if nobody can tell.
    pub applied_at: Option<i64>,
}

/// Whether a database has a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MigrationState {
    /// It was applied.
    Applied,
    /// It is to be applied.
    Pending,
    /// It was applied, but in another edition than this program has.
    Changed,
    /// It was not applied, or its entry was removed, while a later one is there.
    Missing,
    /// It was applied, and this program does not know it: a newer one made it.
    Newer,
}

impl MigrationState {
    /// The state in lower case, for people and for programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Pending => "pending",
            Self::Changed => "changed",
            Self::Missing => "missing",
            Self::Newer => "newer",
        }
    }
}

impl SchemaStatus {
    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.refusal.is_none() && self.version == self.newest
    }

    /// What would be done to reach a goal, in order; nothing in a database that must not be touched.
    #[must_use]
    pub fn plan(&self, goal: Goal) -> Vec<Step> {
        match goal {
            _ if self.refusal.is_some() => Vec::new(),
            Goal::Up(to) => self.scripts.up(self.version, to),
            Goal::Down(to) => self.scripts.down(self.version, to),
        }
    }
}
