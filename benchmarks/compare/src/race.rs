//! Running everybody, in turns.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use botstore_bench_harness::{Backend, Report};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::process::Command;

use crate::cell::{Cell, Data};
use crate::cli::Cli;
use crate::contestant::{Contestant, Program};
use crate::home::{Grounds, Home, USERS};
use crate::pgbench::Pgbench;
use crate::programs::Launcher;

/// How much longer than asked a program may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A contestant that can start, or why it cannot.
pub(crate) struct Entry {
    pub(crate) contestant: Contestant,
    pub(crate) starter: Result<Starter, String>,
}

/// What a contestant needs to run.
pub(crate) struct Starter {
    how: How,
    pub(crate) home: Home,
}

enum How {
    Program(Launcher),
    Pgbench(Pgbench),
}

/// One run of one contestant.
#[derive(Debug)]
pub(crate) struct Run {
    /// Counted from 0.
    pub(crate) round: u32,
    pub(crate) cell: Cell,
    pub(crate) contestant: Contestant,
    pub(crate) outcome: Result<Report, String>,
}

/// Gives each contestant its program and a database of its own.
pub(crate) async fn enter(
    contestants: &[Contestant],
    programs: &BTreeMap<Program, Result<Launcher, String>>,
    grounds: &Grounds,
) -> Vec<Entry> {
    let mut entries = Vec::new();
    for &contestant in contestants {
        let launcher = match programs.get(&contestant.program) {
            Some(Ok(launcher)) => Ok(launcher),
            Some(Err(why)) => Err(why.clone()),
            None => Err("its program was not built".to_owned()),
        };
        let starter = match launcher {
            Ok(launcher) => {
                Starter::new(contestant, launcher, grounds).await.map_err(|error| format!("{error:#}"))
            }
            Err(why) => Err(why),
        };
        entries.push(Entry { contestant, starter });
    }
    entries
}

impl Starter {
    async fn new(contestant: Contestant, launcher: &Launcher, grounds: &Grounds) -> anyhow::Result<Self> {
        let how = match contestant.program {
            Program::Pgbench => How::Pgbench(Pgbench::new(launcher, grounds).await?),
            _ => How::Program(launcher.clone()),
        };
        let home = match contestant.program {
            Program::Engines | Program::Pgbench => grounds.settled(contestant.backend, contestant.name).await,
            Program::Peers | Program::Python => {
                grounds.settled_for_others(contestant.backend, contestant.name).await
            }
        };
        let home = home.context("its database")?;
        Ok(Self { how, home })
    }
}

/// The databases that all contestants read.
pub(crate) struct Large {
    homes: BTreeMap<Backend, Home>,
    users: u32,
}

impl Large {
    pub(crate) fn new(cli: &Cli) -> anyhow::Result<Self> {
        let mut homes = BTreeMap::new();
        if let Some(file) = &cli.large_sqlite {
            ensure!(file.is_file(), "there is no database {}", file.display());
            let path: PathBuf = std::path::absolute(file)?;
            let path = path.to_str().context("--large-sqlite is no UTF-8")?;
            homes.insert(Backend::Sqlite, Home::of_others(format!("sqlite:///{path}")));
        }
        if let Some(url) = &cli.large_postgresql {
            homes.insert(Backend::Postgresql, Home::of_others(url.clone()));
        }
        Ok(Self { homes, users: cli.large_users })
    }

    fn has(&self, backend: Backend) -> bool {
        self.homes.contains_key(&backend)
    }
}

