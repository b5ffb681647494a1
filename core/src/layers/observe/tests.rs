use std::future::{pending, ready};

use ::metrics::set_default_local_recorder;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use tracing::level_filters::LevelFilter;

use super::*;
use crate::error::ErrorKind;
use crate::layers::testing::{Log, call, error};
use crate::layers::{Access, Retry, RetryPolicy, Stack};
use crate::model::{DatabaseHealth, DatabaseId, Health, PoolHealth};

/// Every metric: its name, its labels' values, and its value; of a histogram, the number of values.
fn recorded(snapshotter: &Snapshotter) -> Vec<String> {
    let metrics = snapshotter.snapshot().into_vec().into_iter();
    let mut metrics: Vec<_> = metrics
        .map(|(key, _, _, value)| {
            let labels: Vec<_> = key.key().labels().map(|label| label.value()).collect();
            let value = match value {
                DebugValue::Counter(value) => value.to_string(),
                DebugValue::Gauge(value) => value.to_string(),
                DebugValue::Histogram(values) => format!("{} values", values.len()),
            };
            format!("{} [{}] {value}", key.key().name(), labels.join(", "))
        })
        .collect();
    metrics.sort();
    metrics
}

fn observe() -> Observe {
    Observe::new(Backend::Sqlite, None)
}

#[tokio::test(start_paused = true)]
async fn calls_rows_and_retries_are_counted() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = set_default_local_recorder(&recorder);
    let layer = Stack(observe(), Retry::new(RetryPolicy::default()));

    layer.around(call(Access::Read), || ready(Ok(vec![1, 2, 3]))).await.unwrap();
    let answers =
        Mutex::new(vec![Ok(vec![4]), Err(error(ErrorKind::Timeout)), Err(error(ErrorKind::Unavailable))]);
    layer.around(call(Access::Read), || ready(answers.lock().unwrap().pop().unwrap())).await.unwrap();
    let missing = || ready(Err::<(), _>(error(ErrorKind::NotFound)));
    layer.around(call(Access::Read), missing).await.unwrap_err();
    let given_up = layer.around(call(Access::Read), pending::<Result<()>>);
    tokio::time::timeout(Duration::from_secs(1), given_up).await.unwrap_err();

    assert_eq!(
        recorded(&snapshotter),
        [
            "botstore_operation_seconds [record] 4 values",
            "botstore_operations_total [record, cancelled] 1",
            "botstore_operations_total [record, not found] 1",
            "botstore_operations_total [record, ok] 2",
            "botstore_retries_total [record] 2",
            "botstore_rows_total [record] 4",
        ]
    );
}

#[tokio::test]
async fn the_pool_is_measured_when_health_is_asked() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _guard = set_default_local_recorder(&recorder);
    let pool = PoolHealth { max: 15, open: 5, idle: 3, waiting: 2 };
    let health = DatabaseHealth {
        id: DatabaseId::new("an identity").unwrap(),
        engine_version: "17".into(),
        schema_version: 4,
        latency: Duration::from_millis(1),
        pool,
        read_only: None,
        differences: Vec::new(),
    };
    let health = Health::new(Backend::Postgres, health);
    observe().around(call(Access::Probe), || ready(Ok(health.clone()))).await.unwrap();
    let gauges = recorded(&snapshotter).into_iter().filter(|metric| metric.starts_with("botstore_pool"));
    assert_eq!(
        gauges.collect::<Vec<_>>(),
        [
            "botstore_pool_connections [idle] 3",
            "botstore_pool_connections [max] 15",
            "botstore_pool_connections [open] 5",
            "botstore_pool_waiting [] 2",
        ]
    );
}

#[tokio::test]
async fn a_call_has_a_span_that_says_how_it_ended() {
    let log = Log::begin(LevelFilter::DEBUG);
    observe().around(call(Access::Read), || ready(Ok(vec![1, 2, 3]))).await.unwrap();
    let failing = || ready(Err::<(), _>(error(ErrorKind::Conflict)));
    observe().around(call(Access::Read), failing).await.unwrap_err();
    let lines = log.lines();
    assert_eq!(lines.len(), 3, "{lines:?}");
    let begin = "DEBUG store{backend=\"sqlite\" operation=\"record\"";
    assert!(lines[0].starts_with(&format!("{begin} duration=")), "{}", lines[0]);
    assert!(lines[0].ends_with(" rows=3 outcome=\"ok\"}: done"), "{}", lines[0]);
    assert_eq!(lines[1], format!("{begin}}}: error=record: conflict: broke"));
    assert!(lines[2].ends_with(" rows=0 outcome=\"conflict\"}: done"), "{}", lines[2]);
}

#[test]
fn slow_calls_are_warned_of_at_most_once_a_second() {
    let log = Log::begin(LevelFilter::WARN);
    let observe = Observe::new(Backend::Sqlite, Some(Duration::from_secs(1)));
    let (begun, call) = (Instant::now(), call(Access::Read));
    let ended = |took, at| {
        observe.warn_if_slow(
            call,
            Duration::from_millis(took),
            Outcome::OK,
            begun + Duration::from_millis(at),
        );
    };
    ended(999, 0);
    ended(1_000, 1);
    ended(2_000, 2);
    ended(3_000, 1_000);
    ended(1_500, 1_001);
    ended(5, 5_000);
    let slow = |took, passed_over| {
        format!(
            "WARN slow call backend=\"sqlite\" operation=\"record\" duration={took} outcome=\"ok\" \
             passed_over={passed_over}"
        )
    };
    assert_eq!(log.lines(), [slow("1s", 0), slow("1.5s", 2)]);
}

#[test]
fn no_call_is_slow_where_nobody_says_what_slow_is() {
    let log = Log::begin(LevelFilter::WARN);
    observe().warn_if_slow(call(Access::Read), Duration::MAX, Outcome::OK, Instant::now());
    assert_eq!(log.lines(), Vec::<String>::new());
}
