//! Two models over many prompts: each batch is read by both, and both are read once.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;
use logit_lens::analysis::compare::{Side, layer_beside};
use logit_lens::analysis::compare_many::{ModelComparison, Pair};
use logit_lens::engine::Engine;
use logit_lens::lens::{Layers, Request};
use logit_lens::report;
use logit_lens::text::prompt::Prompt;
use logit_lens::text::prompts::Item;

use super::assertions::name_of;
use super::input::{Input, count};
use super::note;
use super::progress::Bar;
use super::reader::Reader;
use super::sinks::Sinks;
use super::verification::Verified;

/// Reads every prompt on both sides and writes what the comparison comes to.
pub fn compare_many(left: &Reader, right: &Reader, input: Input, mut sinks: Sinks) -> Result<ExitCode> {
    let run = left.run;
    let requests = requests(left, right)?;
    // Rows are kept, and each position has a distribution over the vocabulary on both sides.
    let limit = |reader: &Reader, request: &Request| reader.model.batch_tokens(request);
    let limit = limit(left, &requests[0]).min(limit(right, &requests[1]));
    let prompts = match run.quiet || !std::io::stderr().is_terminal() {
        true => None,
        false => count(&run.prompts),
    };
    let bar = Bar::new(run.quiet, prompts);
    let mut pass = Pass {
        readers: [left, right],
        requests,
        comparison: ModelComparison::default(),
        verified: Verified::default(),
        bar: &bar,
    };
    let (mut batch, mut tokens) = (Vec::new(), 0);
    for item in input {
        let item = item?;
        let pair = [left.prompt(&item)?, right.prompt(&item)?];
        let longest = pair.iter().map(|prompt| prompt.ids.len()).max().unwrap_or(0);
        if !batch.is_empty() && tokens + longest > limit {
            pass.batch(std::mem::take(&mut batch))?;
            tokens = 0;
        }
        tokens += longest;
        batch.push((item, pair));
    }
    match batch.is_empty() && pass.comparison.prompts == 0 {
        true => note(run, "there are no prompts."),
        false => pass.batch(batch)?,
    }
    left.targets.note_count(run);
    let cards = [&left.model.card, &right.model.card];
    sinks.sheet(&report::model_comparison(&pass.comparison, cards, run.top_k()))?;
    sinks.finish()?;
    Ok(pass.verified.ending(run))
}

/// What is asked of each side: of the right one, the layers beside those of the left.
fn requests(left: &Reader, right: &Reader) -> Result<[Request; 2]> {
    let depths = [left, right].map(|reader| reader.model.decoder.blocks.len());
    let request = |reader: &Reader| -> Result<Request> {
        Ok(Request {
            keep_rows: true,
            ..reader.run.request(reader.model)?
        })
    };
    let (first, mut second) = (request(left)?, request(right)?);
    let layers = first.layers.resolve(depths[0])?;
    if depths[0] != depths[1] {
        let beside = layers
            .iter()
            .map(|&layer| layer_beside(layer, depths[0], depths[1]));
        let embed = second.points.read_embed(&second.layers);
        second.layers = Layers::just(&beside.collect::<Vec<_>>(), embed);
    }
    Ok([first, second])
}

struct Pass<'a> {
    readers: [&'a Reader<'a>; 2],
    requests: [Request; 2],
    comparison: ModelComparison,
    verified: Verified<'a>,
    bar: &'a Bar,
}

impl Pass<'_> {
    fn batch(&mut self, batch: Vec<(Item, [Prompt; 2])>) -> Result<()> {
        let mut items = Vec::new();
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for (item, [on_the_left, on_the_right]) in batch {
            items.push(item);
            left.push(on_the_left);
            right.push(on_the_right);
        }
        let [first, second] = self.readers;
        let left = first.model.read_prompts(left, &self.requests[0], self.bar)?;
        let right = second.model.read_prompts(right, &self.requests[1], self.bar)?;
        for ((item, left), right) in items.iter().zip(&left).zip(&right) {
            for (reader, read) in [(first, left), (second, right)] {
                let name = name_of(item, read.prompt.asked());
                (self.bar).hide(|| reader.verify(&mut self.verified, &name, &read.prompt, Some(read)))?;
            }
            let pair = Pair {
                left: Side {
                    model: first.model,
                    trajectory: left,
                },
                right: Side {
                    model: second.model,
                    trajectory: right,
                },
                id: item.id.as_deref(),
            };
            self.comparison.add(&pair).map_err(|error| item.locate(error))?;
        }
        self.bar.prompts_done(self.comparison.prompts);
        Ok(())
    }
}
