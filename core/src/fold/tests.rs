//! The fold against the rules in their plainest form, one event at a time.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// A store of users that follows the rules event by event, with no delta in sight.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Plain(BTreeMap<String, Row>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    first: i64,
    last: i64,
    lines: i64,
    seconds: i64,
    session: Option<(i64, i64)>,
}

impl Plain {
    fn event(&mut self, event: &ChannelEvent) {
        let at = event.at().seconds();
        match event {
            ChannelEvent::UserJoined { username, .. } if !username.is_server() => {
                let row = self.touch(username, at);
                if let Some((start, sign)) = row.session {
                    row.seconds += (sign - start).max(0);
                }
                row.session = Some((at, at));
            }
            ChannelEvent::UserLeft { username, .. } => {
                if let Some(row) = self.0.get_mut(username.as_str())
                    && let Some((start, _)) = row.session.take()
                {
                    row.seconds += (at - start).max(0);
                    row.first = row.first.min(at);
                    row.last = row.last.max(at);
                }
            }
            ChannelEvent::Chat { username, .. } if !username.is_server() => {
                let row = self.touch(username, at);
                row.lines += 1;
                if let Some((_, sign)) = &mut row.session {
                    *sign = at.max(*sign);
                }
            }
            _ => {}
        }
    }

    fn touch(&mut self, username: &Username, at: i64) -> &mut Row {
        let row = self.0.entry(username.as_str().to_owned()).or_insert(Row {
            first: at,
            last: at,
            lines: 0,
            seconds: 0,
            session: None,
        });
        row.first = row.first.min(at);
        row.last = row.last.max(at);
        row
    }
}

/// The same, by deltas: the events are split into batches at the given places.
fn by_batches(events: &[ChannelEvent], cuts: &[usize]) -> Plain {
    let mut rows: BTreeMap<String, UserStats> = BTreeMap::new();
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (events.len() + 1)).collect();
    cuts.extend([0, events.len()]);
    cuts.sort_unstable();
    for cut in cuts.windows(2) {
        for (username, delta) in fold(&events[cut[0]..cut[1]]).users {
            if let Some(row) = delta.apply(username, rows.remove(username.as_str())) {
                rows.insert(username.as_str().to_owned(), row);
            }
        }
    }
    Plain(rows.into_iter().map(|(name, row)| (name, plain(&row))).collect())
}

fn plain(row: &UserStats) -> Row {
    let session = row.current_session_start.zip(row.session_last_seen);
    Row {
        first: row.first_seen.seconds(),
        last: row.last_seen.seconds(),
        lines: row.total_chat_lines.get(),
        seconds: row.total_time_connected.get(),
        session: session.map(|(start, sign)| (start.seconds(), sign.seconds())),
    }
}

fn events() -> impl Strategy<Value = Vec<ChannelEvent>> {
    // Few names and few moments, so that ties, strangers' leaves and events out of order are common.
    let username =
        prop_oneof![Just("ada"), Just("bob"), Just("Server")].prop_map(|n| Username::new(n).unwrap());
    let at = (0i64..12).prop_map(|seconds| Timestamp::new(seconds).unwrap());
    let event = (0..4, at, username).prop_map(|(kind, at, username)| match kind {
        0 => ChannelEvent::UserJoined { at, username },
        1 => ChannelEvent::UserLeft { at, username },
        2 => ChannelEvent::Chat { at, username, message: MessageText::new("hi").unwrap() },
        _ => {
            let counts = UserCounts::new(at.seconds() % 4, at.seconds() % 4 + 1).unwrap();
            ChannelEvent::UserCount { at, counts }
        }
    });
    prop::collection::vec(event, 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_into_batches_ends_as_the_plain_rules_say(
        events in events(),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let mut expected = Plain::default();
        events.iter().for_each(|event| expected.event(event));
        prop_assert_eq!(by_batches(&events, &cuts), expected);
    }

    #[test]
    fn any_split_finds_the_same_peaks(events in events(), cut in any::<usize>()) {
        let (head, tail) = events.split_at(cut % (events.len() + 1));
        let (whole, head, tail) = (fold(&events).samples, fold(head).samples, fold(tail).samples);
        let peak = |samples: &Option<Samples>| samples.as_ref().and_then(|samples| samples.peak_chat);
        prop_assert_eq!(peak(&whole), greater(peak(&head), peak(&tail)));
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::new(seconds).unwrap()
}

fn chat(seconds: i64, name: &str, message: &str) -> ChannelEvent {
    ChannelEvent::Chat {
        at: at(seconds),
        username: Username::new(name).unwrap(),
        message: MessageText::new(message).unwrap(),
    }
}

fn count(seconds: i64, chat: i64, connected: i64) -> ChannelEvent {
    ChannelEvent::UserCount { at: at(seconds), counts: UserCounts::new(chat, connected).unwrap() }
}

#[test]
fn an_empty_line_counts_and_is_not_kept() {
    let events = [chat(1, "ada", ""), chat(2, "ada", "hi")];
    let effect = fold(&events);
    assert_eq!(effect.users[&Username::new("ada").unwrap()].lines, 2);
    assert_eq!(effect.lines.len(), 1);
}

#[test]
fn server_is_nobody_in_any_case() {
    let events =
        [chat(1, "server", "a"), chat(2, "SERVER", "b"), chat(3, "sErVeR", "c"), chat(4, "servers", "d")];
    let effect = fold(&events);
    assert_eq!(effect.users.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["servers"]);
    assert_eq!(effect.lines.len(), 1);
}

#[test]
fn of_equal_peaks_the_earliest_counts_and_zero_is_none() {
    let samples = fold(&[count(9, 0, 4), count(7, 0, 4), count(8, 0, 3)]).samples.unwrap();
    assert_eq!(samples.peak_chat, None);
    assert_eq!(samples.peak_connected, Peak::of(Count::new("connected", 4).unwrap(), at(7)));
    assert_eq!(samples.last, at(9));
}

#[test]
fn totals_stay_at_their_greatest_value() {
    let ada = Username::new("ada").unwrap();
    let full = UserDelta { lines: Count::MAX.get(), ..UserDelta::spoke(at(1)) }.apply(&ada, None);
    let row = UserDelta::spoke(at(2)).apply(&ada, full).unwrap();
    assert_eq!(row.total_chat_lines, Count::MAX);
}
