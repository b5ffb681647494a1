//! What a bot notices of an outage when its store has a spool: next to nothing.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use botstore::ErrorKind;
use botstore::model::{Batch, Position, Source};
use botstore::settings::SpoolSettings;
use botstore::store::BotStore;
use botstore_conformance::load::{line, lines};
use botstore_conformance::proxy::{Fault, Network, Proxy};
use botstore_conformance::secrets;
use botstore_conformance::server::{PostgresDatabase, PostgresServer};
use fastrand::Rng;
use tempfile::TempDir;

use crate::given::{ada, batch, config, database, open};

crate::tests![
    batches_with_a_cursor_arrive_once_whatever_the_network_does,
    half_open_connections_hold_nobody_up_for_long,
    while_the_database_is_away_a_read_is_refused_without_asking_it,
    an_outage_is_told_in_a_few_lines,
];

/// A store with a spool that reaches its database through a proxy.
struct Given {
    store: Arc<dyn BotStore>,
    proxy: Proxy,
    database: PostgresDatabase,
    _directory: TempDir,
}

impl Given {
    async fn new(parameters: &str) -> Self {
        let database = database();
        let port = database.server().port().unwrap();
        let proxy = Proxy::start(port).await.unwrap();
        let url = format!("{}{parameters}", proxy.url(database.url(), port));
        let (store, _directory) = spooled(&url).await;
        Self { store, proxy, database, _directory }
    }

