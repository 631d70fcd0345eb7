//! The document of a trajectory. Its arrays make their items as they are written.

use std::collections::HashSet;
use std::rc::Rc;

use chrono::{SecondsFormat, Utc};

use super::document::{
    Assertion, ByLayer, ByPosition, EmbedReadings, EmbedTarget, Engine, Layers, LensMeta, LensReadings,
    Measure, Meta, PointReadings, Readings, Row, SCHEMA_VERSION, SuddenChange, Target, TargetToken, Targets,
    Top, Track,
};
use super::sequence::{Entries, Sequence};
use super::statistics::StatisticArrays;
use crate::analysis::statistics::Statistic;
use crate::decoder::Point;
use crate::lens::{TargetValue, Track as Followed};
use crate::readout::{Candidate, Reading};
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

    fn meta(&self) -> Meta {
        let card = self.document.card;
        Meta {
            version: 2,
            schema_version: SCHEMA_VERSION,
            timestamp: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
            model: card.name.clone(),
            revision: card.revision.clone(),
            prompt: self.document.trajectory.prompt.text.clone(),
            tool: "lens".to_string(),
            tool_version: env!("CARGO_PKG_VERSION").to_string(),
            family: card.family.clone(),
            parameters: card.parameters,
            n_layers: card.layers,
            vocabulary: card.vocabulary,
            parallel: card.parallel,
            device: card.device.clone(),
            engine: card.engine.as_ref().map(Engine::from),
            dtype: card.held.to_string(),
            file_dtype: card.stored.to_string(),
            compute_dtype: card.computed.to_string(),
            layer_convention: "layer i is the output of block i; embed is the residual stream before block 0"
                .to_string(),
            rank_base: 1,
            log_base: "e".to_string(),
            lenses: LensMeta::of_each(
                (self.document.trajectory.of_each_lens()).map(|read| read.lens.as_ref()),
            ),
        }
    }

    /// One entry for each token of the prompt, small enough to be kept.
    fn each<T: Default>(&self, part: impl Fn(usize) -> T) -> Vec<T> {
        let entry = |at: &Option<usize>| at.map_or_else(T::default, &part);
        self.read.iter().map(entry).collect()
    }

    /// One entry for each token of the prompt: `part` of the `at`th position read.
    fn by_position<T: Default + 'a>(&self, part: impl Fn(usize) -> T + 'a) -> ByPosition<'a, T> {
        let read = self.read.clone();
        Sequence::new(read.len(), move |position| {
            read[position].map_or_else(T::default, &part)
        })
    }

    /// `part` of each row at `point` and each position.
    fn by_layer<T: Default + 'a>(
        &self,
        point: Point,
        part: impl Fn(usize, usize) -> T + Copy + 'a,
    ) -> ByLayer<'a, T> {
        let (builder, rows) = (self.clone(), self.rows_at(point));
        Sequence::new(rows.len(), move |layer| {
            let row = rows[layer];
            builder.by_position(move |at| part(row, at))
        })
    }

    /// The numbers of the trajectory's rows at `point`, layer by layer.
    fn rows_at(&self, point: Point) -> Vec<usize> {
        self.document.trajectory.at_point(point).map(|(i, _)| i).collect()
    }

    fn layer_numbers(&self, point: Point) -> Vec<usize> {
        let rows = self.document.trajectory.at_point(point);
        rows.map(|(_, row)| row.site.layer).collect()
    }

    /// All that is read at one point of the blocks.
    fn layers(&self, point: Point) -> Layers<'a> {
        let trajectory = self.document.trajectory;
        let tokens = self.document.tokens;
        let reading = |row: usize, at: usize| &trajectory.rows[row].readings[at];
        let numbers = |part: fn(&Candidate) -> f64| {
            self.by_layer(point, move |row, at| {
                reading(row, at).top.iter().map(part).collect()
            })
        };
        let full = self.detail == Detail::Full;
        let statistics = self.document.statistics.iter();
        let statistics = statistics.map(|statistic| {
            let value = move |row, at: usize| measure(statistic, reading(row, at), &trajectory.output[at]);
            (statistic, self.by_layer(point, value))
        });
        Layers {
            top: Top {
                topk: self.by_layer(point, move |row, at| {
                    let top = reading(row, at).top.iter();
                    top.map(|c| tokens.exact(c.id)).collect()
                }),
                topk_ids: self.by_layer(point, move |row, at| {
                    reading(row, at).top.iter().map(|c| c.id).collect()
                }),
                topk_probs: numbers(|c| c.prob),
                topk_logprobs: full.then(|| numbers(|c| c.logprob)),
                topk_logits: full.then(|| numbers(|c| c.logit.into())),
            },
            statistics: StatisticArrays(statistics.collect()),
            tracked: full.then(|| self.tracked(point)),
            tracked_ids: (self.detail != Detail::Lean).then(|| self.tracked_ids(point)),
        }
    }

    /// A row that has no layer.
    fn row(&self, readings: &'a [Reading]) -> Row<'a> {
        let Document {
            trajectory, tokens, ..
        } = self.document;
        let numbers = |part: fn(&Candidate) -> f64| {
            self.by_position(move |at| readings[at].top.iter().map(part).collect())
        };
        let full = self.detail == Detail::Full;
        let statistics = self.document.statistics.iter();
        let statistics = statistics.map(|statistic| {
            let value = move |at: usize| measure(statistic, &readings[at], &trajectory.output[at]);
            (statistic, self.by_position(value))
        });
        Row {
            top: Top {
                topk: self
                    .by_position(move |at| readings[at].top.iter().map(|c| tokens.exact(c.id)).collect()),
                topk_ids: self.by_position(move |at| readings[at].top.iter().map(|c| c.id).collect()),
                topk_probs: numbers(|c| c.prob),
                topk_logprobs: full.then(|| numbers(|c| c.logprob)),
                topk_logits: full.then(|| numbers(|c| c.logit.into())),
            },
            statistics: StatisticArrays(statistics.collect()),
        }
    }

    fn points(&self) -> Option<std::collections::BTreeMap<String, PointReadings<'a>>> {
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
        Some(points.collect()).filter(|points: &std::collections::BTreeMap<_, _>| !points.is_empty())
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

    /// The targets asked for, if there are any.
    fn wanted(&self) -> Option<&'a [Wanted]> {
        Some(self.document.trajectory.targets.as_slice()).filter(|targets| !targets.is_empty())
    }

    fn targets(&self, point: Point) -> Option<Vec<Targets<'a>>> {
        let trajectory = self.document.trajectory;
        let target = |wanted: &'a Wanted| {
            let value = move |row, at| trajectory.value(wanted, row, at);
            self.target(
                wanted,
                &self.rows_at(point),
                |part| self.by_layer(point, move |row, at| value(row, at).and_then(part)),
                self.by_layer(point, move |row, at| value(row, at).map(|v| v.rank)),
                |against| {
                    self.by_layer(point, move |row, at| {
                        trajectory.logit_difference(wanted, against, row, at)
                    })
                },
            )
        };
        self.wanted().map(|targets| targets.iter().map(target).collect())
    }

    fn embed_target(&self, wanted: &'a Wanted, row: usize) -> EmbedTarget<'a> {
        let trajectory = self.document.trajectory;
        let value = move |at| trajectory.value(wanted, row, at);
        self.target(
            wanted,
            &[row],
            |part| self.by_position(move |at| value(at).and_then(part)),
            self.by_position(move |at| value(at).map(|v| v.rank)),
            |against| self.by_position(move |at| trajectory.logit_difference(wanted, against, row, at)),
        )
    }

    /// A target whose arrays are made by `numbers` of a part of its values and by `difference` of the target
    /// that it is compared with.
    fn target<Numbers, Ranks>(
        &self,
        wanted: &'a Wanted,
        rows: &[usize],
        numbers: impl Fn(fn(TargetValue) -> Option<f64>) -> Numbers,
        ranks: Ranks,
        difference: impl Fn(&'a Wanted) -> Numbers,
    ) -> Target<Numbers, Ranks> {
        let against = self.document.against;
        Target {
            name: wanted.name.clone(),
            ids: wanted.ids.clone(),
            tokens: self.texts(&wanted.ids),
            probs: numbers(|v| Some(v.prob)),
            logprobs: numbers(|v| Some(v.logprob)),
            logits: numbers(|v| v.logit),
            ranks,
            sequence: self.sequence(wanted, rows),
            against: against.map(|against| against.name.clone()),
            logit_difference: against.map(difference),
        }
    }

    /// The tokens of a target of several, at the rows `rows`.
    fn sequence(&self, wanted: &Wanted, rows: &[usize]) -> Option<Vec<TargetToken>> {
        let trajectory = self.document.trajectory;
        let continuation = trajectory.continuation(wanted, trajectory.answer_position())?;
        let token = |track: &Followed| {
            let values = || rows.iter().map(|&row| track.values[row]);
            TargetToken {
                id: track.id,
                token: self.document.tokens.exact(track.id),
                probs: values().map(|value| value.prob).collect(),
                logprobs: values().map(|value| value.logprob).collect(),
                logits: values().map(|value| value.logit.into()).collect(),
                ranks: values().map(|value| value.rank).collect(),
            }
        };
        Some(continuation.tokens.iter().map(token).collect())
    }

    fn texts(&self, ids: &[u32]) -> Vec<String> {
        ids.iter().map(|&id| self.document.tokens.exact(id)).collect()
    }

    /// The ids of the tokens to plot at a position.
    fn followed(&self, at: usize) -> Vec<u32> {
        let targets = self.document.trajectory.targets_at(at, self.document.tokens);
        let followed = targets.into_iter().filter(|target| !target.sequence);
        followed.flat_map(|target| target.ids).collect()
    }

    /// V2's trajectories: probability by layer, keyed by text, likeliest first.
    fn tracked(&self, point: Point) -> ByPosition<'a, Entries<'a, Vec<f64>>> {
        let (builder, rows) = (self.clone(), Rc::<[usize]>::from(self.rows_at(point)));
        let tokens = self.document.tokens;
        self.by_position(move |at| {
            let mut seen = HashSet::new();
            let tracks = builder.tracks(at).into_iter();
            let tracks: Vec<_> = tracks
                .filter(|track| seen.insert(tokens.exact(track.id)))
                .collect();
            let rows = rows.clone();
            Entries::new(tracks.len(), move |i| {
                let probs = rows.iter().map(|&row| tracks[i].values[row].prob);
                (tokens.exact(tracks[i].id), probs.collect())
            })
        })
    }

    /// The same by id, with logits and ranks.
    fn tracked_ids(&self, point: Point) -> ByPosition<'a, Entries<'a, Track>> {
        let (builder, rows) = (self.clone(), Rc::<[usize]>::from(self.rows_at(point)));
        let tokens = self.document.tokens;
        let full = self.detail == Detail::Full;
        self.by_position(move |at| {
            let (tracks, rows) = (builder.tracks(at), rows.clone());
            Entries::new(tracks.len(), move |i| {
                let values = || rows.iter().map(|&row| tracks[i].values[row]);
                let track = Track {
                    token: tokens.exact(tracks[i].id),
                    probs: values().map(|v| v.prob).collect(),
                    logits: full.then(|| values().map(|v| v.logit.into()).collect()),
                    ranks: values().map(|v| v.rank).collect(),
                };
                (tracks[i].id.to_string(), track)
            })
        })
    }

    /// The tokens followed at a position for their own sake: for being a target or among the top
    /// somewhere, not only for targets to be compared with.
    fn tracks(&self, at: usize) -> Vec<&'a Followed> {
        let trajectory = self.document.trajectory;
        let beside = trajectory.targets.iter().filter_map(|target| target.other_form);
        let against = (self.document.against.iter()).flat_map(|against| against.ids.iter().copied());
        let helpers: HashSet<u32> = beside.chain(against).collect();
        let is_wanted = |id: u32| {
            !helpers.contains(&id)
                || trajectory.targets.iter().any(|target| target.ids.contains(&id))
                || self.is_among_the_top(id)
        };
        let tracks = trajectory.tracked[at].iter();
        tracks.filter(|track| is_wanted(track.id)).collect()
    }

    fn is_among_the_top(&self, id: u32) -> bool {
        let rows = self.document.trajectory.rows.iter();
        let mut readings = rows.flat_map(|row| &row.readings);
        readings.any(|reading| reading.top.iter().any(|c| c.id == id))
    }
}

fn measure(statistic: Statistic, reading: &Reading, output: &Reading) -> Option<Measure> {
    let value = statistic.of(reading, output)?;
    Some(match statistic {
        Statistic::Agrees => Measure::Flag(value == 1.),
        _ => Measure::Number(value),
    })
}
