//! Settlements: sent, tried again, failed for good, dead, and brought back to life.

use botstore::ErrorKind;
use botstore::model::{FailureText, OutboundMessage, OutboundState, RowId, Seconds, Settlement, Timestamp};

use super::outbound::{all, claim, claim_one, due, enqueue, one_of_each, permanent, row, settled, transient};
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{AWKWARD, at, kind_of};

pub(super) const CASES: &[Case] = cases![
    a_sent_message_is_done,
    a_permanently_failed_message_is_done,
    the_nth_failure_waits_two_to_the_n_minutes,
    a_message_is_dead_after_its_last_attempt,
    a_backoff_ends_with_the_calendar,
    a_failure_text_comes_back_byte_for_byte,
    a_sent_message_keeps_the_text_of_its_last_failure,
    the_same_settlement_again_changes_nothing,
    another_settlement_of_a_settled_lease_is_a_conflict,
    a_settlement_again_after_another_claim_is_a_conflict,
    a_settlement_of_one_message_leaves_the_others_alone,
    a_discarded_message_is_not_settled,
    a_requeued_message_has_all_its_attempts_again,
    a_requeued_message_may_fail_as_often_as_a_new_one,
    a_lease_from_before_a_requeueing_is_stale,
    what_is_not_dead_or_failed_is_not_requeued,
    a_requeued_message_is_queued_again_in_its_place,
];

/// Every way in which a lease can end: attempts allowed, settlement, the state that follows.
fn endings() -> [(i64, Settlement, OutboundState); 4] {
    [
        (3, Settlement::Sent, OutboundState::Sent),
        (3, transient("busy"), OutboundState::Retrying),
        (1, transient("busy"), OutboundState::Dead),
        (3, permanent("banned"), OutboundState::Failed),
    ]
}

async fn a_sent_message_is_done(db: Database) {
    let store = db.store().as_ref();
    let id = enqueue(store, "hello", 3, 10).await;
    let queued = row(store, id).await;
    let lease = claim_one(store, 10).await;
    let state = store.settle_message(&lease, &Settlement::Sent, at(15)).await.unwrap();
    assert_eq!(state, OutboundState::Sent);
    let sent = OutboundMessage { state, due_at: None, sent_at: Some(at(15)), ..queued };
    assert_eq!(all(store).await, [sent]);
    assert_eq!(due(store, Timestamp::MAX.seconds()).await, []);
}

async fn a_permanently_failed_message_is_done(db: Database) {
    let store = db.store().as_ref();
    let id = enqueue(store, "hello", 3, 10).await;
    let queued = row(store, id).await;
    let lease = claim_one(store, 10).await;
    let state = store.settle_message(&lease, &permanent("banned"), at(15)).await.unwrap();
    assert_eq!(state, OutboundState::Failed);
    let error = Some(FailureText::new("banned").unwrap());
    assert_eq!(all(store).await, [OutboundMessage { state, due_at: None, retry_count: 1, error, ..queued }]);
    assert_eq!(due(store, Timestamp::MAX.seconds()).await, []);
}

async fn the_nth_failure_waits_two_to_the_n_minutes(db: Database) {
    let store = db.store().as_ref();
    let id = enqueue(store, "hello", 20, 1_000).await;
    let mut now = 1_000;
    for failures in 1..20 {
        let lease = claim_one(store, now).await;
        // The wait begins with the failure, not with the claim.
        now += 7;
        let state = store.settle_message(&lease, &transient("busy"), at(now)).await.unwrap();
        assert_eq!(state, OutboundState::Retrying);
        let again = now + 60 * (1 << failures);
        let waiting = row(store, id).await;
        assert_eq!(
            (waiting.state, waiting.retry_count, waiting.due_at, waiting.lease_until),
            (OutboundState::Retrying, failures, Some(at(again)), None)
        );
        assert_eq!(due(store, again - 1).await, [], "failure {failures}");
        assert_eq!(claim(store, again - 1, 1).await, [], "failure {failures}");
        assert_eq!(due(store, again).await, [id], "failure {failures}");
        now = again;
    }
    let lease = claim_one(store, now).await;
    let state = store.settle_message(&lease, &transient("busy"), at(now)).await.unwrap();
    assert_eq!(state, OutboundState::Dead);
    assert_eq!(due(store, Timestamp::MAX.seconds()).await, []);
}

