//! Means across layers as curves, each in the band of its standard errors: what a sheet has to draw.

use std::io::{self, Write};

use anstyle::{Effects, Style};

use super::Sheet;
use super::braille::Canvas;
use super::plot::{AXIS, COLORS, ticks};
use super::text::{cut, text_width, width, wrap};

const DIM: Style = Style::new().effects(Effects::DIMMED);
const BOLD: Style = Style::new().effects(Effects::BOLD);
/// Characters of a chart's height; each is four dots.
const HEIGHT: usize = 12;
/// Columns of its axis: `1.25e-4 ┤`.
const LEFT: usize = 9;
const WIDEST: usize = 100;

/// Curves over the layers, from 0 upwards.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chart {
    /// What the curves are of, with its unit.
    pub measure: String,
    /// What they are drawn from, in a line.
    pub source: String,
    /// The layers' labels.
    pub layers: Vec<String>,
    pub curves: Vec<Curve>,
}

/// A mean at each layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    pub name: String,
    pub points: Vec<Point>,
}

/// A mean, and how far its band goes to each side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub mean: f64,
    pub error: f64,
}

impl Point {
    /// The band's ends. No measure that is drawn goes below 0.
    pub fn ends(self) -> [f64; 2] {
        [(self.mean - self.error).max(0.), self.mean + self.error]
    }
}

impl Curve {
    /// Its last mean, and the highest with its layer's number in the chart.
    pub fn last_and_highest(&self) -> Option<(Point, usize, Point)> {
        let numbered = self.points.iter().copied().enumerate();
        let highest = numbered.reduce(|most, point| if point.1.mean > most.1.mean { point } else { most })?;
        Some((*self.points.last()?, highest.0, highest.1))
    }
}

impl Chart {
    /// What the upper end of the axis is: the highest end of a band.
    pub fn top(&self) -> f64 {
        let points = self.curves.iter().flat_map(|curve| &curve.points);
        let top = points.map(|point| point.ends()[1]).fold(0., f64::max);
        if top > 0. { top } else { 1. }
    }

    /// How far to the right the layer `nth` is, of 1.
    pub fn x(&self, nth: usize) -> f64 {
        nth as f64 / self.layers.len().saturating_sub(1).max(1) as f64
    }

    /// What a curve comes to, in a line.
    pub fn key(&self, curve: &Curve) -> String {
        let Some((last, layer, highest)) = curve.last_and_highest() else {
            return String::new();
        };
        format!(
            "final {} ±{}, peak {} at layer {}",
            short(last.mean),
            short(last.error),
            short(highest.mean),
            self.layers[layer]
        )
    }

    /// The sheet's title, the chart in braille, its key, and what the sheet has to say below.
    ///
    /// # Errors
    /// Those of `out` only.
    pub fn draw(&self, sheet: &Sheet, available: usize, out: &mut dyn Write) -> io::Result<()> {
        let running = text_width(available);
        for line in sheet.title.iter().flat_map(|line| wrap(line, running)) {
            writeln!(out, "{line}")?;
        }
        for line in wrap(&format!("{}, by layer", self.measure), running) {
            writeln!(out, "{DIM}{line}{DIM:#}")?;
        }
        let columns = running.saturating_sub(LEFT + 1).clamp(2, WIDEST);
        self.curves_in(columns, out)?;
        let labels = ticks(
            &self.layers,
            columns,
            (AXIS + columns + 4).min(running + AXIS - LEFT),
        );
        let labels = format!("{}{labels}", " ".repeat(LEFT - AXIS));
        writeln!(out, "{DIM}{}{DIM:#}", labels.trim_end())?;
        for (nth, curve) in self.curves.iter().enumerate() {
            let (letter, style) = (letter(nth), COLORS[nth % COLORS.len()].on_default());
            let name = cut(&curve.name, running.saturating_sub(4).max(1));
            let key = self.key(curve);
            write!(out, "  {style}{letter} {name}{style:#}")?;
            if 4 + width(&name) + 2 + width(&key) <= running {
                writeln!(out, "  {key}")?;
                continue;
            }
            writeln!(out)?;
            for line in wrap(&key, running.saturating_sub(4).max(1)) {
                writeln!(out, "    {line}")?;
            }
        }
        let band = "The bands are means ± standard errors over prompts.".to_string();
        let explanations = std::iter::once(&band).chain(&sheet.explanations);
        for line in sheet.notes.iter().flat_map(|line| wrap(line, running)) {
            writeln!(out, "{BOLD}{line}{BOLD:#}")?;
        }
        for line in explanations.flat_map(|line| wrap(line, running)) {
            writeln!(out, "{DIM}{line}{DIM:#}")?;
        }
        Ok(())
    }

