//! What all runs come to: medians over the rounds, and ratios of runs of the same round.

use std::collections::BTreeMap;

use botstore_bench_harness::{Report, median};
use serde::Serialize;

use crate::cell::Cell;
use crate::contestant::Contestant;
use crate::race::Run;

/// All runs.
pub(crate) struct Results {
    runs: Vec<Run>,
}

/// What one contestant did in one cell.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) cell: Cell,
    #[serde(flatten)]
    pub(crate) contestant: Contestant,
    /// Operations a second.
    pub(crate) rate: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Of all rounds.
    pub(crate) errors: u64,
    /// The operations of the caller who got the fewest, to those of the one who got the most.
    pub(crate) fewest_to_most: f64,
    /// botstore's operations a second, to this contestant's.
    pub(crate) botstore_ratio: Option<f64>,
    pub(crate) durability: String,
    /// The first failure, and how many there were.
    pub(crate) failures: Option<(String, usize)>,
}

impl Results {
    pub(crate) fn new(runs: Vec<Run>) -> Self {
        Self { runs }
    }

    pub(crate) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// One row for each contestant in each cell, in the order given.
    pub(crate) fn rows(&self, cells: &[Cell], contestants: &[Contestant]) -> Vec<Row> {
        let pairs =
            cells.iter().flat_map(|&cell| contestants.iter().map(move |&contestant| (cell, contestant)));
        pairs.filter_map(|(cell, contestant)| self.row(cell, contestant)).collect()
    }

    /// None if the contestant has no part in the cell.
    pub(crate) fn row(&self, cell: Cell, contestant: Contestant) -> Option<Row> {
        let failures: Vec<&String> =
            self.of(cell, contestant).filter_map(|run| run.outcome.as_ref().err()).collect();
        let reports = self.reports(cell, contestant);
        let reports: Vec<&Report> = reports.into_values().collect();
        if reports.is_empty() && failures.is_empty() {
            return None;
        }
        let middle = |value: fn(&Report) -> f64| {
            median(reports.iter().copied().map(value).collect()).unwrap_or(f64::NAN)
        };
        let ours = Contestant::ours(contestant.backend);
        Some(Row {
            cell,
            contestant,
            rate: middle(Report::rate),
            p50_us: middle(|report| report.p50_us),
            p99_us: middle(|report| report.p99_us),
            errors: reports.iter().map(|report| report.errors).sum(),
            fewest_to_most: middle(|report| report.fewest as f64 / report.most.max(1) as f64),
            botstore_ratio: ours.and_then(|ours| self.ratio((cell, ours), (cell, contestant))),
            durability: reports.first().map(|report| report.durability.clone()).unwrap_or_default(),
            failures: failures.first().map(|&first| (first.clone(), failures.len())),
        })
    }

    /// The first's operations a second, to the second's.
    pub(crate) fn ratio(&self, first: (Cell, Contestant), second: (Cell, Contestant)) -> Option<f64> {
        self.paired(first, second, |first, second| first.rate() / second.rate())
    }

    /// The median of a figure of the runs of each round.
    pub(crate) fn paired(
        &self,
        first: (Cell, Contestant),
        second: (Cell, Contestant),
        figure: impl Fn(&Report, &Report) -> f64,
    ) -> Option<f64> {
        let (first, second) = (self.reports(first.0, first.1), self.reports(second.0, second.1));
        let both = first.iter().filter_map(|(round, first)| Some(figure(first, second.get(round)?)));
        median(both.collect())
    }

    /// What succeeded, by round.
    pub(crate) fn reports(&self, cell: Cell, contestant: Contestant) -> BTreeMap<u32, &Report> {
        self.of(cell, contestant).filter_map(|run| Some((run.round, run.outcome.as_ref().ok()?))).collect()
    }

    /// Whether a run failed.
    pub(crate) fn has_failures(&self) -> bool {
        self.runs.iter().any(|run| run.outcome.is_err())
    }

    fn of(&self, cell: Cell, contestant: Contestant) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(move |run| run.cell == cell && run.contestant == contestant)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use botstore_bench_harness::{Backend, Work};

    use super::*;

    pub(crate) const CELL: Cell = Cell::small(Work::Chat, 8);

    /// A run in [`CELL`] of one second.
    pub(crate) fn run(round: u32, name: &str, operations: u64) -> Run {
        let contestant = Contestant::named(name, Backend::Sqlite).unwrap();
        let report = Report {
            contestant: name.to_owned(),
            backend: Backend::Sqlite,
            work: CELL.work,
            callers: CELL.callers,
            seconds: 1.0,
            operations,
            errors: 1,
            p50_us: 10.0 * f64::from(round),
            p99_us: 100.0,
            fewest: 3,
            most: 4,
            durability: "WAL, synchronous=FULL".to_owned(),
        };
        let outcome = if operations > 0 { Ok(report) } else { Err("it failed".to_owned()) };
        Run { round, cell: CELL, contestant, outcome }
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        // The machine was slow in the second round, for both; in the fourth one of them failed.
        let ours = [100, 10, 300, 900].into_iter().zip(0..).map(|(rate, round)| run(round, "botstore", rate));
        let theirs = [50, 5, 100, 0].into_iter().zip(0..).map(|(rate, round)| run(round, "sqlx", rate));
        let results = Results::new(ours.chain(theirs).collect());
        let sqlx = Contestant::named("sqlx", Backend::Sqlite).unwrap();
        let row = results.row(CELL, sqlx).unwrap();
        assert_eq!(row.botstore_ratio, Some(2.0));
        assert_eq!((row.rate, row.p50_us, row.errors), (50.0, 10.0, 3));
        assert_eq!(row.fewest_to_most, 0.75);
        assert_eq!(row.failures, Some(("it failed".to_owned(), 1)));
        assert!(results.has_failures());
        let absent = Contestant::named("diesel", Backend::Sqlite).unwrap();
        assert!(results.row(CELL, absent).is_none());
    }
}
