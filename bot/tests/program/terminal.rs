//! A terminal, in which the program runs.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::rosey::{Ran, Rosey};

/// What the program prints on a terminal of so many columns and lines; it must succeed.
pub(crate) fn on_terminal(
    rosey: &Rosey,
    size: (u16, u16),
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> String {
    ran_on_terminal(rosey, size, environment, arguments).succeeds()
}

/// How the program ends on a terminal; its standard error is none.
pub(crate) fn ran_on_terminal(
    rosey: &Rosey,
    (columns, lines): (u16, u16),
    environment: &[(&str, &str)],
    arguments: &[&str],
) -> Ran {
    let (terminal, program_side) = terminal(columns, lines);
    let mut command = rosey.command(arguments);
    // A machine that says CI has colours on every terminal.
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI", "LC_ALL", "LC_CTYPE"] {
        command.env_remove(name);
    }
    command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").envs(environment.iter().copied());
    let child = command.stdout(program_side).stderr(Stdio::piped()).spawn().unwrap();
    // The program's side must be open nowhere else: then what it prints has an end.
    drop(command);
    let printed = read(terminal);
    let ran = Ran::of(child.wait_with_output().unwrap());
    Ran { stdout: printed.replace("\r\n", "\n"), ..ran }
}

/// A terminal, and the side of it on which a program runs.
pub(crate) fn terminal(columns: u16, lines: u16) -> (File, OwnedFd) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname(&terminal, Vec::new()).unwrap();
    let program_side = open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    tcsetwinsize(&program_side, Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 })
        .unwrap();
    (File::from(terminal), program_side)
}

/// All that comes from a terminal. Linux tells its end by an error.
fn read(mut terminal: File) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4_096];
    while let Ok(read @ 1..) = terminal.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8(bytes).unwrap()
}
