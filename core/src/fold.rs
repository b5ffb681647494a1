//! What a batch of events does to a store, as a pure function.
//!
//! [`fold`] turns events into an [`Effect`]: one [`UserDelta`] a user, the lines and samples to keep, the peaks. An
//! adapter writes the effect down and decides nothing. The promise is that any split of a sequence into batches ends
//! in the same state; deltas therefore compose ([`UserDelta::then`]), and [`UserDelta::apply`] says what a delta does
//! to a user's row. The adapters' SQL follows it, and the conformance suite holds them to it.

use std::collections::BTreeMap;

use crate::model::{
    ActionDetails, ActionKind, ChannelEvent, Count, MessageText, Peak, StatusPatch, Timestamp, UserCounts,
    UserStats, Username,
};

/// What a sequence of events does to one user. Deltas compose: see [`UserDelta::then`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UserDelta {
    /// Lines spoken.
    pub lines: i64,
    /// Seconds of the sessions that the events both open and close.
    pub seconds: i64,
    /// The earliest and the latest sign of life: joins, lines, and each leave that closes a session of these events.
    /// None if there is none: then the delta creates no user.
    pub seen: Option<(Timestamp, Timestamp)>,
    /// The latest line before the first session event: a sign of life of a session that was open before.
    pub head: Option<Timestamp>,
    /// What the events do to sessions, if they do anything.
    pub sessions: Option<Sessions>,
}

/// The first session event and the state after the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sessions {
    /// The first session event, which ends a session that was open before.
    pub opener: Opener,
    /// The session that is open at the end, if one is.
    pub open: Option<Session>,
}

/// How a session that was open before the events is ended by the first of them that concerns sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opener {
    /// By a join: nobody saw the user leave, so it ended with its own last sign of life.
    Join,
    /// By a leave at this moment.
    Leave(Timestamp),
}

/// An open session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// When it began.
    pub start: Timestamp,
    /// Its own last sign of life: the latest of its join and its lines.
    pub last_sign: Timestamp,
}

impl Session {
    /// The session with a further sign of life.
    fn seen(self, at: Option<Timestamp>) -> Self {
        Self { last_sign: self.last_sign.max(at.unwrap_or(self.last_sign)), ..self }
    }

    /// The seconds for which the session counts when `opener` ends it.
    fn seconds_until(self, opener: Opener) -> i64 {
        match opener {
            Opener::Join => self.last_sign.seconds_since(self.start),
            Opener::Leave(at) => at.seconds_since(self.start),
        }
    }
}

/// The span from the earlier to the later of two, and of a moment.
fn widen(seen: Option<(Timestamp, Timestamp)>, first: Timestamp, last: Timestamp) -> (Timestamp, Timestamp) {
    seen.map_or((first, last), |(earliest, latest)| (earliest.min(first), latest.max(last)))
}

impl UserDelta {
    fn joined(at: Timestamp) -> Self {
        let open = Some(Session { start: at, last_sign: at });
        Self {
            seen: Some((at, at)),
            sessions: Some(Sessions { opener: Opener::Join, open }),
            ..Self::default()
        }
    }

    fn left(at: Timestamp) -> Self {
        Self { sessions: Some(Sessions { opener: Opener::Leave(at), open: None }), ..Self::default() }
    }

    fn spoke(at: Timestamp) -> Self {
        Self { lines: 1, seen: Some((at, at)), head: Some(at), ..Self::default() }
    }

    /// What these events do, followed by `next` ones.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        let mut delta = Self { lines: self.lines + next.lines, seconds: self.seconds + next.seconds, ..self };
        if let Some((first, last)) = next.seen {
            delta.seen = Some(widen(self.seen, first, last));
        }
        match (self.sessions, next.sessions) {
            (None, _) => {
                delta.head = self.head.max(next.head);
                delta.sessions = next.sessions;
            }
            (Some(sessions), None) => {
                let open = sessions.open.map(|session| session.seen(next.head));
                delta.sessions = Some(Sessions { open, ..sessions });
            }
            (Some(sessions), Some(following)) => {
                if let Some(session) = sessions.open {
                    delta.seconds += session.seen(next.head).seconds_until(following.opener);
                    if let Opener::Leave(at) = following.opener {
                        delta.seen = Some(widen(delta.seen, at, at));
                    }
                }
                delta.sessions = Some(Sessions { open: following.open, ..sessions });
            }
        }
        delta
    }

    /// What the events make of a user's row; none if there is none and they create none. Totals stay at
    /// [`Count::MAX`] once they reach it.
    #[must_use]
    pub fn apply(self, username: &Username, row: Option<UserStats>) -> Option<UserStats> {
        let mut row = match (row, self.seen) {
            (Some(row), _) => row,
            (None, Some((first_seen, last_seen))) => UserStats {
                username: username.clone(),
                first_seen,
                last_seen,
                total_chat_lines: Count::ZERO,
                total_time_connected: Count::ZERO,
                current_session_start: None,
                session_last_seen: None,
            },
            (None, None) => return None,
        };
        let mut seen = self.seen;
        let mut session = row.current_session_start.map(|start| {
            Session { start, last_sign: row.session_last_seen.unwrap_or(start) }.seen(self.head)
        });
        let mut seconds = self.seconds;
        if let Some(Sessions { opener, open }) = self.sessions {
            if let Some(session) = session {
                seconds += session.seconds_until(opener);
                if let Opener::Leave(at) = opener {
                    seen = Some(widen(seen, at, at));
                }
            }
            session = open;
        }
        if let Some((first, last)) = seen {
            (row.first_seen, row.last_seen) = widen(Some((row.first_seen, row.last_seen)), first, last);
        }
        row.total_chat_lines = row.total_chat_lines.plus(self.lines);
        row.total_time_connected = row.total_time_connected.plus(seconds);
        row.current_session_start = session.map(|session| session.start);
        row.session_last_seen = session.map(|session| session.last_sign);
        Some(row)
    }
}

