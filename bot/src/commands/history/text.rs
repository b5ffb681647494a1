//! The chart in a terminal: of each column the greatest counts, as bars that hide nothing, for nobody chats who is not
//! connected.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use botstore::model::Count;

use super::chart::{Series, TITLE, scale, subtitle, told};
use super::reduction::{Column, History};
use super::ticks::{Tick, ticks};
use crate::format::{count, number, span};
use crate::terminal::Terminal;

/// What is drawn if nobody knows how large the terminal is.
const USUAL_SIZE: (u16, u16) = (80, 24);
/// The lines that are not the plot: title, subtitle, axis, times, legend, and the prompt that follows.
const OTHER_LINES: u16 = 7;
const LEAST_LINES: u16 = 4;
/// A higher plot would tell no more.
const MOST_LINES: u16 = 24;
const LEAST_COLUMNS: u32 = 10;
/// A line of the plot is so many levels high.
const LEVELS: i64 = 8;

/// The characters of a chart.
struct Glyphs {
    /// From nothing to a whole cell, by levels.
    chat: [char; 9],
    connected: [char; 9],
    vertical: char,
    corner: char,
    horizontal: char,
    vertical_tick: char,
    horizontal_tick: char,
}

const UNICODE: Glyphs = Glyphs {
    chat: [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
    // There are no lower halves of a shade.
    connected: [' ', ' ', ' ', '░', '░', '░', '░', '░', '░'],
    vertical: '│',
    corner: '└',
    horizontal: '─',
    vertical_tick: '┤',
    horizontal_tick: '┬',
};

const ASCII: Glyphs = Glyphs {
    chat: [' ', ' ', ' ', '#', '#', '#', '#', '#', '#'],
    connected: [' ', ' ', ' ', ':', ':', ':', ':', ':', ':'],
    vertical: '|',
    corner: '+',
    horizontal: '-',
    vertical_tick: '+',
    horizontal_tick: '+',
};

fn style(series: Series) -> Style {
    match series {
        Series::Connected => AnsiColor::Cyan.on_default(),
        Series::Chat => AnsiColor::Magenta.on_default(),
    }
}

/// Draws the chart for this terminal.
pub(super) fn draw(history: &History, terminal: Terminal) -> String {
    let (columns, lines) = terminal.size.unwrap_or(USUAL_SIZE);
    let lines = lines.saturating_sub(OTHER_LINES).clamp(LEAST_LINES, MOST_LINES);
    let counts = scale(history.most(), usize::from(lines / 4).max(1));
    let labels: Vec<String> = counts.iter().map(|&users| number(users)).collect();
    let margin = labels.iter().map(String::len).max().unwrap_or(0) + 1;
    let width = u32::from(columns).saturating_sub(margin as u32 + 1).max(LEAST_COLUMNS);
    let top = counts.last().copied().unwrap_or(1);
    let plot = Plot { history, terminal, glyphs: glyphs(terminal), width, lines: lines.into(), top };
    let mut text = plot.head();
    let rows = plot.rows();
    for (row, cells) in rows.iter().enumerate().rev() {
        // Labels stand where their count's line begins, and the top one at the very top.
        let named = counts.iter().position(|&users| plot.row_of(users) == row && users > 0);
        let label = named.and_then(|index| labels.get(index)).map_or("", String::as_str);
        let axis = if label.is_empty() { plot.glyphs.vertical } else { plot.glyphs.vertical_tick };
        let _ = write!(text, "\n{label:>margin$}{axis}");
        text.push_str(plot.paint(cells).trim_end());
    }
    let _ = write!(text, "\n{:>margin$}{}\n{}", "0", plot.axis(), plot.times(margin + 1));
    text.push_str(&plot.legend());
    text
}

fn glyphs(terminal: Terminal) -> &'static Glyphs {
    if terminal.unicode { &UNICODE } else { &ASCII }
}

/// A character of the plot, and which series it is of; none for text.
type Cell = (char, Option<Series>);

struct Plot<'a> {
    history: &'a History,
    terminal: Terminal,
    glyphs: &'static Glyphs,
    width: u32,
    lines: usize,
    /// The count at the upper end.
    top: i64,
}

