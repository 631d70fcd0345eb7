//! A chart for a page: curves in their bands, with axes and a key.

use super::canvas::{Anchor, Block, CHARACTER, Canvas, Ink, LINE, MARGIN};
use super::lines::LINES;
use crate::report::chart::{Chart, short};
use crate::report::heatmap::Rgb;

const WIDE: f64 = 300.;
const HIGH: f64 = 150.;
const LEFT: f64 = MARGIN + 54.;
/// How much of a band's colour is seen.
const SHADE: f64 = 0.2;

/// The whole chart.
pub fn draw(chart: &Chart) -> Block {
    let mut canvas = Canvas::new();
    canvas.y += 8.;
    axes(chart, &mut canvas);
    let at = |i: usize, value: f64| {
        (
            LEFT + WIDE * chart.x(i),
            canvas.y + HIGH * (1. - value / chart.top()),
        )
    };
    let (mut bands, mut curves) = (Vec::new(), Vec::new());
    for (nth, curve) in chart.curves.iter().enumerate().rev() {
        let (color, dash) = LINES[nth % LINES.len()];
        let points = || curve.points.iter().enumerate();
        let upper = points().map(|(i, point)| at(i, point.ends()[1]));
        let lower = points().rev().map(|(i, point)| at(i, point.ends()[0]));
        bands.push((upper.chain(lower).collect::<Vec<_>>(), color));
        let means: Vec<(f64, f64)> = points().map(|(i, point)| at(i, point.mean)).collect();
        curves.push((means, color, dash));
    }
    for (band, color) in bands {
        canvas.area(&band, color, SHADE);
    }
    for (curve, color, dash) in curves {
        canvas.path(&curve, color, 1.2, dash);
    }
    canvas.y += HIGH + 2. * LINE + 4.;
    for (nth, curve) in chart.curves.iter().enumerate() {
        let (color, dash) = LINES[nth % LINES.len()];
        let middle = canvas.y + LINE / 2.;
        canvas.path(&[(LEFT, middle), (LEFT + 24., middle)], color, 1.2, dash);
        let text = format!("{}  {}", curve.name, chart.key(curve));
        canvas.text(
            (LEFT + 30., canvas.y + LINE - 4.),
            Anchor::Start,
            Ink::PLAIN,
            &text,
        );
        canvas.y += LINE;
    }
    let foot = (LEFT, canvas.y + LINE - 4.);
    canvas.text(
        foot,
        Anchor::Start,
        Ink::DIM,
        "bands: means ± standard errors over prompts",
    );
    canvas.y += LINE;
    canvas.finish()
}

/// The measure upwards, layers along; the labels that do not touch.
fn axes(chart: &Chart, canvas: &mut Canvas) {
    let foot = canvas.y;
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.;
        let y = foot + HIGH * (1. - share);
        canvas.path(&[(LEFT, y), (LEFT + WIDE, y)], Rgb(0xdd, 0xdd, 0xdd), 0.5, "");
        if quarter % 2 == 0 {
            canvas.text(
                (LEFT - 4., y + 3.),
                Anchor::End,
                Ink::DIM,
                &short(share * chart.top()),
            );
        }
    }
    canvas.upwards((MARGIN + 6., foot + HIGH / 2.), Ink::DIM, &chart.measure);
    let mut free = 0.;
    for (i, label) in chart.layers.iter().enumerate() {
        let (x, half) = (LEFT + WIDE * chart.x(i), label.len() as f64 * CHARACTER / 2.);
        if x - half >= free {
            let tick = [(x, foot + HIGH), (x, foot + HIGH + 3.)];
            canvas.path(&tick, Rgb(0x88, 0x88, 0x88), 0.5, "");
            canvas.text((x, foot + HIGH + LINE - 2.), Anchor::Middle, Ink::DIM, label);
            free = x + half + CHARACTER;
        }
    }
    let middle = (LEFT + WIDE / 2., foot + HIGH + 2. * LINE - 3.);
    canvas.text(middle, Anchor::Middle, Ink::DIM, "layer");
}
