//! The document of a trajectory. Its arrays make their items as they are written.

mod axes;
mod meta;
mod rows;
mod targets;
mod tracks;

use std::collections::BTreeMap;
use std::rc::Rc;

use super::document::{Assertion, EmbedReadings, LensReadings, PointReadings, Readings, SuddenChange};
use crate::decoder::Point;
use crate::report::Document;
use crate::text::targets::Target as Wanted;

/// How much of what is known a document has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    Full,
    /// Without what follows from the rest, and what a page does not show.
    Page,
    /// The top tokens and their probabilities, and what was asked for by name.
    Lean,
}

impl<'a> Readings<'a> {
    /// The document of `document`'s trajectory.
    pub fn new(document: &Document<'a>, detail: Detail) -> Self {
        Builder::new(document, detail).readings()
    }
}

/// A document on its way to JSON.
#[derive(Clone)]
struct Builder<'a> {
    document: Document<'a>,
    detail: Detail,
    /// For each token of the prompt, which of the positions read it is.
    read: Rc<[Option<usize>]>,
}

impl<'a> Builder<'a> {
    fn new(document: &Document<'a>, detail: Detail) -> Self {
        let mut read = vec![None; document.trajectory.prompt.ids.len()];
        for (at, &position) in document.trajectory.positions.iter().enumerate() {
            read[position] = Some(at);
        }
        Self {
            document: *document,
            detail,
            read: read.into(),
        }
    }

    fn readings(&self) -> Readings<'a> {
        let Document {
            trajectory, tokens, ..
        } = self.document;
        let prompt = &trajectory.prompt;
        Readings {
            meta: self.meta(),
            id: self.document.id.map(str::to_string),
            layers: self.layer_numbers(Point::ResidPost),
            input: prompt.ids.iter().map(|&id| tokens.exact(id)).collect(),
            input_ids: prompt.ids.clone(),
            generated: Some(prompt.generated).filter(|&generated| generated > 0),
            positions: (trajectory.positions.len() < prompt.ids.len()).then(|| trajectory.positions.clone()),
            rows: self.layers(Point::ResidPost),
            followed_ids: (self.detail != Detail::Lean).then(|| self.each(|at| self.followed(at))),
            settles_at: self.each(|at| trajectory.settles_at(at)),
            leads_first_at: self.each(|at| trajectory.leads_first_at(at)),
            sudden_change: self.each(|at| self.sudden_change(at)),
            targets: self.targets(Point::ResidPost),
            points: self.points(),
            embed: self.embed(),
            lenses: self.lenses(),
            output: self.row(&trajectory.output),
            assertions: Assertion::all(self.document.assertions),
        }
    }

    /// What the other lenses make of the rows.
    fn lenses(&self) -> Option<Vec<LensReadings<'a>>> {
        let others = &self.document.trajectory.others;
        let readings = others.iter().map(|trajectory| {
            let builder = Self {
                document: Document {
                    trajectory,
                    ..self.document
                },
                ..self.clone()
            };
            builder.lens_readings()
        });
        (!others.is_empty()).then(|| readings.collect())
    }

    fn lens_readings(&self) -> LensReadings<'a> {
        let trajectory = self.document.trajectory;
        LensReadings {
            lens: trajectory.lens.name().to_string(),
            layers: self.layer_numbers(Point::ResidPost),
            rows: self.layers(Point::ResidPost),
            followed_ids: (self.detail != Detail::Lean).then(|| self.each(|at| self.followed(at))),
            settles_at: self.each(|at| trajectory.settles_at(at)),
            leads_first_at: self.each(|at| trajectory.leads_first_at(at)),
            sudden_change: self.each(|at| self.sudden_change(at)),
            targets: self.targets(Point::ResidPost),
            embed: self.embed(),
        }
    }

    fn sudden_change(&self, at: usize) -> Option<SuddenChange> {
        let change = self.document.trajectory.sudden_change(at);
        change.map(|change| SuddenChange {
            layer: change.layer,
            drop: change.drop,
        })
    }

    fn points(&self) -> Option<BTreeMap<String, PointReadings<'a>>> {
        let others = [Point::AttnOut, Point::ResidMid, Point::MlpOut].into_iter();
        let read = others.filter(|&point| self.document.trajectory.at_point(point).next().is_some());
        let points = read.map(|point| {
            let readings = PointReadings {
                layers: self.layer_numbers(point),
                rows: self.layers(point),
                targets: self.targets(point),
            };
            (point.name().to_string(), readings)
        });
        Some(points.collect()).filter(|points: &BTreeMap<_, _>| !points.is_empty())
    }

    fn embed(&self) -> Option<EmbedReadings<'a>> {
        let (row, embed) = self.document.trajectory.at_point(Point::Embed).next()?;
        let targets = self.wanted().map(|targets| {
            let target = |wanted: &'a Wanted| self.embed_target(wanted, row);
            targets.iter().map(target).collect()
        });
        Some(EmbedReadings {
            row: self.row(&embed.readings),
            targets,
        })
    }
}
