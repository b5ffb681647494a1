//! The schema of both backends, and the runner that brings a database to it, and back.
//!
//! The migrations are the `.sql` files in `sqlite/` and `postgres/`, embedded here and run by [refinery], which keeps
//! their history in the table `refinery_schema_history`. Once released, a migration never changes: its checksum is in
//! every database. What undoes them stands in `sqlite-down/` and `postgres-down/`, and is run here: refinery knows no way
//! back. Any number of processes may migrate one database at once: one does it, the others wait and find it done.
//!
//! ```
//! // The newest schema is the same on both backends.
//! assert_eq!(botstore_migrations::newest_version(), 5);
//! ```

#![cfg_attr(
    not(all(feature = "sqlite", feature = "postgres")),
    allow(dead_code, reason = "what the two runners share is used by neither or one")
)]

mod found;
#[cfg(feature = "postgres")]
pub mod postgres;
mod scripts;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod status;

use refinery::{Migration, Report, Runner, Target};

pub use scripts::Step;
pub use status::{MigrationState, MigrationStatus, SchemaStatus};

/// The table in which refinery keeps a database's history.
const HISTORY_TABLE: &str = "refinery_schema_history";

/// Why a database was not brought to a schema.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database's schema is none that this program may touch. The text says what to do. Nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// The schema could not be read, or a migration failed and was rolled back.
    #[error("the schema could not be read or migrated")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where a migration is to lead. A database that is beyond the goal already has reached it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// To this version at least, by applying what is missing; to the newest if it is beyond that.
    Up(i32),
    /// To this version at most, by undoing what is later. Data goes with it, as each [`Step`] says; at 0 nothing of ours
    /// is left.
    Down(i32),
}

impl Goal {
    /// To the newest version.
    #[must_use]
    pub fn newest() -> Self {
        Self::Up(newest_version())
    }
}

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The schema's version now.
    pub version: i32,
    /// The migrations that were applied now, such as `V1__original_tables`.
    pub applied: Vec<String>,
    /// What undid migrations now, the newest first, such as `D4__identity`.
    pub undone: Vec<String>,
}

/// The version of the newest schema that this program knows, the same on both backends.
#[must_use]
pub fn newest_version() -> i32 {
    scripts::SQLITE.migrations().iter().map(Migration::version).max().unwrap_or(0)
}

/// All migrations of a run happen in one transaction, or none of them.
fn grouped(runner: Runner, to: i32) -> Runner {
    let runner = runner.set_target(Target::Version(to));
    runner.set_grouped(true).set_abort_divergent(true).set_abort_missing(true)
}

/// What refinery did in a database that had a lower version than the goal.
fn applied(report: &Report) -> Migrated {
    let applied = report.applied_migrations();
    Migrated {
        version: applied.iter().map(Migration::version).max().unwrap_or(0),
        applied: applied.iter().map(ToString::to_string).collect(),
        undone: Vec::new(),
    }
}

/// What these steps down to a version did.
fn undone(steps: Vec<Step>, version: i32) -> Migrated {
    Migrated { version, applied: Vec::new(), undone: steps.into_iter().map(|step| step.name).collect() }
}

/// Logs what is committed now.
fn committed(migrated: Migrated) -> Migrated {
    let Migrated { version, applied, undone } = &migrated;
    tracing::info!(version, applied = applied.join(", "), undone = undone.join(", "), "schema migrated");
    migrated
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> MigrationError {
    MigrationError::Failed(Box::new(error))
}
