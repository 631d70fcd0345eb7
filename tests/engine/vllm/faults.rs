//! Servers that are not there, refuse, break off, or answer what is no answer.

use std::time::Duration;

use serde_json::{Value, json};

use super::fake::{Fake, Rows};
use super::{PROMPT, remote};
use crate::server::{Response, Server};
use crate::{KEY, Run, assert_fails, run};

fn ask(server: &Server) -> Run {
    run(&[PROMPT, "-m", "demo", "--remote", &remote(server)], None)
}

#[test]
fn a_server_that_is_not_there_is_said() {
    let said = run(
        &[PROMPT, "-m", "demo", "--remote", "vllm+http://127.0.0.1:9"],
        None,
    );
    assert_fails(&said, 1, "127.0.0.1:9 cannot be reached");
}

#[test]
fn a_server_without_the_plugin_is_said() {
    let server = Fake {
        instead: |request| {
            (request.path == "/v1/completions")
                .then(|| Response::new(200, r#"{"choices":[{"text":"a","logprobs":null}]}"#))
        },
        ..Fake::default()
    };
    assert_fails(&ask(&server.start()), 1, "gives no residual stream");
}

type Bend = fn(Rows) -> Option<Rows>;

#[test]
fn rows_that_are_not_what_was_asked_for_are_refused() {
    let bends: [(Bend, &str); 5] = [
        (|_| None, "gives no residual stream"),
        (
            |rows| {
                let [layers, tokens, hidden] = rows.shape;
                Some(Rows {
                    numbers: rows.numbers[..layers * (tokens - 4) * hidden].to_vec(),
                    shape: [layers, tokens - 4, hidden],
                })
            },
            "gave rows of 8 of a prompt's 12 tokens",
        ),
        (
            |rows| {
                let [layers, tokens, hidden] = rows.shape;
                Some(Rows {
                    numbers: rows.numbers[..tokens * hidden].to_vec(),
                    shape: [layers.min(1), tokens, hidden],
                })
            },
            "another number of layers",
        ),
        (
            |mut rows| {
                rows.numbers.pop();
                Some(rows)
            },
            "bytes and not",
        ),
        (
            |mut rows| {
                let middle = rows.numbers.len() / 2;
                rows.numbers[middle] = f32::NAN;
                Some(rows)
            },
            "stop being finite at layer 5",
        ),
    ];
    for (rows, problem) in bends {
        let server = Fake {
            rows,
            ..Fake::default()
        };
        assert_fails(&ask(&server.start()), 1, problem);
    }
}

/// An answer to a completion, changed.
fn changed(change: fn(&mut Value)) -> Server {
    let plain = Fake::default().start();
    let address = plain.address.trim_start_matches("http://").to_string();
    Server::start(move |request| {
        let mut response = forward(&address, request);
        if request.path == "/v1/completions" {
            let mut answer: Value = serde_json::from_slice(&response.body).unwrap();
            change(&mut answer);
            response.body = answer.to_string().into_bytes();
        }
        response
    })
}

fn forward(address: &str, request: &crate::server::Request) -> Response {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let head = format!(
        "{} {} HTTP/1.1\r\nContent-Length: {}\r\n\r\n",
        request.method,
        request.path,
        request.body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&request.body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    Response::new(200, answer[end + 4..].to_vec())
}

#[test]
fn answers_that_make_no_sense_are_refused() {
    type Change = fn(&mut Value);
    let changes: [(Change, &str); 8] = [
        (
            |answer| answer["activations"]["residual_stream"]["shape"][2] = json!(64),
            "its rows have 64 numbers, and those of this model 112",
        ),
        (|answer| answer["activations"] = json!(3), "does not understand"),
        (
            |answer| answer["activations"]["residual_stream"]["data"] = json!("no base64!"),
            "no base64",
        ),
        (
            |answer| answer["activations"]["residual_stream"]["data"] = json!("AAAA"),
            "no zstd",
        ),
        (
            |answer| answer["activations"]["residual_stream"]["dtype"] = json!("object"),
            "rows of the type object",
        ),
        (
            |answer| answer["activations"]["residual_stream"]["shape"] = json!([1, 2]),
            "rows of the shape [1, 2]",
        ),
        (
            |answer| {
                let stream = &mut answer["activations"]["residual_stream"];
                stream.as_object_mut().unwrap().remove("data");
                stream["handle"] = json!("../../elsewhere");
            },
            "a handle that is no name",
        ),
        (
            |answer| answer["choices"][0]["logprobs"]["tokens"] = json!(["token_id:99999"]),
            "a token that this model does not have",
        ),
    ];
    for (change, problem) in changes {
        assert_fails(&ask(&changed(change)), 1, problem);
    }
}

fn refusing(status: u16, body: &'static str) -> Server {
    Server::start(move |_| Response::new(status, body))
}

#[test]
fn refusals_are_said_in_the_servers_words_and_escaped() {
    for (status, body, problem) in [
        (500, "oh no", "failed (status 500: oh no)"),
        (
            503,
            r#"{"error":{"message":"Loading"}}"#,
            "failed (status 503: Loading)",
        ),
        (
            404,
            r#"{"detail":"Not Found"}"#,
            "refuses the request (status 404: Not Found)",
        ),
        (400, "\u{1b}[31mred", "\\u{1b}[31mred"),
        (302, "", "sends its requests on to another address"),
        (200, "<html>", "does not understand"),
    ] {
        let said = ask(&refusing(status, body));
        assert_fails(&said, 1, problem);
        assert!(!said.stderr.contains('\u{1b}'));
    }
}

#[test]
fn keys_are_asked_for_used_and_never_shown() {
    let server = Fake {
        key: Some(KEY),
        ..Fake::default()
    }
    .start();
    assert_fails(&ask(&server), 1, "asks for a key");
    let args = [PROMPT, "-m", "demo", "--remote", &remote(&server)];
    let wrong = run(&args, Some(("VLLM_API_KEY", "sk-wrong")));
    assert_fails(&wrong, 1, "does not accept the key in VLLM_API_KEY");
    assert_eq!(run(&args, Some(("VLLM_API_KEY", KEY))).code, Some(0));
    // One that has it says it in a refusal.
    let loud = refusing(400, "you said Bearer sk-0123-very-secret");
    let said = run(
        &[PROMPT, "-m", "demo", "--remote", &remote(&loud)],
        Some(("VLLM_API_KEY", KEY)),
    );
    assert_fails(&said, 1, "you said Bearer (key)");
    let odd = run(&args, Some(("VLLM_API_KEY", "sk\u{1}")));
    assert_fails(&odd, 2, "characters that no key has");
}

#[test]
fn a_key_goes_to_no_other_host() {
    let other = Fake {
        key: Some(KEY),
        ..Fake::default()
    }
    .start();
    let location = format!("{}/v1/models", other.address);
    let server = Server::start(move |_| Response {
        headers: vec![("Location", location.clone())],
        ..Response::new(307, "")
    });
    let args = [PROMPT, "-m", "demo", "--remote", &remote(&server)];
    assert_fails(&run(&args, Some(("VLLM_API_KEY", KEY))), 1, "to another address");
    assert_eq!(other.requests().len(), 0);
}

#[test]
fn answers_that_break_off_come_late_or_never_end_are_given_up() {
    let cut = Fake {
        instead: |request| {
            (request.path == "/v1/completions").then(|| Response {
                cut: Some(10),
                ..Response::new(200, vec![b' '; 1000])
            })
        },
        ..Fake::default()
    };
    assert_fails(&ask(&cut.start()), 1, "broke off in the middle");
    let huge = Fake {
        instead: |request| {
            (request.path == "/v1/completions").then(|| Response {
                announced: Some(1 << 40),
                ..Response::new(200, "{")
            })
        },
        ..Fake::default()
    };
    assert_fails(&ask(&huge.start()), 1, "answers with more than");
    let late = Fake {
        instead: |request| {
            (request.path == "/v1/completions").then(|| Response {
                pause: Duration::from_secs(30),
                ..Response::new(200, "{}")
            })
        },
        ..Fake::default()
    };
    let server = late.start();
    let args = [
        PROMPT,
        "-m",
        "demo",
        "--timeout",
        "1",
        "--remote",
        &remote(&server),
    ];
    assert_fails(&run(&args, None), 1, "no whole answer within 1 s");
}

/// A server's words reach a terminal as they are nowhere, also where it is one that shows colours.
#[test]
fn a_servers_version_is_no_more_than_one() {
    let server = Fake {
        instead: |request| {
            let version =
                r#"{"version":"0.30.0\u001b]0;pwned\u0007\u202e and a sentence that goes on and on and on"}"#;
            (request.path == "/version").then(|| Response::new(200, version))
        },
        ..Fake::default()
    }
    .start();
    let said = run(
        &[
            PROMPT,
            "-m",
            "demo",
            "--remote",
            &remote(&server),
            "--color",
            "always",
        ],
        None,
    );
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(
        said.stdout.contains("vLLM 0.30.00pwned and a sentence"),
        "{said:?}"
    );
    assert!(!said.stdout.contains(['\u{7}', '\u{202e}']) && !said.stdout.contains("on and on"));
}

/// Without it, nothing says that the rows are the model's.
#[test]
fn a_server_that_is_silent_about_its_own_next_token_is_refused() {
    let server = changed(|answer| answer["choices"][0]["logprobs"] = Value::Null);
    assert_fails(&ask(&server), 1, "no log-probability of its own next token");
}

#[test]
fn the_name_that_a_server_calls_the_model_by_is_said() {
    let server = Fake {
        served: &["somebody/else"],
        ..Fake::default()
    }
    .start();
    let said = ask(&server);
    assert!(said.stdout.contains("which calls it somebody/else"), "{said:?}");
    let base = run(
        &[
            PROMPT,
            "-m",
            "demo",
            "--remote",
            &format!("vllm+{}/v1", server.address),
        ],
        None,
    );
    assert_eq!(base.code, Some(0), "{base:?}");
}

#[test]
fn an_address_that_may_hold_a_password_is_not_shown() {
    for address in [
        "https://me:PASSWORD@host",
        "vllm+htp://me:PASSWORD@host",
        "vllm+me:PASSWORD@host",
        "sglang+http://host?key=PASSWORD",
    ] {
        let said = run(&[PROMPT, "-m", "demo", "--remote", address], None);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(
            said.stderr.contains("--remote") && !said.stderr.contains("PASSWORD"),
            "{said:?}"
        );
    }
    let plain = run(&[PROMPT, "-m", "demo", "--remote", "sglang+http://host"], None);
    assert!(plain.stderr.contains("sglang+http://host"), "{plain:?}");
}

/// A proxy would be told the key.
#[test]
fn a_server_on_this_machine_is_asked_without_a_proxy() {
    let (server, proxy) = (
        Fake {
            key: Some(KEY),
            ..Fake::default()
        }
        .start(),
        Server::start(|_| Response::new(502, "")),
    );
    let said = crate::support::lens()
        .args([PROMPT, "-m", "demo", "--remote", &remote(&server)])
        .envs([("http_proxy", proxy.address.as_str()), ("VLLM_API_KEY", KEY)])
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output();
    let said: Run = said.unwrap().into();
    assert_eq!((said.code, proxy.requests().len()), (Some(0), 0), "{said:?}");
}
