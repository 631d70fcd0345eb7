//! The works that are timed.

use std::path::Path;
use std::process::Command;

use criterion::Criterion;

use crate::arithmetic::{self, Sizes};
use crate::artefact;
use crate::book::Book;
use crate::child;
use crate::models::Models;
use crate::process;
use crate::prompts::{self, Prompts};
use crate::round::{Contender, Work, time};

/// Times everything that the command line's filter lets through.
pub fn all(criterion: &mut Criterion, book: &mut Book, models: &Models) {
    time(criterion, book, ("cold", "gpt2"), || cold(models));
    time(criterion, book, ("cold", "smollm2"), || types(models));
    if let Some(model) = models.large() {
        time(criterion, book, ("cold", "8b"), || large(&model));
    }
    for tokens in [10, 256] {
        time(criterion, book, ("lenses", &format!("gpt2-{tokens}")), || {
            lenses(&models.gpt2(), tokens)
        });
    }
    time(criterion, book, ("lenses", "8b"), || {
        lenses(&models.large().unwrap_or_else(|| models.llama_8b()), 10)
    });
    time(criterion, book, ("tokens", "gpt2"), || tokens(&models.gpt2()));
    time(criterion, book, ("tokens", "262144"), || {
        tokens(&models.many_tokens())
    });
    for tokens in [16, 128, 1007] {
        time(criterion, book, ("grid", &tokens.to_string()), || {
            grid(models, tokens)
        });
    }
    for tokens in [16, 1007] {
        time(criterion, book, ("json", &tokens.to_string()), || {
            json(models, tokens)
        });
    }
    for model in models.checkpoints() {
        let name = model
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        time(criterion, book, ("given", &name), || given(&model));
        time(criterion, book, ("tokens", &name), || tokens(&model));
    }
    time(criterion, book, ("generate", "smollm2"), || generation(models));
    time(criterion, book, ("batch", "64x16"), || batch(models));
    time(criterion, book, ("eval", "1000x16"), || evaluation(models));
    scaling(criterion, book, models);
}

/// The whole process at its smallest work, on GPT-2's shape.
fn cold(models: &Models) -> Work {
    let model = models.gpt2();
    let prompt = Prompts::new(&model).of(10);
    let what = "GPT-2's shape, 10 tokens, last position, top-5".to_string();
    let mut work = Work::of(what, lens("lens", &model, &prompt, &[]))
        .against(floor("floor", &model), &[("lens", "floor")]);
    if let Some(peer) = models.peer("nnsight", "last", &model, &prompt) {
        work = work.against(
            peer.at_most(3),
            &[("nnsight", "lens"), ("nnsight compute", "lens")],
        );
    }
    if let Some(peer) = models.peer("torch", "last", &model, &prompt) {
        work = work.against(peer.at_most(3), &[("torch", "lens"), ("torch compute", "lens")]);
    }
    work
}

/// The same in bfloat16 and in float32, on SmolLM2's shape.
fn types(models: &Models) -> Work {
    let (narrow, wide) = (models.smollm2_bf16(), models.smollm2());
    let prompt = Prompts::new(&wide).of(10);
    let what = "SmolLM2's shape, 10 tokens, last position, top-5".to_string();
    Work::of(what, lens("lens bf16", &narrow, &prompt, &[]))
        .against(
            lens("lens f32", &wide, &prompt, &[]),
            &[("lens bf16", "lens f32")],
        )
        .against(floor("floor bf16", &narrow), &[("lens bf16", "floor bf16")])
        .against(floor("floor f32", &wide), &[("lens f32", "floor f32")])
}

/// A prompt cut into tokens, and no more.
fn tokens(model: &Path) -> Work {
    let prompt = Prompts::new(model).of(10);
    Work::of(
        "--tokens, 10 of them".to_string(),
        lens("lens", model, &prompt, &["--tokens"]),
    )
}

/// A model that takes most of the memory, or more than there is.
fn large(model: &Path) -> Work {
    let prompt = Prompts::new(model).of(10);
    let what = "the large model, 10 tokens, last position, top-5".to_string();
    Work::of(what, lens("lens", model, &prompt, &[]).at_most(3))
        .against(floor("floor", model).at_most(3), &[("lens", "floor")])
}

