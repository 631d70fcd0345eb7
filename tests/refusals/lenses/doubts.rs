//! Lenses of another model or revision, and what is said where that cannot be known.

use logit_lens::readout::lenses::{LensChoice, Subject};
use logit_lens::source::HubOptions;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::written::{Pickle, file, identity, write};
use super::{jacobian, of_gpt2, tuned};
use crate::assert_refused;
use crate::support::{fixture, load};

#[test]
fn a_lens_of_another_model_is_refused_and_what_cannot_be_known_is_said() {
    let model = load("gpt2");
    let hub = |name: &'static str, revision: &'static str| Subject {
        name,
        revision: Some(revision),
        decoder: &model.decoder,
    };
    let commit = "11e7e1f0b5dd4fd9bd5ba0a4b2a1a5a4f3b9e5c2";
    let load = |file: &str, subject: Subject| {
        LensChoice::Jacobian(Some(of_gpt2(file).display().to_string())).load(&subject, &HubOptions::default())
    };
    assert!(
        load("provenance.pt", hub("openai-community/gpt2", commit))
            .unwrap()
            .doubts()
            .is_empty()
    );
    let other = load("provenance.pt", hub("openai-community/gpt2-xl", commit));
    assert_refused(
        other,
        &["fitted on gpt2", "openai-community/gpt2-xl"],
        "another model",
    );
    let unknown = load("jacobian.pt", hub("openai-community/gpt2", commit)).unwrap();
    assert!(
        unknown.doubts()[0].contains("does not say which model"),
        "{:?}",
        unknown.doubts()
    );
    for (name, is_said) in [("./a-finetune", true), ("models/gpt2", false)] {
        let local = Subject {
            name,
            revision: None,
            decoder: &model.decoder,
        };
        let doubts = load("provenance.pt", local).unwrap().doubts().to_vec();
        let said = doubts.iter().any(|doubt| doubt.contains("cannot be known"));
        assert_eq!(said, is_said, "{name}: {doubts:?}");
    }
    assert_refused(
        load("provenance.pt", hub("someone/gpt2", commit)),
        &["fitted on gpt2", "someone/gpt2"],
        "another owner",
    );
}

/// Lenses that say which revision of gpt2 they were fitted on, under a model at `commit`.
#[test]
fn another_revision_is_refused_and_one_that_is_no_commit_is_said() {
    let model = load("gpt2");
    let commit = "11e7e1f0b5dd4fd9bd5ba0a4b2a1a5a4f3b9e5c2";
    let subject = Subject {
        name: "openai-community/gpt2",
        revision: Some(commit),
        decoder: &model.decoder,
    };
    let folder = TempDir::new().unwrap();
    let read = |facts: &[(&str, Value)]| {
        let path = write(
            &folder,
            "a.pt",
            &file(&Pickle::jacobian(facts, &[0, 1], 12), &identity()),
        );
        LensChoice::Jacobian(Some(path.display().to_string())).load(&subject, &HubOptions::default())
    };
    let of = |revision: &str| read(&[("model_name", json!("gpt2")), ("model_revision", json!(revision))]);
    for same in [commit, &commit.to_uppercase(), "main"] {
        let doubts = of(same).unwrap().doubts().to_vec();
        assert!(doubts.is_empty(), "{doubts:?}");
    }
    let other = "e7da7f221d5bf496a48136c0cd264e630fe9fcc8";
    assert_refused(of(other), &["e7da7f22", "11e7e1f0"], "another commit");
    let doubts = of("step3000").unwrap().doubts().to_vec();
    assert!(
        doubts.len() == 1 && doubts[0].contains("step3000") && doubts[0].contains("cannot be known"),
        "{doubts:?}"
    );
    // A model of the same name, of which it is not said whose it is.
    let doubts = LensChoice::Jacobian(Some({
        let facts = [("model_name", json!("pythia"))];
        let bytes = file(&Pickle::jacobian(&facts, &[0, 1], 12), &identity());
        write(&folder, "b.pt", &bytes).display().to_string()
    }))
    .load(
        &Subject {
            name: "someone/pythia",
            ..subject
        },
        &HubOptions::default(),
    );
    let doubts = doubts.unwrap().doubts().to_vec();
    assert!(
        doubts.len() == 1 && doubts[0].contains("someone/pythia"),
        "{doubts:?}"
    );
}

