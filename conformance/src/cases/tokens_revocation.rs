//! Tokens: revoked whole or by prefix, once.

use std::sync::Arc;

use botstore::ErrorKind;
use botstore::model::{NewToken, Revocation, TokenInfo, TokenSelector};
use botstore::store::BotStore;

use super::tokens::{all, check, create, secret};
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{at, kind_of, together};

pub(super) const CASES: &[Case] = cases![
    a_token_is_revoked_by_its_whole_text,
    a_token_is_revoked_by_its_prefix,
    a_revoked_token_stays_revoked_at_its_first_moment,
    a_token_that_nobody_has_is_not_found,
    a_prefix_of_several_active_tokens_revokes_none,
    a_prefix_means_the_one_token_that_is_still_active,
    a_prefix_of_revoked_tokens_alone_is_already_revoked,
    a_whole_token_is_revoked_though_others_share_its_prefix,
    every_character_of_a_prefix_stands_for_itself,
    a_prefix_is_case_sensitive,
    of_two_revocations_at_once_one_finds_the_token_revoked,
    a_token_made_by_sixteen_at_once_is_kept_once,
];

async fn revoke(store: &dyn BotStore, token: &str, seconds: i64) -> botstore::Result<Revocation> {
    store.revoke_token(&TokenSelector::parse(token).unwrap(), at(seconds)).await
}

async fn a_token_is_revoked_by_its_whole_text(db: Database) {
    let store = db.store().as_ref();
    let info = create(store, "abcdefgh-one", 1).await;
    let other = create(store, "ijklmnop-two", 1).await;
    assert_eq!(revoke(store, "abcdefgh-one", 10).await.unwrap(), Revocation::Revoked);
    assert_eq!(all(store).await, [TokenInfo { revoked_at: Some(at(10)), ..info }, other]);
    assert_eq!(check(store, "abcdefgh-one", 11).await, None);
}

async fn a_token_is_revoked_by_its_prefix(db: Database) {
    let store = db.store().as_ref();
    let other = create(store, "abcdefgi-two", 1).await;
    let info = create(store, "abcdefgh-one", 1).await;
    assert_eq!(revoke(store, "abcdefgh", 10).await.unwrap(), Revocation::Revoked);
    assert_eq!(all(store).await, [other, TokenInfo { revoked_at: Some(at(10)), ..info }]);
    assert_eq!(check(store, "abcdefgh-one", 11).await, None);
}

async fn a_revoked_token_stays_revoked_at_its_first_moment(db: Database) {
    let store = db.store().as_ref();
    create(store, "abcdefgh-one", 1).await;
    assert_eq!(revoke(store, "abcdefgh-one", 10).await.unwrap(), Revocation::Revoked);
    let before = all(store).await;
    for (token, seconds) in [("abcdefgh-one", 20), ("abcdefgh", 20), ("abcdefgh-one", 5), ("abcdefgh", 5)] {
        assert_eq!(revoke(store, token, seconds).await.unwrap(), Revocation::AlreadyRevoked);
        assert_eq!(all(store).await, before);
    }
}

async fn a_token_that_nobody_has_is_not_found(db: Database) {
    let store = db.store().as_ref();
    let info = create(store, "abcdefgh-one", 1).await;
    for token in ["abcdefgh-on", "abcdefgh-one1", "bcdefgh-", "abcdefgi", "xxxxxxxx"] {
        assert_eq!(kind_of(revoke(store, token, 10).await), ErrorKind::NotFound, "{token}");
    }
    assert_eq!(all(store).await, [info]);
}

async fn a_prefix_of_several_active_tokens_revokes_none(db: Database) {
    let store = db.store().as_ref();
    for token in ["abcdefgh-one", "abcdefgh-two", "abcdefgh-three"] {
        create(store, token, 1).await;
    }
    let before = all(store).await;
    assert_eq!(kind_of(revoke(store, "abcdefgh", 10).await), ErrorKind::Conflict);
    assert_eq!(all(store).await, before);
}

