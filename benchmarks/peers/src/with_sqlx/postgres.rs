//! PostgreSQL.

use sqlx::postgres::{PgPool, PgPoolOptions};

use super::contestant::contestant;
use super::statement::statements;
use crate::engine::{LEASE, POSTGRES_CONNECTIONS, POSTGRES_DURABILITY};
use crate::rows::{Chatter, Claimed, Line, Stats};

pub(crate) struct Postgres {
    pool: PgPool,
}

impl Postgres {
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        let options = PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).test_before_acquire(false);
        Ok(Self { pool: options.connect(url).await? })
    }
}

statements!(least = "least", greatest = "greatest", lock = " FOR UPDATE SKIP LOCKED");
contestant!(Postgres, begin = "BEGIN", durability = POSTGRES_DURABILITY);
