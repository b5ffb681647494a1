//! The chart as a picture, in SVG; its PNG is a rendering of that.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use plotters::chart::ChartContext;
use plotters::coord::Shift;
use plotters::coord::combinators::WithKeyPoints;
use plotters::coord::types::RangedCoordi64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use resvg::{tiny_skia, usvg};

use super::chart::{Series, TITLE, minute, scale, subtitle, told};
use super::labels::{Labels, nearest};
use super::reduction::{Column, History};
use super::shape::{Shape, is_crowd};
use super::ticks::ticks;
use crate::cli::PictureSize;
use crate::format::{count, number};

const FONT: &str = "sans-serif";
const INK: RGBColor = RGBColor(40, 40, 40);
const FAINT: RGBColor = RGBColor(110, 110, 110);
const GRID: RGBColor = RGBColor(226, 226, 226);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Axes = Cartesian2d<WithKeyPoints<RangedCoordi64>, WithKeyPoints<RangedCoordi64>>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Axes>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Okabe and Ito's colours, which the colour-blind can tell apart.
fn colour(series: Series) -> RGBColor {
    match series {
        Series::Connected => RGBColor(0, 114, 178),
        Series::Chat => RGBColor(213, 94, 0),
    }
}

/// The chart in SVG.
pub(super) fn svg(history: &History, size: PictureSize) -> anyhow::Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (size.width, size.height)).into_drawing_area();
        // The library's error borrows what was drawn.
        draw(&area, history, &Measures::of(size)).map_err(|error| anyhow!("{error}"))?;
    }
    Ok(svg)
}

/// The same picture in PNG.
pub(super) fn png(svg: &str) -> anyhow::Result<Vec<u8>> {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(dejavu::sans::regular().to_vec());
    fonts.set_sans_serif_family("DejaVu Sans");
    let options = usvg::Options { fontdb: Arc::new(fonts), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(svg, &options)?;
    let size = tree.size().to_int_size();
    let mut pixels =
        tiny_skia::Pixmap::new(size.width(), size.height()).context("the picture is too large")?;
    resvg::render(&tree, tiny_skia::Transform::identity(), &mut pixels.as_mut());
    Ok(pixels.encode_png()?)
}

/// The sizes of what is drawn, in pixels: larger in a larger picture.
#[derive(Debug, Clone, Copy)]
struct Measures {
    size: PictureSize,
    scale: f64,
}

impl Measures {
    fn of(size: PictureSize) -> Self {
        let usual = PictureSize::default();
        let scale = f64::from(size.width) / f64::from(usual.width);
        let scale = scale.min(f64::from(size.height) / f64::from(usual.height));
        Self { size, scale: scale.max(0.75) }
    }

    /// What is so many pixels in a picture of the usual size.
    fn px(self, pixels: u32) -> i32 {
        (f64::from(pixels) * self.scale).round() as i32
    }

    fn stroke(self, series: Series) -> ShapeStyle {
        ShapeStyle { color: colour(series).into(), filled: false, stroke_width: self.px(2).max(1) as u32 }
    }

    fn text(self, pixels: u32, colour: RGBColor) -> TextStyle<'static> {
        (FONT, self.px(pixels)).into_font().color(&colour)
    }
}

fn draw(area: &Area<'_>, history: &History, measures: &Measures) -> Drawn {
    area.fill(&WHITE)?;
    let (head, body) = area.split_vertically(measures.px(84));
    let mut chart = axes(&body, history, measures)?;
    let width = chart.plotting_area().dim_in_pixel().0;
    let columns = history.columns(width);
    let runs: Vec<_> = columns.chunk_by(|(_, one), (_, next)| history.joined(one, next)).collect();
    let crowd = runs.iter().any(|run| is_crowd(run));
    draw_head(&head, history, crowd, measures)?;
    for run in &runs {
        draw_run(&mut chart, run, measures)?;
    }
    draw_peaks(&chart, history, &runs, measures)?;
    area.present()?;
    Ok(())
}

/// The title, what the samples are, and what the colours mean.
fn draw_head(area: &Area<'_>, history: &History, crowd: bool, measures: &Measures) -> Drawn {
    let left = measures.px(24);
    let explained = if crowd { "; lines show the mean, bands the least to the most" } else { "" };
    let subtitle = subtitle(history) + explained;
    area.draw(&Text::new(TITLE, (left, measures.px(14)), measures.text(22, INK)))?;
    area.draw(&Text::new(subtitle, (left, measures.px(42)), measures.text(13, FAINT)))?;
    draw_legend(area, history, measures)
}

/// What the colours mean, and the peaks if there is room for them.
fn draw_legend(area: &Area<'_>, history: &History, measures: &Measures) -> Drawn {
    let style = measures.text(13, INK).pos(Pos::new(HPos::Left, VPos::Center));
    let width = |text: &String| area.estimate_text_size(text, &style).map(|(width, _)| width as i32);
    let (left, side, space) = (measures.px(24), measures.px(12), measures.px(28));
    let mut texts = Series::ALL.map(|series| format!("{}: {}", series.name(), told(series.peak(history))));
    let mut wide = left;
    for text in &texts {
        wide += width(text)? + side + space;
    }
    if wide > measures.size.width as i32 {
        texts = Series::ALL.map(|series| series.name().to_owned());
    }
    let (mut x, y) = (left, measures.px(72));
    for (series, text) in Series::ALL.into_iter().zip(texts) {
        area.draw(&Rectangle::new([(x, y - side / 2), (x + side, y + side / 2)], colour(series).filled()))?;
        x += side + measures.px(6);
        let step = width(&text)? + space;
        area.draw(&Text::new(text, (x, y), style.clone()))?;
        x += step;
    }
    Ok(())
}

