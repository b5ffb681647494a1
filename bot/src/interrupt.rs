//! Ctrl-C and SIGTERM: the first asks the command to end in order, a second ends the program at once.

use std::process;

use anyhow::Context as _;
use tokio::select;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::Instant;

/// A signal that asks the program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGINT, Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl Signal {
    /// The exit code by which shells tell that this signal ended a program.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
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
        let (tell, told) = watch::channel(None);
        tokio::spawn(async move {
            loop {
                let which = select! {
                    _ = interrupt.recv() => Signal::Interrupt,
                    _ = terminate.recv() => Signal::Terminate,
                };
                if tell.send_replace(Some((which, Instant::now()))).is_some() {
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
            _ => std::future::pending().await,
        }
    }
}
