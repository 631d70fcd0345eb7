//! The heatmap in a terminal.

use std::io::{self, Write};
use std::ops::Range;

use anstyle::{Ansi256Color, Color, RgbColor, Style};

use super::{ColorBy, Order, Rgb, Row, Scale, heads, label_width, rows, scale, title};
use crate::analysis::statistics::Statistics;
use crate::lens::Follow;
use crate::report::text::{bands, fit, text_width, width, wrap};
use crate::report::words::{capital, lens_name, story, write_caption};
use crate::report::{Content, Document, Format, Presentation, Report, Result, Setting, Sheet};

const DIM: Style = Style::new().effects(anstyle::Effects::DIMMED);
const BOLD: Style = Style::new().effects(anstyle::Effects::BOLD);
/// A token longer than this is cut.
const WIDEST: usize = 10;
const NARROWEST: usize = 4;
/// Without colour, a cell's number and the space before it.
const NUMBER: usize = 3;
const LEGEND: usize = 32;

/// How many colours a terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// 24 bits.
    True,
    /// The 256 of xterm.
    Indexed,
    /// None: a number of two digits beside each token.
    Shades,
}

/// As wide as the terminal.
pub const HEATMAP: Format = Format {
    name: "heatmap",
    aliases: &[],
    help: "Layers × positions in colours, for a terminal",
    endings: &[],
    content: Content::Styled,
    single: false,
    reads: true,
    reads_all_positions: |_| true,
    follow: |_| Follow::Top1,
    statistics: |_| Statistics::none(),
    settings: |presentation| match presentation.color_by {
        ColorBy::Target | ColorBy::Rank => Setting::HEATMAP_OF_TARGET,
        ColorBy::Prob | ColorBy::Statistic(_) => Setting::HEATMAP,
    },
    sheets: false,
    report: |presentation| Box::new(Heatmap::new(presentation)),
};

struct Heatmap {
    width: usize,
    depth: Depth,
    by: ColorBy,
    order: Order,
    /// Whether tokens that are no words are hidden, but for the output's row.
    words: bool,
    begun: bool,
}

impl Heatmap {
    fn new(presentation: &Presentation) -> Self {
        Self {
            width: text_width(presentation.width),
            words: presentation.words,
            depth: presentation.colors,
            by: presentation.color_by,
            order: presentation.order,
            begun: false,
        }
    }

    /// The style of a cell: its colour, and ink that is read on it.
    fn style(&self, color: Rgb) -> Style {
        let (back, ink) = match self.depth {
            Depth::Shades => return Style::new(),
            Depth::True => (code(color), code(color.ink())),
            Depth::Indexed => {
                let nearest = anstyle_lossy::rgb_to_xterm(RgbColor(color.0, color.1, color.2));
                let RgbColor(r, g, b) = anstyle_lossy::xterm_to_rgb(nearest, anstyle_lossy::palette::DEFAULT);
                // The palette's own black and white may be any colour.
                let ink = match Rgb(r, g, b).ink() {
                    Rgb::BLACK => Ansi256Color(16),
                    _ => Ansi256Color(231),
                };
                (nearest.into(), ink.into())
            }
        };
        Style::new().bg_color(Some(back)).fg_color(Some(ink))
    }

    fn cell(&self, label: &str, value: Option<f64>, scale: &Scale, columns: usize) -> (String, Style) {
        let place = value.map(|value| scale.place(value));
        if self.depth == Depth::Shades {
            let number = place.map_or("  ".to_string(), |place| format!("{:02}", hundredths(place)));
            return (
                format!("{} {number} ", fit(label, columns - 1 - NUMBER)),
                Style::new(),
            );
        }
        let style = place.map_or(DIM, |place| self.style(Scale::color_at(place)));
        (format!(" {} ", fit(label, columns - 2)), style)
    }

    fn legend(&self, document: &Document, scale: &Scale, out: &mut dyn Write) -> io::Result<()> {
        let [low, high] = scale.ends();
        if self.depth == Depth::Shades {
            let legend = format!("00–99 = {low} to {high}: {}", title(document, self.by));
            writeln!(out)?;
            return wrap(&legend, self.width)
                .iter()
                .try_for_each(|line| writeln!(out, "{line}"));
        }
        let ends = width(&low) + 1 + 1 + width(&high);
        let steps = LEGEND.min(self.width.saturating_sub(ends)).max(2);
        write!(out, "\n{low} ")?;
        for i in 0..steps {
            let place = i as f64 / (steps - 1) as f64;
            let style = self.style(Scale::color_at(place));
            write!(out, "{style} {style:#}")?;
        }
        let title = format!(
            "{}; bold = same token as the final output",
            title(document, self.by)
        );
        if ends + steps + 2 + width(&title) <= self.width {
            return writeln!(out, " {high}  {title}");
        }
        writeln!(out, " {high}")?;
        for line in wrap(&title, self.width) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }
}

