//! Diesel, by diesel-async: its query builder, on a pool of deadpool's.

mod contestant;
mod function;
pub(crate) mod postgres;
mod schema;
pub(crate) mod sqlite;
