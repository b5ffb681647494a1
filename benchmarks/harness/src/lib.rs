//! What every contestant of the benchmarks does, and how it is measured.
//!
//! A [`Contestant`] is one way to do a bot's work on one backend. A program of contestants is a call of
//! [`run_program`]: it reads the command line that all of them share, runs one [`Work`] in a closed loop, and prints
//! one [`Report`] as one line of JSON. This crate knows no database.

mod contestant;
mod figures;
mod machine;
mod program;
mod report;
mod runner;
mod url;
mod work;

pub use contestant::Contestant;
pub use figures::{median, number};
pub use machine::{Machine, engine, on_disk};
pub use program::run_program;
pub use report::Report;
pub use runner::{Measured, Plan, run};
pub use url::{Backend, sqlite_file};
pub use work::Work;

/// The settings with which botstore's connections to PostgreSQL begin, for the contestants that show the engine's limit
/// with the same statements: one plan for each prepared statement, by an index.
pub const POSTGRES_OPTIONS: &str = "-c jit=off -c plan_cache_mode=force_generic_plan -c enable_seqscan=off \
    -c enable_bitmapscan=off -c enable_hashjoin=off -c enable_mergejoin=off";
