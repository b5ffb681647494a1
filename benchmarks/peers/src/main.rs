//! The libraries that a bot's author would take instead, at the same work on the same tables: each as its guide shows
//! it, in its best idiom, and as durable as botstore.
//!
//! What all of them are given alike: prepared statements are kept, no connection is asked whether it lives before it is
//! used, and a transaction of several writes has SQLite's write lock from its start.

mod engine;
mod rows;
mod with_diesel;
mod with_seaorm;
mod with_sqlx;

use std::sync::Arc;

use anyhow::{Context, bail};
use botstore_bench_harness::{Backend, Contestant, run_program, sqlite_file};

/// The names, for an error.
const NAMES: &str = "sqlx, seaorm, diesel";

fn main() -> anyhow::Result<()> {
    run_program(open)
}

async fn open(name: &str, url: &str) -> anyhow::Result<Arc<dyn Contestant>> {
    match Backend::of(url)? {
        Backend::Sqlite => {
            let file = sqlite_file(url).context("sqlite:////ABSOLUTE/PATH is expected")?;
            Ok(match name {
                "sqlx" => Arc::new(with_sqlx::sqlite::Sqlite::open(&file).await?),
                "seaorm" => Arc::new(with_seaorm::SeaOrm::sqlite(url).await?),
                "diesel" => Arc::new(with_diesel::sqlite::Sqlite::open(&file)?),
                _ => bail!("{name:?} is none of {NAMES}"),
            })
        }
        Backend::Postgresql => Ok(match name {
            "sqlx" => Arc::new(with_sqlx::postgres::Postgres::open(url).await?),
            "seaorm" => Arc::new(with_seaorm::SeaOrm::postgres(url).await?),
            "diesel" => Arc::new(with_diesel::postgres::Postgres::open(url)?),
            _ => bail!("{name:?} is none of {NAMES}"),
        }),
    }
}
