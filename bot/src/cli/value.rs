//! Values of arguments.

use std::path::PathBuf;
use std::time::Duration;

use botstore::model::{Limit, MaxAttempts, OutboundState, Timestamp};
use clap::builder::{PathBufValueParser, PossibleValuesParser, TypedValueParser};
use jiff::civil::DateTime;

use super::is_standard_output;

pub(super) fn limit(text: &str) -> Result<Limit, String> {
    Limit::new(whole(text)?).map_err(|invalid| invalid.reason)
}

/// A state of a message, of which shells know the names.
pub(super) fn state() -> impl TypedValueParser<Value = OutboundState> {
    PossibleValuesParser::new(OutboundState::ALL.map(OutboundState::as_str)).try_map(|name| name.parse())
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    whole(text)?.try_into().map(Duration::from_secs).map_err(|_| "is negative".to_owned())
}

pub(super) fn max_attempts(text: &str) -> Result<MaxAttempts, String> {
    MaxAttempts::new(whole(text)?).map_err(|invalid| invalid.reason)
}

fn whole(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "is no whole number".to_owned())
}

/// A moment: Unix seconds, a time with its offset, or a time or a date in UTC.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let seconds = if let Ok(seconds) = text.parse::<i64>() {
        seconds
    } else if let Ok(time) = text.parse::<jiff::Timestamp>() {
        time.as_second()
    } else {
        // A civil time, because jiff's timestamps end a day before ours do.
        let civil =
            text.strip_suffix(['Z', 'z']).filter(|text| text.contains(['T', 't', ' '])).unwrap_or(text);
        let time: DateTime = civil.parse().map_err(|_| "is neither a date, nor a time, nor Unix seconds")?;
        time.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0)).as_secs()
    };
    Timestamp::new(seconds).map_err(|invalid| invalid.reason)
}

/// A file that is made on a disk: neither standard output nor a database by its URL.
pub(super) fn file_to_make() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| {
        let is_url = path.to_str().is_some_and(|path| path.contains("://"));
        if is_url || is_standard_output(&path) { Err("name a file that is to be made") } else { Ok(path) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_has_several_forms() {
        for text in ["1700000000", "2023-11-14T23:13:20+01:00", "2023-11-14T22:13:20"] {
            assert_eq!(moment(text).unwrap().seconds(), 1_700_000_000, "{text}");
        }
        assert_eq!(moment("1970-01-02").unwrap().seconds(), 86_400);
        for text in ["9999-12-31T23:59:59", "9999-12-31T23:59:59Z", "9999-12-31 23:59:59"] {
            assert_eq!(moment(text), Ok(Timestamp::MAX), "{text}");
        }
        assert_eq!(moment("9999-12-31").unwrap().seconds(), 253_402_214_400);
        for (text, reason) in [
            ("", "is neither"),
            ("yesterday", "is neither"),
            ("2023-11-31", "is neither"),
            ("2023-11-14Z", "is neither"),
            ("-1", "is before 1970"),
            ("1969-12-31", "is before 1970"),
            ("253402300800", "is past the year 9999"),
        ] {
            let told = moment(text).unwrap_err();
            assert!(told.starts_with(reason), "{text}: {told}");
        }
    }
}
