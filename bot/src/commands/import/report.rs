//! What an import says at its end.

use std::collections::BTreeMap;
use std::path::PathBuf;

use botstore::transfer::{Comparison, Table};
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
    notes: Vec<String>,
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
            notes: old.notes().iter().map(told).collect(),
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

    /// Whether no row is missing.
    pub(super) fn is_whole(&self) -> bool {
        self.rejected == 0
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
        if !self.notes.is_empty() {
            lines.push(String::new());
            lines.extend(self.notes.iter().map(|note| visible(note)));
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

/// The longest key that is shown, in characters: a damaged one can have any length.
const KEY: usize = 60;

fn shortened(key: &str) -> String {
    let mut shown: String = key.chars().take(KEY).collect();
    if shown.len() < key.len() {
        shown.push('…');
    }
    shown
}

fn told(note: &Note) -> String {
    let name = |table: &Table| table.name();
    match note {
        Note::NoTable(table) => format!("The old database has no table {}", name(table)),
        Note::NoColumn(table, column) => {
            format!("The old database has no column {}.{column}: 0 stands for it", name(table))
        }
        Note::OtherColumn(table, column, rows) => format!(
            "Not imported: the column {}.{column}, in which {} rows have something",
            name(table),
            number(*rows)
        ),
        Note::OtherTable(table, rows) => {
            format!("Not imported: the table {table} with {} rows", number(*rows))
        }
    }
}
