//! What is downloaded, from where, and where it goes.

use std::fs;

use logit_lens::source::{HubOptions, TokenizerFiles, locate};

use crate::bench::{Bench, ID, NEW, OLD, files, large, plain, small, weights};

#[test]
fn a_model_is_downloaded_whole_and_nothing_else() {
    let bench = Bench::new();
    let model = bench.locate().unwrap();

    assert_eq!(model.name, ID);
    assert_eq!(model.revision.as_deref(), Some(OLD));
    assert_eq!(model.config.read().unwrap(), plain()["config.json"].bytes);
    let TokenizerFiles::Json(tokenizer) = &model.tokenizer else {
        panic!("{:?}", model.tokenizer);
    };
    assert_eq!(tokenizer.read().unwrap(), plain()["tokenizer.json"].bytes);
    assert_eq!(model.weights.len(), 1);
    assert_eq!(model.weights[0].read().unwrap(), weights().bytes);

    for request in bench.hub.requests().iter().filter(|r| !r.storage) {
        let name = request.path.rsplit('/').next().unwrap();
        assert!(
            [
                "config.json",
                "tokenizer.json",
                "tokenizer_config.json",
                "chat_template.jinja",
                "special_tokens_map.json",
                "added_tokens.json",
                "generation_config.json",
                "model.safetensors"
            ]
            .contains(&name),
            "{request:?}"
        );
    }
}

#[test]
fn the_cache_has_the_layout_of_python() {
    let bench = Bench::new();
    let model = bench.locate().unwrap();
    let folder = bench.folder();

    assert_eq!(fs::read_to_string(folder.join("refs/main")).unwrap(), OLD);
    let snapshot = folder.join("snapshots").join(OLD);
    assert_eq!(model.config.path().unwrap(), snapshot.join("config.json"));
    for (name, content) in
        ["config.json", "tokenizer.json", "model.safetensors"].map(|n| (n, plain()[n].clone()))
    {
        let blob = folder.join("blobs").join(content.etag());
        assert_eq!(fs::read(&blob).unwrap(), content.bytes);
        #[cfg(unix)]
        assert_eq!(
            fs::read_link(snapshot.join(name)).unwrap(),
            std::path::Path::new("../../blobs").join(content.etag())
        );
    }
    assert_eq!(fs::read_dir(folder.join("blobs")).unwrap().count(), 3);
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        3,
        "something was left over"
    );
}

/// What was downloaded is where hf-hub looks for it.
#[test]
fn the_cache_is_one_that_hf_hub_reads() {
    let bench = Bench::new();
    let model = bench.locate().unwrap();
    let repository = hf_hub::Cache::new(bench.cache()).model(ID.to_string());
    let path = repository.get("model.safetensors").unwrap();
    assert_eq!(model.weights[0].path(), Some(path.as_path()));
}

#[test]
fn the_token_goes_to_the_hub_and_not_to_the_storage() {
    let bench = Bench::new();
    let options = HubOptions {
        token: Some("hf_secret".into()),
        ..bench.options()
    };
    locate(ID, &options).unwrap();
    let requests = bench.hub.requests();
    assert!(requests.iter().any(|r| r.storage));
    for request in requests {
        let expected = (!request.storage).then_some("Bearer hf_secret");
        assert_eq!(request.header("authorization"), expected, "{request:?}");
    }
    assert!(!format!("{options:?}").contains("hf_secret"));
}

#[test]
fn shards_are_found_through_their_index() {
    let index = r#"{"weight_map": {"b": "model-00002-of-00002.safetensors", "a": "model-00001-of-00002.safetensors"}}"#;
    let shards = [large(3, 300_000), large(4, 200_000)];
    let bench = Bench::with(&files([
        ("config.json", small("{}")),
        ("tokenizer.json", small("{}")),
        ("model.safetensors.index.json", small(index)),
        ("model-00001-of-00002.safetensors", shards[0].clone()),
        ("model-00002-of-00002.safetensors", shards[1].clone()),
        ("pytorch_model-00001-of-00001.bin", large(5, 1000)),
    ]));
    let model = bench.locate().unwrap();
    let read: Vec<_> = model.weights.iter().map(|asset| asset.read().unwrap()).collect();
    assert_eq!(read, shards.map(|shard| shard.bytes));
    assert!(bench.hub.requests().iter().all(|r| !r.path.ends_with(".bin")));

    bench.locate().unwrap();
    assert!(bench.hub.requests().is_empty());
}

