//! How long the work takes, how much memory it needs, and how that compares: `cargo bench`.
//!
//! Criterion times whole processes. In each round everything that a piece of work is compared with
//! runs in turn, so that the noise of a shared machine falls on all of it; the first round warms
//! up, and its runs are the ones whose memory is watched. No time is asserted anywhere: the end is a table,
//! and the same numbers in `target/bench.json`.
//!
//! The models have the shapes of well-known ones and random weights. They are made on first use,
//! under `target/bench-models/`. The environment may name others, and peers to be compared with:
//!
//! | variable | what it names |
//! |---|---|
//! | `LENS_BENCH_GPT2`, `LENS_BENCH_SMOLLM2`, `LENS_BENCH_SMOLLM2_BF16` | a checkpoint's directory, in place of one made |
//! | `LENS_BENCH_8B` | the directory of a larger checkpoint, to be read cold and under a lens |
//! | `LENS_BENCH_MODELS` | directories and GGUF files, to be read cold, separated as in `PATH` |
//! | `LENS_BENCH_PEERS` | a Python interpreter that has nnsight and transformers |
//! | `LENS_BENCH_PEER_SCRIPT` | the script for it: `SCRIPT nnsight\|torch last\|grid\|batch MODEL INPUT`, whose last line is JSON |
//!
//! Without `--bench`, as `cargo test --benches` runs it, each piece of work runs once on a tiny
//! model, which shows that the benchmark itself works.

mod arithmetic;
mod artefact;
mod book;
mod checkpoint;
mod child;
mod figures;
#[cfg(feature = "explore")]
mod keys;
mod models;
mod process;
mod prompts;
mod round;
mod tokenizer;
mod works;

use std::time::Duration;

use criterion::Criterion;

use book::Book;
use models::Models;

/// The program's own, so that the library in a process of the benchmark's runs as in the program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|first| first == child::FLAG) {
        return child::main(&arguments[2..]);
    }
    let given = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let quick = !given("--bench") || given("--test");

    let mut criterion = Criterion::default()
        .without_plots()
        .sample_size(10)
        .warm_up_time(Duration::from_nanos(1))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    let mut book = Book::default();
    works::all(&mut criterion, &mut book, &Models::new(quick));
    #[cfg(feature = "explore")]
    keys::keys(&mut criterion);
    criterion.final_summary();
    if !quick {
        book.close();
    }
}
