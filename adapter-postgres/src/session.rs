//! How a session is asked to be, and whether it is.

use std::time::Duration;

use botstore_core::settings::PostgresSettings;

/// What is asked of each session.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Session {
    jit: bool,
    statement_timeout: Option<Duration>,
}

impl Session {
    pub(crate) fn of(settings: &PostgresSettings) -> Self {
        Self { jit: settings.jit, statement_timeout: settings.statement_timeout }
    }

    /// The settings with which it begins: a bound on every statement, and the isolation that the statements are written
    /// for. And one plan for each statement, made once: left to itself, the server finds a plan for an array of one element
    /// cheaper than one for any array, and so plans anew at every call. The last settings see to it that this one plan goes
    /// by an index, however small the table is when it is made.
    pub(crate) fn options(self) -> String {
        let (timeout, jit) = (self.milliseconds(), if self.jit { "on" } else { "off" });
        format!(
            "-c statement_timeout={timeout} -c jit={jit} -c default_transaction_isolation=read\\ committed \
             -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off \
             -c enable_hashjoin=off -c enable_mergejoin=off"
        )
    }

    /// In what a session is not as it was asked to be: other `options` came later, or a pooler passed none on. Its timeout
    /// is in milliseconds.
    pub(crate) fn differences(self, jit: &str, statement_timeout: i64) -> Vec<String> {
        let asked = if self.jit { "on" } else { "off" };
        let mut differences = Vec::new();
        if jit != asked {
            differences.push(format!("jit is {jit}, not {asked}"));
        }
        if i128::from(statement_timeout) != i128::from(self.milliseconds()) {
            let asked = self.milliseconds();
            differences.push(format!("statement_timeout is {statement_timeout}ms, not {asked}ms"));
        }
        differences
    }

    /// The bound on a statement, 0 for none.
    fn milliseconds(self) -> u64 {
        self.statement_timeout.map_or(0, |timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_as_it_was_asked_for_is_named() {
        let session = Session::of(&PostgresSettings::default());
        assert_eq!(session.differences("off", 60_000), Vec::<String>::new());
        assert_eq!(
            session.differences("on", 0),
            ["jit is on, not off", "statement_timeout is 0ms, not 60000ms"]
        );
    }
}
