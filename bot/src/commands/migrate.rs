//! `migrate`: brings the database's schema up to date.

use anyhow::Context as _;
use botstore::Config;
use serde::Serialize;

use crate::database::{Named, backend};
use crate::exit::Exit;
use crate::format::visible;
use crate::output::Output;

#[derive(Debug, Serialize)]
struct MigratedJson<'a> {
    backend: &'static str,
    version: i32,
    applied: &'a [String],
}

pub(super) async fn run(config: &Config, output: Output) -> anyhow::Result<Exit> {
    let name = Named(&config.url).to_string();
    let migrated = botstore::migrate(config).await.with_context(|| name.clone())?;
    let json = MigratedJson {
        backend: backend(&config.url).as_str(),
        version: migrated.version,
        applied: &migrated.applied,
    };
    output.print(&json, || {
        let applied = match migrated.applied.as_slice() {
            [] => "nothing was to be done".to_owned(),
            applied => format!("applied {}", applied.join(", ")),
        };
        format!("{}: schema version {}, {applied}", visible(&name), migrated.version)
    })?;
    Ok(Exit::Done)
}
