//! Models of which only some tensors are fetched, by their bytes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use logit_lens::model::{LoadOptions, Model, tensors_of_the_readout};
use logit_lens::source::{self, HubOptions, ModelFiles};
use safetensors::SafeTensors;

use crate::bench::{Bench, ID, OLD};
use crate::server::{Content, Fault, Files};

/// A fixture as the hub has it, its tensors in two shards if `sharded`.
fn on_the_hub(name: &str, sharded: bool) -> Files {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name);
    let file = |name: &str, large| Content {
        bytes: fs::read(dir.join(name)).unwrap(),
        large,
    };
    let mut files: Files = ["config.json", "tokenizer.json"]
        .map(|name| (name.to_string(), file(name, false)))
        .into();
    let weights = file("model.safetensors", true);
    if !sharded {
        files.insert("model.safetensors".to_string(), weights);
        return files;
    }
    let tensors = SafeTensors::deserialize(&weights.bytes).unwrap();
    let mut map = BTreeMap::new();
    for shard in [0, 1] {
        let name = format!("model-{shard}.safetensors");
        let part = tensors.iter().enumerate().filter(|(i, _)| i % 2 == shard);
        let part: Vec<_> = part.map(|(_, tensor)| tensor).collect();
        map.extend(part.iter().map(|(tensor, _)| (tensor.to_string(), name.clone())));
        let bytes = safetensors::serialize(part, None).unwrap();
        files.insert(name, Content { bytes, large: true });
    }
    let index = serde_json::json!({ "weight_map": map }).to_string();
    files.insert(
        "model.safetensors.index.json".to_string(),
        Content {
            bytes: index.into_bytes(),
            large: false,
        },
    );
    files
}

fn open(options: &HubOptions) -> logit_lens::error::Result<ModelFiles> {
    let mut files = source::outline(ID, options)?;
    let names = tensors_of_the_readout(&files)?;
    source::fetch(&mut files, &names, options)?;
    Ok(files)
}

/// What an unembedding makes of one row.
fn logits(files: &ModelFiles) -> Vec<f32> {
    let model = Model::load(files, LoadOptions::default()).unwrap();
    let row: Vec<f32> = (0..model.card.hidden).map(|i| (i as f32).sin()).collect();
    let row = candle_core::Tensor::from_vec(row, (1, model.card.hidden), &candle_core::Device::Cpu).unwrap();
    logit_lens::readout::Readout::new(&model.decoder.unembed)
        .logits(&row)
        .unwrap()
        .remove(0)
}

fn own_cache(bench: &Bench) -> PathBuf {
    bench.dir.path().join("lens/models--someone--tiny").join(OLD)
}

/// Norms with and without biases or one added, scales, caps, tied tables and others, biased heads.
#[test]
fn an_unembedding_from_its_bytes_is_the_whole_models() {
    for name in [
        "gpt2",
        "gpt2-untied",
        "llama",
        "gemma2",
        "granite",
        "gptj",
        "phi",
        "opt-350m",
        "bloom",
    ] {
        for sharded in [false, true] {
            let bench = Bench::with(&on_the_hub(name, sharded));
            let part = logits(&open(&bench.options()).unwrap());
            let whole = logits(&bench.locate().unwrap());
            assert_eq!(part, whole, "{name}");
            assert!(part.iter().all(|x| x.is_finite()), "{name}");
        }
    }
}

#[test]
fn no_more_is_downloaded_than_headers_and_the_unembedding() {
    let bench = Bench::with(&on_the_hub("gpt2-untied", true));
    let files = open(&bench.options()).unwrap();
    let at_hand: Vec<String> = (files.outline.unwrap().tensors.into_iter())
        .filter_map(|(name, tensor)| tensor.bytes.is_some().then_some(name))
        .collect();
    assert!(at_hand.iter().any(|name| name.contains("lm_head")), "{at_hand:?}");
    assert!(
        !at_hand
            .iter()
            .any(|name| name.contains("wte") || name.contains(".0.")),
        "{at_hand:?}"
    );
    let all_are_parts = |path: &Path| fs::read_dir(path).unwrap().count();
    assert_eq!(all_are_parts(&own_cache(&bench)), 2 + at_hand.len());
    assert!(
        bench
            .hub
            .downloads()
            .iter()
            .all(|request| request.range_last().is_some())
    );
    // Once there, it takes no network.
    let offline = HubOptions {
        offline: true,
        ..bench.options()
    };
    open(&offline).unwrap();
    assert!(bench.hub.requests().is_empty());
    // What is in lens's own cache is no model to others.
    assert!(source::locate(ID, &offline).is_err());
}

#[test]
fn a_download_that_breaks_off_is_continued() {
    let bench = Bench::with(&on_the_hub("llama", false));
    // The length of the header and the header come first.
    let broken = [
        Fault::Cut(usize::MAX),
        Fault::Cut(usize::MAX),
        Fault::Cut(10),
        Fault::Status(503),
    ];
    bench.hub.faults(&broken);
    let files = open(&bench.options()).unwrap();
    let asked: Vec<usize> = bench
        .hub
        .downloads()
        .iter()
        .filter_map(|r| r.range_start())
        .collect();
    assert!(asked.windows(2).any(|pair| pair[1] == pair[0] + 10), "{asked:?}");
    assert_eq!(logits(&files), logits(&bench.locate().unwrap()));
}

#[test]
fn a_storage_that_gives_whole_files_only_is_refused() {
    let bench = Bench::with(&on_the_hub("llama", false));
    bench.hub.faults(&[Fault::NoRange; 40]);
    let error = open(&bench.options()).unwrap_err();
    assert!(
        error
            .problem
            .contains("another part of a file than was asked for"),
        "{error}"
    );
}

#[test]
fn an_outline_without_its_unembedding_is_said_offline() {
    let bench = Bench::with(&on_the_hub("llama", false));
    source::outline(ID, &bench.options()).unwrap();
    let offline = HubOptions {
        offline: true,
        ..bench.options()
    };
    let error = open(&offline).unwrap_err();
    assert!(
        error.problem.contains("is not in the cache, and lens is offline"),
        "{error}"
    );
    let nothing = Bench::with(&on_the_hub("llama", false));
    let offline = HubOptions {
        offline: true,
        ..nothing.options()
    };
    assert!(open(&offline).is_err());
}

/// A model that is whole in the cache is taken from there.
#[test]
fn a_cached_model_is_read_as_it_is() {
    let bench = Bench::with(&on_the_hub("llama", false));
    bench.locate().unwrap();
    bench.hub.requests();
    let files = open(&bench.options()).unwrap();
    assert!(files.outline.is_none() && bench.hub.requests().is_empty());
}
