//! A model.safetensors.index.json of any text: what it names stays beside it.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use logit_lens::source::shard_names;

fuzz_target!(|text: &str| {
    for name in shard_names(text, "index").into_iter().flatten() {
        let path = Path::new("model").join(&name);
        assert!(path.parent().is_some_and(|folder| folder.starts_with("model")));
        assert!(!name.contains("..") || !path.components().any(|c| c.as_os_str() == ".."));
    }
});
