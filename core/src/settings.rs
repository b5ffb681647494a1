//! How a store works with a PostgreSQL server: the pool of connections, and what each of them begins with.
//!
//! Each setting has a default, which the profile that `ROSEY_ENV` names may change; an environment variable changes it
//! (`ROSEY_POOL_SIZE` for `pool_size`), and a parameter of the URL has the last word.

mod spool;
pub(crate) mod value;

use std::fmt;
use std::time::Duration;

use crate::error::InvalidInput;
pub use spool::{SpoolSettings, WhenFull};
use value::{name, number, of_switch, of_time, switch, time, time_with_unit, wait};

/// The settings. Names and defaults are the specification's, which has them from SQLAlchemy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresSettings {
    /// `pool_size`: connections that are kept open and ready, 1 to 1,000.
    pub pool_size: u32,
    /// `max_overflow`: how many more may be open while they are needed, 0 to 1,000.
    pub max_overflow: u32,
    /// `pool_timeout`: how long a call waits for a connection.
    pub pool_timeout: Duration,
    /// `pool_recycle`: the age at which a connection is replaced; none: never.
    pub pool_recycle: Option<Duration>,
    /// `pool_pre_ping`: whether a connection that was not used for a while is tried out before its next use.
    pub pool_pre_ping: bool,
    /// `statement_timeout`: how long the server works on a statement; none: as long as it takes. Its unit is never
    /// left out: PostgreSQL's own setting of this name is in milliseconds.
    pub statement_timeout: Option<Duration>,
    /// `jit`: whether the server may compile queries. It costs short ones more than it gives.
    pub jit: bool,
    /// `application_name`: how the server's views and logs call the store's connections.
    pub application_name: String,
    /// `statement_cache`: whether statements are prepared once a connection. Behind a pooler that hands sessions
    /// around, such as PgBouncer in transaction mode, they must not be.
    pub statement_cache: bool,
    /// `echo`: whether every statement is logged, without its parameters.
    pub echo: bool,
    /// `echo_pool`: whether it is logged when connections are made, lent and closed.
    pub echo_pool: bool,
}

/// A profile: how many connections there are, `ROSEY_ENV`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// None was named: 5 connections and 10 more.
    #[default]
    Unnamed,
    /// `development`: 2 and 5 more.
    Development,
    /// `staging`: 5 and 10 more.
    Staging,
    /// `production`: 10 and 20 more.
    Production,
}

/// The variable that names the profile.
const PROFILE: &str = "ROSEY_ENV";

/// The settings' names as parameters of the URL, and as variables of the environment.
const NAMES: [(&str, &str); 11] = [
    ("pool_size", "ROSEY_POOL_SIZE"),
    ("max_overflow", "ROSEY_MAX_OVERFLOW"),
    ("pool_timeout", "ROSEY_POOL_TIMEOUT"),
    ("pool_recycle", "ROSEY_POOL_RECYCLE"),
    ("pool_pre_ping", "ROSEY_POOL_PRE_PING"),
    ("statement_timeout", "ROSEY_STATEMENT_TIMEOUT"),
    ("jit", "ROSEY_JIT"),
    ("application_name", "ROSEY_APPLICATION_NAME"),
    ("statement_cache", "ROSEY_STATEMENT_CACHE"),
    ("echo", "ROSEY_ECHO"),
    ("echo_pool", "ROSEY_ECHO_POOL"),
];

impl PostgresSettings {
    /// The settings of a profile.
    #[must_use]
    pub fn of(profile: Profile) -> Self {
        let (pool_size, max_overflow) = match profile {
            Profile::Development => (2, 5),
            Profile::Unnamed | Profile::Staging => (5, 10),
            Profile::Production => (10, 20),
        };
        Self {
            pool_size,
            max_overflow,
            pool_timeout: Duration::from_secs(30),
            pool_recycle: Some(Duration::from_secs(3600)),
            pool_pre_ping: true,
            statement_timeout: Some(Duration::from_secs(60)),
            jit: false,
            application_name: "rosey-bot".to_owned(),
            statement_cache: true,
            echo: false,
            echo_pool: false,
        }
    }

