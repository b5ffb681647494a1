//! `backup`: a copy of an SQLite database, made while a bot writes to it.

mod dump;

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use botstore::url::DatabaseUrl;
use botstore::{Backup, BackupProgress, Config, ErrorKind};
use indicatif::HumanBytes;
use serde::Serialize;

use crate::bar::bytes_bar;
use crate::cli::BackupArgs;
use crate::database::{Named, backend, refuse_own};
use crate::exit::{Exit, advise};
use crate::format::visible;
use crate::output::Output;

#[derive(Debug, Serialize)]
struct BackupJson<'a> {
    backend: &'static str,
    file: &'a Path,
    bytes: u64,
    schema_version: i32,
    database_id: Option<&'a str>,
    seconds: f64,
}

pub(super) async fn run(config: &Config, args: &BackupArgs, output: Output) -> anyhow::Result<Exit> {
    if let DatabaseUrl::Postgres(url) = &config.url {
        let error = anyhow::anyhow!("{}: pg_dump backs up a PostgreSQL database", Named(&config.url));
        return Err(advise(error, dump::advice(url, !config.postgres.statement_cache, &args.file)));
    }
    refuse_own(config, &args.file)?;
    let begun = Instant::now();
    let bar = bytes_bar();
    let made = botstore::backup(config, &args.file, args.force, |BackupProgress { done, total }| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .await;
    bar.finish_and_clear();
    let made = made.map_err(|error| {
        let (kind, error) = (error.kind().clone(), anyhow::Error::new(error));
        match kind {
            ErrorKind::Conflict if !args.force && args.file.is_file() => {
                advise(error, "name another file, or replace this one by --force")
            }
            ErrorKind::Conflict => advise(error, "name another file"),
            _ => error,
        }
    });
    let made = made.with_context(|| args.file.display().to_string())?;
    told(config, &args.file, &made, begun.elapsed().as_secs_f64(), output)?;
    Ok(Exit::Done)
}

fn told(config: &Config, file: &Path, made: &Backup, seconds: f64, output: Output) -> anyhow::Result<()> {
    let json = BackupJson {
        backend: backend(&config.url).as_str(),
        file,
        bytes: made.bytes,
        schema_version: made.schema_version,
        database_id: made.id.as_ref().map(|id| id.as_str()),
        seconds,
    };
    output.print(&json, || {
        let (from, into) = (Named(&config.url).to_string(), file.display().to_string());
        let size = HumanBytes(made.bytes);
        let identity = match &made.id {
            Some(id) => format!(
                "; it has the database's identity {}, so that what waits in a journal for the one goes into the other, too",
                id.as_str()
            ),
            None => String::new(),
        };
        format!(
            "{}: backed up into {}, {size} of schema version {} in {seconds:.1} s, and read back{identity}",
            visible(&from),
            visible(&into),
            made.schema_version
        )
    })
}
