//! Values as people read them.

mod visible;

use std::borrow::Cow;
use std::fmt::Write as _;

use botstore::model::{Count, Timestamp};
use jiff::SignedDuration;
use jiff::civil::DateTime;
use unicode_width::UnicodeWidthStr as _;

pub(crate) use self::visible::{shortened, visible};

/// What stands for a value that is not there.
pub(crate) const NONE: &str = "-";

/// A number with a comma between each three digits.
pub(crate) fn number(number: impl Into<i128>) -> String {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { "-".to_owned() } else { String::new() };
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How many things there are, in words: `1 row`, `2,000 rows`.
pub(crate) fn counted(count: impl Into<i128>, one: &str, more: &str) -> String {
    let count = count.into();
    format!("{} {}", number(count), if count == 1 { one } else { more })
}

/// A count with a comma between each three digits.
pub(crate) fn count(count: Count) -> String {
    number(count.get())
}

/// A moment, in UTC, as ISO 8601 has it.
pub(crate) fn time(at: Timestamp) -> String {
    // A civil time, because jiff's timestamps end a day before ours do.
    match DateTime::constant(1970, 1, 1, 0, 0, 0, 0).checked_add(SignedDuration::from_secs(at.seconds())) {
        Ok(time) => format!("{time}Z"),
        Err(_) => at.to_string(),
    }
}

/// A moment that may be unknown.
pub(crate) fn maybe_time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| NONE.to_owned(), time)
}

/// A span, in its three greatest units from days down: `3d 4h 12m`.
pub(crate) fn span(seconds: Count) -> String {
    let seconds = seconds.get();
    let units =
        [(seconds / 86_400, 'd'), (seconds / 3_600 % 24, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let first = units.iter().position(|&(value, _)| value > 0).unwrap_or(units.len() - 1);
    let mut text = String::new();
    for (value, unit) in units.iter().skip(first).take(3) {
        let space = if text.is_empty() { "" } else { " " };
        let value = number(*value);
        let _ = write!(text, "{space}{value}{unit}");
    }
    text
}

/// Text that begins in column `indent` and is broken between words, so that no line is wider than `width`. The later lines
/// begin in the same column. A word that is too wide has a line for itself.
pub(crate) fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let (mut lines, mut wide) = (String::new(), indent);
    for word in text.split_inclusive(' ') {
        if wide > indent && wide + word.trim_end().width() > width {
            lines.truncate(lines.trim_end().len());
            let _ = write!(lines, "\n{:indent$}", "");
            wide = indent;
        }
        lines.push_str(word);
        wide += word.width();
    }
    lines
}

/// Text of which no line is wider than `width`, as far as words allow it. A line is broken so that what follows begins below
/// what stands behind its label, such as `Seconds   `, or below its own beginning. One with colours is as wide as it should be.
pub(crate) fn fitted(text: &str, width: usize) -> String {
    let fitted: Vec<_> = text.lines().map(|line| fitted_line(line, width)).collect();
    fitted.join("\n")
}

fn fitted_line(line: &str, width: usize) -> Cow<'_, str> {
    if line.width() <= width || line.contains('\u{1b}') {
        return line.into();
    }
    let indent = line.len() - line.trim_start().len();
    let label =
        line[indent..].find("  ").map_or(0, |end| end + line[indent + end..].find(|c| c != ' ').unwrap_or(0));
    let (label, text) = line.split_at(indent + if label < width / 2 { label } else { 0 });
    format!("{label}{}", wrapped(text, width, label.width())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        for (value, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567"), (-1_000, "-1,000")]
        {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn times_reach_to_the_year_9999() {
        assert_eq!(time(Timestamp::MIN), "1970-01-01T00:00:00Z");
        assert_eq!(time(Timestamp::new(1_700_000_000).unwrap()), "2023-11-14T22:13:20Z");
        assert_eq!(time(Timestamp::MAX), "9999-12-31T23:59:59Z");
    }

    #[test]
    fn spans_show_their_three_greatest_units() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (60, "1m 0s"), (3_725, "1h 2m 5s"), (274_367, "3d 4h 12m")]
        {
            assert_eq!(span(Count::new("seconds", seconds).unwrap()), text);
        }
        assert_eq!(span(Count::MAX), "104,249,991,374d 7h 36m");
    }

    #[test]
    fn lines_that_are_too_wide_are_broken_below_their_beginning() {
        let text = "Seconds   one two three\n    lost: one two three\nshort\n\nplain one two three four";
        let expected = "Seconds   one two\n          three\n    lost: one two\n    three\nshort\n\nplain one two three\nfour";
        assert_eq!(fitted(text, 22), expected);
        assert_eq!(fitted(text, usize::MAX), text);
        assert_eq!(fitted("\u{1b}[1mone two three\u{1b}[0m", 9), "\u{1b}[1mone two three\u{1b}[0m");
    }

    #[test]
    fn one_thing_is_no_plural() {
        assert_eq!(
            [0, 1, 2_000].map(|count| counted(count, "row", "rows")),
            ["0 rows", "1 row", "2,000 rows"]
        );
    }

    #[test]
    fn text_is_broken_between_words() {
        assert_eq!(wrapped("one two three", 13, 0), "one two three");
        assert_eq!(wrapped("one two three", 12, 0), "one two\nthree");
        assert_eq!(wrapped("one two three", 12, 5), "one two\n     three");
        assert_eq!(wrapped("美咲 美咲", 8, 0), "美咲\n美咲");
        assert_eq!(wrapped("a-long-word is alone", 4, 0), "a-long-word\nis\nalone");
    }
}
