//! What a replay did, for people and for programs.

use std::path::PathBuf;

use botstore::model::Backend;
use botstore::url::DatabaseUrl;
use serde::Serialize;

use super::input;
use crate::database::Named;
use crate::format::{number, visible};

/// Sums over all files.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Totals {
    /// Events that were written now.
    pub(super) applied: u64,
    /// Events that had been written before.
    pub(super) skipped: u64,
    /// Lines that are no events.
    pub(super) bad: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct TotalsJson {
    backend: &'static str,
    applied: u64,
    skipped: u64,
    bad: u64,
    seconds: f64,
}

impl Totals {
    pub(super) fn add(&mut self, more: Self) {
        self.applied += more.applied;
        self.skipped += more.skipped;
        self.bad += more.bad;
    }

    pub(super) fn json(self, backend: Backend, seconds: f64) -> TotalsJson {
        TotalsJson {
            backend: backend.as_str(),
            applied: self.applied,
            skipped: self.skipped,
            bad: self.bad,
            seconds: (seconds * 1_000.0).round() / 1_000.0,
        }
    }

    pub(super) fn text(self, files: &[PathBuf], url: &DatabaseUrl, seconds: f64) -> String {
        let what = match files {
            [file] => visible(&input::name(file)),
            files => format!("{} files", files.len()),
        };
        let [applied, skipped, bad] = [self.applied, self.skipped, self.bad].map(number);
        let width = [&applied, &skipped, &bad].into_iter().map(String::len).max().unwrap_or(0);
        let rate = match self.applied {
            0 => String::new(),
            // An approximate rate needs no more than a float has.
            applied => format!(" ({} events/s)", number((applied as f64 / seconds.max(0.001)) as u64)),
        };
        let database = visible(&Named(url).to_string());
        format!(
            "Replayed {what} into {database}\n\
             \x20 applied   {applied:>width$} events\n\
             \x20 skipped   {skipped:>width$} (recorded before)\n\
             \x20 bad       {bad:>width$}\n\
             \x20 took      {seconds:.2} s{rate}\n\
             Next: rosey stats, rosey top, rosey recent"
        )
    }
}
