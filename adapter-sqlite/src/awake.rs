//! Staying awake for a moment, since a thread that sleeps takes longer to wake than a usual read to be done.

use std::time::{Duration, Instant};

/// How long a thread stays awake for the next job or for an answer. An executor's thread may be kept for that long.
const AWAKE: Duration = Duration::from_micros(100);

/// Whether a thread stays awake after a job: it does while jobs follow closely on one another.
pub(crate) struct Vigil {
    idle_since: Instant,
    worthwhile: bool,
}

impl Vigil {
    pub(crate) fn new() -> Self {
        Self { idle_since: Instant::now(), worthwhile: false }
    }

    /// After a job: the next one, if staying awake for it is worthwhile and `look` finds it soon.
    pub(crate) fn keep<T>(&mut self, look: impl FnMut() -> Option<T>) -> Option<T> {
        self.idle_since = Instant::now();
        if self.worthwhile { soon(look) } else { None }
    }

    /// The next job has come.
    pub(crate) fn end(&mut self) {
        self.worthwhile = self.idle_since.elapsed() < AWAKE;
    }
}

/// What `look` finds before it has taken too long.
pub(crate) fn soon<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if begun.elapsed() >= AWAKE {
            return None;
        }
        std::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stays_awake_only_while_jobs_follow_closely() {
        let mut vigil = Vigil::new();
        assert_eq!(vigil.keep(|| Some(1)), None, "nothing is known yet");
        vigil.end();
        let mut looks = 0;
        let third_look = || {
            looks += 1;
            (looks == 3).then_some(2)
        };
        assert_eq!(vigil.keep(third_look), Some(2));
        assert_eq!(vigil.keep(|| None::<i32>), None, "it gives up");
        vigil.end();
        assert_eq!(vigil.keep(|| Some(4)), None, "the last job was late");
    }
}
