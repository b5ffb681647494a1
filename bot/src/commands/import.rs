//! `import`: takes the Python bot's database over.

mod rejects;
mod report;
mod source;

use anyhow::{Context as _, anyhow, bail};
use botstore::transfer::{self, Comparison, Difference, TransferError};
use botstore::{BotStore, Config};
use botstore_legacy::{CheckError, Checked};
use tokio::select;

use self::rejects::Rejects;
use self::report::{Arrived, Report};
use self::source::Source;
use super::transfer::Bars;
use super::without_journal;
use crate::cli::ImportArgs;
use crate::database::{self, Named};
use crate::exit::{Exit, advise};
use crate::interrupt::Interrupt;
use crate::output::Output;

/// Differences that are named if the databases are not the same in the end.
const NAMED: usize = 5;

pub(super) async fn run(config: &Config, args: &ImportArgs, output: Output) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen().context("signals cannot be heard")?;
    let source = Source::of(&args.source)?;
    source.refuse_same(&config.url)?;
    let rejects = Rejects::into_file(args.rejects.as_deref(), args.dry_run);
    if let Some(file) = rejects.file() {
        database::refuse_own(config, file)?;
        source.refuse_own(file)?;
    }
    let (mut report, checked) = select! {
        checked = check(&source, rejects) => checked?,
        signal = interrupt.wait() => return Ok(Exit::Interrupted(signal)),
    };
    if !args.dry_run {
        let into = without_journal(config.clone());
        let store = select! {
            store = database::open(&into) => store?,
            signal = interrupt.wait() => return Ok(Exit::Interrupted(signal)),
        };
        let moved = select! {
            moved = copy_whole(&checked, &*store) => Ok(moved),
            signal = interrupt.wait() => Err(signal),
        };
        let closed = store.close().await;
        match moved {
            Err(signal) => {
                output.note("stopped: run the command again to go on where it stopped");
                return Ok(Exit::Interrupted(signal));
            }
            Ok(moved) => report.arrived(Named(&config.url).to_string(), moved?),
        }
        closed?;
    }
    report.print(output)?;
    Ok(if report.is_whole() { Exit::Done } else { Exit::Incomplete })
}

/// Looks at every row, and keeps those that are not valid.
async fn check(source: &Source, mut rejects: Rejects) -> anyhow::Result<(Report, Checked)> {
    let old = source.open().await?;
    let mut report = Report::of(source.name(), &old);
    let mut bars = Bars::new("checking");
    let checked = old.check(|progress| bars.show(progress), |reject| rejects.keep(&reject)).await;
    bars.finish();
    let checked = checked.map_err(|error| match error {
        CheckError::Store(error) => error.into(),
        CheckError::Reject(error) => rejects.failed(error),
    })?;
    report.checked(&checked, rejects.finish()?);
    Ok((report, checked))
}

/// [Copies](copy), if nobody writes to the old database meanwhile.
async fn copy_whole(checked: &Checked, store: &dyn BotStore) -> anyhow::Result<Arrived> {
    let arrived = copy(checked, store).await;
    // Whatever went wrong then went wrong because of that.
    checked.verify_unchanged().await.map_err(|error| {
        advise(error.into(), "what was imported may be a mixture: import again, into another, empty database")
    })?;
    arrived
}

/// Writes the valid rows, and compares what is there then.
async fn copy(checked: &Checked, store: &dyn BotStore) -> anyhow::Result<Arrived> {
    let mut bars = Bars::new("importing");
    let copied = transfer::copy(checked, store, |progress| bars.show(progress)).await;
    bars.finish();
    let copied = copied.map_err(explained)?;
    let mut bars = Bars::new("comparing");
    let compared = transfer::compare(checked, store, NAMED, |progress| bars.show(progress)).await;
    bars.finish();
    let compared = compared.map_err(explained)?;
    for comparison in &compared {
        refuse_differences(checked, comparison)?;
    }
    Ok(Arrived { found: copied.found, compared })
}

fn explained(error: TransferError) -> anyhow::Error {
    match error {
        TransferError::Occupied { table, key } => {
            let error = anyhow!("the database has a row {key} in {table} that the old one has not");
            advise(
                error,
                "an import needs an empty database: name a new one in DATABASE_URL. Nothing was written",
            )
        }
        // Each error says of which database it is.
        TransferError::Store { error, .. } => error.into(),
    }
}

/// What was read to be checked, what was read to be written, and what is there have to be the same.
fn refuse_differences(checked: &Checked, comparison: &Comparison) -> anyhow::Result<()> {
    let table = comparison.table;
    let tally = checked.tallies().iter().find(|tally| tally.table == table);
    let valid = tally.map_or(0, |tally| tally.valid);
    if comparison.from.rows != valid.max(u64::from(table.is_single())) {
        bail!(
            "the old database has {valid} valid rows of {table}, and {} when they were read again: did somebody write \
             to it? Import it into another, empty database",
            comparison.from.rows
        );
    }
    if comparison.is_same() {
        return Ok(());
    }
    let named: Vec<_> = comparison
        .differences
        .iter()
        .map(|(Difference::Only(_, key) | Difference::Columns(key, _))| key.to_string())
        .collect();
    bail!("{table} is not the same in both databases: {}; did somebody write to it?", named.join(", "))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    #[tokio::test]
    async fn what_somebody_writes_while_rows_are_copied_is_told() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("old.db");
        let old = Connection::open(&path).unwrap();
        old.pragma_update(None, "journal_mode", "WAL").unwrap();
        let columns = "id INTEGER PRIMARY KEY, timestamp INTEGER, username TEXT, message TEXT";
        old.execute_batch(&format!("CREATE TABLE recent_chat ({columns})")).unwrap();
        drop(old);
        let (_, checked) = check(&Source::File(path.clone()), Rejects::into_file(None, true)).await.unwrap();
        let store = database::open(&Config::new("sqlite://".parse().unwrap())).await.unwrap();
        copy_whole(&checked, &*store).await.unwrap();
        let bot = Connection::open(&path).unwrap();
        bot.execute_batch("INSERT INTO recent_chat VALUES (1, 1000, 'ada', 'hello')").unwrap();
        drop(bot);
        let Err(error) = copy_whole(&checked, &*store).await else { panic!("it was not told") };
        assert!(error.to_string().contains("while it was read: stop the bot"), "{error}");
        store.close().await.unwrap();
    }
}
