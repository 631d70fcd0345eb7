//! Tables for people. At one position: a row a layer, the likeliest tokens side by side. At
//! several: a grid, layers × positions, of the likeliest token of each.

mod batch;
mod card;
mod columns;
mod grid;
mod lenses;
mod prompt;
mod rows;
mod targets;

use std::io::{self, Write};

use anstyle::{AnsiColor, Effects, Style};

use super::batch::Answer;
use super::text::{cut, plain, text_width, width, wrap};
use super::words::{capital, lens_name, side_by_side, story};
use super::{Content, Document, Format, Presentation, Report, Result, Setting, Sheet};
use crate::analysis::statistics::Statistics;
use crate::decoder::Point;
use crate::lens::{Follow, Row};
use crate::model::Card;
use batch::Batch;
use columns::{Columns, Tops};
use grid::Grid;
use rows::{Line, any_folded};

pub use card::{CardDocument, card_sheet};

const DIM: Style = Style::new().effects(Effects::DIMMED);
const BOLD: Style = Style::new().effects(Effects::BOLD);
const ANSWER: Style = AnsiColor::Green.on_default().effects(Effects::BOLD);
const GENERATED: AnsiColor = AnsiColor::Magenta;
const HEAD: Style = AnsiColor::Cyan.on_default().effects(Effects::BOLD);

/// A token longer than this is cut.
const WIDEST: usize = 24;
/// What a folded table says of itself, and one of components.
const FOLDED: &str = "Rows without words are folded; --all-rows shows them.";
const COMPONENTS: &str =
    "Each component is read alone through the final norm; components do not add up to the output.";

/// As wide as the terminal.
pub const TABLE: Format = Format {
    name: "table",
    aliases: &[],
    help: "For people",
    endings: &[],
    content: Content::Styled,
    single: false,
    reads: true,
    reads_all_positions: |_| false,
    follow: |_| Follow::Nothing,
    statistics: |_| Statistics::none(),
    settings: |presentation| match presentation.brief {
        true => Setting::BRIEF,
        false => &[
            Setting::TopK,
            Setting::Statistics,
            Setting::Track,
            Setting::Against,
            Setting::Words,
            Setting::AllRows,
            Setting::EachPrompt,
        ],
    },
    sheets: true,
    report: |presentation| Box::new(Table::new(presentation)),
};

struct Table {
    /// The columns of tables, and those of running text.
    width: usize,
    text: usize,
    each: bool,
    tops: Tops,
    fold: bool,
    /// What the last document was read with: a model is introduced once.
    model: Option<String>,
    /// Whether it was said of this model what its `resid_mid` is.
    is_explained: bool,
    /// Whether it was said which files the lenses have.
    has_named_lenses: bool,
    /// The lines of many prompts; `None` where each has tables of its own.
    batch: Option<Batch>,
}

