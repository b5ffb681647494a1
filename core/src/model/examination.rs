//! What is found when somebody looks how a database is.

/// Something about a database that can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Aspect {
    /// What the role may do with tables and sequences.
    Permissions,
    /// Whether all tables, columns and indexes are there that the schema's version asks for, and the rows that are always
    /// there.
    Objects,
    /// Whether the numbers of new rows are above those of the rows that are there.
    Sequences,
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
    pub const ALL: [Self; 10] = [
        Self::Permissions,
        Self::Objects,
        Self::Sequences,
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
            Self::Sequences => "sequences",
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

    /// Several findings of one name as one: as bad as the worst, with all that was seen, and each advice once. None if there
    /// are none.
    #[must_use]
    pub fn joined(findings: Vec<Self>) -> Option<Self> {
        let name = findings.first()?.name;
        let verdict = findings.iter().map(|finding| finding.verdict).max()?;
        let (mut found, mut advice) = (Vec::new(), Vec::new());
        for finding in findings {
            found.push(finding.found);
            advice.extend(finding.advice.filter(|text| !advice.contains(text)));
        }
        let advice = (!advice.is_empty()).then(|| advice.join("; "));
        Some(Self { name, verdict, found: found.join("; "), advice })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_findings_are_one_as_bad_as_the_worst() {
        let joined = Finding::joined(vec![
            Finding::warning("objects", "a is odd", "mend it"),
            Finding::failed("objects", "b is gone", "restore it"),
            Finding::warning("objects", "c is odd", "mend it"),
        ]);
        let expected = Finding::failed("objects", "a is odd; b is gone; c is odd", "mend it; restore it");
        assert_eq!(joined, Some(expected));
        assert_eq!(Finding::joined(Vec::new()), None);
    }
}
