//! pgbench's log: one line a transaction.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hdrhistogram::Histogram;

use super::files;

/// What the log says of the measured span.
pub(super) struct Measured {
    /// In microseconds.
    pub(super) latencies: Histogram<u64>,
    pub(super) errors: u64,
    pub(super) seconds: f64,
    pub(super) fewest: u64,
    pub(super) most: u64,
}

/// A transaction; times are in microseconds.
struct Transaction {
    client: usize,
    end: u64,
    /// None if it failed.
    latency: Option<u64>,
}

/// Reads the logs of all of pgbench's threads: what ended after the warm-up, for so long.
pub(super) fn read(
    directory: &Path,
    warm_up: Duration,
    length: Duration,
    clients: usize,
) -> anyhow::Result<Measured> {
    let mut transactions = Vec::new();
    for file in files(directory, "log")? {
        let text = std::fs::read_to_string(file)?;
        for line in text.lines() {
            transactions
                .push(transaction(line).with_context(|| format!("pgbench's log has this line: {line}"))?);
        }
    }
    measure(&transactions, warm_up, length, clients)
}

/// `client_id transaction_no time script_no time_epoch time_us`, where a failed one's time is a word.
fn transaction(line: &str) -> Option<Transaction> {
    let mut fields = line.split(' ');
    let client = fields.next()?.parse().ok()?;
    let (_number, latency, _script) = (fields.next()?, fields.next()?.parse().ok(), fields.next()?);
    let (seconds, microseconds): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Transaction { client, end: seconds * 1_000_000 + microseconds, latency })
}

fn measure(
    transactions: &[Transaction],
    warm_up: Duration,
    length: Duration,
    clients: usize,
) -> anyhow::Result<Measured> {
    let Some(first) = transactions.iter().map(|each| each.end - each.latency.unwrap_or(0)).min() else {
        bail!("pgbench's log is empty");
    };
    let start = first + warm_up.as_micros() as u64;
    let stop = start + length.as_micros() as u64;
    let mut latencies = Histogram::new(3)?;
    let (mut errors, mut last, mut counts) = (0, start, vec![0; clients]);
    for each in transactions.iter().filter(|each| (start..stop).contains(&each.end)) {
        last = last.max(each.end);
        match each.latency {
            Some(latency) => {
                latencies.record(latency)?;
                *counts.get_mut(each.client).context("pgbench's log has one client too many")? += 1;
            }
            None => errors += 1,
        }
    }
    Ok(Measured {
        latencies,
        errors,
        seconds: (last - start) as f64 / 1_000_000.0,
        fewest: counts.iter().copied().min().unwrap_or(0),
        most: counts.iter().copied().max().unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_in_the_measured_span_counts() {
        let log = [
            "0 1 100000 0 1000 100000", // begins the run at 1000.0
            "0 2 50 0 1000 199999",     // in the warm-up
            "0 3 70 0 1000 200000",
            "1 1 90 0 1000 700000",
            "1 2 failed 0 1000 700001",
            "0 4 60 0 1001 100000",
            "0 5 10 0 1001 200000", // too late
        ];
        let transactions: Vec<_> = log.iter().map(|line| transaction(line).unwrap()).collect();
        let measured = measure(&transactions, Duration::from_millis(200), Duration::from_secs(1), 3).unwrap();
        assert_eq!((measured.latencies.len(), measured.errors), (3, 1));
        assert_eq!((measured.fewest, measured.most), (0, 2));
        assert_eq!(measured.latencies.value_at_quantile(0.5), 70);
        assert_eq!(measured.seconds, 0.9);
    }

    #[test]
    fn a_log_without_transactions_is_an_error() {
        assert!(measure(&[], Duration::ZERO, Duration::ZERO, 1).is_err());
        assert!(transaction("progress: 5.0 s").is_none());
    }
}
