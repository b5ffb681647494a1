//! The same for people.

use super::{MissingReport, OtherReport, RejectReport, Report};
use crate::format::{counted, number, visible};
use crate::output::table;

impl Report {
    pub(super) fn text(&self) -> String {
        let (source, layout) = (visible(&self.source), &self.layout);
        let mut lines = vec![match &self.into {
            Some(into) => format!("Imported {source} ({layout}) into {}, and compared both", visible(into)),
            None => format!("Looked at {source} ({layout}); nothing was imported"),
        }];
        if self.found > 0 {
            lines.push(format!("{} had been imported before", counted(self.found, "row", "rows")));
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
                "{} rejected; all that stands there is in {}",
                counted(self.rejected, "row was", "rows were"),
                visible(&file.display().to_string())
            ),
            None => format!("{} would be rejected", counted(self.rejected, "row", "rows")),
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
                "Not imported: the column {table}.{column}, in which {} something",
                counted(rows.unwrap_or_default(), "row has", "rows have")
            ),
            (None, Some(rows)) => {
                format!("Not imported: the table {table} with {}", counted(*rows, "row", "rows"))
            }
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
