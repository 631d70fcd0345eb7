//! Which models are measured: those that the environment names, or such as are made.

use std::env::var_os;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::checkpoint::{Family, Shape};
use crate::process;
use crate::round::Contender;

/// GPT-2 small.
const GPT2: Shape = Shape {
    family: Family::Gpt2,
    layers: 12,
    hidden: 768,
    inner: 3072,
    heads: 12,
    vocabulary: 50257,
    context: 1024,
    bf16: false,
};

/// SmolLM2-135M.
const SMOLLM2: Shape = Shape {
    family: Family::Llama { kv_heads: 3 },
    layers: 30,
    hidden: 576,
    inner: 1536,
    heads: 9,
    vocabulary: 49152,
    context: 8192,
    bf16: false,
};

/// Llama-3.1-8B with a quarter of its layers, so that it stays in the page cache of a usual machine: what a lens
/// adds is in proportion to the layers, as all else is but the embedding.
const LLAMA_8B: Shape = Shape {
    family: Family::Llama { kv_heads: 8 },
    layers: 8,
    hidden: 4096,
    inner: 14336,
    heads: 32,
    vocabulary: 128_256,
    context: 8192,
    bf16: true,
};

/// What grows from here, one size at a time.
const GROWING: Shape = Shape {
    layers: 6,
    hidden: 512,
    inner: 2048,
    heads: 8,
    vocabulary: 16384,
    ..GPT2
};

/// The models, and the peers that know them.
pub struct Models {
    /// Everything tiny, to see that it works.
    pub quick: bool,
    root: PathBuf,
}

impl Models {
    pub fn new(quick: bool) -> Self {
        Self {
            quick,
            root: target().join("bench-models"),
        }
    }

    pub fn gpt2(&self) -> PathBuf {
        self.given("LENS_BENCH_GPT2").unwrap_or_else(|| self.made(GPT2))
    }

    pub fn smollm2(&self) -> PathBuf {
        self.given("LENS_BENCH_SMOLLM2")
            .unwrap_or_else(|| self.made(SMOLLM2))
    }

    pub fn smollm2_bf16(&self) -> PathBuf {
        let made = || {
            self.made(Shape {
                bf16: true,
                ..SMOLLM2
            })
        };
        self.given("LENS_BENCH_SMOLLM2_BF16").unwrap_or_else(made)
    }

    pub fn llama_8b(&self) -> PathBuf {
        self.made(LLAMA_8B)
    }

    /// A vocabulary as large as Gemma's, and a decoder as small as can be.
    pub fn many_tokens(&self) -> PathBuf {
        self.made(Shape {
            layers: 1,
            hidden: 64,
            inner: 64,
            heads: 1,
            vocabulary: 262_144,
            ..GPT2
        })
    }

    /// A checkpoint that may be larger than memory.
    pub fn large(&self) -> Option<PathBuf> {
        self.given("LENS_BENCH_8B")
    }

    /// Checkpoints and GGUFs that are not made here.
    pub fn checkpoints(&self) -> Vec<PathBuf> {
        let given = self.given("LENS_BENCH_MODELS").unwrap_or_default();
        std::env::split_paths(&given)
            .filter(|path| path.exists())
            .collect()
    }

    /// The shape that grows, with other layers and vocabulary if given.
    pub fn growing(&self, layers: Option<usize>, vocabulary: Option<usize>) -> PathBuf {
        self.made(Shape {
            layers: layers.unwrap_or(GROWING.layers),
            vocabulary: vocabulary.unwrap_or(GROWING.vocabulary),
            ..GROWING
        })
    }

    /// A peer doing `work` on `input`; `None` where none is given.
    pub fn peer(
        &self,
        name: &'static str,
        work: &'static str,
        model: &Path,
        input: &str,
    ) -> Option<Contender> {
        let python = self.given("LENS_BENCH_PEERS")?;
        let script = self.given("LENS_BENCH_PEER_SCRIPT")?;
        let (model, input) = (model.to_owned(), input.to_owned());
        let run = move |watched| {
            let mut command = Command::new(&python);
            command.arg(&script).args([name, work]).arg(&model).arg(&input);
            command.env("HF_HUB_OFFLINE", "1").stderr(Stdio::null());
            let mut run = process::run_and_listen(&mut command, watched);
            if let Some((whole, compute)) = run.output.as_deref().and_then(told) {
                (run.wall, run.compute) = (whole, Some(compute));
            }
            run
        };
        Some(Contender::new(name, run))
    }

    fn given(&self, variable: &str) -> Option<PathBuf> {
        var_os(variable)
            .filter(|path| !path.is_empty() && !self.quick)
            .map(PathBuf::from)
    }

    fn made(&self, shape: Shape) -> PathBuf {
        let tiny = Shape {
            layers: shape.layers.min(2),
            hidden: 16 * shape.heads,
            inner: 64,
            vocabulary: shape.vocabulary.min(600),
            ..shape
        };
        (if self.quick { tiny } else { shape }).directory(&self.root)
    }
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// What a peer's last line tells: the time from its start to its first answer (the process goes
/// on to compute the same again, warm, which is not counted), and the seconds of computing warm.
fn told(output: &str) -> Option<(Duration, f64)> {
    let told: Value = serde_json::from_str(output.lines().last()?).ok()?;
    let seconds = |of: &str| told["seconds"][of].as_f64();
    let whole = seconds("import")? + seconds("load")? + seconds("compute")?;
    Some((Duration::from_secs_f64(whole), seconds("warm")?))
}
