//! Many samples reduced to a chart's columns: of each column its first, last, least and greatest count stay (known as M4),
//! so a line through them looks as one through all samples, and no peak is lost; and their sum, for the mean.

use botstore::model::{CountSample, Peak};

/// How many columns are kept while samples come in: several times the pixels of the widest picture.
const MOST_COLUMNS: usize = 1 << 15;

/// An interval between two samples that is so many times longer than usual is a gap: nobody was there to count.
const GAP: i64 = 4;

/// And so is one of more seconds, whatever is usual: of few samples one cannot tell, and users come and go in an hour.
const LONGEST: i64 = 3_600;

/// One series' counts in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) least: i64,
    pub(super) most: i64,
    sum: i128,
}

impl Counts {
    fn of(count: i64) -> Self {
        Self { first: count, last: count, least: count, most: count, sum: count.into() }
    }

    /// These counts with those that follow them.
    fn then(self, later: Self) -> Self {
        Self {
            first: self.first,
            last: later.last,
            least: self.least.min(later.least),
            most: self.most.max(later.most),
            sum: self.sum + later.sum,
        }
    }
}

/// What the samples of a span of time come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    /// The first sample's moment, in Unix seconds.
    pub(super) from: i64,
    /// The last sample's.
    pub(super) to: i64,
    pub(super) samples: u64,
    pub(super) chat: Counts,
    pub(super) connected: Counts,
}

impl Column {
    fn of(sample: &CountSample) -> Self {
        let at = sample.at.seconds();
        Self {
            from: at,
            to: at,
            samples: 1,
            chat: Counts::of(sample.counts.chat().get()),
            connected: Counts::of(sample.counts.connected().get()),
        }
    }

    /// What lies between two columns, so many parts of the way from one to the other.
    fn between(earlier: &Self, later: &Self, (part, parts): (u32, u32)) -> Self {
        let way = |from: i64, to: i64| {
            let way = i128::from(to - from) * i128::from(part) / i128::from(parts.max(1));
            from + i64::try_from(way).unwrap_or(0)
        };
        let at = way(earlier.to, later.from);
        let counts = |earlier: Counts, later: Counts| Counts::of(way(earlier.last, later.first));
        Self {
            from: at,
            to: at,
            samples: 1,
            chat: counts(earlier.chat, later.chat),
            connected: counts(earlier.connected, later.connected),
        }
    }

    /// The mean of these counts of the column, rounded down.
    pub(super) fn mean(&self, counts: Counts) -> i64 {
        i64::try_from(counts.sum / i128::from(self.samples.max(1))).unwrap_or(counts.most)
    }

    fn then(self, later: Self) -> Self {
        Self {
            from: self.from,
            to: later.to,
            samples: self.samples + later.samples,
            chat: self.chat.then(later.chat),
            connected: self.connected.then(later.connected),
        }
    }
}

/// Samples, as they come in from the oldest to the newest. However many they are, it keeps a bounded number of columns: when
/// there are too many, each takes twice the time.
#[derive(Debug)]
pub(super) struct Reduction {
    columns: Vec<Column>,
    /// The span of a column, in seconds.
    width: i64,
    samples: u64,
    peak_chat: Option<Peak>,
    peak_connected: Option<Peak>,
    intervals: Intervals,
}

impl Reduction {
    pub(super) fn new() -> Self {
        Self {
            columns: Vec::new(),
            width: 1,
            samples: 0,
            peak_chat: None,
            peak_connected: None,
            intervals: Intervals([0; i64::BITS as usize]),
        }
    }

