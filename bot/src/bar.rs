//! What people see while something long goes on, on standard error. Without a terminal there is no bar.

use std::fmt;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::format::number;

/// The bar of something that has so many `units`, if that is known.
pub(crate) fn bar(units: &str, length: Option<u64>) -> ProgressBar {
    let template = match length {
        Some(_) => {
            format!("{{msg}} [{{bar:30}}] {{human_pos}}/{{human_len}} {units}, {{rate}}, {{eta}} left")
        }
        None => format!("{{msg}} {{spinner}} {{human_pos}} {units}, {{rate}}"),
    };
    let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("=> ").with_key("rate", rate));
    }
    bar
}

/// The bar of bytes, of which nobody knows yet how many there will be.
pub(crate) fn bytes_bar() -> ProgressBar {
    let bar = ProgressBar::no_length();
    let template = "[{bar:30}] {bytes}/{total_bytes}, {bytes_per_sec}, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

/// A sign of life beside a message.
pub(crate) fn spinner() -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

/// Units a second, without the fractions that indicatif shows.
fn rate(state: &ProgressState, text: &mut dyn fmt::Write) {
    // Writing to a string does not fail.
    let _ = write!(text, "{}/s", number(state.per_sec() as i64));
}
