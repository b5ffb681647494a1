//! `compare`: runs botstore, the engines and the libraries that one would use instead side by side, and prints one
//! table.

mod cell;
mod cli;
mod contestant;
mod home;
mod limits;
mod outcome;
mod output;
mod pgbench;
mod plot;
mod programs;
mod race;
mod results;
mod tables;

use std::process::ExitCode;

use anyhow::ensure;
use botstore_bench_harness::{Backend, Machine};
use clap::Parser as _;

use crate::cli::Cli;
use crate::home::Grounds;
use crate::outcome::Outcome;
use crate::race::Large;
use crate::results::Results;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // What is interrupted lets go of its databases and programs, too.
    let outcome = tokio::select! {
        outcome = compare(&cli) => outcome,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("compare: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs everything; returns whether everybody did its part.
async fn compare(cli: &Cli) -> anyhow::Result<bool> {
    output::check(cli)?;
    let (contestants, cells) = (cli.contestants(), cli.cells());
    ensure!(!contestants.is_empty() && !cells.is_empty(), "nothing is left to be measured");
    let large = Large::new(cli)?;
    let backends: Vec<Backend> = contestants.iter().map(|contestant| contestant.backend).collect();
    let grounds = Grounds::new(cli, &backends)?;
    let programs = programs::build(&contestants);
    let entries = race::enter(&contestants, &programs, &grounds).await;
    let homes: Vec<_> = entries
        .iter()
        .filter_map(|entry| Some((entry.contestant.backend, &entry.starter.as_ref().ok()?.home)))
        .collect();
    let machine = Machine::this(&cli.directory, home::versions(&homes).await?);
    let results = Results::new(race::run(cli, &cells, &entries, &large).await?);
    let complete = entries.iter().all(|entry| entry.starter.is_ok()) && !results.has_failures();
    let outcome = Outcome::new(cli, machine, results, entries, cells);
    outcome.print();
    outcome.write(cli)?;
    Ok(complete)
}
