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
//! A layer that treats one method in its own way, as a spool does `record`, overrides the method of [`Layer`] that is
//! called like it: it takes the same and the inner call as a function, and its default is [`Layer::around`].
//!
//! What layers stand around is a [`Connector`]: a store, or one that is to be connected, because its database is away.
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
mod connector;
mod forward;
mod metrics;
mod observe;
mod outage;
mod retry;

use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;

use crate::error::Result;
use crate::model::{Batch, Health, Position, Recorded, Source};

pub use answer::Answer;
pub use call::{Access, Call, Operation};
pub use connector::Connector;
pub use observe::Observe;
pub use outage::Outage;
pub use retry::{Retry, RetryPolicy};

/// What is done around each call to a store.
pub trait Layer: Debug + Send + Sync {
    /// Does `call`. Each call of `attempt` is an attempt at it, from its beginning; there may be any number of them, one
    /// after the other, or none.
    ///
    /// Three methods do not come here: `backend`, which is no call to the database, `close`, and those that the layer
    /// overrides.
    fn around<T, F>(
        &self,
        call: Call,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> impl Future<Output = Result<T>> + Send
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send;

    /// Records `batch` by `attempt`.
    fn record<F>(
        &self,
        call: Call,
        _batch: &Batch,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> impl Future<Output = Result<Recorded>> + Send
    where
        F: Future<Output = Result<Recorded>> + Send,
    {
        self.around(call, attempt)
    }

    /// Says where `source` stands, by `attempt`.
    fn position<F>(
        &self,
        call: Call,
        _source: &Source,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> impl Future<Output = Result<Option<Position>>> + Send
    where
        F: Future<Output = Result<Option<Position>>> + Send,
    {
        self.around(call, attempt)
    }

    /// Says how the store is, by `attempt`.
    fn health<F>(
        &self,
        call: Call,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> impl Future<Output = Result<Health>> + Send
    where
        F: Future<Output = Result<Health>> + Send,
    {
        self.around(call, attempt)
    }

    /// Closes the store by `close`, which must be called: what a layer has to finish it does before.
    fn close<F>(&self, close: impl FnOnce() -> F + Send) -> impl Future<Output = Result<()>> + Send
    where
        F: Future<Output = Result<()>> + Send,
    {
        close()
    }
}

/// A store with a layer around it.
#[derive(Debug)]
pub struct Layered<L> {
    inner: Connector,
    layer: L,
}

impl<L: Layer> Layered<L> {
    /// Puts `layer` around a store, or around one that is to be connected.
    #[must_use]
    pub fn new(inner: impl Into<Connector>, layer: L) -> Self {
        Self { inner: inner.into(), layer }
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

    async fn record<F>(
        &self,
        call: Call,
        batch: &Batch,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> Result<Recorded>
    where
        F: Future<Output = Result<Recorded>> + Send,
    {
        self.0.record(call, batch, || self.1.record(call, batch, &attempt)).await
    }

    async fn position<F>(
        &self,
        call: Call,
        source: &Source,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> Result<Option<Position>>
    where
        F: Future<Output = Result<Option<Position>>> + Send,
    {
        self.0.position(call, source, || self.1.position(call, source, &attempt)).await
    }

    async fn health<F>(&self, call: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<Health>
    where
        F: Future<Output = Result<Health>> + Send,
    {
        self.0.health(call, || self.1.health(call, &attempt)).await
    }

    async fn close<F>(&self, close: impl FnOnce() -> F + Send) -> Result<()>
    where
        F: Future<Output = Result<()>> + Send,
    {
        self.0.close(|| self.1.close(close)).await
    }
}

/// A layer that is shared, by several stores for instance.
impl<L: Layer> Layer for Arc<L> {
    async fn around<T, F>(&self, call: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<T>
    where
        T: Answer,
        F: Future<Output = Result<T>> + Send,
    {
        (**self).around(call, attempt).await
    }

    async fn record<F>(
        &self,
        call: Call,
        batch: &Batch,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> Result<Recorded>
    where
        F: Future<Output = Result<Recorded>> + Send,
    {
        (**self).record(call, batch, attempt).await
    }

    async fn position<F>(
        &self,
        call: Call,
        source: &Source,
        attempt: impl Fn() -> F + Send + Sync,
    ) -> Result<Option<Position>>
    where
        F: Future<Output = Result<Option<Position>>> + Send,
    {
        (**self).position(call, source, attempt).await
    }

    async fn health<F>(&self, call: Call, attempt: impl Fn() -> F + Send + Sync) -> Result<Health>
    where
        F: Future<Output = Result<Health>> + Send,
    {
        (**self).health(call, attempt).await
    }

    async fn close<F>(&self, close: impl FnOnce() -> F + Send) -> Result<()>
    where
        F: Future<Output = Result<()>> + Send,
    {
        (**self).close(close).await
    }
}

#[cfg(test)]
mod testing;
