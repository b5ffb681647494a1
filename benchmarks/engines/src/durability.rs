//! What an answered write survives, asked of the engine.

use rusqlite::Connection;
use tokio_postgres::Client;

/// Of an SQLite connection.
pub(crate) fn of_sqlite(connection: &Connection) -> rusqlite::Result<String> {
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    let synchronous = ["OFF", "NORMAL", "FULL", "EXTRA"].get(synchronous as usize).copied().unwrap_or("?");
    Ok(format!("{}, synchronous={synchronous}", journal(connection)?))
}

/// The journal of an SQLite database, such as `WAL`.
pub(crate) fn journal(connection: &Connection) -> rusqlite::Result<String> {
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok(mode.to_uppercase())
}

/// Of a PostgreSQL server.
pub(crate) async fn of_postgres(client: &Client) -> Result<String, tokio_postgres::Error> {
    const SETTINGS: &str = "SELECT current_setting('fsync'), current_setting('synchronous_commit')";
    let row = client.query_one(SETTINGS, &[]).await?;
    let (fsync, commit): (String, String) = (row.try_get(0)?, row.try_get(1)?);
    Ok(format!("fsync={fsync}, synchronous_commit={commit}"))
}