#[test]
fn an_index_cannot_lead_out_of_the_model() {
    let index = r#"{"weight_map": {"a": "../../../outside.safetensors"}}"#;
    let bench = Bench::with(&files([
        ("config.json", small("{}")),
        ("tokenizer.json", small("{}")),
        ("model.safetensors.index.json", small(index)),
    ]));
    let error = bench.refused(&bench.options());
    assert!(error.problem.contains("outside.safetensors"), "{error}");
}

#[test]
fn vocab_and_merges_stand_in_for_a_tokenizer() {
    let mut without = plain();
    without.remove("tokenizer.json");
    let bench = Bench::with(&without);
    let model = bench.locate().unwrap();
    let TokenizerFiles::VocabMerges { vocab, merges } = &model.tokenizer else {
        panic!("{:?}", model.tokenizer);
    };
    assert_eq!(fs::read(vocab).unwrap(), plain()["vocab.json"].bytes);
    assert_eq!(fs::read(merges).unwrap(), plain()["merges.txt"].bytes);

    bench.hub.requests();
    bench.locate().unwrap();
    assert!(bench.hub.requests().is_empty());
}

#[test]
fn a_revision_is_a_branch_a_tag_or_a_commit() {
    let mut other = plain();
    other.insert("config.json".into(), small("{\"other\": true}"));
    let bench = Bench::new();
    bench.hub.commit(ID, "refs/pr/1", NEW, &other);
    bench.hub.commit(ID, "v1.0", NEW, &other);
    bench.hub.commit(ID, "feature/x", NEW, &other);
    for revision in ["refs/pr/1", "v1.0", "feature/x", NEW] {
        let options = HubOptions {
            revision: Some(revision.into()),
            ..bench.options()
        };
        let model = locate(ID, &options).unwrap();
        assert_eq!(model.revision.as_deref(), Some(NEW));
        assert_eq!(model.config.read().unwrap(), "{\"other\": true}".as_bytes());

        bench.hub.requests();
        locate(ID, &options).unwrap();
        assert!(bench.hub.requests().is_empty(), "{revision}");
    }
    let refs = bench.folder().join("refs");
    assert_eq!(fs::read_to_string(refs.join("refs/pr/1")).unwrap(), NEW);
    assert_eq!(fs::read_to_string(refs.join("feature/x")).unwrap(), NEW);
    assert!(!refs.join(NEW).exists());
    assert_eq!(bench.locate().unwrap().revision.as_deref(), Some(OLD));
}

#[test]
fn two_at_once_download_once() {
    let bench = Bench::new();
    bench.hub.faults(&[crate::server::Fault::Slow]);
    std::thread::scope(|scope| {
        let both = [(); 2].map(|()| scope.spawn(|| bench.locate().unwrap()));
        for model in both {
            let model = model.join().unwrap();
            assert_eq!(model.weights[0].read().unwrap(), weights().bytes);
        }
    });
    assert_eq!(bench.hub.downloads().len(), 1);
}

#[test]
fn a_renamed_model_is_followed() {
    let bench = Bench::new();
    bench
        .hub
        .repository("someone/small", |old| old.moved = Some(ID.into()));
    let options = HubOptions {
        token: Some("hf_secret".into()),
        ..bench.options()
    };
    let model = locate("someone/small", &options).unwrap();
    assert_eq!(model.weights[0].read().unwrap(), weights().bytes);
    assert!(
        model
            .config
            .path()
            .unwrap()
            .starts_with(bench.cache().join("models--someone--small"))
    );
}