/// A Jacobian lens of the model's size, alone and beside the logit lens: of few tokens the last position, of more
/// all of them.
fn lenses(model: &Path, tokens: usize) -> Work {
    let prompt = Prompts::new(model).of(tokens);
    let jacobian = format!("jacobian={}", artefact::jacobian(model).display());
    let both = format!("logit,{jacobian}");
    let (positions, top_k) = if tokens > 16 { ("all", "1") } else { ("-1", "5") };
    let under = |name, lens: &str| {
        let rest = ["--lens", lens, "--positions", positions, "-k", top_k];
        self::lens(name, model, &prompt, &rest)
    };
    Work::of(
        format!("{tokens} tokens, positions {positions}, top-{top_k}"),
        under("jacobian", &jacobian),
    )
    .against(under("logit", "logit"), &[("jacobian", "logit")])
    .against(
        under("logit and jacobian", &both),
        &[("logit and jacobian", "logit")],
    )
}

/// Every layer and position, top-1.
fn grid(models: &Models, tokens: usize) -> Work {
    let model = models.gpt2();
    let prompt = Prompts::new(&model).of(tokens);
    let answer = prompts::write("bench-grid.txt", "");
    let rest = ["--positions", "all", "-k", "1", "-o", answer.to_str().unwrap()];
    let what = format!("GPT-2's shape, {tokens} tokens, every layer and position, top-1");
    let mut work = Work::of(what, lens("lens", &model, &prompt, &rest));
    work.operations = Some(Sizes::read(&model).operations(1, tokens, tokens));
    work = work.against(Contender::new("peak", |_| arithmetic::peak()), &[]);
    let input = prompts::write(&format!("bench-{tokens}.txt"), &prompt);
    match models.peer("torch", "grid", &model, input.to_str().unwrap()) {
        Some(peer) => work.against(peer.at_most(1), &[("torch compute", "lens")]),
        None => work,
    }
}

/// The same as JSON, in which the likeliest tokens are followed, and as CSV, in which none is.
fn json(models: &Models, tokens: usize) -> Work {
    let model = models.gpt2();
    let prompt = Prompts::new(&model).of(tokens);
    let in_format = |name, format: &str| {
        let answer = prompts::write(&format!("bench-grid.{format}"), "");
        let answer = answer.to_str().unwrap();
        let rest = ["--positions", "all", "-k", "1", "--format", format, "-o", answer];
        lens(name, &model, &prompt, &rest).at_most(5)
    };
    let what = format!("GPT-2's shape, {tokens} tokens, every layer and position, top-1");
    Work::of(what, in_format("json", "json")).against(in_format("csv", "csv"), &[("json", "csv")])
}

/// A checkpoint or a GGUF that is not made here.
fn given(model: &Path) -> Work {
    const PROMPT: &str = "The Eiffel Tower is in the city of";
    let what = format!("{}, \"{PROMPT}\", last position, top-5", model.display());
    Work::of(what, lens("lens", model, PROMPT, &[])).against(floor("floor", model), &[("lens", "floor")])
}

/// A prompt continued, against the passes of its tokens one at a time.
fn generation(models: &Models) -> Work {
    let model = models.smollm2();
    let prompt = Prompts::new(&model).of(10);
    let many = |name, count: &str| lens(name, &model, &prompt, &["--generate", count, "-k", "1"]);
    Work::of(
        "SmolLM2's shape, 10 tokens and 64 that are generated".to_string(),
        many("64 tokens", "64"),
    )
    .against(many("1 token", "1"), &[("64 tokens", "1 token")])
    .against(floor("floor", &model), &[("64 tokens", "floor")])
}

