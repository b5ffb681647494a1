//! Reducing samples to columns.

use botstore::model::{Count, RowId, Timestamp, UserCounts};

use super::*;

fn sample(at: i64, chat: i64, connected: i64) -> CountSample {
    CountSample {
        id: RowId::new(at),
        at: Timestamp::new(at).unwrap(),
        counts: UserCounts::new(chat, connected).unwrap(),
    }
}

fn reduced(samples: impl IntoIterator<Item = CountSample>) -> History {
    let mut reduction = Reduction::new();
    for sample in samples {
        reduction.add(&sample);
        assert!(reduction.columns.len() <= MOST_COLUMNS);
    }
    reduction.finish().unwrap()
}

fn peak(count: i64, at: i64) -> Option<Peak> {
    Peak::of(Count::new("count", count).unwrap(), Timestamp::new(at).unwrap())
}

#[test]
fn no_peak_is_lost_among_a_million_samples() {
    let spikes = [(7, 900), (300_001, 901), (999_999, 902)];
    let count =
        |minute| spikes.iter().find(|&&(at, _)| at == minute).map_or(10 + minute % 7, |&(_, count)| count);
    let history = reduced((0..1_000_000).map(|minute| sample(minute * 60, count(minute), count(minute) + 1)));
    assert_eq!(history.samples, 1_000_000);
    assert_eq!((history.from, history.to), (0, 999_999 * 60));
    assert_eq!((history.peak_chat, history.peak_connected), (peak(902, 59_999_940), peak(903, 59_999_940)));
    for width in [70, 1_200, 3_840] {
        let columns = history.columns(width);
        assert_eq!(columns.len(), width as usize, "there are samples in every column");
        for (minute, count) in spikes {
            let (place, column) = columns
                .iter()
                .find(|(_, column)| (column.from..=column.to).contains(&(minute * 60)))
                .unwrap();
            assert_eq!((column.chat.most, column.connected.most), (count, count + 1));
            assert!(place.abs_diff(history.place(minute * 60, width)) <= 1);
        }
        assert!(columns.iter().all(|(_, column)| column.chat.least == 10));
        assert!(columns.windows(2).all(|pair| history.joined(&pair[0].1, &pair[1].1)));
    }
}

#[test]
fn a_column_keeps_its_first_last_least_and_greatest() {
    let history =
        reduced([(0, 5), (1, 9), (2, 1), (3, 4), (1_000, 2)].map(|(at, chat)| sample(at, chat, 20)));
    let columns = history.columns(10);
    assert_eq!(columns.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [0, 9]);
    let (_, column) = columns[0];
    assert_eq!((column.from, column.to), (0, 3));
    assert_eq!(column.chat, Counts { first: 5, last: 4, least: 1, most: 9, sum: 19 });
    assert_eq!(column.mean(column.chat), 4);
}

#[test]
fn samples_that_are_few_are_kept_as_they_are() {
    let history = reduced((0..100).map(|number| sample(number * 300, number, number)));
    assert_eq!(history.columns(1_000).len(), 100);
}

#[test]
fn no_line_leads_through_a_gap() {
    let times = [0, 300, 600, 1_200, 1_500, 9_000, 9_300];
    let history = reduced(times.map(|at| sample(at, 1, 1)));
    let columns = history.columns(100_000);
    let joined: Vec<_> = columns.windows(2).map(|pair| history.joined(&pair[0].1, &pair[1].1)).collect();
    assert_eq!(joined, [true, true, true, true, false, true]);
}

#[test]
fn no_line_leads_through_more_than_an_hour_however_few_samples_there_are() {
    let joined = |times: &[i64]| {
        let history = reduced(times.iter().map(|&at| sample(at, 1, 1)));
        let columns = history.columns(100_000);
        columns.windows(2).map(|pair| history.joined(&pair[0].1, &pair[1].1)).collect::<Vec<_>>()
    };
    assert_eq!(joined(&[0, Timestamp::MAX.seconds()]), [false]);
    assert_eq!(joined(&[0, 3_600]), [true]);
    assert_eq!(joined(&[0, 3_601]), [false]);
    assert_eq!(joined(&[0, 86_400, 172_800, 259_200]), [false; 3]);
}

#[test]
fn what_lies_between_samples_is_filled_but_no_gap() {
    let history = reduced([(0, 10), (100, 20), (200, 0), (900, 7)].map(|(at, chat)| sample(at, chat, 20)));
    let filled: Vec<_> =
        history.filled(10).iter().map(|column| column.map(|column| column.chat.most)).collect();
    assert_eq!(
        filled,
        [Some(10), Some(20), Some(0), None, None, None, None, None, None, Some(7)],
        "the interval of 700 is more than four times 128",
    );
    let line: Vec<_> = reduced([sample(0, 0, Count::MAX.get()), sample(100, 50, 50)])
        .filled(11)
        .iter()
        .map(|column| column.unwrap().chat.most)
        .collect();
    assert_eq!(line, [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50]);
}

#[test]
fn gaps_stay_gaps_however_many_samples_there_are() {
    // A day of every ten, for 200,000 samples.
    let at = |number: i64| (number / 288) * 864_000 + number % 288 * 300;
    let history = reduced((0..200_000).map(|number| sample(at(number), 3, 4)));
    let columns = history.columns(3_840);
    let gaps = columns.windows(2).filter(|pair| !history.joined(&pair[0].1, &pair[1].1)).count();
    assert_eq!(gaps, 200_000 / 288);
}

#[test]
fn of_equal_peaks_the_earlier_counts() {
    let history = reduced([sample(1, 2, 3), sample(2, 2, 3), sample(3, 1, 3)]);
    assert_eq!((history.peak_chat, history.peak_connected), (peak(2, 1), peak(3, 1)));
}

#[test]
fn one_sample_and_nobody_there_can_be_drawn() {
    assert!(Reduction::new().finish().is_none());
    let history = reduced([sample(1_000, 0, 0)]);
    assert_eq!((history.peak_chat, history.peak_connected, history.most()), (None, None, 1));
    assert_eq!(history.columns(80).len(), 1);
    let ages = reduced([sample(0, 1, 1), sample(Timestamp::MAX.seconds(), 1, 1)]);
    assert_eq!(ages.columns(3_840).iter().map(|(place, _)| *place).collect::<Vec<_>>(), [0, 3_839]);
}
