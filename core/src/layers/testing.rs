//! What the layers' tests share.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;

use super::{Access, Call, Operation};
use crate::error::{ErrorKind, StoreError};

/// A call of `record`, which does such a thing to the database.
pub(super) fn call(access: Access) -> Call {
    static RECORD: Operation = Operation::new("record");
    Call::new(&RECORD, access)
}

pub(super) fn error(kind: ErrorKind) -> StoreError {
    StoreError::new(kind, "record", "broke")
}

/// The lines that this thread logs while it is held.
pub(super) struct Log {
    written: Arc<Mutex<Vec<u8>>>,
    _guard: DefaultGuard,
}

#[derive(Clone)]
struct Writer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub(super) fn begin(level: LevelFilter) -> Self {
        // With one subscriber alone, tracing asks the thread that comes first to a place whether anybody listens there,
        // and remembers its no for all threads.
        static ANOTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));
        LazyLock::force(&ANOTHER);
        let written = Arc::new(Mutex::new(Vec::new()));
        let writer = Writer(Arc::clone(&written));
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .with_target(false)
            .without_time()
            .finish();
        Self { written, _guard: tracing::subscriber::set_default(subscriber) }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let written = self.written.lock().unwrap();
        std::str::from_utf8(&written).unwrap().lines().map(|line| line.trim().to_owned()).collect()
    }
}
