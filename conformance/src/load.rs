//! Callers who record lines of chat while something happens to the database, and what they were told of each line.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use botstore::model::{Batch, ChannelEvent, Limit, RowKey};
use botstore::store::BotStore;
use botstore::{ErrorKind, Result};
use tokio::task::JoinHandle;

use crate::given::{chat, numbered};

/// How long a caller waits after an error before its next call.
const PAUSE: Duration = Duration::from_millis(5);

/// A line of chat.
///
/// # Panics
///
/// The text is none that may be said.
#[must_use]
pub fn line(text: &str) -> ChannelEvent {
    chat(1, "ada", text)
}

/// Callers at work, each with lines of its own. Every other one records with a cursor.
#[derive(Debug)]
pub struct Load {
    over: Arc<AtomicBool>,
    callers: Vec<(Arc<AtomicU64>, JoinHandle<Vec<Told>>)>,
}

/// A line, and what its caller was told of it.
#[derive(Debug)]
struct Told {
    text: String,
    outcome: Outcome,
}

#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Acknowledged,
    /// Nobody knows whether it is there.
    Indeterminate,
    /// It surely is not.
    Failed,
}

/// What callers were told, all in all.
#[derive(Debug)]
pub struct Account(Vec<Told>);

impl Load {
    /// Lets callers begin.
    #[must_use]
    pub fn begin(store: &Arc<dyn BotStore>, callers: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let callers = (0..callers).map(|number| {
            let acknowledged = Arc::<AtomicU64>::default();
            let caller = Caller {
                number,
                store: Arc::clone(store),
                over: Arc::clone(&over),
                acknowledged: Arc::clone(&acknowledged),
            };
            (acknowledged, tokio::spawn(caller.work()))
        });
        let callers = callers.collect();
        Self { over, callers }
    }

    /// Waits until every caller has been told of `more` lines more that they are there; returns how long that took.
    ///
    /// # Panics
    ///
    /// It takes longer than `patience`.
    pub async fn progress(&self, more: u64, patience: Duration) -> Duration {
        let begun = Instant::now();
        let counts = || self.callers.iter().map(|(acknowledged, _)| acknowledged.load(Ordering::SeqCst));
        let goals: Vec<u64> = counts().map(|count| count + more).collect();
        while counts().zip(&goals).any(|(count, goal)| count < *goal) {
            let counts: Vec<_> = counts().collect();
            assert!(begun.elapsed() < patience, "no progress within {patience:?}: {counts:?} of {goals:?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        begun.elapsed()
    }

    /// Lets callers end what they are at.
    ///
    /// # Panics
    ///
    /// A caller got an error that it must never get.
    pub async fn end(self) -> Account {
        self.over.store(true, Ordering::SeqCst);
        let mut told = Vec::new();
        for (_, caller) in self.callers {
            told.extend(caller.await.unwrap());
        }
        Account(told)
    }
}

struct Caller {
    number: usize,
    store: Arc<dyn BotStore>,
    over: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
}

impl Caller {
    async fn work(self) -> Vec<Told> {
        let mut told = Vec::new();
        for n in 0.. {
            if self.over.load(Ordering::SeqCst) {
                break;
            }
            let text = format!("{} {n}", self.number);
            let outcome = if self.number.is_multiple_of(2) {
                self.once(&text).await
            } else {
                self.again(&text, n).await
            };
            if outcome == Outcome::Acknowledged {
                self.acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            told.push(Told { text, outcome });
        }
        told
    }

    /// Records a line without a cursor, once, whatever comes of it.
    async fn once(&self, text: &str) -> Outcome {
        let batch = Batch::new(vec![line(text)]).unwrap();
        let outcome = outcome(self.store.record(&batch).await);
        if outcome != Outcome::Acknowledged {
            tokio::time::sleep(PAUSE).await;
        }
        outcome
    }

    /// Records a line with a cursor, until it is acknowledged or all is over.
    async fn again(&self, text: &str, n: i64) -> Outcome {
        let batch = numbered(&format!("caller {}", self.number), n, vec![line(text)]);
        loop {
            match outcome(self.store.record(&batch).await) {
                Outcome::Acknowledged => return Outcome::Acknowledged,
                _ if self.over.load(Ordering::SeqCst) => return Outcome::Indeterminate,
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

fn outcome<T>(answer: Result<T>) -> Outcome {
    match answer {
        Ok(_) => Outcome::Acknowledged,
        Err(error) if *error.kind() == ErrorKind::Indeterminate => Outcome::Indeterminate,
        Err(error) if error.is_retryable() => Outcome::Failed,
        Err(error) => panic!("{error}"),
    }
}

impl Account {
    /// Compares with what is in the store: what was acknowledged is there once, what was indeterminate at most once,
    /// what failed is not, and nothing else is.
    ///
    /// # Panics
    ///
    /// It is not so.
    pub async fn check(&self, store: &dyn BotStore) {
        let mut stored = lines(store).await;
        for Told { text, outcome } in &self.0 {
            let times = stored.remove(text).unwrap_or(0);
            let expected = match outcome {
                Outcome::Acknowledged => 1..=1,
                Outcome::Indeterminate => 0..=1,
                Outcome::Failed => 0..=0,
            };
            assert!(
                expected.contains(&times),
                "{text:?}, of which was said {outcome:?}, is there {times} times"
            );
        }
        assert!(stored.is_empty(), "nobody recorded {stored:?}");
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = |outcome| self.0.iter().filter(|told| told.outcome == outcome).count();
        write!(
            f,
            "{} acknowledged, {} indeterminate, {} failed",
            count(Outcome::Acknowledged),
            count(Outcome::Indeterminate),
            count(Outcome::Failed)
        )
    }
}

/// The lines that are kept, each with how often it is there.
///
/// # Panics
///
/// They cannot be read.
pub async fn lines(store: &dyn BotStore) -> HashMap<String, u64> {
    let (mut lines, mut after) = (HashMap::new(), RowKey::START);
    loop {
        let page = store.chat_after(after, Limit::MAX).await.unwrap();
        let Some(last) = page.last() else { return lines };
        after = last.key();
        for line in page {
            *lines.entry(line.message.as_str().to_owned()).or_default() += 1;
        }
    }
}
