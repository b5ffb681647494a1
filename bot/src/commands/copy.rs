//! `copy`: all that one database holds, into another one.

use std::cell::Cell;
use std::path;
use std::time::Instant;

use anyhow::{Context as _, bail};
use botstore::transfer::{self, Comparison, Copied, Planned, Table, Work};
use botstore::url::{DatabaseUrl, SqliteUrl};
use botstore::{BotStore, Config, Export, Import, SchemaStatus};
use serde::Serialize;

use super::transfer::{
    Bars, close, compare, comparison_json, configure, failed, open_to_read, refuse_same, show_comparison, url,
};
use crate::bar::spinner;
use crate::cli::CopyArgs;
use crate::database::{self, Named};
use crate::exit::{Exit, advise};
use crate::format::{number, visible};
use crate::output::{Output, table};

/// Rows that differ after a copy, which should be none, of which so many are named.
const NAMED: usize = 10;

#[derive(Debug, Serialize)]
struct CopiedJson<T> {
    same: bool,
    written: u64,
    found: u64,
    seconds: f64,
    tables: T,
}

#[derive(Debug, Serialize)]
struct PlannedJson {
    table: &'static str,
    rows: u64,
    /// None, here and below: an older schema has to be brought up to date before anybody can tell.
    found: Option<u64>,
    /// Rows of the second database that would be removed.
    removed: Option<u64>,
}

/// How far a copy is, for the one who stops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Nothing was copied.
    Before,
    /// What the second database held is being removed.
    Removing,
    /// The second database holds the beginning of the copy.
    Copying,
}

/// What to do if there was an error while what was there was being removed.
const REMOVE_ON: &str = "a part of what the second database held is removed, or all of it; when the cause is mended, run \
                         the command again, with --replace, to go on";

/// What to do if there was an error after all that was there had been removed.
const GO_ON: &str = "what the second database held is removed; when the cause is mended, run the command again, without \
                     --replace, to go on where it stopped";

/// What to do after a copy was stopped.
pub(super) fn how_to_go_on(args: &CopyArgs, stage: Stage) -> &'static str {
    match stage {
        Stage::Before => "stopped before anything was copied: run the command again",
        Stage::Removing => {
            "stopped: a part of what the second database held is removed, or all of it; run the command again, with \
             --replace, to go on"
        }
        Stage::Copying if args.replace => {
            "stopped: what the second database held is removed; run the command again, without --replace, to go on where \
             it stopped"
        }
        Stage::Copying => "stopped: run the command again to go on where it stopped",
    }
}

/// Copies, and says in `stage` how far it is.
pub(super) async fn run(args: &CopyArgs, stage: &Cell<Stage>, output: Output) -> anyhow::Result<Exit> {
    let (from, to) = (url("--from", &args.from)?, url("--to", &args.to)?);
    let from = open_to_read(&from).await?;
    if args.dry_run {
        let planned = dry_run(&*from, &to, args.replace, output).await;
        from.close().await?;
        return planned;
    }
    let into = database::open(&configure(&to)?).await?;
    let outcome = both(&*from, &*into, args.replace, stage, output).await;
    let closed = close(&*from, &*into).await;
    // What becomes of the rows comes first.
    let exit = outcome?;
    closed?;
    Ok(exit)
}

async fn both(
    from: &dyn BotStore,
    into: &dyn BotStore,
    replace: bool,
    stage: &Cell<Stage>,
    output: Output,
) -> anyhow::Result<Exit> {
    refuse_same(from, into).await?;
    if replace {
        replaceable(from, into).await.context("nothing was removed or copied")?;
        stage.set(Stage::Removing);
        empty(into).await.map_err(|error| advise(error, REMOVE_ON))?;
    }
    stage.set(Stage::Copying);
    let outcome = filled(from, into, output).await;
    // What was copied until now would be removed once more.
    if replace { outcome.map_err(|error| advise(error, GO_ON)) } else { outcome }
}

async fn filled(from: &dyn BotStore, into: &dyn BotStore, output: Output) -> anyhow::Result<Exit> {
    let begun = Instant::now();
    let mut bars = Bars::new("copying");
    let copied = transfer::copy(from, into, |progress| bars.show(progress)).await;
    bars.finish();
    let copied = copied.map_err(failed)?;
    let seconds = begun.elapsed().as_secs_f64();
    let compared = compare(from, into, NAMED).await?;
    told(copied, seconds, &compared, output)
}

fn told(copied: Copied, seconds: f64, compared: &[Comparison], output: Output) -> anyhow::Result<Exit> {
    let same = compared.iter().all(Comparison::is_same);
    let Copied { written, found } = copied;
    let json = CopiedJson { same, written, found, seconds, tables: comparison_json(compared) };
    output.print(&json, || {
        let before = match found {
            0 => String::new(),
            found => format!(", {} were there", number(found)),
        };
        let verdict = match same {
            true => "both have the same content",
            false => "the two differ: was one of them written meanwhile?",
        };
        let (shown, written) = (show_comparison(compared), number(written));
        format!("{shown}\n{written} rows copied in {seconds:.1} s{before}; {verdict}")
    })?;
    Ok(if same { Exit::Done } else { Exit::Unwell })
}

