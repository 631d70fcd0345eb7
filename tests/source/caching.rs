//! What the cache saves, and when it does not.

use std::fs;
use std::net::TcpListener;

use logit_lens::source::{HubOptions, TokenizerFiles, locate};

use crate::bench::{Bench, ID, NEW, OLD, large, plain, small, weights, write_python_cache};

/// An address where nobody listens.
fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn update(bench: &Bench) -> HubOptions {
    HubOptions {
        update: true,
        ..bench.options()
    }
}

fn offline(bench: &Bench) -> HubOptions {
    HubOptions {
        offline: true,
        ..bench.options()
    }
}

#[test]
fn a_second_run_makes_no_request() {
    let bench = Bench::new();
    let first = bench.locate().unwrap();
    assert!(!bench.hub.requests().is_empty());
    let second = bench.locate().unwrap();
    assert!(bench.hub.requests().is_empty());
    assert_eq!(first.weights, second.weights);
    assert_eq!(first.revision, second.revision);

    let third = locate(ID, &offline(&bench)).unwrap();
    assert!(bench.hub.requests().is_empty());
    assert_eq!(first.weights, third.weights);
}

#[test]
fn offline_and_not_cached_is_an_error_without_a_request() {
    let bench = Bench::new();
    let error = bench.refused(&offline(&bench));
    assert!(error.problem.contains("not in the cache"), "{error}");
    assert!(error.remedy.contains("without --offline"), "{error}");
    assert!(bench.hub.requests().is_empty());
    assert!(!bench.cache().exists());
}

#[test]
fn update_looks_for_a_new_commit() {
    let bench = Bench::new();
    bench.locate().unwrap();
    bench.hub.requests();

    assert_eq!(
        locate(ID, &update(&bench)).unwrap().revision.as_deref(),
        Some(OLD)
    );
    assert_eq!(bench.hub.requests().len(), 1);

    let mut newer = plain();
    newer.insert("config.json".into(), small("{\"newer\": true}"));
    bench.hub.commit(ID, "main", NEW, &newer);
    assert_eq!(bench.locate().unwrap().revision.as_deref(), Some(OLD));
    assert!(bench.hub.requests().is_empty());

    let model = locate(ID, &update(&bench)).unwrap();
    assert_eq!(model.revision.as_deref(), Some(NEW));
    assert_eq!(model.config.read().unwrap(), "{\"newer\": true}".as_bytes());
    assert_eq!(model.weights[0].read().unwrap(), weights().bytes);
    assert!(bench.hub.downloads().is_empty(), "the weights had not changed");
    assert_eq!(bench.locate().unwrap().revision.as_deref(), Some(NEW));
}

#[test]
fn update_without_a_network_makes_do_with_the_cache() {
    let bench = Bench::new();
    let cut_off = HubOptions {
        endpoint: Some(nowhere()),
        ..update(&bench)
    };
    let error = bench.refused(&cut_off);
    assert!(error.problem.contains("cannot be reached"), "{error}");
    assert!(error.remedy.contains("--offline"), "{error}");

    bench.locate().unwrap();
    assert_eq!(locate(ID, &cut_off).unwrap().revision.as_deref(), Some(OLD));
}

#[test]
fn what_python_downloaded_is_used() {
    let bench = Bench::new();
    let mut cached = plain();
    cached.retain(|name, _| name != "tokenizer.json" && name != "README.md");
    write_python_cache(&bench.folder(), NEW, &cached);

    let model = bench.locate().unwrap();
    assert!(bench.hub.requests().is_empty());
    assert_eq!(model.revision.as_deref(), Some(NEW));
    assert!(matches!(model.tokenizer, TokenizerFiles::VocabMerges { .. }));
}

#[test]
fn what_python_downloaded_under_the_short_name_is_used() {
    let bench = Bench::new();
    write_python_cache(&bench.cache().join("models--gpt2"), NEW, &plain());
    for id in ["gpt2", "openai-community/gpt2"] {
        let model = locate(id, &bench.options()).unwrap();
        assert_eq!(model.name, "openai-community/gpt2");
        assert_eq!(model.revision.as_deref(), Some(NEW));
    }
    assert!(bench.hub.requests().is_empty());
}

#[test]
fn what_is_missing_is_completed_at_the_cached_commit() {
    let bench = Bench::new();
    let mut cached = plain();
    cached.retain(|name, _| name == "config.json");
    write_python_cache(&bench.folder(), OLD, &cached);
    let mut newer = plain();
    newer.insert("model.safetensors".into(), large(9, 1000));
    bench.hub.commit(ID, "main", NEW, &newer);

    let model = bench.locate().unwrap();
    assert_eq!(model.revision.as_deref(), Some(OLD));
    assert_eq!(model.weights[0].read().unwrap(), weights().bytes);
}

#[test]
fn a_commit_that_the_hub_has_forgotten_is_replaced() {
    let bench = Bench::new();
    let mut cached = plain();
    cached.retain(|name, _| name == "config.json");
    write_python_cache(&bench.folder(), NEW, &cached);

    let model = bench.locate().unwrap();
    assert_eq!(model.revision.as_deref(), Some(OLD));
    assert_eq!(fs::read_to_string(bench.folder().join("refs/main")).unwrap(), OLD);
}

#[test]
fn offline_and_partly_cached_says_what_is_missing() {
    let bench = Bench::new();
    let mut cached = plain();
    cached.remove("model.safetensors");
    write_python_cache(&bench.folder(), OLD, &cached);
    let error = bench.refused(&offline(&bench));
    assert!(error.problem.contains("no model.safetensors"), "{error}");
}

#[test]
fn offline_and_an_unknown_commit_is_not_cached_at_all() {
    let bench = Bench::new();
    let error = bench.refused(&HubOptions {
        revision: Some(NEW.into()),
        ..offline(&bench)
    });
    assert!(
        error.problem.contains(NEW) && error.problem.contains("not in the cache"),
        "{error}"
    );
}
