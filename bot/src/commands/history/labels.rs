//! Where labels stand in a picture.

/// A place in pixels, from the left and from above.
type Point = (i32, i32);

/// A rectangle of pixels, from its left upper corner to its right lower one.
type Frame = [Point; 2];

/// The labels of an area, which do not cover each other, and as little as can be of what is drawn.
#[derive(Debug)]
pub(super) struct Labels {
    area: Point,
    drawn: Vec<Frame>,
    placed: Vec<Frame>,
}

impl Labels {
    /// An area of this width and height.
    pub(super) fn new(area: Point) -> Self {
        Self { area, drawn: Vec::new(), placed: Vec::new() }
    }

    /// Along these points a line is drawn, or one point.
    pub(super) fn avoid(&mut self, line: &[Point]) {
        if let [alone] = *line {
            self.drawn.push([alone, alone]);
        }
        for pair in line.windows(2) {
            let [from, to] = *pair else { continue };
            if from.0 == to.0 {
                self.drawn.push([(from.0, from.1.min(to.1)), (from.0, from.1.max(to.1))]);
            }
            let y = |x| from.1 + (to.1 - from.1) * (x - from.0) / (to.0 - from.0);
            for x in from.0..to.0 {
                self.drawn.push([(x, y(x).min(y(x + 1))), (x, y(x).max(y(x + 1)))]);
            }
        }
    }

    /// Finds the place of a label of this size for a point, and so far `away` from it: above it if that is as good as
    /// any, else around it. To be a pixel farther away is as bad as to cover a pixel's width of what is drawn.
    pub(super) fn place(&mut self, point: Point, size: Point, away: i32) -> Frame {
        let above = [point.1 - away - size.1, point.1 - away - 2 * size.1];
        let below = [point.1 + away, point.1 + away + size.1];
        let rows = above.into_iter().chain(below).chain([point.1 - size.1 / 2]);
        let frames =
            rows.flat_map(|y| (-8..=8).map(move |step| (point.0 - size.0 / 2 + step * (size.0 / 4 + 1), y)));
        let around = [(point.0 - away + 1, point.1 - away + 1), (point.0 + away - 1, point.1 + away - 1)];
        let best = frames.map(|place| self.within(place, size)).min_by_key(|frame| {
            let labels = self.placed.iter().filter(|other| overlap(frame, other)).count();
            let drawn = self.drawn.iter().filter(|other| overlap(frame, other)).count() as i32;
            let to = nearest(frame, point);
            let apart = (to.0 - point.0).abs().max((to.1 - point.1).abs());
            (labels, overlap(frame, &around), drawn + apart, distance(frame, point))
        });
        let frame = best.unwrap_or([point, point]);
        self.placed.push(frame);
        frame
    }

    /// A frame of this size, moved into the area where it is not.
    fn within(&self, place: Point, size: Point) -> Frame {
        let x = place.0.min(self.area.0 - size.0).max(0);
        let y = place.1.min(self.area.1 - size.1).max(0);
        [(x, y), (x + size.0, y + size.1)]
    }
}

/// The point of a frame that is nearest to a point.
pub(super) fn nearest(frame: &Frame, point: Point) -> Point {
    (point.0.clamp(frame[0].0, frame[1].0), point.1.clamp(frame[0].1, frame[1].1))
}

/// The square of how far a frame's middle is from a point.
fn distance(frame: &Frame, point: Point) -> i32 {
    let across = (frame[0].0 + frame[1].0) / 2 - point.0;
    let along = (frame[0].1 + frame[1].1) / 2 - point.1;
    across * across + along * along
}

/// Whether two frames have a pixel in common.
fn overlap(one: &Frame, other: &Frame) -> bool {
    one[0].0 <= other[1].0 && other[0].0 <= one[1].0 && one[0].1 <= other[1].1 && other[0].1 <= one[1].1
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Point = (1_000, 500);
    const SIZE: Point = (100, 40);

    #[test]
    fn a_label_is_above_its_point_where_there_is_room() {
        let place = |point| Labels::new(AREA).place(point, SIZE, 10);
        assert_eq!(place((500, 300)), [(450, 250), (550, 290)]);
        assert_eq!(place((0, 300)), [(0, 250), (100, 290)]);
        assert_eq!(place((1_000, 300)), [(900, 250), (1_000, 290)]);
        assert_eq!(place((500, 20)), [(450, 30), (550, 70)], "above there is none");
    }

    #[test]
    fn two_labels_of_the_same_point_do_not_overlap() {
        for point in [(500, 300), (0, 300), (1_000, 300), (0, 0), (1_000, 499), (500, 60)] {
            let mut labels = Labels::new(AREA);
            let (one, other) = (labels.place(point, SIZE, 10), labels.place(point, SIZE, 10));
            assert!(!overlap(&one, &other), "{point:?}: {one:?} {other:?}");
        }
    }

    #[test]
    fn a_label_stays_near_its_point() {
        let mut labels = Labels::new(AREA);
        // Lines everywhere but far away.
        for y in 0..60 {
            labels.avoid(&[(0, 200 + y), (850, 200 + y)]);
        }
        let frame = labels.place((500, 230), SIZE, 10);
        let to = nearest(&frame, (500, 230));
        assert!((to.0 - 500).abs() <= 110 && (to.1 - 230).abs() <= 110, "{frame:?}");
    }

    #[test]
    fn a_label_covers_as_little_as_it_can() {
        let mut labels = Labels::new(AREA);
        for x in 0..700 {
            labels.avoid(&[(x, 290), (x, 0)]);
        }
        assert_eq!(labels.place((500, 300), SIZE, 10), [(450, 310), (550, 350)]);
        labels.avoid(&[(0, 500), (1_000, 0)]);
        assert_eq!(labels.drawn.len(), 1_700);
        assert!(labels.drawn.contains(&[(500, 250), (500, 250)]));
    }
}
