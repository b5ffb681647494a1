//! Where an SQLite database is.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::{Seen, decode, invalid, parameters, unknown};
use crate::error::InvalidInput;
use crate::settings::value::{of_time, wait};
use crate::settings::{Origin, Setting};

/// An SQLite database.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteUrl {
    /// The file; none for a database in memory.
    pub path: Option<PathBuf>,
    /// What an acknowledged write survives.
    pub synchronous: Synchronous,
    /// `busy_timeout`: how long a statement waits while another process writes.
    pub busy_timeout: Duration,
}

/// What an acknowledged write to SQLite survives: `?synchronous=full` (the default) or `normal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// A power cut.
    #[default]
    Full,
    /// A crash of the program. A power cut may take the latest writes, and leaves the database whole.
    Normal,
}

impl SqliteUrl {
    /// How long a statement waits while another process writes, if the URL does not say.
    pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

    /// The database in a file, as durable as can be.
    #[must_use]
    pub fn file(path: impl AsRef<Path>) -> Self {
        Self::at(Some(path.as_ref().to_owned()))
    }

    /// A database in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self::at(None)
    }

    fn at(path: Option<PathBuf>) -> Self {
        Self { path, synchronous: Synchronous::default(), busy_timeout: Self::BUSY_TIMEOUT }
    }

    pub(super) fn parse(rest: &str, query: &str) -> Result<Self, InvalidInput> {
        let mut url = match decode(rest)?.strip_prefix('/') {
            None if rest.is_empty() => Self::memory(),
            None => {
                return invalid(
                    "has two slashes where three are needed: sqlite:///FILE, or sqlite:////ABSOLUTE/PATH",
                );
            }
            // A variable that is not set would leave this behind, and the data would be lost with the process.
            Some("") => {
                return invalid("names no file; for a database in memory write sqlite:///:memory:");
            }
            Some(":memory:") => Self::memory(),
            Some(path) => Self::file(path),
        };
        let mut seen = Seen::default();
        for parameter in parameters(query) {
            let (name, value) = parameter?;
            // SQLAlchemy has the name of Python's own module.
            let name = if name == "timeout" { "busy_timeout" } else { &name };
            match name {
                "synchronous" => url.synchronous = value.parse()?,
                "busy_timeout" => match wait(&value) {
                    Ok(time) => url.busy_timeout = time,
                    Err(reason) => return invalid(format!("has a busy_timeout that {reason}")),
                },
                // Any thread may use a store.
                "check_same_thread" => {}
                "mode" | "cache" | "uri" | "immutable" | "vfs" | "nolock" => {
                    return invalid(format!(
                        "has the parameter {name:?} of SQLite's own URIs, which is not supported"
                    ));
                }
                name => return unknown(name, &["synchronous", "busy_timeout"]),
            }
            seen.note(name, &value)?;
        }
        Ok(url)
    }
}

impl SqliteUrl {
    /// The parameters, as an operator is shown them.
    pub(crate) fn list(&self) -> Vec<Setting> {
        let setting = |name, value: String, default: bool| {
            let origin = if default { Origin::Default } else { Origin::Url };
            Setting { name, value, origin }
        };
        let synchronous = self.synchronous.as_str().to_owned();
        let busy_timeout = of_time(Some(self.busy_timeout));
        vec![
            setting("synchronous", synchronous, self.synchronous == Synchronous::default()),
            setting("busy_timeout", busy_timeout, self.busy_timeout == Self::BUSY_TIMEOUT),
        ]
    }
}

impl Synchronous {
    /// `full` or `normal`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Normal => "normal",
        }
    }
}

impl FromStr for Synchronous {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        match text.to_ascii_lowercase().as_str() {
            "full" => Ok(Self::Full),
            "normal" => Ok(Self::Normal),
            _ => invalid("has a synchronous that is neither full nor normal"),
        }
    }
}
