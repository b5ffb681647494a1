//! Staying awake for a moment, since a thread that sleeps takes longer to wake than a usual read to be done.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// How long a thread stays awake for the next job or for an answer. An executor's thread may be kept for that long.
const AWAKE: Duration = Duration::from_micros(100);

/// Whether a thread stays awake after a job: it does while its jobs follow closely on one another.
pub(crate) struct Vigil {
    idle_since: Instant,
    worthwhile: bool,
    /// On a single processor, whoever stays awake keeps everybody else from working.
    possible: bool,
}

impl Vigil {
    pub(crate) fn new() -> Self {
        let possible = available_parallelism().is_ok_and(|processors| processors > NonZero::<usize>::MIN);
        Self { idle_since: Instant::now(), worthwhile: false, possible }
    }

    /// Whether the thread stays awake after its next job.
    pub(crate) fn is_worthwhile(&self) -> bool {
        self.worthwhile
    }

    /// After a job: the next one, if staying awake for it is worthwhile and `look` finds it soon.
    pub(crate) fn keep<T>(&mut self, look: impl FnMut() -> Option<T>) -> Option<T> {
        self.idle_since = Instant::now();
        if self.worthwhile { soon(look) } else { None }
    }

    /// The next job has come.
    pub(crate) fn end(&mut self) {
        self.judge(self.idle_since.elapsed());
    }

    fn judge(&mut self, idle: Duration) {
        self.worthwhile = self.possible && idle < AWAKE;
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
        // Whoever is waited for may need this very processor.
        std::thread::yield_now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_stays_awake_only_while_jobs_follow_closely() {
        let mut vigil = Vigil { possible: true, ..Vigil::new() };
        assert_eq!(vigil.keep(|| Some(1)), None, "nothing is known yet");
        vigil.judge(AWAKE - Duration::from_nanos(1));
        assert_eq!(vigil.keep(|| Some(2)), Some(2));
        vigil.judge(AWAKE);
        assert_eq!(vigil.keep(|| Some(3)), None, "the last job was late");
    }

    #[test]
    fn a_single_processor_is_not_kept_busy_by_waiting() {
        let mut vigil = Vigil { possible: false, ..Vigil::new() };
        vigil.judge(Duration::ZERO);
        assert_eq!(vigil.keep(|| Some(1)), None);
    }

    #[test]
    fn what_does_not_come_soon_is_given_up() {
        assert_eq!(soon(|| None::<i32>), None);
    }
}
