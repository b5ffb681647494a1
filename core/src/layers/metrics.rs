//! Metrics, through the `metrics` facade: they go to the recorder that the program installs, or nowhere. The parent module lists them.

use std::time::Duration;

use metrics::{Key, Label, Level, Metadata, Unit, gauge, with_recorder};

use super::Operation;
use crate::error::ErrorKind;
use crate::model::PoolHealth;

const OPERATIONS: &str = "botstore_operations_total";
const SECONDS: &str = "botstore_operation_seconds";
const ROWS: &str = "botstore_rows_total";
const RETRIES: &str = "botstore_retries_total";
const CONNECTIONS: &str = "botstore_pool_connections";
const WAITING: &str = "botstore_pool_waiting";

/// The values of the label `outcome`.
pub(super) const OUTCOMES: [&str; 13] = [
    "ok",
    "cancelled",
    "invalid input",
    "not found",
    "conflict",
    "unavailable",
    "pool exhausted",
    "timeout",
    "indeterminate",
    "schema",
    "corrupt",
    "closed",
    "internal",
];

/// How a call ended: an index of [`OUTCOMES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome(usize);

impl Outcome {
    pub(super) const OK: Self = Self(0);
    pub(super) const CANCELLED: Self = Self(1);

    pub(super) fn of(error: &ErrorKind) -> Self {
        Self(match error {
            ErrorKind::InvalidInput { .. } => 2,
            ErrorKind::NotFound => 3,
            ErrorKind::Conflict => 4,
            ErrorKind::Unavailable => 5,
            ErrorKind::PoolExhausted => 6,
            ErrorKind::Timeout => 7,
            ErrorKind::Indeterminate => 8,
            ErrorKind::Schema => 9,
            ErrorKind::Corrupt => 10,
            ErrorKind::Closed => 11,
            ErrorKind::Internal => 12,
        })
    }

    pub(super) fn as_str(self) -> &'static str {
        OUTCOMES[self.0]
    }
}

/// The labels of an operation, for each of [`OUTCOMES`].
pub(super) const fn labels(operation: &'static str) -> [[Label; 2]; OUTCOMES.len()] {
    const fn pair(operation: &'static str, outcome: usize) -> [Label; 2] {
        [
            Label::from_static_parts("operation", operation),
            Label::from_static_parts("outcome", OUTCOMES[outcome]),
        ]
    }
    [
        pair(operation, 0),
        pair(operation, 1),
        pair(operation, 2),
        pair(operation, 3),
        pair(operation, 4),
        pair(operation, 5),
        pair(operation, 6),
        pair(operation, 7),
        pair(operation, 8),
        pair(operation, 9),
        pair(operation, 10),
        pair(operation, 11),
        pair(operation, 12),
    ]
}

static METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

/// Says what the metrics are.
pub(super) fn describe() {
    metrics::describe_counter!(OPERATIONS, "Calls to the store, by outcome");
    metrics::describe_histogram!(SECONDS, Unit::Seconds, "How long a call took, retries and waits included");
    metrics::describe_counter!(ROWS, "Rows and events that calls answered with or wrote");
    metrics::describe_counter!(RETRIES, "Attempts after a call's first");
    metrics::describe_gauge!(CONNECTIONS, "Connections to the database, when health was last asked");
    metrics::describe_gauge!(WAITING, "Callers who waited for a connection, when health was last asked");
}

/// Counts a call that ended. The macros would allocate the labels, whether or not anybody records them.
pub(super) fn finished(operation: &'static Operation, outcome: Outcome, took: Duration, rows: u64) {
    let labels = &operation.labels[outcome.0];
    let counted = Key::from_static_parts(OPERATIONS, labels);
    let timed = Key::from_static_parts(SECONDS, &labels[..1]);
    with_recorder(|recorder| {
        recorder.register_counter(&counted, &METADATA).increment(1);
        recorder.register_histogram(&timed, &METADATA).record(took.as_secs_f64());
        if rows > 0 {
            let key = Key::from_static_parts(ROWS, &labels[..1]);
            recorder.register_counter(&key, &METADATA).increment(rows);
        }
    });
}

/// Counts an attempt after the first.
pub(super) fn retried(operation: &'static Operation) {
    let key = Key::from_static_parts(RETRIES, &operation.labels[0][..1]);
    with_recorder(|recorder| recorder.register_counter(&key, &METADATA).increment(1));
}

/// Notes how the pool is.
#[allow(clippy::cast_precision_loss, reason = "nobody has 2^52 connections")]
pub(super) fn pool(pool: &PoolHealth) {
    gauge!(CONNECTIONS, "state" => "open").set(pool.open as f64);
    gauge!(CONNECTIONS, "state" => "idle").set(pool.idle as f64);
    gauge!(CONNECTIONS, "state" => "max").set(pool.max as f64);
    gauge!(WAITING).set(pool.waiting as f64);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_called_like_the_kind_of_the_error() {
        for kind in [
            ErrorKind::InvalidInput { field: "limit", reason: String::new() },
            ErrorKind::NotFound,
            ErrorKind::Conflict,
            ErrorKind::Unavailable,
            ErrorKind::PoolExhausted,
            ErrorKind::Timeout,
            ErrorKind::Indeterminate,
            ErrorKind::Schema,
            ErrorKind::Corrupt,
            ErrorKind::Closed,
            ErrorKind::Internal,
        ] {
            assert_eq!(Outcome::of(&kind).as_str(), kind.as_str());
        }
    }
}
