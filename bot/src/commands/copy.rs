//! `copy`: all that one database holds, into another one.

use std::time::Instant;

use anyhow::Context as _;
use botstore::transfer::{self, Comparison, Copied, Table};
use botstore::url::{DatabaseUrl, SqliteUrl};
use botstore::{BotStore, Config, Import};
use serde::Serialize;

use super::transfer::{
    Bars, close, compare, comparison_json, configure, failed, open_to_read, refuse_same, show_comparison, url,
};
use crate::cli::CopyArgs;
use crate::database::{self, Named};
use crate::exit::Exit;
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
    found: u64,
}

pub(super) async fn run(args: &CopyArgs, output: Output) -> anyhow::Result<Exit> {
    let (from, to) = (url("--from", &args.from)?, url("--to", &args.to)?);
    let from = open_to_read(&from).await?;
    if args.dry_run {
        let planned = dry_run(&*from, &to, output).await;
        from.close().await?;
        return planned;
    }
    let into = database::open(&configure(&to)?).await?;
    let outcome = both(&*from, &*into, args.replace, output).await;
    close(&*from, &*into).await?;
    outcome
}

async fn both(
    from: &dyn BotStore,
    into: &dyn BotStore,
    replace: bool,
    output: Output,
) -> anyhow::Result<Exit> {
    refuse_same(from, into).await?;
    if replace {
        empty(into).await?;
    }
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

/// Removes all that a store holds.
async fn empty(store: &dyn Import) -> anyhow::Result<()> {
    for table in Table::ALL {
        while store.remove_rows(table).await? {}
    }
    Ok(())
}

/// Says what there is to copy, and whether it can be. The other database is neither made nor changed.
async fn dry_run(from: &dyn BotStore, to: &DatabaseUrl, output: Output) -> anyhow::Result<Exit> {
    let planned = match there(to).await? {
        Some(into) => {
            let planned = transfer::plan(from, &*into).await.map_err(failed);
            into.close().await?;
            planned?
        }
        None => transfer::plan(from, &*nothing().await?).await?,
    };
    let json: Vec<_> = planned
        .iter()
        .map(|planned| PlannedJson { table: planned.table.name(), rows: planned.rows, found: planned.found })
        .collect();
    output.print(&json, || {
        let rows = planned
            .iter()
            .map(|planned| vec![planned.table.to_string(), number(planned.rows), number(planned.found)]);
        let shown = table(&["table", "rows", "there already"], &[1, 2], rows);
        format!("{shown}\nnothing was copied into {}", visible(&Named(to).to_string()))
    })?;
    Ok(Exit::Done)
}

/// The database that would be copied into, if it is there and has our schema.
async fn there(to: &DatabaseUrl) -> anyhow::Result<Option<Box<dyn BotStore>>> {
    let config = configure(to)?;
    let schema = botstore::schema(&config).await.with_context(|| Named(to).to_string())?;
    match schema.refusal {
        None if schema.version == 0 => Ok(None),
        _ => open_to_read(to).await.map(Some),
    }
}

/// What a new database holds.
async fn nothing() -> anyhow::Result<Box<dyn BotStore>> {
    Ok(botstore::open(&Config::new(DatabaseUrl::Sqlite(SqliteUrl::memory()))).await?)
}
