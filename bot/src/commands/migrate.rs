//! `migrate`: brings the database's schema up to date, or back, and says how it stands.

mod status;

use anyhow::Context as _;
use botstore::{Config, Goal, Migrated, SchemaStatus, newest_schema_version};
use serde::Serialize;

use crate::cli::{DownArgs, MigrateCommand, UpArgs};
use crate::confirm::confirm;
use crate::database::{Named, backend};
use crate::exit::Exit;
use crate::format::visible;
use crate::output::Output;

pub(super) async fn run(config: &Config, command: MigrateCommand, output: Output) -> anyhow::Result<Exit> {
    match command {
        MigrateCommand::Status => status::run(config, output).await,
        MigrateCommand::Up(args) => up(config, &args, output).await,
        MigrateCommand::Down(args) => down(config, &args, output).await,
    }
}

async fn up(config: &Config, args: &UpArgs, output: Output) -> anyhow::Result<Exit> {
    let goal = Goal::Up(args.to.unwrap_or_else(newest_schema_version));
    if args.dry_run {
        return show(config, &look(config).await?, goal, output);
    }
    reach(config, goal, output).await
}

async fn down(config: &Config, args: &DownArgs, output: Output) -> anyhow::Result<Exit> {
    let schema = look(config).await?;
    let goal = Goal::Down(args.to.unwrap_or((schema.version - 1).max(0)));
    if args.dry_run {
        return show(config, &schema, goal, output);
    }
    if !args.yes && !schema.plan(goal).is_empty() {
        confirm(&planned(config, &schema, goal), "look with --dry-run what would be done, then give --yes")?;
    }
    reach(config, goal, output).await
}

/// How the schema stands.
async fn look(config: &Config) -> anyhow::Result<SchemaStatus> {
    botstore::schema(config).await.with_context(|| Named(&config.url).to_string())
}

#[derive(Debug, Serialize)]
struct MigratedJson<'a> {
    backend: &'static str,
    version: i32,
    applied: &'a [String],
    undone: &'a [String],
}

/// Migrates, and says what was done.
async fn reach(config: &Config, goal: Goal, output: Output) -> anyhow::Result<Exit> {
    let name = Named(&config.url).to_string();
    let migrated = botstore::migrate_to(config, goal).await.with_context(|| name.clone())?;
    let Migrated { version, applied, undone } = &migrated;
    let json = MigratedJson { backend: backend(&config.url).as_str(), version: *version, applied, undone };
    output.print(&json, || {
        let done = match (applied.as_slice(), undone.as_slice()) {
            ([], []) => "nothing was to be done".to_owned(),
            (applied, []) => format!("applied {}", applied.join(", ")),
            (_, undone) => format!("undone by {}", undone.join(", ")),
        };
        format!("{}: schema version {version}, {done}", visible(&name))
    })?;
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct PlanJson<'a> {
    backend: &'static str,
    version: i32,
    steps: Vec<StepJson<'a>>,
}

#[derive(Debug, Serialize)]
struct StepJson<'a> {
    name: &'a str,
    lost: Option<&'a str>,
    sql: &'a str,
}

/// Says what would be done, and does nothing. A database that must not be touched is refused as if it were done.
fn show(config: &Config, schema: &SchemaStatus, goal: Goal, output: Output) -> anyhow::Result<Exit> {
    status::refuse(config, schema)?;
    let steps = schema.plan(goal);
    let json = PlanJson {
        backend: backend(&config.url).as_str(),
        version: schema.version,
        steps: steps
            .iter()
            .map(|step| StepJson { name: &step.name, lost: step.lost.as_deref(), sql: &step.sql })
            .collect(),
    };
    output.print(&json, || planned(config, schema, goal))?;
    Ok(Exit::Done)
}

/// What would be done, and lost, a line each.
fn planned(config: &Config, schema: &SchemaStatus, goal: Goal) -> String {
    let mut text = format!("{}: schema version {}", visible(&Named(&config.url).to_string()), schema.version);
    let steps = schema.plan(goal);
    let (done, to) = match goal {
        Goal::Up(to) => ("apply", to),
        Goal::Down(to) => ("undo by", to),
    };
    match steps.as_slice() {
        [] => text += ", nothing is to be done",
        _ => text += &format!(", to become {to}"),
    }
    for step in steps {
        text += &format!("\n  {done} {}", step.name);
        if let Some(lost) = step.lost {
            text += &format!("\n    lost: {lost}");
        }
    }
    text
}
