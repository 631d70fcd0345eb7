//! What the benchmark's own executable does in a process of its own.

use std::fs;
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{available_parallelism, scope};

use logit_lens::lens::Request;
use logit_lens::machine::device::DeviceChoice;
use logit_lens::model::{LoadOptions, Model};
use logit_lens::source::{self, HubOptions};
use memmap2::Mmap;
use safetensors::SafeTensors;

/// The first argument of such a process.
pub const FLAG: &str = "--as-child";

/// Bytes that a thread of the floor reads before it looks for more.
const STRETCH: usize = 8 << 20;

/// A process that maps the model's weights and reads each byte once, on all cores.
pub fn floor(model: &Path) -> Command {
    let mut command = this();
    command.arg("floor").arg(model);
    command
}

/// A process that reads many prompts through the library, for which the command line has no option:
/// every layer, last position, top-5. `prompts` is a JSON file with a list of them.
pub fn batch(model: &Path, prompts: &Path) -> Command {
    let mut command = this();
    command.arg("batch").arg(model).arg(prompts);
    command
}

fn this() -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(FLAG);
    command
}

pub fn main(arguments: &[String]) {
    match arguments {
        [work, model] if work == "floor" => read_bytes(Path::new(model)),
        [work, model, prompts] if work == "batch" => read_prompts(model, Path::new(prompts)),
        _ => panic!("{arguments:?} is no work for a child"),
    }
}

fn read_prompts(model: &str, prompts: &Path) {
    let files = source::locate(model, &HubOptions::default()).unwrap();
    let options = LoadOptions {
        device: DeviceChoice::Cpu,
        ..LoadOptions::default()
    };
    let model = ManuallyDrop::new(Model::load(&files, options).unwrap());
    let prompts: Vec<String> = serde_json::from_str(&fs::read_to_string(prompts).unwrap()).unwrap();
    let prompts: Vec<&str> = prompts.iter().map(String::as_str).collect();
    let request = Request {
        top_k: 5,
        ..Request::default()
    };
    std::hint::black_box(model.read(&prompts, &request).unwrap());
}

fn read_bytes(model: &Path) {
    let maps: Vec<Mmap> = weights(model).iter().map(|path| map(path)).collect();
    let pieces: Vec<&[u8]> = maps.iter().flat_map(|map| used(map)).collect();
    let next = AtomicUsize::new(0);
    let cores = available_parallelism().map_or(1, usize::from);
    scope(|threads| {
        for _ in 0..cores {
            threads.spawn(|| {
                let taken = || pieces.get(next.fetch_add(1, Ordering::Relaxed));
                let folded = std::iter::from_fn(taken).fold(0, |sum, piece| sum ^ fold(piece));
                std::hint::black_box(folded);
            });
        }
    });
}

/// The exclusive or of all words.
fn fold(bytes: &[u8]) -> u64 {
    let (lines, rest) = bytes.as_chunks::<64>();
    let mut sums = [0u64; 8];
    for line in lines {
        let (words, _) = line.as_chunks::<8>();
        for (sum, word) in sums.iter_mut().zip(words) {
            *sum ^= u64::from_ne_bytes(*word);
        }
    }
    rest.iter()
        .map(|&byte| byte as u64)
        .chain(sums)
        .fold(0, |x, y| x ^ y)
}

/// The bytes of the tensors that a model is made of, in stretches: not of the causal masks that
/// old GPT-2 files carry along. Of a GGUF all bytes: the metadata are the tokenizer.
fn used(map: &Mmap) -> Vec<&[u8]> {
    if map.starts_with(b"GGUF") {
        return map.chunks(STRETCH).collect();
    }
    let tensors = SafeTensors::deserialize(map).unwrap();
    (tensors.iter())
        .filter(|(name, _)| !name.ends_with(".attn.bias") && !name.ends_with(".attn.masked_bias"))
        .flat_map(|(_, tensor)| tensor.data().chunks(STRETCH))
        .collect()
}

#[expect(unsafe_code, reason = "what lens is compared with is a mapping, too")]
fn map(path: &Path) -> Mmap {
    // SAFETY: nobody cuts the file short while the benchmark runs.
    unsafe { Mmap::map(&fs::File::open(path).unwrap()) }.unwrap()
}

/// The checkpoint's files, in order.
fn weights(model: &Path) -> Vec<PathBuf> {
    if model.is_file() {
        return vec![model.to_path_buf()];
    }
    let entries = fs::read_dir(model).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
        .collect();
    paths.sort();
    paths
}
