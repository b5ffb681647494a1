//! What only a server can suffer, and what only a server can show. As in the suite, all that is logged meanwhile is
//! searched for passwords.

#![allow(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

mod cancellation;
mod failover;
mod full_journal;
mod given;
mod least_privilege;
mod lost_answers;
mod migrating;
mod outage;
mod pool;
mod secrets;
mod statements;
mod tls;

use std::process::ExitCode;
use std::time::Duration;

use botstore_conformance::disk::Disk;
use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// Far more than any of them takes, so that only one that hangs is stopped.
const TIMEOUT: Duration = Duration::from_secs(240);

/// The tests of a file: its name, and each test's name and function.
type Area = (&'static str, &'static [(&'static str, fn() -> BoxFuture<'static, ()>)]);

/// Lists functions as tests.
macro_rules! tests {
    ($($test:ident),* $(,)?) => {
        pub(crate) const AREA: $crate::Area =
            (module_path!(), &[$((stringify!($test), || Box::pin($test()))),*]);
    };
}
use tests;

const AREAS: [Area; 11] = [
    cancellation::AREA,
    failover::AREA,
    full_journal::AREA,
    least_privilege::AREA,
    lost_answers::AREA,
    migrating::AREA,
    outage::AREA,
    pool::AREA,
    secrets::AREA,
    statements::AREA,
    tls::AREA,
];

/// Whether `BOTSTORE_TEST_BACKENDS` has PostgreSQL tested.
fn is_wanted() -> bool {
    let wanted = std::env::var("BOTSTORE_TEST_BACKENDS").unwrap_or_default();
    wanted.is_empty() || wanted.split(',').any(|backend| backend.trim() == "postgres")
}

/// Runs a test in a runtime of its own.
fn run(test: fn() -> BoxFuture<'static, ()>, why_not: Option<&str>) -> Result<Completion, Failed> {
    if let Some(reason) = why_not {
        return Ok(Completion::ignored_with(reason));
    }
    if !is_wanted() {
        return Ok(Completion::ignored_with("BOTSTORE_TEST_BACKENDS leaves PostgreSQL out"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(async { tokio::time::timeout(TIMEOUT, test()).await });
    runtime.shutdown_background();
    outcome.map_err(|_| format!("it did not end within {TIMEOUT:?}"))?;
    Ok(Completion::Completed)
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for (area, tests) in AREAS {
        let area = area.trim_start_matches("postgres::");
        let needs_disk = area == "full_journal";
        let why_not = move || if needs_disk { Disk::why_none_in_memory() } else { None };
        let trial =
            |&(name, test)| Trial::ignorable_test(format!("{area}::{name}"), move || run(test, why_not()));
        trials.extend(tests.iter().map(trial));
    }
    botstore_conformance::secrets::begin();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if botstore_conformance::secrets::report() { conclusion.exit_code() } else { ExitCode::FAILURE }
}
