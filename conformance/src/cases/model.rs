//! Random sequences of events, in random batches, against the rules in their plainest form.

use std::collections::BTreeMap;

use botstore::model::{
    ActionDetails, Batch, ChannelEvent, ChannelStats, ChatMessage, CloseSessions, Count, CurrentStatus, Peak,
    Position, StatusPatch, Timestamp, TopChatter, UserCounts, UserStats, UserTotals, Username,
};
use botstore::store::BotStore;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use crate::case::{Case, cases};
use crate::database::Database;
use crate::given::{action, at, chat, counts, joined, left, limit, source, status};
use crate::snapshot::Snapshot;

pub(super) const CASES: &[Case] = cases![
    one_event_at_a_time_ends_as_the_rules_say,
    any_batches_end_as_the_rules_say,
    any_batches_with_a_cursor_and_repeats_end_as_the_rules_say,
    closing_sessions_in_between_ends_as_the_rules_say,
    long_sequences_end_as_the_rules_say;
    persistent:
    reopening_in_between_ends_as_the_rules_say,
];

const NAMES: [&str; 5] = ["ada", "Ada", "bob", "\u{1F600}", "Server"];

/// What a store must hold, by rules that are applied event by event, with no delta and no batch in sight.
#[derive(Debug, Default)]
struct Model {
    users: BTreeMap<String, UserStats>,
    /// Moment, name, text, in the order of recording.
    lines: Vec<(i64, String, String)>,
    samples: Vec<(i64, UserCounts)>,
    actions: Vec<(i64, Option<ActionDetails>)>,
    channel: ChannelStats,
    status: CurrentStatus,
}

impl Model {
    fn record(&mut self, event: &ChannelEvent) {
        match event {
            ChannelEvent::UserJoined { at, username } if !username.is_server() => {
                self.close(username, None);
                let row = self.seen(username, *at);
                (row.current_session_start, row.session_last_seen) = (Some(*at), Some(*at));
            }
            ChannelEvent::UserLeft { at, username } => self.close(username, Some(*at)),
            ChannelEvent::Chat { at, username, message } if !username.is_server() => {
                let row = self.seen(username, *at);
                row.total_chat_lines = sum(row.total_chat_lines, 1);
                row.session_last_seen = row.session_last_seen.map(|sign| sign.max(*at));
                if !message.as_str().is_empty() {
                    self.lines.push((at.seconds(), username.to_string(), message.as_str().to_owned()));
                }
            }
            ChannelEvent::UserCount { at, counts } => {
                self.samples.push((at.seconds(), *counts));
                let channel = &mut self.channel;
                channel.last_updated = channel.last_updated.max(Some(*at));
                for (peak, count) in [
                    (&mut channel.peak_chat, counts.chat()),
                    (&mut channel.peak_connected, counts.connected()),
                ] {
                    let raises = peak.is_none_or(|p| count > p.count || (count == p.count && *at < p.at));
                    if count > Count::ZERO && raises {
                        *peak = Some(Peak { count, at: *at });
                    }
                }
            }
            ChannelEvent::Action { at, details, .. } => self.actions.push((at.seconds(), details.clone())),
            ChannelEvent::Status { at, patch } => patch.apply(*at, &mut self.status),
            _ => {}
        }
    }

    /// Closes a user's session, if one is open, at a moment or at its own last sign of life.
    fn close(&mut self, username: &Username, at: Option<Timestamp>) {
        let Some(row) = self.users.get_mut(username.as_str()) else { return };
        if let (Some(start), Some(sign)) = (row.current_session_start.take(), row.session_last_seen.take()) {
            let end = at.unwrap_or(sign);
            let seconds = (end.seconds() - start.seconds()).max(0);
            row.total_time_connected = sum(row.total_time_connected, seconds);
            if let Some(at) = at {
                row.first_seen = row.first_seen.min(at);
                row.last_seen = row.last_seen.max(at);
            }
        }
    }

    fn close_all(&mut self, how: CloseSessions) -> i64 {
        let open = |row: &&UserStats| row.current_session_start.is_some();
        let names: Vec<_> = self.users.values().filter(open).map(|row| row.username.clone()).collect();
        for username in &names {
            self.close(username, if let CloseSessions::At(at) = how { Some(at) } else { None });
        }
        names.len() as i64
    }

