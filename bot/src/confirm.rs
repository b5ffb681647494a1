//! Asking before what cannot be taken back.

use std::io::{self, BufRead, IsTerminal as _, Write};

use anyhow::{Context as _, bail};
use terminal_size::{Width, terminal_size_of};

use crate::exit::advise;
use crate::format::fitted;

/// Shows what is about to be done, on standard error, and asks whether it is meant. Without a terminal nobody
/// could answer: then the error has this advice.
///
/// # Errors
///
/// The answer is another than yes, or there is nobody to give one.
pub(crate) fn confirm(shown: &str, advice: &str) -> anyhow::Result<()> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        let error = anyhow::anyhow!("nobody can be asked here whether this is meant; nothing was changed");
        return Err(advise(error, advice));
    }
    if asked(shown, stdin.lock(), io::stderr()).context("the question cannot be asked")? {
        return Ok(());
    }
    bail!("not confirmed; nothing was changed")
}

fn asked(shown: &str, mut from: impl BufRead, mut to: impl Write) -> io::Result<bool> {
    let width = terminal_size_of(io::stderr()).map_or(usize::MAX, |(Width(columns), _)| columns.into());
    write!(to, "{}\nGo on? [y/N] ", fitted(shown, width))?;
    to.flush()?;
    let mut answer = String::new();
    from.read_line(&mut answer)?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_one() {
        for (answer, expected) in [
            ("y\n", true),
            (" Yes \n", true),
            ("YES", true),
            ("\n", false),
            ("", false),
            ("n\n", false),
            ("yesterday\n", false),
        ] {
            let mut said = Vec::new();
            assert_eq!(asked("All goes.", answer.as_bytes(), &mut said).unwrap(), expected, "{answer:?}");
            assert_eq!(String::from_utf8(said).unwrap(), "All goes.\nGo on? [y/N] ");
        }
    }
}
