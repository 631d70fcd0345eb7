//! Targets across layers as lines in a terminal, in braille: two by four dots a character.

use std::io::{self, Write};

use anstyle::{AnsiColor, Effects, Style};

use super::braille::Canvas;
use super::followed::Followed;
use super::text::{cut, percent, text_width, width, wrap};
use super::words::{lens_name, story, write_caption};
use super::{Content, Document, Format, Report, Result, Setting, Sheet};
use crate::analysis::statistics::Statistics;
use crate::decoder::{Point, Site};
use crate::lens::Follow;
use crate::text::targets::Target;

const DIM: Style = Style::new().effects(Effects::DIMMED);
const BOLD: Style = Style::new().effects(Effects::BOLD);
/// Characters of a plot's height; each is four dots.
const HEIGHT: usize = 12;
/// Columns of the axis: `100% ┤`.
pub(crate) const AXIS: usize = 6;
const WIDEST: usize = 100;
/// Lines that can still be told apart, each with its letter and colour.
const MOST: usize = 6;
pub(crate) const COLORS: [AnsiColor; MOST] = [
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Cyan,
    AnsiColor::Yellow,
    AnsiColor::Blue,
    AnsiColor::Red,
];

/// As wide as the terminal: probability by layer, of the targets asked for or of the tokens that lead
/// somewhere.
pub const PLOT: Format = Format {
    name: "plot",
    aliases: &[],
    help: "Lines across layers, for a terminal",
    endings: &[],
    content: Content::Styled,
    single: false,
    reads: true,
    reads_all_positions: |_| false,
    follow: |_| Follow::Top1,
    statistics: |_| Statistics::none(),
    settings: |_| &[Setting::Track, Setting::Picture],
    sheets: false,
    report: |presentation| {
        Box::new(Plot {
            width: text_width(presentation.width),
            begun: false,
        })
    },
};

struct Plot {
    width: usize,
    begun: bool,
}

/// One line: what a target's probability is at each row of the residual stream.
struct Line {
    letter: char,
    style: Style,
    name: String,
    /// Of so many dots one is drawn: lenses after the first are dotted.
    step: usize,
    probs: Vec<f64>,
}

impl Plot {
    /// The targets' lines at one position, and the rows that they run through.
    fn lines(document: &Document, at: usize) -> (Vec<Site>, Vec<Line>, usize) {
        let trajectory = document.trajectory;
        // The embedding is no layer: it says the prompt's own token.
        let in_blocks = |&row: &usize| trajectory.rows[row].site.point != Point::Embed;
        let rows: Vec<usize> = (0..trajectory.rows.len()).filter(in_blocks).collect();
        let targets: Vec<Target> = trajectory.targets_at(at, document.tokens);
        let lenses = 1 + trajectory.others.len();
        let most = (MOST / lenses).max(1);
        let followed = Followed::of(&targets, trajectory, at);
        let hidden = followed.len().saturating_sub(most);
        let sites: Vec<Site> = rows.iter().map(|&row| trajectory.rows[row].site).collect();
        let mut lines = Vec::new();
        for (color, followed) in followed.into_iter().take(most).enumerate() {
            for (nth, read) in trajectory.of_each_lens().enumerate() {
                let prob = |site: &Site| followed.prob(read, *site, at).unwrap_or(0.);
                let name = followed.name(document.tokens);
                lines.push(Line {
                    letter: (b'a' + lines.len() as u8) as char,
                    style: COLORS[color].on_default(),
                    name: match lenses {
                        1 => name,
                        _ => format!("{name}, {} lens", lens_name(read.lens.name())),
                    },
                    step: 1 + 2 * nth,
                    probs: sites.iter().map(prob).collect(),
                });
            }
        }
        (sites, lines, hidden)
    }

    fn draw(&self, sites: &[Site], lines: &[Line], out: &mut dyn Write) -> io::Result<()> {
        let columns = self.width.saturating_sub(AXIS + 1).clamp(2, WIDEST);
        let mut canvas = Canvas::new(columns, HEIGHT);
        let x = |i: usize| match sites.len() {
            0 | 1 => 0.,
            n => i as f64 / (n - 1) as f64,
        };
        // The first target is drawn last, above the others.
        for (nth, line) in lines.iter().enumerate().rev() {
            let points: Vec<(f64, f64)> = line.probs.iter().enumerate().map(|(i, &p)| (x(i), p)).collect();
            for pair in points.windows(2) {
                canvas.segment(pair[0], pair[1], (nth, line.step));
            }
        }
        for (nth, line) in lines.iter().enumerate().rev() {
            for (i, &prob) in line.probs.iter().enumerate() {
                canvas.letter((x(i), prob), line.letter, nth);
            }
        }
        for row in 0..HEIGHT {
            let axis = match row {
                0 => "100% ┤",
                r if r == HEIGHT / 2 => " 50% ┤",
                r if r == HEIGHT - 1 => "  0% ┤",
                _ => "     │",
            };
            write!(out, "{DIM}{axis}{DIM:#}")?;
            let mut text = String::new();
            let drawn = (0..columns).rev().find(|&column| canvas.at(column, row).0 != ' ');
            for column in 0..drawn.map_or(0, |last| last + 1) {
                let (c, nth) = canvas.at(column, row);
                let style = nth.map_or(Style::new(), |nth| lines[nth].style);
                text.push_str(&format!("{style}{c}{style:#}"));
            }
            writeln!(out, "{text}")?;
        }
        self.layers(sites, columns, out)
    }

