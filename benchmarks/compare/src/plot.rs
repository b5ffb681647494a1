//! The plot: operations a second, one panel a backend, one group of bars a cell.

use std::path::Path;

use anyhow::Context as _;
use botstore_bench_harness::{Backend, engine, number};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::cell::{Cell, Data};
use crate::contestant::{self, Contestant, OURS};
use crate::results::Row;

const SIZE: (u32, u32) = (1_240, 980);
/// The title's and the legend's.
const HEAD_HEIGHT: u32 = 84;
const LEGEND_STEP: i32 = 140;
const FONT: &str = "sans-serif";
const INK: RGBColor = RGBColor(40, 40, 40);
const LINES: RGBColor = RGBColor(222, 222, 222);
/// How much of a group's place its bars fill.
const FILL: f64 = 0.84;

/// Okabe and Ito's colours, which the colour-blind can tell apart. Engines are grey.
fn colour(contestant: Contestant) -> RGBColor {
    match contestant.name {
        OURS => RGBColor(213, 94, 0),
        contestant::RUSQLITE | contestant::TOKIO_POSTGRES => RGBColor(90, 90, 90),
        contestant::PGBENCH => RGBColor(170, 170, 170),
        "sqlx" => RGBColor(0, 114, 178),
        "seaorm" => RGBColor(86, 180, 233),
        "diesel" => RGBColor(0, 158, 115),
        _ => RGBColor(230, 159, 0),
    }
}

/// Draws the rows into an SVG file.
pub(crate) fn draw(file: &Path, rows: &[Row]) -> anyhow::Result<()> {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.cell.data == Data::Small && row.rate > 0.0).collect();
    let mut cells: Vec<Cell> = rows.iter().map(|row| row.cell).collect();
    cells.dedup();
    let mut backends: Vec<Backend> = rows.iter().map(|row| row.contestant.backend).collect();
    backends.sort_unstable();
    backends.dedup();
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    draw_all(&root, &rows, &cells, &backends)
        // The library's error borrows what was drawn.
        .map_err(|error| anyhow::anyhow!("{error}"))
        .with_context(|| format!("cannot draw {}", file.display()))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

fn draw_all(root: &Area<'_>, rows: &[&Row], cells: &[Cell], backends: &[Backend]) -> Drawn {
    root.fill(&WHITE)?;
    let (top, body) = root.split_vertically(HEAD_HEIGHT);
    head(&top, rows)?;
    // One scale for all panels, so that backends can be compared.
    let rates = || rows.iter().map(|row| row.rate);
    let (least, most) = (rates().fold(f64::MAX, f64::min), rates().fold(1.0, f64::max));
    let scale = (decade_below(least), most * 1.6);
    for (area, &backend) in body.split_evenly((backends.len().max(1), 1)).iter().zip(backends) {
        let rows: Vec<&Row> = rows.iter().copied().filter(|row| row.contestant.backend == backend).collect();
        panel(area, backend, &rows, cells, scale)?;
    }
    root.present()?;
    Ok(())
}

/// The title, and under it what the colours mean, for all panels.
fn head(area: &Area<'_>, rows: &[&Row]) -> Drawn {
    let centred = Pos::new(HPos::Center, VPos::Center);
    let title = (FONT, 24).into_font().color(&INK).pos(centred);
    let middle = SIZE.0 as i32 / 2;
    area.draw(&Text::new("Durable operations per second; more is better", (middle, 26), title))?;
    let mut names: Vec<Contestant> = Vec::new();
    for contestant in rows.iter().map(|row| row.contestant) {
        if names.iter().all(|other| other.name != contestant.name) {
            names.push(contestant);
        }
    }
    names.sort_by_key(|each| (each.is_peer(), contestant::ALL.iter().position(|other| other == each)));
    let left = middle - LEGEND_STEP * names.len() as i32 / 2;
    for (x, contestant) in (left..).step_by(LEGEND_STEP as usize).zip(names) {
        area.draw(&Rectangle::new([(x, 56), (x + 14, 70)], colour(contestant).filled()))?;
        let label = (FONT, 15).into_font().color(&INK).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(contestant.name, (x + 20, 63), label))?;
    }
    Ok(())
}

fn decade_below(value: f64) -> f64 {
    10_f64.powf(value.max(1.0).log10().floor())
}

fn panel(area: &Area<'_>, backend: Backend, rows: &[&Row], cells: &[Cell], scale: (f64, f64)) -> Drawn {
    let durability = rows.first().map_or("", |row| &row.durability);
    let caption = format!("{}: {durability}", engine(backend));
    let groups = cells.len() as f64;
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .caption(caption, (FONT, 18).into_font().color(&INK))
        .x_label_area_size(48)
        .y_label_area_size(84)
        .build_cartesian_2d(-0.5..groups - 0.5, (scale.0..scale.1).log_scale())?;
    let title = |position: f64| {
        let cell = cells.get(position.round() as usize).filter(|_| position.fract().abs() < 1e-6);
        cell.map_or_else(String::new, |cell| cell.to_string())
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(LINES)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .x_labels(cells.len().max(2))
        .x_label_formatter(&|position| title(*position))
        .y_label_formatter(&|rate| number(*rate).trim_end_matches(".0").to_owned())
        .x_desc("work @ callers")
        .y_desc("operations per second, logarithmic")
        .label_style((FONT, 14).into_font().color(&INK))
        .axis_desc_style((FONT, 14).into_font().color(&INK))
        .draw()?;
    let mut contestants: Vec<Contestant> = rows.iter().map(|row| row.contestant).collect();
    contestants.sort_unstable_by_key(|each| contestant::ALL.iter().position(|other| other == each));
    contestants.dedup();
    let width = FILL / contestants.len() as f64;
    for (place, &contestant) in contestants.iter().enumerate() {
        let bars = rows.iter().filter(|row| row.contestant == contestant).filter_map(|row| {
            let group = cells.iter().position(|&cell| cell == row.cell)?;
            let left = group as f64 - FILL / 2.0 + place as f64 * width;
            let corners = [(left, scale.0), (left + width * 0.9, row.rate)];
            Some(Rectangle::new(corners, colour(contestant).filled()))
        });
        chart
            .draw_series(bars)?
            .label(contestant.name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour(contestant).filled()));
    }
    Ok(())
}
