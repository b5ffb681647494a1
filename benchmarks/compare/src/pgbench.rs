//! pgbench as a contestant: the server's own benchmark program, with the statement that botstore sends for one line.

mod log;
mod statement;
mod wiretap;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use botstore_bench_harness::{POSTGRES_OPTIONS, Report};
use tokio::process::Command;
use tokio_postgres::config::Host;
use tokio_postgres::{Config, NoTls};

use crate::cell::Cell;
use crate::contestant::Contestant;
use crate::home::{Grounds, Home, USERS};
use crate::programs::Launcher;

/// What is left out at the beginning, as with every other contestant.
const WARM_UP: Duration = Duration::from_millis(200);
/// How much longer than asked the program may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// pgbench with its script.
pub(crate) struct Pgbench {
    program: PathBuf,
    script: String,
}

impl Pgbench {
    /// Asks botstore for its statement, on a database made for that.
    pub(crate) async fn new(launcher: &Launcher, grounds: &Grounds) -> anyhow::Result<Self> {
        let statement = statement::of_one_line(grounds).await.context("botstore's statement for one line")?;
        // A random user of those that all contestants have, and a clock that goes a second on now and then.
        let script = format!(
            "\\set n random(0, {})\n\
             \\set at :at + CASE WHEN random(1, 1000) = 1 THEN 1 ELSE 0 END\n\
             {statement};\n",
            USERS - 1
        );
        Ok(Self { program: launcher.program.clone(), script })
    }

    /// Runs it once.
    pub(crate) async fn run(
        &self,
        contestant: Contestant,
        cell: Cell,
        length: Duration,
        home: &Home,
    ) -> anyhow::Result<Report> {
        let directory = tempfile::tempdir()?;
        let script = directory.path().join("line.sql");
        std::fs::write(&script, &self.script)?;
        let clients = contestant.clients(cell.callers).unwrap_or(cell.callers);
        let whole = Duration::from_secs((length + WARM_UP).as_secs_f64().ceil() as u64);
        let mut command = Command::new(&self.program);
        command.args(["--protocol=prepared", "--no-vacuum", "--log", "--define=at=1700000000"]);
        command.args([format!("--client={clients}"), format!("--jobs={}", clients.min(2))]);
        command.arg(format!("--time={}", whole.as_secs())).arg("--file").arg(&script);
        command.arg("--log-prefix").arg(directory.path().join("log"));
        connect(&mut command, &home.url)?;
        finished(command, whole + PATIENCE).await?;
        let measured = log::read(directory.path(), WARM_UP, length, clients)?;
        Ok(Report {
            contestant: contestant.name.to_owned(),
            backend: contestant.backend,
            work: cell.work,
            callers: cell.callers,
            seconds: measured.seconds,
            operations: measured.latencies.len(),
            errors: measured.errors,
            p50_us: measured.latencies.value_at_quantile(0.50) as f64,
            p99_us: measured.latencies.value_at_quantile(0.99) as f64,
            fewest: measured.fewest,
            most: measured.most,
            durability: durability(&home.url).await?,
        })
    }
}

/// Tells libpq where the database is, in the environment, which the list of processes does not show.
fn connect(command: &mut Command, url: &str) -> anyhow::Result<()> {
    let config: Config = parsed(url)?;
    match config.get_hosts().first() {
        Some(Host::Tcp(host)) => command.env("PGHOST", host),
        #[cfg(unix)]
        Some(Host::Unix(path)) => command.env("PGHOST", path),
        None => command.env("PGHOST", "localhost"),
    };
    command.env("PGPORT", config.get_ports().first().unwrap_or(&5432).to_string());
    command.env("PGUSER", config.get_user().unwrap_or("postgres"));
    command.env("PGDATABASE", config.get_dbname().unwrap_or("postgres"));
    if let Some(password) = config.get_password() {
        command.env("PGPASSWORD", std::str::from_utf8(password)?);
    }
    command.env("PGOPTIONS", POSTGRES_OPTIONS);
    Ok(())
}

/// What the URL says. The driver's own error could repeat a part of it.
fn parsed(url: &str) -> anyhow::Result<Config> {
    url.parse().map_err(|_| anyhow::anyhow!("the server's URL is not understood"))
}

async fn finished(mut command: Command, patience: Duration) -> anyhow::Result<()> {
    let output =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true).output();
    let Ok(output) = tokio::time::timeout(patience, output).await else { bail!("pgbench does not end") };
    let output = output.context("pgbench cannot be run")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "pgbench failed: {}", said.trim());
    Ok(())
}

/// What the server says of it.
async fn durability(url: &str) -> anyhow::Result<String> {
    let (client, connection) = parsed(url)?.connect(NoTls).await?;
    let connection = tokio::spawn(connection);
    let settings = "SELECT 'fsync=' || current_setting('fsync') || ', synchronous_commit=' || \
        current_setting('synchronous_commit')";
    let answer = client.query_one(settings, &[]).await?.try_get(0)?;
    drop(client);
    connection.await??;
    Ok(answer)
}

/// The files in a directory whose name begins so.
fn files(directory: &Path, prefix: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            files.push(entry.path());
        }
    }
    Ok(files)
}
