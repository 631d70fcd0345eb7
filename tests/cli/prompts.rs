//! What becomes of a prompt before it is read: BOS, chat templates, ids, continuations.

use serde_json::{Value, json};

use crate::support::{Checkpoint, run};
use crate::{GPT2, LLAMA, PROMPT, assert_fails, assert_works};

const ROPE3: &str = "tests/fixtures/llama-rope3";

fn ids(args: &[&str]) -> Vec<u64> {
    let run = run(&[args, &["--json", "-q"]].concat());
    assert_works(&run);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    document["input_ids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_u64().unwrap())
        .collect()
}

#[test]
fn a_bos_is_there_as_asked_for() {
    let plain = ids(&[PROMPT, "-m", ROPE3, "--bos", "never"]);
    let with = [&[302], &plain[..]].concat();
    assert_eq!(plain.len(), 8);
    assert_eq!(ids(&[PROMPT, "-m", ROPE3]), with);
    assert_eq!(
        ids(&[PROMPT, "-m", ROPE3, "--bos", "always"]),
        with,
        "one is enough"
    );
    assert_eq!(ids(&[PROMPT, "-m", GPT2]).len(), 8);
    assert_eq!(ids(&[PROMPT, "-m", GPT2, "--bos", "always"])[0], 302);
    // The tokenizer's own comes before the config's.
    let named = Checkpoint::copy_of("gpt2");
    named.write("tokenizer_config.json", r#"{"bos_token": "The"}"#);
    let bos = ids(&["The", "-m", GPT2]);
    assert_eq!(ids(&[" of", "-m", named.path(), "--bos", "always"])[..1], bos);
    let without = Checkpoint::copy_of("gpt2");
    without.config(|fields| _ = fields.remove("bos_token_id"));
    without.write("tokenizer_config.json", r#"{"bos_token": null}"#);
    assert_fails(
        &run(&[PROMPT, "-m", without.path(), "--bos", "always"]),
        2,
        "names no BOS",
    );
}

#[test]
fn what_is_likely_not_meant_is_said() {
    for (args, doubt) in [
        (&["The ", "-m", GPT2][..], "ends in a space"),
        (&["<|begin_of_text|>The", "-m", ROPE3], "two BOS tokens"),
        (&["", "-m", ROPE3], "the prompt is empty"),
    ] {
        let run = run(args);
        assert_eq!(run.code, Some(0));
        assert!(
            run.stderr.starts_with("note: ") && run.stderr.contains(doubt),
            "{:?}",
            run.stderr
        );
        assert_eq!(run.stderr.lines().count(), 1);
    }
    assert_works(&run(&["The ", "-m", GPT2, "-q"]));
}

#[test]
fn ids_stand_for_a_text() {
    let of_text = ids(&[PROMPT, "-m", LLAMA]);
    let text: Vec<String> = of_text.iter().map(u64::to_string).collect();
    let args = ["--ids", &text.join(","), "-m", LLAMA];
    assert_eq!(ids(&args), of_text);
    assert_eq!(run(&args).stdout, run(&[PROMPT, "-m", LLAMA]).stdout);
    assert_fails(&run(&["--ids", "1,9999", "-m", LLAMA]), 2, "no token 9999");
}

#[test]
fn a_chat_template_is_followed() {
    let chat = Checkpoint::copy_of("llama");
    let template = "{% for m in messages %}{% if m.role == 'robot' %}{{ raise_exception('no') }}{% endif %}\
        <{{ m['role'] }}>{{ m.content.strip() }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}<model>{% endif %}";
    let config = json!({"chat_template": template, "eos_token": "<|endoftext|>"});
    chat.write("tokenizer_config.json", &config.to_string());
    let read = |args: &[&str]| {
        let run = run(&[&["-m", chat.path(), "--chat", "--json"], args].concat());
        assert_works(&run);
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        document["meta"]["prompt"].as_str().unwrap().to_string()
    };
    assert_eq!(read(&[" Hello "]), "<user>Hello<|endoftext|><model>");
    assert_eq!(
        read(&["Hello", "--system", "Be brief"]),
        "<system>Be brief<|endoftext|><user>Hello<|endoftext|><model>"
    );
    // The file of its own comes first; a list of templates has a default.
    chat.write("chat_template.jinja", "{{ messages[0]['content'] | upper }}");
    assert_eq!(read(&["hello"]), "HELLO");
    chat.remove("chat_template.jinja");
    let named = json!({"chat_template": [{"name": "tool", "template": "x"}, {"name": "default", "template": "[{{ messages | length }}]"}]});
    chat.write("tokenizer_config.json", &named.to_string());
    assert_eq!(read(&["hello"]), "[1]");
    // A template that runs on, that refuses, or that is none, is an error.
    for wrong in [
        "{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}",
        "{{ raise_exception('only for robots') }}",
        "{% if %}",
        // What lies in itself cannot be printed.
        "{% set ns = namespace() %}{% set ns.a = ns %}{{ ns }}",
    ] {
        chat.write(
            "tokenizer_config.json",
            &json!({"chat_template": wrong}).to_string(),
        );
        assert_fails(
            &run(&["-m", chat.path(), "--chat", "x"]),
            1,
            "chat template cannot be followed",
        );
        let out = chat.file("out.json");
        let args = ["-m", chat.path(), "--chat", "x", "-o", out.to_str().unwrap()];
        assert_fails(&run(&args), 1, "chat template cannot be followed");
        let files = std::fs::read_dir(chat.path()).unwrap();
        let mut names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        assert!(
            !names.any(|name| name == "out.json" || name.starts_with(".lens")),
            "{wrong}"
        );
    }
    // Its bytes are text.
    std::fs::write(
        chat.file("chat_template.jinja"),
        b"caf\xe9 {{ messages[0].content }}",
    )
    .unwrap();
    assert_fails(
        &run(&["-m", chat.path(), "--chat", "x"]),
        1,
        "chat_template.jinja is not UTF-8",
    );
}

#[test]
fn a_chat_template_has_the_special_tokens_of_the_tokenizer_alone() {
    let chat = Checkpoint::copy_of("llama");
    let template = "{{ bos_token }}{{ pad_token }}{{ image_token }}[{{ messages[0].content }}]{{ eos_token is defined }}";
    for (tokens, shown) in [
        (json!({ "bos_token": null, "eos_token": null }), "[x]False"),
        (
            json!({ "bos_token": "<a>", "eos_token": { "content": "<b>" }, "pad_token": "<c>",
                "extra_special_tokens": { "image_token": "<d>" } }),
            "<a><c><d>[x]True",
        ),
    ] {
        let mut config = tokens;
        config["tokenizer_class"] = json!("PreTrainedTokenizerFast");
        config["chat_template"] = json!(template);
        chat.write("tokenizer_config.json", &config.to_string());
        let run = run(&["-m", chat.path(), "--chat", "x", "--json"]);
        assert_works(&run);
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(document["meta"]["prompt"], shown);
    }
}

#[test]
fn the_tokens_alone_are_shown() {
    let table = run(&["Café\n 東", "-m", GPT2, "--tokens"]);
    assert_works(&table);
    assert!(table.stdout.contains("\\xE6\\x9D\\xB1") || table.stdout.contains("e6 9d b1"));
    assert!(
        table
            .stdout
            .lines()
            .any(|line| line.contains("\\n") && line.contains("0a"))
    );
    let json: Value =
        serde_json::from_str(&run(&["Café\n 東", "-m", GPT2, "--tokens", "--json"]).stdout).unwrap();
    let listed: Vec<u64> = (json["rows"].as_array().unwrap().iter())
        .map(|row| row["id"].as_u64().unwrap())
        .collect();
    assert_eq!(listed, ids(&["Café\n 東", "-m", GPT2]));
}

#[test]
fn a_continuation_ends_where_generation_config_json_says() {
    let model = Checkpoint::copy_of("llama");
    let longer = || ids(&["--ids", "1,5,7", "-m", model.path(), "--generate", "8"]);
    // `transformers` ends at the same tokens.
    model.set("eos_token_id", Value::Null);
    assert_eq!(longer(), [1, 5, 7, 19, 83, 83, 215, 199, 97, 97, 21]);
    model.set("eos_token_id", json!(19));
    assert_eq!(longer(), [1, 5, 7, 19]);
    model.write(
        "generation_config.json",
        r#"{"eos_token_id": [83, 9], "do_sample": true}"#,
    );
    assert_eq!(longer(), [1, 5, 7, 19, 83]);
    model.write("generation_config.json", r#"{"eos_token_id": 215}"#);
    assert_eq!(longer(), [1, 5, 7, 19, 83, 83, 215]);
    // One that names none has none.
    model.write("generation_config.json", r#"{"do_sample": true}"#);
    assert_eq!(longer(), [1, 5, 7, 19, 83, 83, 215, 199, 97, 97, 21]);
    model.write("generation_config.json", r#"{"eos_token_id": "</s>"}"#);
    assert_fails(&run(&["--ids", "1", "-m", model.path()]), 1, "eos_token_id");
}

#[test]
fn what_changes_decoding_and_is_not_followed_is_said() {
    let model = Checkpoint::copy_of("llama");
    let stderr = |args: &[&str]| run(&[&["--ids", "1,5,7", "-m", model.path()], args].concat()).stderr;
    model.write(
        "generation_config.json",
        r#"{"repetition_penalty": 1.0, "num_beams": 1, "suppress_tokens": [], "temperature": 0.6}"#,
    );
    assert_eq!(stderr(&["--generate", "2"]), "");
    model.write(
        "generation_config.json",
        r#"{"repetition_penalty": 1.1, "suppress_tokens": [83]}"#,
    );
    let note = stderr(&["--generate", "2"]);
    assert!(
        note.starts_with("note: ") && note.contains("repetition_penalty, suppress_tokens."),
        "{note:?}"
    );
    assert_eq!(stderr(&[]), "");
}

#[test]
fn a_continuation_is_what_the_model_would_say_token_by_token() {
    let args = [PROMPT, "-m", LLAMA, "--generate", "6"];
    let run_once = run(&[&args[..], &["--json"]].concat());
    let document: Value = serde_json::from_str(&run_once.stdout).unwrap();
    let given = ids(&[PROMPT, "-m", LLAMA]);
    let longer: Vec<u64> = document["input_ids"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| id.as_u64().unwrap())
        .collect();
    let generated = document["generated"].as_u64().unwrap() as usize;
    assert_eq!(longer[..given.len()], given);
    assert_eq!(longer.len(), given.len() + generated);
    // The lens over the whole agrees: the output before each generated token is that token.
    for at in given.len()..longer.len() {
        assert_eq!(
            document["output"]["topk_ids"][at - 1][0].as_u64(),
            Some(longer[at])
        );
    }
    assert!(
        generated == 6 || longer.last() == Some(&302),
        "it ends early only at the end of the text"
    );
    let table = run(&args);
    assert!(table.stdout.contains(&format!("the last {generated} generated")));
    assert!(table.stdout.contains("│»│") || table.stdout.contains("  »│"));
}