/// A line to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptLine<'a> {
    /// When it was said.
    pub at: Timestamp,
    /// Who said it.
    pub username: &'a Username,
    /// What was said, never empty.
    pub message: &'a MessageText,
}

/// An entry for the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptAction<'a> {
    /// When it was done.
    pub at: Timestamp,
    /// Who did it.
    pub username: &'a Username,
    /// What kind of thing.
    pub action: &'a ActionKind,
    /// What exactly.
    pub details: Option<&'a ActionDetails>,
}

/// The samples of a batch and what they do to the channel's peaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    /// The samples, in order; never empty.
    pub samples: Vec<(Timestamp, UserCounts)>,
    /// The greatest count of chatting users, if anybody was there.
    pub peak_chat: Option<Peak>,
    /// The greatest count of connections, if there was any.
    pub peak_connected: Option<Peak>,
    /// The latest sample's moment.
    pub last: Timestamp,
}

/// What a sequence of events does to a store.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Effect<'a> {
    /// What it does to each user, by name in byte order: the order in which rows are locked.
    pub users: BTreeMap<&'a Username, UserDelta>,
    /// The lines to keep, in order.
    pub lines: Vec<KeptLine<'a>>,
    /// The count samples, if there are any.
    pub samples: Option<Samples>,
    /// The entries for the audit log, in order.
    pub actions: Vec<KeptAction<'a>>,
    /// The change of the status and the latest moment of its parts.
    pub status: Option<(Timestamp, StatusPatch)>,
}

/// What `events`, in this order, do to a store.
pub fn fold<'a>(events: impl IntoIterator<Item = &'a ChannelEvent>) -> Effect<'a> {
    let mut effect = Effect::default();
    for event in events {
        effect.add(event);
    }
    effect
}

impl<'a> Effect<'a> {
    fn add(&mut self, event: &'a ChannelEvent) {
        match event {
            ChannelEvent::UserJoined { at, username } => self.add_delta(username, UserDelta::joined(*at)),
            ChannelEvent::UserLeft { at, username } => self.add_delta(username, UserDelta::left(*at)),
            ChannelEvent::Chat { at, username, message } => {
                self.add_delta(username, UserDelta::spoke(*at));
                if !message.is_empty() && !username.is_server() {
                    self.lines.push(KeptLine { at: *at, username, message });
                }
            }
            ChannelEvent::UserCount { at, counts } => self.add_sample(*at, *counts),
            ChannelEvent::Action { at, username, action, details } => {
                self.actions.push(KeptAction { at: *at, username, action, details: details.as_ref() });
            }
            ChannelEvent::Status { at, patch } => {
                let (last, patches) = self.status.take().unwrap_or((*at, StatusPatch::default()));
                self.status = Some((last.max(*at), patches.then(patch)));
            }
        }
    }

    fn add_delta(&mut self, username: &'a Username, next: UserDelta) {
        if !username.is_server() {
            let delta = self.users.entry(username).or_default();
            *delta = delta.then(next);
        }
    }

    fn add_sample(&mut self, at: Timestamp, counts: UserCounts) {
        let all = self.samples.get_or_insert_with(|| Samples {
            samples: Vec::new(),
            peak_chat: None,
            peak_connected: None,
            last: at,
        });
        all.samples.push((at, counts));
        all.last = all.last.max(at);
        all.peak_chat = greater(all.peak_chat, Peak::of(counts.chat(), at));
        all.peak_connected = greater(all.peak_connected, Peak::of(counts.connected(), at));
    }
}

fn greater(one: Option<Peak>, other: Option<Peak>) -> Option<Peak> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
