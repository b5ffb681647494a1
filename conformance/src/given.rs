//! Short words for what cases are about.

use std::fmt::Debug;

use botstore::model::{
    ActionDetails, ActionKind, Batch, ChannelEvent, Limit, MessageText, Position, Recorded, Source,
    StatusPatch, Timestamp, UserCounts, UserStats, Username,
};
use botstore::store::BotStore;
use botstore::{ErrorKind, Result};

/// Texts in which a driver, an escape or a pattern could go wrong.
pub(crate) const AWKWARD: [&str; 12] = [
    " ",
    "%",
    "_",
    "'; DROP TABLE users; --",
    "\\",
    "$1 ?1 :name {} %s",
    "\u{1F600}\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}",
    "\u{202E}\u{5E9}\u{5DC}\u{5D5}\u{5DD}",
    "e\u{301}",
    "\u{E9}",
    "\u{FEFF}\u{10FFFF}",
    "\"quoted\" trailing ",
];

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::new(seconds).unwrap()
}

pub(crate) fn name(name: &str) -> Username {
    Username::new(name).unwrap()
}

pub(crate) fn text(text: &str) -> MessageText {
    MessageText::new(text).unwrap()
}

pub(crate) fn limit(rows: i64) -> Limit {
    Limit::new(rows).unwrap()
}

pub(crate) fn source(name: &str) -> Source {
    Source::new(name).unwrap()
}

pub(crate) fn position(position: i64) -> Position {
    Position::new(position).unwrap()
}

pub(crate) fn joined(seconds: i64, who: &str) -> ChannelEvent {
    ChannelEvent::UserJoined { at: at(seconds), username: name(who) }
}

pub(crate) fn left(seconds: i64, who: &str) -> ChannelEvent {
    ChannelEvent::UserLeft { at: at(seconds), username: name(who) }
}

pub(crate) fn chat(seconds: i64, who: &str, message: &str) -> ChannelEvent {
    ChannelEvent::Chat { at: at(seconds), username: name(who), message: text(message) }
}

pub(crate) fn counts(seconds: i64, chat: i64, connected: i64) -> ChannelEvent {
    ChannelEvent::UserCount { at: at(seconds), counts: UserCounts::new(chat, connected).unwrap() }
}

pub(crate) fn action(seconds: i64, who: &str, kind: &str, details: Option<&str>) -> ChannelEvent {
    ChannelEvent::Action {
        at: at(seconds),
        username: name(who),
        action: ActionKind::new(kind).unwrap(),
        details: details.map(|details| ActionDetails::new(details).unwrap()),
    }
}

pub(crate) fn status(seconds: i64, patch: StatusPatch) -> ChannelEvent {
    ChannelEvent::Status { at: at(seconds), patch: Box::new(patch) }
}

/// A batch of events with the positions `after + 1`, `after + 2`, ...
pub(crate) fn numbered(from: &str, after: i64, events: Vec<ChannelEvent>) -> Batch {
    let events = (after + 1..).map(position).zip(events).collect();
    Batch::with_cursor(source(from), position(after), events).unwrap()
}

/// Records the events as one batch without a cursor.
pub(crate) async fn record(store: &dyn BotStore, events: impl Into<Vec<ChannelEvent>>) -> Recorded {
    store.record(&Batch::new(events.into()).unwrap()).await.unwrap()
}

/// What is kept of a user who must be known.
pub(crate) async fn user(store: &dyn BotStore, who: &str) -> UserStats {
    store.user_stats(&name(who)).await.unwrap().unwrap_or_else(|| panic!("{who} is unknown"))
}

/// The kind of the error, which there must be.
pub(crate) fn kind_of<T: Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind().clone()
}

/// Runs all at once, each as a task of its own, and gives their answers in order.
pub(crate) async fn together<F>(tasks: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut answers = Vec::with_capacity(tasks.len());
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}
