//! PostgreSQL.

use diesel::dsl::{case_when, insert_into, sql, update};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use diesel::upsert::excluded;
use diesel_async::pooled_connection::deadpool::Pool;
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::contestant::contestant;
use super::function::coalesce;
use super::function::postgres::{greatest, least};
use crate::engine::{LEASE, POSTGRES_CONNECTIONS, POSTGRES_DURABILITY};
use crate::rows::{Chatter, Claimed, Line, Stats};

pub(crate) struct Postgres {
    pool: Pool<AsyncPgConnection>,
}

impl Postgres {
    pub(crate) fn open(url: &str) -> anyhow::Result<Self> {
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        Ok(Self { pool: Pool::builder(manager).max_size(POSTGRES_CONNECTIONS as usize).build()? })
    }
}

/// Claims the message that is due first and that nobody else is at.
async fn claim(connection: &mut AsyncPgConnection, at: i64) -> QueryResult<Option<Claimed>> {
    use super::schema::outbound_messages::{self, dsl::*};
    let due = diesel::alias!(outbound_messages as due);
    let is_free = due.field(lease_until).is_null().or(due.field(lease_until).le(at));
    let first = due
        .filter(due.field(due_at).le(at).and(is_free))
        .order((due.field(due_at), due.field(id)))
        .select(due.field(id))
        .for_update()
        .skip_locked()
        .single_value();
    update(outbound_messages.filter(id.nullable().eq(first)))
        .set((lease_until.eq(at + LEASE), lease_token.eq(lease_token + 1)))
        .returning((id, lease_token, message))
        .get_result(connection)
        .await
        .optional()
}

contestant!(Postgres, transaction, durability = POSTGRES_DURABILITY);
