//! Which model a misspelt name may stand for.

use std::path::Path;

use super::cache;
use super::id::short_names;
use crate::error::likeness;
use crate::source::DEMO;

/// The model, of those that a short name stands for and those in the cache at `root`, whose name is the nearest to
/// `name` and so near that it may have been meant. A name without an owner may be a cached model's without its own.
pub fn nearest(name: &str, root: &Path) -> Option<String> {
    let is_bare = !name.contains('/');
    let short = [DEMO].into_iter().chain(short_names()).map(str::to_string);
    let candidates = short.filter(|_| is_bare).chain(cache::models(root));
    let near = candidates.filter(|other| other != name).filter_map(|other| {
        let without_owner = other.split_once('/').map(|(_, name)| name).filter(|_| is_bare);
        let ways = [Some(other.as_str()), without_owner].into_iter().flatten();
        let nearest = ways.filter_map(|other| likeness(name, other)).reduce(f64::max);
        Some((nearest?, other))
    });
    // Of equals the first: a short name before a long one.
    let nearest = near.reduce(|best, next| if next.0 > best.0 { next } else { best });
    nearest.map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_model_is_recognised() {
        let cache = tempfile::tempdir().unwrap();
        for id in [
            "HuggingFaceTB--SmolLM2-135M",
            "openai-community--gpt2",
            "Qwen--Qwen3-0.6B",
        ] {
            std::fs::create_dir_all(cache.path().join(format!("models--{id}/snapshots"))).unwrap();
        }
        for (name, near) in [
            ("gtp2", Some("gpt2")),
            ("gpt2-xxl", Some("gpt2-xl")),
            ("demoo", Some("demo")),
            ("Demo", Some("demo")),
            ("SmolLM2-135M", Some("HuggingFaceTB/SmolLM2-135M")),
            ("smollm2-135m", Some("HuggingFaceTB/SmolLM2-135M")),
            ("hugginfacetb/smollm2-135M", Some("HuggingFaceTB/SmolLM2-135M")),
            ("Qwen/Qwen3-0.6", Some("Qwen/Qwen3-0.6B")),
            ("mistral", None),
            ("meta-llama/Llama-3.2-1B", None),
            ("HuggingFaceTB/SmolLM2-135M", None),
        ] {
            assert_eq!(nearest(name, cache.path()).as_deref(), near, "{name}");
        }
    }
}
