//! One suite that proves that every store behaves alike.
//!
//! | module | what it holds |
//! |---|---|
//! | [`cases`] | the promises, one async function each, by area |
//! | [`Database`] | the fresh database on which a case runs |
//! | [`unreliable`] | stores that fail on purpose |
//! | [`server`] | finds or starts PostgreSQL; the program's own tests use it too |
//!
//! `tests/suite.rs` runs every case on every backend, as `postgres::outbound::two_claimants_never_share_a_message`.
//!
//! | environment | meaning |
//! |---|---|
//! | `BOTSTORE_TEST_BACKENDS` | which backends to run on, of `sqlite,postgres`; all if it is not set |
//! | `BOTSTORE_PG_URL` | a PostgreSQL server to use, by a role that may create databases |
//! | `BOTSTORE_PG_BIN` | the only directory in which to look for PostgreSQL's programs |

mod case;
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a case that panics is a case that fails")]
pub mod cases;
mod database;
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a case that panics is a case that fails")]
mod given;
pub mod server;
#[allow(clippy::unwrap_used, reason = "a case that panics is a case that fails")]
mod snapshot;
#[allow(clippy::unwrap_used, reason = "a case that panics is a case that fails")]
mod unopened;
pub mod unreliable;

pub use case::{Case, Needs};
pub use database::{Around, Backend, Database, SqliteFile};
