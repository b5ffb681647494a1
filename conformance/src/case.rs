//! What a case is.

use std::time::Duration;

use anyhow::Context as _;
use futures::future::BoxFuture;

use crate::database::{Around, Backend, Database};

/// One promise: an async function that panics when it is broken.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// The promise.
    pub name: &'static str,
    /// Puts it to the test, on a fresh database.
    pub run: fn(Database) -> BoxFuture<'static, ()>,
    /// What the database must be able to do.
    pub needs: Needs,
}

/// What a case needs of its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// What every database has.
    Nothing,
    /// A database that outlives its store and that several stores can have open at once.
    Persistence,
    /// The same, and the right to make, alter and drop tables.
    Ddl,
}

/// The cases of an area, by the names of their functions; those after `persistent:` need [`Needs::Persistence`], those
/// after `ddl:` [`Needs::Ddl`].
macro_rules! cases {
    ($($case:ident),* $(,)?
        $(; persistent: $($persistent:ident),* $(,)?)?
        $(; ddl: $($ddl:ident),* $(,)?)?
    ) => {
        &[
            $($crate::case::cases!(@one $case Nothing),)*
            $($($crate::case::cases!(@one $persistent Persistence),)*)?
            $($($crate::case::cases!(@one $ddl Ddl),)*)?
        ]
    };
    (@one $case:ident $needs:ident) => {
        $crate::case::Case {
            name: stringify!($case),
            run: |database| Box::pin($case(database)),
            needs: $crate::case::Needs::$needs,
        }
    };
}
pub(crate) use cases;

impl Case {
    /// Far more than any case takes, so that only one that hangs is stopped.
    const TIMEOUT: Duration = Duration::from_secs(60);

    /// Runs the case on a fresh database of `backend`, in a runtime of its own, with `around` around its stores.
    ///
    /// # Errors
    ///
    /// There is no such database, or the case did not end in time.
    ///
    /// # Panics
    ///
    /// The promise is broken.
    pub fn run_on(&self, backend: &Backend, around: Around) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let case = async {
            let database = Database::fresh(backend, around).await?;
            (self.run)(database).await;
            anyhow::Ok(())
        };
        let outcome = runtime.block_on(async { tokio::time::timeout(Self::TIMEOUT, case).await });
        // What a case that was given up left running must not hold up the others.
        runtime.shutdown_background();
        outcome.with_context(|| format!("{} did not end within {:?}", self.name, Self::TIMEOUT))?
    }
}
