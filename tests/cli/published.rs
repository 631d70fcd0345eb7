//! Lenses that are published on a hub, found for the model at hand.

use std::path::Path;
use std::process::Output;

use tempfile::TempDir;

use crate::assert_fails;
use crate::server::{Content, Files, Hub};
use crate::support::{Run, fixture, lens};

const PROMPT: &str = "The Eiffel Tower is in the city of";
const MODEL: &str = "openai-community/gpt2";
const JACOBIAN: &str = "neuronpedia/jacobian-lens";
/// The commit that the lenses are read at.
const PINNED: &str = "a4114d7752d11eb546e6cf372213d7e75526d3a1";
const FILE: &str = "gpt2-small/jlens/Salesforce-wikitext/gpt2_jacobian_lens.pt";
const SPACE: &str = "spaces/AlignmentResearch/tuned-lens";

fn content(path: &Path, large: bool) -> Content {
    Content {
        bytes: std::fs::read(path).unwrap(),
        large,
    }
}

/// A hub with a model and lenses for it.
struct Bench {
    hub: Hub,
    cache: TempDir,
}

impl Bench {
    fn new() -> Self {
        let hub = Hub::start();
        let model = ["config.json", "tokenizer.json", "model.safetensors"].map(|file| {
            let large = file.ends_with(".safetensors");
            (file.to_string(), content(&fixture("gpt2").join(file), large))
        });
        hub.commit(MODEL, "main", &"11".repeat(20), &model.into());
        let of_gpt2 = |file: &str| fixture("lenses").join("gpt2").join(file);
        let jacobian: Files = [(FILE.to_string(), content(&of_gpt2("jacobian.pt"), true))].into();
        hub.commit(JACOBIAN, "main", PINNED, &jacobian);
        let tuned = ["params.pt", "config.json"].map(|file| {
            let name = format!("lens/gpt2/{file}");
            (name, content(&of_gpt2("tuned").join(file), file.ends_with(".pt")))
        });
        hub.commit(SPACE, "main", &"22".repeat(20), &tuned.into());
        Self {
            hub,
            cache: TempDir::new().unwrap(),
        }
    }

    fn run(&self, args: &[&str]) -> Run {
        let output: Output = lens()
            .args([PROMPT, "-m", "gpt2"])
            .args(args)
            .env("HF_ENDPOINT", &self.hub.endpoint)
            .env("HF_HUB_CACHE", self.cache.path())
            .output()
            .unwrap();
        output.into()
    }

    fn json(&self, args: &[&str]) -> serde_json::Value {
        let run = self.run(&[args, &["--json", "-q"]].concat());
        assert_eq!(run.code, Some(0), "{run:?}");
        serde_json::from_str(&run.stdout).unwrap()
    }
}

#[test]
fn the_published_lenses_of_the_model_are_found_and_cached() {
    let bench = Bench::new();
    let document = bench.json(&["--lens", "tuned,jacobian"]);
    let lenses = &document["meta"]["lenses"];
    assert_eq!(lenses[0]["artefact"], format!("{SPACE}/lens/gpt2/params.pt"));
    assert_eq!(lenses[0]["revision"], "22".repeat(20));
    assert_eq!(lenses[1]["artefact"], format!("{JACOBIAN}/{FILE}"));
    assert_eq!(lenses[1]["revision"], PINNED);
    assert_eq!(lenses[1]["fitted_on"]["model"], MODEL);
    let file = content(&fixture("lenses").join("gpt2/jacobian.pt"), true);
    assert_eq!(lenses[1]["sha256"], file.etag());
    // They lie where Python keeps them.
    let cache = bench.cache.path();
    for path in [
        format!("models--neuronpedia--jacobian-lens/snapshots/{PINNED}/{FILE}"),
        format!(
            "spaces--AlignmentResearch--tuned-lens/snapshots/{}/lens/gpt2/config.json",
            "22".repeat(20)
        ),
    ] {
        assert!(cache.join(&path).is_file(), "{path}");
    }

    bench.hub.requests();
    let again = bench.json(&["--lens", "tuned,jacobian", "--offline"]);
    assert_eq!(again["topk_ids"], document["topk_ids"]);
    bench.json(&["--lens", "tuned,jacobian"]);
    assert_eq!(bench.hub.requests().len(), 0, "a cached lens needs no network");
    // The published file says nothing of its model; where it was found does.
    let said = bench.run(&["--lens", "jacobian"]).stderr;
    assert!(!said.contains("does not say which model"), "{said}");
}

#[test]
fn a_lens_that_is_not_cached_needs_the_network() {
    let bench = Bench::new();
    bench.json(&[]);
    let run = bench.run(&["--lens", "jacobian", "--offline", "-q"]);
    assert_fails(&run, 1, "is not in the cache, and lens is offline");
}

#[test]
fn a_model_without_a_published_lens_is_said() {
    let bench = Bench::new();
    bench.hub.commit(SPACE, "main", &"33".repeat(20), &Files::new());
    assert_fails(
        &bench.run(&["--lens", "tuned", "-q"]),
        1,
        "No tuned lens is known to be published",
    );
    bench.hub.commit(JACOBIAN, "main", PINNED, &Files::new());
    assert_fails(
        &bench.run(&["--lens", "jacobian", "-q"]),
        1,
        "No Jacobian lens is known to be published",
    );
}

