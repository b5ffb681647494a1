//! What an import says at its end.

mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;

use botstore::transfer::Comparison;
use botstore_legacy::{Checked, Legacy, Note, Sums, Tally};
use serde::Serialize;

use super::rejects::Kept;
use crate::output::Output;

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
}

impl TableReport {
    fn of(tally: &Tally) -> Self {
        let Tally { table, read, valid } = *tally;
        Self { table: table.name(), read, valid, rejected: tally.rejected(), digest: None }
    }
}
