//! `record`: the recorder of a living channel, which reads events as they happen.
//!
//! Each run is a source of its own, and a line's number is its event's place in it: so a batch whose answer was lost can
//! be sent again.

use std::collections::VecDeque;
use std::io;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use botstore::model::{Batch, ChannelEvent, CloseSessions, Position, Source};
use botstore::{BotStore, Config, ErrorKind, InvalidInput, StoreError};
use serde::Serialize;
use tokio::select;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::input::Input;
use super::recording::{Left, Meanwhile, Recording, at_least};
use crate::cli::RecordArgs;
use crate::clock::now;
use crate::exit::Exit;
use crate::format::{counted, visible};
use crate::interrupt::{Interrupt, Signal};
use crate::output::Output;

/// How long to wait until what could not be recorded is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// How long the channel waits at the start, where somebody may hold what is to be written.
const BRIEFLY: Duration = Duration::from_secs(2);

/// A line's number, from 1, and what it says.
type Line = (i64, Result<ChannelEvent, InvalidInput>);

pub(super) async fn run(config: &Config, args: &RecordArgs, output: Output) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen()?;
    let recording = select! {
        recording = Recording::open(config) => recording?,
        signal = interrupt.wait() => return Ok(Exit::Interrupted(signal)),
    };
    let recorded = record(recording.store(), args, &interrupt).await;
    // All that is left to do shares this time.
    let ends_since = recorded.as_ref().map_or_else(|_| Instant::now(), |recorded| recorded.ends_since);
    let deadline = recording.deadline(ends_since);
    let meanwhile = if recorded.is_ok() { Meanwhile::Wait } else { Meanwhile::Leave };
    let drained = recording.drained(deadline, meanwhile).await;
    if let Ok(Recorded { sessions_of_before, .. }) = &recorded
        && !args.keep_sessions
    {
        // Those that a crash left open did not last until now; nor is it known of the others, then, which they are.
        let how = if *sessions_of_before { CloseSessions::LastSign } else { CloseSessions::At(now()?) };
        let end = close_sessions(recording.store(), how, "the next start");
        if !drained || timeout_at(at_least(deadline), end).await.is_err() {
            tracing::warn!("the database did not answer in time: sessions stay open until the next start");
        }
    }
    let left = recording.close(deadline).await?;
    if recorded.is_err() {
        left.told().for_each(|left| output.note(&left));
    }
    let Recorded { mut sums, ended_by, .. } = recorded?;
    sums.left = left;
    output.print(&sums, || sums.text())?;
    Ok(match ended_by {
        _ if left.is_any() => Exit::NotArrived,
        Some(signal) => Exit::Interrupted(signal),
        None => Exit::Done,
    })
}

/// What was recorded, and how that ended.
struct Recorded {
    sums: Sums,
    /// The signal that ended it; none: the input did.
    ended_by: Option<Signal>,
    ends_since: Instant,
    /// Whether sessions may be open that a crash left: the database was away at the start.
    sessions_of_before: bool,
}

/// Records until the input ends, or a signal ends it.
async fn record(store: &dyn BotStore, args: &RecordArgs, interrupt: &Interrupt) -> anyhow::Result<Recorded> {
    let mut sessions_of_before = true;
    if !args.keep_sessions {
        // What a crash left open ends where somebody was last seen.
        let closed = close_sessions(store, CloseSessions::LastSign, "the end");
        select! {
            closed = timeout(BRIEFLY, closed) => match closed {
                Ok(closed) => sessions_of_before = !closed,
                Err(_) => tracing::warn!("sessions stay open until the end: they were not closed within {BRIEFLY:?}"),
            },
            _ = interrupt.wait() => {}
        }
    }
    let mut recorder = Recorder {
        store,
        interrupt,
        source: own_source()?,
        stands_at: Position::START,
        sums: Sums::default(),
    };
    let mut lines = read().context("standard input cannot be read")?;
    let mut arrived = Vec::new();
    let ended_by = loop {
        let count = select! {
            count = lines.recv_many(&mut arrived, Batch::MAX_EVENTS) => count,
            signal = interrupt.wait() => break Some(signal),
        };
        if count == 0 {
            break None;
        }
        recorder.record(arrived.drain(..)).await?;
    };
    let ends_since = interrupt.since().unwrap_or_else(Instant::now);
    // What was read is recorded, whoever asked for the end; and nothing more is read.
    lines.close();
    while let Ok(line) = lines.try_recv() {
        arrived.push(line);
    }
    recorder.record(arrived.drain(..)).await?;
    Ok(Recorded { sums: recorder.sums, ended_by, ends_since, sessions_of_before })
}

/// Closes open sessions if the database is there, and says whether it was. If it was not, that is done later.
async fn close_sessions(store: &dyn BotStore, how: CloseSessions, later: &str) -> bool {
    let closed = store.close_sessions(how).await;
    if let Err(error) = &closed {
        tracing::warn!(%error, "sessions stay open until {later}");
    }
    closed.is_ok()
}

