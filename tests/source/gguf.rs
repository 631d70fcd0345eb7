//! Models in GGUF on the hub: which file a name means, and where it goes.

use std::fs;
use std::path::Path;

use logit_lens::error::{Error, Kind};
use logit_lens::source::{HubOptions, ModelFiles, locate};

use crate::bench::{Bench, ID, NEW, OLD, files, large, plain, small};
use crate::server::{Content, Files};
use crate::wire::Response;

/// A model that can be read.
fn quantised() -> Content {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/gguf/llama.gguf");
    Content {
        bytes: fs::read(path).unwrap(),
        large: true,
    }
}

/// A repository as they are on the hub: the same model in several types, and what belongs to none.
fn repository() -> Files {
    files([
        ("README.md", small("# Tiny")),
        ("tiny-Q4_K_M.gguf", quantised()),
        ("tiny-Q8_0.gguf", large(7, 2000)),
        ("mmproj-F16.gguf", large(8, 2000)),
    ])
}

fn of(bench: &Bench, kind: &str, options: &HubOptions) -> Result<ModelFiles, Error> {
    let model = locate(&format!("{ID}:{kind}"), options);
    bench.hub.requests();
    model
}

fn offline(bench: &Bench) -> HubOptions {
    HubOptions {
        offline: true,
        ..bench.options()
    }
}

#[test]
fn the_file_of_a_type_is_downloaded_and_no_other() {
    let bench = Bench::with(&repository());
    let model = locate(&format!("{ID}:Q4_K_M"), &bench.options()).unwrap();
    assert_eq!(model.name, format!("{ID}:Q4_K_M"));
    assert_eq!(model.revision.as_deref(), Some(OLD));
    assert_eq!(model.weights.len(), 1);
    assert_eq!(model.weights[0].read().unwrap(), quantised().bytes);
    let path = bench
        .folder()
        .join("snapshots")
        .join(OLD)
        .join("tiny-Q4_K_M.gguf");
    assert_eq!(model.weights[0].path(), Some(path.as_path()));
    assert_eq!(fs::read_to_string(bench.folder().join("refs/main")).unwrap(), OLD);
    assert_eq!(bench.hub.downloads().len(), 1);

    // Then it is there, with the hub and without.
    for options in [bench.options(), offline(&bench)] {
        let cached = locate(&format!("{ID}:q4_k_m"), &options).unwrap();
        assert_eq!(cached.weights[0].path(), Some(path.as_path()));
        assert!(bench.hub.requests().is_empty());
    }
}

#[test]
fn all_parts_of_a_split_one_are_downloaded() {
    let parts = [
        "BF16/tiny-BF16-00001-of-00002.gguf",
        "BF16/tiny-BF16-00002-of-00002.gguf",
    ];
    let mut files = repository();
    // The second part is no GGUF, which is found when all are there.
    files.insert(parts[0].to_string(), quantised());
    files.insert(parts[1].to_string(), large(9, 3000));
    let bench = Bench::with(&files);
    let error = of(&bench, "BF16", &bench.options()).unwrap_err();
    assert!(error.problem.contains("00002-of-00002.gguf"), "{error}");
    for part in parts {
        let path = bench.folder().join("snapshots").join(OLD).join(part);
        assert_eq!(fs::read(path).unwrap(), files[part].bytes);
    }
}

#[test]
fn without_a_type_those_there_are_listed() {
    let bench = Bench::with(&repository());
    let error = bench.refused(&bench.options());
    assert_eq!(error.kind, Kind::Usage);
    assert!(error.problem.contains("Q4_K_M, Q8_0."), "{error}");
    assert!(!error.problem.contains("mmproj"), "{error}");
    assert!(error.remedy.contains(&format!("{ID}:Q4_K_M")), "{error}");
    // A repository that has both is read as it always was.
    let mut both = repository();
    both.extend(plain());
    let bench = Bench::with(&both);
    assert!(bench.locate().is_ok());
    assert_eq!(bench.hub.downloads().len(), 1);
}

#[test]
fn a_type_that_is_not_there_is_refused_with_those_that_are() {
    let bench = Bench::with(&repository());
    let error = of(&bench, "Q5_K_M", &bench.options()).unwrap_err();
    assert!(error.problem.contains("Q5_K_M"), "{error}");
    assert!(error.remedy.contains("Q4_K_M, Q8_0"), "{error}");
    assert!(of(&bench, "Q4_K_M", &bench.options()).is_ok());
    let error = bench.refused(&offline(&bench));
    assert!(error.problem.contains("in GGUF files: Q4_K_M."), "{error}");
    let error = of(&bench, "Q8_0", &offline(&bench)).unwrap_err();
    assert!(error.problem.contains("no GGUF file of the type Q8_0"), "{error}");

    let bench = Bench::new();
    let error = of(&bench, "Q4_K_M", &bench.options()).unwrap_err();
    assert!(error.problem.contains("no GGUF files"), "{error}");
    let error = of(&bench, "Q4_K_M!", &bench.options()).unwrap_err();
    assert_eq!(error.kind, Kind::Usage);
    // A path, which is not there.
    assert!(of(&bench, "../x", &bench.options()).is_err());
}

#[test]
fn an_update_takes_the_newer_file() {
    let bench = Bench::with(&repository());
    of(&bench, "Q4_K_M", &bench.options()).unwrap();
    bench.hub.commit(ID, "main", NEW, &repository());
    let update = HubOptions {
        update: true,
        ..bench.options()
    };
    assert_eq!(
        of(&bench, "Q4_K_M", &bench.options())
            .unwrap()
            .revision
            .as_deref(),
        Some(OLD)
    );
    assert_eq!(
        of(&bench, "Q4_K_M", &update).unwrap().revision.as_deref(),
        Some(NEW)
    );
}

/// Names that lead elsewhere are no files of the model, and a list that is none is an error.
#[test]
fn a_list_of_files_is_not_believed() {
    let meddled = |body: &'static str| {
        let bench = Bench::with(&repository());
        bench.hub.meddle(Box::new(move |_, request| {
            let is_list = request.path.starts_with("/api/");
            is_list.then(|| Response::new(200, body.as_bytes().to_vec()))
        }));
        let error = of(&bench, "Q4_K_M", &bench.options()).unwrap_err();
        for sentence in [&error.problem, &error.remedy] {
            assert!(
                sentence.ends_with('.') && !sentence.contains('\n'),
                "{sentence:?}"
            );
        }
        assert!(!bench.folder().join("blobs").exists(), "{body}");
        error.problem
    };
    let sha = "\"sha\": \"1111111111111111111111111111111111111111\"";
    for name in [
        "../../../tiny-Q4_K_M.gguf",
        "/tiny-Q4_K_M.gguf",
        "a\\\\..\\\\tiny-Q4_K_M.gguf",
        "a//tiny-Q4_K_M.gguf",
    ] {
        let body = format!("{{{sha}, \"siblings\": [{{\"rfilename\": \"{name}\"}}]}}");
        assert!(meddled(body.leak()).contains("no GGUF files"), "{name}");
    }
    // One that the hub lists and has not.
    let body = format!("{{{sha}, \"siblings\": [{{\"rfilename\": \"other-Q4_K_M.gguf\"}}]}}");
    assert!(meddled(body.leak()).contains("other-Q4_K_M.gguf"));
    for body in ["", "[]", "{}", "{\"sha\": \"../..\", \"siblings\": []}", "<html>"] {
        assert!(meddled(body).contains("does not understand"), "{body}");
    }
}
