//! The pool: deadpool lends connections out; a reserve keeps the minimum warm, and what is too many is given back.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use botstore_core::clock::Clock;
use botstore_core::model::PoolHealth;
use botstore_core::settings::PostgresSettings;
use deadpool::Runtime;
use deadpool::managed::{self, BuildError, Metrics, PoolError, QueueMode, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use tokio::task::AbortHandle;
use tokio::time::{interval, timeout};

use crate::cancel::Canceller;
use crate::connect::{ConnectError, Connected, Connector};

/// How long a connection may have been idle before it is tried out.
const PING_AFTER: Duration = Duration::from_secs(30);
/// How long the answer to that may take.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection beyond the minimum may be idle.
const SURPLUS_IDLE: Duration = Duration::from_secs(60);
/// How often the pool is tended.
pub(crate) const ROUND: Duration = Duration::from_secs(30);

/// A connection that is lent, and goes back to the pool when it is dropped.
pub(crate) type Object = managed::Object<Manager>;

/// The connections of a store.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    lending: managed::Pool<Manager>,
    /// How many connections are kept open.
    minimum: usize,
    /// How long a caller waits for one.
    pub(crate) wait: Duration,
}

/// Makes connections, and judges whether they are still good.
#[derive(Debug)]
pub(crate) struct Manager {
    connector: Connector,
    clock: Arc<dyn Clock>,
    /// Connections that are open and were never lent: deadpool itself makes one only when somebody wants it.
    reserve: Mutex<Vec<Connection>>,
    /// Held while the reserve is filled. Whoever finds it empty waits for that: one more connection could be one too many.
    filling: tokio::sync::Mutex<()>,
    /// A clone for each connection that is open or being opened.
    lives: Arc<()>,
    recycle_at: Option<Duration>,
    ping: bool,
    loud: bool,
}

/// A connection with its age.
#[derive(Debug)]
pub(crate) struct Connection {
    client: ClientWrapper,
    canceller: Canceller,
    made: Instant,
    lent: Instant,
    loud: bool,
    _life: Arc<()>,
}

/// Ends the tending of a pool when it is dropped.
pub(crate) struct Keeper(AbortHandle);

impl Pool {
    pub(crate) fn new(
        connector: Connector,
        settings: &PostgresSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BuildError> {
        let manager = Manager {
            connector,
            clock,
            reserve: Mutex::default(),
            filling: tokio::sync::Mutex::default(),
            lives: Arc::default(),
            recycle_at: settings.pool_recycle,
            ping: settings.pool_pre_ping,
            loud: settings.echo_pool,
        };
        let lending = managed::Pool::builder(manager)
            .max_size(settings.max_connections() as usize)
            // So those that are too many stay idle.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(settings.pool_timeout))
            .runtime(Runtime::Tokio1)
            .build()?;
        Ok(Self { lending, minimum: settings.pool_size as usize, wait: settings.pool_timeout })
    }

    /// Lends a connection.
    pub(crate) async fn get(&self) -> Result<Object, PoolError<ConnectError>> {
        let connection = self.lending.get().await?;
        connection.log("connection lent");
        Ok(connection)
    }

    /// How many connections there are.
    pub(crate) fn health(&self) -> PoolHealth {
        let (lending, reserve) = (self.lending.status(), self.lending.manager().reserve().len());
        PoolHealth {
            max: lending.max_size,
            open: lending.size + reserve,
            idle: lending.available + reserve,
            waiting: lending.waiting,
        }
    }

    /// How it stands when a caller has waited in vain.
    pub(crate) fn shortage(&self) -> String {
        let PoolHealth { max, open, idle, waiting, .. } = self.health();
        format!(
            "none of {max} connections became free within {:?}: {} are in use, and {waiting} more callers wait; raise \
             pool_size ({}) or max_overflow ({})",
            self.wait,
            open - idle,
            self.minimum,
            max.saturating_sub(self.minimum),
        )
    }

    /// Tends the pool from now on: at once, and then in each round.
    pub(crate) fn keep(&self, round: Duration) -> Keeper {
        let (pool, mut round) = (self.clone(), interval(round));
        Keeper(
            tokio::spawn(async move {
                loop {
                    round.tick().await;
                    if let Err(error) = pool.tend().await {
                        tracing::debug!(%error, "the pool is not filled up");
                    }
                }
            })
            .abort_handle(),
        )
    }

    /// Closes what is broken, too old, or has long been too many, and opens as many connections as the minimum lacks.
    pub(crate) async fn tend(&self) -> Result<(), ConnectError> {
        self.shrink();
        let manager = self.lending.manager();
        loop {
            let _filling = manager.filling.lock().await;
            if self.lending.is_closed() || manager.living() >= self.minimum {
                return Ok(());
            }
            let connection = manager.connect(Arc::clone(&manager.lives)).await?;
            manager.reserve().push(connection);
            if self.lending.is_closed() {
                manager.reserve().clear();
            }
        }
    }

    fn shrink(&self) {
        let manager = self.lending.manager();
        let now = manager.clock.now();
        manager.reserve().retain(|connection| manager.may_stay(connection, now));
        let mut surplus = manager.living().saturating_sub(self.minimum);
        // Those that were lent longest ago come first.
        let _closed = self.lending.retain(|connection, _| {
            let idle = now.saturating_duration_since(connection.lent) >= SURPLUS_IDLE;
            let stays = manager.may_stay(connection, now) && !(idle && surplus > 0);
            surplus = surplus.saturating_sub(usize::from(!stays));
            stays
        });
    }

    /// Closes every connection that is not lent.
    pub(crate) fn forget_idle(&self) {
        self.lending.manager().reserve().clear();
        let _closed = self.lending.retain(|_, _| false);
    }

    /// Lends no connection any more, and closes those that are not lent.
    pub(crate) fn close(&self) {
        self.lending.close();
        self.lending.manager().reserve().clear();
    }
}

impl Manager {
    fn reserve(&self) -> MutexGuard<'_, Vec<Connection>> {
        // Nothing that could panic is done under the lock.
        self.reserve.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many connections are open or being opened.
    fn living(&self) -> usize {
        Arc::strong_count(&self.lives) - 1
    }

