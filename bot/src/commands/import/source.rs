//! The old database, as it is named.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use botstore::Config;
use botstore::files::is_part_of;
use botstore::url::DatabaseUrl;
use botstore_legacy::Legacy;

use crate::database::variable;
use crate::exit::advise;

/// Where the old database is.
pub(super) enum Source {
    File(PathBuf),
    Postgres(Box<Config>),
}

impl Source {
    pub(super) fn of(source: &Path) -> anyhow::Result<Self> {
        let Some(url) = source.to_str().filter(|source| source.contains("://")) else {
            return Ok(Self::File(source.to_owned()));
        };
        match url.parse().context("FILE|URL")? {
            DatabaseUrl::Sqlite(sqlite) => match sqlite.path {
                Some(path) => Ok(Self::File(path)),
                None => bail!("a database in memory has nothing to import"),
            },
            url => Ok(Self::Postgres(Box::new(Config::from_environment(url, variable)?))),
        }
    }

    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Postgres(config) => config.url.to_string(),
        }
    }

    /// The old file must not be the new one, by whatever name: it stays as it is.
    pub(super) fn refuse_same(&self, into: &DatabaseUrl) -> anyhow::Result<()> {
        let (Self::File(old), DatabaseUrl::Sqlite(into)) = (self, into) else { return Ok(()) };
        let Some(new) = &into.path else { return Ok(()) };
        let file = |path: &Path| {
            use std::os::unix::fs::MetadataExt as _;
            std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
        };
        if file(old).is_some() && file(old) == file(new) {
            let error = anyhow!("{} is also the database that is to be imported into", old.display());
            return Err(advise(error, "name a new one: DATABASE_URL=sqlite:///rosey.db, or --database-url"));
        }
        Ok(())
    }

    /// Nothing is written into the old file either, or what belongs to it.
    pub(super) fn refuse_own(&self, file: &Path) -> anyhow::Result<()> {
        match self {
            Self::File(old) if is_part_of(old, file) => {
                bail!("{}: this is the old database itself, or belongs to it", file.display())
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn open(&self) -> anyhow::Result<Legacy> {
        Ok(match self {
            Self::File(path) => Legacy::open_file(path).await?,
            Self::Postgres(config) => match &config.url {
                DatabaseUrl::Postgres(url) => Legacy::open_postgres(url, &config.postgres).await?,
                DatabaseUrl::Sqlite(_) => bail!("this is no URL of PostgreSQL's"),
            },
        })
    }
}