async fn a_prefix_means_the_one_token_that_is_still_active(db: Database) {
    let store = db.store().as_ref();
    for token in ["abcdefgh-one", "abcdefgh-two", "abcdefgh-three"] {
        create(store, token, 1).await;
    }
    revoke(store, "abcdefgh-one", 10).await.unwrap();
    assert_eq!(kind_of(revoke(store, "abcdefgh", 11).await), ErrorKind::Conflict);
    revoke(store, "abcdefgh-three", 12).await.unwrap();
    assert_eq!(revoke(store, "abcdefgh", 13).await.unwrap(), Revocation::Revoked);
    let moments: Vec<_> = all(store).await.into_iter().map(|info| info.revoked_at).collect();
    assert_eq!(moments, [Some(at(10)), Some(at(13)), Some(at(12))]);
}

async fn a_prefix_of_revoked_tokens_alone_is_already_revoked(db: Database) {
    let store = db.store().as_ref();
    for token in ["abcdefgh-one", "abcdefgh-two"] {
        create(store, token, 1).await;
        revoke(store, token, 10).await.unwrap();
    }
    let before = all(store).await;
    assert_eq!(revoke(store, "abcdefgh", 20).await.unwrap(), Revocation::AlreadyRevoked);
    assert_eq!(all(store).await, before);
}

async fn a_whole_token_is_revoked_though_others_share_its_prefix(db: Database) {
    let store = db.store().as_ref();
    for token in ["abcdefgh-one", "abcdefgh-two"] {
        create(store, token, 1).await;
    }
    assert_eq!(revoke(store, "abcdefgh-two", 10).await.unwrap(), Revocation::Revoked);
    let moments: Vec<_> = all(store).await.into_iter().map(|info| info.revoked_at).collect();
    assert_eq!(moments, [None, Some(at(10))]);
}

async fn every_character_of_a_prefix_stands_for_itself(db: Database) {
    let store = db.store().as_ref();
    let plain = create(store, "abcdefgh-one", 1).await;
    for pattern in
        ["%%%%%%%%", "________", "abcdefg%", "abcdefg_", "abcdefg*", "abcdefg?", "[a]bcdef", "abc'defg"]
    {
        assert_eq!(kind_of(revoke(store, pattern, 5).await), ErrorKind::NotFound, "{pattern}");
    }
    for token in ["ab%defg_-two", "a'\\\"$1?1-three"] {
        create(store, token, 1).await;
        assert_eq!(revoke(store, &token[..8], 5).await.unwrap(), Revocation::Revoked, "{token}");
        assert_eq!(check(store, token, 6).await, None);
    }
    assert_eq!(all(store).await[0], plain);
}

async fn a_prefix_is_case_sensitive(db: Database) {
    let store = db.store().as_ref();
    let lower = create(store, "abcdefgh-one", 1).await;
    create(store, "ABCDEFGH-two", 1).await;
    assert_eq!(kind_of(revoke(store, "Abcdefgh", 5).await), ErrorKind::NotFound);
    assert_eq!(revoke(store, "ABCDEFGH", 5).await.unwrap(), Revocation::Revoked);
    assert_eq!(all(store).await[0], lower);
}

async fn of_two_revocations_at_once_one_finds_the_token_revoked(db: Database) {
    // Many rounds of many callers: those who do not wait for each other must meet.
    for round in 10..40 {
        let by = if round % 2 == 0 { 8 } else { 14 };
        let token = format!("{round}-token-round");
        create(db.store().as_ref(), &token, 1).await;
        let revoke = |_| {
            let (store, token) = (Arc::clone(db.store()), token[..by].to_owned());
            async move { revoke(store.as_ref(), &token, 10).await.unwrap() }
        };
        let answers = together((0..6).map(revoke)).await;
        let revoked = answers.iter().filter(|answer| **answer == Revocation::Revoked).count();
        assert_eq!(revoked, 1, "round {round}");
    }
}

async fn a_token_made_by_sixteen_at_once_is_kept_once(db: Database) {
    let create = |_| {
        let store = Arc::clone(db.store());
        async move { store.create_token(&NewToken::of(&secret("abcdefgh-one")), at(1)).await }
    };
    let (made, refused): (Vec<_>, Vec<_>) =
        together((0..16).map(create)).await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 15));
    assert!(refused.into_iter().all(|answer| kind_of(answer) == ErrorKind::Conflict));
    let made: Vec<_> = made.into_iter().map(Result::unwrap).collect();
    assert_eq!(all(db.store().as_ref()).await, made);
}
