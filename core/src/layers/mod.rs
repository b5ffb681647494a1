//! Layers around a store: what is the same for every backend, and is no business of an adapter's.
//!
//! | layer | what it does |
//! |---|---|
//! | [`Observe`] | spans, metrics and warnings of slow calls: what a caller sees |
//! | [`Retry`] | tries again what may be tried again |
//! | [`Outage`] | says once when the database goes away, and once when it is back |
//!
//! [`Layered`] is a store with a layer around it. It hands every call to [`Layer::around`], so a layer is one function,
//! however many methods a store has. Layers that are known together become one by [`Stack`], which costs no allocation
//! a call as a further [`Layered`] would.
//!
//! A layer that treats one method in its own way, as a journal in front of `record` would, gets a provided method in
//! [`Layer`] that is called like it, takes the same and the inner call as a function, and has [`Layer::around`] as its
//! default; [`Stack`] nests it as it nests `around`.
//!
//! # Metrics
//!
//! They go through the `metrics` facade to the recorder that the program installs, or nowhere.
//!
//! | metric | kind | labels | what it counts |
//! |---|---|---|---|
//! | `botstore_operations_total` | counter | `operation`, `outcome` | calls, retries not counted apart |
//! | `botstore_operation_seconds` | histogram | `operation` | how long a call took, retries and waits included |
//! | `botstore_rows_total` | counter | `operation` | rows and events that calls answered with or wrote |
//! | `botstore_retries_total` | counter | `operation` | attempts after a call's first |
//! | `botstore_pool_connections` | gauge | `state`: `open`, `idle`, `max` | connections, when `health` was last asked |
//! | `botstore_pool_waiting` | gauge | | callers who waited for one then |
//!
//! `operation` is a method's name. `outcome` is `ok`, the name of an error's kind such as `not found`, or `cancelled` if
//! the caller gave up.

mod answer;
mod call;
mod forward;
mod metrics;
mod observe;
mod outage;
mod retry;

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;

use crate::error::Result;
use crate::store::BotStore;

pub use answer::Answer;
pub use call::{Access, Call, Operation};
pub use observe::Observe;
pub use outage::Outage;
pub use retry::{Retry, RetryPolicy};

/// What is done around each call to a store.
pub trait Layer: Debug + Send + Sync {
    /// Does `call`. Each call of `attempt` is an attempt at it, from its beginning; there may be any number of them, one
    /// after the other, or none.
    ///
    /// Two methods do not come here: `backend`, which is no call to the database, and `close`.
    fn around<T, F>(
        &self,
        call: Call,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> impl Future<Output = Result<T>> + Send
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send;

    /// The store is about to be closed.
    fn closing(&self) {}
}

/// A store with a layer around it.
#[derive(Debug)]
pub struct Layered<L> {
    inner: Arc<dyn BotStore>,
    layer: L,
}

impl<L: Layer> Layered<L> {
    /// Puts `layer` around a store.
    #[must_use]
    pub fn new(inner: Arc<dyn BotStore>, layer: L) -> Self {
        Self { inner, layer }
    }
}

/// Two layers as one: the first around the second.
#[derive(Debug)]
pub struct Stack<A, B>(pub A, pub B);

impl<A: Layer, B: Layer> Layer for Stack<A, B> {
    async fn around<T, F>(&self, call: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        self.0.around(call, || self.1.around(call, &attempt)).await
    }

    fn closing(&self) {
        self.0.closing();
        self.1.closing();
    }
}

#[cfg(test)]
mod testing;
