//! What the hub refuses, and what a person reads then.

use logit_lens::error::Error;
use logit_lens::source::{HubOptions, locate};

use crate::bench::{Bench, ID, files, plain, small};
use crate::server::Refusal;

fn refused(refusal: Refusal, token: Option<&str>) -> Error {
    let bench = Bench::new();
    bench
        .hub
        .repository(ID, |repository| repository.refusal = Some(refusal));
    let error = bench.refused(&HubOptions {
        token: token.map(str::to_string),
        ..bench.options()
    });
    assert!(!bench.folder().join("refs").exists());
    error
}

#[test]
fn a_gated_model_names_the_licence_and_the_token() {
    for refusal in [
        (401, "GatedRepo", "Access to model is restricted."),
        (403, "GatedRepo", "Not in the list."),
    ] {
        let error = refused(refusal, Some("hf_secret"));
        assert!(error.problem.contains("someone/tiny is gated"), "{error}");
        assert!(
            error.remedy.contains("Accept the licence") && error.remedy.contains("HF_TOKEN"),
            "{error}"
        );
    }
    let error = refused(
        (403, "", "Enable access to public gated repositories."),
        Some("hf_secret"),
    );
    assert!(error.problem.contains("gated"), "{error}");
}

#[test]
fn a_bad_token_is_told_from_an_unknown_model() {
    let bad = refused(
        (401, "", "Invalid credentials in Authorization header"),
        Some("hf_secret"),
    );
    assert!(bad.problem.contains("does not accept this access token"), "{bad}");

    let unknown = refused((401, "RepoNotFound", "Repository not found"), None);
    assert!(unknown.problem.contains("no model someone/tiny"), "{unknown}");
    let unknown = refused((404, "RepoNotFound", "Repository not found"), Some("hf_secret"));
    assert!(unknown.problem.contains("no model someone/tiny"), "{unknown}");
}

#[test]
fn an_unsendable_token_is_not_shown() {
    let bench = Bench::new();
    let error = bench.refused(&HubOptions {
        token: Some("hf_secret\u{7f}\n\u{1}x".into()),
        ..bench.options()
    });
    assert!(error.problem.contains("token"), "{error}");
}

#[test]
fn a_misspelt_model_is_told_from_the_cached_one_that_was_meant() {
    let bench = Bench::new();
    bench.locate().unwrap();
    let offline = HubOptions {
        offline: true,
        ..bench.options()
    };
    for options in [bench.options(), offline] {
        let error = locate("someone/tiney", &options).unwrap_err();
        assert!(
            error.remedy.contains("id you mean someone/tiny, which is"),
            "{error}"
        );
        let error = locate("another/thing", &options).unwrap_err();
        assert!(!error.remedy.contains("you mean"), "{error}");
    }
}

#[test]
fn an_unknown_model_or_revision() {
    let bench = Bench::new();
    let error = locate("someone/else", &bench.options()).unwrap_err();
    assert!(error.problem.contains("no model someone/else"), "{error}");

    for revision in ["v9", "3333333333333333333333333333333333333333"] {
        let error = bench.refused(&HubOptions {
            revision: Some(revision.into()),
            ..bench.options()
        });
        assert!(
            error
                .problem
                .contains(&format!("someone/tiny has no revision {revision}")),
            "{error}"
        );
    }
    assert!(bench.hub.downloads().is_empty());
}

#[test]
fn a_name_that_cannot_be_an_id_makes_no_request() {
    let bench = Bench::new();
    for id in [
        "nobody",
        "some one/tiny",
        "someone/tiny?",
        "someone/..",
        "someone/a--b",
    ] {
        let error = locate(id, &bench.options()).unwrap_err();
        assert!(error.remedy.contains("openai-community/gpt2"), "{error}");
    }
    assert!(bench.hub.requests().is_empty());
}

#[test]
fn weights_in_another_format_only() {
    let mut pickled = plain();
    pickled.remove("model.safetensors");
    let bench = Bench::with(&pickled);
    let error = bench.refused(&bench.options());
    assert!(error.problem.contains("reads safetensors only"), "{error}");
    assert!(bench.hub.requests().iter().all(|r| !r.path.contains(".bin")));
}

#[test]
fn other_missing_files_are_named() {
    for (model, says) in [
        (files([("README.md", small("-"))]), "config.json"),
        (files([("config.json", small("{}"))]), "tokenizer.json"),
    ] {
        let bench = Bench::with(&model);
        let error = bench.refused(&bench.options());
        assert!(error.problem.contains(says), "{error}");
    }
}

#[test]
fn a_hub_that_is_busy_or_broken() {
    let busy = refused((429, "", "Too many requests"), None);
    assert!(busy.problem.contains("too many requests"), "{busy}");
    let broken = refused((500, "", "Internal"), None);
    assert!(broken.problem.contains("status 500"), "{broken}");
    let teapot = refused((418, "", ""), None);
    assert!(teapot.problem.contains("418"), "{teapot}");
}

#[test]
fn an_endpoint_that_is_no_hub() {
    let bench = Bench::new();
    for endpoint in [
        "huggingface.co",
        "not an address",
        "mailto:x@example.com",
        "ftp://example.com",
        "file:///etc",
    ] {
        let error = bench.refused(&HubOptions {
            endpoint: Some(endpoint.into()),
            ..bench.options()
        });
        assert!(error.problem.contains("HF_ENDPOINT"), "{error}");
        assert!(error.remedy.contains("setting"), "{error}");
        assert!(!error.problem.contains("token"), "{error}");
    }
}

/// A file in the place of the cache, as a stand-in for a disk that cannot be written.
#[test]
fn a_cache_that_cannot_be_written() {
    let bench = Bench::new();
    std::fs::write(bench.cache(), "a file").unwrap();
    let error = bench.refused(&bench.options());
    assert!(error.problem.contains("cannot be written"), "{error}");
    assert!(error.remedy.contains("HF_HUB_CACHE"), "{error}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk() {
    let bench = Bench::new();
    let blobs = bench.folder().join("blobs");
    std::fs::create_dir_all(&blobs).unwrap();
    let incomplete = format!("{}.incomplete", plain()["config.json"].etag());
    std::os::unix::fs::symlink("/dev/full", blobs.join(incomplete)).unwrap();
    let error = bench.refused(&bench.options());
    assert!(error.problem.contains("no space left"), "{error}");
}
