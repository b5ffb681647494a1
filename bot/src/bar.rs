//! What people see while something long goes on, on standard error. Without a terminal there is no bar.

use std::fmt;

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

/// Units a second, without the fractions that indicatif shows.
fn rate(state: &ProgressState, text: &mut dyn fmt::Write) {
    // Writing to a string does not fail.
    let _ = write!(text, "{}/s", number(state.per_sec() as i64));
}
