//! Tokens: kept, checked, listed.

use std::slice;

use botstore::ErrorKind;
use botstore::model::{
    Limit, NewToken, Revocation, TokenDescription, TokenInfo, TokenName, TokenPermissions, TokenPrefix,
    TokenSecret, TokenSelector,
};
use botstore::store::BotStore;

use super::maintenance::refresh_statistics;
use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{AWKWARD, at, kind_of, limit};

pub(super) const CASES: &[Case] = cases![
    a_token_is_kept_as_it_was_made,
    what_is_said_of_a_token_comes_back_byte_for_byte,
    nothing_and_the_empty_text_are_told_apart,
    a_token_is_accepted_by_its_whole_text_only,
    a_check_notes_the_time_of_use,
    the_time_of_use_only_goes_up,
    a_check_of_one_token_leaves_the_others_alone,
    a_revoked_token_is_not_accepted_and_its_use_not_noted,
    the_same_token_is_kept_once,
    a_revoked_token_is_not_kept_again,
    tokens_are_listed_in_pages_by_identity,
    tokens_are_listed_by_identity_whatever_happened_to_them,
    a_selector_is_a_whole_token_or_its_first_8_characters,
    a_token_is_accepted_until_it_expires,
    an_expired_token_can_be_revoked,
];

pub(super) fn secret(token: &str) -> TokenSecret {
    TokenSecret::new(token).unwrap()
}

/// Keeps a token, made at `seconds`.
pub(super) async fn create(store: &dyn BotStore, token: &str, seconds: i64) -> TokenInfo {
    store.create_token(&NewToken::of(&secret(token)), at(seconds)).await.unwrap()
}

/// All tokens, by identity.
pub(super) async fn all(store: &dyn BotStore) -> Vec<TokenInfo> {
    store.tokens(None, Limit::MAX).await.unwrap()
}

pub(super) async fn check(store: &dyn BotStore, token: &str, seconds: i64) -> Option<TokenInfo> {
    store.check_token(&secret(token).hash(), at(seconds)).await.unwrap()
}

