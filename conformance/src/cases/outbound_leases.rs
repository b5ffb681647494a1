//! Claims: which messages a claim takes, how long it has them, and who is late.

use botstore::ErrorKind;
use botstore::model::{Claim, Lease, Limit, OutboundMessage, Seconds, Settlement, Timestamp};

use super::maintenance::refresh_statistics;
use super::outbound::{all, claim, claim_one, due, enqueue, one_of_each, permanent, row, settled, transient};
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, kind_of, limit};

pub(super) const CASES: &[Case] = cases![
    a_claim_puts_a_message_under_lease,
    a_claim_of_an_empty_queue_is_empty,
    a_claim_takes_those_first_that_are_due_longest,
    a_claim_of_many_is_in_the_order_in_which_they_are_due,
    a_claimed_message_is_neither_due_nor_claimed_before_its_lease_ends,
    a_lease_is_as_long_as_its_claim_says,
    a_lease_ends_at_the_calendars_end_at_the_latest,
    a_claim_takes_what_is_listed_as_due,
    a_message_that_was_tried_is_claimed_with_what_is_known_of_it,
    each_claim_and_each_requeueing_gives_a_greater_token,
    a_stale_lease_changes_nothing,
    a_lease_that_ran_out_still_settles,
    a_settled_message_is_under_no_lease,
];

async fn a_claim_puts_a_message_under_lease(db: Database) {
    let store = db.store().as_ref();
    let id = enqueue(store, "hello", 3, 10).await;
    let queued = row(store, id).await;
    let lease = claim_one(store, 20).await;
    let leased = OutboundMessage { lease_until: Some(at(80)), ..queued };
    assert_eq!(lease, Lease { message: leased.clone(), token: 1 });
    assert_eq!(all(store).await, [leased]);
}

async fn a_claim_of_an_empty_queue_is_empty(db: Database) {
    let store = db.store().as_ref();
    assert_eq!(claim(store, 10, 10).await, []);
    settled(store, 3, &Settlement::Sent, 10).await;
    assert_eq!(claim(store, 1_000_000, 10).await, []);
}

async fn a_claim_takes_those_first_that_are_due_longest(db: Database) {
    let store = db.store().as_ref();
    let mut ids = Vec::new();
    for seconds in [30, 10, 20, 10, 40] {
        ids.push(enqueue(store, "hello", 3, seconds).await);
    }
    let mut taken = Vec::new();
    for rows in [2, 1, 10] {
        taken.push(claim(store, 30, rows).await.iter().map(|lease| lease.message.id).collect::<Vec<_>>());
    }
    assert_eq!(taken, [vec![ids[1], ids[3]], vec![ids[2]], vec![ids[0]]]);
}

async fn a_claim_of_many_is_in_the_order_in_which_they_are_due(db: Database) {
    let store = db.store().as_ref();
    let mut ids = Vec::new();
    for index in 0..100 {
        ids.push(enqueue(store, "hello", 3, 1_000 - index).await);
    }
    ids.reverse();
    refresh_statistics(store).await;
    assert_eq!(due(store, 1_000).await, ids);
    let taken = claim(store, 1_000, 100).await;
    assert_eq!(taken.iter().map(|lease| lease.message.id).collect::<Vec<_>>(), ids);
}

async fn a_claimed_message_is_neither_due_nor_claimed_before_its_lease_ends(db: Database) {
    let store = db.store().as_ref();
    let id = enqueue(store, "hello", 3, 10).await;
    claim_one(store, 10).await;
    let leased = row(store, id).await;
    for seconds in [10, 11, 69] {
        assert_eq!(due(store, seconds).await, [], "{seconds}");
        assert_eq!(claim(store, seconds, 10).await, [], "{seconds}");
    }
    assert_eq!(row(store, id).await, leased);
    assert_eq!(due(store, 70).await, [id]);
    assert_eq!(claim_one(store, 70).await.message.id, id);
    assert_eq!(due(store, 129).await, []);
    assert_eq!(due(store, 130).await, [id]);
}

async fn a_lease_is_as_long_as_its_claim_says(db: Database) {
    let store = db.store().as_ref();
    for lease in [1, 59, 3_600, 86_400] {
        let id = enqueue(store, "hello", 3, 100).await;
        let claim = Claim::new(at(100), Seconds::new(lease).unwrap()).unwrap();
        let leases = store.claim_messages(claim, limit(1)).await.unwrap();
        assert_eq!(leases[0].message.lease_until, Some(at(100 + lease)));
        assert_eq!(due(store, 99 + lease).await, [], "{lease}");
        assert_eq!(due(store, 100 + lease).await, [id], "{lease}");
        store.settle_message(&leases[0], &Settlement::Sent, at(100)).await.unwrap();
    }
}

