//! The schema of both backends, and the runner that brings a database to it.
//!
//! The migrations are the `.sql` files in `sqlite/` and `postgres/`, embedded here and run by [refinery], which keeps
//! their history in the table `refinery_schema_history`. Once released, a migration never changes: its checksum is in
//! every database. Any number of processes may migrate one database at once: one does it, the others wait and find it
//! done.
//!
//! ```
//! // The newest schema is the same on both backends.
//! assert_eq!(botstore_migrations::newest_version(), 4);
//! ```

#![cfg_attr(
    not(all(feature = "sqlite", feature = "postgres")),
    allow(dead_code, reason = "what the two runners share is used by neither or one")
)]

#[cfg(feature = "postgres")]
pub mod postgres;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use refinery::{Migration, Report, Runner};

mod embedded {
    pub(crate) mod sqlite {
        refinery::embed_migrations!("sqlite");
    }
    pub(crate) mod postgres {
        refinery::embed_migrations!("postgres");
    }
}

/// The table in which refinery keeps a database's history.
const HISTORY_TABLE: &str = "refinery_schema_history";

/// The tables of the Python bot's own databases. Ours has them too, but always with a history.
const ORIGINAL_TABLES: [&str; 8] = [
    "api_tokens",
    "channel_stats",
    "current_status",
    "outbound_messages",
    "recent_chat",
    "user_actions",
    "user_count_history",
    "user_stats",
];

/// Why a database was not brought to this program's schema.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database's schema is none that this program may touch. The text says what to do. Nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// The schema could not be read, or a migration failed and was rolled back.
    #[error("the schema could not be read or brought up to date")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The schema's version now.
    pub version: i32,
    /// The migrations that were applied now, such as `V1__original_tables`.
    pub applied: Vec<String>,
}

/// The version of the newest schema that this program knows, the same on both backends.
#[must_use]
pub fn newest_version() -> i32 {
    embedded::sqlite::migrations::runner().get_migrations().iter().map(Migration::version).max().unwrap_or(0)
}

/// What was found in a database before any migration.
#[derive(Debug, Clone, Default)]
struct Found {
    /// The names of all tables.
    tables: Vec<String>,
    /// The history, if there is one.
    history: Vec<Applied>,
}

/// A migration that a database has.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Applied {
    version: i32,
    name: String,
    checksum: String,
}

impl Found {
    fn has_history(&self) -> bool {
        self.tables.iter().any(|table| table == HISTORY_TABLE)
    }

    fn version(&self) -> i32 {
        self.history.iter().map(|applied| applied.version).max().unwrap_or(0)
    }

    /// Refuses a database that another program made, a newer version of this one, or another edition of it.
    /// `ours` is what this program has.
    fn refuse_strangers(&self, ours: &Runner) -> Result<(), MigrationError> {
        let original = self.tables.iter().find(|table| ORIGINAL_TABLES.contains(&table.as_str()));
        if let (false, Some(table)) = (self.has_history(), original) {
            return refuse(format!(
                "the database has a table {table} and no migration history, so another program made it, such as the \
                 Python bot. It was not changed. Name another database in DATABASE_URL, or a file that is not there yet"
            ));
        }
        for theirs in &self.history {
            let Some(ours) = ours.get_migrations().iter().find(|ours| ours.version() == theirs.version)
            else {
                return refuse(format!(
                    "the database has schema version {}, and this program knows versions up to {}. It was not changed. \
                     Use a newer version of the program",
                    self.version(),
                    newest_version()
                ));
            };
            if (ours.name(), ours.checksum().to_string()) != (&theirs.name, theirs.checksum.clone()) {
                return refuse(format!(
                    "the database was migrated by another edition of V{}__{} than this program has. It was not \
                     changed. Use the program that made it",
                    theirs.version, theirs.name
                ));
            }
        }
        self.refuse_gaps(ours)
    }

