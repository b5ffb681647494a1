//! What only a file can suffer: a disk that is full, read-only or without power, other programs, and being damaged,
//! replaced or removed. As in the suite, all that is logged meanwhile is searched for passwords.

#![allow(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

mod child;
mod damaged;
mod disk_full;
mod full_journal;
mod given;
mod locked;
mod power_cut;
mod read_only;
mod replaced;
mod unopened_journal;

use std::process::ExitCode;
use std::time::Duration;

use child::Role;
use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// Far more than any of them takes, so that only one that hangs is stopped.
const TIMEOUT: Duration = Duration::from_secs(240);

type Test = fn() -> BoxFuture<'static, ()>;

/// The tests of a file.
struct Area {
    module: &'static str,
    /// Why they cannot run here; none if they can.
    why_not: fn() -> Option<&'static str>,
    tests: &'static [(&'static str, Test)],
}

/// Lists functions as tests, after what says why they cannot run.
macro_rules! tests {
    ($why_not:expr; $($test:ident),* $(,)?) => {
        pub(crate) const AREA: $crate::Area = $crate::Area {
            module: module_path!(),
            why_not: $why_not,
            tests: &[$((stringify!($test), || Box::pin($test()))),*],
        };
    };
}
use tests;

const AREAS: [Area; 8] = [
    damaged::AREA,
    disk_full::AREA,
    full_journal::AREA,
    locked::AREA,
    power_cut::AREA,
    read_only::AREA,
    replaced::AREA,
    unopened_journal::AREA,
];

/// Whether `BOTSTORE_TEST_BACKENDS` has SQLite tested.
fn is_wanted() -> bool {
    let wanted = std::env::var("BOTSTORE_TEST_BACKENDS").unwrap_or_default();
    wanted.is_empty() || wanted.split(',').any(|backend| backend.trim() == "sqlite")
}

/// Runs a test in a runtime of its own.
fn run(test: Test, why_not: fn() -> Option<&'static str>) -> Result<Completion, Failed> {
    if !is_wanted() {
        return Ok(Completion::ignored_with("BOTSTORE_TEST_BACKENDS leaves SQLite out"));
    }
    if let Some(reason) = why_not() {
        return Ok(Completion::ignored_with(reason));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(async { tokio::time::timeout(TIMEOUT, test()).await });
    runtime.shutdown_background();
    outcome.map_err(|_| format!("it did not end within {TIMEOUT:?}"))?;
    Ok(Completion::Completed)
}

fn main() -> ExitCode {
    if let Some(role) = Role::asked_for() {
        return role.play();
    }
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for Area { module, why_not, tests } in AREAS {
        let area = module.trim_start_matches("sqlite::");
        let trial =
            |&(name, test)| Trial::ignorable_test(format!("{area}::{name}"), move || run(test, why_not));
        trials.extend(tests.iter().map(trial));
    }
    botstore_conformance::secrets::begin();
    let conclusion = libtest_mimic::run(&arguments, trials);
    if botstore_conformance::secrets::report() { conclusion.exit_code() } else { ExitCode::FAILURE }
}
