use std::time::Duration;

use botstore_core::url::SqliteUrl;
use futures::future::join_all;
use futures::poll;
use tempfile::TempDir;

use super::*;

fn readers() -> (TempDir, Readers, Ended) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("bot.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let (readers, ended) = Readers::start(&path, SqliteUrl::BUSY_TIMEOUT).unwrap();
    (directory, readers, ended)
}

/// Work that keeps a thread busy until the other side is dropped.
fn gate() -> (mpsc::Sender<()>, impl FnOnce(&Connection) -> Result<(), Fault> + Send) {
    let (open, wait) = mpsc::channel::<()>();
    let work = move |_: &Connection| {
        let _ = wait.recv();
        Ok(())
    };
    (open, work)
}

async fn one(readers: &Readers) -> Option<Result<i64, Fault>> {
    readers.read(|connection| Ok(connection.query_row("SELECT 1", [], |row| row.get(0))?)).await
}

#[tokio::test]
async fn a_thread_that_answered_is_idle() {
    let (_directory, readers, _ended) = readers();
    for _ in 0..1_000 {
        assert_eq!(one(&readers).await.unwrap().unwrap(), 1);
        let health = readers.health();
        assert_eq!((health.idle, health.waiting), (health.max, 0));
    }
}

#[tokio::test]
async fn a_panic_is_its_own_callers_however_close_the_calls() {
    let (_directory, readers, _ended) = readers();
    for _ in 0..100 {
        assert_eq!(one(&readers).await.unwrap().unwrap(), 1);
        let panicking = |_: &Connection| -> Result<(), Fault> { panic!("a fault of the work") };
        assert!(readers.read(panicking).await.unwrap().is_err());
    }
}

#[tokio::test]
async fn a_caller_who_left_before_a_thread_was_free_is_forgotten() {
    let (_directory, readers, _ended) = readers();
    let (gates, works): (Vec<_>, Vec<_>) = (0..readers.size).map(|_| gate()).unzip();
    let mut busy: Vec<_> = works.into_iter().map(|work| Box::pin(readers.read(work))).collect();
    for read in &mut busy {
        assert!(poll!(read).is_pending());
    }
    {
        let mut left = Box::pin(readers.read(|_| -> Result<(), Fault> { panic!("begun for nobody") }));
        assert!(poll!(&mut left).is_pending());
        assert_eq!(readers.health().waiting, 1);
    }
    assert_eq!((readers.health().idle, readers.health().waiting), (0, 0));
    drop(gates);
    join_all(busy).await;
    assert_eq!(readers.health().idle, readers.size);
}

#[tokio::test]
async fn closing_waits_for_those_who_read_and_ends_the_threads() {
    let (_directory, readers, ended) = readers();
    let (open, work) = gate();
    let mut reading = Box::pin(readers.read(work));
    assert!(poll!(&mut reading).is_pending());
    let mut closing = Box::pin(readers.close());
    assert!(poll!(&mut closing).is_pending());
    drop(open);
    assert!(reading.await.unwrap().is_ok());
    closing.await;
    assert!(one(&readers).await.is_none());
    readers.close().await;
    assert_eq!(ended.recv_timeout(Duration::from_secs(10)), Err(mpsc::RecvTimeoutError::Disconnected));
}

#[tokio::test]
async fn dropping_ends_the_threads_also_those_who_are_busy() {
    let (_directory, readers, ended) = readers();
    let (open, work) = gate();
    {
        let mut reading = Box::pin(readers.read(work));
        assert!(poll!(&mut reading).is_pending());
    }
    drop(readers);
    assert_eq!(ended.try_recv(), Err(mpsc::TryRecvError::Empty));
    drop(open);
    assert_eq!(ended.recv_timeout(Duration::from_secs(10)), Err(mpsc::RecvTimeoutError::Disconnected));
}
