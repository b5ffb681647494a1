//! `replay`: records the events of files, each exactly once.
//!
//! Reading and writing overlap: a thread of its own reads and checks, and hands over batches. Each batch carries a
//! cursor, so a replay that was killed goes on where the database says that it stopped.

mod progress;
mod reader;
mod summary;

use std::path::Path;

use anyhow::Context as _;
use botstore::model::{Batch, Position, Source};
use botstore::{Config, ErrorKind, Ingest, InvalidInput};
use tokio::select;
use tokio::time::Instant;

use self::progress::Progress;
use self::reader::{BadLine, Item, Recorded};
use self::summary::Totals;
use super::input::{self, Input, Survey};
use super::recording::{Meanwhile, Recording, after, is_away};
use crate::cli::ReplayArgs;
use crate::exit::{Exit, advise};
use crate::format::number;
use crate::interrupt::{Interrupt, Signal};
use crate::output::Output;

pub(super) async fn run(config: &Config, args: &ReplayArgs, output: Output) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen()?;
    let started = Instant::now();
    let recording = select! {
        recording = Recording::open(config) => recording?,
        signal = interrupt.wait() => return Ok(Exit::Interrupted(signal)),
    };
    // No store minds that a call is left where it waits.
    let ended = select! {
        totals = replay(&recording, args) => totals.map(Ended::Whole),
        signal = interrupt.wait() => Ok(Ended::Stopped(signal)),
    };
    let is_whole = matches!(ended, Ok(Ended::Whole(_)));
    let deadline = recording.deadline(Instant::now());
    if !is_whole {
        recording.drained(deadline, Meanwhile::Leave).await;
    }
    let backend = recording.store().backend();
    let left = recording.close(deadline).await?;
    if !is_whole {
        left.told().for_each(|left| output.note(&left));
    }
    match ended? {
        Ended::Whole(totals) => {
            let totals = Totals { left, ..totals };
            let seconds = started.elapsed().as_secs_f64();
            output
                .print(&totals.json(backend, seconds), || totals.text(&args.files, &config.url, seconds))?;
            Ok(if totals.arrived && !left.is_any() { Exit::Done } else { Exit::NotArrived })
        }
        Ended::Stopped(signal) => {
            output.note("stopped: run the command again to go on where it stopped");
            Ok(Exit::Interrupted(signal))
        }
    }
}

/// How far it came.
enum Ended {
    /// To the end of all files.
    Whole(Totals),
    Stopped(Signal),
}

/// Records all files, and waits until the database has all of them.
async fn replay(recording: &Recording, args: &ReplayArgs) -> anyhow::Result<Totals> {
    let mut totals = Totals::default();
    let mut ends = Vec::new();
    for path in &args.files {
        let replayed = replay_file(recording, path, args).await?;
        totals.add(replayed.totals);
        ends.push(replayed.end);
    }
    totals.arrived = arrived(recording, &ends, after(args.wait)).await?;
    Ok(totals)
}

/// Whether the database says that it has all of these sources, by the deadline if it is away.
async fn arrived(
    recording: &Recording,
    ends: &[(Source, Position)],
    deadline: Instant,
) -> anyhow::Result<bool> {
    if !recording.drained(deadline, Meanwhile::Wait).await {
        return Ok(false);
    }
    let mut all = true;
    for (source, end) in ends {
        match recording.position(source, deadline).await {
            Ok(stands_at) if stands_at >= *end => {}
            Ok(stands_at) => {
                let (has, of) = (number(stands_at.get()), number(end.get()));
                tracing::warn!("of the source {source}, the database has lines 1 to {has} of {of}");
                all = false;
            }
            Err(error) if is_away(&error) => {
                tracing::warn!(%error, "the database does not say whether it has all of it");
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(all)
}

/// What became of a file.
struct Replayed {
    totals: Totals,
    /// Its source, and where that must stand now.
    end: (Source, Position),
}

async fn replay_file(recording: &Recording, path: &Path, args: &ReplayArgs) -> anyhow::Result<Replayed> {
    let name = input::name(path);
    let named = || name.clone();
    let input = Input::open(path).with_context(named)?;
    let (input, survey) = tokio::task::spawn_blocking(|| input.survey()).await?.with_context(named)?;
    let source = source(args, survey.as_ref()).with_context(named)?;
    // Nobody knows where to begin before the database, or the journal, says where the source stands: of another log of
    // the same name, lines would be taken for recorded.
    let stood_at = recording.position(&source, after(args.wait)).await.map_err(|error| {
        let is_away = is_away(&error);
        let error = anyhow::Error::from(error).context(name.clone());
        if !is_away {
            return error;
        }
        advise(
            error,
            "nothing was read: run the command again when the database is back, or wait longer (--wait)",
        )
    })?;
    let (bytes, lines) = survey.map(|survey| (survey.bytes, survey.lines)).unzip();
    let mut items =
        reader::start(input, bytes, source.clone(), stood_at, args.source.is_some()).with_context(named)?;
    let mut replay = Replay {
        store: recording.store(),
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
