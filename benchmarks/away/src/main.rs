//! What it costs to record, and to be refused a read, while the database is away.
//!
//! Lines of chat go into the journal of a database that refuses connections, and into SQLite, in turns.

mod lines;
mod reads;
mod stores;
mod table;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use botstore_bench_harness::{Backend, Machine, median, on_disk};
use clap::Parser;

use crate::stores::Ground;
use crate::table::Row;

/// How many record at once.
const CALLERS: [usize; 3] = [1, 8, 64];

/// How many times as long as in SQLite a line may take.
const MOST: f64 = 2.0;

/// How long 99 of 100 refused reads may take.
const REFUSED: Duration = Duration::from_millis(5);

#[derive(Parser)]
#[command(version, about, long_about = None)]
struct Cli {
    /// How often each is measured, in turns; figures are medians
    #[arg(long, value_name = "N", default_value = "9", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,

    /// How long each takes each time, in seconds
    #[arg(long, value_name = "S", default_value = "1", value_parser = seconds)]
    seconds: Duration,

    /// How many reads are refused
    #[arg(long, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u32).range(1..))]
    reads: u32,

    /// Where the database and the journal are made: on a disk, because what is written shall survive a power cut
    #[arg(long, value_name = "DIRECTORY", default_value = "/var/tmp")]
    directory: PathBuf,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let expected = || "a number of seconds, such as 0.5, is expected".to_owned();
    Duration::try_from_secs_f64(text.parse().map_err(|_| expected())?).map_err(|_| expected())
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    on_disk(&cli.directory)?;
    let mut rows = Vec::new();
    for callers in CALLERS {
        rows.push(recorded(&cli, callers).await?);
    }
    let (refused, version) = {
        let ground = Ground::new(&cli.directory)?;
        (reads::refused(&ground, cli.reads).await?, ground.sqlite_version().await?)
    };
    let machine = Machine::this(&cli.directory, BTreeMap::from([(Backend::Sqlite, version)]));
    println!("Medians; rounds: {}, of {} s each. {machine}.\n", cli.rounds, cli.seconds.as_secs_f64());
    println!("{}\n\n{}", table::recorded(&rows), table::refused(&refused));
    let within = rows.iter().all(|row| row.cost <= MOST) && refused.p99 < REFUSED;
    Ok(if within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Both in turns, each time in empty files; who begins changes from round to round.
async fn recorded(cli: &Cli, callers: usize) -> anyhow::Result<Row> {
    let (mut rates, mut cost) = ([Vec::new(), Vec::new()], Vec::new());
    for round in 0..cli.rounds {
        let ground = Ground::new(&cli.directory)?;
        let stores = [ground.sqlite().await?, ground.away().await?];
        let mut measured = [0.0; 2];
        for which in if round % 2 == 0 { [0, 1] } else { [1, 0] } {
            measured[which] = lines::rate(&stores[which], callers, cli.seconds).await?;
            rates[which].push(measured[which]);
        }
        for store in stores {
            store.close().await?;
        }
        cost.push(measured[0] / measured[1]);
    }
    let [sqlite, journal] = rates;
    let middle = |values| median(values).context("there was no round");
    Ok(Row { callers, sqlite: middle(sqlite)?, journal: middle(journal)?, cost: middle(cost)? })
}
