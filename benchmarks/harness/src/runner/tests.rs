use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::bail;
use async_trait::async_trait;

use super::*;

/// Counts what it is asked to do. Every so many lines it fails; reads say what it knows.
#[derive(Default)]
struct Counting {
    fails_every: u64,
    lines: AtomicU64,
    joins: Mutex<Vec<String>>,
    known: usize,
    pause: Duration,
}

#[async_trait]
impl Contestant for Counting {
    async fn chat(&self, _: i64, _: &str, _: &str) -> anyhow::Result<()> {
        let line = self.lines.fetch_add(1, Ordering::Relaxed) + 1;
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        if self.fails_every > 0 && line.is_multiple_of(self.fails_every) {
            bail!("a line was lost");
        }
        Ok(())
    }

    async fn join(&self, _: i64, user: &str) -> anyhow::Result<()> {
        self.joins.lock().unwrap().push(user.to_owned());
        Ok(())
    }

    async fn leave(&self, _: i64, _: &str) -> anyhow::Result<()> {
        Ok(())
    }

    async fn count(&self, _: i64, _: i64, _: i64) -> anyhow::Result<()> {
        Ok(())
    }

    async fn top(&self, _: i64) -> anyhow::Result<usize> {
        Ok(self.known)
    }

    async fn recent(&self, _: i64) -> anyhow::Result<usize> {
        Ok(self.known)
    }

    async fn stats(&self, _: &str) -> anyhow::Result<bool> {
        Ok(self.known > 0)
    }

    async fn queue(&self, _: i64, _: &str) -> anyhow::Result<()> {
        panic!("no queue")
    }

    async fn durability(&self) -> anyhow::Result<String> {
        Ok("none".to_owned())
    }
}

fn plan(work: Work, callers: usize) -> Plan {
    let seconds = Duration::from_millis(100);
    Plan { work, callers, seconds, warm_up: Duration::ZERO, users: 10, seed: 1 }
}

/// Two threads, as the programs have, so that callers share them.
async fn run_on_threads(contestant: &Arc<Counting>, plan: &Plan) -> anyhow::Result<Measured> {
    run(Arc::clone(contestant) as Arc<dyn Contestant>, plan).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_counted_and_is_no_operation() {
    let contestant = Arc::new(Counting { fails_every: 3, ..Counting::default() });
    let measured = run_on_threads(&contestant, &plan(Work::Chat, 4)).await.unwrap();
    let lines = contestant.lines.load(Ordering::Relaxed);
    assert_eq!(measured.errors, lines / 3);
    assert_eq!(measured.latencies.len(), lines - lines / 3);
    assert_eq!(measured.first_error.unwrap().to_string(), "a line was lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_caller_has_its_turn_even_if_none_ever_waits() {
    let contestant = Arc::new(Counting::default());
    let measured = run_on_threads(&contestant, &plan(Work::Chat, 8)).await.unwrap();
    let (all, mean) = (measured.latencies.len(), measured.latencies.len() / 8);
    assert_eq!(all, contestant.lines.load(Ordering::Relaxed));
    assert!(0 < measured.fewest && measured.fewest <= mean && mean <= measured.most, "{measured:?}");
    assert!(measured.errors == 0 && measured.first_error.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_are_those_of_single_operations_and_of_the_whole_run() {
    let contestant = Arc::new(Counting { pause: Duration::from_millis(5), ..Counting::default() });
    let plan = plan(Work::Chat, 3);
    let measured = run_on_threads(&contestant, &plan).await.unwrap();
    assert!(measured.elapsed >= plan.seconds);
    assert!(measured.latencies.min() >= 4_900_000, "{}", measured.latencies.min());
    // One after the other, each caller has no time for more; the last may end late.
    assert!(measured.most <= 20 && measured.fewest >= 1, "{measured:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_warm_up_is_not_counted_and_repeats_no_newcomer() {
    let contestant = Arc::new(Counting::default());
    let plan = Plan { warm_up: Duration::from_millis(20), ..plan(Work::Join, 2) };
    let measured = run_on_threads(&contestant, &plan).await.unwrap();
    let mut joins = contestant.joins.lock().unwrap().clone();
    let all = joins.len();
    assert!(measured.latencies.len() < all as u64);
    joins.sort_unstable();
    joins.dedup();
    assert_eq!(joins.len(), all);
}

#[tokio::test]
async fn nothing_is_not_measured() {
    let empty = Arc::new(Counting::default());
    let error = run_on_threads(&empty, &plan(Work::Recent, 1)).await.unwrap_err();
    assert!(error.to_string().contains("empty"), "{error}");
    let filled = Arc::new(Counting { known: 1, ..Counting::default() });
    let measured = run_on_threads(&filled, &plan(Work::Recent, 1)).await.unwrap();
    assert!(!measured.latencies.is_empty());
    let error = run_on_threads(&empty, &plan(Work::Queue, 1)).await.unwrap_err();
    assert!(error.to_string().contains("panic"), "{error}");
}
