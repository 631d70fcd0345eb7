//! The list of families, and what is said of those whose attention and MLP run side by side.

use logit_lens::decoder::supported;
use logit_lens::report;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use crate::support::{Checkpoint, fixtures, load, run};
use crate::{GPT2, PROMPT, assert_fails, assert_works};

#[test]
fn the_families_are_listed_a_line_each() {
    let listed = run(&["--families"]);
    assert_works(&listed);
    for family in supported() {
        let line = (listed.stdout.lines()).find(|line| line.split(' ').next() == Some(family.model_type));
        let line = line.unwrap_or_else(|| panic!("{} is not listed", family.model_type));
        assert!(line.ends_with(family.known_as), "{line}");
    }
    let json = run(&["--families", "--json"]);
    assert_works(&json);
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    let rows = document["rows"].as_array().unwrap();
    let types = rows.iter().map(|row| row["model_type"].as_str().unwrap());
    assert!(types.eq(supported().map(|family| family.model_type)));
    assert!(rows.iter().all(|row| !row["models"].as_str().unwrap().is_empty()));
}

/// What does not fit beside a name stands below, whole.
#[test]
fn the_list_fits_a_terminal() {
    for columns in [24, 40, 80, 120] {
        let mut out = Vec::new();
        report::families().table(columns, &mut out).unwrap();
        let text = String::from_utf8(anstream::adapter::strip_bytes(&out).into_vec()).unwrap();
        assert!(
            text.lines().all(|line| line.width() <= columns),
            "{columns}: {text}"
        );
        // A name wider than its column goes on in the next line.
        let joined = |text: &str| text.split_whitespace().collect::<String>();
        for family in supported() {
            let line = format!("{}{}", family.model_type, joined(family.known_as));
            assert!(joined(&text).contains(&line), "{columns}: {line} in {text}");
        }
    }
}

#[test]
fn the_list_takes_no_model_and_no_prompt() {
    for (args, problem) in [
        (&["a prompt"][..], "A prompt cannot be used with --families"),
        (&["-m", GPT2], "--model cannot be used with --families"),
        (&["--layers", "1"], "--layers cannot be used with --families"),
        (&["-o", "families.svg"], "--families has no svg output"),
    ] {
        assert_fails(&run(&[&["--families"], args].concat()), 2, problem);
    }
}

#[test]
fn every_family_has_a_fixture() {
    let tried: Vec<String> = fixtures().iter().map(|name| load(name).card.family).collect();
    for family in supported() {
        let model_type = family.model_type;
        assert!(tried.iter().any(|tried| tried == model_type), "{model_type}");
    }
}

#[test]
fn the_documents_name_every_family() {
    for document in ["README.md", ".github/docs/families.md"] {
        let text = std::fs::read_to_string(document).unwrap();
        for family in supported() {
            let named = text.contains(&format!("`{}`", family.model_type));
            assert!(named, "{} is not in {document}", family.model_type);
        }
    }
}

/// An unknown family points to the list, and to the name that was perhaps meant.
#[test]
fn a_family_that_is_not_read_points_to_the_list() {
    let checkpoint = Checkpoint::copy_of("gpt2");
    for (model_type, problem, remedy) in [
        (
            "gptjx",
            "The model's family, gptjx, is none that lens reads.",
            "is gptj;",
        ),
        (
            "nemo",
            "The model's family, nemo, is none that lens reads.",
            "lens --families lists",
        ),
        (
            "mixtral",
            "The model's family, mixtral, has a mixture of experts",
            "lens --families lists",
        ),
    ] {
        checkpoint.set("model_type", model_type.into());
        let refused = run(&[PROMPT, "-m", checkpoint.path()]);
        assert_fails(&refused, 1, problem);
        assert!(refused.stderr.contains(remedy), "{}", refused.stderr);
    }
}

const NOTE: &str = "Attention and MLP run side by side in this model";

/// How often the note is in a text whose lines may break anywhere.
fn notes(text: &str) -> usize {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.matches(NOTE).count()
}

#[test]
fn side_by_side_it_is_said_what_resid_mid_is_once() {
    let several = ["--positions", "all", "-k", "2"];
    for (model, is_parallel) in [
        ("gpt-neox", true),
        ("gpt-neox-sequential", false),
        ("gptj", true),
        ("phi", true),
        ("cohere", true),
        ("falcon", true),
        ("falcon-rw", false),
        ("stablelm", false),
        ("stablelm-parallel", true),
        ("gpt2", false),
    ] {
        let model = format!("tests/fixtures/{model}");
        let say = |args: &[&str]| {
            let run = run(&[&[PROMPT, "-m", &model], args].concat());
            assert_works(&run);
            run.stdout
        };
        let once = usize::from(is_parallel);
        let mid = ["--point", "resid_mid,resid_post"];
        assert_eq!(notes(&say(&mid)), once, "{model}");
        assert_eq!(notes(&say(&[&mid[..], &several].concat())), once, "{model}");
        assert_eq!(notes(&say(&[&mid[..], &["--positions", "all"]].concat())), once);
        for format in ["table", "markdown"] {
            let args = [&mid[..], &["Another prompt", "--format", format]].concat();
            assert_eq!(notes(&say(&args)), once, "{model} {format}");
        }
        assert_eq!(notes(&say(&[&mid[..], &["--summary"]].concat())), once);
        let both = [&mid[..], &["Another prompt", "--compare"]].concat();
        assert_eq!(notes(&say(&both)), once);
        // Nowhere else.
        assert_eq!(notes(&say(&["--point", "attn_out,resid_post"])), 0, "{model}");
        let document: Value = serde_json::from_str(&say(&["--json"])).unwrap();
        assert_eq!(document["meta"]["parallel"], is_parallel, "{model}");
    }
}