    /// The rows' labels below, at an even step at which they do not touch.
    fn layers(&self, sites: &[Site], columns: usize, out: &mut dyn Write) -> io::Result<()> {
        let labels: Vec<String> = sites.iter().map(Site::to_string).collect();
        let line = ticks(&labels, columns, (AXIS + columns + 4).min(self.width));
        writeln!(out, "{DIM}{}{DIM:#}", line.trim_end())
    }
}

/// Labels below an axis of `columns` columns that begins after [`AXIS`] columns, in a line of at most `room`:
/// every one, or every second, fifth, tenth and so on, from the first.
pub(crate) fn ticks(labels: &[String], columns: usize, room: usize) -> String {
    let steps = (0..).flat_map(|power| [1, 2, 5].map(|digit| digit * 10_usize.pow(power)));
    let at_step = |step: usize| {
        let mut line = String::new();
        for (i, label) in labels.iter().enumerate().step_by(step) {
            let place = i * (columns - 1) / labels.len().saturating_sub(1).max(1);
            let start = (AXIS + place).saturating_sub((label.len() - 1) / 2);
            let touches = i > 0 && start < line.len() + 1;
            if touches || start + label.len() > room {
                return None;
            }
            line.extend(std::iter::repeat_n(' ', start - line.len()));
            line.push_str(label);
        }
        Some(line)
    };
    // A step beyond the last label leaves the first alone.
    let useful = steps.take_while(|&step| step < 10 * labels.len());
    useful.filter_map(at_step).next().unwrap_or_default()
}

impl Report for Plot {
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> Result<()> {
        let trajectory = document.trajectory;
        if self.begun {
            writeln!(out)?;
        }
        self.begun = true;
        write_caption(document, self.width, out)?;
        for (at, &position) in trajectory.positions.iter().enumerate() {
            let (sites, lines, hidden) = Self::lines(document, at);
            let label = document.tokens.label(trajectory.prompt.ids[position]);
            let label = cut(&label, 24.min(self.width));
            let heading = format!("Probability by layer, after position {position},");
            let mut heading = wrap(&heading, self.width);
            let last = heading.pop().unwrap_or_default();
            for line in heading {
                writeln!(out, "{DIM}{line}{DIM:#}")?;
            }
            let fits = width(&last) + 1 + width(&label) <= self.width;
            let between = if fits { " " } else { "\n" };
            writeln!(out, "{DIM}{last}{DIM:#}{between}{BOLD}{label}{BOLD:#}")?;
            self.draw(&sites, &lines, out)?;
            for line in &lines {
                let last = line.probs.last().copied().unwrap_or(0.);
                let highest = line.probs.iter().copied().fold(0., f64::max);
                let widest = if trajectory.others.is_empty() { 24 } else { 40 };
                let name = cut(&line.name, widest.min(self.width.saturating_sub(4)));
                let values = format!("final {}, peak {}", percent(last), percent(highest));
                let (letter, style) = (line.letter, line.style);
                write!(out, "  {style}{letter} {name}{style:#}")?;
                if 4 + width(&name) + 2 + width(&values) <= self.width {
                    writeln!(out, "  {values}")?;
                    continue;
                }
                writeln!(out)?;
                for line in wrap(&values, self.width.saturating_sub(4)) {
                    writeln!(out, "    {line}")?;
                }
            }
            if hidden > 0 {
                let more = match (hidden, trajectory.targets.is_empty()) {
                    (n, false) => format!("{n} more followed (not drawn)"),
                    (1, true) => "1 more token was top-1 at some layer (not drawn)".to_string(),
                    (n, true) => format!("{n} more tokens were top-1 at some layer (not drawn)"),
                };
                for line in wrap(&more, self.width.saturating_sub(2)) {
                    writeln!(out, "  {DIM}{line}{DIM:#}")?;
                }
            }
            for line in wrap(&story(document, at), self.width) {
                writeln!(out, "{line}")?;
            }
        }
        Ok(())
    }

    fn sheet(&mut self, sheet: &Sheet, out: &mut dyn Write) -> Result<()> {
        match &sheet.chart {
            Some(chart) => Ok(chart.draw(sheet, self.width, out)?),
            None => Ok(sheet.table(self.width, out)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_at_an_even_step() {
        let labels: Vec<String> = (0..30).map(|layer| layer.to_string()).collect();
        for columns in 2..100 {
            let line = ticks(&labels, columns, AXIS + columns + 4);
            let shown: Vec<usize> = line
                .split_whitespace()
                .map(|label| label.parse().unwrap())
                .collect();
            assert_eq!(shown[0], 0, "{columns}");
            let steps: Vec<usize> = shown.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(steps.iter().all(|step| *step == steps[0]), "{columns}: {line}");
        }
        assert_eq!(ticks(&labels, 60, 70).split_whitespace().count(), 15);
        assert_eq!(ticks(&labels[..1], 60, 70).trim(), "0");
    }
}