/// A manifest describes the one lens that lies beside it, or those that it names.
#[test]
fn a_manifest_of_other_lenses_is_not_believed() {
    let model = load("gpt2");
    let folder = TempDir::new().unwrap();
    let bytes = std::fs::read(of_gpt2("jacobian.pt")).unwrap();
    let path = write(&folder, "a.pt", &bytes);
    let prompts = || {
        let lens = jacobian(&model, &path).unwrap();
        lens.artefact().unwrap().fitted.dataset.clone()
    };
    write(&folder, "manifest.json", br#"{"dataset": "c4", "file": "b.pt"}"#);
    assert_eq!(prompts().as_deref(), Some("c4"), "it is alone");
    write(&folder, "b.pt", &bytes);
    assert_eq!(prompts(), None, "the manifest is about b.pt");
    write(&folder, "manifest.json", br#"{"dataset": "c4", "file": "a.pt"}"#);
    assert_eq!(prompts().as_deref(), Some("c4"));
    write(&folder, "a.json", br#"{"dataset": "pile"}"#);
    assert_eq!(prompts().as_deref(), Some("pile"), "its own goes first");
}

#[test]
fn an_unembedding_that_is_not_the_fitted_one_is_said() {
    for name in ["gpt2", "gemma2", "gpt-neox"] {
        let model = load(name);
        let lens = tuned(&model, &fixture("lenses").join(name).join("tuned")).unwrap();
        assert!(lens.doubts().is_empty(), "{name}: {:?}", lens.doubts());
    }
    let model = load("gpt2");
    let folder = TempDir::new().unwrap();
    std::fs::copy(of_gpt2("tuned/params.pt"), folder.path().join("params.pt")).unwrap();
    // The second is how older files spell it.
    for key in ["unembed_hash", "unemebd_hash"] {
        let config = json!({"base_model_name_or_path": "gpt2", "lens_type": "linear_tuned_lens", key: "ab".repeat(32)});
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        let lens = tuned(&model, folder.path()).unwrap();
        let said = lens
            .doubts()
            .iter()
            .filter(|doubt| doubt.contains("another unembedding"));
        assert_eq!(said.count(), 1, "{:?}", lens.doubts());
    }
}

#[test]
fn early_positions_and_prompts_without_bos_are_doubtful_under_a_jacobian_lens() {
    let model = load("gpt2");
    let lens = |file: &str| jacobian(&model, &of_gpt2(file)).unwrap();
    assert_eq!(lens("jacobian.pt").doubts_of(&[16, 17], Some(true)).len(), 0);
    let early = lens("jacobian.pt").doubts_of(&[3, 20], Some(true));
    assert!(
        early.len() == 1 && early[0].to_string().contains("first 16 positions"),
        "{early:?}"
    );
    assert_eq!(lens("metadata.pt").doubts_of(&[4], Some(true)).len(), 0);
    let no_bos = lens("metadata.pt").doubts_of(&[4], Some(false));
    assert!(
        no_bos.len() == 1 && no_bos[0].to_string().contains("--bos always"),
        "{no_bos:?}"
    );
    assert_eq!(lens("metadata.pt").doubts_of(&[4], None).len(), 0);

    let folder = TempDir::new().unwrap();
    let path = write(&folder, "a.pt", &std::fs::read(of_gpt2("jacobian.pt")).unwrap());
    write(&folder, "manifest.json", br#"{"force_bos": false}"#);
    let fitted_without = jacobian(&model, &path).unwrap().doubts_of(&[20], Some(true));
    assert!(
        fitted_without[0].to_string().contains("--bos never"),
        "{fitted_without:?}"
    );
}
