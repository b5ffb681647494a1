//! The runner for PostgreSQL.

use std::error::Error as StdError;

use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use refinery_core::{AsyncMigrate, Migration};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, GenericClient, SimpleQueryMessage, SimpleQueryRow, Transaction};

use crate::found::{Applied, Found};
use crate::scripts::{POSTGRES, Step};
use crate::{
    Goal, HISTORY_TABLE, Migrated, MigrationError, SchemaStatus, applied, committed, failed, grouped, undone,
};

/// The key of the lock that migrations take: `botstore` in ASCII.
const LOCK_KEY: i64 = 0x626f_7473_746f_7265;

/// The tables of which a batch of events locks several, in its order. Whoever takes more than one of them away locks them
/// in that order before, or deadlocks with a bot at work.
const BATCH_ORDER: [&str; 7] = [
    "source_positions",
    "user_stats",
    "recent_chat",
    "channel_stats",
    "user_count_history",
    "user_actions",
    "current_status",
];

/// How often a migration begins that deadlocks with those who work in the database, or whose history goes away while it is
/// looked at.
const ATTEMPTS: u32 = 5;

/// Brings the database to the newest schema.
///
/// # Errors
///
/// As [`migrate_to`].
pub async fn migrate(client: &mut Client) -> Result<Migrated, MigrationError> {
    migrate_to(client, Goal::newest()).await
}

/// Brings the database to this version, in one transaction.
///
/// The lock is the transaction's: a session's lock would be shared by strangers behind a pooler that hands sessions
/// around. The statement timeout is lifted within the transaction only.
///
/// # Errors
///
/// [`MigrationError::Refused`] for a database that this program must not touch; else what PostgreSQL says.
pub async fn migrate_to(client: &mut Client, goal: Goal) -> Result<Migrated, MigrationError> {
    let mut attempts = 1;
    loop {
        let found = look(client).await?;
        found.refuse_strangers(POSTGRES)?;
        if found.has_reached(goal) {
            return Ok(found.unchanged());
        }
        match locked(client, goal).await {
            // A bot that works locks tables in an order of its own.
            Err(error) if is(&error, &SqlState::T_R_DEADLOCK_DETECTED) && attempts < ATTEMPTS => {
                attempts += 1
            }
            migrated => return migrated,
        }
    }
}

/// The same, by the only one who migrates.
async fn locked(client: &mut Client, goal: Goal) -> Result<Migrated, MigrationError> {
    let transaction = client.transaction().await.map_err(failed)?;
    transaction.batch_execute("SET LOCAL statement_timeout = 0").await.map_err(failed)?;
    transaction.batch_execute(&format!("SELECT pg_advisory_xact_lock({LOCK_KEY})")).await.map_err(failed)?;
    // Whoever had the lock before may have changed what was found.
    let found = look(&transaction).await?;
    found.refuse_strangers(POSTGRES)?;
    let migrated = match goal {
        _ if found.has_reached(goal) => return Ok(found.unchanged()),
        Goal::Up(to) => {
            let run = grouped(POSTGRES.runner(), to).run_async(&mut Within(&transaction)).await;
            applied(&run.map_err(failed)?)
        }
        Goal::Down(to) => {
            let to = to.max(0);
            let steps = POSTGRES.down(found.version(), to);
            undo(&transaction, &found, &steps, to).await.map_err(failed)?;
            undone(steps, to)
        }
    };
    transaction.commit().await.map_err(failed)?;
    Ok(committed(migrated))
}

async fn undo(
    transaction: &Transaction<'_>,
    found: &Found,
    steps: &[Step],
    to: i32,
) -> Result<(), tokio_postgres::Error> {
    let is_changed = |table: &&str| steps.iter().any(|step| step.sql.contains(table));
    let tables = BATCH_ORDER.into_iter().filter(|table| found.has(table)).filter(is_changed);
    let tables: Vec<_> = tables.collect();
    if !tables.is_empty() {
        let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", "));
        transaction.batch_execute(&lock).await?;
    }
    for step in steps {
        transaction.batch_execute(&step.sql).await?;
        let forget = format!("DELETE FROM {HISTORY_TABLE} WHERE version = {}", step.version);
        transaction.batch_execute(&forget).await?;
    }
    if to == 0 {
        transaction.batch_execute(&format!("DROP TABLE {HISTORY_TABLE}")).await?;
    }
    Ok(())
}

