//! `record`: the recorder of a living channel, which reads events as they happen.
//!
//! Each run is a source of its own, and a line's number is its event's place in it: so a batch whose answer was lost can
//! be sent again.

use std::collections::VecDeque;
use std::io::{self, BufRead as _};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use botstore::model::{Batch, ChannelEvent, CloseSessions, Position, Source};
use botstore::{BotStore, Config, InvalidInput, StoreError};
use serde::Serialize;
use tokio::select;
use tokio::sync::mpsc;

use super::arrival;
use crate::cli::RecordArgs;
use crate::clock::now;
use crate::exit::Exit;
use crate::format::{number, visible};
use crate::interrupt::Interrupt;
use crate::output::Output;

/// How long to wait until what could not be recorded is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// A line with its number, from 1.
type Line = (i64, io::Result<String>);

pub(super) async fn run(
    store: &dyn BotStore,
    config: &Config,
    args: &RecordArgs,
    output: Output,
    interrupt: &Interrupt,
) -> anyhow::Result<Exit> {
    if !args.keep_sessions {
        // What a crash left open ends where somebody was last seen.
        close_sessions(store, CloseSessions::LastSign).await;
    }
    let mut recorder =
        Recorder { store, source: own_source()?, stands_at: Position::START, sums: Sums::default() };
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
    // What was read is recorded, whoever asked for the end.
    while let Ok(line) = lines.try_recv() {
        arrived.push(line);
    }
    recorder.record(arrived.drain(..)).await?;
    let patience = config.spool.as_ref().map_or(Duration::ZERO, |spool| spool.close_within);
    let waiting = arrival::wait(store, patience).await?;
    if !args.keep_sessions && waiting == 0 {
        close_sessions(store, CloseSessions::At(now()?)).await;
    }
    let sums = Sums { waiting, ..recorder.sums };
    output.print(&sums, || sums.text())?;
    Ok(match ended_by {
        _ if waiting > 0 => Exit::Waiting,
        Some(signal) => Exit::Interrupted(signal),
        None => Exit::Done,
    })
}

/// Closes open sessions if the database is there. If it is not, the next start does so.
async fn close_sessions(store: &dyn BotStore, how: CloseSessions) {
    if let Err(error) = store.close_sessions(how).await {
        tracing::warn!(%error, "sessions stay open until the next start");
    }
}

/// Reads standard input on a thread of its own: a task that waits for it would hold up the end of the program.
fn read() -> io::Result<mpsc::Receiver<Line>> {
    let (lines, receiver) = mpsc::channel(Batch::MAX_EVENTS);
    thread::Builder::new().name("reader".to_owned()).spawn(move || {
        for (line, number) in io::stdin().lock().lines().zip(1..) {
            if lines.blocking_send((number, line)).is_err() {
                return;
            }
        }
    })?;
    Ok(receiver)
}

/// A source that no run had before.
fn own_source() -> anyhow::Result<Source> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Source::new(format!("record:{digits}"))?)
}

struct Recorder<'a> {
    store: &'a dyn BotStore,
    source: Source,
    stands_at: Position,
    sums: Sums,
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Sums {
    recorded: u64,
    /// Of these, how many wait in the journal still.
    waiting: u64,
    bad: u64,
}

impl Sums {
    fn text(self) -> String {
        let mut text = format!("Recorded {} events", number(self.recorded));
        if self.waiting > 0 {
            text += &format!("; {} events wait in the journal for the database", number(self.waiting));
        }
        if self.bad > 0 {
            text += &format!("; {} bad lines were left out", number(self.bad));
        }
        text
    }
}

impl Recorder<'_> {
    async fn record(&mut self, lines: impl Iterator<Item = Line>) -> anyhow::Result<()> {
        let mut events = VecDeque::new();
        for (number, line) in lines {
            let line = line.context("standard input cannot be read")?;
            match ChannelEvent::from_json(&line) {
                Ok(event) => events.push_back((Position::new(number)?, event)),
                Err(_) if line.trim().is_empty() => {}
                Err(invalid) => self.leave_out(number, &invalid),
            }
        }
        while !events.is_empty() {
            let size = events.len().min(Batch::MAX_EVENTS);
            let batch =
                Batch::with_cursor(self.source.clone(), self.stands_at, events.drain(..size).collect())?;
            self.write(&batch).await?;
        }
        Ok(())
    }

    /// Writes a batch, however long that takes: the channel goes on, but its events must not be lost.
    async fn write(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let mut said = false;
        while let Err(error) = self.store.record(batch).await {
            // The cursor makes it safe to send it again.
            let may_pass = error.is_retryable() || *error.kind() == botstore::ErrorKind::Indeterminate;
            if !may_pass {
                return Err(error);
            }
            if !said {
                tracing::warn!(%error, "recording waits");
            }
            said = true;
            tokio::time::sleep(PAUSE).await;
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
