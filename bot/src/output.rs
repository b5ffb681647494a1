//! What a command prints on standard output: text for people, or JSON for programs.

use std::fmt::Display;
use std::io::{self, BufWriter, ErrorKind, Stdout, Write};

use anyhow::Context as _;
use comfy_table::{
    Attribute, Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets,
};
use jiff::civil::DateTime;
use serde::Serialize;

use crate::format::fitted;
use crate::terminal::{Terminal, is_hung_up};

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
                writeln!(out, "{}", fitted(&text().to_string(), Terminal::stdout().width()))
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

/// Writes to standard output.
fn written(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    is_read(write(&mut out).and_then(|()| out.flush())).map(drop)
}

/// Whether what was written is read. A reader that has seen enough and closed the pipe, or the terminal, is no error.
fn is_read(written: io::Result<()>) -> anyhow::Result<bool> {
    match written {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe || is_hung_up(&error, io::stdout()) => Ok(false),
        Err(error) => Err(error).context("standard output"),
    }
}

/// Standard output for what is not had all at once, such as a list of unknown length.
#[derive(Debug)]
pub(crate) struct Stream {
    out: BufWriter<Stdout>,
    has_reader: bool,
}

impl Stream {
    pub(crate) fn new() -> Self {
        Self { out: BufWriter::new(io::stdout()), has_reader: true }
    }

    /// Writes a part. It says whether there is somebody to read more: one who has seen enough and closed the pipe is no
    /// error.
    pub(crate) fn write(&mut self, text: &str) -> anyhow::Result<bool> {
        if self.has_reader {
            self.has_reader = is_read(self.out.write_all(text.as_bytes()))?;
        }
        Ok(self.has_reader)
    }

    /// Writes what is left.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        if self.has_reader {
            is_read(self.out.flush())?;
        }
        Ok(())
    }
}

/// A table with these titles; the columns in `numbers` are aligned to the right. On a terminal what is too wide is broken
/// into lines; on a pipe a row is a line.
pub(crate) fn table(
    titles: &[&str],
    numbers: &[usize],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let terminal = Terminal::stdout();
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    let mut table = plain(terminal);
    table.set_header(titles.iter().map(|title| Cell::new(title).add_attribute(Attribute::Bold)));
    table.add_rows(rows.iter().map(|row| row.iter().map(cell)));
    pad(&mut table, numbers);
    let Some((width, _)) = terminal.size else {
        return table.trim_fmt();
    };
    let widths = table.column_max_content_widths();
    // After the last column there is no gap.
    let whole = widths.iter().map(|&width| usize::from(width + GAP)).sum::<usize>();
    if whole <= usize::from(width + GAP) {
        return table.trim_fmt();
    }
    if widths.len() * usize::from(LEAST_WIDTH) > width.into() {
        table = records(terminal, titles, &rows);
    } else {
        share(&mut table, width, &widths);
    }
    table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
    table.trim_fmt()
}

/// The spaces between two columns.
const GAP: u16 = 2;
/// The length of a day such as `2024-06-01`.
const DAY: u16 = 10;
/// If the columns were narrower on average, nobody would like to read them.
const LEAST_WIDTH: u16 = 9;

/// A table without lines.
fn plain(terminal: Terminal) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    if terminal.coloured {
        table.enforce_styling();
    }
    table
}

fn pad(table: &mut Table, numbers: &[usize]) {
    let columns = table.column_count();
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if index + 1 < columns { GAP } else { 0 }));
        if numbers.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Shares a width among columns that are wider. The widest gives way last: it has the text that is read, the others have
/// names.
fn share(table: &mut Table, width: u16, widths: &[u16]) {
    let moments: Vec<bool> = (0..widths.len())
        .map(|index| table.column_cells_iter(index).flatten().any(|cell| is_moment(&cell.content())))
        .collect();
    let widest = widths.iter().max();
    for ((column, moments), wide) in table.column_iter_mut().zip(moments).zip(widths) {
        if moments {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(DAY + GAP)));
        } else if Some(wide) != widest {
            column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(width / 4)));
        }
    }
}

/// The rows one below the other, each with its values one below the other; without rows the titles alone.
fn records(terminal: Terminal, titles: &[&str], rows: &[Vec<String>]) -> Table {
    let mut table = plain(terminal);
    if rows.is_empty() {
        table.add_rows(titles.iter().map(|title| [Cell::new(title).add_attribute(Attribute::Bold)]));
    }
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            table.add_row(["", ""]);
        }
        for (title, value) in titles.iter().zip(row) {
            table.add_row([Cell::new(title).add_attribute(Attribute::Bold), cell(value)]);
        }
    }
    pad(&mut table, &[]);
    table
}

/// A cell of a table. A moment that has to be broken is so between its day and its time.
fn cell(text: &String) -> Cell {
    let cell = Cell::new(text);
    if is_moment(text) { cell.set_delimiter('T') } else { cell }
}

/// Whether this is a moment, as [`crate::format::time`] shows it.
fn is_moment(text: &str) -> bool {
    text.strip_suffix('Z').is_some_and(|time| time.parse::<DateTime>().is_ok())
}
