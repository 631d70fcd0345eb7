//! The settings that come from environment variables, and a model from the hub all the way to its
//! table: the binary, in an environment of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::bench::{Bench, ID, real};

/// Runs `lens` on the hub's model with these variables and no others of the hub's.
fn run(bench: &Bench, variables: &[(&str, &str)]) -> Output {
    command(bench, variables).output().unwrap()
}

pub fn command(bench: &Bench, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lens"));
    command.args(["The Eiffel Tower is in the city of", "--model", ID, "--json"]);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("HF_")
            || name.starts_with("HUGGINGFACE_")
            || name.to_lowercase().ends_with("_proxy")
        {
            command.env_remove(&*name);
        }
    }
    command
        .env("HF_HOME", bench.dir.path())
        .env("HF_ENDPOINT", &bench.hub.endpoint);
    command.envs(variables.iter().copied());
    command
}

/// The run found the model and read it.
pub fn assert_found(output: &Output) {
    assert!(output.status.success(), "{output:?}");
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["meta"]["model"], ID);
    assert_eq!(document["meta"]["revision"], crate::bench::OLD);
    assert!(output.stderr.is_empty(), "{output:?}");
}

fn has_weights(cache: &Path) -> bool {
    let snapshot = cache
        .join("models--someone--tiny/snapshots")
        .join(crate::bench::OLD);
    snapshot.join("model.safetensors").exists()
}

fn tokens_sent(bench: &Bench) -> Vec<String> {
    let requests = bench.hub.requests();
    let mut tokens: Vec<_> = requests
        .iter()
        .filter_map(|r| r.header("authorization"))
        .map(str::to_string)
        .collect();
    tokens.dedup();
    tokens
}

#[test]
fn the_endpoint_and_the_cache() {
    let bench = Bench::with(&real());
    assert_found(&run(&bench, &[]));
    assert!(has_weights(&bench.dir.path().join("hub")));
    assert!(tokens_sent(&bench).is_empty());

    let elsewhere = bench.dir.path().join("elsewhere");
    assert_found(&run(&bench, &[("HF_HUB_CACHE", elsewhere.to_str().unwrap())]));
    assert!(has_weights(&elsewhere));
}

#[test]
fn the_token_and_its_file() {
    let bench = Bench::with(&real());
    fs::write(bench.dir.path().join("token"), "hf_filed\n").unwrap();
    let fresh = |name: &str| bench.dir.path().join(name).to_str().unwrap().to_string();

    assert_found(&run(&bench, &[("HF_HUB_CACHE", &fresh("a"))]));
    assert_eq!(tokens_sent(&bench), ["Bearer hf_filed"]);
    assert_found(&run(
        &bench,
        &[("HF_HUB_CACHE", &fresh("b")), ("HF_TOKEN", "hf_given")],
    ));
    assert_eq!(tokens_sent(&bench), ["Bearer hf_given"]);
}

/// As in Python, which shares the cache.
#[cfg(unix)]
#[test]
fn a_home_directory_and_variables_stand_for_themselves() {
    let bench = Bench::with(&real());
    let home = bench.dir.path().join("home");
    let with = |name: &str, value: &str| {
        let variables = [("HOME", home.to_str().unwrap()), ("PART", "part"), (name, value)];
        assert_found(
            &command(&bench, &variables)
                .current_dir(bench.dir.path())
                .output()
                .unwrap(),
        );
    };
    fs::create_dir(&home).unwrap();
    with("HF_HOME", "~/a");
    assert!(has_weights(&home.join("a/hub")));
    with("HF_HOME", "$HOME/b/${PART}");
    assert!(has_weights(&home.join("b/part/hub")));
    with("HF_HUB_CACHE", "~/$PART");
    assert!(has_weights(&home.join("part")));
    with("HF_HUB_CACHE", "$UNSET_OF_LENS/c");
    assert!(has_weights(&bench.dir.path().join("$UNSET_OF_LENS/c")));
    assert!(!bench.dir.path().join("~").exists());
    bench.hub.requests();
    fs::write(home.join("secret"), "hf_elsewhere").unwrap();
    let variables = [("HOME", home.to_str().unwrap()), ("HF_TOKEN_PATH", "~/secret")];
    assert_found(&run(&bench, &variables));
    assert_eq!(tokens_sent(&bench), ["Bearer hf_elsewhere"]);
}

#[test]
fn the_token_is_kept_back_where_that_is_asked_for() {
    let fresh = |switch: &str| {
        let bench = Bench::with(&real());
        assert_found(&run(
            &bench,
            &[
                ("HF_TOKEN", "hf_given"),
                ("HF_HUB_DISABLE_IMPLICIT_TOKEN", switch),
            ],
        ));
        tokens_sent(&bench)
    };
    for yes in ["1", "true", "YES", "on"] {
        assert!(fresh(yes).is_empty(), "{yes}");
    }
    for no in ["0", "false", "no", "", "2"] {
        assert_eq!(fresh(no), ["Bearer hf_given"], "{no}");
    }
}

/// A name and a password in the hub's address are for the hub alone, in place of a token.
#[test]
fn a_password_in_the_address() {
    let bench = Bench::with(&real());
    let address = bench.hub.endpoint.replace("http://", "http://user:hunter2@");
    let variables = [("HF_ENDPOINT", address.as_str()), ("HF_TOKEN", "hf_given")];
    assert_found(&run(&bench, &variables));
    for request in bench.hub.requests() {
        let expected = (!request.storage).then_some("Basic dXNlcjpodW50ZXIy");
        assert_eq!(request.header("authorization"), expected, "{request:?}");
    }
    for address in [
        "http://user:hunter2@127.0.0.1:9",
        "http://user:hunter2@[bad",
        "ftp://user:hunter2@host",
        "user:hunter2@host",
    ] {
        let cache = bench.dir.path().join("none");
        let variables = [
            ("HF_ENDPOINT", address),
            ("HF_HUB_CACHE", cache.to_str().unwrap()),
        ];
        let output = run(&bench, &variables);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.starts_with("error: ") && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn offline() {
    let bench = Bench::with(&real());
    for yes in ["1", "true", "YES", "On"] {
        let output = run(&bench, &[("HF_HUB_OFFLINE", yes)]);
        assert_eq!(output.status.code(), Some(1));
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("lens is offline"),
            "{output:?}"
        );
    }
    assert!(bench.hub.requests().is_empty());
    assert_found(&run(&bench, &[("HF_HUB_OFFLINE", "0")]));
    bench.hub.requests();
    assert_found(&run(&bench, &[("HF_HUB_OFFLINE", "1")]));
    assert_found(&run(&bench, &[]));
    assert!(bench.hub.requests().is_empty(), "a cached model costs no request");
}

/// The cache is read without a client, which could not even be made here.
#[test]
fn a_cached_model_needs_no_certificates() {
    let bench = Bench::with(&real());
    assert_found(&run(&bench, &[]));
    let none = [
        ("SSL_CERT_FILE", "/nonexistent"),
        ("SSL_CERT_DIR", "/nonexistent"),
    ];
    assert_found(&run(&bench, &none));
}
