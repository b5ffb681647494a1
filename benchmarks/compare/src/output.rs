//! The files that are written besides the table on standard output.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};

use crate::cli::Cli;

const BEGIN: &str = "<!-- table begin -->";
const END: &str = "<!-- table end -->";

/// Makes sure, before anything is measured, that the results can be written.
pub(crate) fn check(cli: &Cli) -> anyhow::Result<()> {
    for file in [&cli.json, &cli.markdown, &cli.plot].into_iter().flatten() {
        let directory =
            file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        ensure!(directory.is_dir(), "there is no directory {}", directory.display());
        ensure!(!file.is_dir(), "{} is a directory", file.display());
    }
    if let Some(file) = &cli.markdown {
        merged(file, "")?;
    }
    Ok(())
}

/// Writes tables into a Markdown file, in place of those between its markers if it is there.
pub(crate) fn write_markdown(file: &Path, tables: &str) -> anyhow::Result<()> {
    write(file, &merged(file, tables)?)
}

/// Writes a file.
pub(crate) fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn merged(file: &Path, tables: &str) -> anyhow::Result<String> {
    if !file.exists() {
        return Ok(format!("{BEGIN}\n{tables}\n{END}\n"));
    }
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    replaced(&text, tables).with_context(|| format!("{} has no place for tables", file.display()))
}

/// The text with other tables between its markers.
fn replaced(text: &str, tables: &str) -> anyhow::Result<String> {
    let (Some((before, rest)), 1) = (text.split_once(BEGIN), text.matches(BEGIN).count()) else {
        bail!("{BEGIN} must stand there once");
    };
    let Some((_, after)) = rest.split_once(END) else { bail!("{END} must follow") };
    Ok(format!("{before}{BEGIN}\n{tables}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let text = format!("# Speed\n\n{BEGIN}\nold\n{END}\n\nThe end.\n");
        let new = replaced(&text, "new").unwrap();
        assert_eq!(new, format!("# Speed\n\n{BEGIN}\nnew\n{END}\n\nThe end.\n"));
        assert_eq!(replaced(&new, "new").unwrap(), new);
    }

    #[test]
    fn a_text_without_markers_is_refused() {
        assert!(replaced("# Speed", "new").is_err());
        assert!(replaced(&format!("{END}{BEGIN}"), "new").is_err());
        assert!(replaced(&format!("{BEGIN}{END}{BEGIN}{END}"), "new").is_err());
    }
}
