//! The schema of a database, before there is a store on it.

use botstore_core::config::Config;
use botstore_core::url::DatabaseUrl;
use botstore_core::{InvalidInput, Result};
use botstore_migrations::{Goal, Migrated, SchemaStatus, newest_version};

/// Brings the schema of the database that `config` names up to date, and says what that took. Any number of processes
/// may do so at once.
///
/// # Errors
///
/// As [`open`](crate::open).
pub async fn migrate(config: &Config) -> Result<Migrated> {
    migrate_to(config, Goal::newest()).await
}

/// Brings the schema of the database that `config` names to a version, up or down, all of it or nothing, and says what
/// that took. Any number of processes may do so at once, each to a version of its own: they do it one after the other.
///
/// Down data may be lost: [`SchemaStatus::plan`] says which. A store that has the database open goes on, and its calls
/// that need what is gone fail by the kind [`Schema`](crate::ErrorKind::Schema). One that is opened then brings the schema
/// up again, unless it is told not to.
///
/// # Errors
///
/// - [`InvalidInput`](crate::ErrorKind::InvalidInput) of `version`: this program knows no such version.
/// - Else as [`open`](crate::open).
pub async fn migrate_to(config: &Config, goal: Goal) -> Result<Migrated> {
    let (Goal::Up(version) | Goal::Down(version)) = goal;
    if !(0..=newest_version()).contains(&version) {
        let reason = format!("is none that this program knows, which are 0 to {}", newest_version());
        return Err(InvalidInput::new("version", reason).into());
    }
    match &config.url {
        #[cfg(feature = "sqlite")]
        DatabaseUrl::Sqlite(url) => Box::pin(botstore_sqlite::migrate_to(url, goal)).await,
        #[cfg(feature = "postgres")]
        DatabaseUrl::Postgres(url) => {
            Box::pin(botstore_postgres::migrate_to(url, &config.postgres, goal)).await
        }
        #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
        url => Err(crate::not_built_in(url)),
    }
}

/// Says how the schema of the database that `config` names stands to this program, and changes nothing. A database that
/// this program must not touch is no error here: [`SchemaStatus::refusal`] says why.
///
/// # Errors
///
/// - [`Unavailable`](crate::ErrorKind::Unavailable), [`Timeout`](crate::ErrorKind::Timeout): the database cannot be reached.
/// - [`Corrupt`](crate::ErrorKind::Corrupt): it is damaged, or no database.
/// - [`InvalidInput`](crate::ErrorKind::InvalidInput) of `database_url`: this program was built without that backend.
pub async fn schema(config: &Config) -> Result<SchemaStatus> {
    match &config.url {
        #[cfg(feature = "sqlite")]
        DatabaseUrl::Sqlite(url) => Box::pin(botstore_sqlite::schema(url)).await,
        #[cfg(feature = "postgres")]
        DatabaseUrl::Postgres(url) => Box::pin(botstore_postgres::schema(url, &config.postgres)).await,
        #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
        url => Err(crate::not_built_in(url)),
    }
}

/// The version of the newest schema that this program knows.
#[must_use]
pub fn newest_schema_version() -> i32 {
    newest_version()
}