async fn a_message_is_dead_after_its_last_attempt(db: Database) {
    let store = db.store().as_ref();
    for attempts in [1, 2, 3, 5] {
        let id = enqueue(store, "hello", attempts, 1_000).await;
        let mut now = 1_000;
        let mut states = Vec::new();
        for failures in 1..=attempts {
            let lease = claim_one(store, now).await;
            let error = format!("failure {failures}");
            states.push(store.settle_message(&lease, &transient(&error), at(now)).await.unwrap());
            now += 60 * (1 << failures);
        }
        let mut expected = vec![OutboundState::Retrying; usize::try_from(attempts).unwrap()];
        *expected.last_mut().unwrap() = OutboundState::Dead;
        assert_eq!(states, expected);
        let dead = row(store, id).await;
        assert_eq!((dead.state, dead.retry_count, dead.due_at), (OutboundState::Dead, attempts, None));
        assert_eq!(dead.error, Some(FailureText::new(format!("failure {attempts}")).unwrap()));
        assert_eq!(due(store, Timestamp::MAX.seconds()).await, []);
    }
}

async fn a_backoff_ends_with_the_calendar(db: Database) {
    let store = db.store().as_ref();
    let last = Timestamp::MAX.seconds();
    let lease = settled(store, 3, &transient("busy"), last - 5).await;
    assert_eq!(row(store, lease.message.id).await.due_at, Some(Timestamp::MAX));
    assert_eq!(due(store, last).await, [lease.message.id]);
}

async fn a_failure_text_comes_back_byte_for_byte(db: Database) {
    let store = db.store().as_ref();
    let long = "\u{1F600}".repeat(2_000);
    for error in AWKWARD.into_iter().chain([long.as_str(), "", "one\ntwo\r\n"]) {
        for settlement in [transient(error), permanent(error)] {
            let id = settled(store, 3, &settlement, 10).await.message.id;
            assert_eq!(row(store, id).await.error, Some(FailureText::new(error).unwrap()));
        }
    }
}

async fn a_sent_message_keeps_the_text_of_its_last_failure(db: Database) {
    let store = db.store().as_ref();
    let id = settled(store, 3, &transient("busy"), 100).await.message.id;
    let lease = claim_one(store, 220).await;
    store.settle_message(&lease, &Settlement::Sent, at(221)).await.unwrap();
    let sent = row(store, id).await;
    assert_eq!((sent.state, sent.retry_count, sent.sent_at), (OutboundState::Sent, 1, Some(at(221))));
    assert_eq!(sent.error, Some(FailureText::new("busy").unwrap()));
}

async fn the_same_settlement_again_changes_nothing(db: Database) {
    let store = db.store().as_ref();
    for (attempts, settlement, state) in endings() {
        let lease = settled(store, attempts, &settlement, 10).await;
        let before = row(store, lease.message.id).await;
        // A later moment makes it no other settlement: an answer was lost, and the question is asked again.
        for seconds in [10, 11, 5_000] {
            let answer = store.settle_message(&lease, &settlement, at(seconds)).await.unwrap();
            assert_eq!(answer, state);
            assert_eq!(row(store, lease.message.id).await, before, "{settlement:?} at {seconds}");
        }
    }
}

async fn another_settlement_of_a_settled_lease_is_a_conflict(db: Database) {
    let store = db.store().as_ref();
    for (attempts, first, _) in endings() {
        let lease = settled(store, attempts, &first, 10).await;
        let before = row(store, lease.message.id).await;
        for other in
            [Settlement::Sent, transient("busy"), permanent("banned"), transient("late"), permanent("late")]
        {
            if other != first {
                let answer = store.settle_message(&lease, &other, at(10)).await;
                assert_eq!(kind_of(answer), ErrorKind::Conflict, "{first:?}, then {other:?}");
                assert_eq!(row(store, lease.message.id).await, before, "{first:?}, then {other:?}");
            }
        }
    }
}

async fn a_settlement_again_after_another_claim_is_a_conflict(db: Database) {
    let store = db.store().as_ref();
    let lease = settled(store, 3, &transient("busy"), 100).await;
    claim_one(store, 220).await;
    let before = row(store, lease.message.id).await;
    let answer = store.settle_message(&lease, &transient("busy"), at(100)).await;
    assert_eq!(kind_of(answer), ErrorKind::Conflict);
    assert_eq!(row(store, lease.message.id).await, before);
}

async fn a_settlement_of_one_message_leaves_the_others_alone(db: Database) {
    let store = db.store().as_ref();
    for _ in 0..3 {
        enqueue(store, "hello", 3, 10).await;
    }
    let leases = claim(store, 10, 3).await;
    let before = all(store).await;
    store.settle_message(&leases[1], &Settlement::Sent, at(11)).await.unwrap();
    let after = all(store).await;
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
    assert_ne!(after[1], before[1]);
}

