//! sqlx: SQL by hand, on a pool.

mod contestant;
pub(crate) mod postgres;
pub(crate) mod sqlite;
mod statement;
