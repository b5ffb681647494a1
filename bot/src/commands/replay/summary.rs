//! What a replay did, for people and for programs.

use std::path::PathBuf;

use botstore::model::Backend;
use botstore::url::DatabaseUrl;
use serde::Serialize;

use crate::commands::input;
use crate::commands::recording::Left;
use crate::database::Named;
use crate::format::{number, visible};

/// Sums over all files.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    /// Events that were written now.
    pub(super) applied: u64,
    /// Events that had been written before.
    pub(super) skipped: u64,
    /// Events that went into the journal first, because the database was away or others waited there.
    pub(super) spooled: u64,
    /// Events that are not in the database.
    pub(super) left: Left,
    /// Whether the database said that it has all of it.
    pub(super) arrived: bool,
    /// Lines that are no events.
    pub(super) bad: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct TotalsJson {
    backend: &'static str,
    applied: u64,
    skipped: u64,
    spooled: u64,
    #[serde(flatten)]
    left: Left,
    arrived: bool,
    bad: u64,
    seconds: f64,
}

impl Totals {
    pub(super) fn add(&mut self, more: Self) {
        self.applied += more.applied;
        self.skipped += more.skipped;
        self.spooled += more.spooled;
        self.bad += more.bad;
    }

    pub(super) fn json(self, backend: Backend, seconds: f64) -> TotalsJson {
        TotalsJson {
            backend: backend.as_str(),
            applied: self.applied,
            skipped: self.skipped,
            spooled: self.spooled,
            left: self.left,
            arrived: self.arrived,
            bad: self.bad,
            seconds: (seconds * 1_000.0).round() / 1_000.0,
        }
    }

    pub(super) fn text(self, files: &[PathBuf], url: &DatabaseUrl, seconds: f64) -> String {
        let what = match files {
            [file] => visible(&input::name(file)),
            files => format!("{} files", files.len()),
        };
        let [applied, skipped, bad, spooled] =
            [self.applied, self.skipped, self.bad, self.spooled].map(number);
        let width = [&applied, &skipped, &bad, &spooled].into_iter().map(String::len).max().unwrap_or(0);
        let rate = match self.applied + self.spooled {
            0 => String::new(),
            // An approximate rate needs no more than a float has.
            events => format!(" ({} events/s)", number((events as f64 / seconds.max(0.001)) as u64)),
        };
        let mut journal = String::new();
        if self.spooled > 0 {
            journal += &format!(
                "  by way of {spooled:>width$} events, through the journal, where they waited for the database\n"
            );
        }
        for left in self.left.told() {
            journal += &format!("  left      {left}\n");
        }
        if self.left.is_any() || !self.arrived {
            journal += "  The database did not say that it has all of it: run the command again\n";
        }
        let database = visible(&Named(url).to_string());
        format!(
            "Replayed {what} into {database}\n\
             \x20 applied   {applied:>width$} events\n\
             \x20 skipped   {skipped:>width$} (recorded before)\n\
             \x20 bad       {bad:>width$}\n\
             {journal}\
             \x20 took      {seconds:.2} s{rate}\n\
             Next: rosey stats, rosey top, rosey recent"
        )
    }
}
