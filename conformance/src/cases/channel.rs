//! Counts: the history, and the peaks.

use std::sync::Arc;

use botstore::model::{
    ChannelEvent, ChannelStats, Count, CountSample, Limit, Peak, RowKey, Timestamp, UserCounts,
};
use botstore::store::BotStore;
use futures::future::join_all;

use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, chat, counts, limit, record};

pub(super) const CASES: &[Case] = cases![
    before_the_first_sample_nothing_is_known,
    a_sample_is_kept_as_it_was_taken,
    the_same_sample_is_kept_each_time,
    peaks_only_rise,
    each_peak_has_its_own_moment,
    of_equal_counts_the_earliest_moment_is_the_peaks,
    zero_is_never_a_peak,
    nobody_chatting_is_no_peak_of_the_chat,
    peaks_are_the_same_in_any_order,
    two_hundred_rising_counts_at_once_leave_the_greatest,
    equal_counts_at_once_leave_the_earliest,
    counts_reach_their_greatest_value,
    chatters_may_be_all_who_are_connected,
    last_updated_only_goes_up,
    samples_come_in_the_order_of_their_times,
    samples_of_one_moment_come_in_the_order_of_their_batch,
    samples_since_a_moment_leave_it_out,
    samples_from_before_a_moment_begin_with_it,
    pages_cover_all_samples_once,
    samples_are_counted,
    other_events_are_no_samples;
    persistent:
    peaks_and_samples_survive_reopening,
];

fn peak(count: i64, seconds: i64) -> Option<Peak> {
    Peak::of(Count::new("count", count).unwrap(), at(seconds))
}

async fn peaks(store: &dyn BotStore) -> (Option<Peak>, Option<Peak>) {
    let stats = store.channel_stats().await.unwrap();
    (stats.peak_chat, stats.peak_connected)
}

async fn samples(store: &dyn BotStore, after: RowKey, rows: i64) -> Vec<(i64, i64, i64)> {
    let samples = store.count_samples_after(after, limit(rows)).await.unwrap();
    samples.iter().map(|s| (s.at.seconds(), s.counts.chat().get(), s.counts.connected().get())).collect()
}

async fn before_the_first_sample_nothing_is_known(db: Database) {
    assert_eq!(db.store().channel_stats().await.unwrap(), ChannelStats::default());
    assert_eq!(samples(&**db.store(), RowKey::START, 10).await, []);
    assert_eq!(db.store().count_sample_count().await.unwrap(), Count::ZERO);
}

async fn a_sample_is_kept_as_it_was_taken(db: Database) {
    record(&**db.store(), [counts(1_700_000_000, 3, 5)]).await;
    let kept = db.store().count_samples_after(RowKey::START, limit(10)).await.unwrap();
    let counts = UserCounts::new(3, 5).unwrap();
    assert_eq!(kept, [CountSample { id: kept[0].id, at: at(1_700_000_000), counts }]);
    let expected = ChannelStats {
        peak_chat: peak(3, 1_700_000_000),
        peak_connected: peak(5, 1_700_000_000),
        last_updated: Some(at(1_700_000_000)),
    };
    assert_eq!(db.store().channel_stats().await.unwrap(), expected);
}

async fn the_same_sample_is_kept_each_time(db: Database) {
    record(&**db.store(), [counts(1, 3, 5), counts(1, 3, 5)]).await;
    record(&**db.store(), [counts(1, 3, 5)]).await;
    assert_eq!(samples(&**db.store(), RowKey::START, 10).await, [(1, 3, 5); 3]);
}

async fn peaks_only_rise(db: Database) {
    let store = &**db.store();
    for (sample, chat, connected) in [
        (counts(10, 3, 5), peak(3, 10), peak(5, 10)),
        (counts(20, 2, 4), peak(3, 10), peak(5, 10)),
        (counts(30, 4, 6), peak(4, 30), peak(6, 30)),
        (counts(40, 0, 0), peak(4, 30), peak(6, 30)),
        (counts(5, 10, 100), peak(10, 5), peak(100, 5)),
        (counts(50, 9, 99), peak(10, 5), peak(100, 5)),
    ] {
        record(store, [sample]).await;
        assert_eq!(peaks(store).await, (chat, connected));
    }
}

async fn each_peak_has_its_own_moment(db: Database) {
    record(&**db.store(), [counts(10, 3, 20), counts(20, 9, 10)]).await;
    assert_eq!(peaks(&**db.store()).await, (peak(9, 20), peak(20, 10)));
    record(&**db.store(), [counts(30, 9, 30)]).await;
    record(&**db.store(), [counts(40, 12, 30)]).await;
    assert_eq!(peaks(&**db.store()).await, (peak(12, 40), peak(30, 30)));
    record(&**db.store(), [counts(35, 13, 20)]).await;
    assert_eq!(peaks(&**db.store()).await, (peak(13, 35), peak(30, 30)), "late, and only more who chat");
    record(&**db.store(), [counts(36, 1, 31)]).await;
    assert_eq!(
        peaks(&**db.store()).await,
        (peak(13, 35), peak(31, 36)),
        "late, and only more who are connected"
    );
}

