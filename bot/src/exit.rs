//! How the program ends.

use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

use anstyle::AnsiColor;
use botstore::InvalidInput;

use crate::format::{shortened, visible};
use crate::interrupt::Signal;

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is done.
    Done,
    /// `token check`: it is no active token.
    NotActive,
    /// `doctor`: a check failed.
    Unwell,
    /// Not all of it is in the database, as far as is known.
    NotArrived,
    /// `migrate status`: migrations are pending.
    Pending,
    /// `import`: something of the old database is missing, or did not arrive.
    Incomplete,
    /// A signal ended it.
    Interrupted(Signal),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::NotActive => Self::from(3),
            Exit::Unwell => Self::FAILURE,
            Exit::NotArrived => Self::from(4),
            Exit::Pending => Self::from(5),
            Exit::Incomplete => Self::from(6),
            Exit::Interrupted(signal) => Self::from(signal.code()),
        }
    }
}

/// Says on standard error what went wrong, in one line, then what can be done, if that is known. An argument or a
/// setting that is invalid counts as wrong usage, whoever found it.
pub(crate) fn failed(error: &anyhow::Error) -> ExitCode {
    // As the command-line library shows what it finds wrong itself.
    let (bad, good) = (AnsiColor::Red.on_default().bold(), AnsiColor::Green.on_default().bold());
    let mut stderr = anstream::stderr().lock();
    // There is nobody left to tell if standard error is closed.
    let _ = writeln!(stderr, "{bad}error:{bad:#} {}", visible(&shortened(&told(error))));
    if let Some(advised) = error.downcast_ref::<Advised>() {
        let _ = writeln!(stderr, "{good}help:{good:#} {}", visible(&advised.advice));
    }
    if error.chain().any(|cause| cause.is::<InvalidInput>()) { ExitCode::from(2) } else { ExitCode::FAILURE }
}

/// The error and its causes, down to where the last of them is told: drivers like to say it at every level.
fn told(error: &anyhow::Error) -> String {
    let root = error.root_cause().to_string();
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        if text.contains(&root) {
            break;
        }
        let cause = cause.to_string();
        // What it says comes last; a code may come before.
        if !text.contains(cause.rsplit(": ").next().unwrap_or(&cause)) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// An error with advice for the one who sees it.
#[derive(Debug)]
struct Advised {
    error: anyhow::Error,
    advice: String,
}

impl fmt::Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Advised {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// The error, with what can be done about it.
pub(crate) fn advise(error: anyhow::Error, advice: impl Into<String>) -> anyhow::Error {
    Advised { error, advice: advice.into() }.into()
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn the_last_cause_is_told_once() {
        let error = || anyhow!("refused").context("connecting failed");
        assert_eq!(told(&error()), "connecting failed: refused");
        assert_eq!(told(&error().context("cannot open x")), "cannot open x: connecting failed: refused");
        assert_eq!(told(&error().context("cannot open x: refused")), "cannot open x: refused");
        let coded =
            anyhow!("code 13: disk is full").context("disk is full").context("the journal x: disk is full");
        assert_eq!(told(&coded), "the journal x: disk is full");
        let advised =
            anyhow!("code 26: no database").context("no database").context("x: no database; move it away");
        assert_eq!(told(&advised), "x: no database; move it away");
    }

    #[test]
    fn advice_is_no_part_of_the_error() {
        let error = advise(anyhow!("cause").context("error"), "run it again").context("file");
        assert_eq!(told(&error), "file: error: cause");
        assert!(error.downcast_ref::<Advised>().is_some());
    }
}
