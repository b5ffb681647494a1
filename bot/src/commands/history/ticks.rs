//! The moments that a chart's axis names: round ones, such as midnights or the beginnings of years, in UTC.

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// A moment of the axis and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tick {
    /// Unix seconds.
    pub(super) at: i64,
    pub(super) label: String,
}

/// How far apart the moments are.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Seconds, up to days; weeks begin on Mondays.
    Seconds(i64),
    Months(i64),
}

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;
const WEEK: i64 = 7 * DAY;
/// 1970-01-05, the first Monday.
const MONDAY: i64 = 4 * DAY;
const YEAR: i64 = 12;

const STEPS: [Step; 35] = [
    Step::Seconds(1),
    Step::Seconds(2),
    Step::Seconds(5),
    Step::Seconds(10),
    Step::Seconds(30),
    Step::Seconds(MINUTE),
    Step::Seconds(2 * MINUTE),
    Step::Seconds(5 * MINUTE),
    Step::Seconds(10 * MINUTE),
    Step::Seconds(15 * MINUTE),
    Step::Seconds(30 * MINUTE),
    Step::Seconds(HOUR),
    Step::Seconds(2 * HOUR),
    Step::Seconds(3 * HOUR),
    Step::Seconds(6 * HOUR),
    Step::Seconds(12 * HOUR),
    Step::Seconds(DAY),
    Step::Seconds(2 * DAY),
    Step::Seconds(WEEK),
    Step::Seconds(2 * WEEK),
    Step::Months(1),
    Step::Months(2),
    Step::Months(3),
    Step::Months(6),
    Step::Months(YEAR),
    Step::Months(2 * YEAR),
    Step::Months(5 * YEAR),
    Step::Months(10 * YEAR),
    Step::Months(20 * YEAR),
    Step::Months(50 * YEAR),
    Step::Months(100 * YEAR),
    Step::Months(200 * YEAR),
    Step::Months(500 * YEAR),
    Step::Months(1_000 * YEAR),
    Step::Months(2_000 * YEAR),
];

/// At most so many moments between two others, both included, as close to each other as that allows.
pub(super) fn ticks(from: i64, to: i64, most: usize) -> Vec<Tick> {
    let fitting =
        STEPS.into_iter().map(|step| step.moments(from, to, most)).find(|moments| moments.len() <= most);
    let moments = fitting.unwrap_or_default();
    moments.into_iter().map(|(at, time, step)| Tick { at, label: label(time, step) }).collect()
}

impl Step {
    /// The moments, but not many more than `most`.
    fn moments(self, from: i64, to: i64, most: usize) -> Vec<(i64, DateTime, Self)> {
        let first = match self {
            Self::Seconds(step) => ceiling(from - Self::origin(step), step),
            Self::Months(step) => ceiling(month(from), step),
        };
        (first..)
            .map_while(|number| {
                let at = match self {
                    Self::Seconds(step) => number * step + Self::origin(step),
                    Self::Months(step) => beginning(number * step)?,
                };
                Some((at, civil(at)?, self))
            })
            .skip_while(|&(at, ..)| at < from)
            .take_while(|&(at, ..)| at <= to)
            .take(most + 1)
            .collect()
    }

    fn origin(step: i64) -> i64 {
        if step % WEEK == 0 { MONDAY } else { 0 }
    }
}

fn ceiling(value: i64, step: i64) -> i64 {
    value.div_euclid(step) + i64::from(value.rem_euclid(step) > 0)
}

/// The month of a moment, counted from the year 0 on.
fn month(at: i64) -> i64 {
    civil(at).map_or(0, |time| i64::from(time.year()) * YEAR + i64::from(time.month()) - 1)
}

/// When a month begins; none after the year 9999.
fn beginning(month: i64) -> Option<i64> {
    let (year, month) = (i16::try_from(month / YEAR).ok()?, i8::try_from(month % YEAR + 1).ok()?);
    let time = DateTime::new(year, month, 1, 0, 0, 0, 0).ok()?;
    Some(time.duration_since(EPOCH).as_secs())
}

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

fn civil(at: i64) -> Option<DateTime> {
    EPOCH.checked_add(SignedDuration::from_secs(at)).ok()
}

/// As short as it can be told from its neighbours: the year instead of January, the day instead of midnight.
fn label(time: DateTime, step: Step) -> String {
    let midnight = time.hour() == 0 && time.minute() == 0 && time.second() == 0;
    let form = match step {
        Step::Months(_) if time.month() == 1 => "%Y",
        Step::Months(_) => "%b",
        Step::Seconds(_) if midnight => "%b %-d",
        Step::Seconds(step) if step >= MINUTE => "%H:%M",
        Step::Seconds(_) => "%H:%M:%S",
    };
    time.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use botstore::model::Timestamp;

    use super::*;

    fn labels(from: &str, to: &str, most: usize) -> String {
        let seconds = |time: &str| time.parse::<DateTime>().unwrap().duration_since(EPOCH).as_secs();
        let ticks = ticks(seconds(from), seconds(to), most);
        assert!(ticks.iter().all(|tick| (seconds(from)..=seconds(to)).contains(&tick.at)));
        ticks.into_iter().map(|tick| tick.label).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn moments_are_round_and_as_many_as_there_is_room_for() {
        assert_eq!(labels("2004-12-25", "2018-02-28", 7), "2006 2008 2010 2012 2014 2016 2018");
        assert_eq!(labels("2004-12-25", "2018-02-28", 6), "2005 2010 2015");
        assert_eq!(labels("2023-11-14", "2024-05-02", 8), "Dec 2024 Feb Mar Apr May");
        assert_eq!(labels("2023-11-14", "2024-05-02", 3), "2024 Mar May");
        assert_eq!(labels("2024-05-31", "2024-06-21", 4), "Jun 3 Jun 10 Jun 17");
        assert_eq!(labels("2024-06-01T17:00", "2024-06-03T09:00", 5), "Jun 2 12:00 Jun 3");
        assert_eq!(labels("2024-06-01T23:30", "2024-06-02T00:31", 6), "23:30 23:45 Jun 2 00:15 00:30");
        assert_eq!(
            labels("2024-06-01T12:00", "2024-06-01T12:00:20", 5),
            "12:00:00 12:00:05 12:00:10 12:00:15 12:00:20"
        );
    }

    #[test]
    fn there_are_ticks_for_any_span() {
        for (from, to) in
            [(0, 0), (0, Timestamp::MAX.seconds()), (Timestamp::MAX.seconds(), Timestamp::MAX.seconds())]
        {
            assert!(ticks(from, to, 10).len() <= 10);
        }
        assert_eq!(labels("1970-01-01", "9999-12-31", 10).split(' ').count(), 8);
    }
}