async fn a_lease_ends_at_the_calendars_end_at_the_latest(db: Database) {
    let store = db.store().as_ref();
    let last = Timestamp::MAX.seconds();
    let id = enqueue(store, "hello", 3, last - 9).await;
    let claim = Claim::new(at(last - 9), Seconds::from_days(9)).unwrap();
    let leases = store.claim_messages(claim, limit(1)).await.unwrap();
    assert_eq!(leases[0].message.lease_until, Some(Timestamp::MAX));
    assert_eq!(due(store, last - 1).await, []);
    assert_eq!(due(store, last).await, [id]);
}

async fn a_claim_takes_what_is_listed_as_due(db: Database) {
    let store = db.store().as_ref();
    let [retrying, _, _, _, leased, queued] = one_of_each(store, 1_000).await.map(|(_, id)| id);
    let future = enqueue(store, "future", 3, 1_100).await;
    // The lease ends after 60 seconds, the backoff after 120.
    for (seconds, expected) in [
        (999, vec![]),
        (1_000, vec![queued]),
        (1_059, vec![queued]),
        (1_060, vec![leased, queued]),
        (1_100, vec![leased, queued, future]),
        (1_119, vec![leased, queued, future]),
        (1_120, vec![leased, queued, future, retrying]),
    ] {
        assert_eq!(due(store, seconds).await, expected, "{seconds}");
    }
    let listed = store.due_messages(at(1_120), Limit::MAX).await.unwrap();
    let taken = claim(store, 1_120, 100).await;
    let expected: Vec<_> = listed
        .into_iter()
        .map(|message| OutboundMessage { lease_until: Some(at(1_180)), ..message })
        .collect();
    assert_eq!(taken.into_iter().map(|lease| lease.message).collect::<Vec<_>>(), expected);
}

async fn a_message_that_was_tried_is_claimed_with_what_is_known_of_it(db: Database) {
    let store = db.store().as_ref();
    settled(store, 3, &transient("busy"), 100).await;
    let waiting = all(store).await.remove(0);
    let lease = claim_one(store, 220).await;
    assert_eq!(lease.message, OutboundMessage { lease_until: Some(at(280)), ..waiting });
    assert_eq!(lease.message.retry_count, 1);
    assert_eq!(lease.message.error.as_ref().map(AsRef::as_ref), Some("busy"));
}

async fn each_claim_and_each_requeueing_gives_a_greater_token(db: Database) {
    let store = db.store().as_ref();
    let id = enqueue(store, "hello", 3, 0).await;
    let mut tokens = Vec::new();
    for seconds in [0, 60, 120] {
        tokens.push(claim_one(store, seconds).await.token);
    }
    let lease = claim_one(store, 180).await;
    store.settle_message(&lease, &permanent("banned"), at(180)).await.unwrap();
    store.requeue_message(id, at(180)).await.unwrap();
    tokens.extend([lease.token, claim_one(store, 180).await.token]);
    assert_eq!(tokens, [1, 2, 3, 4, 6]);
}

async fn a_stale_lease_changes_nothing(db: Database) {
    let store = db.store().as_ref();
    let id = enqueue(store, "hello", 1, 10).await;
    let stale = claim_one(store, 10).await;
    let live = claim_one(store, 70).await;
    let before = row(store, id).await;
    for settlement in [Settlement::Sent, transient("busy"), permanent("banned")] {
        let answer = store.settle_message(&stale, &settlement, at(71)).await;
        assert_eq!(kind_of(answer), ErrorKind::Conflict, "{settlement:?}");
        assert_eq!(row(store, id).await, before, "{settlement:?}");
    }
    store.settle_message(&live, &Settlement::Sent, at(72)).await.unwrap();
    let sent = row(store, id).await;
    // That the outcome is what the late one says makes the late one no more welcome.
    assert_eq!(kind_of(store.settle_message(&stale, &Settlement::Sent, at(72)).await), ErrorKind::Conflict);
    assert_eq!(row(store, id).await, sent);
}

async fn a_lease_that_ran_out_still_settles(db: Database) {
    let store = db.store().as_ref();
    let id = enqueue(store, "hello", 3, 10).await;
    let lease = claim_one(store, 10).await;
    assert_eq!(due(store, 5_000).await, [id]);
    store.settle_message(&lease, &Settlement::Sent, at(5_000)).await.unwrap();
    assert_eq!(row(store, id).await.sent_at, Some(at(5_000)));
    assert_eq!(due(store, 5_000).await, []);
}

async fn a_settled_message_is_under_no_lease(db: Database) {
    let store = db.store().as_ref();
    for (attempts, settlement) in
        [(3, Settlement::Sent), (3, transient("busy")), (1, transient("busy")), (3, permanent("banned"))]
    {
        let id = settled(store, attempts, &settlement, 10).await.message.id;
        assert_eq!(row(store, id).await.lease_until, None, "{settlement:?}");
    }
}
