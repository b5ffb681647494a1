use std::sync::Mutex;
use std::sync::atomic::AtomicU32;

use tokio::sync::oneshot;

use super::*;
use crate::ErrorKind;
use crate::layers::{Answer, Call, Layer, Layered};

/// Stands for a whole store: finds nothing, and counts how often it was closed.
#[derive(Debug, Default)]
struct Empty {
    closed: AtomicU32,
}

impl Layer for Arc<Empty> {
    async fn around<T, F>(&self, call: Call, _: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        Err(StoreError::not_found(call.operation.name(), "row"))
    }

    async fn close<F>(&self, _: impl FnOnce() -> F + Send) -> Result<()>
    where
        F: Future<Output = Result<()>> + Send,
    {
        self.closed.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl Empty {
    fn store(self: &Arc<Self>) -> Arc<dyn BotStore> {
        let nowhere = Connector::new(Backend::Sqlite, || async { Err(StoreError::closed("open")) });
        Arc::new(Layered::new(nowhere, Arc::clone(self)))
    }

    fn closed(&self) -> u32 {
        self.closed.load(Ordering::Relaxed)
    }
}

/// A connector to `empty` whose first `failures` attempts fail, and how often it was tried.
fn connector(empty: &Arc<Empty>, failures: u32) -> (Connector, Arc<AtomicU32>) {
    let (empty, tried) = (Arc::clone(empty), Arc::new(AtomicU32::new(0)));
    let trying = Arc::clone(&tried);
    let connector = Connector::new(Backend::Postgres, move || {
        let (store, nth) = (empty.store(), trying.fetch_add(1, Ordering::Relaxed));
        async move {
            tokio::task::yield_now().await;
            if nth < failures {
                Err(StoreError::new(ErrorKind::Unavailable, "open", "cut"))
            } else {
                Ok(store)
            }
        }
    });
    (connector, tried)
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind().clone())
}

#[tokio::test]
async fn callers_who_want_it_at_once_open_it_once() {
    let empty = Arc::new(Empty::default());
    let (connector, tried) = connector(&empty, 0);
    assert_eq!(
        (connector.backend(), tried.load(Ordering::Relaxed)),
        (Backend::Postgres, 0),
        "nobody wants it yet"
    );
    let clone = connector.clone();
    let (one, two, three) =
        tokio::join!(connector.store("record"), clone.store("record"), connector.store("position"));
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
    assert_eq!(tried.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn until_it_is_open_each_call_tries() {
    let empty = Arc::new(Empty::default());
    let (connector, tried) = connector(&empty, 2);
    for expected in [Some(ErrorKind::Unavailable), Some(ErrorKind::Unavailable), None, None] {
        assert_eq!(kind(connector.store("record").await), expected);
    }
    assert_eq!(tried.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn once_closed_it_is_not_opened() {
    let empty = Arc::new(Empty::default());
    let (connector, tried) = connector(&empty, 0);
    let clone = connector.clone();
    connector.close().await.unwrap();
    connector.close().await.unwrap();
    let error = clone.store("record").await.map(drop).unwrap_err();
    assert_eq!((error.kind(), error.operation()), (&ErrorKind::Closed, "record"));
    assert_eq!((tried.load(Ordering::Relaxed), empty.closed()), (0, 0));
}

#[tokio::test]
async fn what_is_being_opened_is_closed_too() {
    let empty = Arc::new(Empty::default());
    let (open, opened) = oneshot::channel::<()>();
    let (store, opened) = (empty.store(), Mutex::new(Some(opened)));
    let connector = Connector::new(Backend::Sqlite, move || {
        let (store, opened) = (Arc::clone(&store), opened.lock().unwrap().take().unwrap());
        async move {
            opened.await.unwrap();
            Ok(store)
        }
    });
    let (store, closed, ()) = tokio::join!(connector.store("record"), connector.close(), async {
        tokio::task::yield_now().await;
        assert_eq!(empty.closed(), 0);
        open.send(()).unwrap();
    });
    assert_eq!((kind(store), kind(closed), empty.closed()), (None, None, 1));
}

#[tokio::test]
async fn a_store_that_is_there_is_handed_on() {
    let empty = Arc::new(Empty::default());
    let connector = Connector::from(empty.store());
    assert_eq!(connector.backend(), Backend::Sqlite);
    assert_eq!(kind(connector.store("health").await.unwrap().health().await), Some(ErrorKind::NotFound));
    connector.close().await.unwrap();
    assert_eq!(empty.closed(), 1);
    // What a closed store says is its own business.
    assert!(connector.store("health").await.is_ok());
}
