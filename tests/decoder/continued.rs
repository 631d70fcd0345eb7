//! A prompt that goes through the blocks in pieces, each after what is kept of those before it.

use candle_core::{IndexOp, Tensor};
use logit_lens::decoder::{Batch, Past, Site};
use logit_lens::engine::{Engine, ReadSoFar};
use logit_lens::lens::{Positions, Request, Trajectory};
use logit_lens::model::Model;
use logit_lens::text::prompt::{Bos, Prompt};

use crate::support::{Reference, fixtures, load};

/// A value is the sum of a few hundred products, whose order is another in another shape: rounding of float32.
const OFF: f32 = 1e-5;

fn whole(model: &Model, ids: &[u32]) -> Vec<(Site, Tensor)> {
    let mut batch = Batch::default();
    batch.push(ids);
    let mut streams = Vec::new();
    let mut keep = |site, stream: Tensor| {
        streams.push((site, stream.clone()));
        Ok(stream)
    };
    model.decoder.forward(&batch, &model.device, &mut keep).unwrap();
    streams
}

/// The largest difference of two streams, relative to the largest of their values.
fn difference(a: &Tensor, b: &Tensor) -> f32 {
    let values = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (a, b) = (values(a), values(b));
    assert_eq!(a.len(), b.len());
    let largest = a.iter().fold(0_f32, |most, x| most.max(x.abs()));
    let worst = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0., f32::max);
    worst / largest
}

#[test]
fn a_prompt_in_pieces_has_the_rows_of_the_whole() {
    let mut turned_anew = Vec::new();
    for name in &fixtures() {
        let model = load(name);
        for prompt in &Reference::read(name).prompts {
            let ids = &prompt.ids;
            let mut past = Past::default();
            let mut end = 0;
            // A piece of several tokens follows single ones, and the first is longer than one.
            for piece in [3, 1, 1, 2, 1].into_iter().chain(std::iter::repeat(2)) {
                if end == ids.len() {
                    break;
                }
                end = (end + piece).min(ids.len());
                if past.tokens() > 0 && !model.decoder.can_continue(past.tokens(), end) {
                    turned_anew.push(name.clone());
                    past = Past::default();
                }
                let start = past.tokens();
                let mut expected = whole(&model, &ids[..end]).into_iter();
                let mut compare = |site: Site, stream: Tensor| {
                    let (same, rows) = expected.next().unwrap();
                    assert_eq!(site, same);
                    let off = difference(&rows.i(start..).unwrap(), &stream);
                    assert!(off <= OFF, "{name}, {start}..{end} at {site}: off by {off}");
                    Ok(stream)
                };
                model
                    .decoder
                    .forward_after(&mut past, &ids[start..end], &mut compare)
                    .unwrap();
                assert!(expected.next().is_none());
                assert_eq!(past.tokens(), end);
            }
        }
    }
    turned_anew.sort_unstable();
    turned_anew.dedup();
    assert_eq!(turned_anew, ["llama-dynamic", "phi3-longrope", "phi3-su"]);
}

/// Each token that is generated is the likeliest after those before it, as one prompt of them all has it; past
/// every length at which positions are turned anew.
#[test]
fn what_is_generated_is_what_the_whole_would_say() {
    /// Two logits so near are equal to float32, and either may be the first.
    const EQUAL: f32 = 1e-4;
    for name in &fixtures() {
        let model = load(name);
        let mut prompt = model
            .prompt(&Reference::read(name).prompts[0].text, Bos::Auto)
            .unwrap();
        prompt.ids.truncate(3);
        let count = model.card.context.unwrap_or(24).min(24) - prompt.ids.len();
        let longer = model.generate(&prompt, count).unwrap();
        assert!(longer.generated == count || model.generation.eos.contains(longer.ids.last().unwrap()));
        let mut whole = longer.clone();
        whole.generated = 0;
        let request = Request {
            positions: Positions::all(),
            top_k: 2,
            ..Request::default()
        };
        for end in prompt.ids.len()..longer.ids.len() {
            whole.ids = longer.ids[..end].to_vec();
            let read = model.read_prompts(vec![whole.clone()], &request, &()).unwrap();
            let top = &read[0].output[end - 1].top;
            let said = top.iter().find(|token| token.id == longer.ids[end]);
            let near = said.is_some_and(|said| top[0].logit - said.logit <= EQUAL);
            assert!(near, "{name}: {} after {end} tokens", longer.ids[end]);
        }
    }
}

/// Everything of a prompt, with the rows themselves.
fn everything() -> Request {
    Request {
        points: "embed,attn_out,resid_mid,mlp_out,resid_post".parse().unwrap(),
        positions: Positions::all(),
        keep_rows: true,
        ..Request::default()
    }
}

/// A fixture's prompt continued as far as its context goes, and read; and the number of its tokens before.
fn continued(name: &str, model: &Model) -> (Trajectory, usize) {
    let text = &Reference::read(name).prompts[0].text;
    let mut prompt = model.prompt(text, Bos::Auto).unwrap();
    prompt.ids.truncate(3);
    let (tokens, most) = (prompt.ids.len(), model.card.context.unwrap_or(24).min(24));
    let read = model.generate_and_read(&prompt, most - tokens, &everything(), &(), &mut |_, _| Ok(()));
    (read.unwrap(), tokens)
}

