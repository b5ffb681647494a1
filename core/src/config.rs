//! Where the database's URL comes from, and how a store is opened.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::error::InvalidInput;
use crate::files::is_part_of;
use crate::layers::RetryPolicy;
use crate::settings::value::{of_time, time};
use crate::settings::{Origin, PostgresSettings, Setting, SpoolSettings, given, origin};
use crate::url::{DatabaseUrl, Password, PostgresUrl, SqliteUrl};

/// The variable of the environment with the password, as libpq calls it.
const PASSWORD: &str = "PGPASSWORD";

/// The variable with [`RetryPolicy::deadline`].
const RETRY_DEADLINE: &str = "ROSEY_RETRY_DEADLINE";

/// The variable with [`Config::slow`].
const SLOW_CALL: &str = "ROSEY_SLOW_CALL";

/// How to open a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Where the data is.
    pub url: DatabaseUrl,
    /// Whether opening brings the schema up to date; if not, an old schema is refused.
    pub migrate: bool,
    /// How it works with a PostgreSQL server. SQLite has no use for it.
    pub postgres: PostgresSettings,
    /// How long a call is tried again.
    pub retry: RetryPolicy,
    /// From when on a call is slow and warned of, 1 second unless it is changed; none: never.
    pub slow: Option<Duration>,
    /// Where events wait while the database is away; none: recording fails as every other call does.
    pub spool: Option<SpoolSettings>,
}

impl Config {
    /// The store at `url`, its schema brought up to date when it is opened, with the settings that the URL names.
    #[must_use]
    pub fn new(url: DatabaseUrl) -> Self {
        Self::with_settings(url, PostgresSettings::default())
    }

    /// The same, with the settings of the environment where the URL names none, as `rosey` does it:
    /// [`PostgresSettings::from_environment`]; with `PGPASSWORD`, libpq's variable, if the URL has no password; and with
    /// the spool of a bot that records, [`SpoolSettings::from_environment`], which one that does not should leave out. On
    /// both backends, `ROSEY_RETRY_DEADLINE` is the time in which a call is tried again, and `ROSEY_SLOW_CALL` the one from
    /// which on it is slow; `off` or 0 is never. `variable` gives the value of a variable.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of the variable that is at fault.
    pub fn from_environment(
        mut url: DatabaseUrl,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, InvalidInput> {
        if let DatabaseUrl::Postgres(url) = &mut url {
            url.password = url.password.take().or_else(|| given(&variable, PASSWORD).map(Password::new));
        }
        let time = |name| match given(&variable, name).map(|value| time(value.trim())) {
            Some(Err(reason)) => Err(InvalidInput::new(name, reason)),
            Some(Ok(time)) => Ok(Some(time)),
            None => Ok(None),
        };
        let (deadline, slow) = (time(RETRY_DEADLINE)?, time(SLOW_CALL)?);
        let spool = SpoolSettings::from_environment(&url, &variable)?;
        let mut config = Self::with_settings(url, PostgresSettings::from_environment(variable)?);
        config.retry.deadline = deadline.map_or(config.retry.deadline, Option::unwrap_or_default);
        config.slow = slow.unwrap_or(config.slow);
        config.spool = spool;
        Ok(config)
    }

    fn with_settings(url: DatabaseUrl, settings: PostgresSettings) -> Self {
        let postgres = match &url {
            DatabaseUrl::Postgres(url) => url.settings(settings),
            DatabaseUrl::Sqlite(_) => settings,
        };
        let (retry, slow) = (RetryPolicy::default(), Some(Duration::from_secs(1)));
        Self { url, migrate: true, postgres, retry, slow, spool: None }
    }

    /// The same, but an old schema is refused.
    #[must_use]
    pub fn without_migration(mut self) -> Self {
        self.migrate = false;
        self
    }

    /// The same for the bot that records a channel: while the database is away it goes on recording, into a journal at
    /// the place that [`SpoolSettings::of`] says.
    #[must_use]
    pub fn recording(mut self) -> Self {
        self.spool = SpoolSettings::of(&self.url);
        self
    }

    /// Everything that can be set of this database, as it is set, and by whom. `variable` is the one that
    /// [`from_environment`](Self::from_environment) was given.
    #[must_use]
    pub fn settings(&self, variable: impl Fn(&str) -> Option<String>) -> Vec<Setting> {
        let mut settings = match &self.url {
            DatabaseUrl::Sqlite(url) => url.list(),
            DatabaseUrl::Postgres(url) => self.settings_of_postgres(url, &variable),
        };
        let deadline = Some(self.retry.deadline).filter(|deadline| !deadline.is_zero());
        for (name, from, time) in
            [("retry_deadline", RETRY_DEADLINE, deadline), ("slow_call", SLOW_CALL, self.slow)]
        {
            let origin = given(&variable, from).map_or(Origin::Default, |_| Origin::Environment(from));
            settings.push(Setting { name, value: of_time(time), origin });
        }
        settings.extend(SpoolSettings::list(self.spool.as_ref(), &variable));
        settings
    }

    /// Whether `file` belongs to this database, or to a journal of its events: nothing else may be written there. The journal
    /// is the one of [`spool`](Self::spool), and the one that [`SpoolSettings::of`] says, whether they are there or not.
    #[must_use]
    pub fn has_file(&self, file: &Path) -> bool {
        let database = match &self.url {
            DatabaseUrl::Sqlite(url) => url.path.clone(),
            DatabaseUrl::Postgres(_) => None,
        };
        let journals = [self.spool.clone(), SpoolSettings::of(&self.url)].into_iter().flatten();
        database.into_iter().chain(journals.map(|spool| spool.path)).any(|path| is_part_of(&path, file))
    }

    fn settings_of_postgres(
        &self,
        url: &PostgresUrl,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Vec<Setting> {
        let settings = self.postgres.list().into_iter().map(|(name, value)| {
            let origin = if url.sets(name) { Origin::Url } else { origin(name, &variable) };
            Setting { name, value, origin }
        });
        let password = given(&variable, PASSWORD).is_some_and(|password| url.has_password(&password));
        let of_connection = url.list().into_iter().map(|setting| match setting.name {
            "password" if password => Setting { origin: Origin::Environment(PASSWORD), ..setting },
            _ => setting,
        });
        settings.chain(of_connection).collect()
    }
}

/// The backend, where it is, and the pool: `PostgreSQL (postgresql://rosey@localhost:5432/rosey_db, pool 5+10)`.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.url {
            DatabaseUrl::Sqlite(SqliteUrl { path: Some(path), .. }) => {
                write!(f, "SQLite ({})", path.display())
            }
            DatabaseUrl::Sqlite(SqliteUrl { path: None, .. }) => f.write_str("SQLite (in memory)"),
            DatabaseUrl::Postgres(url) => write!(f, "PostgreSQL ({url}, {})", self.postgres),
        }
    }
}