    /// Refuses a history that somebody cut: what its latest entry was built upon is not sure to be there.
    fn refuse_gaps(&self, ours: &Runner) -> Result<(), MigrationError> {
        let has = |version| self.history.iter().any(|theirs| theirs.version == version);
        let earlier = |ours: &&Migration| ours.version() < self.version();
        match ours.get_migrations().iter().filter(earlier).find(|ours| !has(ours.version())) {
            None => Ok(()),
            Some(missing) => refuse(format!(
                "the database has schema version {}, and its history lacks {missing}. It was not changed. Restore a \
                 backup of it",
                self.version()
            )),
        }
    }

    fn is_current(&self) -> bool {
        self.version() == newest_version()
    }

    /// Refuses a database that is not up to date.
    fn refuse_old(&self) -> Result<i32, MigrationError> {
        if self.is_current() {
            return Ok(self.version());
        }
        refuse(format!(
            "the database has schema version {}, and this program needs {}. Run `rosey migrate`",
            self.version(),
            newest_version()
        ))
    }
}

fn refuse<T>(advice: String) -> Result<T, MigrationError> {
    Err(MigrationError::Refused(advice))
}

/// All migrations of a run happen in one transaction, or none of them.
fn grouped(runner: Runner) -> Runner {
    runner.set_grouped(true).set_abort_divergent(true).set_abort_missing(true)
}

/// What is said of a database that has all migrations. It takes no lock and no right to create anything.
fn up_to_date() -> Migrated {
    Migrated { version: newest_version(), applied: Vec::new() }
}

fn report(report: &Report) -> Migrated {
    let applied: Vec<_> = report.applied_migrations().iter().map(ToString::to_string).collect();
    if !applied.is_empty() {
        tracing::info!(applied = applied.join(", "), "schema migrated");
    }
    Migrated { version: newest_version(), applied }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> MigrationError {
    MigrationError::Failed(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A released migration is frozen: an edited one would lock every existing database out.
    #[test]
    fn released_migrations_never_change() {
        let checksums = |runner: Runner| -> Vec<_> {
            runner.get_migrations().iter().map(|m| format!("{m} {:016x}", m.checksum())).collect()
        };
        assert_eq!(
            checksums(embedded::sqlite::migrations::runner()),
            [
                "V1__original_tables 18b18c7964318c17",
                "V2__sources_and_plugin_values b1fc4250c92a9d9b",
                "V3__quick_lists 25376397a52adb8e",
                "V4__identity b6b797cacff51f9b"
            ]
        );
        assert_eq!(
            checksums(embedded::postgres::migrations::runner()),
            [
                "V1__original_tables c5c5183ae70e07d8",
                "V2__sources_and_plugin_values 6d0a1e51255dd62a",
                "V3__quick_lists b5cc2d2b060d3b3d",
                "V4__identity d2c6948ab375f350"
            ]
        );
    }

    #[test]
    fn a_history_with_a_gap_is_refused() {
        let runner = embedded::postgres::migrations::runner();
        let mut found = Found { tables: vec![HISTORY_TABLE.to_owned()], history: Vec::new() };
        for migration in runner.get_migrations() {
            found.history.push(Applied {
                version: migration.version(),
                name: migration.name().to_owned(),
                checksum: migration.checksum().to_string(),
            });
        }
        found.refuse_strangers(&runner).unwrap();
        let second = found.history.remove(1);
        assert_eq!(
            found.refuse_strangers(&runner).unwrap_err().to_string(),
            "the database has schema version 4, and its history lacks V2__sources_and_plugin_values. It was not \
             changed. Restore a backup of it"
        );
        found.history = vec![found.history.remove(0), second];
        found.refuse_strangers(&runner).unwrap();
    }

    #[test]
    fn both_backends_have_the_same_versions() {
        let names =
            |runner: Runner| -> Vec<_> { runner.get_migrations().iter().map(ToString::to_string).collect() };
        assert_eq!(
            names(embedded::sqlite::migrations::runner()),
            names(embedded::postgres::migrations::runner())
        );
    }
}
