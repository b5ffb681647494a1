//! What callers do.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use clap::ValueEnum;
use fastrand::Rng;
use serde::{Deserialize, Serialize};

use crate::{Contestant, Plan};

/// The first moment of every run, in Unix seconds.
const START: i64 = 1_700_000_000;
/// After so many looks at the clock, on average, it goes a second on. The queue's leases outlast every operation.
const LOOKS_PER_SECOND: u32 = 1_000;
/// How long a list of chatters is.
const TOP: i64 = 10;
/// How long a list of lines is.
const RECENT: i64 = 50;
/// The length of messages, in characters.
const MESSAGE: std::ops::RangeInclusive<usize> = 20..=80;
/// Messages are cut out of this.
const TEXT: &str = "so where were we when the stream went down and everybody asked whether the next film was the \
    one with the lighthouse or the other one that nobody finished because the subtitles came from another cut";

/// What a caller does in each operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// A line by a user who is known, at least after a while.
    Chat,
    /// The first join of a user.
    Join,
    /// The ten users with the most lines.
    Top,
    /// The newest fifty lines.
    Recent,
    /// One user's row.
    Stats,
    /// A message is queued, one is claimed, and that is sent.
    Queue,
    /// A bot's day: 75 % lines, 9 % joins, 9 % leaves, 3 % counts, 2 % one user's row, 1 % top, 1 % recent.
    Day,
}

impl Work {
    /// Whether nothing is written.
    #[must_use]
    pub fn only_reads(self) -> bool {
        matches!(self, Self::Top | Self::Recent | Self::Stats)
    }
}

impl fmt::Display for Work {
    /// The name on the command line and in reports.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_possible_value().map_or(Ok(()), |value| f.pad(value.get_name()))
    }
}

/// What is measured as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    Chat { at: i64, user: String, message: &'static str },
    Join { at: i64, user: String },
    Leave { at: i64, user: String },
    Count { at: i64, chat: i64, connected: i64 },
    Top,
    Recent,
    Stats { user: String },
    Queue { at: i64, text: &'static str },
}

impl Operation {
    pub(crate) async fn run(&self, contestant: &dyn Contestant) -> anyhow::Result<()> {
        match self {
            Self::Chat { at, user, message } => contestant.chat(*at, user, message).await,
            Self::Join { at, user } => contestant.join(*at, user).await,
            Self::Leave { at, user } => contestant.leave(*at, user).await,
            Self::Count { at, chat, connected } => contestant.count(*at, *chat, *connected).await,
            Self::Top => contestant.top(TOP).await.map(|_| ()),
            Self::Recent => contestant.recent(RECENT).await.map(|_| ()),
            Self::Stats { user } => contestant.stats(user).await.map(|_| ()),
            Self::Queue { at, text } => contestant.queue(*at, text).await,
        }
    }
}

/// One caller's endless sequence of operations. All callers have one clock.
pub(crate) struct Caller {
    work: Work,
    users: u32,
    newcomers: String,
    joined: u64,
    random: Rng,
    clock: Arc<AtomicI64>,
}

impl Caller {
    /// All callers of a run.
    pub(crate) fn all(plan: &Plan) -> Vec<Self> {
        let clock = Arc::new(AtomicI64::new(START));
        let mut random = Rng::with_seed(plan.seed);
        let caller = |number| Self {
            work: plan.work,
            users: plan.users,
            newcomers: format!("new{}_{number}_", plan.seed),
            joined: 0,
            random: random.fork(),
            clock: Arc::clone(&clock),
        };
        (0..plan.callers).map(caller).collect()
    }

    /// What the caller does next.
    pub(crate) fn next(&mut self) -> Operation {
        match self.work {
            Work::Chat => self.chat(),
            Work::Join => Operation::Join { at: self.now(), user: self.newcomer() },
            Work::Top => Operation::Top,
            Work::Recent => Operation::Recent,
            Work::Stats => Operation::Stats { user: self.user() },
            Work::Queue => Operation::Queue { at: self.now(), text: self.text() },
            Work::Day => self.day(),
        }
    }

    fn day(&mut self) -> Operation {
        match self.random.u8(..100) {
            0..75 => self.chat(),
            75..84 => Operation::Join { at: self.now(), user: self.user() },
            84..93 => Operation::Leave { at: self.now(), user: self.user() },
            93..96 => self.count(),
            96..98 => Operation::Stats { user: self.user() },
            98 => Operation::Top,
            _ => Operation::Recent,
        }
    }

    fn chat(&mut self) -> Operation {
        Operation::Chat { at: self.now(), user: self.user(), message: self.text() }
    }

    fn count(&mut self) -> Operation {
        let chat = self.random.i64(0..=i64::from(self.users));
        Operation::Count { at: self.now(), chat, connected: chat + self.random.i64(0..=50) }
    }

    fn now(&mut self) -> i64 {
        let ticks = i64::from(self.random.u32(..LOOKS_PER_SECOND) == 0);
        self.clock.fetch_add(ticks, Ordering::Relaxed) + ticks
    }

    fn user(&mut self) -> String {
        format!("user{}", self.random.u32(..self.users))
    }

    /// A name that no caller has used, nor any run with another seed.
    fn newcomer(&mut self) -> String {
        self.joined += 1;
        format!("{}{}", self.newcomers, self.joined)
    }

    fn text(&mut self) -> &'static str {
        let length = self.random.usize(MESSAGE);
        let start = self.random.usize(..=TEXT.len() - length);
        &TEXT[start..start + length]
    }
}

#[cfg(test)]
mod tests;
