//! What a command prints on standard output: text for people, or JSON for programs.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Write};

use anyhow::Context as _;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

/// Where a command's result goes, and for whom it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    /// Prints JSON, or text for people.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints one of the two: `json` on one line, or what `text` makes.
    pub(crate) fn print<T: Display>(
        self,
        json: &impl Serialize,
        text: impl FnOnce() -> T,
    ) -> anyhow::Result<()> {
        written(|out| {
            if self.json {
                serde_json::to_writer(&mut *out, json)?;
                writeln!(out)
            } else {
                writeln!(out, "{}", text())
            }
        })
    }

    /// Prints a note that only people need, on standard error.
    pub(crate) fn note(self, note: &str) {
        if !self.json {
            // Without a standard error there is nobody to read it.
            let _ = writeln!(io::stderr(), "{note}");
        }
    }
}

/// Writes to standard output. A reader that has seen enough and closed the pipe is no error.
fn written(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.context("standard output"),
    }
}

/// A table with these titles; the columns in `numbers` are aligned to the right.
pub(crate) fn table(
    titles: &[&str],
    numbers: &[usize],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(titles.iter().copied())
        .add_rows(rows);
    for &column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}
