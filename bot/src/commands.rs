//! The commands, each in its file.

mod doctor;
mod history;
mod maintain;
mod migrate;
mod outbound;
mod recent;
mod replay;
mod stats;
mod token;
mod top;

use anyhow::Context as _;
use botstore::url::DatabaseUrl;
use botstore::{BotStore, Config};
use tokio::runtime;

use crate::cli::{Cli, Command, StoreCommand};
use crate::database;
use crate::exit::Exit;
use crate::output::Output;

/// Runs the command line's command.
pub(crate) fn run(cli: Cli) -> anyhow::Result<Exit> {
    let mut config = database::configure(&cli.database)?;
    let output = Output::new(cli.json);
    let runtime =
        runtime::Builder::new_multi_thread().enable_all().build().context("the runtime did not start")?;
    runtime.block_on(async {
        match cli.command {
            Command::Migrate => migrate::run(&config, output).await,
            Command::Doctor => doctor::run(&config, output).await,
            Command::OnStore(command) => {
                // The journal is the recorder's; the others may run beside it.
                config.spool = config.spool.filter(|_| matches!(command, StoreCommand::Replay(_)));
                on_store(&command, &config, output).await
            }
        }
    })
}

/// Opens the store, runs the command, and closes the store however that ended.
async fn on_store(command: &StoreCommand, config: &Config, output: Output) -> anyhow::Result<Exit> {
    let store = database::open(config).await?;
    let result = with_store(command, &*store, &config.url, output).await;
    let closed = store.close().await;
    let exit = result?;
    closed?;
    Ok(exit)
}

async fn with_store(
    command: &StoreCommand,
    store: &dyn BotStore,
    url: &DatabaseUrl,
    output: Output,
) -> anyhow::Result<Exit> {
    match command {
        StoreCommand::Replay(args) => replay::run(store, url, args, output).await,
        StoreCommand::Stats(args) => stats::run(store, url, args, output).await,
        StoreCommand::Top(args) => top::run(store, args, output).await,
        StoreCommand::Recent(args) => recent::run(store, args, output).await,
        StoreCommand::History(args) => history::run(store, args, output).await,
        StoreCommand::Maintain(args) => maintain::run(store, args, output).await,
        StoreCommand::Outbound(command) => outbound::run(store, command, output).await,
        StoreCommand::Token(command) => token::run(store, command, output).await,
    }
}
