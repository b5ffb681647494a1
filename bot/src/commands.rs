//! The commands, each in its file.

mod audit;
mod backup;
mod completions;
mod copy;
mod doctor;
mod history;
mod import;
mod input;
mod maintain;
mod man;
mod migrate;
mod outbound;
mod recent;
mod record;
mod recording;
mod replay;
mod stats;
mod token;
mod top;
mod transfer;
mod user;
mod verify;

use std::cell::Cell;

use anyhow::Context as _;
use botstore::{BotStore, Config};
use tokio::{runtime, select};

use crate::cli::{Cli, Command, RecordingCommand, StoreCommand};
use crate::database;
use crate::exit::Exit;
use crate::interrupt::Interrupt;
use crate::output::Output;

/// Runs the command line's command.
pub(crate) fn run(cli: Cli) -> anyhow::Result<Exit> {
    let output = Output::new(cli.json);
    let config = || database::configure(&cli.database);
    let runtime =
        runtime::Builder::new_multi_thread().enable_all().build().context("the runtime did not start")?;
    let looks = matches!(cli.command, Command::Doctor(_));
    let exit = runtime.block_on(async {
        match cli.command {
            Command::Migrate(args) => migrate::run(&config()?, args.command(), output).await,
            Command::Doctor(args) => until_signal(doctor::run(&config()?, &args, output)).await,
            Command::Backup(args) => until_signal(backup::run(&config()?, &args, output)).await,
            Command::Copy(args) => {
                let stage = Cell::new(copy::Stage::Before);
                let exit = until_signal(copy::run(&args, &stage, output)).await?;
                if let Exit::Interrupted(_) = exit {
                    output.note(copy::how_to_go_on(&args, stage.get()));
                }
                Ok(exit)
            }
            Command::Verify(args) => until_signal(verify::run(&args, output)).await,
            Command::Import(args) => import::run(&config()?, &args, output).await,
            Command::Recording(RecordingCommand::Replay(args)) => {
                replay::run(&config()?, &args, output).await
            }
            Command::Recording(RecordingCommand::Record(args)) => {
                record::run(&config()?, &args, output).await
            }
            Command::OnStore(command) => on_store(&command, &config()?, output).await,
            Command::Completions { shell } => completions::run(shell),
            Command::Man { directory } => man::run(directory.as_deref(), output),
        }
    });
    if looks {
        // The operating system may never answer what it was asked.
        runtime.shutdown_background();
    }
    exit
}

/// The journal is the recorder's; the others may run beside it.
fn without_journal(mut config: Config) -> Config {
    config.spool = None;
    config
}

/// Does work that any signal may end where it waits.
async fn until_signal(work: impl Future<Output = anyhow::Result<Exit>>) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen()?;
    select! {
        exit = work => exit,
        signal = interrupt.wait() => Ok(Exit::Interrupted(signal)),
    }
}

/// Opens the store, without its journal, runs the command, and closes the store however that ended. A signal ends the command
/// where it waits, which no store minds.
async fn on_store(command: &StoreCommand, config: &Config, output: Output) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen()?;
    let opened = without_journal(config.clone());
    let store = select! {
        store = database::open(&opened) => store?,
        signal = interrupt.wait() => return Ok(Exit::Interrupted(signal)),
    };
    let result = select! {
        result = with_store(command, &*store, config, output) => result,
        signal = interrupt.wait() => Ok(Exit::Interrupted(signal)),
    };
    let closed = store.close().await;
    let exit = result?;
    closed?;
    Ok(exit)
}

async fn with_store(
    command: &StoreCommand,
    store: &dyn BotStore,
    config: &Config,
    output: Output,
) -> anyhow::Result<Exit> {
    let url = &config.url;
    match command {
        StoreCommand::Stats(args) => stats::run(store, url, args, output).await,
        StoreCommand::Top(args) => top::run(store, args, output).await,
        StoreCommand::Recent(args) => recent::run(store, args, output).await,
        StoreCommand::History(args) => history::run(store, config, args, output).await,
        StoreCommand::Audit(args) => audit::run(store, args, output).await,
        StoreCommand::User(command) => user::run(store, command, output).await,
        StoreCommand::Maintain(args) => maintain::run(store, args, output).await,
        StoreCommand::Outbound(command) => outbound::run(store, command, output).await,
        StoreCommand::Token(command) => token::run(store, command, output).await,
    }
}
