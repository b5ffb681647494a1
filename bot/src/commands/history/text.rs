//! The chart in a terminal: of each column the greatest counts, as bars that hide nothing, for nobody chats who is not
//! connected.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use botstore::model::Count;

use super::chart::{Series, TITLE, scale, subtitle, told};
use super::reduction::{Column, History};
use super::ticks::{Tick, ticks};
use crate::format::{count, number, span, wrapped};
use crate::terminal::Terminal;

/// What is drawn if nobody knows how large the terminal is.
const USUAL_SIZE: (u16, u16) = (80, 24);
/// The lines that are not the plot: title, subtitle, axis, times, legend, and the prompt that follows.
const OTHER_LINES: usize = 7;
/// Of them the title, the subtitle and the legend, unless they are too wide.
const LINES_OF_TEXT: usize = 4;
const LEAST_LINES: usize = 4;
/// A higher plot would tell no more.
const MOST_LINES: usize = 24;
const LEAST_COLUMNS: u32 = 10;
/// How wide a colour's sample is in the legend.
const SWATCH: usize = 2;
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
    let room = |others: usize| {
        let lines = usize::from(lines).saturating_sub(others);
        lines.clamp(LEAST_LINES, MOST_LINES)
    };
    let mut plot = Plot::of(history, terminal, columns, room(OTHER_LINES));
    let broken = plot.head().lines().count() + plot.legend().lines().count() - LINES_OF_TEXT;
    if broken > 0 {
        plot = Plot::of(history, terminal, columns, room(OTHER_LINES + broken));
    }
    plot.draw()
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
    /// The counts that the axis names, from 0 on.
    counts: Vec<i64>,
    /// The columns before the axis.
    margin: usize,
    /// All columns that there are.
    columns: usize,
    width: u32,
    lines: usize,
    /// The count at the upper end.
    top: i64,
}

impl<'a> Plot<'a> {
    fn of(history: &'a History, terminal: Terminal, columns: u16, lines: usize) -> Self {
        let counts = scale(history.most(), (lines / 4).max(1));
        let margin = counts.iter().map(|&users| number(users).len()).max().unwrap_or(0) + 1;
        let width = u32::from(columns).saturating_sub(margin as u32 + 1).max(LEAST_COLUMNS);
        let top = counts.last().copied().unwrap_or(1);
        let glyphs = glyphs(terminal);
        Self { history, terminal, glyphs, counts, margin, columns: columns.into(), width, lines, top }
    }

    fn draw(&self) -> String {
        let (mut text, margin) = (self.head(), self.margin);
        for (row, cells) in self.rows().iter().enumerate().rev() {
            // Labels stand where their count's line begins, and the top one at the very top.
            let named = self.counts.iter().find(|&&users| self.row_of(users) == row && users > 0);
            let label = named.map_or_else(String::new, |&users| number(users));
            let axis = if label.is_empty() { self.glyphs.vertical } else { self.glyphs.vertical_tick };
            let _ = write!(text, "\n{label:>margin$}{axis}");
            text.push_str(self.paint(cells).trim_end());
        }
        let _ = write!(text, "\n{:>margin$}{}\n{}\n", "0", self.axis(), self.times(margin + 1));
        text + &self.legend()
    }

    fn head(&self) -> String {
        let title = self.terminal.paint(Style::new().bold(), TITLE);
        format!("{title}\n{}", wrapped(&subtitle(self.history), self.columns, 0))
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
        let entries = Series::ALL.into_iter().rev().map(|series| {
            let glyphs = match series {
                Series::Chat => self.glyphs.chat,
                Series::Connected => self.glyphs.connected,
            };
            let swatch = self.terminal.paint(style(series), &String::from(glyphs[8]).repeat(SWATCH));
            let name = format!(" {:<9}  ", series.name());
            let mut explained = told(series.peak(self.history));
            if series == Series::Connected {
                explained += &self.resolution();
            }
            let explained = wrapped(&explained, self.columns, SWATCH + name.len());
            format!("{swatch}{name}{explained}")
        });
        entries.collect::<Vec<_>>().join("\n")
    }

    /// How much time a column is.
    fn resolution(&self) -> String {
        let seconds = (self.history.to - self.history.from) / i64::from(self.width);
        match Count::new("seconds", seconds) {
            Ok(seconds) if seconds > Count::ZERO => format!("; a column is {}", span(seconds)),
            _ => String::new(),
        }
    }
}
