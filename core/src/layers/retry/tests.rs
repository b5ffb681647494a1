use std::collections::VecDeque;
use std::future::ready;
use std::sync::Mutex;

use tokio::time::sleep;

use super::*;
use crate::layers::testing::{call, error};

/// Answers of attempts, in order; after the last one they are all such as `then`.
struct Attempts {
    first: Mutex<VecDeque<Result<u32, ErrorKind>>>,
    then: Result<u32, ErrorKind>,
    made: Mutex<u32>,
}

impl Answer for u32 {}

impl Attempts {
    fn new(first: impl IntoIterator<Item = Result<u32, ErrorKind>>, then: Result<u32, ErrorKind>) -> Self {
        Self { first: Mutex::new(first.into_iter().collect()), then, made: Mutex::new(0) }
    }

    fn next(&self) -> Result<u32> {
        *self.made.lock().unwrap() += 1;
        let answer = self.first.lock().unwrap().pop_front().unwrap_or_else(|| self.then.clone());
        answer.map_err(error)
    }

    async fn by(&self, retry: &Retry, access: Access) -> Result<u32> {
        retry.around(call(access), || ready(self.next())).await
    }

    fn made(&self) -> u32 {
        *self.made.lock().unwrap()
    }
}

const EVERY: [Access; 4] = [Access::Probe, Access::Read, Access::Write, Access::IdempotentWrite];

fn kinds() -> [ErrorKind; 11] {
    [
        ErrorKind::InvalidInput { field: "limit", reason: String::new() },
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::Unavailable,
        ErrorKind::PoolExhausted,
        ErrorKind::Timeout,
        ErrorKind::Indeterminate,
        ErrorKind::Schema,
        ErrorKind::Corrupt,
        ErrorKind::Closed,
        ErrorKind::Internal,
    ]
}

#[tokio::test(start_paused = true)]
async fn only_what_may_be_tried_again_is() {
    let retry = Retry::new(RetryPolicy::default());
    for access in EVERY {
        for kind in kinds() {
            let attempts = Attempts::new([Err(kind.clone())], Ok(7));
            let result = attempts.by(&retry, access).await;
            let again = match kind {
                ErrorKind::Unavailable | ErrorKind::Timeout => access != Access::Probe,
                ErrorKind::Indeterminate => matches!(access, Access::Read | Access::IdempotentWrite),
                _ => false,
            };
            assert_eq!(result.is_ok(), again, "{access:?} {kind:?}");
            assert_eq!(attempts.made(), 1 + u32::from(again), "{access:?} {kind:?}");
            if let Err(error) = result {
                assert_eq!(error.kind(), &kind);
                assert!(
                    error.to_string().ends_with(": broke") || error.to_string().ends_with("limit: "),
                    "{error}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_waiting_does_not_help_is_said_at_once() {
    let retry = Retry::new(RetryPolicy::default());
    let begun = Instant::now();
    let lasting = || error(ErrorKind::Unavailable).lasting();
    let result: Result<u32> = retry.around(call(Access::Read), || ready(Err(lasting()))).await;
    assert_eq!(result.unwrap_err().to_string(), lasting().to_string());
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn it_is_tried_until_the_deadline_and_the_error_says_so() {
    let retry = Retry::new(RetryPolicy::default());
    let begun = Instant::now();
    let attempts = Attempts::new([], Err(ErrorKind::Unavailable));
    let error = attempts.by(&retry, Access::Write).await.unwrap_err();
    let elapsed = begun.elapsed();
    // The longest wait is 2 s: the one that would have gone beyond 30 s was not begun.
    assert!(elapsed > Duration::from_secs(28) && elapsed < Duration::from_secs(30), "{elapsed:?}");
    assert_eq!(error.kind(), &ErrorKind::Unavailable);
    let tried = format!("record: unavailable: broke; tried {} times in {elapsed:.1?}", attempts.made());
    assert_eq!(error.to_string(), tried);
}

#[tokio::test(start_paused = true)]
async fn attempts_that_take_long_count_towards_the_deadline() {
    let retry = Retry::new(RetryPolicy::default());
    let begun = Instant::now();
    // As of SQLite, which waits for a lock as long as its busy timeout allows.
    let attempt = || async {
        sleep(Duration::from_secs(5)).await;
        Err::<u32, _>(error(ErrorKind::Unavailable))
    };
    retry.around(call(Access::Write), attempt).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(35), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn without_a_deadline_there_is_one_attempt() {
    let retry = Retry::new(RetryPolicy { deadline: Duration::ZERO, ..RetryPolicy::default() });
    let attempts = Attempts::new([Err(ErrorKind::Unavailable)], Ok(7));
    assert_eq!(
        attempts.by(&retry, Access::Read).await.unwrap_err().to_string(),
        "record: unavailable: broke"
    );
}

#[tokio::test(start_paused = true)]
async fn what_may_have_happened_is_not_said_not_to_have() {
    let retry = Retry::new(RetryPolicy::default());
    for then in kinds() {
        let attempts = Attempts::new([Err(ErrorKind::Indeterminate)], Err(then.clone()));
        let error = attempts.by(&retry, Access::IdempotentWrite).await.unwrap_err();
        // These say how things stand; all others say nothing of the first attempt.
        let found_out =
            matches!(then, ErrorKind::Conflict | ErrorKind::NotFound | ErrorKind::InvalidInput { .. });
        let expected = if found_out { then } else { ErrorKind::Indeterminate };
        assert_eq!(error.kind(), &expected, "{error}");
        assert!(found_out || error.to_string().contains("; tried "), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn closing_ends_the_waiting() {
    let retry = Retry::new(RetryPolicy {
        first_wait: Duration::from_secs(1_000),
        longest_wait: Duration::from_secs(1_000),
        deadline: Duration::from_secs(10_000),
    });
    let attempts = Attempts::new([], Err(ErrorKind::Unavailable));
    let begun = Instant::now();
    let (result, ()) = tokio::join!(attempts.by(&retry, Access::Read), async {
        tokio::task::yield_now().await;
        retry.close(|| ready(Ok(()))).await.unwrap();
    });
    let told = "record: closed: the store was closed; before that: record: unavailable: broke";
    assert_eq!(result.unwrap_err().to_string(), told);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(attempts.made(), 1);
    // Nor is there any waiting after it.
    assert_eq!(attempts.by(&retry, Access::Read).await.unwrap_err().to_string(), told);
    assert_eq!(attempts.made(), 2);
    // What may have happened does not become something that did not.
    let attempts = Attempts::new([], Err(ErrorKind::Indeterminate));
    let error = attempts.by(&retry, Access::IdempotentWrite).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Indeterminate);
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[test]
fn waits_grow_twofold_up_to_the_longest() {
    let policy = RetryPolicy::default();
    let longest = |attempts| policy.longest_after(attempts).as_millis();
    assert_eq!(
        [1, 2, 3, 4, 5, 6, 7, 32, 33, u32::MAX].map(longest),
        [50, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000, 2_000]
    );
}

#[test]
fn a_wait_is_anything_up_to_the_longest() {
    let policy = RetryPolicy::default();
    let mut waits: Vec<_> = (0..1_000).map(|_| policy.wait_after(1)).collect();
    waits.sort_unstable();
    assert!(waits[999] < Duration::from_millis(50));
    // Of a thousand, none so low or none so high: less likely than that the machine breaks.
    assert!(waits[0] < Duration::from_millis(5) && waits[999] > Duration::from_millis(45), "{waits:?}");
}
