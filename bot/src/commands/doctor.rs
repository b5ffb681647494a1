//! `doctor`: looks how the database is, changes nothing, and says what to do.

mod check;
mod journal;

use std::time::Duration;

use botstore::model::{DatabaseHealth, PoolHealth};
use botstore::settings::Setting;
use botstore::{BotStore, Config, ErrorKind, StoreError};
use serde::Serialize;

use self::check::{Check, Verdict};
use self::journal::{Journal, JournalJson};
use crate::database::{Named, backend, variable};
use crate::exit::Exit;
use crate::format::visible;
use crate::output::{Output, table};

/// How often the database is asked for its health. The first answer takes longer, the median does not.
const QUESTIONS: usize = 9;

/// What was found.
struct Report {
    /// None if the database could not be asked.
    health: Option<DatabaseHealth>,
    /// None if there is to be no journal.
    journal: Option<Journal>,
    checks: Vec<Check>,
    settings: Vec<Setting>,
}

pub(super) async fn run(config: &Config, output: Output) -> anyhow::Result<Exit> {
    let (health, mut checks) = ask(config).await;
    let journal = Journal::of(config);
    checks.extend(journal.as_ref().map(|journal| journal.check(health.as_ref().map(|health| &health.id))));
    checks.extend(check::of_settings(config));
    let report = Report { health, journal, checks, settings: config.settings(variable) };
    let title = Named(&config.url).to_string();
    output.print(&report.json(config), || report.text(&title))?;
    let failed = report.checks.iter().any(|check| check.verdict == Verdict::Failed);
    Ok(if failed { Exit::Unwell } else { Exit::Done })
}

/// Asks the database how it is, without bringing its schema up to date.
async fn ask(config: &Config) -> (Option<DatabaseHealth>, Vec<Check>) {
    match healthy(config).await {
        Ok(health) => {
            let checks = check::of_database(backend(&config.url), &health, QUESTIONS);
            (Some(health), checks)
        }
        Err(error) => {
            let name = if *error.kind() == ErrorKind::Schema { "schema" } else { "connection" };
            (None, vec![check::failed(name, &error, config)])
        }
    }
}

async fn healthy(config: &Config) -> Result<DatabaseHealth, StoreError> {
    let store = botstore::open(&looking(config)).await?;
    let health = asked_often(&*store).await;
    let closed = store.close().await;
    let health = health?;
    closed?;
    Ok(health)
}

/// How to open the store only to look at it: nothing is migrated, and the journal is left to the bot.
fn looking(config: &Config) -> Config {
    let mut config = config.clone().without_migration();
    config.spool = None;
    config
}

/// The last of several answers, with the median of all latencies.
async fn asked_often(store: &dyn BotStore) -> Result<DatabaseHealth, StoreError> {
    let mut last = asked(store).await?;
    let mut latencies = vec![last.latency];
    while latencies.len() < QUESTIONS {
        last = asked(store).await?;
        latencies.push(last.latency);
    }
    latencies.sort_unstable();
    last.latency = latencies[QUESTIONS / 2];
    Ok(last)
}

async fn asked(store: &dyn BotStore) -> Result<DatabaseHealth, StoreError> {
    let health = store.health().await?;
    health.database.map_err(|away| StoreError::new(ErrorKind::Unavailable, "health", away.error))
}

#[derive(Debug, Serialize)]
struct ReportJson<'a> {
    healthy: bool,
    backend: &'static str,
    database: String,
    engine_version: Option<&'a str>,
    schema_version: Option<i32>,
    latency_us: Option<u64>,
    pool: Option<PoolJson>,
    spool: Option<JournalJson>,
    checks: Vec<CheckJson<'a>>,
    settings: Vec<SettingJson<'a>>,
}

#[derive(Debug, Serialize)]
struct PoolJson {
    max: usize,
    open: usize,
    idle: usize,
    waiting: usize,
}

impl From<PoolHealth> for PoolJson {
    fn from(PoolHealth { max, open, idle, waiting }: PoolHealth) -> Self {
        Self { max, open, idle, waiting }
    }
}

#[derive(Debug, Serialize)]
struct CheckJson<'a> {
    name: &'static str,
    verdict: &'static str,
    found: &'a str,
    advice: Option<&'a str>,
}

impl<'a> From<&'a Check> for CheckJson<'a> {
    fn from(check: &'a Check) -> Self {
        let Check { name, verdict, found, advice } = check;
        Self { name, verdict: verdict.as_str(), found, advice: advice.as_deref() }
    }
}

#[derive(Debug, Serialize)]
struct SettingJson<'a> {
    name: &'static str,
    value: &'a str,
    set_by: String,
}

impl Report {
    fn json(&self, config: &Config) -> ReportJson<'_> {
        let health = self.health.as_ref();
        let microseconds = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        ReportJson {
            healthy: self.checks.iter().all(|check| check.verdict != Verdict::Failed),
            backend: backend(&config.url).as_str(),
            database: config.url.to_string(),
            engine_version: health.map(|health| health.engine_version.as_str()),
            schema_version: health.map(|health| health.schema_version),
            latency_us: health.map(|health| microseconds(health.latency)),
            pool: health.map(|health| health.pool.into()),
            spool: self.journal.as_ref().and_then(Journal::json),
            checks: self.checks.iter().map(CheckJson::from).collect(),
            settings: self
                .settings
                .iter()
                .map(|Setting { name, value, origin }| SettingJson {
                    name,
                    value,
                    set_by: origin.to_string(),
                })
                .collect(),
        }
    }

    fn text(&self, title: &str) -> String {
        let mut rows = Vec::new();
        for check in &self.checks {
            rows.push(vec![check.verdict.as_str().to_owned(), check.name.to_owned(), visible(&check.found)]);
            if let Some(advice) = &check.advice {
                rows.push(vec![String::new(), String::new(), format!("help: {}", visible(advice))]);
            }
        }
        let checks = table(&["verdict", "check", "found"], &[], rows);
        let rows = self.settings.iter().map(|setting| {
            vec![setting.name.to_owned(), visible(&setting.value), setting.origin.to_string()]
        });
        let settings = table(&["setting", "value", "set by"], &[], rows);
        format!("{}\n\n{checks}\n\n{settings}\n\n{}", visible(title), self.summary())
    }

    fn summary(&self) -> String {
        let count = |verdict| self.checks.iter().filter(|check| check.verdict == verdict).count();
        match (count(Verdict::Failed), count(Verdict::Warning)) {
            (0, 0) => "all is well".to_owned(),
            (failed, warnings) => format!("failed: {failed}, warnings: {warnings}"),
        }
    }
}