    fn seen(&mut self, username: &Username, at: Timestamp) -> &mut UserStats {
        let row = self.users.entry(username.to_string()).or_insert_with(|| UserStats {
            username: username.clone(),
            first_seen: at,
            last_seen: at,
            total_chat_lines: Count::ZERO,
            total_time_connected: Count::ZERO,
            current_session_start: None,
            session_last_seen: None,
        });
        row.first_seen = row.first_seen.min(at);
        row.last_seen = row.last_seen.max(at);
        row
    }

    /// That the store holds the same.
    async fn assert_is(&self, store: &dyn BotStore, what: &str) {
        let seen = Snapshot::of(store, &NAMES).await;
        let users: Vec<_> = NAMES.iter().map(|&who| self.users.get(who).cloned()).collect();
        assert_eq!(seen.users, users, "{what}");
        assert_eq!(seen.top, self.top(), "{what}");
        assert_eq!(seen.totals, self.totals(), "{what}");
        assert_eq!((seen.channel, &seen.status), (self.channel, &self.status), "{what}");
        let line = |line: &ChatMessage| {
            (line.at.seconds(), line.username.to_string(), line.message.as_str().to_owned())
        };
        let lines = in_order(&self.lines, |line| line.0);
        assert_eq!(seen.chat.iter().map(line).collect::<Vec<_>>(), lines, "{what}");
        let recent = store.recent_chat(limit(5)).await.unwrap();
        let newest = &lines[lines.len().saturating_sub(5)..];
        assert_eq!(recent.iter().map(line).collect::<Vec<_>>(), newest, "{what}");
        let samples: Vec<_> = seen.samples.iter().map(|s| (s.at.seconds(), s.counts)).collect();
        assert_eq!(samples, in_order(&self.samples, |sample| sample.0), "{what}");
        let mut actions: Vec<_> = seen.actions.iter().map(|a| (a.at.seconds(), a.details.clone())).collect();
        actions.reverse();
        assert_eq!(actions, in_order(&self.actions, |action| action.0), "{what}");
    }

    fn top(&self) -> Vec<TopChatter> {
        let mut top: Vec<_> = self
            .users
            .values()
            .filter(|row| row.total_chat_lines > Count::ZERO)
            .map(|row| TopChatter { username: row.username.clone(), total_chat_lines: row.total_chat_lines })
            .collect();
        // A stable sort leaves equals in the order of the map: that of their names.
        top.sort_by_key(|row| std::cmp::Reverse(row.total_chat_lines));
        top
    }

    fn totals(&self) -> UserTotals {
        let total = |of: fn(&UserStats) -> i64| sum(Count::ZERO, self.users.values().map(of).sum());
        UserTotals {
            users: total(|_| 1),
            chat_lines: total(|row| row.total_chat_lines.get()),
            connected_seconds: total(|row| row.total_time_connected.get()),
            open_sessions: total(|row| i64::from(row.current_session_start.is_some())),
        }
    }
}

/// Rows by time, and by their order of recording within a moment.
fn in_order<T: Clone>(rows: &[T], at: impl Fn(&T) -> i64) -> Vec<T> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(at);
    rows
}

fn sum(total: Count, more: i64) -> Count {
    Count::new("total", (total.get() + more).min(Count::MAX.get())).unwrap()
}

/// An event. Few names and few moments, so that ties, strangers' leaves and times out of order are common.
fn event() -> impl Strategy<Value = ChannelEvent> {
    let who = proptest::sample::select(NAMES.to_vec());
    let moment = prop_oneof![9 => 0i64..20, 1 => Just(Timestamp::MAX.seconds())];
    let small = 0i64..5;
    (0..12, moment, who, small.clone(), small).prop_map(|(kind, moment, who, one, other)| match kind {
        0..3 => joined(moment, who),
        3..6 => left(moment, who),
        6 => chat(moment, who, ""),
        7..9 => chat(moment, who, &format!("{who} {one}{other}")),
        9 => counts(moment, one, one + other),
        10 => action(moment, who, "kick", (one > 0).then_some(&*format!("{one}{other}"))),
        _ => {
            let count = Count::new("playlist_items", one).unwrap();
            let patch = StatusPatch {
                bot_afk: [None, Some(None), Some(Some(true)), Some(Some(false)), None][other as usize],
                playlist_items: (one > 0).then_some((one > 1).then_some(count)),
                ..StatusPatch::default()
            };
            status(moment, patch)
        }
    })
}

