//! The command line that all programs of contestants share.

use std::sync::Arc;

use clap::Parser;

use crate::{Backend, Contestant, Plan, Report, run};

/// Runs one contestant at one work, and prints one line of JSON
#[derive(Parser)]
struct Arguments {
    /// Who is to do the work
    #[arg(long, value_name = "NAME")]
    contestant: String,
    /// sqlite:////ABSOLUTE/PATH or postgresql://USER:PASSWORD@HOST/DATABASE, migrated by botstore. In the environment
    /// other users of the machine cannot see it
    #[arg(long, env = "BENCH_URL", hide_env_values = true)]
    url: String,
    #[command(flatten)]
    plan: Plan,
}

/// Reads the command line, opens the contestant by its name and URL, runs it, and prints its [`Report`]. The first
/// error of an operation, if any failed, goes to standard error.
///
/// # Errors
///
/// The contestant is not known, its database cannot be opened, or the run cannot be made.
pub fn run_program(
    open: impl AsyncFnOnce(&str, &str) -> anyhow::Result<Arc<dyn Contestant>>,
) -> anyhow::Result<()> {
    let Arguments { contestant: name, url, plan } = Arguments::parse();
    let backend = Backend::of(&url)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let contestant = open(&name, &url).await?;
        let measured = run(Arc::clone(&contestant), &plan).await?;
        if let Some(error) = &measured.first_error {
            eprintln!("{name}: {error:#}");
        }
        anyhow::Ok(Report::new(name, backend, &plan, &measured, contestant.durability().await?))
    })?;
    println!("{}", serde_json::to_string(&report)?);
    Ok(())
}
