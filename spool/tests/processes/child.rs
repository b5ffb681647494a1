//! The process that is killed.

use std::fs::OpenOptions;
use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use botstore_core::layers::Layered;
use botstore_core::model::{Batch, ChannelEvent, MessageText, Position, Source, Timestamp, Username};
use botstore_core::{ErrorKind, Ingest as _, Lifecycle as _};
use botstore_spool::{AT_EACH, Spool, Step};

use crate::store::{Place, Weather, open};

/// The variable with a child's orders.
pub(crate) const ORDERS: &str = "JOURNAL_CHILD";

/// How many batches there are to record.
pub(crate) const BATCHES: u64 = 24;

/// A child that records in `directory`, and dies when it has taken `step` for the `nth` time; 0: it does not.
pub(crate) fn recording(directory: &Path, step: Step, nth: u64, begins_away: bool) -> Command {
    let index = Step::ALL.iter().position(|other| *other == step).unwrap();
    ordered(directory, &format!("record {index} {nth} {begins_away}"))
}

/// A child that records a single event in `directory` while the database is away, says so, and waits.
pub(crate) fn waiting(directory: &Path) -> Command {
    ordered(directory, "wait")
}

fn ordered(directory: &Path, orders: &str) -> Command {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.env(ORDERS, orders).current_dir(directory).stdin(Stdio::piped()).stdout(Stdio::piped());
    child
}

pub(crate) fn obey(orders: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let place = Place::new(&std::env::current_dir().unwrap());
    match orders.split(' ').collect::<Vec<_>>()[..] {
        ["record", step, nth, begins_away] => {
            dies_at(step.parse().unwrap(), nth.parse().unwrap());
            runtime.block_on(record(&place, begins_away == "true"));
        }
        ["wait"] => runtime.block_on(wait(&place)),
        _ => panic!("{orders}"),
    }
}

static STEP: AtomicU64 = AtomicU64::new(0);
static LEFT: AtomicU64 = AtomicU64::new(0);

fn dies_at(step: u64, nth: u64) {
    STEP.store(step, Ordering::SeqCst);
    LEFT.store(nth, Ordering::SeqCst);
    let at_each = |step| {
        let is_it = Step::ALL[STEP.load(Ordering::SeqCst) as usize] == step;
        if is_it && LEFT.fetch_sub(1, Ordering::SeqCst) == 1 {
            std::process::abort();
        }
    };
    AT_EACH.set(at_each).unwrap();
}

/// The batch of a number: every third without a cursor, the others of two sources.
pub(crate) fn batch(number: u64) -> Batch {
    let said = |part: i64| ChannelEvent::Chat {
        at: Timestamp::new(1).unwrap(),
        username: Username::new("ada").unwrap(),
        message: MessageText::new(format!("{number}.{part}")).unwrap(),
    };
    let parts = 1 + (number % 2) as i64;
    if !has_cursor(number) {
        return Batch::new((0..parts).map(said).collect()).unwrap();
    }
    let place = |place| Position::new(place).unwrap();
    let source = Source::new(format!("source {}", number % 3)).unwrap();
    // A source's batches are three numbers apart, and each has places for two events.
    let (after, first) = ((number as i64 / 3) * 10, (number as i64 / 3) * 10 + 11 - parts);
    Batch::with_cursor(
        source,
        place(after),
        (0..parts).map(|part| (place(first + part), said(part))).collect(),
    )
    .unwrap()
}

pub(crate) fn has_cursor(number: u64) -> bool {
    !number.is_multiple_of(3)
}

/// Records all batches that are not in the diary, in order. The database is away for a part of them.
async fn record(place: &Place, begins_away: bool) {
    let weather = Arc::new(Weather::default());
    if begins_away {
        weather.is_away();
    }
    let store = open(place, &weather).await.unwrap();
    let mut diary = OpenOptions::new().create(true).append(true).open(place.diary()).unwrap();
    for number in begin(place)..BATCHES {
        match number % 12 {
            2 | 7 => weather.is_away(),
            5 => weather.is_fair(),
            6 => {
                weather.is_fair();
                drained(&store).await;
            }
            9 => {
                weather.is_fair();
                drained(&store).await;
                weather.swallows();
            }
            10 => weather.is_fair(),
            _ => {}
        }
        writeln!(diary, "begun {number}").unwrap();
        match store.record(&batch(number)).await {
            Ok(_) => writeln!(diary, "done {number}").unwrap(),
            Err(error) => {
                assert_eq!(error.kind(), &ErrorKind::Indeterminate, "{error}");
                assert!(!has_cursor(number));
            }
        }
    }
    weather.is_fair();
    drained(&store).await;
    store.close().await.unwrap();
}

/// The number of the first batch to record: one that may have been recorded only if it has a cursor.
fn begin(place: &Place) -> u64 {
    let diary = std::fs::read_to_string(place.diary()).unwrap();
    let Some((what, number)) = diary.lines().last().map(|line| line.split_once(' ').unwrap()) else {
        return 0;
    };
    let number = number.parse().unwrap();
    if what == "begun" && has_cursor(number) { number } else { number + 1 }
}

/// Waits until nothing waits in the journal.
async fn drained(store: &Layered<Spool>) {
    let begun = Instant::now();
    while store.health().await.unwrap().spool.unwrap().events > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "it does not get empty");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn wait(place: &Place) {
    let weather = Arc::new(Weather::default());
    weather.is_away();
    let store = open(place, &weather).await.unwrap();
    store.record(&batch(0)).await.unwrap();
    println!("recorded");
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap();
}
