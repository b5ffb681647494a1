//! What a series looks like in a picture.

use super::chart::Series;
use super::reduction::{Column, Counts};

/// A moment and a count.
type Point = (i64, i64);

/// A run of fewer columns is drawn by its samples, however many they are.
const SHORTEST: usize = 8;
/// With so many samples to a column, a line through all of them would fill the whole between the least and the greatest.
const CROWD: u64 = 4;

/// The lines and areas of a series, in columns that follow each other without a gap.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Through all samples, or, in a crowd, through the mean of each column.
    pub(super) line: Vec<Point>,
    /// In a crowd, along the greatest counts.
    pub(super) edge: Vec<Point>,
    /// In a crowd, from the least counts to the greatest.
    pub(super) band: Vec<Point>,
    /// From the line down to the next one, or to nobody.
    pub(super) ground: Vec<Point>,
}

impl Shape {
    pub(super) fn of(run: &[(u32, Column)], series: Series) -> Self {
        let crowd = is_crowd(run);
        let points = |count: &dyn Fn(&Column) -> i64| -> Vec<Point> {
            run.iter().map(|(_, column)| (column.from, count(column))).collect()
        };
        let upper = |series: Series| {
            points(&|column| if crowd { column.mean(series.of(column)) } else { series.of(column).most })
        };
        let below = match series {
            Series::Connected => upper(Series::Chat),
            Series::Chat => points(&|_| 0),
        };
        let ground = upper(series).into_iter().chain(below.into_iter().rev()).collect();
        if !crowd {
            return Self { line: through_all(run, series), edge: Vec::new(), band: Vec::new(), ground };
        }
        let edge = points(&|column| series.of(column).most);
        let least = points(&|column| series.of(column).least);
        let band = edge.iter().copied().chain(least.into_iter().rev()).collect();
        Self { line: upper(series), edge, band, ground }
    }
}

/// Whether columns hold so many samples that a line through all of them would show nothing.
pub(super) fn is_crowd(run: &[(u32, Column)]) -> bool {
    let samples: u64 = run.iter().map(|(_, column)| column.samples).sum();
    run.len() >= SHORTEST && samples >= run.len() as u64 * CROWD
}

/// A line that looks as one through all samples would.
fn through_all(run: &[(u32, Column)], series: Series) -> Vec<Point> {
    let mut line = Vec::new();
    for (_, column) in run {
        let Counts { first, last, least, most, .. } = series.of(column);
        line.extend([(column.from, first), (column.from, least), (column.from, most), (column.to, last)]);
    }
    line.dedup();
    line
}

#[cfg(test)]
mod tests {
    use botstore::model::{CountSample, RowId, Timestamp, UserCounts};

    use super::super::reduction::Reduction;
    use super::*;

    /// The run of samples that are a second apart, and columns that hold so many of them.
    fn run(counts: &[i64], columns: u32) -> Vec<(u32, Column)> {
        let mut reduction = Reduction::new();
        for (at, &chat) in (0..).zip(counts) {
            let (id, at) = (RowId::new(at), Timestamp::new(at).unwrap());
            reduction.add(&CountSample { id, at, counts: UserCounts::new(chat, 100).unwrap() });
        }
        reduction.finish().unwrap().columns(columns)
    }

    #[test]
    fn few_samples_are_joined_by_a_line_above_an_area() {
        let shape = Shape::of(&run(&[5, 7, 1], 3), Series::Chat);
        assert_eq!(shape.line, [(0, 5), (1, 7), (2, 1)]);
        assert_eq!((shape.edge, shape.band), (vec![], vec![]));
        assert_eq!(shape.ground, [(0, 5), (1, 7), (2, 1), (2, 0), (1, 0), (0, 0)]);
    }

    #[test]
    fn a_crowd_has_its_mean_and_a_band_to_its_greatest() {
        let counts: Vec<i64> = (0..80).map(|at| if at == 42 { 90 } else { at % 10 }).collect();
        let run = run(&counts, 8);
        let shape = Shape::of(&run, Series::Chat);
        assert_eq!(
            (shape.line.len(), shape.edge.len(), shape.band.len(), shape.ground.len()),
            (8, 8, 16, 16)
        );
        assert!(
            shape.edge.iter().any(|&(_, count)| count == 90)
                && shape.line.iter().all(|&(_, count)| count < 20)
        );
        assert_eq!(
            Shape::of(&run, Series::Connected).ground[8..],
            shape.line.into_iter().rev().collect::<Vec<_>>()
        );
    }
}
