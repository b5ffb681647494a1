//! The thread that reads an input, checks it, and cuts it into batches.

use std::fmt;
use std::io;
use std::mem;
use std::thread;

use botstore::InvalidInput;
use botstore::model::{Batch, ChannelEvent, Position, Source};
use tokio::sync::mpsc;

use crate::commands::input::{Input, Lines};

/// Events in a batch: enough for a transaction's fixed cost to be small.
const BATCH_EVENTS: usize = 500;

/// A batch whose lines have so many bytes is full, however few they are: so memory stays bounded.
const BATCH_BYTES: usize = 1 << 20;

/// Items that wait while a batch is written.
const WAITING: usize = 2;

/// After so many lines that were recorded before, the reader says how far it is.
const REPORT_LINES: u64 = 10_000;

/// What the reader finds, in order.
#[derive(Debug)]
pub(super) enum Item {
    /// Lines up to `line` that were read in an earlier replay.
    Recorded(Recorded),
    /// Events to be written.
    Batch(Batch),
    /// A line that is no event. It comes before the batch of the lines around it.
    Bad(BadLine),
    /// A last line of a source that grows, which is not an event yet.
    Unfinished,
    /// The end of the input, which has so many lines.
    End { lines: i64 },
}

/// Lines that an earlier replay has read. They are checked again only to be counted as what they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorded {
    /// The last of them.
    pub(super) line: Position,
    /// Events, which are recorded.
    pub(super) events: u64,
    /// Lines that are no events, which were left out.
    pub(super) bad: u64,
}

/// A line that is no event.
#[derive(Debug)]
pub(super) struct BadLine {
    line: Position,
    invalid: InvalidInput,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.invalid)
    }
}

/// Begins to read. The thread ends with the input, or soon after nobody receives its items any more.
pub(super) fn start(
    input: Input,
    bytes: Option<u64>,
    source: Source,
    stands_at: Position,
    may_grow: bool,
) -> io::Result<mpsc::Receiver<io::Result<Item>>> {
    let (items, receiver) = mpsc::channel(WAITING);
    let run = move || {
        let failure = items.clone();
        let end = input.lines(bytes).map_err(Stop::from).and_then(|lines| {
            let recorded = Recorded { line: Position::START, events: 0, bad: 0 };
            let batch = Pending { after: stands_at, events: Vec::new(), bytes: 0 };
            Reader { source, stands_at, may_grow, recorded, batch, items }.read(lines)
        });
        if let Err(Stop::Failed(error)) = end {
            let _ = failure.blocking_send(Err(error));
        }
    };
    // No task of the runtime: one that waits for standard input would hold up the end of the program.
    thread::Builder::new().name("reader".to_owned()).spawn(run)?;
    Ok(receiver)
}

/// Why reading ended early.
enum Stop {
    Failed(io::Error),
    /// Nobody receives the items any more.
    Abandoned,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<InvalidInput> for Stop {
    /// What the reader itself makes is always valid; if not, that is no fault of a line.
    fn from(invalid: InvalidInput) -> Self {
        Self::Failed(io::Error::other(invalid.to_string()))
    }
}

struct Reader {
    source: Source,
    /// The line up to which the source was read before.
    stands_at: Position,
    /// Whether more may be written to the input: then a last line may be there in part.
    may_grow: bool,
    recorded: Recorded,
    batch: Pending,
    items: mpsc::Sender<io::Result<Item>>,
}

/// The batch that is being filled.
struct Pending {
    after: Position,
    events: Vec<(Position, ChannelEvent)>,
    bytes: usize,
}

impl Reader {
    fn read(mut self, mut lines: Lines) -> Result<(), Stop> {
        let mut read = 0;
        while let Some((number, line)) = lines.next()? {
            read = number;
            let length = match line {
                Ok(text) if text.trim().is_empty() => continue,
                Ok(text) => text.len(),
                Err(_) => 0,
            };
            let line_number = Position::new(number)?;
            let event = line.and_then(ChannelEvent::from_json);
            if event.is_err() && self.may_grow && lines.is_unfinished() {
                self.send(Item::Unfinished)?;
                continue;
            }
            if line_number <= self.stands_at {
                self.pass(line_number, event.is_ok())?;
                continue;
            }
            match event {
                Ok(event) => self.push(line_number, event, length)?,
                Err(invalid) => self.send(Item::Bad(BadLine { line: line_number, invalid }))?,
            }
        }
        self.send_recorded()?;
        self.send_batch()?;
        self.send(Item::End { lines: read })
    }

    /// Counts a line that was read before.
    fn pass(&mut self, line: Position, is_event: bool) -> Result<(), Stop> {
        let recorded = &mut self.recorded;
        recorded.line = line;
        recorded.events += u64::from(is_event);
        recorded.bad += u64::from(!is_event);
        if recorded.events + recorded.bad >= REPORT_LINES || line == self.stands_at {
            self.send_recorded()?;
        }
        Ok(())
    }

    fn push(&mut self, line: Position, event: ChannelEvent, bytes: usize) -> Result<(), Stop> {
        self.batch.events.push((line, event));
        self.batch.bytes += bytes;
        if self.batch.events.len() >= BATCH_EVENTS || self.batch.bytes >= BATCH_BYTES {
            self.send_batch()?;
        }
        Ok(())
    }

    fn send_recorded(&mut self) -> Result<(), Stop> {
        let none = Recorded { events: 0, bad: 0, ..self.recorded };
        let recorded = mem::replace(&mut self.recorded, none);
        self.send(Item::Recorded(recorded))
    }

    fn send_batch(&mut self) -> Result<(), Stop> {
        let Some(&(last, _)) = self.batch.events.last() else { return Ok(()) };
        let next = Pending { after: last, events: Vec::with_capacity(BATCH_EVENTS), bytes: 0 };
        let Pending { after, events, .. } = mem::replace(&mut self.batch, next);
        self.send(Item::Batch(Batch::with_cursor(self.source.clone(), after, events)?))
    }

    fn send(&self, item: Item) -> Result<(), Stop> {
        self.items.blocking_send(Ok(item)).map_err(|_| Stop::Abandoned)
    }
}
