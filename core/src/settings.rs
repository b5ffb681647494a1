//! How a store works with a PostgreSQL server: the pool of connections, and what each of them begins with.
//!
//! Each setting has a default, which the profile that `ROSEY_ENV` names may change; an environment variable changes it
//! (`ROSEY_POOL_SIZE` for `pool_size`), and a parameter of the URL has the last word.

use std::time::Duration;

use crate::error::InvalidInput;

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
    /// `statement_timeout`: how long the server works on a statement; none: as long as it takes.
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
        let given = |name| variable(name).filter(|value| !value.is_empty());
        let profile = match given("ROSEY_ENV") {
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

    /// Changes the setting `name`, which is one of [`names`](Self::names).
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "pool_size" => self.pool_size = number(value, 1)?,
            "max_overflow" => self.max_overflow = number(value, 0)?,
            "pool_timeout" => {
                self.pool_timeout = duration(value)?.ok_or("is no time to wait; give 1ms or more")?;
            }
            "pool_recycle" => self.pool_recycle = duration(value)?,
            "pool_pre_ping" => self.pool_pre_ping = switch(value)?,
            "statement_timeout" => self.statement_timeout = duration(value)?,
            "jit" => self.jit = switch(value)?,
            "application_name" => self.application_name = application_name(value)?,
            "statement_cache" => self.statement_cache = switch(value)?,
            "echo" => self.echo = switch(value)?,
            "echo_pool" => self.echo_pool = switch(value)?,
            _ => return Err("is no setting".to_owned()),
        }
        Ok(())
    }

    /// Each setting's name and value, for people and in the form in which it is given.
    #[must_use]
    pub fn list(&self) -> Vec<(&'static str, String)> {
        let switch = |on| if on { "on" } else { "off" }.to_owned();
        let values = [
            self.pool_size.to_string(),
            self.max_overflow.to_string(),
            shown(Some(self.pool_timeout)),
            shown(self.pool_recycle),
            switch(self.pool_pre_ping),
            shown(self.statement_timeout),
            switch(self.jit),
            self.application_name.clone(),
            switch(self.statement_cache),
            switch(self.echo),
            switch(self.echo_pool),
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

impl std::str::FromStr for Profile {
    type Err = InvalidInput;

    fn from_str(name: &str) -> Result<Self, InvalidInput> {
        match name.trim().to_ascii_lowercase().as_str() {
            "development" => Ok(Self::Development),
            "staging" => Ok(Self::Staging),
            "production" => Ok(Self::Production),
            _ => Err(InvalidInput::new("ROSEY_ENV", "is none of development, staging, production")),
        }
    }
}

fn number(text: &str, least: u32) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (least..=1000).contains(number));
    number.ok_or_else(|| format!("is no whole number from {least} to 1000"))
}

fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err("is neither on nor off".to_owned()),
    }
}

/// Seconds, or a number with its unit; none for 0 and `off`.
fn duration(text: &str) -> Result<Option<Duration>, String> {
    let text = text.trim().to_ascii_lowercase();
    if text == "off" {
        return Ok(None);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let milliseconds = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    // A day is more than anybody means, and far from what would overflow.
    let time = number.parse::<u64>().ok().and_then(|number| number.checked_mul(milliseconds));
    match time {
        Some(0) if milliseconds > 0 => Ok(None),
        Some(time @ 1..=86_400_000) => Ok(Some(Duration::from_millis(time))),
        _ => Err("is no time up to a day, such as 30s, 500ms, 5min or 1h".to_owned()),
    }
}

fn shown(time: Option<Duration>) -> String {
    match time.map(|time| time.as_millis()) {
        None => "off".to_owned(),
        Some(time) if time % 1_000 == 0 => format!("{}s", time / 1_000),
        Some(time) => format!("{time}ms"),
    }
}

/// PostgreSQL cuts longer names, and shows other characters than these as question marks.
fn application_name(text: &str) -> Result<String, String> {
    if (1..=63).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic() || c == ' ') {
        return Ok(text.to_owned());
    }
    Err("is no name of 1 to 63 printable ASCII characters".to_owned())
}
