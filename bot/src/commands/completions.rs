//! `completions`: what a shell needs to complete this program's command line.

use clap::CommandFactory as _;
use clap_complete::{Shell, generate};

use crate::cli::Cli;
use crate::exit::Exit;
use crate::output::print_bytes;

pub(super) fn run(shell: Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "rosey", &mut script);
    print_bytes(&script)?;
    Ok(Exit::Done)
}
