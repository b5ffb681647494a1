//! Is a store still quick when there is much in it?
//!
//! `fill` puts millions of rows into an empty database, `measure` times every read of it, and `maintain` times lines of
//! chat while half of it is removed.

mod data;
mod engine;
mod fill;
mod latency;
mod maintain;
mod measure;
mod reads;

use std::process::ExitCode;

use botstore::url::DatabaseUrl;
use clap::{Args, Parser, Subcommand};

use crate::data::Sizes;
use crate::latency::Measured;

#[derive(Parser)]
#[command(version, about, long_about = None)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Database {
    /// The database: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/DATABASE.
    #[arg(long, env = "BENCH_URL", hide_env_values = true)]
    url: DatabaseUrl,
}

#[derive(Subcommand)]
enum Command {
    /// Fill an empty database.
    Fill {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        sizes: Sizes,
    },
    /// Time every read of a database that was filled with these sizes; fail if one is too slow.
    Measure {
        #[command(flatten)]
        database: Database,
        #[command(flatten)]
        sizes: Sizes,
        /// Measure only what has this text in its name.
        #[arg(long, default_value = "")]
        only: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Remove the older half of everything, and time lines of chat meanwhile; fail if they are too slow.
    Maintain {
        #[command(flatten)]
        database: Database,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse().command {
        Command::Fill { database, sizes } => {
            fill::fill(&database.url, &sizes).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Measure { database, sizes, only, json } => {
            let measured = measure::measure(database.url, sizes, &only).await?;
            report(&measured, json)
        }
        Command::Maintain { database, json } => {
            let maintained = maintain::maintain(database.url).await?;
            let removed = maintained.removed;
            eprintln!(
                "removed {} lines, {} samples, {} messages, {} tokens and {} values in {:.1} s",
                removed.chat,
                removed.counts,
                removed.sent_messages,
                removed.revoked_tokens,
                removed.expired_values,
                maintained.took.as_secs_f64()
            );
            report(&maintained.lines, json)
        }
    }
}

/// Prints what was measured, and says whether all of it is within its limits.
fn report(measured: &[Measured], json: bool) -> anyhow::Result<ExitCode> {
    if json {
        println!("{}", serde_json::to_string(measured)?);
    } else {
        println!("{}", latency::table(measured));
    }
    Ok(if measured.iter().all(|row| row.within) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
