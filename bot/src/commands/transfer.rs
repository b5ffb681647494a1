//! What `copy` and `verify` share: two databases, a bar, and what comparing them found.

mod report;

use anyhow::Context as _;
use botstore::transfer::{self, Comparison, Progress, Table, TransferError};
use botstore::url::{DatabaseUrl, SqliteUrl};
use botstore::{BotStore, Config, Export};
use indicatif::ProgressBar;

pub(super) use report::{comparison_json, show_comparison};

use crate::bar::bar;
use crate::database::{self, Named, variable};
use crate::exit::advise;

/// The URL that is the argument `name`.
pub(super) fn url(name: &str, url: &str) -> anyhow::Result<DatabaseUrl> {
    url.parse::<DatabaseUrl>().with_context(|| name.to_owned())
}

/// How to open one of the two. Neither has a journal here: what waits in one is its recorder's to write. And no call is
/// warned of as slow: all of them are long.
pub(super) fn configure(url: &DatabaseUrl) -> anyhow::Result<Config> {
    let mut config = Config::from_environment(url.clone(), variable)?;
    (config.spool, config.slow) = (None, None);
    Ok(config)
}

/// Opens a database that is only read: its schema is left as it is.
pub(super) async fn open_to_read(url: &DatabaseUrl) -> anyhow::Result<Box<dyn BotStore>> {
    if let DatabaseUrl::Sqlite(SqliteUrl { path: Some(path), .. }) = url {
        let is_missing = matches!(path.try_exists(), Ok(false));
        anyhow::ensure!(!is_missing, "{}: there is no such file; check the URL", Named(url));
    }
    database::open(&configure(url)?.without_migration()).await
}

/// Refuses two URLs of one database.
pub(super) async fn refuse_same(from: &dyn BotStore, into: &dyn BotStore) -> anyhow::Result<()> {
    let (one, other) = (from.health().await?.database, into.health().await?.database);
    let is_same = matches!((&one, &other), (Ok(one), Ok(other)) if one.id == other.id);
    // A copy of the file, or a standby, has the same identity: it would be a copy of itself.
    anyhow::ensure!(!is_same, "both URLs lead to the same database, or to a backup of it");
    Ok(())
}

/// Compares all tables, and names so many rows of each that differ.
pub(super) async fn compare(
    from: &dyn Export,
    into: &dyn Export,
    named: usize,
) -> anyhow::Result<Vec<Comparison>> {
    let mut bars = Bars::new("comparing");
    let compared = transfer::compare(from, into, named, |progress| bars.show(progress)).await;
    bars.finish();
    compared.map_err(failed)
}

/// The error of a copy or a comparison, with what can be done.
pub(super) fn failed(error: TransferError) -> anyhow::Error {
    match &error {
        TransferError::Occupied { .. } => advise(
            error.into(),
            "name an empty database, or let go of what is there by --replace; an unfinished copy can only go on if \
             neither database was written since",
        ),
        TransferError::Store { .. } => error.into(),
    }
}

/// A bar for each table, one after the other.
pub(super) struct Bars {
    doing: &'static str,
    current: Option<(Table, ProgressBar)>,
}

impl Bars {
    pub(super) fn new(doing: &'static str) -> Self {
        Self { doing, current: None }
    }

    pub(super) fn show(&mut self, Progress { table, done, total }: Progress) {
        if self.current.as_ref().is_none_or(|(current, _)| *current != table) {
            self.finish();
            let bar = bar("rows", Some(total));
            bar.set_message(format!("{} {table}", self.doing));
            // What an earlier copy did says nothing of the pace.
            bar.set_position(done);
            bar.reset_eta();
            self.current = Some((table, bar));
        }
        if let Some((_, bar)) = &self.current {
            bar.set_length(total);
            bar.set_position(done);
        }
    }

    pub(super) fn finish(&mut self) {
        if let Some((_, bar)) = self.current.take() {
            bar.finish_and_clear();
        }
    }
}

/// Closes both, however the work ended.
pub(super) async fn close(from: &dyn BotStore, into: &dyn BotStore) -> anyhow::Result<()> {
    let (one, other) = (from.close().await, into.close().await);
    one.and(other).context("the databases were not closed in order")
}
