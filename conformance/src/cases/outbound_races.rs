//! The queue in the hands of many at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use botstore::ErrorKind;
use botstore::model::{NewMessage, OutboundState, RowId, Settlement, UniqueKey};
use botstore::store::BotStore;

use super::outbound::{
    all, claim, claim_one, due, enqueue, keyed, message, permanent, row, settled, transient,
};
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, kind_of, together};

pub(super) const CASES: &[Case] = cases![
    two_claimants_never_share_a_message,
    one_key_queued_by_sixteen_at_once_is_queued_once,
    sixteen_messages_queued_at_once_get_sixteen_identities,
    of_two_settlements_of_one_lease_at_once_one_holds,
    one_settlement_said_twice_at_once_is_no_conflict,
    a_settlement_and_a_claim_at_once_do_not_both_have_the_message,
    of_two_requeueings_at_once_one_holds,
    of_two_discardings_at_once_one_finds_the_message,
    a_requeueing_and_a_discarding_at_once_do_not_both_hold,
    claiming_while_others_queue_loses_nothing;
    persistent:
    two_stores_never_share_a_message,
];

/// Queues `count` messages at the moment 10.
async fn fill(store: &Arc<dyn BotStore>, count: usize) -> BTreeSet<RowId> {
    let enqueue = |index| {
        let store = Arc::clone(store);
        async move { store.enqueue(&message(&format!("message {index}")), at(10)).await.unwrap().id }
    };
    together((0..count).map(enqueue)).await.into_iter().collect()
}

/// Claims a few at a time until there is nothing left.
async fn claim_all(store: Arc<dyn BotStore>, rows: i64) -> Vec<RowId> {
    let mut taken = Vec::new();
    loop {
        let leases = claim(store.as_ref(), 10, rows).await;
        if leases.is_empty() {
            return taken;
        }
        taken.extend(leases.iter().map(|lease| lease.message.id));
    }
}

async fn never_shared(stores: &[Arc<dyn BotStore>]) {
    let queued = fill(&stores[0], 200).await;
    let claimants =
        (1..=8).zip(stores.iter().cycle()).map(|(rows, store)| claim_all(Arc::clone(store), rows));
    let taken: Vec<_> = together(claimants).await.into_iter().flatten().collect();
    assert_eq!(taken.len(), 200);
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), queued);
}

async fn two_claimants_never_share_a_message(db: Database) {
    never_shared(&[Arc::clone(db.store())]).await;
}

async fn two_stores_never_share_a_message(db: Database) {
    never_shared(&[Arc::clone(db.store()), db.open_another().await]).await;
}

async fn one_key_queued_by_sixteen_at_once_is_queued_once(db: Database) {
    for round in 0..5 {
        let new = keyed("hello", &format!("key {round}"));
        let enqueue = |_| {
            let (store, new) = (Arc::clone(db.store()), new.clone());
            async move { store.enqueue(&new, at(10)).await.unwrap() }
        };
        let answers = together((0..16).map(enqueue)).await;
        assert_eq!(answers.iter().filter(|answer| answer.created).count(), 1);
        assert!(answers.iter().all(|answer| answer.id == answers[0].id), "{answers:?}");
    }
    assert_eq!(all(db.store().as_ref()).await.len(), 5);
}

async fn sixteen_messages_queued_at_once_get_sixteen_identities(db: Database) {
    let enqueue = |index: usize| {
        let store = Arc::clone(db.store());
        let key = UniqueKey::new(format!("key {index}")).unwrap();
        let new: NewMessage = message(&format!("message {index}")).with_unique_key(key);
        async move { (store.enqueue(&new, at(10)).await.unwrap().id, new) }
    };
    let answers = together((0..16).map(enqueue)).await;
    let kept = all(db.store().as_ref()).await;
    assert_eq!(kept.len(), 16);
    for (id, new) in answers {
        let row = kept.iter().find(|row| row.id == id).unwrap();
        assert_eq!((&row.message, row.unique_key.as_ref()), (new.message(), new.unique_key()));
    }
}

