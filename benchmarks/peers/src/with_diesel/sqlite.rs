//! SQLite. diesel-async runs each statement on a blocking thread; deadpool has two connections for each core if nothing
//! else is said.

use std::path::Path;

use anyhow::Context;
use diesel::dsl::{case_when, insert_into, sql, update};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::upsert::excluded;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::sync_connection_wrapper::SyncConnectionWrapper;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};

use super::contestant::contestant;
use super::function::coalesce;
use super::function::sqlite::{greatest, least};
use crate::engine::{BUSY_TIMEOUT, LEASE, SQLITE_DURABILITY};
use crate::rows::{Chatter, Claimed, Line, Stats};

type Connection = SyncConnectionWrapper<SqliteConnection>;

pub(crate) struct Sqlite {
    pool: Pool<Connection>,
}

impl Sqlite {
    pub(crate) fn open(file: &Path) -> anyhow::Result<Self> {
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(|file| Box::pin(connect(file)));
        let file = file.to_str().context("the file's path is no UTF-8")?;
        let manager = AsyncDieselConnectionManager::new_with_config(file, config);
        Ok(Self { pool: Pool::builder(manager).build()? })
    }
}

async fn connect(file: &str) -> ConnectionResult<Connection> {
    let mut connection = Connection::establish(file).await?;
    let pragmas = format!(
        "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
        BUSY_TIMEOUT.as_millis()
    );
    connection.batch_execute(&pragmas).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

/// Claims the message that is due first.
async fn claim(connection: &mut Connection, at: i64) -> QueryResult<Option<Claimed>> {
    use super::schema::outbound_messages::{self, dsl::*};
    let due = diesel::alias!(outbound_messages as due);
    let is_free = due.field(lease_until).is_null().or(due.field(lease_until).le(at));
    let first = due
        .filter(due.field(due_at).le(at).and(is_free))
        .order((due.field(due_at), due.field(id)))
        .select(due.field(id))
        .single_value();
    update(outbound_messages.filter(id.nullable().eq(first)))
        .set((lease_until.eq(at + LEASE), lease_token.eq(lease_token + 1)))
        .returning((id, lease_token, message))
        .get_result(connection)
        .await
        .optional()
}

contestant!(Sqlite, immediate_transaction, durability = SQLITE_DURABILITY);
