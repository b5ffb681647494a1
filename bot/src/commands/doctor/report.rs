//! What was found, for people and for programs.

use std::time::Duration;

use botstore::Config;
use botstore::model::{Backend, DatabaseHealth, Finding, PoolHealth, Verdict};
use botstore::settings::Setting;
use serde::Serialize;

use super::journal::{Journal, JournalJson};
use crate::database::backend;
use crate::format::visible;
use crate::output::table;

/// What was found.
pub(super) struct Report {
    /// None if the database could not be asked.
    pub(super) health: Option<DatabaseHealth>,
    /// None if there is to be no journal.
    pub(super) journal: Option<Journal>,
    pub(super) findings: Vec<Finding>,
    pub(super) settings: Vec<Setting>,
}

#[derive(Debug, Serialize)]
pub(super) struct ReportJson<'a> {
    healthy: bool,
    verdict: &'static str,
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

impl<'a> From<&'a Finding> for CheckJson<'a> {
    fn from(finding: &'a Finding) -> Self {
        let Finding { name, verdict, found, advice } = finding;
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
    pub(super) fn worst(&self) -> Verdict {
        self.findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Ok)
    }

    pub(super) fn json(&self, config: &Config) -> ReportJson<'_> {
        let health = self.health.as_ref();
        let microseconds = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let backend = backend(&config.url);
        ReportJson {
            healthy: self.worst() < Verdict::Failed,
            verdict: self.worst().as_str(),
            backend: backend.as_str(),
            database: config.url.to_string(),
            engine_version: health.map(|health| health.engine_version.as_str()),
            schema_version: health.map(|health| health.schema_version),
            latency_us: health.map(|health| microseconds(health.latency)),
            pool: health.filter(|_| backend == Backend::Postgres).map(|health| health.pool.into()),
            spool: self.journal.as_ref().and_then(Journal::json),
            checks: self.findings.iter().map(CheckJson::from).collect(),
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

    pub(super) fn text(&self, title: &str) -> String {
        let mut rows = Vec::new();
        for Finding { name, verdict, found, advice } in &self.findings {
            rows.push(vec![verdict.as_str().to_owned(), (*name).to_owned(), visible(found)]);
            if let Some(advice) = advice {
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
        let count = |verdict| self.findings.iter().filter(|finding| finding.verdict == verdict).count();
        match (count(Verdict::Failed), count(Verdict::Warning)) {
            (0, 0) => "all is well".to_owned(),
            (failed, warnings) => format!("failed: {failed}, warnings: {warnings}"),
        }
    }
}
