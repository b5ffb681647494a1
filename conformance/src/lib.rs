//! One suite that proves that every store behaves alike.
//!
//! | module | what it holds |
//! |---|---|
//! | [`cases`] | the promises, one async function each, by area |
//! | [`Database`] | the fresh database on which a case runs |
//! | [`unreliable`] | stores that fail on purpose |
//! | [`spooled`] | stores with a spool |
//! | [`server`] | finds or starts PostgreSQL, in several flavours; the program's own tests use it too |
//! | [`cluster`] | a primary with a standby that takes its place |
//! | [`proxy`] | a network that fails |
//! | [`disk`] | a small disk that is full, or whose power is cut |
//! | [`recorder`] | a process that records until the end |
//! | [`secrets`] | a search for passwords in everything that is said |
//! | [`load`] | callers, and what they were told |
//!
//! `tests/suite.rs` runs every case on every backend, as `postgres::outbound::two_claimants_never_share_a_message`. The
//! other tests are about what only a server can suffer: failover, lost answers, callers who give up.
//!
//! | environment | meaning |
//! |---|---|
//! | `BOTSTORE_TEST_BACKENDS` | which backends the suite runs on, of `sqlite` and the names of [`server::Flavour::ALL`]; `sqlite,postgres` if it is not set |
//! | `BOTSTORE_PG_URL` | a PostgreSQL server to use, by a role that may create databases |
//! | `BOTSTORE_PG_BIN` | the only directory in which to look for PostgreSQL's programs |
//! | `BOTSTORE_PG_BIN_16`, `_17`, `_18` | the directory of that version's programs; `scripts/fetch-postgres.sh` gets them |

mod case;
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a case that panics is a case that fails")]
pub mod cases;
pub mod cluster;
mod database;
pub mod disk;
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a case that panics is a case that fails")]
mod given;
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a load that panics is a test that fails")]
pub mod load;
mod objects;
pub mod proxy;
#[allow(clippy::unwrap_used, reason = "a recorder that panics is a test that fails")]
pub mod recorder;
pub mod secrets;
pub mod server;
#[allow(clippy::unwrap_used, reason = "a case that panics is a case that fails")]
mod snapshot;
#[allow(clippy::unwrap_used, reason = "a store that cannot be opened is a case that fails")]
pub mod spooled;
#[allow(clippy::unwrap_used, reason = "a case that panics is a case that fails")]
mod unopened;
pub mod unreliable;

pub use case::{Case, Needs};
pub use database::{Around, Backend, Database, SqliteFile};