    /// Waits until nothing waits in the journal any more; returns how long that took.
    async fn arrived(&self) -> Duration {
        let begun = Instant::now();
        while self.store.health().await.unwrap().spool.unwrap().events > 0 {
            assert!(begun.elapsed() < Duration::from_secs(120), "{:?}", self.store.health().await);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        begun.elapsed()
    }
}

/// A store with a spool, and the directory of its journal.
async fn spooled(url: &str) -> (Arc<dyn BotStore>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let mut config = config(url);
    config.spool = Some(SpoolSettings::at(directory.path().join("journal")));
    (secrets::searched(secrets::open(&config).await.unwrap()), directory)
}

/// The `n`-th batch of a source, counted from 1, of one line.
fn numbered(source: &str, n: i64) -> Batch {
    let position = |position| Position::new(position).unwrap();
    let events = vec![(position(n), line(&format!("{source} {n}")))];
    Batch::with_cursor(Source::new(source).unwrap(), position(n - 1), events).unwrap()
}

/// Has the network fail in every way, until it is over; then it is well again. Says how often it failed.
async fn storm(proxy: &Proxy, over: &AtomicBool) -> usize {
    let mut random = Rng::with_seed(29);
    let mut failed = 0;
    while !over.load(Ordering::SeqCst) {
        let (now, pause) = (random.u64(1..4), Duration::from_millis(random.u64(20..400)));
        match random.u32(0..6) {
            0 | 1 => proxy.plan(Fault::AnswerLost, now),
            2 => proxy.plan(Fault::CutInTheMiddle, now),
            3 => proxy.set(Network::Slow(Duration::from_millis(random.u64(1..20)))),
            4 => proxy.set(Network::Silent),
            _ => proxy.set(Network::Refusing),
        }
        tokio::time::sleep(pause).await;
        proxy.set(Network::Passing);
        if random.u32(0..4) == 0 {
            proxy.forget();
        }
        tokio::time::sleep(pause / 2).await;
        failed += 1;
    }
    failed
}

async fn batches_with_a_cursor_arrive_once_whatever_the_network_does() {
    const SOURCES: [&str; 4] = ["ada", "bob", "cyd", "dan"];
    const EACH: i64 = 400;
    let given = Given::new("&statement_timeout=1s&connect_timeout=2").await;
    let over = AtomicBool::new(false);
    let spooled = AtomicUsize::new(0);
    let callers = async {
        let callers = SOURCES.map(|source| {
            let (store, spooled) = (Arc::clone(&given.store), &spooled);
            async move {
                for n in 1..=EACH {
                    // No error ever: what the database does not take, the journal does.
                    let recorded = store.record(&numbered(source, n)).await.unwrap();
                    spooled.fetch_add(recorded.spooled as usize, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        });
        futures::future::join_all(callers).await;
        over.store(true, Ordering::SeqCst);
    };
    let ((), failed) = tokio::join!(callers, storm(&given.proxy, &over));
    let took = given.arrived().await;
    println!(
        "the network failed {failed} times, {} faults in mid-statement; {spooled:?} of {} batches by way of the journal; \
         all arrived {took:.2?} after the last failure",
        given.proxy.faults(),
        SOURCES.len() as i64 * EACH
    );
    assert!(failed >= 10 && given.proxy.faults() >= 3 && spooled.into_inner() >= 10);
    given.store.close().await.unwrap();

    let direct = open(given.database.url()).await;
    let stored = lines(direct.as_ref()).await;
    assert_eq!(stored.len() as i64, SOURCES.len() as i64 * EACH);
    assert_eq!(stored.values().max(), Some(&1));
    for source in SOURCES {
        let position = direct.position(&Source::new(source).unwrap()).await.unwrap();
        assert_eq!(position.map(Position::get), Some(EACH));
    }
    direct.close().await.unwrap();
}

async fn half_open_connections_hold_nobody_up_for_long() {
    // With every timeout as it is by default: a statement may take a minute.
    let given = Given::new("").await;
    given.store.record(&numbered("ada", 1)).await.unwrap();
    // Many at once, so that there are many connections.
    let reads = (0..5).map(|_| given.store.chat_count());
    futures::future::try_join_all(reads).await.unwrap();
    given.proxy.forget();

    let begun = Instant::now();
    let (recorded, read) =
        tokio::join!(async { given.store.record(&numbered("ada", 2)).await.unwrap() }, async {
            given.store.chat_count().await.unwrap_err()
        });
    let held_up = begun.elapsed();
    assert_eq!(recorded.spooled, 1);
    assert_eq!(*read.kind(), ErrorKind::Unavailable, "{read}");
    let begun = Instant::now();
    given.store.record(&numbered("ada", 3)).await.unwrap();
    let next = begun.elapsed();
    let arrived = given.arrived().await;
    println!("held up for {held_up:.1?}, the next for {next:.1?}; all arrived {arrived:.1?} later");
    assert!(held_up < Duration::from_secs(25), "{held_up:?}");
    assert!(next < Duration::from_secs(2), "{next:?}");
    assert!(arrived < Duration::from_secs(30), "{arrived:?}");
    assert_eq!(given.store.chat_count().await.unwrap().get(), 3);
    given.store.close().await.unwrap();
}

async fn while_the_database_is_away_a_read_is_refused_without_asking_it() {
    const READS: u32 = 1_000;
    let given = Given::new("&statement_timeout=1s&connect_timeout=1").await;
    given.proxy.set(Network::Silent);
    let begun = Instant::now();
    // Reads alone find out that the database is away: the first has to wait.
    let error = given.store.user_stats(&ada()).await.unwrap_err();
    println!("the first read was answered after {:.1?}: {error}", begun.elapsed());
    while given.store.health().await.unwrap().database.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
    let before = given.proxy.connections();
    let mut took = Vec::new();
    for _ in 0..READS {
        let begun = Instant::now();
        let error = given.store.user_stats(&ada()).await.unwrap_err();
        took.push(begun.elapsed());
        assert_eq!(*error.kind(), ErrorKind::Unavailable, "{error}");
    }
    // One may be the keeper's, which asks whether the database is back.
    assert!(given.proxy.connections() <= before + 1, "{before}, then {}", given.proxy.connections());
    took.sort_unstable();
    println!("{READS} reads were refused: median {:?}, p99 {:?}", took[500], took[990]);

    given.proxy.set(Network::Passing);
    let begun = Instant::now();
    while given.store.user_stats(&ada()).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("reads were answered {:.2?} after the network was back", begun.elapsed());
    given.store.close().await.unwrap();
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn an_outage_is_told_in_a_few_lines() {
    let log = Log::default();
    let writer = log.clone();
    // On a thread of its own, for the log is a thread's.
    let work = move || {
        let log = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::INFO)
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        let _log = tracing::subscriber::set_default(log);
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(outage());
    };
    tokio::task::spawn_blocking(work).await.unwrap();
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    println!("{} lines of the log: {log}", log.lines().count());
    assert!(log.lines().count() < 20, "{log}");
    for told in ["the database is away", "waits in the journal", "the database is back", "is in it"] {
        assert!((1..=3).contains(&log.matches(told).count()), "{told:?} in {log}");
    }
}

/// Sixteen callers record and read while the server is stopped for some seconds.
async fn outage() {
    let server = PostgresServer::start_own("").unwrap();
    let database = server.create_migrated().unwrap();
    let (store, _directory) = spooled(database.url()).await;
    let over = AtomicBool::new(false);
    let caller = |caller: usize| {
        let (store, over) = (&store, &over);
        async move {
            let (mut recorded, mut refused) = (0, 0);
            while !over.load(Ordering::SeqCst) {
                let answer = store.record(&batch(&format!("{caller} {recorded}"))).await;
                match answer {
                    Ok(_) => recorded += 1,
                    // Its answer was lost when the server stopped.
                    Err(error) => assert_eq!(*error.kind(), ErrorKind::Indeterminate, "{error}"),
                }
                refused += usize::from(store.chat_count().await.is_err());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            (recorded, refused)
        }
    };
    let outage = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let again = server.clone();
        tokio::task::spawn_blocking(move || again.stop("fast").unwrap()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(5)).await;
        let again = server.clone();
        tokio::task::spawn_blocking(move || again.start_again().unwrap()).await.unwrap();
        while store.chat_count().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        over.store(true, Ordering::SeqCst);
    };
    let (told, ()) = tokio::join!(futures::future::join_all((0..16).map(caller)), outage);
    let recorded: usize = told.iter().map(|(recorded, _)| recorded).sum();
    let refused: usize = told.iter().map(|(_, refused)| refused).sum();
    println!("{recorded} batches were recorded, {refused} reads were refused");
    assert!(refused > 100, "{refused}");
    while store.health().await.unwrap().spool.unwrap().events > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let stored: u64 = lines(store.as_ref()).await.values().sum();
    assert!(stored as usize >= recorded, "{stored} of {recorded}");
    store.close().await.unwrap();
}
