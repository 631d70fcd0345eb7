//! `--assert`: what holds, what does not, how that is said, and with which exit code.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Run, run};
use crate::{GPT2, PROMPT, assert_works};

const FRANCE: &str = "The capital of France is";

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A run with assertions and nothing on stderr but what they say.
fn asserted(prompt: &[&str], expressions: &[&str]) -> Run {
    let asserts = expressions.iter().flat_map(|expression| ["--assert", expression]);
    let args: Vec<&str> = prompt.iter().copied().chain(asserts).chain(["-q"]).collect();
    run(&args)
}

/// The JSON of a run, and its results beside the assertions.
fn outcomes(prompt: &[&str], expressions: &[&str]) -> (Option<i32>, Value) {
    let run = asserted(&[prompt, &["--json"]].concat(), expressions);
    (run.code, parsed(&run.stdout))
}

/// That `quantity` is `value`: a fraction within what reading its digits may cost.
fn is(quantity: &str, value: &Value) -> String {
    match value.as_f64().filter(|number| number.fract() != 0.) {
        Some(number) => format!("{quantity} >= {}", number - 1e-9),
        None => format!("{quantity} == {value}"),
    }
}

fn assert_is(found: &Value, value: &Value) {
    match (found.as_f64(), value.as_f64()) {
        (Some(found), Some(value)) => assert!((found - value).abs() < 1e-12 * value.abs().max(1.)),
        _ => assert_eq!(found, value),
    }
}

