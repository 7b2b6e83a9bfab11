// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Lines over time or place, and bars.

use std::fmt;
use std::ops::Range;

use plotters::prelude::*;

/// Of a picture, in its own units.
const SIZE: (u32, u32) = (640, 300);
/// A line has no more points than can be told apart.
const POINTS_MAX: usize = 400;
/// Told apart by most people, whatever colours they see.
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(90, 90, 90),
    RGBColor(230, 159, 0),
];

/// The drawing library could not draw it.
#[derive(Debug, PartialEq, Eq)]
pub struct DrawError(String);

impl fmt::Display for DrawError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot draw: {}", self.0)
    }
}

impl std::error::Error for DrawError {}

fn failed(error: impl fmt::Display) -> DrawError {
    DrawError(error.to_string())
}

/// A line.
#[derive(Clone, Debug)]
pub struct Series {
    /// What it shows.
    pub name: String,
    /// In the order in which they are joined.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// A line of this name through these points.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name: name.into(), points: points.into_iter().collect() }
    }

    /// Few enough, the last one among them.
    fn thinned(&self) -> Vec<(f64, f64)> {
        let step = self.points.len().div_ceil(POINTS_MAX).max(1);
        let last = self.points.len().saturating_sub(1);
        let kept = self.points.iter().enumerate().filter(|(index, _)| index % step == 0 || *index == last);
        kept.map(|(_, point)| *point).collect()
    }
}

/// Lines.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    /// Above it.
    pub title: String,
    /// What goes to the right, with its unit.
    pub x: &'static str,
    /// What goes up, with its unit.
    pub y: &'static str,
    /// One colour for each.
    pub series: Vec<Series>,
    /// Moments: an upright line for each.
    pub moments: Vec<Moments>,
    /// Places that are marked, not joined.
    pub places: Vec<Series>,
}

/// Moments of one kind.
#[derive(Clone, Debug)]
pub struct Moments {
    /// What happened.
    pub name: String,
    /// Where to the right.
    pub at: Vec<f64>,
}

/// Of moments and places, by kind.
const MARKS: [RGBColor; 2] = [RGBColor(120, 120, 120), RGBColor(190, 0, 0)];

/// From the lowest to the highest and a little more, or a place to stand if there is nothing.
fn range(values: impl Iterator<Item = f64>) -> Range<f64> {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return 0.0..1.0;
    }
    let room = if high > low { (high - low) * 0.05 } else { 1.0 };
    low - room..high + room
}

impl Chart {
    /// As SVG.
    ///
    /// # Errors
    /// [`DrawError`].
    pub fn to_svg(&self) -> Result<String, DrawError> {
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            area.fill(&WHITE).map_err(failed)?;
            let all = || self.series.iter().chain(&self.places).flat_map(|series| &series.points);
            let (x, y) = (range(all().map(|point| point.0)), range(all().map(|point| point.1)));
            let mut chart = ChartBuilder::on(&area)
                .caption(&self.title, ("sans-serif", 16))
                .margin(8)
                .x_label_area_size(34)
                .y_label_area_size(52)
                .build_cartesian_2d(x, y.clone())
                .map_err(failed)?;
            chart
                .configure_mesh()
                .x_desc(self.x)
                .y_desc(self.y)
                .light_line_style(WHITE)
                .draw()
                .map_err(failed)?;
            for (series, colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
                let line = LineSeries::new(series.thinned(), colour.stroke_width(1));
                let drawn = chart.draw_series(line).map_err(failed)?;
                let colour = *colour;
                drawn.label(&series.name).legend(move |(x, y)| {
                    PathElement::new(vec![(x, y), (x + 14, y)], colour.stroke_width(2))
                });
            }
            for (moments, colour) in self.moments.iter().zip(MARKS.iter().cycle()) {
                let upright = |at: &f64| PathElement::new([(*at, y.start), (*at, y.end)], *colour);
                let drawn = chart.draw_series(moments.at.iter().map(upright)).map_err(failed)?;
                drawn
                    .label(&moments.name)
                    .legend(move |(x, y)| PathElement::new([(x + 7, y - 5), (x + 7, y + 5)], *colour));
            }
            for (places, colour) in self.places.iter().zip(MARKS.iter().cycle()) {
                let dot = |at: &(f64, f64)| Circle::new(*at, 3, colour.filled());
                let drawn = chart.draw_series(places.points.iter().map(dot)).map_err(failed)?;
                drawn.label(&places.name).legend(move |(x, y)| Circle::new((x + 7, y), 3, colour.filled()));
            }
            if self.series.len() + self.moments.len() + self.places.len() > 1 {
                chart
                    .configure_series_labels()
                    .background_style(WHITE.mix(0.8))
                    .border_style(BLACK.mix(0.3))
                    .draw()
                    .map_err(failed)?;
            }
            area.present().map_err(failed)?;
        }
        Ok(svg)
    }
}

