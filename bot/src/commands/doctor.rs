//! `doctor`: looks how the database is, changes nothing, and says what to do.

mod check;
mod disk;
mod files;
mod journal;
mod report;

use std::time::Duration;

use botstore::model::{Aspect, DatabaseHealth, Depth, Finding, Verdict};
use botstore::url::{DatabaseUrl, SqliteUrl};
use botstore::{Config, ErrorKind, Examine, StoreError};
use indicatif::ProgressBar;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use self::journal::Journal;
use self::report::Report;
use crate::bar::spinner;
use crate::cli::DoctorArgs;
use crate::database::{Named, backend, variable};
use crate::exit::Exit;
use crate::output::Output;

/// How often the database is asked for its health. The first answer takes longer, the median does not.
const QUESTIONS: usize = 9;

pub(super) async fn run(config: &Config, args: &DoctorArgs, output: Output) -> anyhow::Result<Exit> {
    let depth = if args.deep { Depth::Deep } else { Depth::Quick };
    let mut round = Round { limit: args.limit(), depth, spinner: spinner(), findings: Vec::new() };
    let health = round.database(config).await;
    round.machine(config).await;
    let journal = round.journal(config, health.as_ref()).await;
    round.findings.extend(check::of_settings(config));
    round.spinner.finish_and_clear();
    let report = Report { health, journal, findings: round.findings, settings: config.settings(variable) };
    let title = Named(&config.url).to_string();
    output.print(&report.json(config), || report.text(&title))?;
    let bearable = if args.strict { Verdict::Ok } else { Verdict::Warning };
    Ok(if report.worst() > bearable { Exit::Unwell } else { Exit::Done })
}

/// A round from check to check. None takes longer than its limit, whatever hangs.
struct Round {
    limit: Duration,
    depth: Depth,
    spinner: ProgressBar,
    findings: Vec<Finding>,
}

impl Round {
    /// What comes of a question; none if its time is over.
    async fn asked<T>(&self, what: &'static str, question: impl Future<Output = T>) -> Option<T> {
        self.spinner.reset_elapsed();
        self.spinner.set_message(format!("looking at {what}"));
        timeout(self.limit, question).await.ok()
    }

    /// Looks at the database itself.
    async fn database(&mut self, config: &Config) -> Option<DatabaseHealth> {
        let looking = self.looking(config);
        let examiner = match self.asked("connection", botstore::examiner(&looking)).await {
            Some(Ok(examiner)) => examiner,
            Some(Err(error)) => {
                self.findings.push(failed_to_open(&error, config));
                return None;
            }
            None => {
                self.findings.push(self.no_answer("connection"));
                return None;
            }
        };
        let health = self.health(&*examiner, config).await;
        for aspect in Aspect::ALL {
            let name = aspect.as_str();
            let finding = match self.asked(name, examiner.examine(aspect, self.depth)).await {
                Some(Ok(finding)) => finding,
                Some(Err(error)) if *error.kind() == ErrorKind::Schema => Some(Finding::failed(
                    name,
                    "cannot be looked at: the schema lacks something",
                    "see to the lines above first",
                )),
                Some(Err(error)) => Some(check::failed(name, &error, config)),
                None => Some(self.unfinished(name)),
            };
            self.findings.extend(finding);
        }
        health
    }

    /// How the database is looked at: who asks for everything has a limit of his own.
    fn looking(&self, config: &Config) -> Config {
        let mut config = config.clone();
        if self.depth == Depth::Deep {
            config.postgres.statement_timeout = None;
        }
        config
    }

    async fn health(&mut self, examiner: &dyn Examine, config: &Config) -> Option<DatabaseHealth> {
        match self.asked("health", asked_often(examiner)).await {
            Some(Ok(health)) => {
                self.findings.extend(check::of_database(backend(&config.url), &health, QUESTIONS));
                Some(health)
            }
            Some(Err(error)) => {
                self.findings.push(failed_to_open(&error, config));
                None
            }
            None => {
                self.findings.push(self.no_answer("connection"));
                None
            }
        }
    }

    /// Looks at this machine's files and disks.
    async fn machine(&mut self, config: &Config) {
        if let DatabaseUrl::Sqlite(SqliteUrl { path: Some(path), .. }) = &config.url {
            let path = path.clone();
            let found = self.asked("permissions", spawn_blocking(move || files::permissions(&path))).await;
            self.machine_found("permissions", found);
        }
        let asked = config.clone();
        let found = self.asked("disk", spawn_blocking(move || disk::disks(&asked))).await;
        self.machine_found("disk", found);
    }

    fn machine_found<T>(&mut self, name: &'static str, found: Option<Result<T, tokio::task::JoinError>>)
    where
        T: IntoIterator<Item = Finding>,
    {
        match found {
            Some(Ok(findings)) => self.findings.extend(findings),
            Some(Err(_)) | None => self.findings.push(self.unfinished(name)),
        }
    }

    /// Looks into the journal, for the database that was reached, if it was.
    async fn journal(&mut self, config: &Config, health: Option<&DatabaseHealth>) -> Option<Journal> {
        let asked = config.clone();
        match self.asked("spool", spawn_blocking(move || Journal::of(&asked))).await {
            Some(Ok(journal)) => {
                let id = health.map(|health| &health.id);
                self.findings.extend(journal.as_ref().map(|journal| journal.check(id)));
                journal
            }
            Some(Err(_)) | None => {
                self.findings.push(self.no_answer("spool"));
                None
            }
        }
    }

    fn no_answer(&self, name: &'static str) -> Finding {
        let advice = "look what hangs there, or wait longer by --limit";
        Finding::failed(name, format!("no answer within {:?}", self.limit), advice)
    }

    fn unfinished(&self, name: &'static str) -> Finding {
        let advice = "give it longer by --limit, or look when less is going on";
        Finding::warning(name, format!("not finished within {:?}", self.limit), advice)
    }
}

/// The first thing that went wrong with the database.
fn failed_to_open(error: &StoreError, config: &Config) -> Finding {
    let name = if *error.kind() == ErrorKind::Schema { "schema" } else { "connection" };
    check::failed(name, error, config)
}

/// The last of several answers, with the median of all latencies.
async fn asked_often(examiner: &dyn Examine) -> Result<DatabaseHealth, StoreError> {
    let mut last = examiner.health().await?;
    let mut latencies = vec![last.latency];
    while latencies.len() < QUESTIONS {
        last = examiner.health().await?;
        latencies.push(last.latency);
    }
    latencies.sort_unstable();
    last.latency = latencies[QUESTIONS / 2];
    Ok(last)
}