/// Finds the database's URL, in the specification's order:
///
/// 1. the environment's `DATABASE_URL`, given as `environment`; an empty one counts as unset;
/// 2. `database_url` in the configuration file, given as `file`, its JSON text;
/// 3. `database` there, the original's older name for an SQLite file, or `:memory:`;
/// 4. `sqlite:///bot_data.db`.
///
/// ```
/// use botstore_core::config::database_url;
///
/// let url = database_url(None, Some(r#"{"database": "old.db"}"#))?;
/// assert_eq!(url.to_string(), "sqlite:///old.db");
/// # Ok::<(), botstore_core::InvalidInput>(())
/// ```
///
/// # Errors
///
/// [`InvalidInput`] of `database_url`, `database` or `config`, whichever is at fault.
pub fn database_url(environment: Option<&str>, file: Option<&str>) -> Result<DatabaseUrl, InvalidInput> {
    if let Some(url) = environment.filter(|url| !url.is_empty()) {
        return url.parse();
    }
    let config = match file {
        // The parser's own words could repeat a part of the file.
        Some(json) => serde_json::from_str(json).map_err(|error| {
            InvalidInput::new(
                "config",
                format!("is no JSON: line {}, column {}", error.line(), error.column()),
            )
        })?,
        None => Value::Object(serde_json::Map::new()),
    };
    let Value::Object(config) = config else {
        return Err(InvalidInput::new("config", "is no JSON object"));
    };
    let text = |name| match config.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.as_str())),
        Some(_) => Err(InvalidInput::new(name, "is no text, or empty")),
    };
    if let Some(url) = text("database_url")? {
        return url.parse();
    }
    Ok(DatabaseUrl::Sqlite(match text("database")? {
        Some(":memory:") => SqliteUrl::memory(),
        Some(url) if url.contains("://") => {
            return Err(InvalidInput::new("database", "is a URL, and must be a file: call it database_url"));
        }
        Some(path) if path.contains('\0') => return Err(InvalidInput::new("database", "contains NUL")),
        Some(path) => SqliteUrl::file(path),
        None => SqliteUrl::file("bot_data.db"),
    }))
}

#[cfg(test)]
mod tests;
