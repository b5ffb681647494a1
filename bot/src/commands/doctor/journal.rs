//! What waits in the journal, as its file tells it, whoever has it open.

use botstore::model::{DatabaseId, Finding, Verdict};
use botstore::settings::SpoolSettings;
use botstore::spool::{Look, check_place, look};
use botstore::{Config, StoreError};
use serde::Serialize;

use crate::format::{counted, number, time};

/// The journal of a configuration that has one, and what was found in it.
pub(super) struct Journal {
    settings: SpoolSettings,
    found: Result<Option<Look>, StoreError>,
}

#[derive(Debug, Serialize)]
pub(super) struct JournalJson {
    path: String,
    in_use: bool,
    events: u64,
    bytes: u64,
    oldest: Option<i64>,
    rejected: u64,
    damaged: u64,
    dropped: u64,
    away_since: Option<i64>,
    error: Option<String>,
}

impl Journal {
    /// Looks; none if there is to be no journal.
    pub(super) fn of(config: &Config) -> Option<Self> {
        let settings = config.spool.clone()?;
        let found = check_place(&settings.path).and_then(|()| look(&settings.path));
        Some(Self { settings, found })
    }

    /// None if it cannot be read.
    pub(super) fn json(&self) -> Option<JournalJson> {
        let path = self.settings.path.display().to_string();
        let found = self.found.as_ref().ok()?.as_ref();
        let spool = found.map(|look| look.spool.clone()).unwrap_or_default();
        let (away_since, error) = found.and_then(|look| look.away.clone()).unzip();
        Some(JournalJson {
            path,
            in_use: found.is_some_and(|look| look.in_use),
            events: spool.events,
            bytes: spool.bytes,
            oldest: spool.oldest.map(|at| at.seconds()),
            rejected: spool.rejected,
            damaged: found.map_or(0, |look| look.damaged),
            dropped: spool.dropped,
            away_since: away_since.map(|at| at.seconds()),
            error,
        })
    }

    /// What is to be said of it, for the database that has this identity, if it was reached.
    pub(super) fn check(&self, database: Option<&DatabaseId>) -> Finding {
        match &self.found {
            Ok(None) => check(Verdict::Ok, "nothing waits".to_owned(), None),
            Ok(Some(look)) => self.judge(look, database),
            Err(error) => check(Verdict::Failed, error.to_string(), None),
        }
    }

    fn judge(&self, look: &Look, database: Option<&DatabaseId>) -> Finding {
        let spool = &look.spool;
        let path = self.settings.path.display();
        let mut found = vec![match spool.oldest {
            Some(oldest) => {
                format!("{} since {}", counted(spool.events, "event waits", "events wait"), time(oldest))
            }
            None => "nothing waits".to_owned(),
        }];
        if let Some((since, error)) = &look.away {
            found.push(format!("the database is away since {}: {error}", time(*since)));
        }
        let mut advice = Vec::new();
        let other =
            spool.events > 0 && database.zip(look.database.as_ref()).is_some_and(|(is, was)| is != was);
        if other {
            found.push("they belong to another database".to_owned());
            advice.push(format!("open it with the URL of that database, or move {path} away"));
        } else if spool.events > 0 && look.in_use {
            advice.push("a program has the journal, and writes them when the database is back".to_owned());
        } else if spool.events > 0 {
            found.push("no program has the journal".to_owned());
            advice.push(
                "start the recorder, or run `rosey record --keep-sessions < /dev/null`: it writes them"
                    .to_owned(),
            );
        }
        if spool.rejected > 0 {
            found.push(format!("{} kept aside", counted(spool.rejected, "event is", "events are")));
            if look.damaged > 0 {
                found.push(format!("{} of them cannot be read", number(look.damaged)));
                advice.push("bytes of the journal were changed: check its disk".to_owned());
            }
            if spool.rejected > look.damaged {
                advice.push(
                    "events before those kept aside are missing in the database, which may be an old backup: replay them"
                        .to_owned(),
                );
            }
            advice.push(format!(
                "all of them are in the table rejected of {path}, each batch with the reason; those that the \
                database is known to have go away by themselves"
            ));
        }
        if spool.dropped > 0 {
            found.push(format!("{} given up", counted(spool.dropped, "event was", "events were")));
            advice.push("the journal was full: raise ROSEY_SPOOL_SIZE or ROSEY_SPOOL_AGE".to_owned());
        }
        let verdict = match (other, advice.is_empty()) {
            (true, _) => Verdict::Failed,
            (_, false) => Verdict::Warning,
            (_, true) => Verdict::Ok,
        };
        check(verdict, found.join("; "), (!advice.is_empty()).then(|| advice.join("; ")))
    }
}

fn check(verdict: Verdict, found: String, advice: Option<String>) -> Finding {
    Finding { name: "spool", verdict, found, advice }
}
