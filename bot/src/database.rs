//! Which database the program works on.

use std::env;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context as _, ensure};
use botstore::config::database_url;
use botstore::model::Backend;
use botstore::url::{DatabaseUrl, SqliteUrl};
use botstore::{BotStore, Config};

use crate::cli::DatabaseArgs;

/// The configuration file that is read if nobody names one and it is there.
const DEFAULT_CONFIG: &str = "config.json";

/// How to open the database: where it is, and the settings of the environment.
pub(crate) fn configure(args: &DatabaseArgs) -> anyhow::Result<Config> {
    Ok(Config::from_environment(find(args)?, variable)?)
}

/// The value of a variable of the environment. What is no text in one is shown as such, and so found to be wrong.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Finds the database's URL: on the command line, in the environment, in the configuration file.
fn find(args: &DatabaseArgs) -> anyhow::Result<DatabaseUrl> {
    let path = args.config.as_deref();
    let given = args.database_url.as_deref().filter(|url| !url.is_empty());
    // A file that somebody names must be there, even where it has no say; another one need not even be readable.
    let file = if given.is_some() && path.is_none() { None } else { read(path)? };
    let url = database_url(given, file.as_deref());
    if given.is_some() { Ok(url?) } else { url.with_context(|| shown(path)) }
}

/// The configuration file's text; none if nobody names one and there is none.
fn read(path: Option<&Path>) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path.unwrap_or(Path::new(DEFAULT_CONFIG))) {
        Ok(text) => Ok(Some(text)),
        Err(error) if path.is_none() && error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| shown(path)),
    }
}

fn shown(path: Option<&Path>) -> String {
    path.unwrap_or(Path::new(DEFAULT_CONFIG)).display().to_string()
}

/// Opens the database, bringing its schema up to date.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Box<dyn BotStore>> {
    botstore::open(config).await.with_context(|| Named(&config.url).to_string())
}

/// Refuses to write into a file that is the database, or belongs to it.
pub(crate) fn refuse_own(config: &Config, file: &Path) -> anyhow::Result<()> {
    ensure!(!config.has_file(file), "{}: this is the database itself, or belongs to it", file.display());
    Ok(())
}

/// A database as people call it: `SQLite (bot_data.db)`.
pub(crate) struct Named<'a>(pub(crate) &'a DatabaseUrl);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            DatabaseUrl::Sqlite(SqliteUrl { path: Some(path), .. }) => {
                write!(f, "SQLite ({})", path.display())
            }
            DatabaseUrl::Sqlite(SqliteUrl { path: None, .. }) => f.write_str("SQLite (in memory)"),
            url @ DatabaseUrl::Postgres(_) => write!(f, "PostgreSQL ({url})"),
        }
    }
}

/// Which backend a URL is of.
pub(crate) fn backend(url: &DatabaseUrl) -> Backend {
    match url {
        DatabaseUrl::Sqlite(_) => Backend::Sqlite,
        DatabaseUrl::Postgres(_) => Backend::Postgres,
    }
}
