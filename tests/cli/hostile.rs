//! Text of every kind, from every side: nothing of it reaches a terminal or a page as it is.

use std::io::Write;
use std::process::Stdio;

use logit_lens::analysis::statistics::Statistics;
use logit_lens::lens::Request;
use tempfile::{NamedTempFile, TempDir};

use crate::several::records;
use crate::support::{Run, lens, load, run};
use crate::{GPT2, LLAMA, assert_fails};

/// What a terminal would act upon, or what would not show, or would turn text around.
fn is_raw(c: char) -> bool {
    c.is_control() && c != '\n'
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}

fn assert_shown(text: &str, what: &str) {
    let raw = text.chars().find(|&c| is_raw(c));
    assert!(raw.is_none(), "{what}: {raw:?}");
}

/// Every character that is not to be shown as it is, and every byte of ASCII, each a prompt.
fn texts() -> Vec<String> {
    let marks = [
        '\u{7f}', '\u{80}', '\u{9b}', '\u{200b}', '\u{200e}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{ad}',
        '\u{2028}',
    ];
    let ascii = (0..0x80u8).map(char::from);
    let each = ascii.chain(marks).filter(|c| *c != '\n' && *c != '\r');
    each.map(|c| format!("The{c}city")).collect()
}

fn from_stdin(args: &[&str], input: &[u8]) -> Run {
    let mut child = lens()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A run that fails may stop reading.
    let writer = std::thread::spawn(move || _ = stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.into()
}

#[test]
fn every_format_shows_what_a_terminal_must_not_get() {
    let prompts = texts().join("\n");
    for format in ["table", "markdown", "json", "jsonl", "heatmap", "plot"] {
        for model in [GPT2, LLAMA] {
            let args = [
                "--prompts",
                "-",
                "-m",
                model,
                "-q",
                "--format",
                format,
                "--positions",
                "all",
            ];
            let top_k: &[&str] = match format {
                "heatmap" | "plot" => &[],
                _ => &["-k", "40"],
            };
            let run = from_stdin(&[&args, top_k].concat(), prompts.as_bytes());
            assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{format}");
            assert_shown(&run.stdout, format);
        }
    }
    let tokens = from_stdin(
        &["--prompts", "-", "-m", LLAMA, "-q", "--tokens"],
        prompts.as_bytes(),
    );
    assert_eq!(tokens.code, Some(0));
    assert_shown(&tokens.stdout, "tokens");
    // What is drawn may go to a browser.
    let folder = TempDir::new().unwrap();
    let (svg, page) = (folder.path().join("x.svg"), folder.path().join("x.html"));
    // Of each text its own character; the fixtures' contexts are short, so in parts.
    let each: Vec<char> = texts()
        .iter()
        .skip(1)
        .map(|text| text.chars().nth(3).unwrap())
        .collect();
    for part in each.chunks(30) {
        let prompt: String = part.iter().collect();
        let outputs = ["-o", svg.to_str().unwrap(), "-o", page.to_str().unwrap()];
        let run = run(&[&[&prompt, "-m", LLAMA, "-q"][..], &outputs].concat());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        for file in [&svg, &page] {
            assert_shown(&std::fs::read_to_string(file).unwrap(), file.to_str().unwrap());
        }
    }
}

/// CSV is data where a program reads it, and text where a terminal does.
#[test]
fn a_csv_holds_the_tokens_themselves_and_shows_them_in_a_terminal() {
    use logit_lens::engine::Engine;
    use logit_lens::report::{Document, Format, Presentation};
    let model = load("llama");
    let marks = [
        "กัน",
        "हिन्दी",
        "שָׁלוֹם",
        "العَرَبِيَّة",
        "e\u{301}",
        "❤\u{fe0f}",
        "\u{a0}",
        "東",
        "a\\b",
        "\\xE6",
    ];
    for text in texts().iter().map(String::as_str).chain(marks) {
        let prompt = model.prompt(text, Default::default()).unwrap();
        let request = Request {
            positions: "all".parse().unwrap(),
            ..Request::default()
        };
        let trajectory = model.read_prompts(vec![prompt], &request, &()).unwrap().remove(0);
        let document = Document {
            card: &model.card,
            tokens: &model.tokens,
            trajectory: &trajectory,
            statistics: &Statistics::none(),
            against: None,
            assertions: &[],
            number: 0,
            id: Some(text),
        };
        let written = |for_terminal: bool| {
            let mut out = Vec::new();
            let presentation = Presentation {
                terminal: for_terminal,
                ..Presentation::default()
            };
            let mut csv = (Format::named("csv").unwrap().report)(&presentation);
            csv.document(&document, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_shown(&written(true), "a terminal's csv");
        let exact = written(false);
        assert_eq!(exact.contains('\u{fffd}'), text.contains('\u{fffd}'));
        let mut input = Vec::new();
        for record in records(&exact) {
            let id: u32 = record["token_id"].parse().unwrap();
            assert_eq!(record["token"], model.tokens.exact(id));
            assert_eq!(record["label"], model.tokens.label(id));
            assert_eq!(record["id"], text);
            let position: usize = record["position"].parse().unwrap();
            if position == input.len() {
                input.push(record["input_token"].clone());
            }
        }
        let ids = trajectory.prompt.ids.iter();
        assert!(ids.map(|&id| model.tokens.exact(id)).eq(input));
    }
}

/// What no two tokens share: the label of one that is a fragment is not that of one that spells it.
#[test]
fn labels_tell_a_byte_from_its_spelling() {
    let model = load("llama");
    let labels: Vec<String> = (0..model.tokens.len() as u32)
        .map(|id| model.tokens.label(id))
        .collect();
    let mut bytes: Vec<(&String, Option<Vec<u8>>)> = (0..)
        .map(|id| model.tokens.bytes(id))
        .zip(&labels)
        .map(|(b, l)| (l, b))
        .collect();
    bytes.sort();
    bytes.dedup();
    assert!(bytes.windows(2).all(|pair| pair[0].0 != pair[1].0));
}

#[test]
fn messages_show_what_they_quote() {
    let hostile = "\u{1b}]0;owned\u{7}\u{202e}x";
    for args in [
        &["The", "-m", &format!("./{hostile}")][..],
        &["The", "-m", hostile],
        &["The", "--layers", hostile],
        &["The", "--positions", hostile],
        &["The", "--track", &format!("group={hostile} no token|id:7")],
        &["The", "--format", hostile],
        &["The", "--color-by", hostile],
        &["The", "-o", &format!("/nonexistent/{hostile}.csv")],
        &["--prompts", &format!("/nonexistent/{hostile}")],
        &["The", "--device", hostile],
        &["The", &format!("--{hostile}")],
    ] {
        let run = run(&[args, &["-q", "--offline", "--color", "never"]].concat());
        assert!(matches!(run.code, Some(1 | 2)), "{args:?}: {run:?}");
        assert!(
            run.stdout.is_empty() && run.stderr.starts_with("error: "),
            "{run:?}"
        );
        assert_shown(&run.stderr, &format!("{args:?}: {:?}", run.stderr));
    }
}

/// A model that loads may have any name that a directory may have.
#[cfg(unix)]
#[test]
fn a_models_name_is_shown() {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("x\u{202e}y\u{1b}[2Jz");
    std::fs::create_dir(&model).unwrap();
    for file in std::fs::read_dir(GPT2).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), model.join(file.file_name())).unwrap();
    }
    let name = model.to_str().unwrap();
    let svg = folder.path().join("x.svg");
    for args in [
        &["--summary", "--track", "id:5"][..],
        &["-m", GPT2],
        &["--tokens"],
        &["--format", "markdown"],
        &["--format", "json"],
        &["--format", "heatmap"],
        &["--format", "plot"],
        &["--format", "html"],
        &["--summary", "--track", "id:5", "--format", "markdown"],
        &["--summary", "--track", "id:5", "--format", "json"],
        &["-m", GPT2, "--format", "markdown"],
        &["-o", svg.to_str().unwrap()],
    ] {
        let run = run(&[&["The city", "-m", name, "--color", "never"], args].concat());
        assert_eq!(run.code, Some(0), "{args:?}: {run:?}");
        assert_shown(&run.stdout, &format!("{args:?}"));
        assert_shown(&run.stderr, &format!("{args:?}"));
    }
    assert_shown(&std::fs::read_to_string(&svg).unwrap(), "svg");
    let card = run(&["-m", name]);
    assert_eq!(card.code, Some(0));
    assert_shown(&card.stdout, "card");
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    for bytes in [&b"\xff"[..], b"The \xe6\x9d", b"\xc0\x80", b"\xed\xa0\x80"] {
        let run = from_stdin(&["--prompts", "-", "-q"], &[b"The\n", bytes, b"\nThe\n"].concat());
        assert_eq!(run.code, Some(1));
        assert!(
            run.stderr.contains("stdin, line 2, is not UTF-8"),
            "{}",
            run.stderr
        );
        // What came before it is read all the same.
        assert!(run.stdout.contains("The"));
        let mut file = NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let path = file.path().to_str().unwrap().to_string();
        assert_fails(
            &crate::support::run(&["--prompts", &path, "-q"]),
            1,
            "is not UTF-8",
        );
    }
}

