//! `rosey`: keeps the records of a chat bot, in SQLite or PostgreSQL.

mod bar;
mod cli;
mod clock;
mod commands;
mod confirm;
mod database;
mod exit;
mod file;
mod format;
mod interrupt;
mod logging;
mod output;
mod terminal;

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    terminal::choose(cli::colours(env::args_os()));
    let cli = match cli::Cli::read() {
        Ok(cli) => cli,
        Err(usage) => usage.exit(),
    };
    terminal::choose(cli.color);
    logging::start();
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => exit::failed(&error),
    }
}
