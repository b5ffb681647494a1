//! What an import says at its end.

use std::collections::BTreeMap;
use std::path::PathBuf;

use botstore::transfer::Comparison;
use botstore_legacy::{Checked, Legacy, Note, Sums, Tally};
use serde::Serialize;

use super::rejects::Kept;
use crate::format::{number, visible};
use crate::output::{Output, table};

/// What arrived.
pub(super) struct Arrived {
    /// Rows that an earlier import had written.
    pub(super) found: u64,
    /// Both databases, table by table: they are the same.
    pub(super) compared: Vec<Comparison>,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    source: String,
    layout: String,
    /// None in a dry run.
    into: Option<String>,
    tables: Vec<TableReport>,
    lines: Total,
    seconds: Total,
    seconds_of_sessions: i128,
    sessions_closed: u64,
    queue: BTreeMap<String, u64>,
    tokens: Tokens,
    /// Rows that were there before.
    found: u64,
    rejected: u64,
    rejects: Vec<RejectReport>,
    rejects_file: Option<PathBuf>,
    /// Tables and columns of the layout that the old database has not.
    missing: Vec<MissingReport>,
    /// Tables and columns that it has, and no store.
    not_imported: Vec<OtherReport>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct MissingReport {
    table: &'static str,
    /// None: all of it.
    column: Option<&'static str>,
    /// What stands for the column; none: no row is valid without it.
    instead: Option<String>,
}

#[derive(Debug, Serialize)]
struct OtherReport {
    table: String,
    /// None: all of it.
    column: Option<String>,
    /// Rows that have something there; none: it cannot be read.
    rows: Option<u64>,
}

#[derive(Debug, Serialize)]
struct TableReport {
    table: &'static str,
    read: u64,
    valid: u64,
    rejected: u64,
    /// Of what is in both databases; none in a dry run.
    digest: Option<String>,
}

#[derive(Debug, Default, Serialize)]
struct Total {
    read: i128,
    valid: i128,
}

#[derive(Debug, Default, Serialize)]
struct Tokens {
    active: u64,
    revoked: u64,
}

#[derive(Debug, Serialize)]
struct RejectReport {
    table: &'static str,
    key: String,
    field: String,
    reason: String,
}

impl Report {
    pub(super) fn of(source: String, old: &Legacy) -> Self {
        let mut report = Self::new(source, old);
        for note in old.notes() {
            report.note(note);
        }
        report
    }

