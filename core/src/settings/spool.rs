//! Where events wait while the database is away, and how many.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::value::{age, bytes, of_bytes, of_time, wait};
use super::{Origin, Setting, given};
use crate::error::InvalidInput;
use crate::url::DatabaseUrl;

/// A store that goes on recording while its database is away: where its journal is, and what it may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpoolSettings {
    /// `spool`: the journal, a file that is there while the store is open, and afterwards only if events wait in it.
    pub path: PathBuf,
    /// `spool_size`: how many bytes of events may wait, and how many may be kept aside besides. The file takes somewhat more.
    pub max_bytes: u64,
    /// `spool_age`: how long an event may wait; none: as long as it takes.
    pub max_age: Option<Duration>,
    /// `spool_full`: what gives way when either is exceeded.
    pub when_full: WhenFull,
    /// `spool_close`: how long closing the store may take to write what still waits into the database.
    pub close_within: Duration,
    /// The [name](DatabaseUrl::name) of the database whose events these are, by which it is known until it was reached and
    /// said its identity; none: it is known by that alone. No setting: `botstore::open` has it of the URL.
    pub database: Option<String>,
}

/// What gives way when a spool is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// `refuse`: new events are refused as [`Unavailable`](crate::ErrorKind::Unavailable).
    #[default]
    Refuse,
    /// `drop_oldest`: the oldest events are given up, counted and logged.
    DropOldest,
}

/// The settings' names, and the variables of the environment.
const NAMES: [(&str, &str); 5] = [
    ("spool", "ROSEY_SPOOL"),
    ("spool_size", "ROSEY_SPOOL_SIZE"),
    ("spool_age", "ROSEY_SPOOL_AGE"),
    ("spool_full", "ROSEY_SPOOL_FULL"),
    ("spool_close", "ROSEY_SPOOL_CLOSE"),
];

impl SpoolSettings {
    /// A journal at `path` that holds 256 MiB, refuses what is more, and may take 10 seconds to close.
    #[must_use]
    pub fn at(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            max_bytes: 256 << 20,
            max_age: None,
            when_full: WhenFull::default(),
            close_within: Duration::from_secs(10),
            database: None,
        }
    }

    /// A journal where it is expected: beside an SQLite database, with `.spool` after its name; for PostgreSQL in the
    /// working directory, named after the database. None for a database in memory, which ends with its program.
    #[must_use]
    pub fn of(url: &DatabaseUrl) -> Option<Self> {
        let mut path = match url {
            DatabaseUrl::Sqlite(url) => url.path.clone()?.into_os_string(),
            DatabaseUrl::Postgres(url) => {
                let name = url.database.as_deref().or(url.user.as_deref()).unwrap_or("rosey");
                // It may have characters that mean something in a path.
                name.replace(|c: char| !c.is_alphanumeric() && c != '_' && c != '-', "_").into()
            }
        };
        path.push(".spool");
        Some(Self::at(path))
    }

    /// The same, changed by the variables of the environment that are set and not empty; none if `ROSEY_SPOOL` is `off`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of the variable that is at fault.
    pub fn from_environment(
        url: &DatabaseUrl,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, InvalidInput> {
        let path = given(&variable, NAMES[0].1);
        let Some(mut settings) = (match path.as_deref().map(str::trim) {
            Some(off) if off.eq_ignore_ascii_case("off") => None,
            Some(path) => Some(Self::at(path)),
            None => Self::of(url),
        }) else {
            return Ok(None);
        };
        for (name, variable_name) in &NAMES[1..] {
            if let Some(value) = given(&variable, variable_name) {
                settings
                    .set(name, value.trim())
                    .map_err(|reason| InvalidInput::new(variable_name, reason))?;
            }
        }
        Ok(Some(settings))
    }

    fn set(&mut self, setting: &str, value: &str) -> Result<(), String> {
        match setting {
            "spool_size" => self.max_bytes = bytes(value)?,
            "spool_age" => self.max_age = age(value)?,
            "spool_close" => self.close_within = wait(value)?,
            _ => {
                self.when_full = match value {
                    "refuse" => WhenFull::Refuse,
                    "drop_oldest" => WhenFull::DropOldest,
                    _ => return Err("is neither refuse nor drop_oldest".to_owned()),
                }
            }
        }
        Ok(())
    }

    /// Each setting as an operator is shown it. `variable` is the one that
    /// [`from_environment`](Self::from_environment) was given.
    pub(crate) fn list(spool: Option<&Self>, variable: impl Fn(&str) -> Option<String>) -> Vec<Setting> {
        let values = spool.map_or(vec!["off".to_owned()], |spool| {
            let when_full = match spool.when_full {
                WhenFull::Refuse => "refuse",
                WhenFull::DropOldest => "drop_oldest",
            };
            vec![
                spool.path.display().to_string(),
                of_bytes(spool.max_bytes),
                of_time(spool.max_age),
                when_full.to_owned(),
                of_time(Some(spool.close_within)),
            ]
        });
        let origin = |variable_name| match given(&variable, variable_name) {
            Some(_) => Origin::Environment(variable_name),
            None => Origin::Default,
        };
        let names = NAMES.iter().zip(values);
        names.map(|(&(name, variable), value)| Setting { name, value, origin: origin(variable) }).collect()
    }
}
