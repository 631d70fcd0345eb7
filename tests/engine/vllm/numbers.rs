//! What comes of rows from elsewhere is what the engine on this machine makes of its own.

use serde_json::{Value, json};

use super::fake::{Fake, Numbers};
use super::{PROMPT, remote};
use crate::support::fixture;
use crate::{assert_near, document, run};

/// What a user asks for, in many ways.
const ASKED: [&[&str]; 11] = [
    &[],
    &["--positions", "all", "--layers", "embed,every:3"],
    &["--track", " Paris", "--against", " Rome", "--layers", "2,5"],
    &["--track", " the city of Paris", "--layers", "2,-1"],
    &[
        "--track",
        " Paris",
        "--against",
        " the city of Paris",
        "--positions",
        "all",
    ],
    &[
        "--track",
        " the city of Paris",
        "--track",
        " Rome, the city",
        "--point",
        "embed,resid_post",
    ],
    &["--stats", "all", "--positions", "3:"],
    &["--generate", "3"],
    &["--layers", "4"],
    &["--point", "embed,resid_post", "-k", "2"],
    &[
        "The capital of France is",
        "The opposite of hot is",
        "--layers",
        "-3:",
    ],
];

/// What is generated here is read of passes of one row, the server's of the whole text: sums of float32 in another
/// order, in some of the kernels.
const GENERATED: f64 = 1e-4;

#[test]
fn every_request_reads_as_on_this_machine() {
    let server = Fake::default().start();
    for asked in ASKED {
        let here = [&[PROMPT, "-m", "demo", "--json"], asked].concat();
        let remote = remote(&server);
        let there = [&here[..], &["--remote", &remote]].concat();
        let tolerance = match asked.contains(&"--generate") {
            true => GENERATED,
            false => 1e-9,
        };
        assert_near(
            &document(&run(&here, None)),
            &document(&run(&there, None)),
            tolerance,
            &format!("{asked:?}"),
        );
    }
}

#[test]
fn summaries_comparisons_and_many_prompts_read_as_on_this_machine() {
    let server = Fake::default().start();
    let remote = remote(&server);
    for asked in [
        &[
            "--prompts",
            "src/demo/facts.jsonl",
            "--summary",
            "--layers",
            "every:3",
        ][..],
        &["--compare", "The capital of France is", "The capital of Italy is"],
        &[
            "--eval",
            "src/demo/facts.jsonl",
            "--layers",
            "embed,every:3",
            "--json",
        ],
        &["--eval", "src/demo/facts.jsonl", "--first-token", "-q"],
    ] {
        let mut asked = asked.to_vec();
        let few = tempfile::NamedTempFile::new().unwrap();
        if ["--prompts", "--eval"].contains(&asked[0]) {
            let facts = std::fs::read_to_string("src/demo/facts.jsonl").unwrap();
            let facts: Vec<&str> = facts.lines().take(40).collect();
            std::fs::write(few.path(), facts.join("\n")).unwrap();
            asked[1] = few.path().to_str().unwrap();
        }
        let here = run(&[&asked[..], &["-m", "demo"]].concat(), None);
        let there = run(&[&asked[..], &["-m", "demo", "--remote", &remote]].concat(), None);
        assert_eq!((here.code, &here.stdout), (Some(0), &there.stdout), "{there:?}");
    }
}

/// Half a float's digits move a probability a little, and are said.
#[test]
fn rows_in_half_precision_are_read_and_said() {
    for (numbers, name) in [(Numbers::F16, "float16"), (Numbers::Bf16, "bfloat16")] {
        let server = Fake {
            numbers,
            ..Fake::default()
        }
        .start();
        let here = run(&[PROMPT, "-m", "demo", "--json", "--lean"], None);
        let there = run(
            &[
                PROMPT,
                "-m",
                "demo",
                "--json",
                "--lean",
                "--remote",
                &remote(&server),
            ],
            None,
        );
        let output = |run: &crate::Run| document(run)["output"]["topk_probs"].clone();
        assert_near(&output(&here), &output(&there), 0.02, name);
        let meta = serde_json::from_str::<Value>(&there.stdout).unwrap()["meta"].clone();
        assert_eq!(
            meta["engine"],
            json!({"name": "vLLM", "version": "0.30.0", "dtype": name})
        );
        let table = run(&[PROMPT, "-m", "demo", "--remote", &remote(&server)], None).stdout;
        let host = server.address.trim_start_matches("http://");
        let first = format!("demo · gpt2 · 1.84M parameters · 10 layers · {name} · vLLM 0.30.0 at {host}");
        assert_eq!(table.lines().next(), Some(first.as_str()));
    }
}

#[test]
fn many_rows_come_from_an_address_of_their_own() {
    let server = Fake::default().start();
    let ids: Vec<String> = (0..250).map(|i| (i * 37 % 2000).to_string()).collect();
    let ids = ids.join(",");
    let here = ["--ids", &ids, "-m", "demo", "--json", "--positions", "3,200:"];
    let there = run(&[&here[..], &["--remote", &remote(&server)]].concat(), None);
    assert_near(&document(&run(&here, None)), &document(&there), 1e-9, "");
    let fetched = |path: &String| path.starts_with("/v1/activations/");
    let paths: Vec<String> = server.requests().into_iter().map(|r| r.path).collect();
    assert_eq!(paths.iter().filter(|path| fetched(path)).count(), 1, "{paths:?}");
}

/// Biases, caps, scales and norms of every kind are this machine's to apply.
#[test]
fn other_families_read_as_on_this_machine() {
    for name in ["gemma2", "granite", "gpt-neox", "opt-350m", "bloom"] {
        let path: &'static str = fixture(name).to_str().unwrap().to_string().leak();
        let served: &'static [&'static str] = vec![path].leak();
        let server = Fake {
            model: path,
            served,
            ..Fake::default()
        }
        .start();
        let here = [
            "--ids",
            "5,9,12,7",
            "-m",
            path,
            "--json",
            "--positions",
            "all",
            "--stats",
            "all",
        ];
        let there = run(&[&here[..], &["--remote", &remote(&server)]].concat(), None);
        assert_near(&document(&run(&here, None)), &document(&there), 1e-9, name);
    }
}
