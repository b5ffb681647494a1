//! Moments and spans, as stored.

use std::fmt;

use crate::error::InvalidInput;

/// A moment: whole Unix seconds, from 1970 to the end of the year 9999 (UTC).
///
/// Nothing that is stored comes from a clock of the store: each call says what time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const MIN: Self = Self(0);
    /// 9999-12-31T23:59:59Z.
    pub const MAX: Self = Self(253_402_300_799);

    /// The moment `seconds` after 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `at`: negative, or past the year 9999.
    pub fn new(seconds: i64) -> Result<Self, InvalidInput> {
        Self::in_field("at", seconds)
    }

    /// The same as [`Timestamp::new`], with another field's name in the error.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `field`: negative, or past the year 9999.
    pub fn in_field(field: &'static str, seconds: i64) -> Result<Self, InvalidInput> {
        if seconds < Self::MIN.0 {
            return Err(InvalidInput::new(field, "is before 1970"));
        }
        if seconds > Self::MAX.0 {
            return Err(InvalidInput::new(
                field,
                "is past the year 9999 (seconds are expected, not milliseconds)",
            ));
        }
        Ok(Self(seconds))
    }

    /// Unix seconds.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// The whole seconds from `earlier` to this moment; 0 if that lies later.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).max(0)
    }

    /// This moment and `span`, at most [`Timestamp::MAX`].
    #[must_use]
    pub fn plus(self, span: Seconds) -> Self {
        Self(self.0.saturating_add(span.0).min(Self::MAX.0))
    }

    /// This moment less `span`, at least [`Timestamp::MIN`].
    #[must_use]
    pub fn minus(self, span: Seconds) -> Self {
        Self(self.0.saturating_sub(span.0).max(Self::MIN.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A span of whole seconds, from 0 to the length of the calendar that [`Timestamp`] knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(i64);

impl Seconds {
    /// A span in seconds.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `seconds`: negative, or longer than from 1970 to the year 9999.
    pub fn new(seconds: i64) -> Result<Self, InvalidInput> {
        if (0..=Timestamp::MAX.0).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(InvalidInput::new("seconds", format!("must be from 0 to {}", Timestamp::MAX.0)))
        }
    }

    /// A span in minutes, for constants.
    #[must_use]
    pub const fn from_minutes(minutes: u32) -> Self {
        Self(minutes as i64 * 60)
    }

    /// A span in hours, for constants.
    #[must_use]
    pub const fn from_hours(hours: u32) -> Self {
        let seconds = hours as i64 * 3_600;
        Self(if seconds > Timestamp::MAX.0 { Timestamp::MAX.0 } else { seconds })
    }

    /// A span in days, for constants.
    #[must_use]
    pub const fn from_days(days: u32) -> Self {
        let seconds = days as i64 * 86_400;
        Self(if seconds > Timestamp::MAX.0 { Timestamp::MAX.0 } else { seconds })
    }

    /// Whole seconds.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_ends_with_the_year_9999() {
        assert_eq!(Timestamp::new(253_402_300_799), Ok(Timestamp::MAX));
        for outside in [-1, i64::MIN, 253_402_300_800, i64::MAX] {
            assert_eq!(Timestamp::new(outside).unwrap_err().field, "at");
        }
    }

    #[test]
    fn sums_stay_within_the_calendar() {
        assert_eq!(Timestamp::MAX.plus(Seconds::from_days(1)), Timestamp::MAX);
        assert_eq!(Timestamp::MIN.minus(Seconds::from_days(1)), Timestamp::MIN);
        assert_eq!(Timestamp(5).seconds_since(Timestamp(9)), 0);
    }
}
