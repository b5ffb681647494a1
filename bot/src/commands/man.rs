//! `man`: the manual's pages, one a command.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use serde::Serialize;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::file::{Kind, write_whole};
use crate::format::visible;
use crate::output::{Output, print_bytes};

#[derive(Debug, Serialize)]
struct WrittenJson {
    pages: Vec<String>,
}

/// Prints the program's own page, or writes those of all commands into a directory, which is made if it is not there.
pub(super) fn run(directory: Option<&Path>, output: Output) -> anyhow::Result<Exit> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let Some(directory) = directory else {
        print_bytes(&page(&program)?)?;
        return Ok(Exit::Done);
    };
    fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
    let mut pages = Vec::new();
    write_all(&program, directory, &mut pages)?;
    let said = format!("Wrote {} pages into {}", pages.len(), visible(&directory.display().to_string()));
    output.print(&WrittenJson { pages }, || said)?;
    Ok(Exit::Done)
}

/// Writes the page of a command, and those of the commands below it.
fn write_all(command: &Command, directory: &Path, pages: &mut Vec<String>) -> anyhow::Result<()> {
    let name = Man::new(command.clone()).get_filename();
    write_whole(&directory.join(&name), Kind::Page, &page(command)?)?;
    pages.push(name);
    command.get_subcommands().try_for_each(|below| write_all(below, directory, pages))
}

/// A command's page. What its help says after the options is here the description, and the examples.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let program = concat!("rosey ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(program).manual("rosey");
    let text = |text: Option<&clap::builder::StyledStr>| text.map(ToString::to_string).unwrap_or_default();
    let after = text(command.get_after_help());
    let (notes, examples) = after.split_once("Example").map_or((&*after, ""), |(notes, examples)| {
        (notes, examples.split_once(":\n").map_or(examples, |(_, examples)| examples))
    });
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    let usage = command.clone().render_usage().to_string();
    section("SYNOPSIS", &mut page, |roff| {
        roff.text([roman(usage.trim_start_matches("Usage: "))]);
    })?;
    section("DESCRIPTION", &mut page, |roff| {
        roff.text([roman(format!("{}.", text(command.get_about())))]);
        describe(notes, roff);
    })?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if !examples.is_empty() {
        section("EXAMPLES", &mut page, |roff| as_they_are(&examples.lines().collect::<Vec<_>>(), roff))?;
    }
    Ok(page)
}

fn section(title: &str, page: &mut Vec<u8>, fill: impl FnOnce(&mut Roff)) -> io::Result<()> {
    let mut roff = Roff::default();
    roff.control("SH", [title]);
    fill(&mut roff);
    roff.to_writer(page)
}

/// What a help says in words. There a list stands as lines that are indented, each with a term, two spaces or more, and
/// what it means; other lines that are indented are to be read as they are.
fn describe(notes: &str, roff: &mut Roff) {
    let lines: Vec<&str> = notes.trim_end().lines().filter(|line| !line.is_empty()).collect();
    for block in lines.chunk_by(|one, next| is_indented(one) == is_indented(next)) {
        let entries: Option<Vec<_>> = block.iter().map(|line| entry(line)).collect();
        match entries {
            _ if !block.first().is_some_and(|line| is_indented(line)) => {
                for paragraph in block {
                    roff.control("PP", []).text([roman(*paragraph)]);
                }
            }
            Some(entries) => list(&entries, roff),
            None => {
                roff.control("PP", []);
                as_they_are(block, roff);
            }
        }
    }
}

fn is_indented(line: &str) -> bool {
    line.starts_with(' ')
}

/// A term of a list and what it means.
fn entry(line: &str) -> Option<(&str, &str)> {
    line.trim().split_once("  ").map(|(term, meaning)| (term, meaning.trim_start()))
}

fn list(entries: &[(&str, &str)], roff: &mut Roff) {
    let widest = entries.iter().map(|(term, _)| term.len()).max().unwrap_or(0);
    let indent = (widest + 2).to_string();
    for (term, meaning) in entries {
        roff.control("TP", [indent.as_str()]).text([bold(*term)]).text([roman(*meaning)]);
    }
}

/// Lines that are not filled, because they are typed or read by machines.
fn as_they_are(lines: &[&str], roff: &mut Roff) {
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(*line)]);
    }
    roff.control("fi", []);
}
