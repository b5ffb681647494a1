//! What is shown at the end, in each form.

use botstore_bench_harness::Machine;
use serde_json::{Value, json};

use crate::cell::Cell;
use crate::cli::Cli;
use crate::contestant::Contestant;
use crate::limits::{self, Limit};
use crate::race::{Entry, Run};
use crate::results::{Results, Row};
use crate::tables::{self, Style};
use crate::{output, plot};

/// All that was found out.
pub(crate) struct Outcome {
    machine: Machine,
    rounds: u32,
    seconds: f64,
    cells: Vec<Cell>,
    entries: Vec<Entry>,
    results: Results,
    rows: Vec<Row>,
    limits: Vec<Limit>,
}

impl Outcome {
    pub(crate) fn new(
        cli: &Cli,
        machine: Machine,
        results: Results,
        entries: Vec<Entry>,
        cells: Vec<Cell>,
    ) -> Self {
        let contestants: Vec<Contestant> = entries.iter().map(|entry| entry.contestant).collect();
        let rows = results.rows(&cells, &contestants);
        let limits = limits::held(&results, &cells, &contestants);
        let (rounds, seconds) = (cli.rounds, cli.seconds.as_secs_f64());
        Self { machine, rounds, seconds, cells, entries, results, rows, limits }
    }

    /// Prints it on standard output.
    pub(crate) fn print(&self) {
        println!("{}", self.text(Style::Text));
    }

    /// Writes the files that are asked for.
    pub(crate) fn write(&self, cli: &Cli) -> anyhow::Result<()> {
        if let Some(file) = &cli.json {
            output::write(file, &(serde_json::to_string_pretty(&self.json())? + "\n"))?;
        }
        if let Some(file) = &cli.markdown {
            output::write_markdown(file, &self.text(Style::Markdown))?;
        }
        if let Some(file) = &cli.plot {
            plot::draw(file, &self.rows)?;
        }
        Ok(())
    }

    fn text(&self, style: Style) -> String {
        let (machine, rounds, seconds) = (&self.machine, self.rounds, self.seconds);
        let parts = [
            Some(format!("Medians; rounds: {rounds}, of {seconds} s each. {machine}.")),
            Some(tables::contestants(&self.rows, &self.entries, style)),
            tables::backends(&self.results, &self.rows, &self.cells, style),
            tables::limits(&self.limits, style),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
    }

    fn json(&self) -> Value {
        let missing = self.entries.iter().filter_map(|entry| {
            let why = entry.starter.as_ref().err()?;
            Some(json!({"contestant": entry.contestant, "why": why}))
        });
        let backends = self.cells.iter().filter_map(|&cell| {
            let ratio = limits::postgresql_to_sqlite(&self.results, cell)?;
            Some(json!({"cell": cell, "postgresql_time_to_sqlite_time": ratio}))
        });
        json!({
            "machine": self.machine,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "medians": self.rows,
            "backends": backends.collect::<Vec<_>>(),
            "limits": self.limits,
            "missing": missing.collect::<Vec<_>>(),
            "runs": self.results.runs().iter().map(run).collect::<Vec<_>>(),
        })
    }
}

fn run(run: &Run) -> Value {
    let Run { round, cell, contestant, outcome } = run;
    let (report, failure) = (outcome.as_ref().ok(), outcome.as_ref().err());
    json!({"round": round, "cell": cell, "contestant": contestant, "report": report, "failure": failure})
}
