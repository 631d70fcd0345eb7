//! A config.json of any bytes, beside the weights of real checkpoints.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use logit_lens::decoder::{self, Config};
use logit_lens::source::Asset;
use logit_lens::weights::Weights;

const CHECKPOINTS: [&[u8]; 2] = [
    include_bytes!("../../fixtures/gpt2/model.safetensors"),
    include_bytes!("../../fixtures/llama/model.safetensors"),
];

fuzz_target!(|text: &[u8]| {
    let Ok(config) = Config::parse(text, "config.json".to_string()) else {
        return;
    };
    for bytes in CHECKPOINTS {
        let asset = Asset::Memory {
            name: "model.safetensors".into(),
            bytes: Bytes::from_static(bytes),
        };
        let weights = Weights::open(&[asset], None).unwrap();
        let _ = decoder::load(&config, &weights);
    }
});
