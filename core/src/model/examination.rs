//! What is found when somebody looks how a database is.

/// Something about a database that can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Aspect {
    /// What the role may do with tables and sequences.
    Permissions,
    /// Whether all tables, columns and indexes are there that the schema's version asks for.
    Objects,
    /// Whether the bytes on the disk make sense.
    Integrity,
    /// Whether a store would have written the rows that are there. Deep only: it reads every one.
    Rows,
    /// Whether indexes have outgrown what they hold.
    Bloat,
    /// Whether dead rows are cleared away, and the planner knows the tables.
    Upkeep,
    /// How far it is until transactions' numbers begin anew.
    Wraparound,
    /// How much room the database takes.
    Size,
    /// How far the server's clock is from this machine's.
    Clock,
}

impl Aspect {
    /// All of them, in the order in which they make sense.
    pub const ALL: [Self; 9] = [
        Self::Permissions,
        Self::Objects,
        Self::Integrity,
        Self::Rows,
        Self::Bloat,
        Self::Upkeep,
        Self::Wraparound,
        Self::Size,
        Self::Clock,
    ];

    /// Its name in lower case, for people and for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Permissions => "permissions",
            Self::Objects => "objects",
            Self::Integrity => "integrity",
            Self::Rows => "rows",
            Self::Bloat => "bloat",
            Self::Upkeep => "upkeep",
            Self::Wraparound => "wraparound",
            Self::Size => "size",
            Self::Clock => "clock",
        }
    }
}

/// How thoroughly somebody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What takes seconds in a large database, too.
    Quick,
    /// Everything, if it takes hours.
    Deep,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is as it should be.
    Ok,
    /// It works, and could be better, or will not work for long.
    Warning,
    /// A bot does not work so, or what it keeps is damaged.
    Failed,
}

impl Verdict {
    /// Its name in lower case, for people and for programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at.
    pub name: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// What was seen.
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Finding {
    /// All is as it should be.
    #[must_use]
    pub fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, found: found.into(), advice: None }
    }

    /// It could be better.
    #[must_use]
    pub fn warning(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warning, found: found.into(), advice: Some(advice.into()) }
    }

    /// It does not work so.
    #[must_use]
    pub fn failed(name: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Failed, found: found.into(), advice: Some(advice.into()) }
    }
}