    fn curves_in(&self, columns: usize, out: &mut dyn Write) -> io::Result<()> {
        let mut canvas = Canvas::new(columns, HEIGHT);
        let top = self.top();
        // The bands lie below the curves, and the first curve above the others.
        for (nth, curve) in self.curves.iter().enumerate().rev() {
            for (i, pair) in curve.points.windows(2).enumerate() {
                let ends = |point: Point| point.ends().map(|end| end / top);
                let (from, to) = ((self.x(i), ends(pair[0])), (self.x(i + 1), ends(pair[1])));
                canvas.shade(from, to, nth);
            }
        }
        for (nth, curve) in self.curves.iter().enumerate().rev() {
            let points: Vec<(f64, f64)> = (curve.points.iter().enumerate())
                .map(|(i, point)| (self.x(i), point.mean / top))
                .collect();
            for pair in points.windows(2) {
                canvas.segment(pair[0], pair[1], (nth, 1));
            }
            for point in points {
                canvas.letter(point, letter(nth), nth);
            }
        }
        for row in 0..HEIGHT {
            let label = match row {
                0 => short(top),
                row if row == HEIGHT / 2 => short(top / 2.),
                row if row == HEIGHT - 1 => "0".to_string(),
                _ => String::new(),
            };
            let tick = if label.is_empty() { '│' } else { '┤' };
            let width = LEFT - 2;
            write!(out, "{DIM}{label:>width$} {tick}{DIM:#}")?;
            let mut text = String::new();
            let drawn = (0..columns).rev().find(|&column| canvas.at(column, row).0 != ' ');
            for column in 0..drawn.map_or(0, |last| last + 1) {
                let (c, nth) = canvas.at(column, row);
                let style = nth.map_or(Style::new(), |nth| COLORS[nth % COLORS.len()].on_default());
                text.push_str(&format!("{style}{c}{style:#}"));
            }
            writeln!(out, "{text}")?;
        }
        Ok(())
    }
}

fn letter(nth: usize) -> char {
    (b'a' + (nth % 26) as u8) as char
}

/// Three digits, in at most seven characters.
pub fn short(x: f64) -> String {
    match x.abs() {
        0. => "0".to_string(),
        small if small < 0.01 => format!("{x:.2e}"),
        small if small < 10. => format!("{x:.2}"),
        small if small < 1e5 => format!("{x:.0}"),
        _ => format!("{x:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart() -> Chart {
        let point = |mean, error| Point { mean, error };
        Chart {
            measure: "KL".to_string(),
            source: "two models".to_string(),
            layers: ["0", "1", "2"].map(str::to_string).to_vec(),
            curves: vec![Curve {
                name: "up".to_string(),
                points: vec![point(0., 0.5), point(1., 0.), point(2., 2.)],
            }],
        }
    }

    #[test]
    fn a_band_ends_where_the_errors_do_and_not_below_zero() {
        let chart = chart();
        assert_eq!(chart.top(), 4.);
        assert_eq!(chart.curves[0].points[0].ends(), [0., 0.5]);
        assert_eq!(
            chart.key(&chart.curves[0]),
            "final 2.00 ±2.00, peak 2.00 at layer 2"
        );
        let flat = Chart {
            curves: Vec::new(),
            ..chart
        };
        assert_eq!(flat.top(), 1.);
    }

    #[test]
    fn it_fits_what_is_there() {
        for available in [20, 60, 80, 200] {
            let mut out = Vec::new();
            chart().draw(&Sheet::default(), available, &mut out).unwrap();
            let text = String::from_utf8(anstream::adapter::strip_bytes(&out).into_vec()).unwrap();
            assert!(
                text.lines().all(|line| width(line) <= available),
                "{available}\n{text}"
            );
            let lines: Vec<&str> = text.lines().collect();
            assert!(
                lines[1].starts_with("   4.00 ┤") && lines[7].starts_with("   2.00 ┤"),
                "{text}"
            );
            // The mean's last letter is half way up, and the band above it reaches the top.
            assert!(lines[6].ends_with('a') || lines[7].ends_with('a'), "{text}");
            assert!(
                lines[1].chars().any(|c| ('\u{2801}'..='\u{28ff}').contains(&c)),
                "{text}"
            );
        }
    }
}