/// A source of values that is the same in every run and on every backend.
struct Random(TestRunner);

impl Random {
    fn new() -> Self {
        let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        Self(TestRunner::new_with_rng(ProptestConfig::default(), rng))
    }

    fn pick<T: std::fmt::Debug>(&mut self, strategy: impl Strategy<Value = T>) -> T {
        strategy.new_tree(&mut self.0).unwrap().current()
    }

    fn events(&mut self, count: usize) -> Vec<ChannelEvent> {
        self.pick(prop::collection::vec(event(), count))
    }
}

/// A run: further events are recorded, and the store and the model compared.
struct Run {
    random: Random,
    model: Model,
    /// Where the run's own source stands.
    stands_at: i64,
}

impl Run {
    fn new() -> Self {
        Self { random: Random::new(), model: Model::default(), stands_at: 0 }
    }

    /// Records a batch of one to `most` events without a cursor.
    async fn batch(&mut self, store: &dyn BotStore, most: usize) {
        let size = self.random.pick(1..=most);
        let events = self.random.events(size);
        events.iter().for_each(|event| self.model.record(event));
        store.record(&Batch::new(events).unwrap()).await.unwrap();
    }

    /// Records a batch of a source whose places have gaps: a part of it first, then the whole, then all again.
    async fn batch_in_pieces(&mut self, store: &dyn BotStore, most: usize) {
        let after = self.stands_at;
        let size = self.random.pick(1..=most);
        let mut numbered = Vec::new();
        for event in self.random.events(size) {
            self.model.record(&event);
            self.stands_at += self.random.pick(1i64..4);
            numbered.push((Position::new(self.stands_at).unwrap(), event));
        }
        let first = self.random.pick(1..=size);
        for events in [&numbered[..first], &numbered, &numbered] {
            let batch = Batch::with_cursor(source("log"), Position::new(after).unwrap(), events.to_vec());
            store.record(&batch.unwrap()).await.unwrap();
        }
    }
}

async fn one_event_at_a_time_ends_as_the_rules_say(db: Database) {
    let mut run = Run::new();
    for round in 0..8 {
        for _ in 0..25 {
            run.batch(&**db.store(), 1).await;
        }
        run.model.assert_is(&**db.store(), &format!("round {round}")).await;
    }
}

async fn any_batches_end_as_the_rules_say(db: Database) {
    let mut run = Run::new();
    for round in 0..120 {
        run.batch(&**db.store(), 24).await;
        run.model.assert_is(&**db.store(), &format!("round {round}")).await;
    }
}

async fn any_batches_with_a_cursor_and_repeats_end_as_the_rules_say(db: Database) {
    let mut run = Run::new();
    for round in 0..80 {
        run.batch_in_pieces(&**db.store(), 24).await;
        run.model.assert_is(&**db.store(), &format!("round {round}")).await;
    }
}

async fn closing_sessions_in_between_ends_as_the_rules_say(db: Database) {
    let mut run = Run::new();
    for round in 0..60 {
        run.batch(&**db.store(), 12).await;
        let how = match run.random.pick(0i64..25) {
            20.. => CloseSessions::LastSign,
            moment => CloseSessions::At(at(moment)),
        };
        let closed = db.store().close_sessions(how).await.unwrap();
        assert_eq!(closed.get(), run.model.close_all(how), "round {round}");
        run.model.assert_is(&**db.store(), &format!("round {round}")).await;
    }
}

async fn reopening_in_between_ends_as_the_rules_say(mut db: Database) {
    let mut run = Run::new();
    for round in 0..8 {
        run.batch(&**db.store(), 24).await;
        run.batch_in_pieces(&**db.store(), 24).await;
        db.reopen().await;
        run.model.assert_is(&**db.store(), &format!("round {round}")).await;
    }
}

async fn long_sequences_end_as_the_rules_say(db: Database) {
    let mut run = Run::new();
    for _ in 0..10 {
        run.batch(&**db.store(), 1_000).await;
        run.batch_in_pieces(&**db.store(), 1_000).await;
    }
    run.model.assert_is(&**db.store(), "at the end").await;
}
