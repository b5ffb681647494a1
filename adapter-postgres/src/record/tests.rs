use botstore_core::Ingest;
use botstore_core::fold::fold;
use botstore_core::model::{
    ActionKind, Batch, BotName, ChannelEvent, MessageText, Position, Source, StatusPatch, Timestamp,
    UserCounts, Username,
};

use crate::testing::Database;

use super::*;

/// The statement in its forms: each thing that a batch may do alone, and all of them after a source's step.
pub(crate) fn forms() -> Vec<Statement<'static>> {
    let at = Timestamp::new(1).unwrap();
    let username = || Username::new("ada").unwrap();
    let message = MessageText::new("hello").unwrap();
    let patch =
        StatusPatch { bot_name: Some(Some(BotName::new("Rosey").unwrap())), ..StatusPatch::default() };
    let events = [
        ChannelEvent::Chat { at, username: username(), message },
        ChannelEvent::UserJoined { at, username: username() },
        ChannelEvent::UserLeft { at, username: username() },
        ChannelEvent::UserCount { at, counts: UserCounts::new(1, 2).unwrap() },
        ChannelEvent::Action {
            at,
            username: username(),
            action: ActionKind::new("kick").unwrap(),
            details: None,
        },
        ChannelEvent::Status { at, patch: Box::new(patch) },
    ];
    // The test keeps them for ever, and so need not say how long the statements live.
    let events: &'static [ChannelEvent] = Vec::leak(events.into());
    let source: &'static Source = Box::leak(Box::new(Source::new("log").unwrap()));
    let mut forms: Vec<_> = events.iter().map(|event| Statement::record(&fold([event]), None)).collect();
    for from in [0, 5] {
        let (from, to) = (Position::new(from).unwrap(), Position::new(9).unwrap());
        forms.push(Statement::record(&fold(events), Some(Move { source, from, to })));
    }
    forms
}

#[test]
fn only_what_orders_the_locks_is_returned() {
    let counted: Vec<_> = forms().iter().map(|form| form.sql().matches("RETURNING").count()).collect();
    // One thing at a time locks in one place at most; with a source's step there are four.
    assert_eq!(counted, [0, 0, 0, 0, 0, 0, 4, 4]);
}

#[test]
fn locks_are_taken_in_one_order() {
    let counts = " SELECT (SELECT count(*) FROM moved) AS moved, (SELECT count(*) FROM users) AS users, \
        (SELECT count(*) FROM peaks) AS peaks, (SELECT count(*) FROM patched) AS patched";
    assert!(forms().last().unwrap().sql().ends_with(counts));
}

#[test]
fn a_sample_that_changes_no_peak_waits_for_nobody() {
    let Some(database) = Database::migrated() else { return };
    database.run(async |client| {
        let store = database.store().await;
        let sample = |at, chat, connected| {
            let (at, counts) = (Timestamp::new(at).unwrap(), UserCounts::new(chat, connected).unwrap());
            Batch::new(vec![ChannelEvent::UserCount { at, counts }]).unwrap()
        };
        store.record(&sample(20, 5, 9)).await.unwrap();
        client.batch_execute("BEGIN; SELECT FROM channel_stats FOR UPDATE").await.unwrap();
        store.record(&sample(20, 4, 8)).await.unwrap();
        client.batch_execute("COMMIT").await.unwrap();
    });
}
