//! The heatmap drawn for a page: SVG, whose text stays text.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{ColorBy, Order, Rgb, Row, Scale, rows, title};
use crate::report::text::{bands, fit, width};
use crate::report::{Document, Report};
use crate::tokens::visible;

/// Points (1/72 inch) throughout.
const FONT: f64 = 8.;
/// A character of a monospaced font.
const CHARACTER: f64 = 0.602 * FONT;
const LINE: f64 = 14.;
const PAD: f64 = 3.;
const MARGIN: f64 = 8.;
/// The text block of a page: a wider heatmap is cut into bands.
const PAGE: f64 = 468.;
/// Characters of a token; a longer one is cut.
const WIDEST: usize = 12;
const NARROWEST: usize = 3;
const LEGEND: f64 = 120.;
const STEPS: usize = 48;

/// The SVG format.
pub struct Svg {
    pub by: ColorBy,
    pub order: Order,
}

impl Report for Svg {
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(self.drawing(document).as_bytes())
    }
}

/// What is measured before anything is drawn.
struct Plan {
    rows: Vec<Row>,
    heads: Vec<String>,
    /// Of each position, in points.
    widths: Vec<f64>,
    label: f64,
    bands: Vec<std::ops::Range<usize>>,
    scale: Scale,
}

impl Svg {
    fn plan(&self, document: &Document) -> Plan {
        let trajectory = document.trajectory;
        let rows = rows(document, self.by, self.order);
        let heads: Vec<String> = (trajectory.positions.iter())
            .map(|&position| document.tokens.label(trajectory.prompt.ids[position]))
            .collect();
        let characters: Vec<usize> = (0..heads.len())
            .map(|at| {
                let cells = rows.iter().map(|row| width(&row.cells[at].label));
                cells
                    .chain([width(&heads[at])])
                    .max()
                    .unwrap_or(0)
                    .clamp(NARROWEST, WIDEST)
            })
            .collect();
        let points = |n: usize| n as f64 * CHARACTER + 2. * PAD;
        let label = rows
            .iter()
            .map(|row| row.site.to_string().len())
            .max()
            .unwrap_or(0);
        let label = points(label);
        // Whole points, so that bands are cut as in a terminal.
        let whole: Vec<usize> = characters.iter().map(|&n| points(n).ceil() as usize).collect();
        let bands = bands(&whole, label as usize, 0, (PAGE - 2. * MARGIN) as usize);
        let values = rows
            .iter()
            .flat_map(|row| &row.cells)
            .filter_map(|cell| cell.value);
        Plan {
            scale: Scale::fit(self.by, values),
            heads,
            widths: whole.into_iter().map(|n| n as f64).collect(),
            label,
            bands,
            rows,
        }
    }

    fn drawing(&self, document: &Document) -> String {
        let plan = self.plan(document);
        let widest = (plan.bands.iter())
            .map(|band| plan.widths[band.clone()].iter().sum::<f64>())
            .fold(0., f64::max);
        let wide = (2. * MARGIN + plan.label + widest).max(2. * MARGIN + LEGEND + 200.);
        let mut body = String::new();
        let mut y = MARGIN;
        let name = text_of(&document.card.name);
        let prompt = text_of(&document.trajectory.prompt.text);
        let room = ((wide - 2. * MARGIN) / CHARACTER) as usize;
        for (line, class) in [(format!("Logit lens of {name}"), "t"), (prompt, "d")] {
            y += LINE;
            text(
                &mut body,
                MARGIN,
                y - 4.,
                class,
                "start",
                &fit(&line, width(&line).min(room)),
            );
        }
        for band in &plan.bands {
            y += 6.;
            y = self.band(document, &plan, band.clone(), y, &mut body);
        }
        y += 8.;
        legend(&plan.scale, &title(document, self.by), y, &mut body);
        y += 24. + MARGIN;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}pt\" height=\"{y}pt\" viewBox=\"0 0 {wide} {y}\" \
             role=\"img\">\n<title>{}</title>\n<style>text{{font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace;\
             font-size:{FONT}px;white-space:pre}}.t{{font-weight:bold}}.d{{fill:#555}}</style>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{body}</svg>\n",
            escape(&format!(
                "Logit lens of {name}: layers × positions, {}",
                title(document, self.by)
            ))
        )
    }

    /// One band from `y` down; what comes back is where it ends.
    fn band(
        &self,
        document: &Document,
        plan: &Plan,
        band: std::ops::Range<usize>,
        mut y: f64,
        body: &mut String,
    ) -> f64 {
        let left = MARGIN + plan.label;
        for row in &plan.rows {
            text(body, left - PAD, y + LINE - 4., "d", "end", &row.site.to_string());
            let mut x = left;
            for at in band.clone() {
                let cell = &row.cells[at];
                let color = cell.value.map_or(Rgb::WHITE, |value| plan.scale.color(value));
                let wide = plan.widths[at];
                let label = fit(&cell.label, width(&cell.label).min(WIDEST));
                let class = if cell.agrees { "t" } else { "c" };
                let _ = write!(
                    body,
                    "<g data-row=\"{}\" data-position=\"{}\"><rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{LINE}\" \
                     fill=\"{}\"/><text class=\"{class}\" x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"{}\">{}</text></g>\n",
                    row.site,
                    document.trajectory.positions[at],
                    hex(color),
                    x + wide / 2.,
                    y + LINE - 4.,
                    hex(color.ink()),
                    escape(&label)
                );
                x += wide;
            }
            y += LINE;
        }
        let mut x = left;
        for at in band {
            let head = fit(&plan.heads[at], width(&plan.heads[at]).min(WIDEST));
            let middle = x + plan.widths[at] / 2.;
            text(body, middle, y + LINE - 4., "t", "middle", &head);
            let position = document.trajectory.positions[at].to_string();
            text(body, middle, y + 2. * LINE - 6., "d", "middle", &position);
            x += plan.widths[at];
        }
        y + 2. * LINE
    }
}

fn legend(scale: &Scale, title: &str, y: f64, body: &mut String) {
    let step = LEGEND / STEPS as f64;
    for i in 0..STEPS {
        let color = Scale::color_at(i as f64 / (STEPS - 1) as f64);
        let _ = write!(
            body,
            "<rect x=\"{}\" y=\"{y}\" width=\"{}\" height=\"8\" fill=\"{}\"/>",
            MARGIN + i as f64 * step,
            // A hair wider, so that no line shows between two.
            step + 0.2,
            hex(color)
        );
    }
    body.push('\n');
    let [low, high] = scale.ends();
    text(body, MARGIN, y + 18., "d", "start", &low);
    text(body, MARGIN + LEGEND, y + 18., "d", "end", &high);
    text(body, MARGIN + LEGEND + 8., y + 8., "d", "start", title);
}

fn text(body: &mut String, x: f64, y: f64, class: &str, anchor: &str, content: &str) {
    let content = escape(content);
    let _ = writeln!(
        body,
        "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{content}</text>"
    );
}

fn hex(Rgb(r, g, b): Rgb) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

fn text_of(text: &str) -> String {
    visible(text.as_bytes()).replace('␣', " ")
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
    out
}