impl Report for Table {
    fn document(&mut self, document: &Document, out: &mut dyn Write) -> Result<()> {
        let introduction = card::line(document.card, self.text);
        if self.model.as_ref() != Some(&introduction) {
            writeln!(out, "{introduction}")?;
            self.model = Some(introduction);
            self.is_explained = false;
        }
        if let Some(batch) = &mut self.batch {
            return Ok(batch.line(&Answer::of(document), out)?);
        }
        self.lenses(document, out)?;
        self.prompt(document, out)?;
        let positions = document.trajectory.positions.len();
        let several = !document.trajectory.others.is_empty();
        if positions == 1 || self.each {
            for at in 0..positions {
                writeln!(out)?;
                self.position(document, at, out)?;
            }
        } else {
            for trajectory in document.trajectory.of_each_lens() {
                let document = &Document {
                    trajectory,
                    ..*document
                };
                let lines = match self.fold {
                    true => rows::folded(document, 0..positions),
                    false => rows::all(document),
                };
                let grid = Grid {
                    lines: &lines,
                    words: self.tops.words,
                    lens: several.then(|| lens_name(trajectory.lens.name())),
                    available: self.width,
                };
                grid.write(document, out)?;
                self.notes(document, &lines, None, out)?;
            }
            self.story(document, positions - 1, out)?;
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> Result<()> {
        match &self.batch {
            Some(batch) => Ok(batch.end(out)?),
            None => Ok(()),
        }
    }

    fn sheet(&mut self, sheet: &Sheet, out: &mut dyn Write) -> Result<()> {
        Ok(sheet.table(self.width, out)?)
    }

    fn card(&mut self, card: &Card, out: &mut dyn Write) -> Result<()> {
        Ok(card::card(card, self.text, out)?)
    }
}

impl Table {
    fn new(presentation: &Presentation) -> Self {
        Self {
            width: presentation.width,
            text: text_width(presentation.width),
            each: presentation.each,
            tops: Tops {
                bands: presentation.bands,
                words: presentation.words,
            },
            fold: presentation.fold_rows,
            model: None,
            is_explained: false,
            has_named_lenses: false,
            batch: presentation
                .brief
                .then(|| Batch::new(text_width(presentation.width))),
        }
    }

    /// The lenses that have files, once.
    fn lenses(&mut self, document: &Document, out: &mut dyn Write) -> io::Result<()> {
        if std::mem::replace(&mut self.has_named_lenses, true) {
            return Ok(());
        }
        for read in document.trajectory.of_each_lens() {
            let Some(artefact) = read.lens.artefact() else {
                continue;
            };
            let fitted = &artefact.fitted;
            let on = fitted
                .model
                .as_ref()
                .map(|model| format!(" · fitted on {}", plain(model)));
            let prompts = fitted.prompts.map(|prompts| format!(" · {prompts} prompts"));
            let line = format!(
                "{} lens · {}{}{}",
                capital(lens_name(read.lens.name())),
                plain(&artefact.name),
                on.unwrap_or_default(),
                prompts.unwrap_or_default()
            );
            for line in wrap(&line, self.text) {
                writeln!(out, "{DIM}{line}{DIM:#}")?;
            }
        }
        Ok(())
    }

    /// All rows at one position, then what they come to.
    fn position(&mut self, document: &Document, at: usize, out: &mut dyn Write) -> io::Result<()> {
        let trajectory = document.trajectory;
        let position = trajectory.positions[at];
        let after = format!("After position {position},");
        let room = self.width.saturating_sub(width(&after) + 1);
        // Where there is no room beside the words there is below them.
        let (between, room) = if room < 4 { ("\n", self.width) } else { (" ", room) };
        let label = document.tokens.label(trajectory.prompt.ids[position]);
        let label = cut(&label, WIDEST.min(room));
        let after = cut(&after, self.width);
        writeln!(out, "{DIM}{after}{DIM:#}{between}{BOLD}{label}{BOLD:#}")?;

        if !trajectory.others.is_empty() {
            let show = lenses::Shown {
                tops: if self.tops.bands { trajectory.kept() } else { 1 },
                words: self.tops.words,
            };
            lenses::tops(document, at, show, self.width, out)?;
            self.notes(document, &[], None, out)?;
            lenses::targets(document, at, self.width, out)?;
            return self.story(document, at, out);
        }
        let lines = match self.fold && document.statistics.iter().next().is_none() {
            true => rows::folded(document, at..at + 1),
            false => rows::all(document),
        };
        let columns = Columns::plan(document, at, self.tops, self.width);
        for (nth, block) in columns.blocks.iter().enumerate() {
            let separator = if nth == 0 { "" } else { "\n" };
            writeln!(out, "{separator}{DIM}{}{DIM:#}", columns.heading(block))?;
            for (i, line) in lines.iter().enumerate() {
                if nth == 0 && i > 0 && line_is_output(document, line) {
                    writeln!(out, "{DIM}{}{DIM:#}", "─".repeat(columns.total(block)))?;
                }
                columns.line(document, block, line, at, out)?;
            }
        }
        self.notes(document, &lines, columns.hidden(), out)?;
        targets::table(document, at, self.width, out)?;
        self.story(document, at, out)
    }

    /// What a reader should know of the rows above.
    fn notes(
        &mut self,
        document: &Document,
        lines: &[Line],
        hidden: Option<String>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let rows = &document.trajectory.rows;
        let component = |row: &Row| matches!(row.site.point, Point::AttnOut | Point::MlpOut);
        let components = rows.iter().any(component).then(|| COMPONENTS.to_string());
        let folded = any_folded(lines).then(|| FOLDED.to_string());
        let sites = rows.iter().map(|row| row.site);
        let parallel = side_by_side(document.card, sites).filter(|_| !self.is_explained);
        self.is_explained |= parallel.is_some();
        for note in [hidden, folded, components, parallel].into_iter().flatten() {
            for line in wrap(&note, self.text) {
                writeln!(out, "{DIM}{line}{DIM:#}")?;
            }
        }
        Ok(())
    }

    fn story(&self, document: &Document, at: usize, out: &mut dyn Write) -> io::Result<()> {
        for line in wrap(&story(document, at), self.text) {
            match line.strip_prefix("Output: ") {
                Some(rest) => {
                    let (token, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                    writeln!(
                        out,
                        "{DIM}Output:{DIM:#} {ANSWER}{token}{ANSWER:#}{}{rest}",
                        if rest.is_empty() { "" } else { " " }
                    )?;
                }
                None => writeln!(out, "{line}")?,
            }
        }
        Ok(())
    }
}

/// Whether a line is the model's output.
fn line_is_output(document: &Document, line: &Line) -> bool {
    match line {
        Line::Row(row) => document.trajectory.rows[*row]
            .site
            .is_output(document.card.layers),
        Line::Folded { .. } => false,
    }
}