async fn of_equal_counts_the_earliest_moment_is_the_peaks(db: Database) {
    let store = &**db.store();
    record(store, [counts(20, 3, 5)]).await;
    record(store, [counts(30, 3, 5)]).await;
    assert_eq!(peaks(store).await, (peak(3, 20), peak(5, 20)), "a later one changes nothing");
    record(store, [counts(10, 3, 5)]).await;
    assert_eq!(peaks(store).await, (peak(3, 10), peak(5, 10)), "an earlier one has come late");
    record(store, [counts(15, 3, 5), counts(9, 3, 4), counts(8, 2, 5)]).await;
    assert_eq!(peaks(store).await, (peak(3, 9), peak(5, 8)));
}

async fn zero_is_never_a_peak(db: Database) {
    record(&**db.store(), [counts(10, 0, 0), counts(5, 0, 0)]).await;
    let stats = db.store().channel_stats().await.unwrap();
    assert_eq!((stats.peak_chat, stats.peak_connected), (None, None));
    assert_eq!(stats.last_updated, Some(at(10)));
    assert_eq!(samples(&**db.store(), RowKey::START, 10).await, [(5, 0, 0), (10, 0, 0)]);
}

async fn nobody_chatting_is_no_peak_of_the_chat(db: Database) {
    record(&**db.store(), [counts(10, 0, 7)]).await;
    assert_eq!(peaks(&**db.store()).await, (None, peak(7, 10)));
    record(&**db.store(), [counts(20, 1, 7)]).await;
    assert_eq!(peaks(&**db.store()).await, (peak(1, 20), peak(7, 10)));
}

/// Every order of the items.
fn orders<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    if items.is_empty() {
        return vec![Vec::new()];
    }
    let mut orders_of_all = Vec::new();
    for (index, first) in items.iter().enumerate() {
        let mut others = items.to_vec();
        others.remove(index);
        for mut order in orders(&others) {
            order.insert(0, first.clone());
            orders_of_all.push(order);
        }
    }
    orders_of_all
}

async fn peaks_are_the_same_in_any_order(db: Database) {
    let store = &**db.store();
    // Each round counts more than the one before, so that its peaks are its own.
    let rounds: [ChannelEvent; 4] = [counts(10, 5, 8), counts(20, 5, 9), counts(15, 5, 9), counts(30, 0, 9)];
    for (more, order) in (0..).zip(orders(&rounds)) {
        let raised = order.iter().map(|sample| match sample {
            ChannelEvent::UserCount { at, counts: old } => {
                let (chat, connected) = (old.chat().get() + more * 10, old.connected().get() + more * 10);
                counts(at.seconds(), if old.chat() == Count::ZERO { 0 } else { chat }, connected)
            }
            _ => unreachable!("only samples"),
        });
        let raised: Vec<_> = raised.collect();
        let (head, tail) = raised.split_at(more as usize % 5);
        for part in [head, tail] {
            if !part.is_empty() {
                record(store, part).await;
            }
        }
        let expected = (peak(5 + more * 10, 10), peak(9 + more * 10, 15));
        assert_eq!(peaks(store).await, expected, "{order:?}");
    }
}

async fn at_once(store: &Arc<dyn BotStore>, samples: impl IntoIterator<Item = ChannelEvent>) {
    let tasks = samples.into_iter().map(|sample| {
        let store = Arc::clone(store);
        tokio::spawn(async move { record(&*store, [sample]).await })
    });
    for task in join_all(tasks).await {
        task.unwrap();
    }
}

async fn two_hundred_rising_counts_at_once_leave_the_greatest(db: Database) {
    at_once(db.store(), (1..=200).map(|count| counts(1_000 + count, count, 2 * count))).await;
    let stats = db.store().channel_stats().await.unwrap();
    assert_eq!((stats.peak_chat, stats.peak_connected), (peak(200, 1_200), peak(400, 1_200)));
    assert_eq!(stats.last_updated, Some(at(1_200)));
    assert_eq!(db.store().count_sample_count().await.unwrap().get(), 200);
}

async fn equal_counts_at_once_leave_the_earliest(db: Database) {
    at_once(db.store(), (0..100).map(|number| counts(1_000 + number * 37 % 100, 4, 4))).await;
    assert_eq!(peaks(&**db.store()).await, (peak(4, 1_000), peak(4, 1_000)));
}

async fn counts_reach_their_greatest_value(db: Database) {
    let (most, last) = (Count::MAX.get(), Timestamp::MAX.seconds());
    record(&**db.store(), [counts(last, most, most), counts(0, 0, most)]).await;
    assert_eq!(samples(&**db.store(), RowKey::START, 10).await, [(0, 0, most), (last, most, most)]);
    assert_eq!(peaks(&**db.store()).await, (peak(most, last), peak(most, 0)));
}