#[cfg(unix)]
#[test]
fn arguments_that_are_not_utf_8_are_wrong_usage() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let hostile = OsStr::from_bytes(b"The \xff\x1b[31m");
    for args in [&[hostile][..], &[OsStr::new("The"), OsStr::new("-m"), hostile]] {
        let run: Run = lens().args(args).output().unwrap().into();
        assert_eq!(run.code, Some(2), "{run:?}");
        assert_shown(&run.stderr, "arguments");
    }
    // A path may be any bytes.
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(OsStr::from_bytes(b"\xff\x1b.csv"));
    let run: Run = lens()
        .args([
            OsStr::new("The"),
            OsStr::new("-q"),
            OsStr::new("-o"),
            path.as_os_str(),
        ])
        .output()
        .unwrap()
        .into();
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(std::fs::read_to_string(path).unwrap().starts_with("prompt,"));
}

#[test]
fn prompts_of_any_length_are_read_or_refused() {
    assert_fails(&run(&["", "-q"]), 2, "The prompt is empty");
    for text in [
        "a".repeat(1 << 20),
        "a ".repeat(1 << 19),
        "\u{1b}[".repeat(1 << 19),
        " ".repeat(1 << 20),
    ] {
        let run = from_stdin(&["--prompts", "-", "-q"], text.as_bytes());
        assert_fails(&run, 1, "but the model's context holds 256");
    }
    let empty = from_stdin(&["--prompts", "-"], b"");
    assert_eq!((empty.code, empty.stdout.as_str()), (Some(0), ""));
    assert!(empty.stderr.contains("there are no prompts"));
}
