//! A process that records until it is killed or its disk fails, and what it said until then.

use std::io::{self, BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, ensure};
use botstore::Result;
use botstore::model::Batch;
use botstore::store::BotStore;
use futures::future::try_join_all;

use crate::given::numbered;
use crate::load::{line, lines};

/// Half of them record with a cursor.
const CALLERS: usize = 8;

/// The work of the process: each caller records one line of chat after the other, and says on the standard output which
/// one was acknowledged. It ends with the first error.
///
/// # Errors
///
/// Those of `record`.
pub async fn record(store: Arc<dyn BotStore>) -> Result<()> {
    let callers = (0..CALLERS).map(|caller| {
        let store = Arc::clone(&store);
        async move {
            for n in 0.. {
                store.record(&batch(caller, n)).await?;
                // Whoever started this process reads it, or has killed it.
                let _ = writeln!(io::stdout(), "{caller}");
            }
            Ok(())
        }
    });
    try_join_all(callers).await.map(drop)
}

fn text(caller: usize, n: u64) -> String {
    format!("{caller} {n}")
}

fn batch(caller: usize, n: u64) -> Batch {
    let line = vec![line(&text(caller, n))];
    if caller.is_multiple_of(2) {
        return Batch::new(line).unwrap();
    }
    numbered(&format!("caller {caller}"), i64::try_from(n).unwrap(), line)
}

/// The process, as its parent sees it. It is killed when this is dropped.
#[derive(Debug)]
pub struct Recorder {
    process: Child,
    heard: Arc<Counts>,
    listener: Option<JoinHandle<()>>,
    certain: Option<[u64; CALLERS]>,
}

/// How many lines were acknowledged to each caller.
type Counts = [AtomicU64; CALLERS];

/// What a process said.
#[derive(Debug)]
pub struct Said {
    /// How many lines of each caller are certainly there.
    certain: [u64; CALLERS],
    /// How many it says are.
    all: [u64; CALLERS],
}

impl Recorder {
    /// Starts a process that does [`record`], and waits until each caller was acknowledged a line.
    ///
    /// # Errors
    ///
    /// It does not start, or ends.
    pub fn start(command: &mut Command) -> anyhow::Result<Self> {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut said = BufReader::new(process.stdout.take().context("nobody listens")?).lines();
        let heard = Arc::<Counts>::default();
        let counts = Arc::clone(&heard);
        let mut recorder = Self { process, heard, listener: None, certain: None };
        while recorder.counts().contains(&0) {
            ensure!(hear(&mut said, &counts), "the process ended before it had recorded");
        }
        recorder.listener = Some(thread::spawn(move || while hear(&mut said, &counts) {}));
        Ok(recorder)
    }

    fn counts(&self) -> [u64; CALLERS] {
        std::array::from_fn(|caller| self.heard[caller].load(Ordering::SeqCst))
    }

    /// What the process says from now on counts no more.
    ///
    /// # Errors
    ///
    /// It ended.
    pub fn disbelieve(&mut self) -> anyhow::Result<()> {
        let ended = self.process.try_wait()?;
        ensure!(ended.is_none(), "the process ended: {ended:?}");
        self.certain = Some(self.counts());
        Ok(())
    }

    /// Kills the process; returns what it said.
    ///
    /// # Errors
    ///
    /// It cannot be killed.
    pub fn kill(mut self) -> anyhow::Result<Said> {
        self.process.kill()?;
        self.process.wait()?;
        if let Some(listener) = self.listener.take() {
            listener.join().ok().context("the listener panicked")?;
        }
        let all = self.counts();
        Ok(Said { certain: self.certain.unwrap_or(all), all })
    }
}

/// Hears of the next line that was acknowledged; false if there is none.
fn hear(said: &mut Lines<BufReader<ChildStdout>>, counts: &Counts) -> bool {
    let caller = said.next().and_then(io::Result::ok).and_then(|line| line.parse::<usize>().ok());
    let Some(count) = caller.and_then(|caller| counts.get(caller)) else { return false };
    count.fetch_add(1, Ordering::SeqCst);
    true
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Said {
    /// How many lines are certain and are not in the store.
    ///
    /// # Panics
    ///
    /// The store cannot be read.
    pub async fn lost(&self, store: &dyn BotStore) -> usize {
        let stored = lines(store).await;
        texts(&self.certain).filter(|text| !stored.contains_key(text)).count()
    }

    /// Compares with what is in the store: what is certain is there once, what was said and what was under way in the end
    /// at most once, and nothing else is. Then records what has a cursor once more, as somebody does who lost count: all
    /// of that is there once, and nothing else changed.
    ///
    /// # Panics
    ///
    /// It is not so.
    pub async fn check(&self, store: &dyn BotStore) {
        let begun = self.all.map(|count| count + 1);
        let mut expected = lines(store).await;
        let mut stored = expected.clone();
        for text in texts(&self.certain) {
            assert_eq!(stored.get(&text), Some(&1), "{text:?} was acknowledged");
        }
        for text in texts(&begun) {
            assert!(stored.remove(&text).is_none_or(|times| times == 1), "{text:?} is there more than once");
        }
        assert!(stored.is_empty(), "nobody recorded {stored:?}");

        for caller in (1..CALLERS).step_by(2) {
            for n in 0..begun[caller] {
                store.record(&batch(caller, n)).await.unwrap();
                expected.insert(text(caller, n), 1);
            }
        }
        assert_eq!(lines(store).await, expected);
    }
}

/// So many lines of each caller.
fn texts(counts: &[u64; CALLERS]) -> impl Iterator<Item = String> {
    counts.iter().enumerate().flat_map(|(caller, &count)| (0..count).map(move |n| text(caller, n)))
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} lines acknowledged", self.certain.iter().sum::<u64>())
    }
}