async fn chatters_may_be_all_who_are_connected(db: Database) {
    record(&**db.store(), [counts(1, 4, 4)]).await;
    assert_eq!(peaks(&**db.store()).await, (peak(4, 1), peak(4, 1)));
}

async fn last_updated_only_goes_up(db: Database) {
    for (moment, expected) in [(50, 50), (40, 50), (50, 50), (51, 51), (0, 51)] {
        record(&**db.store(), [counts(moment, 1, 1)]).await;
        assert_eq!(db.store().channel_stats().await.unwrap().last_updated, Some(at(expected)));
    }
    record(&**db.store(), [counts(70, 1, 1), counts(60, 1, 1)]).await;
    assert_eq!(db.store().channel_stats().await.unwrap().last_updated, Some(at(70)));
}

async fn samples_come_in_the_order_of_their_times(db: Database) {
    let store = &**db.store();
    record(store, [counts(40, 4, 9), counts(10, 1, 9)]).await;
    record(store, [counts(30, 3, 9)]).await;
    record(store, [counts(20, 2, 9)]).await;
    let expected = [(10, 1, 9), (20, 2, 9), (30, 3, 9), (40, 4, 9)];
    assert_eq!(samples(store, RowKey::START, 10).await, expected);
    assert_eq!(samples(store, RowKey::START, 3).await, expected[..3]);
}

async fn samples_of_one_moment_come_in_the_order_of_their_batch(db: Database) {
    let store = &**db.store();
    let chatting: Vec<i64> = (0..60).map(|number| number * 37 % 60).collect();
    record(store, chatting.iter().map(|&chat| counts(7, chat, 100)).collect::<Vec<_>>()).await;
    let kept: Vec<i64> = samples(store, RowKey::START, 100).await.iter().map(|sample| sample.1).collect();
    assert_eq!(kept, chatting);
}

async fn samples_since_a_moment_leave_it_out(db: Database) {
    let store = &**db.store();
    record(store, [counts(9, 1, 1), counts(10, 2, 2), counts(10, 3, 3), counts(11, 4, 4)]).await;
    assert_eq!(samples(store, RowKey::since(at(8)), 10).await.len(), 4);
    assert_eq!(samples(store, RowKey::since(at(9)), 10).await, [(10, 2, 2), (10, 3, 3), (11, 4, 4)]);
    assert_eq!(samples(store, RowKey::since(at(10)), 10).await, [(11, 4, 4)]);
    assert_eq!(samples(store, RowKey::since(at(11)), 10).await, []);
    assert_eq!(samples(store, RowKey::END, 10).await, []);
}

async fn samples_from_before_a_moment_begin_with_it(db: Database) {
    let store = &**db.store();
    record(store, [counts(9, 1, 1), counts(10, 2, 2), counts(10, 3, 3), counts(11, 4, 4)]).await;
    assert_eq!(samples(store, RowKey::before(at(10)), 10).await, [(10, 2, 2), (10, 3, 3), (11, 4, 4)]);
    assert_eq!(samples(store, RowKey::before(at(12)), 10).await, []);
}

async fn pages_cover_all_samples_once(db: Database) {
    let store = &**db.store();
    for part in 0..4 {
        record(store, (0..10).map(|number| counts(number * 7 % 5, part, 10)).collect::<Vec<_>>()).await;
    }
    let all = store.count_samples_after(RowKey::START, Limit::MAX).await.unwrap();
    assert_eq!(all.len(), 40);
    assert!(all.is_sorted_by(|a, b| a.key() < b.key()));
    for rows in [1, 3, 8, 40] {
        let mut paged: Vec<CountSample> = Vec::new();
        loop {
            let after = paged.last().map_or(RowKey::START, CountSample::key);
            let page = store.count_samples_after(after, limit(rows)).await.unwrap();
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, all, "pages of {rows}");
    }
}

async fn samples_are_counted(db: Database) {
    for count in 1..=4 {
        record(&**db.store(), [counts(9, 1, 1), counts(8, 0, 0)]).await;
        assert_eq!(db.store().count_sample_count().await.unwrap().get(), 2 * count);
    }
}

async fn other_events_are_no_samples(db: Database) {
    record(&**db.store(), [chat(5, "ada", "hi")]).await;
    assert_eq!(db.store().channel_stats().await.unwrap(), ChannelStats::default());
    assert_eq!(db.store().count_sample_count().await.unwrap(), Count::ZERO);
}

async fn peaks_and_samples_survive_reopening(mut db: Database) {
    record(&**db.store(), [counts(10, 3, 5), counts(20, 2, 9)]).await;
    let stats = db.store().channel_stats().await.unwrap();
    db.reopen().await;
    assert_eq!(db.store().channel_stats().await.unwrap(), stats);
    assert_eq!(samples(&**db.store(), RowKey::START, 10).await, [(10, 3, 5), (20, 2, 9)]);
}
