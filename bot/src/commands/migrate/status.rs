//! `migrate status`: which migrations the database has.

use anyhow::{Context as _, anyhow};
use botstore::model::Timestamp;
use botstore::{Config, MigrationState, SchemaStatus};
use serde::Serialize;

use super::look;
use crate::database::{Named, backend};
use crate::exit::Exit;
use crate::format::{maybe_time, visible};
use crate::output::{Output, table};

#[derive(Debug, Serialize)]
struct StatusJson<'a> {
    backend: &'static str,
    version: i32,
    newest: i32,
    current: bool,
    refusal: Option<&'a str>,
    migrations: Vec<MigrationJson<'a>>,
}

#[derive(Debug, Serialize)]
struct MigrationJson<'a> {
    version: i32,
    name: &'a str,
    state: &'static str,
    applied_at: Option<i64>,
}

pub(super) async fn run(config: &Config, output: Output) -> anyhow::Result<Exit> {
    let schema = look(config).await?;
    output.print(&json(config, &schema), || text(config, &schema))?;
    refuse(config, &schema)?;
    Ok(if schema.is_current() { Exit::Done } else { Exit::Pending })
}

/// Refuses a database that this program must not touch.
pub(super) fn refuse(config: &Config, schema: &SchemaStatus) -> anyhow::Result<()> {
    let refused =
        |refusal: &String| Err(anyhow!("{refusal}")).with_context(|| Named(&config.url).to_string());
    schema.refusal.as_ref().map_or(Ok(()), refused)
}

fn json<'a>(config: &Config, schema: &'a SchemaStatus) -> StatusJson<'a> {
    let migrations = schema.migrations.iter().map(|migration| MigrationJson {
        version: migration.version,
        name: &migration.name,
        state: migration.state.as_str(),
        applied_at: migration.applied_at,
    });
    StatusJson {
        backend: backend(&config.url).as_str(),
        version: schema.version,
        newest: schema.newest,
        current: schema.is_current(),
        refusal: schema.refusal.as_deref(),
        migrations: migrations.collect(),
    }
}

fn text(config: &Config, schema: &SchemaStatus) -> String {
    let rows = schema.migrations.iter().map(|migration| {
        let applied_at = migration.applied_at.and_then(|at| Timestamp::new(at).ok());
        vec![visible(&migration.name), migration.state.as_str().to_owned(), maybe_time(applied_at)]
    });
    let migrations = table(&["migration", "state", "applied"], &[], rows);
    let name = visible(&Named(&config.url).to_string());
    let SchemaStatus { version, newest, .. } = schema;
    format!("{name}: schema version {version}, the newest is {newest}\n\n{migrations}\n\n{}", summary(schema))
}

fn summary(schema: &SchemaStatus) -> String {
    let pending = schema.migrations.iter().filter(|migration| migration.state == MigrationState::Pending);
    match (pending.count(), &schema.refusal) {
        (_, Some(_)) => "this program must not touch it".to_owned(),
        (0, None) => "nothing is to be done".to_owned(),
        (pending, None) => format!("pending: {pending}; `rosey migrate` applies them"),
    }
}
