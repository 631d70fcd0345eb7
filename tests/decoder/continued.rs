//! A prompt that goes through the blocks in pieces, each after what is kept of those before it.

use candle_core::{IndexOp, Tensor};
use logit_lens::decoder::{Batch, Past, Site};
use logit_lens::engine::Engine;
use logit_lens::lens::{Positions, Request};
use logit_lens::model::Model;
use logit_lens::text::prompt::Bos;

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
