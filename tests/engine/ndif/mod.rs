//! NDIF: refusals, keys, faults. What its numbers are is in the recordings.

mod results;

use std::time::Duration;

use crate::server::{Request, Response, Server};
use crate::{KEY, Run, assert_fails, run};

const MODEL: &str = "tests/fixtures/llama";
const ENV: &str =
    r#"{"python_version": "3.12.1", "packages": {"nnsight": "0.8.1", "transformers": "5.15.1"}}"#;

/// A server that speaks of one request, of which `about` says what it is asked about it.
fn server(about: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static) -> Server {
    Server::start(move |request| {
        about(request).unwrap_or_else(|| match request.path.as_str() {
            "/env" => Response::new(200, ENV),
            "/request" => Response::new(
                200,
                r#"{"id": "abc", "status": "RECEIVED", "description": "", "data": null}"#,
            ),
            _ => Response::new(404, r#"{"detail": "No response for request abc."}"#),
        })
    })
}

fn answering(path: &'static str, status: u16, body: &'static str) -> Server {
    server(move |request| (request.path == path).then(|| Response::new(status, body)))
}

fn ask(server: &Server) -> Run {
    ask_with(server, &[], None)
}

fn ask_with(server: &Server, more: &[&str], key: Option<(&str, &str)>) -> Run {
    let remote = format!("ndif+{}", server.address);
    run(
        &[&["--ids", "5,9", "-m", MODEL, "--remote", &remote], more].concat(),
        key,
    )
}

#[test]
fn a_server_of_another_version_is_refused_before_anything_is_sent() {
    for version in ["0.7.0", "0.9.0", "0.80.1", "1.0"] {
        let env: &'static str = ENV.replace("0.8.1", version).leak();
        let server = answering("/env", 200, env);
        assert_fails(
            &ask(&server),
            1,
            &format!("runs nnsight {version}, whose requests are not those of 0.8.x"),
        );
        assert!(server.requests().iter().all(|request| request.path == "/env"));
    }
    assert_fails(
        &ask(&answering("/env", 200, r#"{"packages": {}}"#)),
        1,
        "runs nnsight ,",
    );
}

#[test]
fn refusals_are_said() {
    for (path, status, body, problem) in [
        ("/env", 404, "", "refuses the request (status 404: no reason)"),
        ("/env", 200, "<html>", "does not understand"),
        ("/request", 401, r#"{"detail": "Missing key"}"#, "asks for a key"),
        ("/request", 403, r#"{"detail": "Missing key"}"#, "asks for a key"),
        ("/request", 429, "", "takes no more requests for now"),
        (
            "/request",
            422,
            r#"{"detail": "bad envelope"}"#,
            "(status 422: bad envelope)",
        ),
        (
            "/request",
            503,
            r#"{"detail": "no Ray"}"#,
            "failed (status 503: no Ray)",
        ),
        ("/request", 302, "", "to another address"),
        (
            "/request",
            200,
            r#"{"id": "../x", "status": "RECEIVED"}"#,
            "an id that is no name",
        ),
        ("/response/abc", 401, "", "asks for a key"),
        ("/response/abc", 200, "[]", "does not understand"),
    ] {
        let said = ask(&answering(path, status, body));
        assert_fails(&said, 1, problem.trim_start_matches("an "));
    }
    let refused = answering("/request", 403, r#"{"detail": "Invalid API key."}"#);
    let said = ask_with(&refused, &[], Some(("NDIF_API_KEY", KEY)));
    assert_fails(&said, 1, "does not accept the key (Invalid API key)");
}

#[test]
fn a_server_that_is_too_busy_is_asked_again() {
    let times = std::sync::atomic::AtomicUsize::new(0);
    let busy = server(move |request| {
        let is_first = || times.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 2;
        (request.path == "/request" && is_first()).then(|| Response::new(503, "busy"))
    });
    assert_fails(
        &ask_with(&busy, &["--timeout", "3"], None),
        1,
        "within 3 s: it is received",
    );
    let sent = busy
        .requests()
        .into_iter()
        .filter(|request| request.path == "/request");
    assert_eq!(sent.count(), 3);
}

/// A path of this machine says nothing there.
#[test]
fn the_public_service_is_asked_for_models_of_the_hub() {
    for model in [MODEL, "demo"] {
        let said = run(&["--ids", "5,9", "-m", model, "--remote", "ndif"], None);
        assert_fails(&said, 2, "NDIF knows a model by its name on the hub");
    }
    let named = answering("/request", 418, "");
    let remote = format!("ndif+{}#a%20b/c", named.address);
    assert_fails(
        &run(&["--ids", "5,9", "-m", MODEL, "--remote", &remote], None),
        1,
        "418",
    );
    let sent = named.requests().pop().unwrap();
    assert!(String::from_utf8_lossy(&sent.body).contains(r#"\"repo_id\": \"a b/c\""#));
}

#[test]
fn an_error_of_the_body_is_its_last_line() {
    let traceback = r#"{"id": "abc", "status": "ERROR", "data": null, "description":
        "Traceback (most recent call last):\n  File \"lens.py\", line 3\nRuntimeError: \u001b[31mout of memory\n\n"}"#;
    let said = ask(&answering("/response/abc", 200, traceback));
    assert_fails(
        &said,
        1,
        "could not run the request: RuntimeError: \\u{1b}[31mout of memory.",
    );
    assert!(!said.stderr.contains("Traceback") && !said.stderr.contains('\u{1b}'));
}

/// The key in nnsight's settings is for the server that nnsight would ask.
#[test]
fn nnsights_own_key_goes_to_no_server_that_the_command_line_names() {
    let settings = tempfile::TempDir::new().unwrap();
    std::fs::create_dir(settings.path().join("nnsight")).unwrap();
    let file = settings.path().join("nnsight/config.yaml");
    std::fs::write(file, format!("API:\n  APIKEY: {KEY}\n")).unwrap();
    let server = answering("/env", 404, "");
    let kept = Some(("XDG_CONFIG_HOME", settings.path().to_str().unwrap()));
    assert_fails(&ask_with(&server, &[], kept), 1, "status 404");
    assert_eq!(server.requests()[0].header("ndif-api-key"), None);
    let mut command = crate::support::lens();
    let args = ["--ids", "5", "-m", MODEL, "--remote", "ndif"];
    let asked = command
        .args(args)
        .env("NDIF_HOST", &server.address)
        .envs(kept)
        .env_remove("NDIF_API_KEY");
    let said: Run = asked.output().unwrap().into();
    assert_fails(&said, 1, "status 404");
    assert_eq!(server.requests()[1].header("ndif-api-key"), Some(KEY));
}

#[test]
fn a_request_that_stays_in_the_queue_is_given_up_in_time() {
    let queued = answering(
        "/response/abc",
        200,
        r#"{"id": "abc", "status": "QUEUED", "description": "3rd"}"#,
    );
    assert_fails(
        &ask_with(&queued, &["--timeout", "1"], None),
        1,
        "within 1 s: it is queued",
    );
    let slow = server(|request| {
        (request.path == "/env").then(|| Response {
            pause: Duration::from_secs(20),
            ..Response::new(200, ENV)
        })
    });
    assert_fails(
        &ask_with(&slow, &["--timeout", "1"], None),
        1,
        "no whole answer within 1 s",
    );
}

#[test]
fn what_ndif_cannot_give_is_wrong_usage() {
    let server = answering("/env", 200, ENV);
    for (more, problem) in [
        (&["--verify"][..], "--verify has no effect"),
        (&["--dtype", "bf16"], "--dtype has no effect"),
    ] {
        assert_fails(&ask_with(&server, more, None), 2, problem);
    }
    let fitted = ["--lens", "tuned=tests/fixtures/lenses/gpt2/tuned"];
    assert_fails(
        &ask_with(&server, &fitted, None),
        2,
        "through the logit lens alone",
    );
    let rows = ["-o", "rows.safetensors"];
    assert_fails(&ask_with(&server, &rows, None), 2, "needs the rows themselves");
    assert_eq!(server.requests().len(), 0);
    let remote = format!("ndif+{}", server.address);
    let compared = run(
        &["--compare", "a b", "c d", "-m", MODEL, "--remote", &remote],
        None,
    );
    assert_fails(&compared, 2, "a comparison or a .safetensors file needs the rows");
    let branches = run(
        &[
            "--ids",
            "5",
            "-m",
            "tests/fixtures/bloom",
            "--point",
            "attn_out",
            "--remote",
            &remote,
        ],
        None,
    );
    assert_fails(&branches, 2, "attention and MLP");
    assert!(server.requests().iter().all(|request| request.path == "/env"));
}
