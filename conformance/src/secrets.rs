//! Everything that stores say, searched for passwords: what they log, and every error.
//!
//! The suite searches for as long as it runs: what libraries below log, too, and each error with what lies beneath it, in
//! the form for people and in that for developers.

use std::error::Error as _;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use botstore::layers::{Answer, Call, Layer, Layered};
use botstore::store::BotStore;
use botstore::{Config, Goal, Migrated, Result, StoreError};
use tracing::level_filters::LevelFilter;

/// What every secret that tests make up begins with.
pub const MARK: &str = "never-shown-";

static SEARCH: Mutex<Search> =
    Mutex::new(Search { secrets: Vec::new(), texts: 0, found: Vec::new(), awaited: Vec::new() });

/// A search through texts.
#[derive(Debug)]
struct Search {
    /// What is searched for besides [`MARK`].
    secrets: Vec<String>,
    texts: u64,
    found: Vec<String>,
    awaited: Vec<Arc<Awaited>>,
}

/// A line of the log that somebody waits for.
#[derive(Debug)]
struct Awaited {
    parts: Vec<String>,
    seen: AtomicBool,
}

/// What came of a search.
#[derive(Debug)]
pub struct Outcome {
    /// How many lines and errors were searched.
    pub texts: u64,
    /// Those in which a secret was, without it.
    pub found: Vec<String>,
}

impl Search {
    fn look(&mut self, text: &str) {
        self.texts += 1;
        for line in &self.awaited {
            if line.parts.iter().all(|part| text.contains(part)) {
                line.seen.store(true, Ordering::SeqCst);
            }
        }
        let is_in = |secret: &&str| text.contains(secret);
        if let Some(secret) = self.secrets.iter().map(String::as_str).chain([MARK]).find(is_in) {
            self.found.push(text.replace(secret, "***"));
        }
    }
}

fn search() -> MutexGuard<'static, Search> {
    SEARCH.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Searches whatever is logged from now on in this process, at every level. It may be called once.
pub fn begin() {
    tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_ansi(false).with_writer(|| Log).init();
}

/// Says, whenever it is asked, whether a line with all these parts has been logged since now.
pub fn await_line(parts: &[&str]) -> impl Fn() -> bool + use<> {
    let parts = parts.iter().map(|&part| part.to_owned()).collect();
    let awaited = Arc::new(Awaited { parts, seen: AtomicBool::new(false) });
    search().awaited.push(Arc::clone(&awaited));
    move || awaited.seen.load(Ordering::SeqCst)
}

/// What came of it so far.
#[must_use]
pub fn outcome() -> Outcome {
    let search = search();
    Outcome { texts: search.texts, found: search.found.clone() }
}

/// Says what came of it so far; returns whether no secret was found.
#[must_use]
pub fn report() -> bool {
    let Outcome { texts, found } = outcome();
    eprintln!("{texts} lines of the log and errors were searched for passwords: {} have one", found.len());
    for text in &found {
        eprintln!("a password was in: {text}");
    }
    found.is_empty()
}

/// Searches for the password of a server that somebody else set up, too.
pub(crate) fn also(password: &str, shown: &str) {
    // A password that is like the user's name cannot be told from it.
    if !password.is_empty() && !shown.contains(password) {
        search().secrets.push(password.to_owned());
    }
}

/// Searches an error, and what lies beneath it.
pub fn look_at(error: &StoreError) {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(" {error} {error:?}");
        source = error.source();
    }
    search().look(&text);
}

/// Searches what can be shown of a value.
pub fn look_into(value: &impl std::fmt::Debug) {
    search().look(&format!("{value:?}"));
}

/// [`botstore::open`], searched.
///
/// # Errors
///
/// As there.
pub async fn open(config: &Config) -> Result<Box<dyn BotStore>> {
    look_into(config);
    // In a box: around it there are futures enough.
    Box::pin(botstore::open(config)).await.inspect(look_into).inspect_err(look_at)
}

/// [`botstore::migrate`], searched.
///
/// # Errors
///
/// As there.
pub async fn migrate(config: &Config) -> Result<Migrated> {
    Box::pin(botstore::migrate(config)).await.inspect_err(look_at)
}

/// [`botstore::migrate_to`], searched.
///
/// # Errors
///
/// As there.
pub async fn migrate_to(config: &Config, goal: Goal) -> Result<Migrated> {
    Box::pin(botstore::migrate_to(config, goal)).await.inspect_err(look_at)
}

/// The store, of which each error is searched.
#[must_use]
pub fn searched(store: Box<dyn BotStore>) -> Arc<dyn BotStore> {
    let store: Arc<dyn BotStore> = store.into();
    Arc::new(Layered::new(store, Errors))
}

/// Sees every error.
#[derive(Debug)]
struct Errors;

impl Layer for Errors {
    async fn around<T, F>(&self, _: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        attempt().await.inspect_err(look_at)
    }
}

/// Takes what is logged, a line at a time.
struct Log;

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        search().look(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use botstore::ErrorKind;

    use super::*;

    /// The only test of this process that logs.
    #[test]
    fn what_should_not_be_there_is_found_in_lines_errors_and_values() {
        begin();
        let error = StoreError::new(ErrorKind::Internal, "open", "broke").with_source(io::Error::other(MARK));
        tracing::trace!("a line with {MARK}x");
        look_at(&error);
        look_into(&Some(MARK));
        also("another", "postgresql://rosey@localhost/rosey");
        also("rosey", "postgresql://rosey@localhost/rosey");
        look_into(&"another");
        look_into(&"rosey");
        let Outcome { texts, found } = outcome();
        assert_eq!((texts, found.len()), (5, 4), "{found:?}");
        assert!(found.iter().all(|text| text.contains("***") && !text.contains(MARK)), "{found:?}");
        assert!(!report());
    }
}
