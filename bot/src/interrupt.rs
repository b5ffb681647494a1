//! Ctrl-C, SIGTERM, and SIGHUP of a terminal that is closed: the first asks the command to end in order, a second ends the
//! program at once.

use std::fs;
use std::future::pending;
use std::process;

use anyhow::Context as _;
use tokio::select;
use tokio::signal::unix::{self, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

/// A signal that asks the program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGINT, Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP.
    HangUp,
}

impl Signal {
    /// The exit code by which shells tell that this signal ended a program.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
            Self::HangUp => 129,
        }
    }
}

/// The first of these signals, once it is there.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(watch::Receiver<Option<(Signal, Instant)>>);

impl Interrupt {
    /// Begins to listen. It needs a runtime.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let heard = |kind| signal(kind).context("signals cannot be heard");
        let mut interrupt = heard(SignalKind::interrupt())?;
        let mut terminate = heard(SignalKind::terminate())?;
        let mut hang_up = if hears_hang_up() { Some(heard(SignalKind::hangup())?) } else { None };
        let (tell, told) = watch::channel(None);
        tokio::spawn(async move {
            loop {
                let which = select! {
                    _ = interrupt.recv() => Signal::Interrupt,
                    _ = terminate.recv() => Signal::Terminate,
                    () = received(&mut hang_up) => Signal::HangUp,
                };
                let is_first = tell.borrow().is_none();
                if is_first {
                    tell.send_replace(Some((which, Instant::now())));
                } else if which != Signal::HangUp {
                    // Of a terminal that is closed both the system and a shell may tell, and nobody is there to insist.
                    process::exit(which.code().into());
                }
            }
        });
        Ok(Self(told))
    }

    /// When the first signal came; none: not yet.
    pub(crate) fn since(&self) -> Option<Instant> {
        self.0.borrow().map(|(_, at)| at)
    }

    /// Waits for the first signal.
    pub(crate) async fn wait(&self) -> Signal {
        let mut told = self.0.clone();
        match told.wait_for(Option::is_some).await.map(|told| *told) {
            Ok(Some((signal, _))) => signal,
            // Nobody listens any more, so there is nothing to wait for.
            _ => pending().await,
        }
    }
}

/// Waits for a signal, for ever if it is none that is heard.
async fn received(heard: &mut Option<unix::Signal>) {
    match heard {
        Some(heard) => {
            heard.recv().await;
        }
        None => pending().await,
    }
}

/// Whether SIGHUP is to end the program: not if whoever started it, such as `nohup`, has it ignored. Where the system does
/// not say so, the signal does what it did before.
fn hears_hang_up() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    ignored(&status).is_some_and(|ignored| ignored & 1 == 0)
}

/// The signals that a process ignores, the first in the lowest bit, of what Linux says of it.
fn ignored(status: &str) -> Option<u64> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(mask.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_says_what_is_ignored() {
        assert_eq!(ignored("Name:\trosey\nSigBlk:\t0000\nSigIgn:\t0000000000001001\n"), Some(0x1001));
        assert_eq!(ignored("Name:\trosey\n"), None);
    }
}
