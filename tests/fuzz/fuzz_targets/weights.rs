//! A safetensors file of any bytes: its header, and its tensors where they would be read.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use logit_lens::decoder::{self, Config};
use logit_lens::source::Asset;
use logit_lens::weights::Weights;

const CONFIG: &[u8] = include_bytes!("../../fixtures/llama/config.json");

fuzz_target!(|bytes: &[u8]| {
    let asset = Asset::Memory {
        name: "model.safetensors".into(),
        bytes: Bytes::copy_from_slice(bytes),
    };
    let Ok(weights) = Weights::open(&[asset], None) else {
        return;
    };
    let config = Config::parse(CONFIG, "config.json".to_string()).unwrap();
    let _ = decoder::load(&config, &weights);
    for (name, shape) in [("a", [2, 3]), ("b", [0, 1])] {
        let _ = weights.matrix(name, shape, logit_lens::weights::Layout::OutIn);
        if let Ok(vector) = weights.vector(name, shape[1]) {
            assert_eq!(vector.values().len(), shape[1]);
        }
    }
});