impl Report for Heatmap {
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> Result<()> {
        if self.begun {
            writeln!(out)?;
        }
        self.begun = true;
        let several = !document.trajectory.others.is_empty();
        let plans = Plan::of_each_lens(document, self);
        write_caption(document, self.width, out)?;
        for (plan, read) in plans.iter().zip(document.trajectory.of_each_lens()) {
            if several {
                let name = capital(lens_name(read.lens.name()));
                writeln!(
                    out,
                    "\n{BOLD}{}{BOLD:#}",
                    fit(&format!("{name} lens"), self.width).trim_end()
                )?;
            }
            for (nth, band) in bands(&plan.widths, plan.label + 1, 0, self.width)
                .into_iter()
                .enumerate()
            {
                if nth > 0 || !several {
                    writeln!(out)?;
                }
                self.band(plan, band, out)?;
            }
        }
        if let Some(plan) = plans.first() {
            self.legend(document, &plan.scale, out)?;
        }
        let last = document.trajectory.positions.len() - 1;
        for line in wrap(&story(document, last), self.width) {
            writeln!(out, "{line}")?;
        }
        Ok(())
    }

    fn sheet(&mut self, sheet: &Sheet, out: &mut dyn Write) -> Result<()> {
        Ok(sheet.table(self.width, out)?)
    }
}

impl Heatmap {
    /// Some of the columns: their rows, and the prompt's tokens beside the first layer.
    fn band(&self, plan: &Plan, columns: Range<usize>, out: &mut dyn Write) -> io::Result<()> {
        let heads = |out: &mut dyn Write| -> io::Result<()> {
            write!(out, "{:1$} ", "", plan.label)?;
            for at in columns.clone() {
                let head = fit(&plan.heads[at], plan.widths[at] - 2);
                write!(out, " {BOLD}{head}{BOLD:#} ")?;
            }
            writeln!(out)
        };
        if self.order == Order::Down {
            heads(out)?;
        }
        for row in &plan.rows {
            write!(out, "{DIM}{:>1$}{DIM:#} ", row.site, plan.label)?;
            for at in columns.clone() {
                let cell = &row.cells[at];
                let (text, style) = self.cell(&cell.label, cell.value, &plan.scale, plan.widths[at]);
                let style = if cell.agrees { style.bold() } else { style };
                write!(out, "{style}{text}{style:#}")?;
            }
            writeln!(out)?;
        }
        if self.order == Order::Up {
            heads(out)?;
        }
        Ok(())
    }
}

/// What is measured before anything is drawn.
struct Plan {
    rows: Vec<Row>,
    heads: Vec<String>,
    /// Of each position, with a space on either side.
    widths: Vec<usize>,
    /// Of the layers' names.
    label: usize,
    scale: Scale,
}

impl Plan {
    /// A plan for each lens, all with one scale.
    fn of_each_lens(document: &Document, heatmap: &Heatmap) -> Vec<Self> {
        let mut plans: Vec<Self> = (document.trajectory.of_each_lens())
            .map(|trajectory| {
                let document = &Document {
                    trajectory,
                    ..*document
                };
                Self::of(document, heatmap)
            })
            .collect();
        let common = scale(heatmap.by, plans.iter().flat_map(|plan| &plan.rows));
        let (widths, label) = (common_widths(&plans), plans.iter().map(|plan| plan.label).max());
        for plan in &mut plans {
            plan.scale = common;
            plan.widths.clone_from(&widths);
            plan.label = label.unwrap_or(plan.label);
        }
        plans
    }

    fn of(document: &Document, heatmap: &Heatmap) -> Self {
        let rows = rows(document, heatmap.by, heatmap.order, heatmap.words);
        let heads = heads(document);
        let label = label_width(&rows);
        let beside = match heatmap.depth {
            Depth::Shades => 1 + NUMBER,
            Depth::True | Depth::Indexed => 2,
        };
        // At the least a character with what stands beside it.
        let room = heatmap.width.saturating_sub(label + 1).max(1 + beside);
        let widths = (0..heads.len()).map(|at| {
            let cells = rows.iter().map(|row| width(&row.cells[at].label));
            let widest = cells.chain([width(&heads[at])]).max().unwrap_or(0);
            (widest.clamp(NARROWEST, WIDEST) + beside).min(room)
        });
        Self {
            widths: widths.collect(),
            scale: scale(heatmap.by, rows.iter()),
            label,
            heads,
            rows,
        }
    }
}

/// Of each position the widest of any lens, so that a column stands below itself.
fn common_widths(plans: &[Plan]) -> Vec<usize> {
    let positions = plans.first().map_or(0, |plan| plan.widths.len());
    let widest = |at: usize| plans.iter().map(|plan| plan.widths[at]).max().unwrap_or(0);
    (0..positions).map(widest).collect()
}

/// A place on the scale in two digits.
fn hundredths(place: f64) -> u8 {
    (100. * place).round().min(99.) as u8
}

fn code(Rgb(r, g, b): Rgb) -> Color {
    RgbColor(r, g, b).into()
}
