//! How long calls took, and whether that is short enough.

use std::time::Duration;

use comfy_table::{CellAlignment, Table, presets};
use hdrhistogram::Histogram;
use serde::Serialize;

/// What takes longer counts as this long, in nanoseconds: ten minutes.
const LONGEST: u64 = 600_000_000_000;

/// The latencies of many calls.
pub(crate) struct Latencies(Histogram<u64>);

/// What is said of them. Times are in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    name: &'static str,
    calls: u64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    limit_ms: f64,
    /// Whether 99 of 100 calls, or each of fewer than 100, took no longer than the limit.
    pub(crate) within: bool,
}

impl Latencies {
    /// None yet.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self(Histogram::new_with_max(LONGEST, 3)?))
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.0.saturating_record(nanoseconds);
    }

    /// Judges them.
    pub(crate) fn measured(&self, name: &'static str, limit: Duration) -> Measured {
        let milliseconds = |nanoseconds: u64| nanoseconds as f64 / 1e6;
        let p99 = milliseconds(self.0.value_at_quantile(0.99));
        let limit = limit.as_secs_f64() * 1e3;
        Measured {
            name,
            calls: self.0.len(),
            p50_ms: milliseconds(self.0.value_at_quantile(0.5)),
            p99_ms: p99,
            max_ms: milliseconds(self.0.max()),
            limit_ms: limit,
            within: p99 <= limit,
        }
    }
}

/// A table for people.
pub(crate) fn table(measured: &[Measured]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(["", "calls", "p50 ms", "p99 ms", "max ms", "limit ms", ""]);
    for row in measured {
        let ms = |ms: f64| format!("{ms:.3}");
        table.add_row([
            row.name.to_owned(),
            row.calls.to_string(),
            ms(row.p50_ms),
            ms(row.p99_ms),
            ms(row.max_ms),
            row.limit_ms.to_string(),
            if row.within { "ok" } else { "TOO SLOW" }.to_owned(),
        ]);
    }
    for column in table.column_iter_mut().skip(1).take(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}
