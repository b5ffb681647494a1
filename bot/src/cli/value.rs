//! Values of arguments.

use std::time::Duration;

use botstore::model::{Limit, MaxAttempts, Timestamp};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

pub(super) fn limit(text: &str) -> Result<Limit, String> {
    Limit::new(whole(text)?).map_err(|invalid| invalid.reason)
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
        let time: DateTime = text.parse().map_err(|_| "is neither a date, nor a time, nor Unix seconds")?;
        time.to_zoned(TimeZone::UTC).map_err(|_| "is out of range")?.timestamp().as_second()
    };
    Timestamp::new(seconds).map_err(|invalid| invalid.reason)
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
        for text in ["", "yesterday", "-1", "1969-12-31", "2023-11-31"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }
}
