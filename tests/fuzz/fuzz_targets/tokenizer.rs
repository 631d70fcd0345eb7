//! A tokenizer.json of any bytes, and what it makes of a text.

#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use logit_lens::source::{Asset, DEMO, HubOptions, ModelFiles, TokenizerFiles, locate};
use logit_lens::text::tokens::Tokens;

/// A model whose tokenizer's class takes a tokenizer.json as it is.
static FILES: LazyLock<ModelFiles> = LazyLock::new(|| ModelFiles {
    tokenizer_config: Some(asset(br#"{"tokenizer_class": "PreTrainedTokenizerFast"}"#)),
    ..locate(DEMO, &HubOptions::default()).unwrap()
});

fn asset(bytes: &[u8]) -> Asset {
    Asset::Memory {
        name: "a file".into(),
        bytes: Bytes::copy_from_slice(bytes),
    }
}

fuzz_target!(
    // A panic of the library's that is caught is an error like others; one that is not still ends
    // the run.
    init: std::panic::set_hook(Box::new(|_| ())),
    |bytes: &[u8]| {
        let files = ModelFiles {
            tokenizer: TokenizerFiles::Json(asset(bytes)),
            ..FILES.clone()
        };
        let Ok(tokens) = Tokens::load(&files) else { return };
        for text in ["", "The city of Paris", " \u{1b}é東\u{202e}\0"] {
            for id in tokens.encode(text).into_iter().flatten().take(64) {
                let label = tokens.label(id);
                assert!(!label.chars().any(char::is_control), "{label:?}");
            }
        }
        let _ = tokens.id_of(" the");
    }
);
