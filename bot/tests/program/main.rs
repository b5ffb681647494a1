//! What `rosey` does, as a user sees it: every check runs the program itself, on every backend.

#![allow(clippy::unwrap_used, reason = "a check that panics is a check that fails")]

mod ailments;
mod backup;
mod doctor;
mod import;
mod look;
mod maintain;
mod manual;
mod migrate;
mod outage;
mod outage_end;
mod outage_network;
mod outbound;
mod pictures;
mod queries;
mod record;
mod replay;
mod rights;
mod robustness;
mod rosey;
mod settings;
mod terminal;
mod token;
mod transfer;
mod user;

use std::process::ExitCode;

use botstore_conformance::disk::Disk;
use libtest_mimic::{Arguments, Completion, Trial};

use self::rosey::{Backend, Rosey};

/// A check and its name. It fails by a panic.
type Check = (&'static str, fn(&Rosey));

/// Lists functions as checks, after `once` those for which the backend makes no difference, after `disk` those of them that
/// need a disk of their own, which only root can have, and after `postgres` those of what only a server can suffer.
macro_rules! checks {
    ($($check:ident),* $(,)? $(; once: $($once:ident),* $(,)?)?
        $(; disk: $($disk:ident),* $(,)?)? $(; postgres: $($postgres:ident),* $(,)?)?) => {
        pub(crate) const AREA: $crate::Area = $crate::Area {
            name: module_path!(),
            checks: &[$((stringify!($check), $check)),*],
            once: &[$($((stringify!($once), $once)),*)?],
            disk: &[$($((stringify!($disk), $disk)),*)?],
            postgres: &[$($((stringify!($postgres), $postgres)),*)?],
        };
    };
}
use checks;

/// The checks of one file.
struct Area {
    name: &'static str,
    checks: &'static [Check],
    once: &'static [Check],
    disk: &'static [Check],
    postgres: &'static [Check],
}

const AREAS: [Area; 29] = [
    ailments::AREA,
    ailments::FILES,
    ailments::SCHEMA,
    ailments::SERVER,
    backup::AREA,
    doctor::AREA,
    import::AREA,
    import::DAMAGED,
    import::INCOMPLETE,
    import::READING,
    look::AREA,
    maintain::AREA,
    manual::AREA,
    migrate::AREA,
    outage::AREA,
    outage_end::AREA,
    outage_network::AREA,
    outbound::AREA,
    pictures::AREA,
    queries::AREA,
    record::AREA,
    record::SESSIONS,
    replay::AREA,
    rights::AREA,
    robustness::AREA,
    settings::AREA,
    token::AREA,
    transfer::AREA,
    user::AREA,
];

/// The same of a check that needs a disk of its own.
fn trial_on_a_disk(area: &Area, (name, check): Check) -> Trial {
    let area = area.name.trim_start_matches("program::");
    Trial::ignorable_test(format!("program::{area}::{name}"), move || {
        if let Some(reason) = Disk::why_none_in_memory() {
            return Ok(Completion::ignored_with(reason));
        }
        check(&Rosey::on(&Backend::Sqlite)?);
        Ok(Completion::Completed)
    })
}

/// A trial named `sqlite::replay::a_second_replay_applies_nothing`.
fn trial(prefix: &str, area: &Area, (name, check): Check, backend: Backend) -> Trial {
    let area = area.name.trim_start_matches("program::");
    Trial::test(format!("{prefix}::{area}::{name}"), move || {
        check(&Rosey::on(&backend)?);
        Ok(())
    })
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let backends = match Backend::wanted() {
        Ok(backends) => backends,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let mut trials = Vec::new();
    for area in &AREAS {
        trials.extend(area.once.iter().map(|&check| trial("program", area, check, Backend::Sqlite)));
        trials.extend(area.disk.iter().map(|&check| trial_on_a_disk(area, check)));
        for backend in &backends {
            let on_backend = |&check: &Check| trial(backend.name(), area, check, backend.clone());
            trials.extend(area.checks.iter().map(on_backend));
            if matches!(backend, Backend::Postgres(_)) {
                trials.extend(area.postgres.iter().map(on_backend));
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The server stops with the last that holds it, before the process ends.
    drop(backends);
    conclusion.exit_code()
}
