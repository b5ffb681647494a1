//! What the charts of the terminal and of pictures have in common: names, scale, texts.

use botstore::model::{Count, Peak, Timestamp};

use super::reduction::{Column, Counts, History};
use crate::format::{count, number, time};

pub(super) const TITLE: &str = "Users in the channel";

/// One of the two lines of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Series {
    Connected,
    Chat,
}

impl Series {
    /// In the order in which they are drawn: the greater first, which the other covers.
    pub(super) const ALL: [Self; 2] = [Self::Connected, Self::Chat];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Chat => "in chat",
        }
    }

    pub(super) fn of(self, column: &Column) -> Counts {
        match self {
            Self::Connected => column.connected,
            Self::Chat => column.chat,
        }
    }

    pub(super) fn peak(self, history: &History) -> Option<Peak> {
        match self {
            Self::Connected => history.peak_connected,
            Self::Chat => history.peak_chat,
        }
    }
}

/// How many samples there are, and of which time.
pub(super) fn subtitle(history: &History) -> String {
    let samples = number(i128::from(history.samples));
    if history.samples == 1 {
        format!("1 sample, {} UTC", minute(history.from))
    } else {
        format!("{samples} samples, {} to {} UTC", minute(history.from), minute(history.to))
    }
}

/// A moment to the minute, as one reads it in a picture.
pub(super) fn minute(at: i64) -> String {
    let time = Timestamp::new(at).map_or_else(|_| at.to_string(), time);
    time.get(..16).unwrap_or(&time).replace('T', " ")
}

/// A peak in words.
pub(super) fn told(peak: Option<Peak>) -> String {
    peak.map_or_else(
        || "nobody".to_owned(),
        |Peak { count: most, at }| format!("most {} at {}", count(most), minute(at.seconds())),
    )
}

/// The counts that an axis names, from 0 up to at least `most`, in round and equal steps, about so many.
pub(super) fn scale(most: i64, about: usize) -> Vec<i64> {
    let most = most.clamp(1, Count::MAX.get());
    let steps = i64::try_from(about).unwrap_or(i64::MAX).max(1);
    let least = (most + steps - 1) / steps;
    let power = 10_i64.pow(least.ilog10());
    let step = [1, 2, 5, 10].map(|factor| factor * power).into_iter().find(|&step| step >= least);
    let step = step.unwrap_or(least);
    (0..=(most + step - 1) / step).map(|number| number * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_has_round_steps_and_room_for_the_greatest() {
        assert_eq!(scale(0, 4), [0, 1]);
        assert_eq!(scale(1, 4), [0, 1]);
        assert_eq!(scale(4, 4), [0, 1, 2, 3, 4]);
        assert_eq!(scale(5, 4), [0, 2, 4, 6]);
        assert_eq!(scale(352, 4), [0, 100, 200, 300, 400]);
        assert_eq!(scale(2_023, 5), [0, 500, 1_000, 1_500, 2_000, 2_500]);
        for about in 1..20 {
            let scale = scale(Count::MAX.get(), about);
            assert!(scale.len() <= about + 1 && scale.last().unwrap() >= &Count::MAX.get(), "{about}");
        }
    }

    #[test]
    fn peaks_are_told_to_the_minute() {
        let peak = Peak::of(Count::new("count", 1_234).unwrap(), Timestamp::new(1_700_000_000).unwrap());
        assert_eq!(told(peak), "most 1,234 at 2023-11-14 22:13");
        assert_eq!(told(None), "nobody");
    }
}
