//! The runner for PostgreSQL.

use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use refinery_core::{AsyncMigrate, Migration};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_postgres::{Client, GenericClient, SimpleQueryMessage, SimpleQueryRow, Transaction};

use crate::embedded::postgres::migrations::runner;
use crate::{Applied, Found, HISTORY_TABLE, Migrated, MigrationError, failed, grouped, report, up_to_date};

/// The key of the lock that migrations take: `botstore` in ASCII.
const LOCK_KEY: i64 = 0x626f_7473_746f_7265;

/// Brings the database to the newest schema, in one transaction.
///
/// The lock is the transaction's: a session's lock would be shared by strangers behind a pooler that hands sessions
/// around. The statement timeout is lifted within the transaction only.
///
/// # Errors
///
/// [`MigrationError::Refused`] for a database that this program must not touch; else what PostgreSQL says.
pub async fn migrate(client: &mut Client) -> Result<Migrated, MigrationError> {
    let found = look(client).await?;
    found.refuse_strangers(&runner())?;
    if found.is_current() {
        return Ok(up_to_date());
    }
    let transaction = client.transaction().await.map_err(failed)?;
    transaction.batch_execute("SET LOCAL statement_timeout = 0").await.map_err(failed)?;
    transaction.batch_execute(&format!("SELECT pg_advisory_xact_lock({LOCK_KEY})")).await.map_err(failed)?;
    // Whoever had the lock before may have changed what was found.
    look(&transaction).await?.refuse_strangers(&runner())?;
    let run = grouped(runner()).run_async(&mut Within(&transaction)).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    Ok(report(&run))
}

/// Changes nothing, and says the schema's version, which is the newest.
///
/// # Errors
///
/// [`MigrationError::Refused`] for a database whose schema is another; else what PostgreSQL says.
pub async fn check(client: &Client) -> Result<i32, MigrationError> {
    let found = look(client).await?;
    found.refuse_strangers(&runner())?;
    found.refuse_old()
}

async fn look(client: &impl GenericClient) -> Result<Found, MigrationError> {
    let tables = "SELECT tablename FROM pg_tables WHERE schemaname = ANY (current_schemas(FALSE)) ORDER BY 1";
    let tables = rows(client, tables, |row| Some(row.get(0)?.to_owned())).await?;
    let mut found = Found { tables, history: Vec::new() };
    if found.has_history() {
        let history = format!("SELECT version, name, checksum FROM {HISTORY_TABLE}");
        found.history = rows(client, &history, |row| {
            let version = row.get(0)?.parse().ok()?;
            Some(Applied { version, name: row.get(1)?.to_owned(), checksum: row.get(2)?.to_owned() })
        })
        .await?;
    }
    Ok(found)
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
        Ok(understood(&self.0.simple_query(query).await?, applied))
    }
}

impl AsyncMigrate for Within<'_> {}

/// A row of the history, in refinery's order of columns. One that refinery did not write is passed over here, and
/// found missing by its verification.
fn applied(row: &SimpleQueryRow) -> Option<Migration> {
    let applied_on = OffsetDateTime::parse(row.get(2)?, &Rfc3339).ok()?;
    Some(Migration::applied(
        row.get(0)?.parse().ok()?,
        row.get(1)?.to_owned(),
        applied_on,
        row.get(3)?.parse().ok()?,
    ))
}
