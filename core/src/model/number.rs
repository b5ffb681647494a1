//! Bounded numbers and the keys of pages.

use std::fmt;

use super::Timestamp;
use crate::error::InvalidInput;

/// A count or a total: 0 to 2^53 - 1, so that every JSON reader takes it exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Count(i64);

impl Count {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// 2^53 - 1. Totals stay there once they reach it.
    pub const MAX: Self = Self((1 << 53) - 1);

    /// A count that the error, if any, calls `field`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `field`: negative, or beyond 2^53 - 1.
    pub fn new(field: &'static str, count: i64) -> Result<Self, InvalidInput> {
        if count < 0 {
            Err(InvalidInput::new(field, "is negative"))
        } else if count > Self::MAX.0 {
            Err(InvalidInput::new(field, format!("is greater than {}", Self::MAX.0)))
        } else {
            Ok(Self(count))
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum with a number that is not negative, at most [`Count::MAX`].
    #[must_use]
    pub(crate) fn plus(self, more: i64) -> Self {
        Self(self.0.saturating_add(more).min(Self::MAX.0))
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many rows a list returns at the most: 1 to 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit(u16);

impl Limit {
    /// The greatest limit.
    pub const MAX: Self = Self(10_000);

    /// At most `rows` rows.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`] of `limit`: 0, negative, or beyond 10,000.
    pub fn new(rows: i64) -> Result<Self, InvalidInput> {
        match u16::try_from(rows) {
            Ok(rows) if (1..=Self::MAX.0).contains(&rows) => Ok(Self(rows)),
            _ => Err(InvalidInput::new("limit", format!("must be from 1 to {}", Self::MAX.0))),
        }
    }

    /// The number of rows.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0 as i64
    }
}

/// A row's identity in its table, given by the database, never reused. Opaque: compare it only with one of the
/// same table of the same database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(i64);

impl RowId {
    /// The identity that a database or a user calls `id`. One that no row has is no error here.
    #[must_use]
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The number that the database gave.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in a list that is ordered by time, then by identity: where a page begins.
///
/// A page excludes its key, so the key of a page's last row begins the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The row's moment.
    pub at: Timestamp,
    /// The row's identity, which decides between rows of one moment.
    pub id: RowId,
}

impl RowKey {
    /// Before every row.
    pub const START: Self = Self { at: Timestamp::MIN, id: RowId(i64::MIN) };
    /// After every row.
    pub const END: Self = Self { at: Timestamp::MAX, id: RowId(i64::MAX) };

    /// Before every row of the moment `at`: the rows that follow are of that moment, or later.
    #[must_use]
    pub const fn before(at: Timestamp) -> Self {
        Self { at, id: RowId(i64::MIN) }
    }

    /// After every row of the moment `at`: the rows that follow are later.
    #[must_use]
    pub const fn since(at: Timestamp) -> Self {
        Self { at, id: RowId(i64::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_what_json_carries_exactly() {
        assert_eq!(Count::new("chat", 9_007_199_254_740_991), Ok(Count::MAX));
        assert_eq!(Count::new("chat", 9_007_199_254_740_992).unwrap_err().field, "chat");
        assert_eq!(Count::new("chat", -1).unwrap_err().reason, "is negative");
        assert_eq!(Count::MAX.plus(1), Count::MAX);
    }

    #[test]
    fn a_limit_is_from_1_to_10_000() {
        for rows in [i64::MIN, -1, 0, 10_001, 65_537, i64::MAX] {
            assert_eq!(Limit::new(rows).unwrap_err().field, "limit", "{rows}");
        }
        assert_eq!(Limit::new(10_000), Ok(Limit::MAX));
    }
}