impl Plot<'_> {
    fn head(&self) -> String {
        let title = self.terminal.paint(Style::new().bold(), TITLE);
        format!("{title}\n{}", subtitle(self.history))
    }

    /// The level of a count: somebody is never shown as nobody.
    fn level(&self, users: i64) -> i64 {
        let levels = i128::from(LEVELS) * self.lines as i128;
        let level = i128::from(users) * levels / i128::from(self.top.max(1));
        i64::try_from(level).unwrap_or(0).max(if users > 0 { LEVELS / 2 } else { 0 })
    }

    /// The line in which a bar of this count ends, from the bottom.
    fn row_of(&self, users: i64) -> usize {
        usize::try_from((self.level(users) - 1).max(0) / LEVELS).unwrap_or(0).min(self.lines - 1)
    }

    /// The plot's lines, from the bottom.
    fn rows(&self) -> Vec<Vec<Cell>> {
        let columns = self.history.filled(self.width);
        let row = |row| {
            let cell = |column: &Option<Column>| column.map_or((' ', None), |column| self.cell(&column, row));
            columns.iter().map(cell).collect()
        };
        let mut rows: Vec<Vec<Cell>> = (0..self.lines).map(row).collect();
        for series in Series::ALL {
            self.mark(&mut rows, series);
        }
        rows
    }

    fn cell(&self, column: &Column, row: usize) -> Cell {
        let filled = |users| (self.level(users) - row as i64 * LEVELS).clamp(0, LEVELS) as usize;
        let glyph = |glyphs: &[char; 9], users| glyphs.get(filled(users)).copied().unwrap_or(' ');
        let chat = glyph(&self.glyphs.chat, column.chat.most);
        match (chat, glyph(&self.glyphs.connected, column.connected.most)) {
            (' ', connected) => (connected, Some(Series::Connected)),
            (chat, _) => (chat, Some(Series::Chat)),
        }
    }

    /// Writes the peak's count above its bar, unless something else is told there.
    fn mark(&self, rows: &mut [Vec<Cell>], series: Series) {
        let Some(peak) = series.peak(self.history) else { return };
        let label = count(peak.count);
        let place = self.history.place(peak.at.seconds(), self.width) as usize;
        let start =
            place.saturating_sub(label.len() / 2).min((self.width as usize).saturating_sub(label.len()));
        let Some(cells) = rows
            .get_mut(self.row_of(peak.count.get()) + 1)
            .and_then(|row| row.get_mut(start..start + label.len()))
        else {
            return;
        };
        if cells.iter().all(|(glyph, _)| !glyph.is_ascii_digit()) {
            for (cell, digit) in cells.iter_mut().zip(label.chars()) {
                *cell = (digit, None);
            }
        }
    }

    /// The cells as text, those of a series in its colour.
    fn paint(&self, cells: &[Cell]) -> String {
        let mut text = String::new();
        for run in cells.chunk_by(|(_, one), (_, next)| one == next) {
            let glyphs: String = run.iter().map(|(glyph, _)| glyph).collect();
            match run.first() {
                Some((_, Some(series))) if !glyphs.trim().is_empty() => {
                    text.push_str(&self.terminal.paint(style(*series), &glyphs));
                }
                _ => text.push_str(&glyphs),
            }
        }
        text
    }

    fn ticks(&self) -> Vec<(usize, Tick)> {
        let ticks = ticks(self.history.from, self.history.to, (self.width / 10) as usize);
        ticks.into_iter().map(|tick| (self.history.place(tick.at, self.width) as usize, tick)).collect()
    }

    fn axis(&self) -> String {
        let mut axis = vec![self.glyphs.horizontal; self.width as usize];
        for (place, _) in self.ticks() {
            if let Some(cell) = axis.get_mut(place) {
                *cell = self.glyphs.horizontal_tick;
            }
        }
        std::iter::once(self.glyphs.corner).chain(axis).collect()
    }

    /// The ticks' names, each below its tick.
    fn times(&self, margin: usize) -> String {
        let mut line = " ".repeat(margin);
        let end = margin + self.width as usize;
        for (place, Tick { label, .. }) in self.ticks() {
            let start = (margin + place).saturating_sub(label.len() / 2).min(end.saturating_sub(label.len()));
            if start > line.len() || line.len() == margin {
                let _ = write!(line, "{:space$}{label}", "", space = start.saturating_sub(line.len()));
            }
        }
        line
    }

    fn legend(&self) -> String {
        let mut text = String::new();
        for series in Series::ALL.into_iter().rev() {
            let glyphs = match series {
                Series::Chat => self.glyphs.chat,
                Series::Connected => self.glyphs.connected,
            };
            let swatch = self.terminal.paint(style(series), &String::from(glyphs[8]).repeat(2));
            let _ = write!(text, "\n{swatch} {:<9}  {}", series.name(), told(series.peak(self.history)));
        }
        let seconds = (self.history.to - self.history.from) / i64::from(self.width);
        match Count::new("seconds", seconds) {
            Ok(seconds) if seconds > Count::ZERO => {
                let _ = write!(text, "; a column is {}", span(seconds));
            }
            _ => {}
        }
        text
    }
}
