//! What a config comes to where no small checkpoint's logits could tell: windows longer than any prompt,
//! what is absent against what is null, which layer has which positions, what is skipped.

mod classes;
mod positions;
mod tensors;
mod windows;

use logit_lens::decoder::{Attention, Decoder};
use logit_lens::lens::Request;
use logit_lens::model::Model;
use serde_json::{Map, Value};

use crate::support::Checkpoint;

const PROMPT: &str = "The Eiffel Tower is in the city of";

/// The decoder of a fixture whose config, or the decoder's part of it, was changed.
fn described(name: &str, change: impl FnOnce(&mut Map<String, Value>)) -> Decoder {
    let checkpoint = Checkpoint::copy_of(name);
    checkpoint.config(|fields| match fields.get_mut("text_config") {
        Some(inner) => change(inner.as_object_mut().unwrap()),
        None => change(fields),
    });
    match checkpoint.load() {
        Ok(model) => model.decoder,
        Err(error) => panic!("{name}: {error}"),
    }
}

fn without(name: &str, key: &str) -> Decoder {
    described(name, |fields| {
        assert!(fields.remove(key).is_some(), "{name} has no {key}")
    })
}

fn with(name: &str, key: &str, value: Value) -> Decoder {
    described(name, |fields| _ = fields.insert(key.to_string(), value))
}

fn of_blocks<T>(decoder: &Decoder, part: impl Fn(&Attention) -> T) -> Vec<T> {
    decoder
        .blocks
        .iter()
        .map(|block| part(&block.attention))
        .collect()
}

/// The logits of the last token of the prompt, by id.
fn logits(model: &Model) -> Vec<f32> {
    let request = Request {
        top_k: model.card.vocabulary,
        ..Request::default()
    };
    let mut top = model.read(&[PROMPT], &request).unwrap()[0].output[0].top.clone();
    top.sort_by_key(|candidate| candidate.id);
    top.iter().map(|candidate| candidate.logit).collect()
}