/// Many prompts at once.
fn batch(models: &Models) -> Work {
    let model = models.gpt2();
    let input = Prompts::new(&model).file(64, 16);
    let what = "GPT-2's shape, 64 prompts of 16 tokens, last position, top-5".to_string();
    let mut work = Work::of(what, library("lens", &model, &input));
    work.operations = Some(Sizes::read(&model).operations(64, 16, 1));
    work = work.against(Contender::new("peak", |_| arithmetic::peak()), &[]);
    let input = input.to_str().unwrap();
    if let Some(peer) = models.peer("torch", "batch", &model, input) {
        work = work.against(peer.at_most(2), &[("torch compute", "lens")]);
    }
    if let Some(peer) = models.peer("nnsight", "batch", &model, input) {
        work = work.against(peer.at_most(1), &[("nnsight compute", "lens")]);
    }
    work
}

/// An evaluation, against its prompts as a batch and no more.
fn evaluation(models: &Models) -> Work {
    const ITEMS: usize = 1000;
    let model = models.gpt2();
    let mut prompts = Prompts::new(&model);
    let items: Vec<String> = (0..ITEMS)
        .map(|_| serde_json::json!({"prompt": prompts.of(16), "targets": ["id:7"]}).to_string())
        .collect();
    let items = prompts::write("bench-eval.jsonl", &items.join("\n"));
    let options = ["--eval", items.to_str().unwrap(), "--bos", "never"];
    let input = prompts.file(ITEMS, 16);
    let what = format!("GPT-2's shape, {ITEMS} prompts of 16 tokens, pass@k at every layer");
    Work::of(what, run("lens --eval", &model, &options).at_most(1)).against(
        library("batch", &model, &input).at_most(1),
        &[("lens --eval", "batch")],
    )
}

/// What time and memory do as one size grows and the others stay.
fn scaling(criterion: &mut Criterion, book: &mut Book, models: &Models) {
    let grid = ["--positions", "all", "-k", "1"];
    for tokens in [16, 64, 256, 1007] {
        time(criterion, book, ("scaling", &format!("prompt/{tokens}")), || {
            let model = models.growing(None, None);
            let prompt = Prompts::new(&model).of(tokens);
            Work::of(
                format!("{tokens} tokens, every position"),
                lens("lens", &model, &prompt, &grid),
            )
        });
    }
    for prompts in [1, 4, 16, 64] {
        time(criterion, book, ("scaling", &format!("batch/{prompts}")), || {
            let model = models.growing(None, None);
            let input = Prompts::new(&model).file(prompts, 16);
            Work::of(
                format!("batch of {prompts}, 16 tokens each, last position"),
                library("lens", &model, &input),
            )
        });
    }
    for layers in [3, 6, 12] {
        time(criterion, book, ("scaling", &format!("layers/{layers}")), || {
            let model = models.growing(Some(layers), None);
            let prompt = Prompts::new(&model).of(64);
            Work::of(
                format!("{layers} layers, 64 tokens, every position"),
                lens("lens", &model, &prompt, &grid),
            )
        });
    }
    for vocabulary in [1024, 4096, 16384, 50257] {
        time(
            criterion,
            book,
            ("scaling", &format!("vocabulary/{vocabulary}")),
            || {
                let model = models.growing(None, Some(vocabulary));
                let prompt = Prompts::new(&model).of(64);
                let what = format!("vocabulary of {vocabulary}, 64 tokens, every position");
                Work::of(what, lens("lens", &model, &prompt, &grid))
            },
        );
    }
}

/// The program itself on one prompt.
fn lens(name: &'static str, model: &Path, prompt: &str, rest: &[&str]) -> Contender {
    run(name, model, &[&[prompt], rest].concat())
}

/// The program itself.
fn run(name: &'static str, model: &Path, rest: &[&str]) -> Contender {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lens"));
    command
        .arg("--model")
        .arg(model)
        .args(["--device", "cpu", "--quiet"])
        .args(rest);
    Contender::new(name, move |watched| process::run(&mut command, watched))
}

/// The library on many prompts, in a process of its own.
fn library(name: &'static str, model: &Path, prompts: &Path) -> Contender {
    let mut command = child::batch(model, prompts);
    Contender::new(name, move |watched| process::run(&mut command, watched))
}

/// Reading each byte once.
fn floor(name: &'static str, model: &Path) -> Contender {
    let mut command = child::floor(model);
    Contender::new(name, move |watched| process::run(&mut command, watched))
}
