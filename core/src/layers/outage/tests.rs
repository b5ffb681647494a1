use std::future::ready;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::advance;
use tracing::level_filters::LevelFilter;

use super::*;
use crate::layers::Access;
use crate::layers::testing::{Log, call, error};

async fn ends(outage: &Outage, result: Result<(), ErrorKind>) {
    ends_of(outage, Access::Read, result).await;
}

async fn ends_of(outage: &Outage, access: Access, result: Result<(), ErrorKind>) {
    let _ = outage.around(call(access), || ready(result.clone().map_err(error))).await;
}

/// An attempt that begins now and ends when it is told how.
async fn begins(outage: &Outage, told: oneshot::Receiver<Result<(), ErrorKind>>) {
    let told = std::sync::Mutex::new(Some(told));
    let attempt = || {
        let told = told.lock().unwrap().take().unwrap();
        async { told.await.unwrap().map_err(error) }
    };
    let _ = outage.around(call(Access::Read), attempt).await;
}

async fn goes_away(outage: &Outage) {
    for _ in 0..2 {
        ends(outage, Err(ErrorKind::Unavailable)).await;
    }
}

const AWAY: &str = "WARN the database is away backend=\"postgresql\" error=record: unavailable: broke";

#[tokio::test(start_paused = true)]
async fn there_is_one_line_when_it_goes_and_one_when_it_is_back() {
    let log = Log::begin(LevelFilter::INFO);
    let outage = Outage::new(Backend::Postgres);
    ends(&outage, Ok(())).await;
    for _ in 0..1_000 {
        ends(&outage, Err(ErrorKind::Unavailable)).await;
        advance(Duration::from_millis(5)).await;
    }
    for _ in 0..1_000 {
        ends(&outage, Ok(())).await;
    }
    let back = "INFO the database is back backend=\"postgresql\" after=5s failed=1000";
    assert_eq!(log.lines(), [AWAY, back]);

    ends(&outage, Err(ErrorKind::Unavailable)).await;
    advance(Duration::from_secs(1)).await;
    ends(&outage, Err(ErrorKind::Unavailable)).await;
    ends(&outage, Err(ErrorKind::NotFound)).await;
    let again = "INFO the database is back backend=\"postgresql\" after=1s failed=2";
    assert_eq!(log.lines(), [AWAY, back, AWAY, again]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_waiting_does_not_help_is_no_outage() {
    let log = Log::begin(LevelFilter::INFO);
    let outage = Outage::new(Backend::Postgres);
    for _ in 0..2 {
        let refused = || ready(Err::<(), _>(error(ErrorKind::Unavailable).lasting()));
        outage.around(call(Access::Read), refused).await.unwrap_err();
    }
    assert_eq!(log.lines(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_of_the_database_is_no_sign_of_it() {
    let log = Log::begin(LevelFilter::INFO);
    let outage = Outage::new(Backend::Postgres);
    let silent = [
        ErrorKind::PoolExhausted,
        ErrorKind::Timeout,
        ErrorKind::Indeterminate,
        ErrorKind::Closed,
        ErrorKind::Internal,
    ];
    for kind in silent.clone() {
        ends(&outage, Err(kind)).await;
    }
    assert_eq!(log.lines(), Vec::<String>::new());
    goes_away(&outage).await;
    for kind in silent {
        ends(&outage, Err(kind)).await;
    }
    assert_eq!(log.lines(), [AWAY]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_before_does_not_end_an_outage_nor_a_failure_during_it_begin_another() {
    let log = Log::begin(LevelFilter::INFO);
    let outage = Outage::new(Backend::Postgres);
    let ((answer, answered), (failure, failed)) = (oneshot::channel(), oneshot::channel());
    let script = async {
        goes_away(&outage).await;
        answer.send(Ok(())).unwrap();
        tokio::task::yield_now().await;
        assert_eq!(log.lines(), [AWAY]);
        tokio::join!(begins(&outage, failed), async {
            ends(&outage, Ok(())).await;
            failure.send(Err(ErrorKind::Unavailable)).unwrap();
        });
    };
    tokio::join!(begins(&outage, answered), script);
    assert_eq!(log.lines(), [AWAY, "INFO the database is back backend=\"postgresql\" after=0ns failed=2"]);
}

#[tokio::test(start_paused = true)]
async fn single_failures_are_no_outage() {
    let log = Log::begin(LevelFilter::INFO);
    let outage = Outage::new(Backend::Postgres);
    for _ in 0..100 {
        for answer in [Ok(()), Err(ErrorKind::Conflict), Err(ErrorKind::NotFound)] {
            ends(&outage, Err(ErrorKind::Unavailable)).await;
            ends(&outage, answer).await;
        }
    }
    assert_eq!(log.lines(), Vec::<String>::new());
    goes_away(&outage).await;
    assert_eq!(log.lines(), [AWAY]);
}

#[tokio::test(start_paused = true)]
async fn failures_of_attempts_that_were_under_way_together_are_no_outage() {
    let log = Log::begin(LevelFilter::INFO);
    let outage = Outage::new(Backend::Postgres);
    let ((one, first), (other, second), (early, third)) =
        (oneshot::channel(), oneshot::channel(), oneshot::channel());
    tokio::join!(begins(&outage, first), begins(&outage, second), begins(&outage, third), async {
        one.send(Err(ErrorKind::Unavailable)).unwrap();
        other.send(Err(ErrorKind::Unavailable)).unwrap();
        tokio::task::yield_now().await;
        assert_eq!(log.lines(), Vec::<String>::new());
        // An answer to what began before the failures does not take the doubt away.
        early.send(Ok(())).unwrap();
        tokio::task::yield_now().await;
        ends(&outage, Err(ErrorKind::Unavailable)).await;
        assert_eq!(log.lines(), [AWAY]);
        ends(&outage, Ok(())).await;
    });
    assert_eq!(log.lines(), [AWAY, "INFO the database is back backend=\"postgresql\" after=0ns failed=3"]);
}

#[tokio::test(start_paused = true)]
async fn it_is_back_when_it_answers_as_much_as_it_was_asked() {
    let every = [Access::Probe, Access::Read, Access::Write, Access::IdempotentWrite];
    for (failed, least) in
        [(Access::Probe, 0), (Access::Read, 1), (Access::Write, 2), (Access::IdempotentWrite, 2)]
    {
        for (index, answered) in every.into_iter().enumerate() {
            let (log, outage) = (Log::begin(LevelFilter::INFO), Outage::new(Backend::Postgres));
            ends_of(&outage, Access::Probe, Err(ErrorKind::Unavailable)).await;
            ends_of(&outage, failed, Err(ErrorKind::Unavailable)).await;
            ends_of(&outage, answered, Ok(())).await;
            assert_eq!(log.lines().len(), if index >= least { 2 } else { 1 }, "{failed:?} {answered:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_refuses_for_long_is_not_away() {
    let (log, outage) = (Log::begin(LevelFilter::INFO), Outage::new(Backend::Postgres));
    let full = || error(ErrorKind::Unavailable).lasting();
    let refused: Result<()> = outage.around(call(Access::Write), || ready(Err(full()))).await;
    assert!(refused.is_err());
    assert_eq!(log.lines(), Vec::<String>::new());
}