#[test]
fn a_lens_is_named_by_its_path_in_a_repository() {
    let bench = Bench::new();
    let published = bench.json(&["--lens", "jacobian"]);
    let named = bench.json(&["--lens", &format!("jacobian={JACOBIAN}/{FILE}")]);
    assert_eq!(named["topk_ids"], published["topk_ids"]);
    let missing = bench.run(&["--lens", &format!("jacobian={JACOBIAN}/nothing/there.pt"), "-q"]);
    assert_fails(&missing, 1, "has no nothing/there.pt");
    for odd in ["a/b/../c.pt", "a/b//c.pt", "../b/c.pt", "a/b/~/c.pt"] {
        let run = bench.run(&["--lens", &format!("jacobian={odd}"), "-q"]);
        assert_fails(&run, 1, "There is no file or directory");
    }
}

#[test]
fn a_lens_is_named_as_a_document_names_it() {
    let bench = Bench::new();
    let document = bench.json(&["--lens", "tuned,jacobian"]);
    // The branch has gone on, and lenses are read where they are known to be.
    bench
        .hub
        .commit(JACOBIAN, "main", &"44".repeat(20), &Files::new());
    for meta in document["meta"]["lenses"].as_array().unwrap() {
        let text = |key: &str| meta[key].as_str().unwrap();
        let (kind, artefact, revision) = (text("lens"), text("artefact"), text("revision"));
        let repository = artefact.trim_start_matches("spaces/");
        let name_end = repository.match_indices('/').nth(1).unwrap().0 + artefact.len() - repository.len();
        let at = format!("{}@{revision}{}", &artefact[..name_end], &artefact[name_end..]);
        for named in [artefact, &at] {
            let again = bench.json(&["--lens", &format!("{kind}={named}"), "--update"]);
            assert_eq!(again["meta"]["lenses"][0]["artefact"], artefact);
            assert_eq!(again["meta"]["lenses"][0]["revision"], revision);
            assert_eq!(again["meta"]["lenses"][0]["sha256"], meta["sha256"]);
        }
    }
}

#[test]
fn a_lens_by_its_second_name_is_found_offline() {
    let bench = Bench::new();
    let path = fixture("lenses").join("gpt2/jacobian.pt");
    let name = FILE.replace(".pt", "_n1000.pt");
    let files: Files = [(name.clone(), content(&path, true))].into();
    bench.hub.commit(JACOBIAN, "main", PINNED, &files);
    let document = bench.json(&["--lens", "jacobian"]);
    assert_eq!(
        document["meta"]["lenses"][0]["artefact"],
        format!("{JACOBIAN}/{name}")
    );
    let again = bench.json(&["--lens", "jacobian", "--offline"]);
    assert_eq!(again["topk_ids"], document["topk_ids"]);
}

#[test]
fn what_describes_a_safetensors_lens_comes_with_it() {
    let bench = Bench::new();
    let of_gpt2 = |file: &str| fixture("lenses").join("gpt2").join(file);
    let files: Files = [
        (
            "a/mlx.safetensors".to_string(),
            content(&of_gpt2("mlx.safetensors"), true),
        ),
        ("a/mlx.json".to_string(), content(&of_gpt2("mlx.json"), false)),
        (
            "b/mlx.safetensors".to_string(),
            content(&of_gpt2("mlx.safetensors"), true),
        ),
    ]
    .into();
    bench
        .hub
        .commit("someone/lenses", "main", &"55".repeat(20), &files);
    for more in [&[][..], &["--offline"]] {
        let read = |folder: &str| {
            let lens = format!("jacobian=someone/lenses/{folder}/mlx.safetensors");
            bench.json(&[&["--lens", lens.as_str()][..], more].concat())
        };
        assert_eq!(read("a")["meta"]["lenses"][0]["fitted_on"]["model"], "gpt2");
        assert!(read("b")["meta"]["lenses"][0]["fitted_on"]["model"].is_null());
    }
}

/// The space's config.json of gpt2 names an older commit of the model.
#[test]
fn a_published_lens_of_another_revision_is_read_with_a_note() {
    let bench = Bench::new();
    let of_gpt2 = |file: &str| content(&fixture("lenses").join("gpt2/tuned").join(file), false);
    let mut config: serde_json::Value = serde_json::from_slice(&of_gpt2("config.json").bytes).unwrap();
    config["base_model_revision"] = "e7da7f221d5bf496a48136c0cd264e630fe9fcc8".into();
    let config = Content {
        bytes: config.to_string().into_bytes(),
        large: false,
    };
    let files: Files = [
        ("lens/gpt2/params.pt".to_string(), of_gpt2("params.pt")),
        ("lens/gpt2/config.json".to_string(), config),
    ]
    .into();
    bench.hub.commit(SPACE, "main", &"66".repeat(20), &files);
    let run = bench.run(&["--lens", "tuned"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.stderr.contains("e7da7f22") && run.stderr.contains("may differ"),
        "{run:?}"
    );
    let named = bench.run(&["--lens", &format!("tuned={SPACE}/lens/gpt2"), "-q"]);
    assert_fails(&named, 2, "e7da7f22");
}

#[test]
fn a_lens_that_arrives_damaged_is_not_read() {
    use crate::server::Fault;
    let bench = Bench::new();
    bench.json(&[]);
    bench.hub.faults(&[Fault::Garbage, Fault::Garbage]);
    let run = bench.run(&["--lens", "jacobian", "-q"]);
    assert_fails(&run, 1, "arrived damaged");
}
