//! The closed loop: each caller does its next operation as soon as its last is answered.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use hdrhistogram::Histogram;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::work::Caller;
use crate::{Contestant, Work};

/// Latencies are kept to three digits, in nanoseconds.
const DIGITS: u8 = 3;

/// What is to be run.
#[derive(Debug, Clone, Args)]
pub struct Plan {
    /// What is done
    #[arg(long, value_enum)]
    pub work: Work,
    /// How many do it at once
    #[arg(long, value_name = "N", default_value = "1", value_parser = at_least_one::<usize>)]
    pub callers: usize,
    /// For how long, in seconds
    #[arg(long, value_name = "S", default_value = "1", value_parser = seconds)]
    pub seconds: Duration,
    /// How long the same is done before, without being counted, in seconds
    #[arg(long, value_name = "S", default_value = "0.2", value_parser = seconds)]
    pub warm_up: Duration,
    /// How many users there are
    #[arg(long, value_name = "N", default_value = "1000", value_parser = at_least_one::<u32>)]
    pub users: u32,
    /// What random choices follow from, and newcomers' names: another one for each run on one database
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
}

fn at_least_one<T: std::str::FromStr + Default + PartialEq>(text: &str) -> Result<T, String> {
    match text.parse() {
        Ok(number) if number != T::default() => Ok(number),
        _ => Err("a whole number from 1 on is expected".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let expected = || "a number of seconds, such as 0.5, is expected".to_owned();
    Duration::try_from_secs_f64(text.parse().map_err(|_| expected())?).map_err(|_| expected())
}

/// What a run came to.
#[derive(Debug)]
pub struct Measured {
    /// The time of each operation that succeeded, in nanoseconds.
    pub latencies: Histogram<u64>,
    /// Operations that failed.
    pub errors: u64,
    /// The first of their errors.
    pub first_error: Option<anyhow::Error>,
    /// The operations of the caller who got the fewest.
    pub fewest: u64,
    /// The operations of the caller who got the most.
    pub most: u64,
    /// From the callers' common start to the end of the last operation.
    pub elapsed: Duration,
}

/// Lets all callers of a plan warm up, and then measures them. An operation that fails is counted and told, and ends
/// nothing.
///
/// # Errors
///
/// - A plan that only reads was given an empty database: it would measure nothing.
/// - A contestant panicked.
pub async fn run(contestant: Arc<dyn Contestant>, plan: &Plan) -> anyhow::Result<Measured> {
    if plan.work.only_reads() {
        ensure!(contestant.top(1).await? > 0, "the database is empty: run the work `chat` on it first");
    }
    let together = Arc::new(Together { callers: Barrier::new(plan.callers), start: OnceLock::new() });
    let mut tasks = JoinSet::new();
    for caller in Caller::all(plan) {
        tasks.spawn(one(caller, Arc::clone(&contestant), plan.clone(), Arc::clone(&together)));
    }
    let mut tallies = Vec::with_capacity(plan.callers);
    while let Some(tally) = tasks.join_next().await {
        tallies.push(tally.context("a caller was ended by a panic")??);
    }
    Measured::of(tallies)
}

/// What makes all callers start at once.
struct Together {
    callers: Barrier,
    start: OnceLock<Instant>,
}

/// What one caller came to.
struct Tally {
    latencies: Histogram<u64>,
    errors: u64,
    first_error: Option<anyhow::Error>,
    /// From the common start to the end of the caller's last operation.
    elapsed: Duration,
}

async fn one(
    mut caller: Caller,
    contestant: Arc<dyn Contestant>,
    plan: Plan,
    together: Arc<Together>,
) -> anyhow::Result<Tally> {
    work(&mut caller, &*contestant, Instant::now(), plan.warm_up).await?;
    together.callers.wait().await;
    let start = *together.start.get_or_init(Instant::now);
    work(&mut caller, &*contestant, start, plan.seconds).await
}

/// Does one operation after the other until `span` after `start` has passed.
async fn work(
    caller: &mut Caller,
    contestant: &dyn Contestant,
    start: Instant,
    span: Duration,
) -> anyhow::Result<Tally> {
    let latencies = Histogram::new(DIGITS)?;
    let mut tally = Tally { latencies, errors: 0, first_error: None, elapsed: Duration::ZERO };
    while start.elapsed() < span {
        let operation = caller.next();
        let begun = Instant::now();
        let outcome = operation.run(contestant).await;
        let took = begun.elapsed();
        match outcome {
            Ok(()) => tally.latencies.record(u64::try_from(took.as_nanos())?)?,
            Err(error) => {
                tally.errors += 1;
                tally.first_error.get_or_insert(error);
            }
        }
        // A contestant that never waits would leave no turn to callers that share its thread.
        tokio::task::consume_budget().await;
    }
    tally.elapsed = start.elapsed();
    Ok(tally)
}

impl Measured {
    fn of(tallies: Vec<Tally>) -> anyhow::Result<Self> {
        let operations = || tallies.iter().map(|tally| tally.latencies.len());
        let mut all = Self {
            latencies: Histogram::new(DIGITS)?,
            errors: 0,
            first_error: None,
            fewest: operations().min().unwrap_or(0),
            most: operations().max().unwrap_or(0),
            elapsed: Duration::ZERO,
        };
        for tally in tallies {
            all.latencies.add(tally.latencies)?;
            all.errors += tally.errors;
            all.first_error = all.first_error.or(tally.first_error);
            all.elapsed = all.elapsed.max(tally.elapsed);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests;
