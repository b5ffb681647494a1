//! What a run came to.

use serde::{Deserialize, Serialize};

use crate::{Backend, Measured, Plan, Work};

/// What a run came to: the one line that a program of contestants prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Who did the work.
    pub contestant: String,
    /// On which database.
    pub backend: Backend,
    /// What was done.
    pub work: Work,
    /// How many callers did it at once.
    pub callers: usize,
    /// From the callers' common start to the end of the last operation.
    pub seconds: f64,
    /// Operations that succeeded.
    pub operations: u64,
    /// Operations that failed.
    pub errors: u64,
    /// The median time of one operation that succeeded, in microseconds.
    pub p50_us: f64,
    /// The time that 99 of 100 operations did not exceed, in microseconds.
    pub p99_us: f64,
    /// The operations of the caller who got the fewest.
    pub fewest: u64,
    /// The operations of the caller who got the most.
    pub most: u64,
    /// What an answered write survives, as the engine said.
    pub durability: String,
}

impl Report {
    /// The report of what was measured.
    #[must_use]
    pub fn new(
        contestant: String,
        backend: Backend,
        plan: &Plan,
        measured: &Measured,
        durability: String,
    ) -> Self {
        let microseconds = |quantile| measured.latencies.value_at_quantile(quantile) as f64 / 1_000.0;
        Self {
            contestant,
            backend,
            work: plan.work,
            callers: plan.callers,
            seconds: measured.elapsed.as_secs_f64(),
            operations: measured.latencies.len(),
            errors: measured.errors,
            p50_us: microseconds(0.50),
            p99_us: microseconds(0.99),
            fewest: measured.fewest,
            most: measured.most,
            durability,
        }
    }

    /// Operations a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.operations as f64 / self.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_flat_object() {
        let line = r#"{"contestant":"sqlx","backend":"sqlite","work":"chat","callers":8,"seconds":1.5,"operations":2700,"errors":0,"p50_us":2950.1,"p99_us":4100.0,"fewest":330,"most":345,"durability":"WAL, synchronous=FULL"}"#;
        let report: Report = serde_json::from_str(line).unwrap();
        assert_eq!(report.rate(), 1_800.0);
        assert_eq!(serde_json::to_string(&report).unwrap(), line);
    }
}
