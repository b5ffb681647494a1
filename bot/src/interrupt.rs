//! Ctrl-C and SIGTERM: the first asks the command to end in order, a second ends the program at once.

use std::io;
use std::process;

use tokio::select;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

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
pub(crate) struct Interrupt(watch::Receiver<Option<Signal>>);

impl Interrupt {
    /// Begins to listen. It needs a runtime.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (tell, told) = watch::channel(None);
        tokio::spawn(async move {
            loop {
                let which = select! {
                    _ = interrupt.recv() => Signal::Interrupt,
                    _ = terminate.recv() => Signal::Terminate,
                };
                if tell.send_replace(Some(which)).is_some() {
                    process::exit(which.code().into());
                }
            }
        });
        Ok(Self(told))
    }

    /// Waits for the first signal.
    pub(crate) async fn wait(&self) -> Signal {
        let mut told = self.0.clone();
        match told.wait_for(Option::is_some).await.map(|signal| *signal) {
            Ok(Some(signal)) => signal,
            // Nobody listens any more, so there is nothing to wait for.
            _ => std::future::pending().await,
        }
    }
}
