//! Where lenses of the hub's models are published.

use super::hub::Wanted;
use super::likeness::{Likeness, likeness, renamed};

/// Neuronpedia's Jacobian lenses, at the commit that TransformerLens reads them at.
const JACOBIAN: (&str, &str) = (
    "neuronpedia/jacobian-lens",
    "a4114d7752d11eb546e6cf372213d7e75526d3a1",
);
/// The space of the tuned lenses. It has no releases.
const TUNED: (&str, &str) = ("AlignmentResearch/tuned-lens", "main");
/// The texts that the Jacobian lenses were fitted on, as a part of their paths.
const DATASET: &str = "Salesforce-wikitext";

/// Models by their hub id, and what Neuronpedia calls them.
const NEURONPEDIA: [(&str, &str); 28] = [
    ("openai-community/gpt2", "gpt2-small"),
    ("google/gemma-2-2b", "gemma-2-2b"),
    ("google/gemma-2-2b-it", "gemma-2-2b-it"),
    ("google/gemma-2-9b", "gemma-2-9b"),
    ("google/gemma-2-9b-it", "gemma-2-9b-it"),
    ("google/gemma-2-27b", "gemma-2-27b"),
    ("google/gemma-3-270m", "gemma-3-270m"),
    ("google/gemma-3-270m-it", "gemma-3-270m-it"),
    ("google/gemma-3-1b-pt", "gemma-3-1b"),
    ("google/gemma-3-1b-it", "gemma-3-1b-it"),
    ("google/gemma-3-4b-pt", "gemma-3-4b"),
    ("google/gemma-3-4b-it", "gemma-3-4b-it"),
    ("google/gemma-3-12b-pt", "gemma-3-12b"),
    ("google/gemma-3-12b-it", "gemma-3-12b-it"),
    ("google/gemma-3-27b-pt", "gemma-3-27b"),
    ("google/gemma-3-27b-it", "gemma-3-27b-it"),
    ("meta-llama/Llama-3.1-8B", "llama3.1-8b"),
    ("meta-llama/Llama-3.1-8B-Instruct", "llama3.1-8b-it"),
    ("meta-llama/Llama-3.3-70B-Instruct", "llama3.3-70b-it"),
    ("allenai/Olmo-3-1025-7B", "olmo-3-1025-7b"),
    ("allenai/Olmo-3-1125-32B", "olmo-3-1125-32b"),
    ("EleutherAI/pythia-70m-deduped", "pythia-70m-deduped"),
    ("Qwen/Qwen2.5-7B-Instruct", "qwen2.5-7b-it"),
    ("Qwen/Qwen3-1.7B", "qwen3-1.7b"),
    ("Qwen/Qwen3-4B", "qwen3-4b"),
    ("Qwen/Qwen3-8B", "qwen3-8b"),
    ("Qwen/Qwen3-14B", "qwen3-14b"),
    ("Qwen/Qwen3-32B", "qwen3-32b"),
];

/// Models whose tuned lens has the name that they had before they got an owner.
const OWNERLESS: &str = "openai-community/";

/// The revision at which a repository of lenses is read where none is named.
pub fn revision_of(id: &str) -> &'static str {
    let known = [JACOBIAN, TUNED].into_iter().find(|(known, _)| *known == id);
    known.map_or("main", |(_, revision)| revision)
}

/// The Jacobian lens of a hub model, in the names that it may have; none where none is known.
pub fn jacobian(model: &str) -> Vec<Wanted> {
    let known = (NEURONPEDIA.iter()).find(|(id, _)| likeness(id, model) == Likeness::Same);
    let Some((id, name)) = known else {
        return Vec::new();
    };
    let slug = id.rsplit('/').next().unwrap_or(id);
    let named = |ending: &str| Wanted {
        id: JACOBIAN.0.to_string(),
        is_space: false,
        revision: JACOBIAN.1.to_string(),
        names: vec![format!("{name}/jlens/{DATASET}/{slug}_jacobian_lens{ending}.pt")],
        beside: None,
    };
    vec![named(""), named("_n1000")]
}

/// The tuned lens of a hub model, in the names that it may have.
pub fn tuned(model: &str) -> Vec<Wanted> {
    let named = |name: &str| Wanted {
        id: TUNED.0.to_string(),
        is_space: true,
        revision: TUNED.1.to_string(),
        names: ["params.pt", "config.json"]
            .map(|file| format!("lens/{name}/{file}"))
            .to_vec(),
        beside: None,
    };
    let now = renamed(model);
    let names = [model, &now].map(|name| name.strip_prefix(OWNERLESS).unwrap_or(name));
    match names[0] == names[1] {
        true => vec![named(names[0])],
        false => names.map(named).to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_of_models_find_their_lenses() {
        let names =
            |all: Vec<Wanted>| -> Vec<String> { all.into_iter().map(|one| one.names[0].clone()).collect() };
        let eight = names(jacobian("meta-llama/Meta-Llama-3.1-8B"));
        assert_eq!(eight, names(jacobian("meta-llama/Llama-3.1-8B")));
        assert!(eight[0].ends_with("Llama-3.1-8B_jacobian_lens.pt"));
        assert!(eight[1].ends_with("Llama-3.1-8B_jacobian_lens_n1000.pt"));
        assert!(jacobian("someone/Llama-3.1-8B").is_empty());
        assert_eq!(names(tuned("openai-community/gpt2")), ["lens/gpt2/params.pt"]);
        assert_eq!(
            names(tuned("meta-llama/Meta-Llama-3-8B")),
            [
                "lens/meta-llama/Meta-Llama-3-8B/params.pt",
                "lens/meta-llama/Llama-3-8B/params.pt"
            ]
        );
    }
}