    /// Adds a sample, which is not older than those before it.
    pub(super) fn add(&mut self, sample: &CountSample) {
        self.samples += 1;
        let of = |count| Peak::of(count, sample.at);
        self.peak_chat = greater(self.peak_chat, of(sample.counts.chat()));
        self.peak_connected = greater(self.peak_connected, of(sample.counts.connected()));
        if let Some(last) = self.columns.last() {
            self.intervals.add(sample.at.seconds() - last.to);
        }
        self.columns.push(Column::of(sample));
        if self.columns.len() > MOST_COLUMNS {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        let origin = self.columns.first().map_or(0, |column| column.from);
        loop {
            let slots = slots(&self.columns, |at| (at - origin) / self.width);
            self.columns = slots.into_iter().map(|(_, column)| column).collect();
            if self.columns.len() <= MOST_COLUMNS / 2 {
                return;
            }
            self.width *= 2;
        }
    }

    /// The samples; none if there were none.
    pub(super) fn finish(self) -> Option<History> {
        let (from, to) = (self.columns.first()?.from, self.columns.last()?.to);
        Some(History {
            samples: self.samples,
            from,
            to,
            peak_chat: self.peak_chat,
            peak_connected: self.peak_connected,
            columns: self.columns,
            gap: self.intervals.usual().saturating_mul(GAP).min(LONGEST),
        })
    }
}

/// Samples of which there is at least one, ready to be drawn.
#[derive(Debug)]
pub(super) struct History {
    pub(super) samples: u64,
    /// The oldest sample's moment, in Unix seconds.
    pub(super) from: i64,
    /// The newest sample's.
    pub(super) to: i64,
    pub(super) peak_chat: Option<Peak>,
    pub(super) peak_connected: Option<Peak>,
    columns: Vec<Column>,
    gap: i64,
}

impl History {
    /// The columns of a chart that has so many, each with its place from the left; those without samples are left out.
    pub(super) fn columns(&self, count: u32) -> Vec<(u32, Column)> {
        slots(&self.columns, |at| self.place(at, count))
    }

    /// The place of a moment among so many columns: the first for the oldest sample, the last for the newest.
    pub(super) fn place(&self, at: i64, count: u32) -> u32 {
        let span = i128::from((self.to - self.from).max(1));
        let place = i128::from(at - self.from) * i128::from(count) / span;
        u32::try_from(place).unwrap_or(0).min(count.saturating_sub(1))
    }

    /// Whether a line may lead from one column to the next: not through a gap.
    pub(super) fn joined(&self, earlier: &Column, later: &Column) -> bool {
        later.from - earlier.to <= self.gap
    }

    /// The columns of a chart, all of them: where samples are farther apart than columns, those between two samples lie on a
    /// line from one to the other; in a gap there are none.
    pub(super) fn filled(&self, count: u32) -> Vec<Option<Column>> {
        let columns = self.columns(count);
        let mut filled = vec![None; count as usize];
        let mut fill = |place: u32, column: Column| {
            if let Some(filled) = filled.get_mut(place as usize) {
                *filled = Some(column);
            }
        };
        for (place, column) in &columns {
            fill(*place, *column);
        }
        for pair in columns.windows(2) {
            if let [(left, earlier), (right, later)] = pair
                && self.joined(earlier, later)
            {
                for place in left + 1..*right {
                    fill(place, Column::between(earlier, later, (place - left, right - left)));
                }
            }
        }
        filled
    }

    /// The greatest count of both series, at least 1.
    pub(super) fn most(&self) -> i64 {
        // Whoever chats is connected.
        self.peak_connected.map_or(1, |peak| peak.count.get())
    }
}

/// Makes one column of those that have the same slot. Slots grow with time.
fn slots<S: PartialEq>(columns: &[Column], slot: impl Fn(i64) -> S) -> Vec<(S, Column)> {
    let mut slots: Vec<(S, Column)> = Vec::new();
    for &column in columns {
        let at = slot(column.from);
        match slots.last_mut() {
            Some((last, all)) if *last == at => *all = all.then(column),
            _ => slots.push((at, column)),
        }
    }
    slots
}

fn greater(one: Option<Peak>, other: Option<Peak>) -> Option<Peak> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    }
}

/// How long the intervals between samples are: how many are at least 1, 2, 4, ... seconds long.
#[derive(Debug)]
struct Intervals([u64; i64::BITS as usize]);

impl Intervals {
    fn add(&mut self, seconds: i64) {
        if let Some(power) = seconds.checked_ilog2()
            && let Some(count) = self.0.get_mut(power as usize)
        {
            *count += 1;
        }
    }

    /// The median, rounded up to a power of two.
    fn usual(&self) -> i64 {
        let half = self.0.iter().sum::<u64>().div_ceil(2);
        let mut below = 0;
        let power = self.0.iter().take_while(|&&count| {
            below += count;
            below < half
        });
        1_i64.checked_shl(power.count() as u32 + 1).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests;
