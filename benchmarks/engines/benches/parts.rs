//! The parts of which writing and reading consist: `cargo bench --bench parts`.

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use botstore::config::Config;
use botstore::fold::fold;
use botstore::model::{Batch, ChannelEvent, Limit, MessageText, Timestamp, Username};
use botstore::url::{DatabaseUrl, SqliteUrl};
use botstore::{BotStore, Events};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput};
use tokio::runtime::Runtime;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The moment of every event.
const AT: i64 = 1_700_000_000;

/// A line by each of a hundred users in turn, and now and then a join.
fn events(count: usize) -> Outcome<Vec<ChannelEvent>> {
    let event = |number: usize| {
        let (at, username) = (Timestamp::new(AT)?, Username::new(format!("user{}", number % 100))?);
        Ok(match number % 10 {
            9 => ChannelEvent::UserJoined { at, username },
            _ => ChannelEvent::Chat { at, username, message: MessageText::new("so where were we?")? },
        })
    };
    (0..count).map(event).collect()
}

/// From events to what is written.
fn in_memory(criterion: &mut Criterion) -> Outcome {
    for count in [1, 100, 1_000] {
        let events = events(count)?;
        let mut group = criterion.benchmark_group("events");
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("fold", count), |b| b.iter(|| fold(black_box(&events))));
        group.bench_function(BenchmarkId::new("batch", count), |b| {
            b.iter_batched(|| events.clone(), Batch::new, BatchSize::SmallInput);
        });
        group.finish();
    }
    let json = events(1)?.first().map(ChannelEvent::to_json).unwrap_or_default();
    criterion.bench_function("event from JSON", |b| b.iter(|| ChannelEvent::from_json(black_box(&json))));
    Ok(())
}

/// A durable write and two reads, through the trait.
fn in_sqlite(criterion: &mut Criterion) -> Outcome {
    let folder = tempfile::tempdir()?;
    let runtime = Runtime::new()?;
    let url = DatabaseUrl::Sqlite(SqliteUrl::file(folder.path().join("bot.db")));
    let store: Box<dyn BotStore> = runtime.block_on(botstore::open(&Config::new(url)))?;
    runtime.block_on(store.record(&Batch::new(events(Batch::MAX_EVENTS)?)?))?;

    let (at, user, message) =
        (Timestamp::new(AT)?, Username::new("user1")?, MessageText::new("so where were we?")?);
    let ten = Limit::new(10)?;
    let mut group = criterion.benchmark_group("sqlite");
    group.bench_function("a line, durable", |b| {
        b.to_async(&runtime).iter(|| store.chat(at, &user, &message));
    });
    group.bench_function("one user's row", |b| b.to_async(&runtime).iter(|| store.user_stats(&user)));
    group.bench_function("the top ten", |b| b.to_async(&runtime).iter(|| store.top_chatters(ten)));
    group.finish();
    runtime.block_on(store.close())?;
    Ok(())
}

fn main() -> Outcome {
    let mut criterion = Criterion::default().measurement_time(Duration::from_secs(3)).configure_from_args();
    in_memory(&mut criterion)?;
    in_sqlite(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}
