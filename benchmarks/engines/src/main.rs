//! botstore on both backends, and what the engines beneath it can do with nothing in between.

mod durability;
mod postgres;
mod rows;
mod sqlite;
mod store;

use std::sync::Arc;

use anyhow::bail;
use botstore_bench_harness::{Contestant, run_program};

/// The names, for an error.
const NAMES: &str = "botstore, rusqlite (SQLite only), tokio-postgres (PostgreSQL only)";

fn main() -> anyhow::Result<()> {
    run_program(open)
}

async fn open(name: &str, url: &str) -> anyhow::Result<Arc<dyn Contestant>> {
    Ok(match name {
        "botstore" => Arc::new(store::Store::open(url).await?),
        "rusqlite" => Arc::new(sqlite::RawSqlite::open(url)?),
        "tokio-postgres" => Arc::new(postgres::BarePostgres::open(url)?),
        _ => bail!("{name:?} is none of {NAMES}"),
    })
}
