//! What people see while a replay runs, on standard error.

use botstore::model::Position;
use indicatif::ProgressBar;

use super::reader::BadLine;
use crate::bar::bar;
use crate::format::{number, visible};

/// Bad lines that are named one by one; the rest is only counted.
const NAMED: u64 = 10;

/// The progress of one file. Without a terminal there is no bar, only the warnings.
pub(super) struct Progress {
    bar: ProgressBar,
    name: String,
    left_out: u64,
}

impl Progress {
    /// The bar of a file that has so many lines, if that is known.
    pub(super) fn new(name: &str, lines: Option<u64>) -> Self {
        let bar = bar("lines", lines);
        let name = visible(name);
        bar.set_message(name.rsplit('/').next().unwrap_or(&name).to_owned());
        Self { bar, name, left_out: 0 }
    }

    /// All up to `line` was read before: that pace says nothing of what is left.
    pub(super) fn pass(&self, line: Position) {
        self.reach(line);
        self.bar.reset_eta();
    }

    /// All up to `line` is recorded.
    pub(super) fn reach(&self, line: Position) {
        self.bar.set_position(line.get().unsigned_abs());
    }

    /// Warns of a bad line that is left out.
    pub(super) fn warn(&mut self, bad: &BadLine) {
        self.left_out += 1;
        if self.left_out <= NAMED {
            self.bar.suspend(|| tracing::warn!("{}:{bad} (left out)", self.name));
        }
    }

    /// Says that the last line is there in part, and not lost.
    pub(super) fn unfinished(&self) {
        self.bar
            .suspend(|| tracing::warn!("{}: the last line is unfinished; the next run reads it", self.name));
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
        if self.left_out > NAMED {
            tracing::warn!("{}: {} more bad lines were left out", self.name, number(self.left_out - NAMED));
        }
    }
}