async fn a_token_is_kept_as_it_was_made(db: Database) {
    let store = db.store().as_ref();
    let secret = TokenSecret::generate().unwrap();
    let new = NewToken {
        name: Some(TokenName::new("dashboard").unwrap()),
        description: Some(TokenDescription::new("shows\nthe channel").unwrap()),
        permissions: Some(TokenPermissions::new(r#"["read"]"#).unwrap()),
        ..NewToken::of(&secret)
    };
    let info = store.create_token(&new, at(1_000)).await.unwrap();
    let expected = TokenInfo {
        id: info.id,
        prefix: TokenPrefix::new(&secret.reveal()[..8]).unwrap(),
        name: new.name,
        description: new.description,
        permissions: new.permissions,
        created_at: at(1_000),
        last_used: None,
        revoked_at: None,
        expires_at: None,
    };
    assert_eq!(info, expected);
    assert_eq!(all(store).await, [expected]);
}

async fn what_is_said_of_a_token_comes_back_byte_for_byte(db: Database) {
    let store = db.store().as_ref();
    let (name, description, permissions) =
        ("\u{1F600}".repeat(100), "\u{1F600}".repeat(1_000), "\u{1F600}".repeat(10_000));
    let long = (name.as_str(), description.as_str(), permissions.as_str());
    let texts = AWKWARD.into_iter().map(|text| (text, text, text));
    for (index, (name, description, permissions)) in texts.chain([long]).enumerate() {
        let new = NewToken {
            name: Some(TokenName::new(name).unwrap()),
            description: Some(TokenDescription::new(description).unwrap()),
            permissions: Some(TokenPermissions::new(permissions).unwrap()),
            ..NewToken::of(&secret(&format!("token-number-{index}")))
        };
        store.create_token(&new, at(1)).await.unwrap();
        let kept = all(store).await.pop().unwrap();
        assert_eq!(
            (kept.name, kept.description, kept.permissions),
            (new.name, new.description, new.permissions)
        );
    }
}

async fn nothing_and_the_empty_text_are_told_apart(db: Database) {
    let store = db.store().as_ref();
    let empty = NewToken {
        description: Some(TokenDescription::new("").unwrap()),
        permissions: Some(TokenPermissions::new("").unwrap()),
        ..NewToken::of(&secret("empty-texts"))
    };
    store.create_token(&empty, at(1)).await.unwrap();
    create(store, "no-texts-at-all", 1).await;
    let kept = all(store).await;
    assert_eq!(
        (&kept[0].description, &kept[0].permissions, &kept[0].name),
        (&empty.description, &empty.permissions, &None)
    );
    assert_eq!((&kept[1].description, &kept[1].permissions, &kept[1].name), (&None, &None, &None));
}

async fn a_token_is_accepted_by_its_whole_text_only(db: Database) {
    let store = db.store().as_ref();
    let info = create(store, "abcdefgh-one", 1).await;
    for unknown in ["abcdefgh-on", "abcdefgh-onE", "abcdefgh-one1", "ABCDEFGH-ONE", "abcdefgh%"] {
        assert_eq!(check(store, unknown, 5).await, None, "{unknown}");
    }
    assert_eq!(all(store).await, slice::from_ref(&info));
    assert_eq!(check(store, "abcdefgh-one", 5).await, Some(TokenInfo { last_used: Some(at(5)), ..info }));
}

async fn a_check_notes_the_time_of_use(db: Database) {
    let store = db.store().as_ref();
    let info = create(store, "abcdefgh-one", 1).await;
    for seconds in [5, 6, 1_000] {
        let used = TokenInfo { last_used: Some(at(seconds)), ..info.clone() };
        assert_eq!(check(store, "abcdefgh-one", seconds).await, Some(used.clone()));
        assert_eq!(all(store).await, [used]);
    }
}

async fn the_time_of_use_only_goes_up(db: Database) {
    let store = db.store().as_ref();
    let info = create(store, "abcdefgh-one", 1).await;
    let used = TokenInfo { last_used: Some(at(100)), ..info };
    for seconds in [100, 99, 0, 100] {
        assert_eq!(check(store, "abcdefgh-one", seconds).await, Some(used.clone()), "{seconds}");
        assert_eq!(all(store).await, slice::from_ref(&used), "{seconds}");
    }
}

async fn a_check_of_one_token_leaves_the_others_alone(db: Database) {
    let store = db.store().as_ref();
    // The same prefix, so that only the hash tells them apart.
    let one = create(store, "abcdefgh-one", 1).await;
    create(store, "abcdefgh-two", 1).await;
    let three = create(store, "abcdefgh-three", 1).await;
    let two = check(store, "abcdefgh-two", 5).await.unwrap();
    assert_eq!(all(store).await, [one, two, three]);
}

async fn a_revoked_token_is_not_accepted_and_its_use_not_noted(db: Database) {
    let store = db.store().as_ref();
    create(store, "abcdefgh-one", 1).await;
    let used = check(store, "abcdefgh-one", 5).await.unwrap();
    let selector = TokenSelector::Whole(secret("abcdefgh-one").hash());
    assert_eq!(store.revoke_token(&selector, at(10)).await.unwrap(), Revocation::Revoked);
    // Not even at a moment before its revocation.
    for seconds in [9, 10, 11] {
        assert_eq!(check(store, "abcdefgh-one", seconds).await, None, "{seconds}");
    }
    assert_eq!(all(store).await, [TokenInfo { revoked_at: Some(at(10)), ..used }]);
}

async fn the_same_token_is_kept_once(db: Database) {
    let store = db.store().as_ref();
    let info = create(store, "abcdefgh-one", 1).await;
    let again =
        NewToken { name: Some(TokenName::new("another").unwrap()), ..NewToken::of(&secret("abcdefgh-one")) };
    assert_eq!(kind_of(store.create_token(&again, at(2)).await), ErrorKind::Conflict);
    assert_eq!(all(store).await, [info]);
}

async fn a_revoked_token_is_not_kept_again(db: Database) {
    let store = db.store().as_ref();
    create(store, "abcdefgh-one", 1).await;
    let selector = TokenSelector::parse("abcdefgh").unwrap();
    assert_eq!(store.revoke_token(&selector, at(2)).await.unwrap(), Revocation::Revoked);
    let before = all(store).await;
    let again = NewToken::of(&secret("abcdefgh-one"));
    assert_eq!(kind_of(store.create_token(&again, at(3)).await), ErrorKind::Conflict);
    assert_eq!(all(store).await, before);
    assert_eq!(check(store, "abcdefgh-one", 4).await, None);
}

async fn tokens_are_listed_in_pages_by_identity(db: Database) {
    let store = db.store().as_ref();
    for index in 0..7 {
        // Neither the moment nor the text decides the order.
        create(store, &format!("{}-token-{index}", 9 - index), 100 - index).await;
    }
    let third = all(store).await[2].prefix.clone();
    store.revoke_token(&TokenSelector::Prefix(third), at(200)).await.unwrap();
    let whole = all(store).await;
    assert_eq!(whole.len(), 7);
    assert!(whole.is_sorted_by(|a, b| a.id < b.id));
    assert_eq!(whole.iter().filter(|token| !token.is_active(at(200))).count(), 1);
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store.tokens(after, limit(3)).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        listed.extend(page);
        assert!(listed.len() <= 7, "{listed:?}");
    }
    assert_eq!(listed, whole);
}

async fn tokens_are_listed_by_identity_whatever_happened_to_them(db: Database) {
    let store = db.store().as_ref();
    let tokens: Vec<String> = (0..50).map(|index| format!("{}-token-{index}", 99 - index)).collect();
    let mut ids = Vec::new();
    for token in &tokens {
        ids.push(create(store, token, 1).await.id);
    }
    for token in tokens.iter().rev() {
        check(store, token, 5).await.unwrap();
    }
    refresh_statistics(store).await;
    assert_eq!(all(store).await.iter().map(|info| info.id).collect::<Vec<_>>(), ids);
}

async fn a_selector_is_a_whole_token_or_its_first_8_characters(db: Database) {
    let longest = "x".repeat(255);
    for whole in ["abcdefghi", "%_'\\%_'\\%", longest.as_str()] {
        assert_eq!(TokenSelector::parse(whole), Ok(TokenSelector::Whole(secret(whole).hash())), "{whole}");
    }
    for prefix in ["abcdefgh", "%_'\\%_'\\", "--------"] {
        let expected = TokenSelector::Prefix(TokenPrefix::new(prefix).unwrap());
        assert_eq!(TokenSelector::parse(prefix), Ok(expected), "{prefix}");
    }
    let too_long = "x".repeat(256);
    for bad in [
        "",
        "a",
        "abcdefg",
        "abcdef g",
        "abcdefg\0",
        "abcdefg\n",
        "abcdef\u{E9}",
        "\u{1F600}\u{1F600}",
        "abcdefgh ",
        "abcdefgh\0",
        "abcdefgh\u{7F}",
        "abcdefgh\u{E9}",
        "abcdefg\u{202E}h",
        "\u{1F600}\u{1F600}\u{1F600}",
        too_long.as_str(),
    ] {
        assert_eq!(TokenSelector::parse(bad).unwrap_err().field, "token", "{bad:?}");
    }
    // A prefix selects nothing in an empty store.
    let nobody = TokenSelector::parse("abcdefgh").unwrap();
    assert_eq!(kind_of(db.store().revoke_token(&nobody, at(1)).await), ErrorKind::NotFound);
}

async fn a_token_is_accepted_until_it_expires(db: Database) {
    let store = db.store().as_ref();
    let new = NewToken { expires_at: Some(at(100)), ..NewToken::of(&secret("abcdefgh-one")) };
    let info = store.create_token(&new, at(1)).await.unwrap();
    assert_eq!(info.expires_at, Some(at(100)));
    let used = TokenInfo { last_used: Some(at(99)), ..info };
    assert_eq!(check(store, "abcdefgh-one", 99).await, Some(used.clone()));
    for seconds in [100, 101] {
        assert_eq!(check(store, "abcdefgh-one", seconds).await, None, "{seconds}");
    }
    assert_eq!(all(store).await, slice::from_ref(&used), "nor is its use noted");
    assert!(used.is_active(at(99)) && !used.is_active(at(100)));
}

async fn an_expired_token_can_be_revoked(db: Database) {
    let store = db.store().as_ref();
    let new = NewToken { expires_at: Some(at(100)), ..NewToken::of(&secret("abcdefgh-one")) };
    store.create_token(&new, at(1)).await.unwrap();
    let prefix = TokenSelector::parse("abcdefgh").unwrap();
    assert_eq!(store.revoke_token(&prefix, at(200)).await.unwrap(), Revocation::Revoked);
    assert_eq!(all(store).await[0].revoked_at, Some(at(200)));
}