/// How often what happened.
#[derive(Clone, Debug)]
pub struct Bars {
    /// Above it.
    pub title: String,
    /// What the bars are of, with its unit.
    pub x: &'static str,
    /// Each with what stands below it.
    pub bars: Vec<(String, u64)>,
}

impl Bars {
    /// As SVG. Heights go by the logarithm, so that one among a thousand is seen.
    ///
    /// # Errors
    /// [`DrawError`].
    pub fn to_svg(&self) -> Result<String, DrawError> {
        let height = |count: u64| if count == 0 { 0.0 } else { 1.0 + (count as f64).log10() };
        let top = self.bars.iter().map(|(_, count)| height(*count)).fold(1.0, f64::max);
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
            area.fill(&WHITE).map_err(failed)?;
            let count = self.bars.len().max(1) as f64;
            let mut chart = ChartBuilder::on(&area)
                .caption(&self.title, ("sans-serif", 16))
                .margin(8)
                .x_label_area_size(34)
                .build_cartesian_2d(0.0..count, 0.0..top * 1.15)
                .map_err(failed)?;
            chart
                .configure_mesh()
                .disable_mesh()
                .disable_y_axis()
                .x_labels(0)
                .x_desc(self.x)
                .draw()
                .map_err(failed)?;
            for (index, (label, count)) in self.bars.iter().enumerate() {
                let (left, height) = (index as f64, height(*count));
                let bar = Rectangle::new([(left + 0.1, 0.0), (left + 0.9, height)], COLOURS[0].filled());
                chart.draw_series([bar]).map_err(failed)?;
                let words = [(format!("{count}"), height + 0.04 * top), (label.clone(), 0.06 * top)];
                for (word, at) in words {
                    let style = ("sans-serif", 11).into_font();
                    chart.draw_series([Text::new(word, (left + 0.15, at), style)]).map_err(failed)?;
                }
            }
            area.present().map_err(failed)?;
        }
        Ok(svg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_drawn_and_thinned() {
        let points = |count: u32| (0..count).map(|x| (f64::from(x), f64::from(x).sin()));
        let series = Series::new("a sine", points(100_000));
        assert!(series.thinned().len() <= POINTS_MAX + 1);
        assert_eq!(series.thinned().last(), series.points.last());
        let chart = Chart {
            title: "Waves".into(),
            x: "s",
            y: "m",
            series: vec![series, Series::new("b", points(3))],
            moments: vec![Moments { name: "a swap".into(), at: vec![10.0, 20.0] }],
            places: vec![Series::new("here", points(2))],
        };
        let svg = chart.to_svg().unwrap();
        assert!(
            svg.contains("a swap") && svg.contains("here") && svg.matches("<circle").count() == 3,
            "{svg}"
        );
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
        assert!(svg.contains("Waves") && svg.contains("a sine"));
        assert!(svg.len() < 40_000, "{} bytes", svg.len());
    }

    #[test]
    fn nothing_and_nonsense_are_drawn_empty() {
        for points in [vec![], vec![(f64::NAN, f64::INFINITY)], vec![(1.0, 2.0)]] {
            let chart = Chart { series: vec![Series::new("x", points)], ..Chart::default() };
            assert!(chart.to_svg().is_ok());
        }
        assert!(Bars { title: String::new(), x: "", bars: vec![] }.to_svg().is_ok());
    }

    #[test]
    fn bars_show_counts() {
        let bars =
            Bars { title: "Jitter".into(), x: "µs", bars: vec![("0".into(), 12_345), ("1".into(), 1)] };
        let svg = bars.to_svg().unwrap();
        assert!(svg.contains("12345") && svg.contains("Jitter"), "{svg}");
    }
}
