//! What a command prints on standard output: text for people, or JSON for programs.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Write};

use anyhow::Context as _;
use comfy_table::{Attribute, Cell, CellAlignment, ContentArrangement, Table, presets};
use jiff::civil::DateTime;
use serde::Serialize;

use crate::terminal::Terminal;

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

    /// Whether it prints JSON.
    pub(crate) fn is_json(self) -> bool {
        self.json
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

/// Prints what is neither for people nor JSON, such as a script.
pub(crate) fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    written(|out| out.write_all(bytes))
}

/// Writes to standard output. A reader that has seen enough and closed the pipe is no error.
fn written(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.context("standard output"),
    }
}

/// A table with these titles; the columns in `numbers` are aligned to the right. On a terminal what is too wide is broken
/// into lines; on a pipe a row is a line.
pub(crate) fn table(
    titles: &[&str],
    numbers: &[usize],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    table_for(Terminal::stdout(), titles, numbers, rows)
}

fn table_for(
    terminal: Terminal,
    titles: &[&str],
    numbers: &[usize],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .force_no_tty()
        .set_header(titles.iter().map(|title| Cell::new(title).add_attribute(Attribute::Bold)))
        .add_rows(rows.into_iter().map(|row| row.into_iter().map(cell)));
    if terminal.coloured {
        table.enforce_styling();
    }
    if let Some((columns, _)) = terminal.size {
        table.set_width(columns).set_content_arrangement(ContentArrangement::Dynamic);
    }
    for &column in numbers {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// A cell of a table. A moment that has to be broken is so between its day and its time.
fn cell(text: String) -> Cell {
    let moment = text.strip_suffix('Z').is_some_and(|time| time.parse::<DateTime>().is_ok());
    let cell = Cell::new(text);
    if moment { cell.set_delimiter('T') } else { cell }
}