/// The rows of a trajectory, each site's `[positions, hidden]`.
fn rows(trajectory: &Trajectory) -> Vec<(Site, Tensor)> {
    let hidden = trajectory.hidden.as_ref().unwrap();
    let of_row = |(nth, row): (usize, &logit_lens::lens::Row)| (row.site, hidden.i((.., nth)).unwrap());
    trajectory.rows.iter().enumerate().map(of_row).collect()
}

/// The streams of a prompt of which all tokens but the first so many went through the blocks one at a time.
fn token_by_token(model: &Model, ids: &[u32], first: usize) -> Vec<(Site, Tensor)> {
    let mut past = Past::default();
    let mut streams: Vec<(Site, Tensor)> = Vec::new();
    for end in first..=ids.len() {
        if !model.decoder.can_continue(past.tokens(), end) {
            past = Past::default();
        }
        if past.tokens() == 0 {
            streams.clear();
        }
        let (start, mut nth) = (past.tokens(), 0);
        let mut keep = |site, stream: Tensor| {
            match streams.get_mut(nth) {
                Some((_, rows)) if start > 0 => *rows = Tensor::cat(&[&*rows, &stream], 0).unwrap(),
                _ => streams.push((site, stream.clone())),
            }
            nth += 1;
            Ok(stream)
        };
        let passed = model
            .decoder
            .forward_after(&mut past, &ids[start..end], &mut keep);
        passed.unwrap();
    }
    streams
}

/// To the bit: what is read of a continuation went through the blocks once, when its tokens were made. The whole in
/// one pass is summed in another order, and rounded otherwise.
#[test]
fn the_rows_of_a_continuation_are_those_of_the_passes_that_made_it() {
    let bits = |t: &Tensor| -> Vec<u32> {
        let values = t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        values.into_iter().map(f32::to_bits).collect()
    };
    let mut told_apart = 0;
    for name in &fixtures() {
        let model = load(name);
        let (read, first) = continued(name, &model);
        let ids = &read.prompt.ids;
        let (passes, at_once) = (token_by_token(&model, ids, first), whole(&model, ids));
        let found = rows(&read);
        assert_eq!(found.len(), passes.len(), "{name}");
        for ((site, rows), (same, expected)) in found.iter().zip(&passes) {
            assert_eq!(site, same, "{name}");
            assert!(bits(rows) == bits(expected), "{name} at {site}");
        }
        let differs = |(a, b): (&(Site, Tensor), &(Site, Tensor))| bits(&a.1) != bits(&b.1);
        told_apart += usize::from(passes.iter().zip(&at_once).any(differs));
    }
    assert!(told_apart > 0);
}

/// Up to the rounding of rows that are summed in another order.
#[test]
fn a_continuation_reads_as_its_whole_text_does() {
    /// Logits of a few units, of rows that are off by [`OFF`] at most.
    const LOGIT: f64 = 1e-3;
    for name in &fixtures() {
        let model = load(name);
        let (read, first) = continued(name, &model);
        let prompt = Prompt {
            generated: 0,
            ..read.prompt.clone()
        };
        assert_eq!(read.prompt.generated, prompt.ids.len() - first);
        let at_once = model.read_prompts(vec![prompt], &everything(), &()).unwrap();
        let at_once = &at_once[0];
        for ((site, a), (same, b)) in rows(at_once).iter().zip(&rows(&read)) {
            assert_eq!(site, same, "{name}");
            let off = difference(a, b);
            assert!(off <= OFF, "{name} at {site}: off by {off}");
        }
        let readings = |read: &Trajectory| {
            let shown = read.rows.iter().flat_map(|row| row.readings.clone());
            shown.chain(read.output.clone()).collect::<Vec<_>>()
        };
        for (a, b) in readings(at_once).iter().zip(&readings(&read)) {
            assert!((a.log_sum_exp - b.log_sum_exp).abs() <= LOGIT, "{name}");
            assert!((a.entropy - b.entropy).abs() <= LOGIT, "{name}");
            assert!((a.top1().logit - b.top1().logit).abs() as f64 <= LOGIT, "{name}");
        }
    }
}

/// What is read as each token is there is what the prompt so far reads as.
#[test]
fn a_continuation_is_read_as_it_grows() {
    let model = load("llama");
    let prompt = model.prompt_of_ids(vec![1, 5, 7]).unwrap();
    let mut tokens = Vec::new();
    let mut each = |longer: &Prompt, read: &ReadSoFar| {
        let (so_far, alone) = (read(&everything())?, whole(&model, &longer.ids));
        assert_eq!(so_far.prompt.ids, longer.ids);
        for ((_, a), (site, b)) in alone.iter().zip(&rows(&so_far)) {
            let off = difference(a, b);
            assert!(off <= OFF, "{} tokens at {site}: off by {off}", longer.ids.len());
        }
        tokens.push(longer.ids.len());
        Ok(())
    };
    let read = model.generate_and_read(&prompt, 4, &everything(), &(), &mut each);
    assert_eq!(read.unwrap().positions, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(tokens, [4, 5, 6, 7]);
}
