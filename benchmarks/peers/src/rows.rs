//! What is read of rows: every column, into values that own their text.

/// Username, lines.
pub(crate) type Chatter = (String, i64);

/// Identity, moment, username, message.
pub(crate) type Line = (i64, i64, String, String);

/// Username, first and last seen, lines, seconds, and the open session's start and last sign of life.
pub(crate) type Stats = (String, i64, i64, i64, i64, Option<i64>, Option<i64>);

/// Identity, lease token, message.
pub(crate) type Claimed = (i64, i64, String);
