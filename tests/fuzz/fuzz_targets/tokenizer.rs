//! A tokenizer.json of any bytes, and what it makes of a text.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use logit_lens::source::{Asset, TokenizerFiles};
use logit_lens::text::tokens::Tokens;

fuzz_target!(
    // A panic of the library's that is caught is an error like others; one that is not still ends
    // the run.
    init: std::panic::set_hook(Box::new(|_| ())),
    |bytes: &[u8]| {
        let asset = Asset::Memory {
            name: "tokenizer.json",
            bytes: Bytes::copy_from_slice(bytes),
        };
        let Ok(tokens) = Tokens::load(&TokenizerFiles::Json(asset)) else { return };
        for text in ["", "The city of Paris", " \u{1b}é東\u{202e}\0"] {
            for id in tokens.encode(text).into_iter().flatten().take(64) {
                let label = tokens.label(id);
                assert!(!label.chars().any(char::is_control), "{label:?}");
            }
        }
        let _ = tokens.id_of(" the");
    }
);