#[test]
fn every_quantity_is_what_the_document_has() {
    let prompt = [FRANCE, "--stats", "all", "--positions", "all"];
    let followed = [
        "--track",
        " Paris",
        "--track",
        " Rome",
        "--track",
        "c= Paris| Rome",
    ];
    let read = run(&[&prompt[..], &followed, &["--json", "-q"]].concat());
    let document = parsed(&read.stdout);
    let layer = |key: &str, layer: usize| document[key][layer][4].clone();
    let target = |nth: usize, key: &str, layer: usize| document["targets"][nth][key][layer][4].clone();
    let difference = |layer: usize| {
        let logit = |nth: usize| target(nth, "logits", layer).as_f64().unwrap();
        json!(logit(0) - logit(1))
    };
    let embed = &document["embed"];
    let expected = [
        ("prob(\" Paris\")", target(0, "probs", 9)),
        ("prob(' Paris')@6", target(0, "probs", 6)),
        ("logprob(\" Paris\")@-4", target(0, "logprobs", 6)),
        ("logit(\" Paris\")@0", target(0, "logits", 0)),
        ("rank(\" Paris\")@4", target(0, "ranks", 4)),
        ("rank(\" Rome\")@last", target(1, "ranks", 9)),
        ("prob(c=\" Paris| Rome\")@5", target(2, "probs", 5)),
        ("prob(\"c= Paris| Rome\")@5", target(2, "probs", 5)),
        ("rank(\" Paris\")@embed", embed["targets"][0]["ranks"][4].clone()),
        ("diff(\" Paris\", \" Rome\")", difference(9)),
        ("diff(' Paris',' Rome')@2", difference(2)),
        ("entropy", layer("entropy", 9)),
        ("entropy@embed", embed["entropy"][4].clone()),
        ("forward_kl@3", layer("forward_kl", 3)),
        ("kl@3", layer("forward_kl", 3)),
        ("reverse_kl@3", layer("reverse_kl", 3)),
        ("js@3", layer("js", 3)),
        ("tv@3", layer("tv", 3)),
        ("agrees@3", layer("agrees", 3)),
        ("agrees@9", layer("agrees", 9)),
        ("settles", document["settles_at"][4].clone()),
        ("leads_first", document["leads_first_at"][4].clone()),
    ];
    let equal = expected.iter().map(|(quantity, value)| is(quantity, value));
    let equal: Vec<String> = equal.collect();
    let (code, found) = outcomes(&prompt, &equal.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, Some(0), "{found}");
    for (i, (quantity, value)) in expected.iter().enumerate() {
        let outcome = &found["assertions"][i];
        assert_eq!(outcome["expression"], equal[i].as_str());
        assert!(outcome["holds"] == true, "{quantity}: {outcome}");
        assert_is(&outcome["found"], value);
    }
    // The opposite of each fails, all of them are said, and the table is there.
    let opposite = |text: &String| text.replace("==", "!=").replace(">=", "<");
    let unequal: Vec<String> = equal.iter().map(opposite).collect();
    let failed = asserted(&prompt, &unequal.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(failed.code, Some(3));
    assert!(failed.stdout.contains("Top token"));
    assert_eq!(failed.stderr.lines().count(), expected.len(), "{}", failed.stderr);
}

#[test]
fn every_comparison_is_what_it_says() {
    // " Paris" is top-1 at the end, from layer 6 on; its rank is a whole number.
    let table = [
        ("==", [false, true, false]),
        ("!=", [true, false, true]),
        ("<", [false, false, true]),
        ("<=", [false, true, true]),
        (">", [true, false, false]),
        (">=", [true, true, false]),
    ];
    for (sign, expected) in table {
        for (value, holds) in [5, 6, 7].into_iter().zip(expected) {
            let (code, found) = outcomes(&[FRANCE], &[&format!("settles {sign} {value}")]);
            assert_eq!(code, Some(if holds { 0 } else { 3 }), "{sign} {value}");
            assert_eq!(found["assertions"][0]["holds"], holds);
        }
    }
}

#[test]
fn the_top_token_is_compared_as_a_token() {
    let (code, found) = outcomes(
        &[FRANCE],
        &[
            "top1 == \" Paris\"",
            "top1@0 != \" Paris\"",
            "top1 == c=\" Rome| Paris\"",
        ],
    );
    assert_eq!(code, Some(0));
    assert_eq!(found["assertions"][0]["found"], " Paris");
    let failed = asserted(&[FRANCE], &["top1 == ' Rome'"]);
    assert_eq!(failed.code, Some(3));
    let line = "failed: \"The capital of France is\": top1 == ' Rome': found ␣Paris\n";
    assert_eq!(failed.stderr, line);
}

#[test]
fn results_are_those_of_a_run_that_tracks_the_tokens() {
    let held = asserted(&[FRANCE, "-k", "2"], &["rank(\" Paris\") <= 3"]);
    assert_works(&held);
    let failed = asserted(&[FRANCE, "-k", "2"], &["rank(\" Paris\") > 3"]);
    assert_eq!(failed.code, Some(3));
    assert_eq!(
        failed.stderr,
        "failed: \"The capital of France is\": rank(\" Paris\") > 3: found 1\n"
    );
    let tracked = run(&[FRANCE, "-k", "2", "--track", " Paris", "-q"]);
    assert_eq!((&held.stdout, &failed.stdout), (&tracked.stdout, &tracked.stdout));
    let file = TempDir::new().unwrap();
    let csv = file.path().join("lens.csv");
    let written = asserted(&[FRANCE, "-o", csv.to_str().unwrap()], &["entropy > 100"]);
    assert_eq!(written.code, Some(3));
    let plain = run(&[FRANCE, "--format", "csv", "-q"]).stdout;
    assert_eq!(std::fs::read_to_string(csv).unwrap(), plain);
}

#[test]
fn each_prompt_is_held_against_its_own_target() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("facts.jsonl");
    let lines = [
        json!({"prompt": FRANCE, "target": " Paris", "id": "fr"}),
        json!({"prompt": "The capital of Italy is", "target": " Paris"}),
        json!({"prompt": "The capital of Spain is"}),
    ];
    std::fs::write(&file, lines.map(|line| line.to_string()).join("\n")).unwrap();
    let path = file.to_str().unwrap();
    let failed = asserted(
        &["--prompts", path],
        &["rank(target) == 1", "diff(target, \" Oslo\") > 2"],
    );
    assert_eq!(failed.code, Some(3));
    let said: Vec<&str> = failed.stderr.lines().collect();
    let [italy, spain, difference] = said[..] else {
        panic!("{failed:?}")
    };
    let place = |line: usize| format!("failed: {path}, line {line}: ");
    assert!(italy.starts_with(&(place(2) + "\"The capital of Italy is\": rank(target) == 1: found ")));
    assert!(difference.ends_with("diff(target, \" Oslo\") > 2: found nothing: the prompt has no target"));
    let nothing = "\"The capital of Spain is\": rank(target) == 1: found nothing: the prompt has no target";
    assert_eq!(spain, place(3) + nothing);
    // In JSON each document has its own.
    let json = asserted(&["--prompts", path, "--json"], &["rank(target) == 1"]);
    let documents = parsed(&json.stdout);
    let of = |nth: usize| documents[nth]["assertions"][0].clone();
    assert_eq!(
        (of(0)["holds"].clone(), of(0)["found"].clone()),
        (json!(true), json!(1.0))
    );
    assert_eq!(
        (of(2)["holds"].clone(), of(2)["found"].clone()),
        (json!(false), Value::Null)
    );
}

