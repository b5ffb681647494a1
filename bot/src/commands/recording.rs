//! A store that is recorded into, from open to closed, and what did not arrive in its database by then.

use std::time::Duration;

use botstore::model::{Position, Source};
use botstore::spool::{kept_aside_since, look};
use botstore::{BotStore, Config, StoreError};
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout_at};

use crate::database;
use crate::format::counted;

/// How long to wait between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// A database that is there has so much time to answer, however little may be waited for one that is away.
const LEAST: Duration = Duration::from_secs(2);

/// Longer than anything takes.
const LONG: Duration = Duration::from_secs(366 * 86_400);

/// A store with its journal, if there is one.
pub(super) struct Recording {
    store: Box<dyn BotStore>,
    config: Config,
    /// What the journal had lost before.
    before: Lost,
}

/// What a journal had lost by a moment.
#[derive(Debug, Clone, Copy, Default)]
struct Lost {
    dropped: u64,
    /// Those of them that were told at the end of a run. One that is killed tells nothing.
    told: u64,
    /// The batch that it kept aside last.
    last_aside: i64,
}

/// What to do while the database is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meanwhile {
    /// Wait for it.
    Wait,
    /// Leave what waits to the next run.
    Leave,
}

/// What did not go into the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Left {
    /// Events that wait in the journal, whoever recorded them.
    pub(super) waiting: u64,
    /// Events that the journal keeps aside since this run, because the database refused them or nobody can read them. Those
    /// that arrived later in the run, when their source was read again, are not among them.
    pub(super) rejected: u64,
    /// Events that were given up, because the journal was full, in this run or in one before that was killed.
    pub(super) dropped: u64,
    /// Whether the end went wrong, so that nobody knows whether more is left.
    pub(super) unknown: bool,
}

impl Left {
    /// Whether anything is left.
    pub(super) fn is_any(self) -> bool {
        self != Self::default()
    }

    /// What is left, for people, a sentence each.
    pub(super) fn told(self) -> impl Iterator<Item = String> {
        [
            (self.waiting, "event waits", "events wait", "in the journal for the database"),
            (self.rejected, "event was", "events were", "kept aside in the journal, as `rosey doctor` tells"),
            (self.dropped, "event was", "events were", "given up, because the journal was full"),
        ]
        .into_iter()
        .filter(|(events, ..)| *events > 0)
        .map(|(events, one, more, what)| format!("{} {what}", counted(events, one, more)))
        .chain(self.unknown.then(|| "more may be left: see the warnings, and ask `rosey doctor`".to_owned()))
    }
}

impl Recording {
    /// Opens the store, and the journal that `config` names.
    pub(super) async fn open(config: &Config) -> anyhow::Result<Self> {
        // A journal that cannot be read is one that cannot be opened.
        let before = lost(config).unwrap_or_default();
        let mut opened = config.clone();
        if let Some(spool) = &mut opened.spool {
            // What waits is written before closing, where the time for it is counted together with the rest.
            spool.close_within = Duration::ZERO;
        }
        let store = database::open(&opened).await?;
        Ok(Self { store, config: config.clone(), before })
    }

    pub(super) fn store(&self) -> &dyn BotStore {
        &*self.store
    }

    /// When an end that began at this moment has to be over.
    pub(super) fn deadline(&self, began: Instant) -> Instant {
        // Without a journal nothing waits, and what is asked of the database has its own time.
        let within = self.config.spool.as_ref().map_or(LONG, |spool| spool.close_within);
        began.checked_add(within).unwrap_or(began + LONG)
    }

    /// Where a source stands, as the database or the journal says, if need be after a wait until the deadline.
    pub(super) async fn position(&self, source: &Source, deadline: Instant) -> Result<Position, StoreError> {
        let bar = ProgressBar::new_spinner().with_message("waiting for the database");
        let position = loop {
            match self.store.position(source).await {
                Err(error) if is_away(&error) && Instant::now() < deadline => {
                    bar.tick();
                    sleep(LOOK).await;
                }
                position => break position,
            }
        };
        bar.finish_and_clear();
        position.map(|position| position.unwrap_or(Position::START))
    }

