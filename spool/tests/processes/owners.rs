//! One owner a journal, of all processes.

use std::io::{BufRead as _, BufReader};
use std::sync::Arc;
use std::time::{Duration, Instant};

use botstore_core::{Chat as _, ErrorKind, Lifecycle as _};
use botstore_spool::look;
use tempfile::TempDir;

use crate::child;
use crate::store::{Place, Weather, open};

pub(crate) fn of_two_processes() {
    let directory = TempDir::new().unwrap();
    let place = Place::new(directory.path());
    let mut child = child::waiting(directory.path()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "recorded\n");
    let seen = look(&place.journal()).unwrap().unwrap();
    assert_eq!((seen.spool.events, seen.in_use), (1, true));

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let weather = Arc::new(Weather::default());
        let error = open(&place, &weather).await.map(drop).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Conflict);
        let told =
            "bot.spool is in use by another process: two that record need a journal each (ROSEY_SPOOL)";
        assert!(error.to_string().contains(told), "{error}");

        child.kill().unwrap();
        child.wait().unwrap();
        let seen = look(&place.journal()).unwrap().unwrap();
        assert_eq!((seen.spool.events, seen.in_use), (1, false));
        let store = open(&place, &weather).await.unwrap();
        let begun = Instant::now();
        while store.chat_count().await.unwrap().get() == 0 {
            assert!(begun.elapsed() < Duration::from_secs(20), "it is not taken up");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        store.close().await.unwrap();
    });
    assert_eq!(look(&place.journal()).unwrap(), None);
}