async fn of_two_settlements_of_one_lease_at_once_one_holds(db: Database) {
    for _ in 0..10 {
        let id = enqueue(db.store().as_ref(), "hello", 3, 10).await;
        let lease = claim_one(db.store().as_ref(), 10).await;
        let settle = |settlement: Settlement| {
            let (store, lease) = (Arc::clone(db.store()), lease.clone());
            async move { store.settle_message(&lease, &settlement, at(11)).await }
        };
        let answers = together([Settlement::Sent, transient("busy"), permanent("banned")].map(settle)).await;
        let (held, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((held.len(), refused.len()), (1, 2));
        assert!(refused.into_iter().all(|answer| kind_of(answer) == ErrorKind::Conflict));
        let state = row(db.store().as_ref(), id).await.state;
        assert_eq!(held.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [state]);
    }
}

async fn one_settlement_said_twice_at_once_is_no_conflict(db: Database) {
    for (attempts, settlement, state) in [
        (3, Settlement::Sent, OutboundState::Sent),
        (3, transient("busy"), OutboundState::Retrying),
        (1, transient("busy"), OutboundState::Dead),
        (3, permanent("banned"), OutboundState::Failed),
    ] {
        let id = enqueue(db.store().as_ref(), "hello", attempts, 10).await;
        let lease = claim_one(db.store().as_ref(), 10).await;
        let settle = |_| {
            let (store, lease, settlement) = (Arc::clone(db.store()), lease.clone(), settlement.clone());
            async move { store.settle_message(&lease, &settlement, at(11)).await.unwrap() }
        };
        assert_eq!(together((0..4).map(settle)).await, [state; 4]);
        let failures = i64::from(state != OutboundState::Sent);
        assert_eq!(row(db.store().as_ref(), id).await.retry_count, failures);
    }
}

async fn a_settlement_and_a_claim_at_once_do_not_both_have_the_message(db: Database) {
    for _ in 0..10 {
        let id = enqueue(db.store().as_ref(), "hello", 3, 10).await;
        let lease = claim_one(db.store().as_ref(), 10).await;
        // The lease has run out, so the message may be settled or claimed again: whichever comes first.
        let (settling, claiming) = (Arc::clone(db.store()), Arc::clone(db.store()));
        let settle =
            tokio::spawn(async move { settling.settle_message(&lease, &Settlement::Sent, at(70)).await });
        let reclaim = tokio::spawn(async move { claim(claiming.as_ref(), 70, 1).await });
        let (settled, claimed) = (settle.await.unwrap(), reclaim.await.unwrap());
        if let Some(lease) = claimed.first() {
            assert_eq!(kind_of(settled), ErrorKind::Conflict);
            db.store().settle_message(lease, &Settlement::Sent, at(71)).await.unwrap();
        } else {
            assert_eq!(settled.unwrap(), OutboundState::Sent);
        }
        assert_eq!(row(db.store().as_ref(), id).await.state, OutboundState::Sent);
    }
}

async fn of_two_requeueings_at_once_one_holds(db: Database) {
    for _ in 0..5 {
        let id = settled(db.store().as_ref(), 1, &transient("busy"), 10).await.message.id;
        let requeue = |_| {
            let store = Arc::clone(db.store());
            async move { store.requeue_message(id, at(20)).await }
        };
        let answers = together((0..2).map(requeue)).await;
        let (held, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!((held.len(), refused.len()), (1, 1));
        assert!(refused.into_iter().all(|answer| kind_of(answer) == ErrorKind::Conflict));
        let lease = claim_one(db.store().as_ref(), 20).await;
        db.store().settle_message(&lease, &Settlement::Sent, at(20)).await.unwrap();
    }
}

async fn of_two_discardings_at_once_one_finds_the_message(db: Database) {
    for _ in 0..10 {
        let id = settled(db.store().as_ref(), 1, &transient("busy"), 10).await.message.id;
        let discard = |_| {
            let store = Arc::clone(db.store());
            async move { store.discard_message(id).await }
        };
        let (held, late): (Vec<_>, Vec<_>) =
            together((0..2).map(discard)).await.into_iter().partition(Result::is_ok);
        assert_eq!(held.len(), 1);
        assert_eq!(late.into_iter().map(kind_of).collect::<Vec<_>>(), [ErrorKind::NotFound]);
    }
}

async fn a_requeueing_and_a_discarding_at_once_do_not_both_hold(db: Database) {
    for _ in 0..10 {
        let id = settled(db.store().as_ref(), 1, &transient("busy"), 10).await.message.id;
        let (requeueing, discarding) = (Arc::clone(db.store()), Arc::clone(db.store()));
        let requeue = tokio::spawn(async move { requeueing.requeue_message(id, at(20)).await });
        let discard = tokio::spawn(async move { discarding.discard_message(id).await });
        let (requeued, discarded) = (requeue.await.unwrap(), discard.await.unwrap());
        let left = due(db.store().as_ref(), 20).await;
        if requeued.is_ok() {
            assert_eq!(kind_of(discarded), ErrorKind::Conflict);
            assert_eq!(left, [id]);
            let lease = claim_one(db.store().as_ref(), 20).await;
            db.store().settle_message(&lease, &Settlement::Sent, at(20)).await.unwrap();
        } else {
            assert_eq!(kind_of(requeued), ErrorKind::NotFound);
            discarded.unwrap();
            assert_eq!(left, []);
        }
    }
}

async fn claiming_while_others_queue_loses_nothing(db: Database) {
    let filling = tokio::spawn({
        let store = Arc::clone(db.store());
        async move { fill(&store, 200).await }
    });
    let claimants = (0..4).map(|_| {
        let store = Arc::clone(db.store());
        async move {
            let mut taken = Vec::new();
            for _ in 0..30 {
                taken.extend(claim(store.as_ref(), 10, 3).await.into_iter().map(|lease| lease.message.id));
            }
            taken
        }
    });
    let mut taken: Vec<_> = together(claimants).await.into_iter().flatten().collect();
    let queued = filling.await.unwrap();
    taken.extend(claim_all(Arc::clone(db.store()), 50).await);
    assert_eq!(taken.len(), 200);
    assert_eq!(taken.into_iter().collect::<BTreeSet<_>>(), queued);
}
