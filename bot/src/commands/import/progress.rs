//! What people see while an import runs, on standard error.

use botstore::transfer::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// One pass over all tables. Without a terminal nothing is shown.
pub(super) struct Phase {
    name: &'static str,
    bar: ProgressBar,
}

impl Phase {
    pub(super) fn begin(name: &'static str) -> Self {
        let bar = ProgressBar::new(0);
        let template = "{msg} [{bar:30}] {human_pos}/{human_len} rows, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { name, bar }
    }

    pub(super) fn reach(&self, progress: Progress) {
        if self.bar.position() > progress.done {
            // Another table: the former one's pace says nothing of it.
            self.bar.reset();
        }
        self.bar.set_length(progress.total);
        self.bar.set_position(progress.done);
        self.bar.set_message(format!("{} {}", self.name, progress.table));
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