/// Runs every cell with every contestant, in rounds. Within a cell they follow one another at once, so that what
/// disturbs one disturbs its neighbours; who begins changes from round to round.
pub(crate) async fn run(
    cli: &Cli,
    cells: &[Cell],
    entries: &[Entry],
    large: &Large,
) -> anyhow::Result<Vec<Run>> {
    let starters: Vec<(Contestant, &Starter)> =
        entries.iter().filter_map(|entry| Some((entry.contestant, entry.starter.as_ref().ok()?))).collect();
    let takes_part = |cell: Cell, contestant: Contestant| {
        contestant.does(cell) && (cell.data == Data::Small || large.has(contestant.backend))
    };
    let pairs =
        cells.iter().flat_map(|&cell| starters.iter().map(move |&(contestant, _)| (cell, contestant)));
    let each_round = pairs.filter(|&(cell, contestant)| takes_part(cell, contestant)).count();
    let bar = bar(each_round as u64 * u64::from(cli.rounds))?;
    let mut runs = Vec::new();
    for round in 0..cli.rounds {
        let (later, earlier) = starters.split_at(starters.len() * round as usize / cli.rounds as usize);
        let in_turn = || earlier.iter().chain(later);
        for (number, &cell) in cells.iter().enumerate() {
            let seed = u64::from(round) * cells.len() as u64 + number as u64 + 1;
            for &(contestant, starter) in in_turn().filter(|(contestant, _)| takes_part(cell, *contestant)) {
                bar.set_message(format!("{cell}, {contestant}"));
                let outcome = match starter.run(contestant, cell, cli.seconds, seed, large).await {
                    Ok((report, said)) => {
                        if report.errors > 0 {
                            let errors = report.errors;
                            bar.suspend(|| {
                                eprintln!("{cell}, {contestant}: {errors} operations failed: {said}")
                            });
                        }
                        Ok(report)
                    }
                    Err(error) => {
                        bar.suspend(|| eprintln!("{cell}, {contestant}: {error:#}"));
                        Err(format!("{error:#}"))
                    }
                };
                runs.push(Run { round, cell, contestant, outcome });
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    Ok(runs)
}

fn bar(runs: u64) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("[{bar:30}] {pos}/{len} {msg}, {eta} left")?;
    Ok(ProgressBar::new(runs).with_style(style.progress_chars("=> ")))
}

impl Starter {
    /// Runs it once; returns also what it said besides its report.
    async fn run(
        &self,
        contestant: Contestant,
        cell: Cell,
        length: Duration,
        seed: u64,
        large: &Large,
    ) -> anyhow::Result<(Report, String)> {
        let (home, users) = match cell.data {
            Data::Small => (&self.home, USERS),
            Data::Large => {
                (large.homes.get(&contestant.backend).context("there is no large database")?, large.users)
            }
        };
        let launcher = match &self.how {
            How::Pgbench(pgbench) => {
                return Ok((pgbench.run(contestant, cell, length, home).await?, String::new()));
            }
            How::Program(launcher) => launcher,
        };
        let mut command = Command::new(&launcher.program);
        command.args(&launcher.arguments).args(["--contestant", contestant.name]);
        command.args(["--work", &cell.work.to_string(), "--callers", &cell.callers.to_string()]);
        command.args(["--seconds", &length.as_secs_f64().to_string()]);
        command.args(["--users", &users.to_string(), "--seed", &seed.to_string()]);
        // In the environment, because it has a password, and the list of processes shows arguments.
        command
            .env("BENCH_URL", &home.url)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let output = tokio::time::timeout(length + PATIENCE, command.kill_on_drop(true).output());
        let Ok(output) = output.await else { bail!("it does not end") };
        let output = output.context("its program cannot be run")?;
        let said = home.hide(String::from_utf8_lossy(&output.stderr).trim());
        ensure!(output.status.success(), "it failed ({}): {said}", output.status);
        let report: Report = serde_json::from_slice(&output.stdout).context("its report cannot be read")?;
        let asked = (contestant.name, contestant.backend, cell.work, cell.callers);
        let done = (report.contestant.as_str(), report.backend, report.work, report.callers);
        ensure!(asked == done, "it reports on something else: {done:?}");
        ensure!(report.operations > 0, "nothing was done, and {} operations failed: {said}", report.errors);
        Ok((report, said))
    }
}
