//! What cannot be had by a server is said before anything is sent.

use super::fake::Fake;
use super::{PROMPT, remote};
use crate::{assert_fails, run};

#[test]
fn what_the_engine_cannot_give_is_wrong_usage_and_sends_nothing() {
    let server = Fake::default().start();
    for (options, problem) in [
        (&["-m", "demo", "--verify"][..], "--verify has no effect"),
        (&["-m", "demo", "--dtype", "bf16"], "--dtype has no effect"),
        (&["-m", "demo", "--device", "cpu"], "--device has no effect"),
        (&["-m", "demo", "--point", "attn_out"], "no attn_out"),
        (&["-m", "demo", "--point", "resid_post,mlp_out"], "no mlp_out"),
        (&["-m", "demo", "-m", "demo"], "--remote has no effect"),
        (&[], "--remote has no effect"),
        (
            &["-m", "demo", "--tokens"],
            "--remote cannot be used with --tokens",
        ),
    ] {
        let remote = remote(&server);
        let asked = [&[PROMPT, "--remote", &remote], options].concat();
        assert_fails(&run(&asked, None), 2, problem);
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn addresses_that_are_none_are_wrong_usage() {
    for (address, problem) in [
        ("http://host:8000", "expected an engine and an address"),
        ("sglang+http://host:8000", "there is no engine"),
        ("vllm", "expected an engine and an address"),
        ("vllm+host:8000", "http://"),
    ] {
        let run = run(&[PROMPT, "-m", "demo", &format!("--remote={address}")], None);
        assert_eq!(run.code, Some(2));
        assert!(run.stderr.contains(problem), "{run:?}");
    }
}

#[test]
fn what_may_be_secret_in_an_address_is_refused_and_not_shown() {
    for address in [
        "vllm+http://me:KEY@host",
        "vllm+http://KEY@host",
        "ndif+https://host/?key=KEY",
    ] {
        let remote = address.replace("KEY", crate::KEY);
        let said = run(&[PROMPT, "-m", "demo", "--remote", &remote], None);
        assert_fails(&said, 2, "has a name, a password or a query in it");
    }
}

#[test]
fn a_server_of_several_models_is_asked_for_the_one_that_is_meant() {
    let server = || Fake {
        served: &["tuned", "base"],
        ..Fake::default()
    };
    let running = server().start();
    let both = run(&[PROMPT, "-m", "demo", "--remote", &remote(&running)], None);
    assert_fails(&both, 1, "serves no model of the name demo; it has: tuned, base");
    let named = format!("{}#base", remote(&running));
    assert_eq!(
        run(&[PROMPT, "-m", "demo", "--remote", &named], None).code,
        Some(0)
    );
    let asked = running.requests().into_iter().filter(|r| r.method == "POST");
    assert!(
        asked
            .map(|r| r.body)
            .all(|body| body.starts_with(br#"{"model":"base","#))
    );
}

#[test]
fn another_model_is_found_out() {
    let smaller = Fake {
        model: "tests/fixtures/gpt2",
        served: &["other"],
        ..Fake::default()
    };
    let said = run(
        &[PROMPT, "-m", "demo", "--remote", &remote(&smaller.start())],
        None,
    );
    assert_fails(&said, 1, "(status 400: Token id 2559 is out of vocabulary)");
    let off = Fake {
        offset: 0.05,
        ..Fake::default()
    };
    let said = run(&[PROMPT, "-m", "demo", "--remote", &remote(&off.start())], None);
    assert_fails(&said, 1, "serves another model as demo: it gives the token ");
}

#[test]
fn families_whose_rows_are_no_stream_are_refused_before_anything_is_sent() {
    let server = Fake::default().start();
    for model in ["cohere", "cohere2", "stablelm"] {
        let path = format!("tests/fixtures/{model}");
        let said = run(&["--ids", "5", "-m", &path, "--remote", &remote(&server)], None);
        assert_fails(&said, 2, "vLLM gives no residual stream");
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_prompt_longer_than_the_server_takes_is_said() {
    let server = Fake {
        context: 8,
        ..Fake::default()
    };
    let said = run(
        &[PROMPT, "-m", "demo", "--remote", &remote(&server.start())],
        None,
    );
    assert_fails(&said, 2, "takes at most 7 and one more");
}