async fn a_discarded_message_is_not_settled(db: Database) {
    let store = db.store().as_ref();
    let lease = settled(store, 1, &transient("busy"), 10).await;
    store.discard_message(lease.message.id).await.unwrap();
    for settlement in [Settlement::Sent, transient("busy"), permanent("banned")] {
        let answer = store.settle_message(&lease, &settlement, at(10)).await;
        assert_eq!(kind_of(answer), ErrorKind::NotFound, "{settlement:?}");
    }
    assert_eq!(all(store).await, []);
}

async fn a_requeued_message_has_all_its_attempts_again(db: Database) {
    let store = db.store().as_ref();
    for (attempts, settlement, error) in [(1, transient("busy"), "busy"), (4, permanent("banned"), "banned")]
    {
        let id = enqueue(store, "hello", attempts, 10).await;
        let queued = row(store, id).await;
        let lease = claim_one(store, 10).await;
        store.settle_message(&lease, &settlement, at(12)).await.unwrap();
        store.requeue_message(id, at(500)).await.unwrap();
        let error = Some(FailureText::new(error).unwrap());
        assert_eq!(row(store, id).await, OutboundMessage { due_at: Some(at(500)), error, ..queued });
        assert_eq!(due(store, 499).await, []);
        assert_eq!(due(store, 500).await, [id]);
        let lease = claim_one(store, 500).await;
        store.settle_message(&lease, &Settlement::Sent, at(500)).await.unwrap();
    }
}

async fn a_requeued_message_may_fail_as_often_as_a_new_one(db: Database) {
    let store = db.store().as_ref();
    let id = enqueue(store, "hello", 2, 0).await;
    let mut now = 0;
    let mut states = Vec::new();
    for failure in 1..=4 {
        let lease = claim_one(store, now).await;
        states.push(store.settle_message(&lease, &transient("busy"), at(now)).await.unwrap());
        if failure % 2 == 0 {
            now += 1;
            store.requeue_message(id, at(now)).await.unwrap();
        } else {
            assert_eq!(row(store, id).await.due_at, Some(at(now).plus(Seconds::from_minutes(2))));
            now += 120;
        }
    }
    let expected =
        [OutboundState::Retrying, OutboundState::Dead, OutboundState::Retrying, OutboundState::Dead];
    assert_eq!(states, expected);
}

async fn a_lease_from_before_a_requeueing_is_stale(db: Database) {
    let store = db.store().as_ref();
    for (attempts, settlement) in [(1, transient("busy")), (3, permanent("banned"))] {
        let lease = settled(store, attempts, &settlement, 10).await;
        let id = lease.message.id;
        store.requeue_message(id, at(20)).await.unwrap();
        let before = row(store, id).await;
        for late in [settlement, Settlement::Sent, permanent("late")] {
            let answer = store.settle_message(&lease, &late, at(21)).await;
            assert_eq!(kind_of(answer), ErrorKind::Conflict, "{late:?}");
            assert_eq!(row(store, id).await, before, "{late:?}");
        }
        let fresh = claim_one(store, 20).await;
        store.settle_message(&fresh, &Settlement::Sent, at(20)).await.unwrap();
    }
}

async fn what_is_not_dead_or_failed_is_not_requeued(db: Database) {
    let store = db.store().as_ref();
    let ids = one_of_each(store, 10).await;
    let before = all(store).await;
    for (state, id) in ids {
        if !["dead", "failed"].contains(&state) {
            assert_eq!(kind_of(store.requeue_message(id, at(20)).await), ErrorKind::Conflict, "{state}");
        }
    }
    for id in [RowId::new(i64::MAX), RowId::new(0), RowId::new(i64::MIN)] {
        assert_eq!(kind_of(store.requeue_message(id, at(20)).await), ErrorKind::NotFound);
    }
    assert_eq!(all(store).await, before);
    let dead = ids[3].1;
    store.requeue_message(dead, at(20)).await.unwrap();
    assert_eq!(kind_of(store.requeue_message(dead, at(20)).await), ErrorKind::Conflict);
}

async fn a_requeued_message_is_queued_again_in_its_place(db: Database) {
    let store = db.store().as_ref();
    let dead = settled(store, 1, &transient("busy"), 10).await.message.id;
    let earlier = enqueue(store, "earlier", 3, 90).await;
    let same = enqueue(store, "same", 3, 100).await;
    store.requeue_message(dead, at(100)).await.unwrap();
    assert_eq!(due(store, 100).await, [earlier, dead, same]);
}
