//! What was found in a database, and whether this program may touch it.

use refinery::Migration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::scripts::Scripts;
use crate::status::{MigrationState, MigrationStatus, SchemaStatus};
use crate::{Goal, HISTORY_TABLE, Migrated, MigrationError, newest_version};

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

/// What was found in a database before any migration.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// The names of all tables.
    pub(crate) tables: Vec<String>,
    /// The history, if there is one.
    pub(crate) history: Vec<Applied>,
}

/// A migration that a database has, as refinery notes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) version: i32,
    pub(crate) name: String,
    pub(crate) applied_on: String,
    pub(crate) checksum: String,
}

impl Applied {
    fn is(&self, ours: &Migration) -> bool {
        self.name == ours.name() && self.checksum == ours.checksum().to_string()
    }

    fn status(&self, state: MigrationState) -> MigrationStatus {
        let applied_at = OffsetDateTime::parse(&self.applied_on, &Rfc3339).ok();
        MigrationStatus {
            version: self.version,
            name: format!("V{}__{}", self.version, self.name),
            state,
            applied_at: applied_at.map(OffsetDateTime::unix_timestamp),
        }
    }
}

impl Found {
    pub(crate) fn has(&self, table: &str) -> bool {
        self.tables.iter().any(|found| found == table)
    }

    pub(crate) fn has_history(&self) -> bool {
        self.has(HISTORY_TABLE)
    }

    pub(crate) fn version(&self) -> i32 {
        self.history.iter().map(|applied| applied.version).max().unwrap_or(0)
    }

    /// How the schema stands to this program's migrations.
    pub(crate) fn status(&self, ours: Scripts) -> SchemaStatus {
        let mut migrations: Vec<_> = ours.migrations().iter().map(|ours| self.of(ours)).collect();
        let is_known = |theirs: &&Applied| migrations.iter().any(|ours| ours.version == theirs.version);
        let newer: Vec<_> = self.history.iter().filter(|theirs| !is_known(theirs)).collect();
        migrations.extend(newer.into_iter().map(|theirs| theirs.status(MigrationState::Newer)));
        migrations.sort_by_key(|migration| migration.version);
        let refusal = self.refusal(&migrations);
        SchemaStatus { version: self.version(), newest: newest_version(), migrations, refusal, scripts: ours }
    }

    /// How it stands with a migration of this program.
    fn of(&self, ours: &Migration) -> MigrationStatus {
        let version = ours.version();
        match self.history.iter().find(|theirs| theirs.version == version) {
            Some(theirs) if theirs.is(ours) => theirs.status(MigrationState::Applied),
            Some(theirs) => theirs.status(MigrationState::Changed),
            None => {
                let is_passed = version < self.version();
                let state = if is_passed { MigrationState::Missing } else { MigrationState::Pending };
                MigrationStatus { version, name: ours.to_string(), state, applied_at: None }
            }
        }
    }

    /// Why this program must not touch a database that another program made, a newer version of this one, or another
    /// edition of it, or whose history somebody cut: what its latest entry was built upon is not sure to be there.
    fn refusal(&self, migrations: &[MigrationStatus]) -> Option<String> {
        let original = ORIGINAL_TABLES.into_iter().find(|table| self.has(table));
        if let (false, Some(table)) = (self.has_history(), original) {
            return Some(format!(
                "the database has a table {table} and no migration history, so another program made it. It was not \
                 changed. If it is the Python bot's, name a new database in DATABASE_URL, and take this one over: \
                 `rosey import` with its file or URL"
            ));
        }
        let first = |state| migrations.iter().find(|migration| migration.state == state);
        let (version, newest) = (self.version(), newest_version());
        if first(MigrationState::Newer).is_some() {
            return Some(format!(
                "the database has schema version {version}, and this program knows versions up to {newest}. It was not \
                 changed. Use a newer version of the program, or go back with that one: `rosey migrate down --to {newest}`"
            ));
        }
        if let Some(MigrationStatus { name, .. }) = first(MigrationState::Changed) {
            return Some(format!(
                "the database was migrated by another edition of {name} than this program has. It was not changed. Use \
                 the program that made it"
            ));
        }
        let MigrationStatus { name, .. } = first(MigrationState::Missing)?;
        Some(format!(
            "the database has schema version {version}, and its history lacks {name}. It was not changed. Restore a \
             backup of it"
        ))
    }

    /// Refuses a database that this program must not touch.
    pub(crate) fn refuse_strangers(&self, ours: Scripts) -> Result<(), MigrationError> {
        self.status(ours).refusal.map_or(Ok(()), |refusal| Err(MigrationError::Refused(refusal)))
    }