    /// The settings that the environment asks for: the profile of `ROSEY_ENV`, and each variable that is set and not
    /// empty. `variable` gives the value of a variable.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of the variable that is at fault.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidInput> {
        let given = |name| given(&variable, name);
        let profile = match given(PROFILE) {
            Some(name) => name.parse()?,
            None => Profile::default(),
        };
        let mut settings = Self::of(profile);
        for (name, variable) in NAMES {
            if let Some(value) = given(variable) {
                settings.set(name, &value).map_err(|reason| InvalidInput::new(variable, reason))?;
            }
        }
        Ok(settings)
    }

    /// The names of all settings, as parameters of a URL.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// Changes the setting `setting`, which is one of [`names`](Self::names).
    pub(crate) fn set(&mut self, setting: &str, value: &str) -> Result<(), String> {
        let value = value.trim();
        match setting {
            "pool_size" => self.pool_size = number(value, 1)?,
            "max_overflow" => self.max_overflow = number(value, 0)?,
            "pool_timeout" => self.pool_timeout = wait(value)?,
            "pool_recycle" => self.pool_recycle = time(value)?,
            "pool_pre_ping" => self.pool_pre_ping = switch(value)?,
            "statement_timeout" => self.statement_timeout = time_with_unit(value)?,
            "jit" => self.jit = switch(value)?,
            "application_name" => self.application_name = name(value)?,
            "statement_cache" => self.statement_cache = switch(value)?,
            "echo" => self.echo = switch(value)?,
            "echo_pool" => self.echo_pool = switch(value)?,
            _ => return Err("is no setting".to_owned()),
        }
        Ok(())
    }

    /// Each setting's name and value, in the form in which it is given.
    #[must_use]
    pub fn list(&self) -> Vec<(&'static str, String)> {
        let values = [
            self.pool_size.to_string(),
            self.max_overflow.to_string(),
            of_time(Some(self.pool_timeout)),
            of_time(self.pool_recycle),
            of_switch(self.pool_pre_ping),
            of_time(self.statement_timeout),
            of_switch(self.jit),
            self.application_name.clone(),
            of_switch(self.statement_cache),
            of_switch(self.echo),
            of_switch(self.echo_pool),
        ];
        Self::names().zip(values).collect()
    }

    /// The most connections at once.
    #[must_use]
    pub fn max_connections(&self) -> u32 {
        self.pool_size + self.max_overflow
    }
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self::of(Profile::default())
    }
}

/// The pool, in the specification's words: `pool 5+10`.
impl fmt::Display for PostgresSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pool {}+{}", self.pool_size, self.max_overflow)
    }
}

/// A setting as an operator is shown it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name; that of its parameter, if it is one of the URL.
    pub name: &'static str,
    /// Its value, in the form in which it is given; never a password.
    pub value: String,
    /// Who set it.
    pub origin: Origin,
}

/// Who set a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nobody.
    Default,
    /// This variable of the environment.
    Environment(&'static str),
    /// The URL.
    Url,
}

impl fmt::Display for Origin {
    /// `default`, `URL`, or the variable's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::Environment(variable) => variable,
            Self::Url => "URL",
        })
    }
}

/// Who set the setting `name`, if it was not the URL.
pub(crate) fn origin(name: &str, variable: impl Fn(&str) -> Option<String>) -> Origin {
    let own = NAMES.iter().find(|(known, _)| *known == name).map(|(_, variable)| *variable);
    match own.filter(|own| given(&variable, own).is_some()) {
        Some(own) => Origin::Environment(own),
        // A profile says nothing but how many connections there are.
        None if matches!(name, "pool_size" | "max_overflow") && given(&variable, PROFILE).is_some() => {
            Origin::Environment(PROFILE)
        }
        None => Origin::Default,
    }
}

/// The value of a variable that is set and not empty.
pub(crate) fn given(variable: impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    variable(name).filter(|value| !value.is_empty())
}

impl std::str::FromStr for Profile {
    type Err = InvalidInput;

    fn from_str(name: &str) -> Result<Self, InvalidInput> {
        match name.trim().to_ascii_lowercase().as_str() {
            "development" => Ok(Self::Development),
            "staging" => Ok(Self::Staging),
            "production" => Ok(Self::Production),
            _ => Err(InvalidInput::new(PROFILE, "is none of development, staging, production")),
        }
    }
}

#[cfg(test)]
mod tests;
