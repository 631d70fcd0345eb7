//! One prompt read by two models, or two by one, and how they compare.

use std::process::ExitCode;

use anyhow::Result;
use logit_lens::analysis::compare::{Comparison, Side, layer_beside};
use logit_lens::analysis::statistics::Statistics;
use logit_lens::lens::{Layers, Request, Trajectory};
use logit_lens::report::{self, Compared, Document};
use logit_lens::text::prompts::Item;

use super::assertions::name_of;
use super::progress::Bar;
use super::reader::Reader;
use super::sinks::Sinks;
use super::verification::Verified;

/// Reads the one prompt, or the two, on both sides and writes how they compare.
pub fn compare(left: &Reader, right: &Reader, items: [Item; 2], mut sinks: Sinks) -> Result<ExitCode> {
    let depths = [left, right].map(|reader| reader.model.decoder.blocks.len());
    let same_model = std::ptr::eq(left.model, right.model);
    // Both sides follow what either wants followed, in one order.
    let targets: Vec<String> = items.iter().flat_map(|item| item.targets.clone()).collect();
    let mut sides = Vec::new();
    let mut of_left: Option<Request> = None;
    let mut lens_doubts = Vec::new();
    let mut verified = Verified::default();
    for (reader, item) in [left, right].into_iter().zip(items) {
        let mut request = match of_left.take().filter(|_| same_model) {
            Some(request) => request,
            None => Request {
                keep_rows: true,
                ..reader.request(&sinks)?
            },
        };
        of_left = Some(request.clone());
        if sides.len() == 1 && depths[0] != depths[1] {
            let layers = request.layers.resolve(depths[0])?.into_iter();
            let beside: Vec<usize> = layers
                .map(|layer| layer_beside(layer, depths[0], depths[1]))
                .collect();
            let embed = request.points.read_embed(&request.layers);
            request.layers = Layers::just(&beside, embed);
        }
        let item = Item {
            targets: targets.clone(),
            ..item
        };
        let prompt = reader.prompt(&item)?;
        let bar = Bar::new(reader.run.quiet, None);
        let trajectory = reader
            .engine
            .read_prompts(vec![prompt], &request, &bar)?
            .remove(0);
        reader.note_lenses(&trajectory, &mut lens_doubts);
        let name = name_of(&item, trajectory.prompt.asked());
        bar.hide(|| reader.verify(&mut verified, &name, &trajectory.prompt, Some(&trajectory)))?;
        sides.push(trajectory);
    }
    let pairs: Vec<[&Trajectory; 2]> = (sides[0].of_each_lens().zip(sides[1].of_each_lens()))
        .map(|(left, right)| [left, right])
        .collect();
    let comparisons = pairs.iter().map(|[l, r]| {
        let side = |model, trajectory| Side { model, trajectory };
        Comparison::new(side(left.model, l), side(right.model, r))
    });
    let comparisons: Vec<Comparison> = comparisons.collect::<logit_lens::error::Result<_>>()?;
    let none = Statistics::none();
    let document = |number: usize, trajectory| {
        let reader = [left, right][number];
        Document {
            card: &reader.model.card,
            tokens: &reader.model.tokens,
            trajectory,
            statistics: &none,
            against: None,
            assertions: &[],
            number,
            id: None,
        }
    };
    let compared: Vec<Compared> = (pairs.iter().zip(&comparisons))
        .map(|(&[l, r], comparison)| Compared {
            left: document(0, l),
            right: document(1, r),
            comparison,
        })
        .collect();
    sinks.sheet(&report::compared(&compared))?;
    sinks.finish()?;
    Ok(verified.ending(left.run))
}
