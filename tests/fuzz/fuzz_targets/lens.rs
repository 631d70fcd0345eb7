//! Prompts of any tokens through whole models: the mapping and the kernels, under the sanitizer.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use logit_lens::engine::Engine;
use logit_lens::lens::{Follow, Request};
use logit_lens::model::Model;
use logit_lens::lens::Positions;

static MODELS: LazyLock<Vec<Model>> = LazyLock::new(|| {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/");
    let names = [
        "gpt2",
        "gpt2-untied",
        "llama",
        "llama-rope3",
        "llama-linear",
        "llama-dynamic",
        "gguf/gpt-neox.gguf",
        "gguf/qwen3.gguf",
    ];
    names
        .map(|name| Model::open(&format!("{fixtures}{name}")).unwrap())
        .into()
});

fuzz_target!(|input: (u8, u8, bool, Vec<Vec<u16>>)| {
    let (which, top_k, all, prompts) = input;
    let model = &MODELS[usize::from(which) % MODELS.len()];
    let prompts = prompts.into_iter().take(4).filter_map(|ids| {
        let ids = ids.into_iter().take(200).map(|id| u32::from(id) % 330).collect();
        model.prompt_of_ids(ids).ok()
    });
    let prompts: Vec<_> = prompts.collect();
    let request = Request {
        top_k: usize::from(top_k) + 1,
        positions: if all {
            Positions::all()
        } else {
            Positions::default()
        },
        distances: top_k % 2 == 0,
        follow: Follow::TopK,
        ..Request::default()
    };
    let count = prompts.len();
    let read = model.read_prompts(prompts, &request, &()).unwrap();
    assert_eq!(read.len(), count);
    for reading in read
        .iter()
        .flat_map(|t| t.rows.iter().flat_map(|row| &row.readings))
    {
        assert!(reading.is_finite() && reading.entropy >= -1e-6 && reading.forward_kl >= 0.);
    }
});
