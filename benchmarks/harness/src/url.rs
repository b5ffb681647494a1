//! The databases' URLs.

use std::fmt;
use std::path::PathBuf;

use anyhow::bail;
use serde::{Deserialize, Serialize};

/// Which database a contestant works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// SQLite, in a file.
    Sqlite,
    /// A PostgreSQL server.
    Postgresql,
}

impl Backend {
    /// The backend that a URL leads to.
    ///
    /// # Errors
    ///
    /// Neither of the two. The error does not repeat the URL, in which a password may stand.
    pub fn of(url: &str) -> anyhow::Result<Self> {
        match url.split_once("://") {
            Some(("sqlite", _)) => Ok(Self::Sqlite),
            Some(("postgresql" | "postgres", _)) => Ok(Self::Postgresql),
            _ => bail!("sqlite:////ABSOLUTE/PATH or postgresql://USER:PASSWORD@HOST/DATABASE is expected"),
        }
    }

    /// `sqlite` or `postgresql`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgresql => "postgresql",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The file of an SQLite URL, as botstore and SQLAlchemy read it: `sqlite:////srv/bot.db` is `/srv/bot.db`, and
/// `sqlite:///bot.db` is in the working directory.
#[must_use]
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    url.strip_prefix("sqlite:///").map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_says_the_backend() {
        assert_eq!(Backend::of("sqlite:////tmp/bot.db").unwrap(), Backend::Sqlite);
        assert_eq!(Backend::of("postgresql://bot:secret@localhost/bot").unwrap(), Backend::Postgresql);
        let error = Backend::of("mysql://bot:secret@localhost/bot").unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn an_absolute_path_has_four_slashes() {
        assert_eq!(sqlite_file("sqlite:////tmp/bot.db"), Some("/tmp/bot.db".into()));
        assert_eq!(sqlite_file("sqlite:///bot.db"), Some("bot.db".into()));
        assert_eq!(sqlite_file("postgresql://localhost/bot"), None);
    }
}