#[test]
fn columns_of_a_summary_are_its_own() {
    let facts = ["--prompts", "src/demo/facts.jsonl", "--summary"];
    let prompts = [&facts[..], &["--layers", "embed,2,9"]].concat();
    let read = parsed(&run(&[&prompts[..], &["--json", "-q"]].concat()).stdout);
    let (mut expressions, mut values) = (Vec::new(), Vec::new());
    for (at, layer) in ["embed", "2", "9"].into_iter().enumerate() {
        for (column, value) in read["rows"][at].as_object().unwrap() {
            if !["layer", "point"].contains(&column.as_str()) && !value.is_null() {
                expressions.push(is(&format!("{column}@{layer}"), value));
                values.push(value.clone());
            }
        }
    }
    assert!(expressions.len() > 50, "{expressions:?}");
    let texts: Vec<&str> = expressions.iter().map(String::as_str).collect();
    let (code, found) = outcomes(&prompts, &texts);
    assert_eq!(code, Some(0), "{found}");
    assert_eq!(found["rows"], read["rows"]);
    let assertions = found["assertions"].as_array().unwrap();
    assert_eq!(assertions.len(), expressions.len());
    for (outcome, value) in assertions.iter().zip(&values) {
        assert_is(&outcome["found"], value);
    }
    let failed = asserted(&prompts, &["prob >= 0.99", "top1_is_target > 0.5"]);
    assert_eq!(failed.code, Some(3));
    let [line] = failed.stderr.lines().collect::<Vec<_>>()[..] else {
        panic!("{failed:?}")
    };
    assert!(
        line.starts_with("failed: 1921 prompts: prob >= 0.99: found 0.9"),
        "{line}"
    );
}

#[test]
fn what_ci_systems_read() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("a,b%.jsonl");
    let prompt = json!({"prompt": format!("{FRANCE}"), "id": "<fr>"});
    std::fs::write(&file, prompt.to_string()).unwrap();
    let path = file.to_str().unwrap();
    let with = |format: &str| {
        asserted(
            &["--prompts", path, "--assert-format", format],
            &["rank(\" Paris\") > 1", "entropy < 50"],
        )
    };
    let github = with("github");
    assert_eq!(github.code, Some(3));
    let property = path.replace('%', "%25").replace(',', "%2C");
    let message = format!(
        "{}, line 1: <fr>: \"{FRANCE}\": rank(\" Paris\") > 1: found 1",
        path.replace('%', "%25")
    );
    assert_eq!(
        github.stderr,
        format!("::error file={property},line=1,title=rank(\" Paris\") > 1::{message}\n")
    );
    let junit = with("junit");
    assert_eq!((junit.code, &junit.stdout), (Some(3), &github.stdout));
    let case = |name: &str| format!("name=\"{name}\"");
    assert!(
        junit.stderr.starts_with(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"2\" failures=\"1\">"
        )
    );
    assert!(junit.stderr.contains(&case("entropy &lt; 50")));
    assert!(junit.stderr.contains(&case("rank(&quot; Paris&quot;) &gt; 1")));
    assert!(
        junit
            .stderr
            .contains("<failure type=\"assertion\" message=\"found 1\">")
    );
    assert!(junit.stderr.contains("&lt;fr&gt;"));
    // Nothing else is said beside the document, and it is there when all holds.
    let held = run(&[FRANCE, "--assert", "entropy < 50", "--assert-format", "junit"]);
    assert_eq!(held.code, Some(0));
    assert!(held.stderr.starts_with("<?xml") && held.stderr.contains("failures=\"0\""));
}