/// Asks for all rights, and reads all that is to be copied: what it replaces goes only if all the rest can be done.
async fn replaceable(from: &dyn Export, into: &dyn BotStore) -> anyhow::Result<()> {
    if let Ok(database) = into.health().await?.database
        && let Some(why) = database.read_only
    {
        bail!("the second database takes no writes: {why}");
    }
    into.check_rights(Work::Replace).await?;
    let mut bars = Bars::new("reading");
    let read = transfer::read_through(from, |progress| bars.show(progress)).await;
    bars.finish();
    read.map_err(failed)
}

/// Removes all that a store holds.
async fn empty(store: &dyn Import) -> anyhow::Result<()> {
    let spinner = spinner();
    for table in Table::ALL {
        spinner.set_message(format!("removing {table}"));
        while store.remove_rows(table).await? {}
    }
    spinner.finish_and_clear();
    Ok(())
}

/// What would be done with a table.
struct Plan {
    copied: Planned,
    /// Rows of the second database that would be removed.
    removed: u64,
}

/// Says what there is to copy and to remove, and whether it can be. The other database is neither made nor changed.
async fn dry_run(
    from: &dyn BotStore,
    to: &DatabaseUrl,
    replace: bool,
    output: Output,
) -> anyhow::Result<Exit> {
    let config = configure(to)?;
    let schema = botstore::schema(&config).await.with_context(|| Named(to).to_string())?;
    let is_older = schema.refusal.is_none() && (1..schema.newest).contains(&schema.version);
    let planned = if is_older || is_new(&schema) {
        can_be_made(to).with_context(|| Named(to).to_string())?;
        anew(from).await?
    } else {
        let into = open_to_read(to).await?;
        let planned = plan(from, &*into, replace).await;
        into.close().await?;
        planned?
    };
    let known = |rows: u64| (!is_older).then_some(rows);
    let json = planned.iter().map(|Plan { copied: Planned { table, rows, found, .. }, removed }| {
        let (found, removed) = (known(*found), known(*removed));
        PlannedJson { table: table.name(), rows: *rows, found, removed }
    });
    let json: Vec<_> = json.collect();
    if is_older {
        let (version, newest) = (schema.version, schema.newest);
        output.note(&format!(
            "the schema of {} will be brought up to date, from version {version} to {newest}; what is there already \
             cannot be told before",
            visible(&Named(to).to_string())
        ));
    }
    output.print(&json, || {
        let last = if replace { "to be removed" } else { "there already" };
        let rows = json.iter().map(|PlannedJson { table, rows, found, removed }| {
            let there = if replace { removed } else { found };
            vec![(*table).to_owned(), number(*rows), there.map_or_else(|| "?".to_owned(), number)]
        });
        let shown = table(&["table", "rows", last], &[1, 2], rows);
        let nothing =
            if replace { "nothing was removed from, or copied into," } else { "nothing was copied into" };
        format!("{shown}\n{nothing} {}", visible(&Named(to).to_string()))
    })?;
    Ok(Exit::Done)
}

async fn plan(from: &dyn BotStore, into: &dyn BotStore, replace: bool) -> anyhow::Result<Vec<Plan>> {
    refuse_same(from, into).await?;
    if !replace {
        let planned = transfer::plan(from, into).await.map_err(failed)?;
        return Ok(planned.into_iter().map(|copied| Plan { copied, removed: 0 }).collect());
    }
    replaceable(from, into).await?;
    let mut planned = anew(from).await?;
    for plan in &mut planned {
        plan.removed = held(into, plan.copied.table).await?;
    }
    Ok(planned)
}

/// What would be done with a new database.
async fn anew(from: &dyn BotStore) -> anyhow::Result<Vec<Plan>> {
    // What a new database holds.
    let nothing = botstore::open(&Config::new(DatabaseUrl::Sqlite(SqliteUrl::memory()))).await?;
    let planned = transfer::plan(from, &*nothing).await.map_err(failed)?;
    Ok(planned.into_iter().map(|copied| Plan { copied, removed: 0 }).collect())
}

/// How many rows a table has that a new database has not.
async fn held(store: &dyn Export, table: Table) -> anyhow::Result<u64> {
    if table.is_single() {
        let page = store.export_rows(table, None).await?;
        return Ok(u64::from(page.rows().first() != table.initial().as_ref()));
    }
    Ok(store.row_count(table).await?.get().unsigned_abs())
}

/// Whether there is no database yet, or nothing in it.
fn is_new(schema: &SchemaStatus) -> bool {
    schema.refusal.is_none() && schema.version == 0
}

/// A file is made, and a directory is not.
fn can_be_made(to: &DatabaseUrl) -> anyhow::Result<()> {
    let DatabaseUrl::Sqlite(SqliteUrl { path: Some(path), .. }) = to else { return Ok(()) };
    let is_there = path::absolute(path)?.parent().is_some_and(path::Path::is_dir);
    anyhow::ensure!(is_there, "its directory does not exist; make it first");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_replaced_is_not_replaced_again() {
        let args = |replace| CopyArgs { from: String::new(), to: String::new(), dry_run: false, replace };
        let note = |replace, stage| how_to_go_on(&args(replace), stage);
        assert!(note(true, Stage::Copying).contains("is removed; run the command again, without --replace"));
        let removing = note(true, Stage::Removing);
        assert!(
            removing.contains("is removed, or all of it; run the command again, with --replace"),
            "{removing}"
        );
        for note in [note(true, Stage::Before), note(false, Stage::Before), note(false, Stage::Copying)] {
            assert!(note.contains("run the command again") && !note.contains("--replace"), "{note}");
        }
    }
}
