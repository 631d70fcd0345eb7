//! An assertion fitted to a model and held against readings.

use super::outcome::digits;
use super::{Assertion, Found, Outcome, Quantity, TargetRef, TokenMeasure, Value};
use crate::analysis::statistics::Statistic;
use crate::analysis::summary::Summary;
use crate::decoder::{Point, Site};
use crate::error::{Error, Result};
use crate::lens::{Request, Trajectory};
use crate::model::Model;
use crate::text::targets::{Target, TargetSpec};
use crate::text::tokens::Tokens;

/// An assertion whose tokens and layer are a model's.
#[derive(Debug, Clone)]
pub struct Check {
    assertion: Assertion,
    /// The row that is read.
    site: Site,
    /// Whether that is the model's output.
    is_output: bool,
    /// The tokens on the left, in their order; `None` for the prompt's own.
    targets: Vec<Option<Target>>,
    /// The token on the right.
    expected: Option<Target>,
}

impl Check {
    /// The assertion for what `request` reads of `model`, whose targets `resolve` finds.
    ///
    /// # Errors
    /// A text that is not one token, a layer that the model does not have, or a row that is not read.
    pub fn new(
        assertion: &Assertion,
        model: &Model,
        request: &Request,
        resolve: impl Fn(&TargetSpec) -> Result<Target>,
    ) -> Result<Self> {
        let targets = assertion.targets().map(|target| match target {
            TargetRef::Own => Ok(None),
            TargetRef::Named(spec) => resolve(spec).map(Some),
        });
        let expected = match &assertion.value {
            Value::Token(spec) => Some(match resolve(spec)? {
                // The top token is one.
                target if target.sequence => spec.resolve_token(&model.tokens, model.card.vocabulary)?,
                target => target,
            }),
            Value::Number(_) => None,
        };
        let output = Site {
            layer: model.decoder.blocks.len() - 1,
            point: Point::ResidPost,
        };
        let targets = targets.collect::<Result<Vec<Option<Target>>>>()?;
        let is_logit = matches!(&assertion.quantity, Quantity::Token(TokenMeasure::Logit, _));
        if let Some(target) = targets
            .iter()
            .flatten()
            .find(|target| target.sequence && is_logit)
        {
            return Err(Error::usage(
                format!(
                    "--assert {} is about {}, which is {} tokens and has no logit.",
                    assertion.text,
                    target.name,
                    target.ids.len()
                ),
                "Write logprob for logit, or add --first-token.",
            ));
        }
        let check = Self {
            targets,
            expected,
            site: assertion.site(output)?,
            is_output: assertion.site(output)? == output,
            assertion: assertion.clone(),
        };
        check.require_lenses_to_differ(output.layer + 1)?;
        check.require_row(output, request)?;
        Ok(check)
    }

    /// Refuses to compare the lenses at the output, where they are one.
    fn require_lenses_to_differ(&self, blocks: usize) -> Result<()> {
        match self.assertion.compares_lenses() && self.is_output {
            true => Err(Error::usage(
                format!(
                    "--assert {} is about the output, which is the same under every lens.",
                    self.assertion.text
                ),
                format!(
                    "Name an earlier layer: {}@{}.",
                    Statistic::LensKl.name(),
                    blocks.saturating_sub(2)
                ),
            )),
            false => Ok(()),
        }
    }

    /// The output's top tokens and statistics are there whatever is shown; all else is that of a row shown.
    fn require_row(&self, output: Site, request: &Request) -> Result<()> {
        let of_output = matches!(self.assertion.quantity, Quantity::Top1 | Quantity::Statistic(_));
        let of_all = matches!(self.assertion.quantity, Quantity::Settles | Quantity::LeadsFirst);
        let Site { layer, point } = self.site;
        let is_read = match point {
            Point::Embed => request.points.read_embed(&request.layers),
            _ => request.layers.resolve(output.layer + 1)?.contains(&layer) && request.points.has(point),
        };
        let blocks_are_read = request.points.has(Point::ResidPost);
        if is_read || (of_output && self.is_output) || (of_all && blocks_are_read) {
            return Ok(());
        }
        let problem = format!(
            "--assert {} is about {}, which is not read.",
            self.assertion.text,
            match (of_all, self.is_output, point) {
                (true, ..) => "the layers".to_string(),
                (_, true, _) => format!("the output (layer {layer})"),
                (_, _, Point::Embed) => "the embedding".to_string(),
                _ => format!("layer {layer}"),
            }
        );
        Err(Error::usage(
            problem,
            match point {
                Point::ResidPost if !blocks_are_read => "Add resid_post to --point.".to_string(),
                Point::Embed => "Add embed to --layers.".to_string(),
                _ => format!("Add {layer} to --layers."),
            },
        ))
    }

    /// What it comes to for a prompt, at its last position (the last one read if that was not).
    pub fn of(&self, trajectory: &Trajectory, tokens: &Tokens) -> Outcome {
        let at = trajectory.answer_position();
        if let (Quantity::Top1, Some(expected)) = (&self.assertion.quantity, &self.expected) {
            let Some(reading) = self.reading(trajectory, at) else {
                return self.outcome(Err(NOT_READ));
            };
            let top1 = reading.top1().id;
            let is_it = expected.ids.contains(&top1);
            return Outcome {
                expression: self.assertion.text.clone(),
                // 1 for the token expected.
                holds: self.assertion.comparison.holds(f64::from(u8::from(is_it)), 1.),
                found: Found::Token(tokens.exact(top1)),
                shown: tokens.label(top1),
            };
        }
        self.outcome(self.number(trajectory, at))
    }