    /// Waits until nothing waits in the journal; says whether that is so.
    pub(super) async fn drained(&self, deadline: Instant, meanwhile: Meanwhile) -> bool {
        if self.config.spool.is_none() {
            return true;
        }
        let answer_by = at_least(deadline);
        let bar = ProgressBar::new_spinner();
        let drained = loop {
            // A database that fell silent takes long to say how it is.
            let Ok(health) = timeout_at(answer_by, self.store.health()).await else { break false };
            let (waiting, is_away) = match health {
                Ok(health) => (health.spool.map(|spool| spool.events), health.database.is_err()),
                Err(_) => (None, true),
            };
            if waiting == Some(0) {
                break true;
            }
            if Instant::now() >= deadline || (is_away && meanwhile == Meanwhile::Leave) {
                break false;
            }
            if let Some(waiting) = waiting {
                bar.set_message(format!(
                    "{} for the database",
                    counted(waiting, "event waits", "events wait")
                ));
            }
            bar.tick();
            sleep(LOOK).await;
        };
        bar.finish_and_clear();
        drained
    }

    /// Closes the store, whatever is wrong with its journal. A database that does not let go by the deadline is not waited
    /// for any longer.
    ///
    /// # Errors
    ///
    /// Those of closing a store that has no journal. With one, what went wrong is warned of, for there is more to tell.
    pub(super) async fn close(self, deadline: Instant) -> anyhow::Result<Left> {
        // An empty journal is removed, and what it knows with it.
        let dropped = lost(&self.config).map_or(0, |lost| lost.dropped);
        let mut unknown = false;
        match timeout_at(at_least(deadline), self.store.close()).await {
            Err(_) => tracing::warn!("the database does not answer, and is left as it is"),
            Ok(Err(error)) if self.config.spool.is_none() => return Err(error.into()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the store was not closed in order");
                unknown = true;
            }
            Ok(Ok(())) => {}
        }
        let mut left = left(&self.config, self.before).unwrap_or_else(|error| {
            tracing::warn!(%error, "nobody can tell what is left in the journal");
            Left { unknown: true, ..Left::default() }
        });
        left.dropped = left.dropped.max(dropped.saturating_sub(self.before.told));
        left.unknown |= unknown;
        Ok(left)
    }
}

/// The moment after this time from now.
pub(super) fn after(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or(now + LONG)
}

/// Whether an error means that the database is away, and may be back by itself.
pub(super) fn is_away(error: &StoreError) -> bool {
    error.is_retryable() && !error.is_lasting()
}

/// The deadline, or later: by then a database that is there has answered.
pub(super) fn at_least(deadline: Instant) -> Instant {
    deadline.max(Instant::now() + LEAST)
}

/// What the journal has lost by now, as its file tells it.
fn lost(config: &Config) -> Result<Lost, StoreError> {
    let Some(spool) = &config.spool else { return Ok(Lost::default()) };
    let found = look(&spool.path)?;
    Ok(found.map_or_else(Lost::default, |look| Lost {
        dropped: look.spool.dropped,
        told: look.told,
        last_aside: look.last_aside,
    }))
}

/// What the journal's file says is left, of what was not lost before.
fn left(config: &Config, before: Lost) -> Result<Left, StoreError> {
    let Some(spool) = &config.spool else { return Ok(Left::default()) };
    let Some(found) = look(&spool.path)? else { return Ok(Left::default()) };
    Ok(Left {
        waiting: found.spool.events,
        rejected: kept_aside_since(&spool.path, before.last_aside)?,
        dropped: found.spool.dropped.saturating_sub(before.told),
        unknown: false,
    })
}
