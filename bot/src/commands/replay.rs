//! `replay`: records the events of files, each exactly once.
//!
//! Reading and writing overlap: a thread of its own reads and checks, and hands over batches. Each batch carries a
//! cursor, so a replay that was killed goes on where the database says that it stopped.

mod progress;
mod reader;
mod summary;

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use botstore::model::{Batch, Position, Source};
use botstore::{BotStore, Config, ErrorKind, Ingest, InvalidInput};

use self::progress::Progress;
use self::reader::{BadLine, Item, Recorded};
use self::summary::Totals;
use super::arrival;
use super::input::{self, Input, Survey};
use crate::cli::ReplayArgs;
use crate::exit::{Exit, advise};
use crate::format::number;
use crate::output::Output;

pub(super) async fn run(
    store: &dyn BotStore,
    config: &Config,
    args: &ReplayArgs,
    output: Output,
) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let mut totals = Totals::default();
    let mut ends = Vec::new();
    for path in &args.files {
        let replayed = replay_file(store, config, path, args).await?;
        totals.add(replayed.totals);
        ends.push(replayed.end);
    }
    totals.waiting = arrival::wait(store, args.wait).await?;
    if totals.waiting == 0 {
        for (source, end) in &ends {
            check(store, source, *end).await?;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    output
        .print(&totals.json(store.backend(), seconds), || totals.text(&args.files, &config.url, seconds))?;
    Ok(if totals.waiting == 0 { Exit::Done } else { Exit::Waiting })
}

/// Checks that the database has all of a source, whatever it says of what waited in the journal.
async fn check(store: &dyn Ingest, source: &Source, end: Position) -> anyhow::Result<()> {
    let stands_at = store.position(source).await?.unwrap_or(Position::START);
    if stands_at < end {
        let error = anyhow::anyhow!(
            "of the source {source}, the database has lines 1 to {} of {}",
            number(stands_at.get()),
            number(end.get())
        );
        return Err(advise(error, "run the command again to go on from there"));
    }
    Ok(())
}

/// What became of a file.
struct Replayed {
    totals: Totals,
    /// Its source, and where that must stand now.
    end: (Source, Position),
}

async fn replay_file(
    store: &dyn Ingest,
    config: &Config,
    path: &Path,
    args: &ReplayArgs,
) -> anyhow::Result<Replayed> {
    let name = input::name(path);
    let named = || name.clone();
    let input = Input::open(path).with_context(named)?;
    let (input, survey) = tokio::task::spawn_blocking(|| input.survey()).await?.with_context(named)?;
    let source = source(args, survey.as_ref()).with_context(named)?;
    let stood_at = match store.position(&source).await {
        // With a journal everything can be recorded again: what the database has is skipped when it is back.
        Err(error) if error.is_retryable() && config.spool.is_some() => Position::START,
        stood_at => stood_at.with_context(named)?.unwrap_or(Position::START),
    };
    let (bytes, lines) = survey.map(|survey| (survey.bytes, survey.lines)).unzip();
    let mut items =
        reader::start(input, bytes, source.clone(), stood_at, args.source.is_some()).with_context(named)?;
    let mut replay = Replay {
        store,
        args,
        progress: Progress::new(&name, lines),
        name: &name,
        source,
        stood_at,
        stands_at: stood_at,
        totals: Totals::default(),
    };
    while let Some(item) = items.recv().await {
        match item.with_context(named)? {
            Item::Recorded(recorded) => replay.pass(recorded),
            Item::Batch(batch) => replay.record(&batch).await?,
            Item::Bad(bad) => replay.leave_out(&bad)?,
            Item::Unfinished => replay.progress.unfinished(),
            Item::End { lines } => return replay.end(lines),
        }
    }
    anyhow::bail!("{name}: reading stopped before the end")
}

/// The name that the user gave, or the content's digest.
fn source(args: &ReplayArgs, survey: Option<&Survey>) -> anyhow::Result<Source> {
    match (&args.source, survey) {
        (Some(source), _) => Ok(source.clone()),
        (None, Some(survey)) => Ok(Source::new(&survey.digest)?),
        (None, None) => {
            Err(InvalidInput::new("source", "is needed for what can be read only once: --source NAME").into())
        }
    }
}

/// The replay of one source.
struct Replay<'a> {
    store: &'a dyn Ingest,
    args: &'a ReplayArgs,
    progress: Progress,
    name: &'a str,
    source: Source,
    /// The line up to which the source was recorded at first.
    stood_at: Position,
    /// The line up to which it is recorded now.
    stands_at: Position,
    totals: Totals,
}

impl Replay<'_> {
    fn pass(&mut self, recorded: Recorded) {
        self.totals.skipped += recorded.events;
        self.totals.bad += recorded.bad;
        self.progress.pass(recorded.line);
    }

    async fn record(&mut self, batch: &Batch) -> anyhow::Result<()> {
        let recorded = self.store.record(batch).await.map_err(|error| {
            let advice = match error.kind() {
                ErrorKind::Conflict => {
                    "something else moved this source back: run the command again to go on from there"
                }
                _ => "run the command again to go on where it stopped",
            };
            advise(anyhow::Error::from(error).context(self.name.to_owned()), advice)
        })?;
        self.totals.applied += recorded.applied;
        self.totals.skipped += recorded.skipped;
        self.totals.spooled += recorded.spooled;
        if let Some(cursor) = batch.cursor() {
            self.stands_at = cursor.last();
            self.progress.reach(self.stands_at);
        }
        Ok(())
    }

    /// Leaves a bad line out, if the user wants that.
    fn leave_out(&mut self, bad: &BadLine) -> anyhow::Result<()> {
        if !self.args.skip_bad {
            return Err(advise(anyhow::anyhow!("{}:{bad}", self.name), self.ways_on()));
        }
        self.totals.bad += 1;
        self.progress.warn(bad);
        Ok(())
    }

    /// What can be done about a bad line. A file that is corrected has another digest, and all of it would be recorded
    /// anew: so where some of it is recorded, its source has to be named.
    fn ways_on(&self) -> String {
        let recorded = format!("lines 1 to {} are recorded", number(self.stands_at.get()));
        if self.stands_at == Position::START {
            "nothing of it is recorded: correct the line, or leave bad lines out with --skip-bad".to_owned()
        } else if self.args.source.is_some() {
            format!(
                "{recorded}: correct the line, or leave bad lines out with --skip-bad, and run the command again"
            )
        } else {
            format!(
                "{recorded}: to go on, leave bad lines out with --skip-bad; or correct the line, and say that the file \
                 is still the same source with --source {}",
                self.source
            )
        }
    }

    /// The totals, unless the input ended before the line up to which its source was recorded: then it is another one,
    /// and to count its lines as recorded would be to lose them.
    fn end(self, lines: i64) -> anyhow::Result<Replayed> {
        self.progress.finish();
        let stood_at = self.stood_at.get();
        anyhow::ensure!(
            lines >= stood_at,
            "{} has {} lines, but of the source {} {} are recorded: if it is another log, give it another --source",
            self.name,
            number(lines),
            self.source,
            number(stood_at)
        );
        Ok(Replayed { totals: self.totals, end: (self.source, self.stands_at) })
    }
}
