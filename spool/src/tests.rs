//! Random lives of a store with a spool, beside what they should come to.

use std::sync::Arc;

use botstore_core::model::{Batch, Recorded};
use botstore_core::{ErrorKind, Ingest as _, Lifecycle as _, StoreError};
use proptest::prelude::*;

use crate::look;
use crate::testing::{Database, Store, loose, place, placed, settings, source, until};

#[derive(Debug, Clone)]
enum Step {
    /// So many events of a source, and so many again that were recorded before.
    Cursor {
        source: usize,
        new: i64,
        again: i64,
    },
    /// So many events without one.
    Loose {
        new: usize,
    },
    Away,
    Back,
    /// The database does what it is told next, and the answer is lost.
    Swallow,
    /// The database fails what it is told next.
    Fail,
    Drain,
    Kill,
    Close,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3_usize, 1..4_i64, 0..4_i64)
            .prop_map(|(source, new, again)| Step::Cursor { source, new, again }),
        6 => (1..4_usize).prop_map(|new| Step::Loose { new }),
        3 => Just(Step::Away),
        3 => Just(Step::Back),
        1 => Just(Step::Swallow),
        1 => Just(Step::Fail),
        1 => Just(Step::Drain),
        2 => Just(Step::Kill),
        2 => Just(Step::Close),
    ]
}

const SOURCES: [&str; 3] = ["a", "b", "c"];

/// A store, and what it should hold.
struct Life {
    settings: botstore_core::settings::SpoolSettings,
    database: Arc<Database>,
    store: Option<Store>,
    is_away: bool,
    /// All that was acknowledged, in order.
    said: Vec<String>,
    /// Where each source stands.
    stands: [i64; 3],
    loose: usize,
}

impl Life {
    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    async fn does(&mut self, step: &Step) {
        match *step {
            Step::Cursor { source: index, new, again } => {
                let (name, stands) = (SOURCES[index], self.stands[index]);
                let after = (stands - again).max(0);
                let recorded = self.store().record(&placed(name, after, stands + new)).await.unwrap();
                self.stands[index] = stands + new;
                self.said.extend((stands + 1..=stands + new).map(|at| format!("{name}{at}")));
                let Recorded { applied, skipped, spooled, .. } = recorded;
                assert_eq!(applied + skipped + spooled, (stands + new - after) as u64);
                self.stands_where_it_should(index).await;
            }
            Step::Loose { new } => {
                let words: Vec<_> = (self.loose..self.loose + new).map(|at| format!("loose{at}")).collect();
                self.loose += new;
                let batch: Batch = loose(&words.iter().map(String::as_str).collect::<Vec<_>>());
                match self.store().record(&batch).await {
                    Ok(recorded) => assert_eq!(recorded.applied + recorded.spooled, new as u64),
                    // It was done, as the database of the tests does it.
                    Err(error) => assert_eq!(error.kind(), &ErrorKind::Indeterminate),
                }
                self.said.extend(words);
            }
            Step::Away => {
                self.is_away = true;
                self.database.fails(ErrorKind::Unavailable);
            }
            Step::Back => {
                self.is_away = false;
                self.database.is_back();
            }
            Step::Swallow => self.database.fails_once(ErrorKind::Indeterminate),
            Step::Fail => self.database.fails_once(ErrorKind::Timeout),
            Step::Drain => {
                if !self.is_away {
                    self.store().drained().await;
                }
            }
            Step::Kill => self.begins_again().await,
            Step::Close => {
                self.store().close().await.unwrap();
                self.begins_again().await;
            }
        }
    }

    async fn begins_again(&mut self) {
        drop(self.store.take());
        self.store = Some(Store::open(&self.database, &self.settings).await);
    }

    async fn stands_where_it_should(&self, index: usize) {
        let told: Result<_, StoreError> = self.store().position(&source(SOURCES[index])).await;
        match told {
            Ok(told) => assert_eq!(told, Some(place(self.stands[index]))),
            Err(error) => {
                assert_eq!(error.kind(), &ErrorKind::Unavailable);
                assert!(self.is_away || self.store().health().await.unwrap().spool.unwrap().events > 0);
            }
        }
    }
}

async fn lives(steps: Vec<Step>) {
    let ((_directory, settings), database) = (settings(), Database::new().await);
    let store = Some(Store::open(&database, &settings).await);
    let (said, stands) = (Vec::new(), [0; 3]);
    let mut life = Life { settings, database, store, is_away: false, said, stands, loose: 0 };
    for step in &steps {
        life.does(step).await;
    }
    life.database.is_back();
    life.store().drained().await;
    assert_eq!(life.database.words().await, life.said);
    let spool = life.store().health().await.unwrap().spool.unwrap();
    assert_eq!((spool.events, spool.bytes, spool.dropped, spool.rejected), (0, 0, 0, 0));
    life.store().close().await.unwrap();
    let path = life.settings.path;
    until(async || look(&path).unwrap().is_none()).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_acknowledged_event_arrives_once_and_in_order(steps in prop::collection::vec(step(), 1..40)) {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap()
            .block_on(lives(steps));
    }
}