/// Changes nothing, and says the schema's version, which is the newest.
///
/// # Errors
///
/// [`MigrationError::Refused`] for a database whose schema is another; else what PostgreSQL says.
pub async fn check(client: &Client) -> Result<i32, MigrationError> {
    look(client).await?.refuse_others(POSTGRES)
}

/// Changes nothing, and says how the schema stands to this program.
///
/// # Errors
///
/// What PostgreSQL says.
pub async fn status(client: &Client) -> Result<SchemaStatus, MigrationError> {
    Ok(look(client).await?.status(POSTGRES))
}

async fn look(client: &impl GenericClient) -> Result<Found, MigrationError> {
    let mut attempts = 1;
    loop {
        match look_once(client).await {
            // Another process has just removed the whole schema.
            Err(error) if is(&error, &SqlState::UNDEFINED_TABLE) && attempts < ATTEMPTS => attempts += 1,
            found => return found,
        }
    }
}

async fn look_once(client: &impl GenericClient) -> Result<Found, MigrationError> {
    let tables = "SELECT tablename FROM pg_tables WHERE schemaname = ANY (current_schemas(FALSE)) ORDER BY 1";
    let tables = rows(client, tables, |row| Some(row.get(0)?.to_owned())).await?;
    let mut found = Found { tables, history: Vec::new() };
    if found.has_history() {
        let history = format!("SELECT version, name, applied_on, checksum FROM {HISTORY_TABLE}");
        found.history = rows(client, &history, |row| {
            let text = |column| row.get(column).map(str::to_owned);
            let version = row.get(0)?.parse().ok()?;
            Some(Applied { version, name: text(1)?, applied_on: text(2)?, checksum: text(3)? })
        })
        .await?;
    }
    Ok(found)
}

/// Whether the server failed with this code.
fn is(error: &MigrationError, code: &SqlState) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<tokio_postgres::Error>() {
            return error.code() == Some(code);
        }
        cause = error.source();
    }
    false
}

/// The rows that `read` understands, by a simple query: it needs no prepared statement, and so works behind any pooler.
async fn rows<T>(
    client: &impl GenericClient,
    query: &str,
    read: impl Fn(&SimpleQueryRow) -> Option<T>,
) -> Result<Vec<T>, MigrationError> {
    Ok(understood(&client.simple_query(query).await.map_err(failed)?, read))
}

fn understood<T>(messages: &[SimpleQueryMessage], read: impl Fn(&SimpleQueryRow) -> Option<T>) -> Vec<T> {
    messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => read(row),
            _ => None,
        })
        .collect()
}

/// Lets refinery work within a transaction that is open already. Its own implementation, for a client, would begin
/// and commit one of its own, and so let go of the lock.
struct Within<'a>(&'a Transaction<'a>);

impl AsyncTransaction for Within<'_> {
    type Error = tokio_postgres::Error;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &'a mut self,
        queries: T,
    ) -> Result<usize, Self::Error> {
        let mut count = 0;
        for query in queries {
            self.0.batch_execute(query).await?;
            count += 1;
        }
        Ok(count)
    }
}

impl AsyncQuery<Vec<Migration>> for Within<'_> {
    async fn query<'a>(&'a mut self, query: &'a str) -> Result<Vec<Migration>, Self::Error> {
        Ok(understood(&self.0.simple_query(query).await?, in_history))
    }
}

impl AsyncMigrate for Within<'_> {}

/// A row of the history, in refinery's order of columns. One that refinery did not write is passed over here, and
/// found missing by its verification.
fn in_history(row: &SimpleQueryRow) -> Option<Migration> {
    let applied_on = OffsetDateTime::parse(row.get(2)?, &Rfc3339).ok()?;
    Some(Migration::applied(
        row.get(0)?.parse().ok()?,
        row.get(1)?.to_owned(),
        applied_on,
        row.get(3)?.parse().ok()?,
    ))
}