#[test]
fn a_wrong_expression_is_pointed_at() {
    let wrong = run(&[FRANCE, "--assert", "rank(\" Paris\") =< 3"]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""));
    let lines: Vec<&str> = wrong.stderr.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "error: cannot read --assert: write == for is equal to",
            "  rank(\" Paris\") =< 3",
            "                 ^"
        ]
    );
    let column = run(&[FRANCE, "--assert", "top1_is_target > 0.5"]);
    assert!(column.code == Some(2) && column.stderr.contains("add --summary"));
    // What a terminal must not get is escaped, and the caret still stands where it should.
    let hidden = run(&[FRANCE, "--assert", "rank(\"\u{1b}[31m\") 3"]);
    assert!(hidden.code == Some(2) && !hidden.stderr.contains('\u{1b}'));
    let lines: Vec<&str> = hidden.stderr.lines().collect();
    assert_eq!(
        lines[1].find('3').map(|_| lines[1].rfind('3')),
        Some(lines[2].find('^'))
    );
}

#[test]
fn what_is_not_read_cannot_be_asserted() {
    let cases: [(&[&str], &str, &str); 7] = [
        (&["--layers", "0,2"], "rank(\" Paris\") == 1", "layer 9"),
        (&["--layers", "0,2"], "entropy@1 > 0", "layer 1"),
        (&["--layers", "0,2"], "entropy@embed > 0", "the embedding"),
        (&["--point", "attn_out"], "settles < 3", "the layers"),
        (
            &[],
            "entropy@10 > 0",
            "--assert entropy@10 > 0 cannot be held: There is no layer 10",
        ),
        (&[], "top1 == \" Paris and\"", "tokens, not one"),
        (&["--summary", "--layers", "0"], "prob > 0", "layer 9"),
    ];
    for (options, expression, problem) in cases {
        let refused = asserted(&[&[FRANCE], options].concat(), &[expression]);
        assert_eq!(
            (refused.code, refused.stdout.as_str()),
            (Some(2), ""),
            "{refused:?}"
        );
        assert!(refused.stderr.contains(problem), "{refused:?}");
    }
    // The output is always read; its tokens and statistics need no row.
    let (code, _) = outcomes(
        &[FRANCE, "--layers", "0,2"],
        &["top1 == ' Paris'", "entropy < 1", "settles != 0"],
    );
    assert_eq!(code, Some(3), "it does not settle among these");
    let (code, _) = outcomes(&[FRANCE, "--layers", "0,2"], &["top1 == ' Paris'", "entropy < 1"]);
    assert_eq!(code, Some(0));
    let (code, found) = outcomes(&[PROMPT, "-m", GPT2], &["cross_entropy < 100"]);
    assert_eq!((code, &found["assertions"][0]["found"]), (Some(3), &Value::Null));
}

#[test]
fn nothing_read_holds_nothing() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("none.txt");
    std::fs::write(&file, "").unwrap();
    let path = file.to_str().unwrap();
    for (options, expression) in [(&[][..], "entropy < 9"), (&["--summary"], "prob < 9")] {
        let none = asserted(&[&["--prompts", path], options].concat(), &[expression]);
        assert_eq!(none.code, Some(3), "{none:?}");
        assert!(
            none.stderr.contains("found nothing: no prompt was read"),
            "{none:?}"
        );
    }
}
