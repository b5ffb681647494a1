//! How far the server's clock is from this machine's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use botstore_core::Result;
use botstore_core::model::{Aspect, Finding};

use super::PostgresExaminer;
use crate::row::Columns as _;

const NAME: &str = Aspect::Clock.as_str();

const NOW: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS microseconds";

/// How often the server is asked: the quickest answer says most.
const QUESTIONS: usize = 5;

/// Clocks that differ more are warned of.
const MUCH: i64 = 1_000_000;

pub(super) async fn clock(examiner: &PostgresExaminer) -> Result<Finding> {
    let mut quickest: Option<(i64, i64)> = None;
    for _ in 0..QUESTIONS {
        let asked = now();
        let rows = examiner.rows(NOW, &[]).await?;
        let answered = now();
        for row in rows {
            let there: i64 = row.raw("microseconds")?;
            // The server read its clock somewhere between.
            let half = (answered - asked) / 2;
            if quickest.is_none_or(|(_, uncertainty)| half < uncertainty) {
                quickest = Some((there - asked - half, half));
            }
        }
    }
    let (ahead, uncertainty) = quickest.unwrap_or_default();
    Ok(judge(ahead, uncertainty))
}

/// This machine's clock, in microseconds.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Judges by how many microseconds the server's clock is ahead, which are uncertain by so many.
fn judge(ahead: i64, uncertainty: i64) -> Finding {
    let milliseconds = |microseconds: i64| microseconds as f64 / 1_000.0;
    let direction = if ahead < 0 { "behind" } else { "ahead of" };
    let found = format!(
        "the server's is {:.3} ms {direction} this machine's, give or take {:.3} ms",
        milliseconds(ahead.abs()),
        milliseconds(uncertainty)
    );
    if ahead.abs().saturating_sub(uncertainty) <= MUCH {
        return Finding::ok(NAME, found);
    }
    let advice = "have both set by NTP: leases, expiry and all that is recorded go by the clocks of the machines on which \
                  bots run";
    Finding::warning(NAME, found, advice)
}

#[cfg(test)]
mod tests {
    use botstore_core::model::Verdict;

    use super::*;

    #[test]
    fn clocks_that_surely_differ_by_more_than_a_second_are_warned_of() {
        for (ahead, uncertainty, expected) in [
            (MUCH, 0, Verdict::Ok),
            (MUCH + 1, 0, Verdict::Warning),
            (-MUCH - 1, 0, Verdict::Warning),
            (2 * MUCH, MUCH, Verdict::Ok),
            (3 * MUCH, MUCH, Verdict::Warning),
        ] {
            assert_eq!(judge(ahead, uncertainty).verdict, expected, "{ahead} {uncertainty}");
        }
        let expected = "the server's is 1500.000 ms behind this machine's, give or take 0.250 ms";
        assert_eq!(judge(-1_500_000, 250).found, expected);
    }
}