    /// What it comes to for the means of many prompts.
    pub fn of_summary(&self, summary: &Summary) -> Outcome {
        let row = summary.rows.iter().find(|row| row.site == self.site);
        let value = match (&self.assertion.quantity, row) {
            (Quantity::Column(column), Some(row)) => (column.of)(row).ok_or("no prompt has a value"),
            _ => Err(NO_PROMPTS),
        };
        self.outcome(value)
    }

    fn outcome(&self, value: std::result::Result<f64, &'static str>) -> Outcome {
        let text = &self.assertion.text;
        let holds = |found: f64| self.holds(found);
        let is_flag = matches!(self.assertion.quantity, Quantity::Statistic(Statistic::Agrees));
        let (holds, found, shown) = match value {
            Ok(found) if is_flag => (holds(found), Found::Flag(found == 1.), (found == 1.).to_string()),
            Ok(found) => (holds(found), Found::Number(found), digits(found, holds)),
            Err(why) => (false, Found::Nothing(why), format!("nothing: {why}")),
        };
        Outcome {
            expression: text.clone(),
            holds,
            found,
            shown,
        }
    }

    fn holds(&self, found: f64) -> bool {
        match &self.assertion.value {
            Value::Number(expected) => self.assertion.comparison.holds(found, *expected),
            Value::Token(_) => false,
        }
    }

    /// The KL of each other lens from the first: what does not hold, of one for which it does not.
    fn between_lenses(&self, trajectory: &Trajectory, at: usize) -> std::result::Result<f64, &'static str> {
        let others = trajectory.others.iter();
        let all: Vec<f64> = others
            .filter_map(|other| self.reading(other, at)?.lens_kl)
            .collect();
        let broken = all.iter().find(|&&kl| !self.holds(kl));
        (broken.or(all.first()).copied()).ok_or("no two lenses read that row")
    }

    fn number(&self, trajectory: &Trajectory, at: usize) -> std::result::Result<f64, &'static str> {
        let layer = |layer: Option<usize>, none| layer.map(|layer| layer as f64).ok_or(none);
        match &self.assertion.quantity {
            Quantity::Token(measure, _) => {
                let value = self.value(trajectory, at, 0)?;
                Ok(match measure {
                    TokenMeasure::Prob => value.prob,
                    TokenMeasure::Logprob => value.logprob,
                    TokenMeasure::Logit => value.logit.ok_or(NO_LOGIT)?,
                    TokenMeasure::Rank => value.rank as f64,
                })
            }
            Quantity::Difference(..) => {
                let other = self.value(trajectory, at, 1)?;
                Ok(self.value(trajectory, at, 0)?.above(&other))
            }
            Quantity::Statistic(Statistic::LensKl) => self.between_lenses(trajectory, at),
            Quantity::Statistic(statistic) => {
                let reading = self.reading(trajectory, at).ok_or(NOT_READ)?;
                let value = statistic.of(reading, &trajectory.output[at]);
                value.ok_or("no token follows the last position")
            }
            Quantity::Settles => layer(trajectory.settles_at(at), "it does not settle"),
            Quantity::LeadsFirst => layer(trajectory.leads_first_at(at), "it never leads"),
            Quantity::Top1 | Quantity::Column(_) => Err(NOT_READ),
        }
    }

    fn reading<'a>(&self, trajectory: &'a Trajectory, at: usize) -> Option<&'a crate::readout::Reading> {
        if self.is_output {
            return trajectory.output.get(at);
        }
        let row = trajectory.rows.iter().find(|row| row.site == self.site)?;
        row.readings.get(at)
    }

    /// What the row makes of the `nth` token on the left.
    fn value(
        &self,
        trajectory: &Trajectory,
        at: usize,
        nth: usize,
    ) -> std::result::Result<crate::lens::TargetValue, &'static str> {
        let prompt = &trajectory.prompt;
        let own = || match prompt.unusable_targets.is_empty() {
            true => prompt.targets.first().ok_or("the prompt has no target"),
            false => prompt.targets.first().ok_or("the prompt's target cannot be used"),
        };
        let target = match &self.targets[nth] {
            Some(target) => target,
            None => own()?,
        };
        let row = trajectory.rows.iter().position(|row| row.site == self.site);
        row.and_then(|row| trajectory.value(target, row, at))
            .ok_or(NOT_READ)
    }
}

const NO_LOGIT: &str = "several tokens have no logit together";
const NOT_READ: &str = "it was not read";
const NO_PROMPTS: &str = "no prompt was read";

impl Assertion {
    /// The row that it is about; the output's is `output`.
    fn site(&self, output: Site) -> Result<Site> {
        let Some(layer) = &self.layer else {
            return Ok(output);
        };
        let embed = Site {
            layer: 0,
            point: Point::Embed,
        };
        let layers = layer.resolve(output.layer + 1).map_err(|error| Error {
            problem: format!("--assert {} cannot be held: {}", self.text, error.problem),
            ..error
        })?;
        Ok(layers.first().map_or(embed, |&layer| Site { layer, ..output }))
    }

    /// What it comes to where nothing was read.
    pub fn of_nothing(&self) -> Outcome {
        Outcome {
            expression: self.text.clone(),
            holds: false,
            found: Found::Nothing(NO_PROMPTS),
            shown: format!("nothing: {NO_PROMPTS}"),
        }
    }
}
