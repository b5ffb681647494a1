//! The migrations of both backends, each with what undoes it.

use refinery::{Migration, Runner};

mod embedded {
    pub(super) mod sqlite {
        refinery::embed_migrations!("sqlite");
    }
    pub(super) mod postgres {
        refinery::embed_migrations!("postgres");
    }
}

/// What the first line of a script that loses data begins with. The text goes on to the end of its paragraph.
const LOST: &str = "-- Lost: ";

/// The migrations of a backend, both ways.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scripts {
    runner: fn() -> Runner,
    /// What undoes version 1, 2 and so on.
    down: &'static [Script],
}

/// A script, such as `D4__identity`.
#[derive(Debug, Clone, Copy)]
struct Script {
    name: &'static str,
    sql: &'static str,
}

/// A step from one version to the one before or after it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The version that it applies or undoes.
    pub version: i32,
    /// The script's name: `V4__identity` applies a version, `D4__identity` undoes it.
    pub name: String,
    /// What is executed.
    pub sql: String,
    /// What data goes with it, in words; none if none does.
    pub lost: Option<String>,
}

/// Embeds what undoes the migrations, from version 1 on.
macro_rules! down {
    ($($directory:literal $name:literal),* $(,)?) => {
        &[$(Script { name: $name, sql: include_str!(concat!("../", $directory, "/", $name, ".sql")) }),*]
    };
}

pub(crate) const SQLITE: Scripts = Scripts {
    runner: embedded::sqlite::migrations::runner,
    down: down![
        "sqlite-down" "D1__original_tables",
        "sqlite-down" "D2__sources_and_plugin_values",
        "sqlite-down" "D3__quick_lists",
        "sqlite-down" "D4__identity",
        "sqlite-down" "D5__token_expiry",
    ],
};

pub(crate) const POSTGRES: Scripts = Scripts {
    runner: embedded::postgres::migrations::runner,
    down: down![
        "postgres-down" "D1__original_tables",
        "postgres-down" "D2__sources_and_plugin_values",
        "postgres-down" "D3__quick_lists",
        "postgres-down" "D4__identity",
        "postgres-down" "D5__token_expiry",
    ],
};

impl Scripts {
    pub(crate) fn runner(self) -> Runner {
        (self.runner)()
    }

    /// All migrations, the oldest first.
    pub(crate) fn migrations(self) -> Vec<Migration> {
        let mut migrations = self.runner().get_migrations().clone();
        migrations.sort();
        migrations
    }

    /// What brings a database from one version up to another.
    pub(crate) fn up(self, from: i32, to: i32) -> Vec<Step> {
        let mut steps = self.migrations();
        steps.retain(|migration| (from + 1..=to).contains(&migration.version()));
        steps.iter().map(Step::applies).collect()
    }

    /// What brings a database from one version down to another, the newest first.
    pub(crate) fn down(self, from: i32, to: i32) -> Vec<Step> {
        let steps = (1..).zip(self.down).filter(|(version, _)| (to + 1..=from).contains(version));
        let mut steps: Vec<_> = steps.map(|(version, script)| Step::undoes(version, *script)).collect();
        steps.reverse();
        steps
    }
}

impl Step {
    fn applies(migration: &Migration) -> Self {
        let sql = migration.sql().unwrap_or_default().to_owned();
        Self { version: migration.version(), name: migration.to_string(), sql, lost: None }
    }

    fn undoes(version: i32, Script { name, sql }: Script) -> Self {
        Self { version, name: name.to_owned(), sql: sql.to_owned(), lost: lost(sql) }
    }
}

/// What a script says that is lost: its first paragraph, if that begins so.
fn lost(sql: &str) -> Option<String> {
    let first = sql.strip_prefix(LOST)?;
    let lines = first.lines().map(|line| line.trim_start_matches("--").trim());
    Some(lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// A released migration is frozen: an edited one would lock every existing database out. What undoes it is not:
    /// no database keeps its checksum.
    #[test]
    fn released_migrations_never_change() {
        let checksums = |scripts: Scripts| -> Vec<_> {
            scripts.migrations().iter().map(|m| format!("{m} {:016x}", m.checksum())).collect()
        };
        assert_eq!(
            checksums(SQLITE),
            [
                "V1__original_tables 18b18c7964318c17",
                "V2__sources_and_plugin_values b1fc4250c92a9d9b",
                "V3__quick_lists 25376397a52adb8e",
                "V4__identity b6b797cacff51f9b",
                "V5__token_expiry cef3941f6c20c4cd"
            ]
        );
        assert_eq!(
            checksums(POSTGRES),
            [
                "V1__original_tables c5c5183ae70e07d8",
                "V2__sources_and_plugin_values 6d0a1e51255dd62a",
                "V3__quick_lists b5cc2d2b060d3b3d",
                "V4__identity d2c6948ab375f350",
                "V5__token_expiry cbe68d3724677e83"
            ]
        );
    }

    #[test]
    fn both_backends_have_the_same_versions() {
        let names = |scripts: Scripts| -> Vec<_> {
            scripts.migrations().iter().map(|m| (m.version(), m.to_string())).collect()
        };
        assert_eq!(names(SQLITE), names(POSTGRES));
        assert!(SQLITE.migrations().iter().map(Migration::version).eq(1..=crate::newest_version()));
    }

    #[test]
    fn each_migration_has_the_script_that_undoes_it() {
        for (scripts, directory) in [(SQLITE, "sqlite-down"), (POSTGRES, "postgres-down")] {
            let undoing: Vec<_> = scripts.down.iter().map(|script| script.name.to_owned()).collect();
            let expected: Vec<_> =
                scripts.migrations().iter().map(|m| m.to_string().replacen('V', "D", 1)).collect();
            assert_eq!(undoing, expected);
            let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
            let files: BTreeSet<_> = std::fs::read_dir(directory)
                .unwrap()
                .map(|file| file.unwrap().file_name().to_str().unwrap().replace(".sql", ""))
                .collect();
            assert_eq!(files, undoing.into_iter().collect(), "what is there and what is embedded");
        }
    }

    #[test]
    fn steps_lead_from_one_version_to_another() {
        let names = |steps: Vec<Step>| -> Vec<_> { steps.into_iter().map(|step| step.name).collect() };
        assert_eq!(names(SQLITE.up(2, 4)), ["V3__quick_lists", "V4__identity"]);
        assert_eq!(names(SQLITE.down(3, 1)), ["D3__quick_lists", "D2__sources_and_plugin_values"]);
        for version in 0..=4 {
            assert_eq!(names(POSTGRES.up(version, version)), [""; 0]);
            assert_eq!(names(POSTGRES.down(version, version)), [""; 0]);
        }
        assert_eq!((POSTGRES.up(3, 1), POSTGRES.down(1, 3)), (vec![], vec![]));
    }

    #[test]
    fn a_step_says_what_is_lost() {
        for scripts in [SQLITE, POSTGRES] {
            let lost: Vec<_> = scripts.down(4, 0).into_iter().map(|step| step.lost).collect();
            assert_eq!(
                lost[0].as_deref(),
                Some(
                    "the database's identity. It gets another when it is migrated again, and what waits for the former \
                     one in a bot's journal is refused then: let the journals empty first."
                )
            );
            assert_eq!(lost[1], None);
            assert!(lost[2].as_ref().unwrap().ends_with("is counted twice."), "{lost:?}");
            assert!(lost[3].as_ref().unwrap().starts_with("everything else: the users"), "{lost:?}");
            assert!(scripts.up(0, 4).iter().all(|step| step.lost.is_none() && !step.sql.is_empty()));
        }
    }
}
