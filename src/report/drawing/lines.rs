//! Targets across layers as lines, with axes and a key; a panel for each position.

use super::canvas::{Anchor, Block, CHARACTER, Canvas, Ink, LINE, MARGIN};
use crate::decoder::{Point, Site};
use crate::report::Document;
use crate::report::followed::Followed;
use crate::report::heatmap::Rgb;
use crate::report::text::{fit, percent, width};
use crate::report::words::lens_name;
use crate::text::targets::Target;

/// A single column of a paper of two.
const WIDE: f64 = 240.;
const HIGH: f64 = 120.;
const LEFT: f64 = MARGIN + 34.;
/// More lines than this cannot be told apart.
const MOST: usize = 6;
const NAME: usize = 24;

/// Colours that are told apart by every eye (Okabe and Ito 2008), and dashes for when there are none.
pub const LINES: [(Rgb, &str); MOST] = [
    (Rgb(0x00, 0x72, 0xb2), ""),
    (Rgb(0xd5, 0x5e, 0x00), "5 2"),
    (Rgb(0x00, 0x9e, 0x73), "1 2"),
    (Rgb(0xcc, 0x79, 0xa7), "6 2 1 2"),
    (Rgb(0x56, 0xb4, 0xe9), "3 3"),
    (Rgb(0x99, 0x99, 0x99), "8 3"),
];

/// A panel for each position read.
pub fn draw(document: &Document) -> Vec<Block> {
    let trajectory = document.trajectory;
    let in_blocks = |&row: &usize| trajectory.rows[row].site.point != Point::Embed;
    let rows: Vec<usize> = (0..trajectory.rows.len()).filter(in_blocks).collect();
    let panels = 0..trajectory.positions.len();
    panels.map(|at| panel(document, &rows, at)).collect()
}

/// The lines of the `at`th position read.
fn panel(document: &Document, rows: &[usize], at: usize) -> Block {
    let trajectory = document.trajectory;
    let position = trajectory.positions[at];
    let mut canvas = Canvas::new();
    let label = document.tokens.label(trajectory.prompt.ids[position]);
    canvas.y += 4.;
    let foot = (MARGIN, canvas.y + LINE - 4.);
    let heading = format!(
        "after position {position}, {}",
        fit(&label, width(&label).min(NAME))
    );
    canvas.text(foot, Anchor::Start, Ink::PLAIN, &heading);
    canvas.y += LINE + 6.;
    let sites: Vec<Site> = rows.iter().map(|&row| trajectory.rows[row].site).collect();
    axes(&sites, &mut canvas);
    let targets = trajectory.targets_at(at, document.tokens);
    let lines = lines(document, &targets, &sites, at);
    // The first is drawn last, above the others.
    for line in lines.iter().rev() {
        let points: Vec<(f64, f64)> = (line.probs.iter().enumerate())
            .map(|(i, prob)| (x_of(i, sites.len()), canvas.y + HIGH * (1. - prob)))
            .collect();
        canvas.path(&points, line.color, 1.2, line.dash);
    }
    canvas.y += HIGH + 2. * LINE + 4.;
    key(&lines, &mut canvas);
    canvas.finish()
}

/// What a target's probability is at each row, under one lens.
struct Line {
    name: String,
    color: Rgb,
    dash: &'static str,
    probs: Vec<f64>,
}

/// Of one lens a line for each target, told apart by colour and dashes; of several a colour for each target,
/// and dashes for each lens.
fn lines(document: &Document, targets: &[Target], sites: &[Site], at: usize) -> Vec<Line> {
    let lenses = 1 + document.trajectory.others.len();
    let mut lines = Vec::new();
    let followed = Followed::of(targets, document.trajectory, at);
    for (nth, followed) in followed.into_iter().take(MOST).enumerate() {
        for (lens, read) in document.trajectory.of_each_lens().enumerate() {
            let prob = |site: &Site| followed.prob(read, *site, at).unwrap_or(0.);
            let name = followed.name(document.tokens);
            let name = fit(&name, width(&name).min(NAME));
            lines.push(Line {
                name: match lenses {
                    1 => name,
                    _ => format!("{name}, {} lens", lens_name(read.lens.name())),
                },
                color: LINES[nth].0,
                dash: LINES[if lenses == 1 { nth } else { lens % MOST }].1,
                probs: sites.iter().map(prob).collect(),
            });
        }
    }
    lines
}

fn x_of(i: usize, count: usize) -> f64 {
    LEFT + WIDE * i as f64 / count.saturating_sub(1).max(1) as f64
}

/// Probability upwards, layers along; the labels that do not touch.
fn axes(sites: &[Site], canvas: &mut Canvas) {
    let top = canvas.y;
    for (prob, label) in [(0., "0"), (0.25, ""), (0.5, "0.5"), (0.75, ""), (1., "1")] {
        let y = top + HIGH * (1. - prob);
        canvas.path(&[(LEFT, y), (LEFT + WIDE, y)], Rgb(0xdd, 0xdd, 0xdd), 0.5, "");
        canvas.text((LEFT - 4., y + 3.), Anchor::End, Ink::DIM, label);
    }
    canvas.upwards((MARGIN + 6., top + HIGH / 2.), Ink::DIM, "probability");
    let mut free = 0.;
    for (i, site) in sites.iter().enumerate() {
        let label = site.to_string();
        let (x, half) = (x_of(i, sites.len()), label.len() as f64 * CHARACTER / 2.);
        if x - half >= free {
            canvas.path(
                &[(x, top + HIGH), (x, top + HIGH + 3.)],
                Rgb(0x88, 0x88, 0x88),
                0.5,
                "",
            );
            canvas.text((x, top + HIGH + LINE - 2.), Anchor::Middle, Ink::DIM, &label);
            free = x + half + CHARACTER;
        }
    }
    let middle = (LEFT + WIDE / 2., top + HIGH + 2. * LINE - 3.);
    canvas.text(middle, Anchor::Middle, Ink::DIM, "layer");
}

/// Each line's name, and its final probability.
fn key(lines: &[Line], canvas: &mut Canvas) {
    for line in lines {
        let middle = canvas.y + LINE / 2.;
        canvas.path(
            &[(LEFT, middle), (LEFT + 24., middle)],
            line.color,
            1.2,
            line.dash,
        );
        let last = line.probs.last().copied().unwrap_or(0.);
        let text = format!("{}  final {}", line.name, percent(last));
        canvas.text(
            (LEFT + 30., canvas.y + LINE - 4.),
            Anchor::Start,
            Ink::PLAIN,
            &text,
        );
        canvas.y += LINE;
    }
}