    fn new(source: String, old: &Legacy) -> Self {
        Self {
            source,
            layout: old.layout().to_string(),
            into: None,
            tables: Vec::new(),
            lines: Total::default(),
            seconds: Total::default(),
            seconds_of_sessions: 0,
            sessions_closed: 0,
            queue: BTreeMap::new(),
            tokens: Tokens::default(),
            found: 0,
            rejected: 0,
            rejects: Vec::new(),
            rejects_file: None,
            missing: Vec::new(),
            not_imported: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn note(&mut self, note: &Note) {
        match note {
            Note::NoTable(table) => {
                self.missing.push(MissingReport { table: table.name(), column: None, instead: None });
            }
            Note::NoColumn { table, column, instead, is_older: true } => self.notes.push(format!(
                "An older release made {}, without the column {column}: {} stands for it",
                table.name(),
                instead.as_deref().unwrap_or("nothing")
            )),
            Note::NoColumn { table, column, instead, is_older: false } => self.missing.push(MissingReport {
                table: table.name(),
                column: Some(column),
                instead: instead.clone(),
            }),
            Note::OtherColumn { table, column, rows } => self.not_imported.push(OtherReport {
                table: table.name().to_owned(),
                column: Some(column.clone()),
                rows: Some(*rows),
            }),
            Note::OtherTable { table, rows } => {
                self.not_imported.push(OtherReport { table: table.clone(), column: None, rows: *rows });
            }
        }
    }

    /// Every row was looked at.
    pub(super) fn checked(&mut self, checked: &Checked, kept: Kept) {
        let Sums { lines_read, lines, seconds_read, seconds, .. } = *checked.sums();
        let sums = checked.sums();
        self.tables = checked.tallies().iter().map(TableReport::of).collect();
        self.lines = Total { read: lines_read, valid: lines };
        self.seconds = Total { read: seconds_read, valid: seconds };
        (self.seconds_of_sessions, self.sessions_closed) = (sums.seconds_of_sessions, sums.sessions_closed);
        self.queue = sums.queue.clone();
        self.tokens = Tokens { active: sums.tokens_active, revoked: sums.tokens_revoked };
        self.rejected = checked.tallies().iter().map(Tally::rejected).sum();
        self.rejects = kept
            .named
            .into_iter()
            .map(|reject| RejectReport {
                table: reject.table.name(),
                key: reject.key,
                field: reject.field,
                reason: reject.reason,
            })
            .collect();
        self.rejects_file = kept.path;
    }

    /// What is valid arrived.
    pub(super) fn arrived(&mut self, into: String, arrived: Arrived) {
        (self.into, self.found) = (Some(into), arrived.found);
        for report in &mut self.tables {
            let compared = arrived.compared.iter().find(|compared| compared.table.name() == report.table);
            report.digest = compared.map(|compared| compared.into.digest.to_string());
        }
    }

    /// Whether all that a database of its layout has was there, and arrived.
    pub(super) fn is_whole(&self) -> bool {
        self.rejected == 0 && self.missing.is_empty() && self.not_imported.is_empty()
    }

    pub(super) fn print(&self, output: Output) -> anyhow::Result<()> {
        output.print(self, || self.text())
    }

    fn text(&self) -> String {
        let (source, layout) = (visible(&self.source), &self.layout);
        let mut lines = vec![match &self.into {
            Some(into) => format!("Imported {source} ({layout}) into {}, and compared both", visible(into)),
            None => format!("Looked at {source} ({layout}); nothing was imported"),
        }];
        if self.found > 0 {
            lines.push(format!("{} rows had been imported before", number(self.found)));
        }
        lines.push(String::new());
        lines.push(self.table());
        lines.push(String::new());
        lines.extend(self.sums());
        let notes: Vec<_> = self.all_notes().collect();
        if !notes.is_empty() {
            lines.push(String::new());
            lines.extend(notes);
        }
        if self.rejected > 0 {
            lines.push(String::new());
            lines.extend(self.rejects());
        }
        lines.join("\n")
    }

    fn table(&self) -> String {
        let imported = if self.into.is_some() { "Imported" } else { "Valid" };
        let rows = self.tables.iter().map(|report| {
            vec![report.table.to_owned(), number(report.read), number(report.valid), number(report.rejected)]
        });
        table(&["Table", "Read", imported, "Rejected"], &[1, 2, 3], rows)
    }

    fn sums(&self) -> Vec<String> {
        let queue: Vec<_> =
            self.queue.iter().map(|(state, count)| format!("{} {state}", number(*count))).collect();
        vec![
            format!("Lines     {} of {}", number(self.lines.valid), number(self.lines.read)),
            format!(
                "Seconds   {}: {} and {} of {} sessions that were open, closed at their last sign of life",
                number(self.seconds.valid),
                number(self.seconds.valid - self.seconds_of_sessions),
                number(self.seconds_of_sessions),
                number(self.sessions_closed)
            ),
            format!("Messages  {}", if queue.is_empty() { "none".to_owned() } else { queue.join(", ") }),
            format!(
                "Tokens    {} active, {} revoked",
                number(self.tokens.active),
                number(self.tokens.revoked)
            ),
        ]
    }

    /// Whatever is to be known besides the rows, a line each.
    fn all_notes(&self) -> impl Iterator<Item = String> {
        let missing = self.missing.iter().map(MissingReport::told);
        let others = self.not_imported.iter().map(OtherReport::told);
        self.notes.iter().cloned().chain(missing).chain(others).map(|note| visible(&note))
    }

    fn rejects(&self) -> Vec<String> {
        let mut lines = vec![match &self.rejects_file {
            Some(file) => format!(
                "{} rows were rejected; all that stands in them is in {}",
                number(self.rejected),
                visible(&file.display().to_string())
            ),
            None => format!("{} rows would be rejected", number(self.rejected)),
        }];
        for RejectReport { table, key, field, reason } in &self.rejects {
            lines.push(format!("  {table} {}: {} {reason}", shortened(&visible(key)), visible(field)));
        }
        let more = self.rejected - self.rejects.len() as u64;
        if more > 0 {
            lines.push(format!("  and {} more", number(more)));
        }
        lines
    }
}

impl TableReport {
    fn of(tally: &Tally) -> Self {
        let Tally { table, read, valid } = *tally;
        Self { table: table.name(), read, valid, rejected: tally.rejected(), digest: None }
    }
}

impl MissingReport {
    fn told(&self) -> String {
        let Self { table, column, instead } = self;
        match (column, instead) {
            (None, _) => format!("Missing in the old database: the table {table}"),
            (Some(column), Some(instead)) => {
                format!("Missing in the old database: the column {table}.{column}; {instead} stands for it")
            }
            (Some(column), None) => format!(
                "Missing in the old database: the column {table}.{column}, without which no row of {table} is valid"
            ),
        }
    }
}

impl OtherReport {
    fn told(&self) -> String {
        let Self { table, column, rows } = self;
        match (column, rows) {
            (Some(column), rows) => format!(
                "Not imported: the column {table}.{column}, in which {} rows have something",
                number(rows.unwrap_or_default())
            ),
            (None, Some(rows)) => format!("Not imported: the table {table} with {} rows", number(*rows)),
            (None, None) => format!("Not imported: the table {table}, which is not readable"),
        }
    }
}

/// The longest key that is shown, in characters: a damaged one can have any length.
const KEY: usize = 60;

fn shortened(key: &str) -> String {
    let mut shown: String = key.chars().take(KEY).collect();
    if shown.len() < key.len() {
        shown.push('…');
    }
    shown
}