    /// Refuses a database that is not up to date, too, and says the version of one that is.
    pub(crate) fn refuse_others(&self, ours: Scripts) -> Result<i32, MigrationError> {
        self.refuse_strangers(ours)?;
        let (version, newest) = (self.version(), newest_version());
        let lacking: Vec<_> = ours.up(version, newest).into_iter().map(|step| step.name).collect();
        if lacking.is_empty() {
            return Ok(version);
        }
        Err(MigrationError::Refused(format!(
            "the database has schema version {version}, and this program needs {newest}: it lacks {}. Run `rosey migrate`",
            lacking.join(", ")
        )))
    }

    pub(crate) fn has_reached(&self, goal: Goal) -> bool {
        match goal {
            Goal::Up(to) => self.version() >= to.min(newest_version()),
            Goal::Down(to) => self.version() <= to.max(0),
        }
    }

    /// What is said of a database that has reached its goal. It takes no lock and no right to create anything.
    pub(crate) fn unchanged(&self) -> Migrated {
        Migrated { version: self.version(), applied: Vec::new(), undone: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripts::POSTGRES;

    /// A database that has all migrations.
    fn current() -> Found {
        let history = POSTGRES
            .migrations()
            .iter()
            .map(|migration| Applied {
                version: migration.version(),
                name: migration.name().to_owned(),
                applied_on: "2023-11-14T22:13:20.123456789Z".to_owned(),
                checksum: migration.checksum().to_string(),
            })
            .collect();
        Found { tables: vec![HISTORY_TABLE.to_owned()], history }
    }

    fn states(found: &Found) -> Vec<&'static str> {
        found.status(POSTGRES).migrations.iter().map(|migration| migration.state.as_str()).collect()
    }

    fn refusal(found: &Found) -> String {
        found.refuse_strangers(POSTGRES).unwrap_err().to_string()
    }

    #[test]
    fn a_current_database_has_all() {
        let found = current();
        assert_eq!(found.refuse_others(POSTGRES).unwrap(), 5);
        let status = found.status(POSTGRES);
        assert!(status.is_current());
        assert_eq!((status.version, status.newest, status.refusal), (5, 5, None));
        assert_eq!(
            status.migrations[0],
            MigrationStatus {
                version: 1,
                name: "V1__original_tables".to_owned(),
                state: MigrationState::Applied,
                applied_at: Some(1_700_000_000),
            }
        );
        assert_eq!(states(&found), ["applied"; 5]);
    }

    #[test]
    fn an_old_database_is_told_what_it_lacks() {
        let mut found = current();
        found.history.truncate(2);
        assert_eq!(states(&found), ["applied", "applied", "pending", "pending", "pending"]);
        assert!(!found.status(POSTGRES).is_current());
        found.refuse_strangers(POSTGRES).unwrap();
        assert_eq!(
            found.refuse_others(POSTGRES).unwrap_err().to_string(),
            "the database has schema version 2, and this program needs 5: it lacks V3__quick_lists, V4__identity, \
             V5__token_expiry. Run `rosey migrate`"
        );
    }

    #[test]
    fn a_history_with_a_gap_is_refused() {
        let mut found = current();
        let second = found.history.remove(1);
        assert_eq!(states(&found), ["applied", "missing", "applied", "applied", "applied"]);
        assert_eq!(
            refusal(&found),
            "the database has schema version 5, and its history lacks V2__sources_and_plugin_values. It was not \
             changed. Restore a backup of it"
        );
        found.history = vec![found.history.remove(0), second];
        found.refuse_strangers(POSTGRES).unwrap();
    }

    #[test]
    fn a_changed_migration_and_a_newer_one_are_named_by_their_state() {
        let mut found = current();
        found.history[1].checksum = "1".to_owned();
        assert_eq!(states(&found), ["applied", "changed", "applied", "applied", "applied"]);
        assert!(refusal(&found).contains("another edition of V2__sources_and_plugin_values"));
        found.history.push(Applied { version: 6, name: "later".to_owned(), ..found.history[0].clone() });
        assert_eq!(states(&found), ["applied", "changed", "applied", "applied", "applied", "newer"]);
        assert!(refusal(&found).ends_with("go back with that one: `rosey migrate down --to 5`"));
        assert_eq!(found.status(POSTGRES).migrations[5].name, "V6__later");
        assert_eq!(found.status(POSTGRES).plan(Goal::Down(0)), []);
    }

    #[test]
    fn a_goal_is_reached_from_one_side() {
        let mut found = current();
        found.history.truncate(2);
        let reached = [
            Goal::Up(1),
            Goal::Up(2),
            Goal::Up(3),
            Goal::Up(99),
            Goal::Down(3),
            Goal::Down(2),
            Goal::Down(1),
        ];
        let reached = reached.map(|goal| found.has_reached(goal));
        assert_eq!(reached, [true, true, false, false, true, true, false]);
        assert!(current().has_reached(Goal::Up(99)) && Found::default().has_reached(Goal::Down(-1)));
    }
}
