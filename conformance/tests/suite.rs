//! Every case on every backend, behind retries on stores that fail on purpose, and behind a spool.

use std::future::ready;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use botstore_conformance::server::{Flavour, PostgresDatabase};
use botstore_conformance::{Around, Backend, Case, cases, secrets, spooled, unreliable};
use libtest_mimic::{Arguments, Completion, Failed, Trial};

/// The migrated database that PostgreSQL's cases copy, made when the first of them runs.
type Template = Arc<OnceLock<Result<Arc<PostgresDatabase>, String>>>;

/// A backend before anything of it is there.
#[derive(Clone)]
enum Planned {
    SqliteFile,
    SqliteMemory,
    Postgres(&'static str, Flavour, Template),
}

impl Planned {
    fn name(&self) -> &'static str {
        match self {
            Self::SqliteFile => "sqlite_file",
            Self::SqliteMemory => "sqlite_memory",
            Self::Postgres(name, ..) => name,
        }
    }

    fn backend(&self) -> Result<Backend, Failed> {
        Ok(match self {
            Self::SqliteFile => Backend::SqliteFile,
            Self::SqliteMemory => Backend::SqliteMemory,
            Self::Postgres(_, flavour, template) => {
                let template =
                    template.get_or_init(|| migrated(*flavour).map_err(|error| format!("{error:#}")));
                Backend::Postgres(template.clone().map_err(|_| "PostgreSQL is missing: the end says why")?)
            }
        })
    }
}

/// A PostgreSQL database with an up-to-date schema and nothing in it.
fn migrated(flavour: Flavour) -> anyhow::Result<Arc<PostgresDatabase>> {
    Ok(Arc::new(flavour.start()?.create_migrated()?))
}

/// The backends that `BOTSTORE_TEST_BACKENDS` names; `sqlite` and `postgres` if it is unset or empty.
fn planned() -> Result<Vec<Planned>, String> {
    let wanted = std::env::var("BOTSTORE_TEST_BACKENDS").unwrap_or_default();
    let wanted = if wanted.is_empty() { "sqlite,postgres" } else { &wanted };
    let mut planned = Vec::new();
    for backend in wanted.split(',').map(str::trim) {
        if backend == "sqlite" {
            planned.extend([Planned::SqliteFile, Planned::SqliteMemory]);
            continue;
        }
        let Some(&(name, flavour)) = Flavour::ALL.iter().find(|(name, _)| *name == backend) else {
            let known = Flavour::ALL.map(|(name, _)| name).join(", ");
            return Err(format!("BOTSTORE_TEST_BACKENDS: {backend:?} is none of sqlite, {known}"));
        };
        planned.push(Planned::Postgres(name, flavour, Template::default()));
    }
    Ok(planned)
}

/// What is put around the stores, and how the cases are called then. The first is for every backend.
const AROUND: &[(&str, Around)] = &[
    ("", |store| Box::pin(ready(secrets::searched(store)))),
    ("_unreliable", unreliable::retried),
    ("_spooled", spooled::idle),
    (SPOOLING, spooled::busy),
];

const SPOOLING: &str = "_spooling";

/// Cases that cannot run on stores whose batches go by way of the journal, and why.
const NOT_SPOOLING: [(&str, &str); 2] = [
    (
        "a_refused_batch_takes_no_other_with_it",
        "that events before a batch are missing is found out after the journal has taken it",
    ),
    (
        "closing_waits_for_what_is_under_way",
        "what is recorded while a store is closed may wait in its journal, and each store here has its own",
    ),
];

fn trial(
    planned: &Planned,
    (suffix, around): (&'static str, Around),
    area: &str,
    case: &'static Case,
) -> Trial {
    let name = format!("{}{suffix}::{area}::{}", planned.name(), case.name);
    let planned = planned.clone();
    Trial::ignorable_test(name, move || {
        let backend = planned.backend()?;
        if let Some(reason) = backend.exception(case.needs) {
            return Ok(Completion::ignored_with(reason));
        }
        let exception = NOT_SPOOLING.iter().find(|(name, _)| suffix == SPOOLING && *name == case.name);
        if let Some((_, reason)) = exception {
            return Ok(Completion::ignored_with(*reason));
        }
        case.run_on(&backend, around).map_err(|error| format!("{error:#}"))?;
        Ok(Completion::Completed)
    })
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let planned = match planned() {
        Ok(planned) => planned,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let mut trials = Vec::new();
    for planned in &planned {
        let layered = ["sqlite_file", "postgres"].contains(&planned.name());
        for &around in if layered { AROUND } else { &AROUND[..1] } {
            trials.extend(cases::all().map(|(area, case)| trial(planned, around, area, case)));
        }
    }
    secrets::begin();
    let conclusion = libtest_mimic::run(&arguments, trials);
    for planned in &planned {
        if let Planned::Postgres(name, _, template) = planned
            && let Some(Err(error)) = template.get()
        {
            eprintln!("{name}: {error}");
        }
    }
    // The server stops with the last that holds it, before the process ends.
    drop(planned);
    if secrets::report() { conclusion.exit_code() } else { ExitCode::FAILURE }
}
