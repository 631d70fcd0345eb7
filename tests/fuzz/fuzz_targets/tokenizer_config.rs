//! tokenizer_config.json and its siblings of any bytes, zero bytes between them: what they make of
//! a byte-level and of a SentencePiece tokenizer.

#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use logit_lens::decoder::Config;
use logit_lens::model::Generation;
use logit_lens::source::{Asset, DEMO, HubOptions, ModelFiles, TokenizerFiles, locate};
use logit_lens::text::tokens::Tokens;

const TOKENIZERS: [&[u8]; 2] = [
    include_bytes!("../../fixtures/gpt2/tokenizer.json"),
    include_bytes!("../../fixtures/llama-linear/tokenizer.json"),
];

static DEMO_FILES: LazyLock<ModelFiles> = LazyLock::new(|| locate(DEMO, &HubOptions::default()).unwrap());

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
        let mut parts = bytes.splitn(5, |&byte| byte == 0).map(asset);
        let mut files = ModelFiles {
            tokenizer_config: parts.next(),
            special_tokens_map: parts.next(),
            added_tokens: parts.next(),
            generation_config: parts.next(),
            config: parts.next().unwrap_or_else(|| asset(b"{}")),
            ..DEMO_FILES.clone()
        };
        for tokenizer in TOKENIZERS {
            files.tokenizer = TokenizerFiles::Json(asset(tokenizer));
            let Ok(tokens) = Tokens::load(&files) else { continue };
            for text in ["", "The city of Paris", " <s>\u{1b}é東\u{202e}\0"] {
                for id in tokens.encode(text).into_iter().flatten().take(64) {
                    let label = tokens.label(id);
                    assert!(!label.chars().any(char::is_control), "{label:?}");
                }
            }
            let special = tokens.special_tokens();
            assert!(special.named().all(|(name, text)| special.get(name) == Some(text)));
        }
        if let Ok(config) = Config::read(&files.config) {
            let _ = Generation::read(&files, &config);
        }
    }
);
