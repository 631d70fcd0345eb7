//! What the test files share: the fixtures and their references, altered copies, the binary.

#![allow(dead_code, reason = "each test file uses its own part")]

pub mod gguf;
pub mod signals;
#[cfg(unix)]
pub mod terminal;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};

use logit_lens::machine::device::DeviceChoice;
use logit_lens::model::{LoadOptions, Model};
use logit_lens::source::{self, HubOptions};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde_json::{Map, Value};
use tempfile::TempDir;

/// Every fixture that `tests/fixtures/make.py` makes, by name.
pub fn fixtures() -> Vec<String> {
    let folder = fixture("");
    let mut names: Vec<String> = (std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().join("reference.json").exists())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() > 20, "{} fixtures only", names.len());
    names
}

pub fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", name]
        .iter()
        .collect()
}

pub fn load(name: &str) -> Model {
    load_path(fixture(name).to_str().unwrap()).unwrap()
}

/// On the CPU, whose bits do not depend on what else is computed.
pub fn load_path(path: &str) -> logit_lens::error::Result<Model> {
    load_on(DeviceChoice::Cpu, path)
}

pub fn load_on(device: DeviceChoice, path: &str) -> logit_lens::error::Result<Model> {
    let files = source::locate(path, &HubOptions::default())?;
    let options = LoadOptions {
        device,
        ..LoadOptions::default()
    };
    Model::load(&files, options)
}

/// What `transformers` says, in float64, of a fixture's prompts.
#[derive(Deserialize)]
pub struct Reference {
    pub layers: usize,
    pub prompts: Vec<ReferencePrompt>,
    #[serde(skip)]
    data: Vec<u8>,
}

#[derive(Deserialize)]
pub struct ReferencePrompt {
    pub text: String,
    pub ids: Vec<u32>,
    pub positions: Vec<usize>,
}

impl Reference {
    pub fn read(name: &str) -> Self {
        let json = std::fs::read_to_string(fixture(name).join("reference.json")).unwrap();
        let data = std::fs::read(fixture(name).join("reference.safetensors")).unwrap();
        Self {
            data,
            ..serde_json::from_str(&json).unwrap()
        }
    }

    /// The logits at a row of a prompt: one vector for each position kept.
    pub fn logits(&self, prompt: usize, label: &str) -> Vec<Vec<f64>> {
        let tensors = SafeTensors::deserialize(&self.data).unwrap();
        let tensor = tensors.tensor(&format!("p{prompt}.{label}")).unwrap();
        let values: Vec<f64> = match tensor.dtype() {
            safetensors::Dtype::F64 => {
                let (words, _) = tensor.data().as_chunks::<8>();
                words.iter().map(|&w| f64::from_le_bytes(w)).collect()
            }
            _ => {
                let (words, _) = tensor.data().as_chunks::<4>();
                words.iter().map(|&w| f32::from_le_bytes(w) as f64).collect()
            }
        };
        values.chunks(tensor.shape()[1]).map(<[f64]>::to_vec).collect()
    }
}

/// The binary, run from the crate's root in an environment that says nothing about colours, widths
/// or the hub.
pub fn lens() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lens"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM", "CI"] {
        command.env_remove(name);
    }
    for name in [
        "HF_HOME",
        "HF_HUB_CACHE",
        "HF_HUB_OFFLINE",
        "HF_ENDPOINT",
        "HF_TOKEN",
    ] {
        command.env_remove(name);
    }
    command.env("RUST_BACKTRACE", "1");
    command
}

/// What one run of the binary said.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn run(args: &[&str]) -> Run {
    lens().args(args).output().unwrap().into()
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A fixture's files copied to a directory of their own, to be altered.
pub struct Checkpoint(TempDir);

/// The tensors of a file by name.
pub type Tensors = BTreeMap<String, Stored>;

#[derive(Debug, Clone)]
pub struct Stored {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub data: Vec<u8>,
}

impl Checkpoint {
    pub fn copy_of(name: &str) -> Self {
        let copy = Self(TempDir::new().unwrap());
        for entry in std::fs::read_dir(fixture(name)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if !name.starts_with("reference") {
                std::fs::copy(entry.path(), copy.file(&name)).unwrap();
            }
        }
        copy
    }

    /// Logits so large that float32's own rounding is more than what two ways of computing may differ by.
    pub fn of_huge_logits() -> Self {
        let model = Self::copy_of("gpt2");
        model.tensors(|tensors| {
            let mut all = tensors.iter();
            let (name, norm) = all.find(|(name, _)| name.ends_with("ln_f.weight")).unwrap();
            let large = norm.map_f32(Dtype::F32, |x| (x * 1e6).to_le_bytes());
            tensors.insert(name.clone(), large);
        });
        model
    }

    pub fn path(&self) -> &str {
        self.0.path().to_str().unwrap()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn load(&self) -> logit_lens::error::Result<Model> {
        load_path(self.path())
    }

    pub fn write(&self, name: &str, text: &str) -> &Self {
        std::fs::write(self.file(name), text).unwrap();
        self
    }

    pub fn remove(&self, name: &str) -> &Self {
        std::fs::remove_file(self.file(name)).unwrap();
        self
    }

    /// Alters the fields of config.json.
    pub fn config(&self, alter: impl FnOnce(&mut Map<String, Value>)) -> &Self {
        let text = std::fs::read_to_string(self.file("config.json")).unwrap();
        let mut fields = serde_json::from_str(&text).unwrap();
        alter(&mut fields);
        self.write("config.json", &Value::Object(fields).to_string())
    }

    /// Alters one field of config.json.
    pub fn set(&self, key: &str, value: Value) -> &Self {
        self.config(|fields| _ = fields.insert(key.to_string(), value))
    }

    /// Alters the tensors of model.safetensors.
    pub fn tensors(&self, alter: impl FnOnce(&mut Tensors)) -> &Self {
        let mut tensors = self.read("model.safetensors");
        alter(&mut tensors);
        self.save("model.safetensors", &tensors)
    }

    pub fn read(&self, file: &str) -> Tensors {
        let bytes = std::fs::read(self.file(file)).unwrap();
        let tensors = SafeTensors::deserialize(&bytes).unwrap();
        let stored = tensors.iter().map(|(name, view)| {
            let stored = Stored {
                dtype: view.dtype(),
                shape: view.shape().to_vec(),
                data: view.data().to_vec(),
            };
            (name.to_string(), stored)
        });
        stored.collect()
    }

    pub fn save(&self, file: &str, tensors: &Tensors) -> &Self {
        let views = tensors.iter().map(|(name, t)| {
            let view = TensorView::new(t.dtype, t.shape.clone(), &t.data).unwrap();
            (name, view)
        });
        let bytes = safetensors::serialize(views, None).unwrap();
        std::fs::write(self.file(file), bytes).unwrap();
        self
    }
}

impl Stored {
    /// All zeros.
    pub fn zeros(dtype: Dtype, shape: &[usize]) -> Self {
        Self {
            dtype,
            shape: shape.to_vec(),
            data: vec![0; shape.iter().product::<usize>() * dtype.bitsize() / 8],
        }
    }

    /// A float32 tensor's numbers, changed.
    pub fn map_f32<const N: usize>(&self, dtype: Dtype, change: impl Fn(f32) -> [u8; N]) -> Self {
        assert_eq!(self.dtype, Dtype::F32);
        let (words, _) = self.data.as_chunks::<4>();
        Self {
            dtype,
            shape: self.shape.clone(),
            data: words
                .iter()
                .flat_map(|&w| change(f32::from_le_bytes(w)))
                .collect(),
        }
    }
}
