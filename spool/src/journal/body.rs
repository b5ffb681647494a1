//! A batch as text: a line for each event, with its place in its source and its JSON form.

use std::fmt::Write as _;

use botstore_core::model::{Batch, ChannelEvent, Position};

/// Writes a batch without its first `seen` events; one without a cursor with places from `first` on.
pub(super) fn write(batch: &Batch, seen: usize, first: i64) -> String {
    let mut body = String::new();
    let places = batch.cursor().map(|cursor| cursor.positions());
    for (index, event) in batch.events().iter().enumerate().skip(seen) {
        let place = places.map_or(first + index as i64, |places| places[index].get());
        // Writing into a string does not fail.
        let _ = writeln!(body, "{place} {}", event.to_json());
    }
    body
}

/// Reads one; none if it is damaged.
pub(super) fn read(body: &str) -> Option<Vec<(Position, ChannelEvent)>> {
    body.lines().map(line).collect()
}

fn line(line: &str) -> Option<(Position, ChannelEvent)> {
    let (place, event) = line.split_once(' ')?;
    Some((Position::new(place.parse().ok()?).ok()?, ChannelEvent::from_json(event).ok()?))
}