/// The axes, with a horizontal line at each count that is named.
fn axes<'a, 'b>(
    area: &'a Area<'b>,
    history: &History,
    measures: &Measures,
) -> Result<Chart<'a, 'b>, Box<dyn std::error::Error>> {
    // A span is needed, even if there is but one sample.
    let (from, to) = if history.from == history.to {
        (history.from - 60, history.to + 60)
    } else {
        (history.from, history.to)
    };
    let times = ticks(from, to, (f64::from(measures.size.width) / f64::from(measures.px(84))) as usize);
    // Above the greatest count there is room for its label.
    let top = (history.most() as f64 * 1.2).ceil() as i64;
    let about = (f64::from(measures.size.height) / f64::from(measures.px(70))) as usize;
    let counts: Vec<i64> = scale(history.most(), about).into_iter().filter(|&users| users <= top).collect();
    let (tick, style) = (measures.px(5), measures.text(13, INK));
    let mut wide = 0;
    for users in &counts {
        wide = wide.max(area.estimate_text_size(&number(*users), &style)?.0);
    }
    // The library leaves room for two ticks between the axis and its labels.
    let left = wide + 2 * tick as u32 + measures.px(6) as u32;
    let mut chart = ChartBuilder::on(area)
        .margin_left(measures.px(12))
        .margin_right(measures.px(28))
        .margin_bottom(measures.px(12))
        .x_label_area_size(measures.px(32))
        .y_label_area_size(left.max(measures.px(62) as u32))
        .build_cartesian_2d(
            (from..to).with_key_points(times.iter().map(|tick| tick.at).collect()),
            (0..top.max(2)).with_key_points(counts),
        )?;
    chart
        .configure_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(FAINT)
        .set_all_tick_mark_size(tick)
        .x_labels(times.len())
        .x_label_formatter(&|at| {
            times.iter().find(|tick| tick.at == *at).map_or_else(String::new, |tick| tick.label.clone())
        })
        .y_label_formatter(&|users| number(*users))
        .label_style(style)
        .draw()?;
    Ok(chart)
}

/// Columns that follow each other without a gap.
fn draw_run(chart: &mut Chart<'_, '_>, run: &[(u32, Column)], measures: &Measures) -> Drawn {
    for series in Series::ALL {
        let Shape { ground, band, .. } = Shape::of(run, series);
        chart.draw_series([Polygon::new(ground, colour(series).mix(0.18))])?;
        chart.draw_series([Polygon::new(band, colour(series).mix(0.3))])?;
    }
    for series in Series::ALL {
        let Shape { line, edge, .. } = Shape::of(run, series);
        chart.draw_series([PathElement::new(edge, colour(series).mix(0.7).stroke_width(1))])?;
        match line.as_slice() {
            // A line of one point would not be seen.
            [alone] => {
                chart.draw_series([Circle::new(*alone, measures.px(2), colour(series).filled())])?;
            }
            _ => {
                chart.draw_series([PathElement::new(line, measures.stroke(series))])?;
            }
        }
    }
    Ok(())
}

/// A ring around both peaks, each with its count and moment beside it.
fn draw_peaks(
    chart: &Chart<'_, '_>,
    history: &History,
    runs: &[&[(u32, Column)]],
    measures: &Measures,
) -> Drawn {
    let area = chart.plotting_area().strip_coord_spec();
    let (left, upper) = area.get_base_pixel();
    let pixel = |at: i64, users: i64| {
        let (x, y) = chart.backend_coord(&(at, users));
        (x - left, y - upper)
    };
    let (width, height) = area.dim_in_pixel();
    let mut labels = Labels::new((width as i32, height as i32));
    for (run, series) in runs.iter().flat_map(|run| Series::ALL.map(|series| (run, series))) {
        let shape = Shape::of(run, series);
        for line in [shape.line, shape.edge] {
            let line: Vec<_> = line.into_iter().map(|(at, users)| pixel(at, users)).collect();
            labels.avoid(&line);
        }
    }
    for series in Series::ALL {
        let Some(peak) = series.peak(history) else { continue };
        let at = pixel(peak.at.seconds(), peak.count.get());
        area.draw(&Circle::new(at, measures.px(5), measures.stroke(series)))?;
        let lines = [format!("{} {}", count(peak.count), series.name()), minute(peak.at.seconds())];
        let style = measures.text(13, colour(series));
        let mut wide = 0;
        for line in &lines {
            wide = wide.max(area.estimate_text_size(line, &style)?.0 as i32);
        }
        let away = measures.px(9);
        let frame = labels.place(at, (wide + measures.px(10), measures.px(36)), away);
        let to = nearest(&frame, at);
        if (to.0 - at.0).abs().max((to.1 - at.1).abs()) > 2 * away {
            // From so far one would not see whose it is.
            area.draw(&PathElement::new([from_ring(at, to, measures.px(5)), to], colour(series).mix(0.7)))?;
        }
        area.draw(&Rectangle::new(frame, WHITE.mix(0.75).filled()))?;
        for (line, y) in lines.into_iter().zip([measures.px(3), measures.px(19)]) {
            area.draw(&Text::new(line, (frame[0].0 + measures.px(5), frame[0].1 + y), style.clone()))?;
        }
    }
    Ok(())
}

/// Where a line from the middle of a ring to a point outside leaves the ring.
fn from_ring(middle: (i32, i32), to: (i32, i32), radius: i32) -> (i32, i32) {
    let (x, y) = (f64::from(to.0 - middle.0), f64::from(to.1 - middle.1));
    let part = f64::from(radius) / x.hypot(y).max(1.0);
    (middle.0 + (x * part).round() as i32, middle.1 + (y * part).round() as i32)
}
