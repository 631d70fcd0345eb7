//! A GGUF of any bytes: its header, its metadata as a config and a tokenizer, and its tensors where they would
//! be read.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use logit_lens::decoder::{self, Config};
use logit_lens::source::{Asset, gguf};
use logit_lens::text::tokens::Tokens;
use logit_lens::weights::{Layout, Weights};

fuzz_target!(
    // A panic of the library's that is caught is an error like others; one that is not still ends
    // the run.
    init: std::panic::set_hook(Box::new(|_| ())),
    |bytes: &[u8]| {
        let asset = Asset::Memory {
            name: "model.gguf".into(),
            bytes: Bytes::copy_from_slice(bytes),
        };
        if let Ok(weights) = Weights::open(std::slice::from_ref(&asset), None) {
            for (name, shape) in [("model.norm.weight", [2, 3]), ("model.embed_tokens.weight", [8, 256])] {
                if let Ok(matrix) = weights.matrix(name, shape, Layout::OutIn) {
                    let whole = 0..matrix.view().len();
                    assert_eq!(matrix.view().f32s(whole.clone()).len(), whole.len());
                }
            }
        }
        let Ok(files) = gguf::model("model.gguf", vec![asset.clone()]) else {
            return;
        };
        if let Ok(tokens) = Tokens::load(&files) {
            for text in ["", "The city of Paris", " <s>\u{1b}é東\u{202e}\0"] {
                for id in tokens.encode(text).into_iter().flatten().take(64) {
                    let label = tokens.label(id);
                    assert!(!label.chars().any(char::is_control), "{label:?}");
                }
            }
        }
        if let (Ok(config), Ok(weights)) = (Config::read(&files.config), Weights::open(&[asset], None)) {
            let _ = decoder::load(&config, &weights);
        }
    }
);