/// Reads standard input on a thread of its own: a task that waits for it would hold up the end of the program.
fn read() -> io::Result<mpsc::Receiver<io::Result<Line>>> {
    let (lines, receiver) = mpsc::channel(Batch::MAX_EVENTS);
    thread::Builder::new().name("reader".to_owned()).spawn(move || {
        if let Err(error) = hand_over(&lines) {
            // Nobody waits for it any more if the program is about to end.
            let _ = lines.blocking_send(Err(error));
        }
    })?;
    Ok(receiver)
}

/// Hands over lines until there are no more, or nobody wants them any more. Empty ones are none.
fn hand_over(to: &mpsc::Sender<io::Result<Line>>) -> io::Result<()> {
    let mut lines = Input::StandardInput.lines(None)?;
    while let Some((number, line)) = lines.next()? {
        if line.as_ref().is_ok_and(|text| text.trim().is_empty()) {
            continue;
        }
        if to.blocking_send(Ok((number, line.and_then(ChannelEvent::from_json)))).is_err() {
            break;
        }
    }
    Ok(())
}

/// A source that no run had before.
fn own_source() -> anyhow::Result<Source> {
    Source::private("record").map_err(|error| anyhow::anyhow!("no random numbers: {error}"))
}

struct Recorder<'a> {
    store: &'a dyn BotStore,
    interrupt: &'a Interrupt,
    source: Source,
    stands_at: Position,
    sums: Sums,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Sums {
    recorded: u64,
    #[serde(flatten)]
    left: Left,
    bad: u64,
}

impl Sums {
    fn text(self) -> String {
        let mut text = format!("Recorded {}", counted(self.recorded, "event", "events"));
        for left in self.left.told() {
            text += "; ";
            text += &left;
        }
        if self.bad > 0 {
            text += &format!("; {} left out", counted(self.bad, "bad line was", "bad lines were"));
        }
        text
    }
}

impl Recorder<'_> {
    async fn record(&mut self, lines: impl Iterator<Item = io::Result<Line>>) -> anyhow::Result<()> {
        let mut events = VecDeque::new();
        let mut failed = None;
        for line in lines {
            match line {
                Ok((number, Ok(event))) => events.push_back((Position::new(number)?, event)),
                Ok((number, Err(invalid))) => self.leave_out(number, &invalid),
                Err(error) => failed = Some(error),
            }
        }
        let mut most = Batch::MAX_EVENTS;
        while !events.is_empty() {
            let some: Vec<_> = events.iter().take(most).cloned().collect();
            let size = some.len();
            match self.write(&self.batch(some.clone())?).await {
                // A journal that has no room for all of them may have it for some.
                Err(error) if size > 1 && error.is_lasting() && may_pass(&error) => {
                    most = size / 2;
                    continue;
                }
                Err(error) if *error.kind() == ErrorKind::Conflict => {
                    // The database was restored from a backup, or a standby took over that lacked the latest: what is
                    // missing is not there any more, and the channel goes on.
                    tracing::warn!(%error, "the database is not as it was: going on as a new source");
                    (self.source, self.stands_at) = (own_source()?, Position::START);
                    self.write(&self.batch(some)?).await?;
                }
                written => written?,
            }
            events.drain(..size);
        }
        match failed {
            Some(error) => Err(error).context("standard input cannot be read"),
            None => Ok(()),
        }
    }

    fn batch(&self, events: Vec<(Position, ChannelEvent)>) -> Result<Batch, InvalidInput> {
        Batch::with_cursor(self.source.clone(), self.stands_at, events)
    }

    /// Writes a batch, however long that takes, unless a signal comes: the channel goes on, but its events must not be
    /// lost. If a smaller one might be taken, this gives up.
    async fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let mut said = false;
        while let Err(error) = self.store.record(batch).await {
            let is_for_size = error.is_lasting() && batch.events().len() > 1;
            if !may_pass(&error) || is_for_size {
                return Err(error);
            }
            if !said {
                tracing::warn!(%error, "recording waits");
            }
            said = true;
            if timeout(PAUSE, self.interrupt.wait()).await.is_ok() {
                return Err(error);
            }
        }
        self.sums.recorded += batch.events().len() as u64;
        self.stands_at = batch.cursor().map_or(self.stands_at, |cursor| cursor.last());
        Ok(())
    }

    fn leave_out(&mut self, line: i64, invalid: &InvalidInput) {
        self.sums.bad += 1;
        tracing::warn!("line {line}: {} (left out)", visible(&invalid.to_string()));
    }
}

/// Whether a batch may be sent again: its cursor makes that safe.
fn may_pass(error: &StoreError) -> bool {
    error.is_retryable() || *error.kind() == ErrorKind::Indeterminate
}