    async fn connect(&self, life: Arc<()>) -> Result<Connection, ConnectError> {
        // In a box: callers' futures, in which this lies, come upon the compiler's limit otherwise.
        let Connected { client, canceller } = Box::pin(self.connector.connect()).await?;
        let now = self.clock.now();
        let connection = Connection { client, canceller, made: now, lent: now, loud: self.loud, _life: life };
        connection.log("connection made");
        Ok(connection)
    }

    /// Whether a connection works, as far as is known, and is not too old.
    fn may_stay(&self, connection: &Connection, now: Instant) -> bool {
        let age = now.saturating_duration_since(connection.made);
        !connection.client.is_closed() && self.recycle_at.is_none_or(|limit| age < limit)
    }

    /// Whether a connection can be lent. What it knows of itself is asked without a round trip; only one that was not
    /// used for a while is tried out.
    async fn prepare(&self, connection: &mut Connection) -> bool {
        let now = self.clock.now();
        if !self.may_stay(connection, now) {
            return false;
        }
        let idle = now.saturating_duration_since(connection.lent);
        connection.lent = now;
        if !self.ping || idle < PING_AFTER {
            return true;
        }
        matches!(timeout(PING_TIMEOUT, connection.client.check_connection()).await, Ok(Ok(())))
    }
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = ConnectError;

    async fn create(&self) -> Result<Connection, ConnectError> {
        loop {
            let spare = {
                let _filled = self.filling.lock().await;
                self.reserve().pop().ok_or_else(|| Arc::clone(&self.lives))
            };
            match spare {
                Err(life) => return self.connect(life).await,
                Ok(mut spare) => {
                    if self.prepare(&mut spare).await {
                        return Ok(spare);
                    }
                }
            }
        }
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<ConnectError> {
        match self.prepare(connection).await {
            true => Ok(()),
            false => Err(RecycleError::message("broken or too old")),
        }
    }
}

impl Connection {
    /// Asks the server to stop the statement that is under way.
    pub(crate) async fn cancel(&self) {
        self.canceller.cancel().await;
    }

    fn log(&self, what: &'static str) {
        let server = &self.canceller.host;
        match self.loud {
            true => tracing::info!(%server, "{what}"),
            false => tracing::debug!(%server, "{what}"),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.log("connection closed");
    }
}

impl Deref for Connection {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        &self.client
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut ClientWrapper {
        &mut self.client
    }
}

impl Keeper {
    /// Ends the tending.
    pub(crate) fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests;
