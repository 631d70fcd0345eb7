//! Layers × positions, cut into bands as wide as a page's text.

use std::ops::Range;

use super::canvas::{Anchor, Block, CHARACTER, Canvas, Ink, LINE, MARGIN, PAGE};
use crate::report::Document;
use crate::report::heatmap::{ColorBy, Order, Rgb, Row, Scale, heads, label_width, rows, scale, title};
use crate::report::text::{bands, fit, width};
use crate::report::words::{capital, lens_name};

const PAD: f64 = 3.;
/// Above each band.
const GAP: f64 = 6.;
/// Characters of a token; a longer one is cut.
const WIDEST: usize = 12;
const NARROWEST: usize = 3;
const LEGEND: f64 = 120.;
const STEPS: usize = 48;

/// What is measured before anything is drawn.
struct Plan {
    rows: Vec<Row>,
    heads: Vec<String>,
    positions: Vec<usize>,
    /// Of each position, in whole points, so that they are counted as columns are.
    widths: Vec<usize>,
    label: f64,
    scale: Scale,
    order: Order,
    /// The lens, where there are several.
    lens: Option<String>,
}

/// The heatmap's bands and its legend; if `words`, without tokens that are no words.
pub fn draw(document: &Document, by: ColorBy, order: Order, words: bool) -> (Vec<Block>, Block) {
    let plans = plans(document, by, order, words);
    let room = (PAGE - 2. * MARGIN) as usize;
    let title = format!("{}; bold = same token as the final output", title(document, by));
    let mut drawn = Vec::new();
    for plan in &plans {
        let bands = bands(&plan.widths, plan.label as usize, 0, room).into_iter();
        drawn.extend(bands.map(|band| draw_band(plan, band)));
    }
    let scale = plans.first().map(|plan| &plan.scale);
    let legend = scale.map(|scale| legend(scale, &title));
    (drawn, legend.unwrap_or_else(|| Canvas::new().finish()))
}

/// A plan for each lens, all with one scale and columns of one width.
fn plans(document: &Document, by: ColorBy, order: Order, words: bool) -> Vec<Plan> {
    let several = !document.trajectory.others.is_empty();
    let mut plans: Vec<Plan> = (document.trajectory.of_each_lens())
        .map(|trajectory| {
            let document = &Document {
                trajectory,
                ..*document
            };
            let name = capital(lens_name(trajectory.lens.name()));
            Plan {
                lens: several.then(|| format!("{name} lens")),
                ..plan(document, by, order, words)
            }
        })
        .collect();
    let common = scale(by, plans.iter().flat_map(|plan| &plan.rows));
    let label = plans.iter().map(|plan| plan.label).fold(0., f64::max);
    let widest = |at: usize| plans.iter().map(|plan| plan.widths[at]).max().unwrap_or(0);
    let widths: Vec<usize> = (0..document.trajectory.positions.len()).map(widest).collect();
    for plan in &mut plans {
        plan.scale = common;
        plan.label = label;
        plan.widths.clone_from(&widths);
    }
    plans
}

fn plan(document: &Document, by: ColorBy, order: Order, words: bool) -> Plan {
    let rows = rows(document, by, order, words);
    let heads = heads(document);
    let points = |characters: usize| characters as f64 * CHARACTER + 2. * PAD;
    let widths = (0..heads.len()).map(|at| {
        let cells = rows.iter().map(|row| width(&row.cells[at].label));
        let widest = cells.chain([width(&heads[at])]).max().unwrap_or(0);
        points(widest.clamp(NARROWEST, WIDEST)).ceil() as usize
    });
    Plan {
        widths: widths.collect(),
        label: points(label_width(&rows)),
        scale: scale(by, rows.iter()),
        positions: document.trajectory.positions.clone(),
        order,
        heads,
        rows,
        lens: None,
    }
}

/// Some of the columns: their rows, and the prompt's tokens beside the first layer.
fn draw_band(plan: &Plan, band: Range<usize>) -> Block {
    let mut canvas = Canvas::new();
    canvas.y += GAP;
    if let Some(lens) = &plan.lens {
        canvas.text((MARGIN, canvas.y + LINE - 4.), Anchor::Start, Ink::BOLD, lens);
        canvas.y += LINE + 2.;
    }
    if plan.order == Order::Down {
        draw_heads(plan, band.clone(), &mut canvas);
    }
    draw_rows(plan, band.clone(), &mut canvas);
    if plan.order == Order::Up {
        draw_heads(plan, band, &mut canvas);
    }
    canvas.finish()
}

fn draw_rows(plan: &Plan, band: Range<usize>, canvas: &mut Canvas) {
    let left = MARGIN + plan.label;
    for row in &plan.rows {
        let label = row.site.to_string();
        let foot = canvas.y + LINE - 4.;
        canvas.text((left - PAD, foot), Anchor::End, Ink::DIM, &label);
        let mut x = left;
        for at in band.clone() {
            let cell = &row.cells[at];
            let wide = plan.widths[at] as f64;
            let color = cell.value.map_or(Rgb::WHITE, |value| plan.scale.color(value));
            let ink = Ink {
                color: color.ink(),
                bold: cell.agrees,
            };
            canvas.open(&label, plan.positions[at]);
            canvas.rect((x, canvas.y), (wide, LINE), color);
            canvas.text((x + wide / 2., foot), Anchor::Middle, ink, &cut(&cell.label));
            canvas.close();
            x += wide;
        }
        canvas.y += LINE;
    }
}

/// The tokens and, on the far side of the cells, their positions.
fn draw_heads(plan: &Plan, band: Range<usize>, canvas: &mut Canvas) {
    let (tokens, positions) = match plan.order {
        Order::Up => (canvas.y + LINE - 4., canvas.y + 2. * LINE - 6.),
        Order::Down => (canvas.y + 2. * LINE - 4., canvas.y + LINE - 2.),
    };
    let mut x = MARGIN + plan.label;
    for at in band {
        let middle = x + plan.widths[at] as f64 / 2.;
        canvas.text((middle, tokens), Anchor::Middle, Ink::BOLD, &cut(&plan.heads[at]));
        let position = plan.positions[at].to_string();
        canvas.text((middle, positions), Anchor::Middle, Ink::DIM, &position);
        x += plan.widths[at] as f64;
    }
    canvas.y += 2. * LINE;
}

fn cut(label: &str) -> String {
    fit(label, width(label).min(WIDEST))
}

fn legend(scale: &Scale, title: &str) -> Block {
    let mut canvas = Canvas::new();
    canvas.y += 8.;
    let step = LEGEND / STEPS as f64;
    let y = canvas.y;
    for i in 0..STEPS {
        let color = Scale::color_at(i as f64 / (STEPS - 1) as f64);
        // A hair wider, so that no line shows between two.
        canvas.rect((MARGIN + i as f64 * step, y), (step + 0.2, 8.), color);
    }
    let [low, high] = scale.ends();
    canvas.text((MARGIN, y + 18.), Anchor::Start, Ink::DIM, &low);
    canvas.text((MARGIN + LEGEND, y + 18.), Anchor::End, Ink::DIM, &high);
    canvas.text((MARGIN + LEGEND + 8., y + 8.), Anchor::Start, Ink::DIM, title);
    canvas.y += 20.;
    canvas.finish()
}
