//! Checkpoints of any shape with random weights, as the hub has them.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use half::bf16;
use serde_json::{Map, Value, json};

use crate::tokenizer;

/// The families that are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Gpt2,
    /// Llama, with tied embeddings.
    Llama {
        kv_heads: usize,
    },
}

/// What a checkpoint is like.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub family: Family,
    pub layers: usize,
    pub hidden: usize,
    pub inner: usize,
    pub heads: usize,
    pub vocabulary: usize,
    pub context: usize,
    pub bf16: bool,
}

/// Random numbers, the same ones each time (splitmix64).
pub struct Random(pub u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A whole number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.bits() % bound as u64) as usize
    }

    /// An even distribution around 0 with the usual standard deviation of initial weights, 0.02.
    pub fn weight(&mut self) -> f32 {
        let unit = (self.bits() >> 40) as f32 / (1 << 24) as f32;
        (unit - 0.5) * 0.02 * 12f32.sqrt()
    }
}

impl Shape {
    /// A name for the directory, which tells shapes apart.
    fn name(&self) -> String {
        let family = match self.family {
            Family::Gpt2 => "gpt2".to_string(),
            Family::Llama { kv_heads } => format!("llama{kv_heads}"),
        };
        let dtype = if self.bf16 { "bf16" } else { "f32" };
        format!(
            "{family}-{}x{}-{}-h{}-v{}-c{}-{dtype}",
            self.layers, self.hidden, self.inner, self.heads, self.vocabulary, self.context
        )
    }

    /// The directory of the checkpoint under `root`; made now, unless it was before.
    pub fn directory(&self, root: &Path) -> PathBuf {
        let path = root.join(self.name());
        if !path.exists() {
            fs::create_dir_all(root).unwrap();
            let making = tempfile::tempdir_in(root).unwrap();
            self.write(making.path());
            fs::rename(making.keep(), &path).unwrap();
        }
        path
    }

    fn write(&self, dir: &Path) {
        let random = &mut Random(1);
        let tokenizer = tokenizer::json(self.vocabulary, random);
        fs::write(dir.join("tokenizer.json"), tokenizer).unwrap();
        let end = "<|endoftext|>";
        let about = json!({"tokenizer_class": "GPT2Tokenizer", "bos_token": end, "eos_token": end});
        fs::write(dir.join("tokenizer_config.json"), about.to_string()).unwrap();
        fs::write(dir.join("config.json"), self.config().to_string()).unwrap();
        self.write_weights(&dir.join("model.safetensors"), random);
    }

    fn config(&self) -> Value {
        let end = self.vocabulary - 1;
        match self.family {
            Family::Gpt2 => json!({
                "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "activation_function": "gelu_new",
                "n_embd": self.hidden, "n_inner": self.inner, "n_layer": self.layers, "n_head": self.heads,
                "n_positions": self.context, "n_ctx": self.context, "layer_norm_epsilon": 1e-5,
                "vocab_size": self.vocabulary, "bos_token_id": end, "eos_token_id": end
            }),
            Family::Llama { kv_heads } => json!({
                "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_act": "silu",
                "hidden_size": self.hidden, "intermediate_size": self.inner,
                "num_hidden_layers": self.layers, "num_attention_heads": self.heads,
                "num_key_value_heads": kv_heads, "max_position_embeddings": self.context,
                "rms_norm_eps": 1e-5, "rope_theta": 100000.0, "tie_word_embeddings": true,
                "vocab_size": self.vocabulary, "bos_token_id": end, "eos_token_id": end
            }),
        }
    }

    /// Names and shapes, in the file's order.
    fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let (hidden, inner) = (self.hidden, self.inner);
        let mut tensors = Vec::new();
        let mut add = |name: String, shape: &[usize]| tensors.push((name, shape.to_vec()));
        match self.family {
            Family::Gpt2 => {
                add("wte.weight".into(), &[self.vocabulary, hidden]);
                add("wpe.weight".into(), &[self.context, hidden]);
                let mut affine = |name: String, shape: &[usize]| {
                    add(format!("{name}.weight"), shape);
                    add(format!("{name}.bias"), &shape[shape.len() - 1..]);
                };
                for layer in 0..self.layers {
                    affine(format!("h.{layer}.ln_1"), &[hidden]);
                    affine(format!("h.{layer}.attn.c_attn"), &[hidden, 3 * hidden]);
                    affine(format!("h.{layer}.attn.c_proj"), &[hidden, hidden]);
                    affine(format!("h.{layer}.ln_2"), &[hidden]);
                    affine(format!("h.{layer}.mlp.c_fc"), &[hidden, inner]);
                    affine(format!("h.{layer}.mlp.c_proj"), &[inner, hidden]);
                }
                affine("ln_f".into(), &[hidden]);
            }
            Family::Llama { kv_heads } => {
                let keys = hidden / self.heads * kv_heads;
                add("model.embed_tokens.weight".into(), &[self.vocabulary, hidden]);
                for layer in 0..self.layers {
                    let mut add = |name: &str, shape: &[usize]| {
                        add(format!("model.layers.{layer}.{name}.weight"), shape)
                    };
                    add("input_layernorm", &[hidden]);
                    add("self_attn.q_proj", &[hidden, hidden]);
                    add("self_attn.k_proj", &[keys, hidden]);
                    add("self_attn.v_proj", &[keys, hidden]);
                    add("self_attn.o_proj", &[hidden, hidden]);
                    add("post_attention_layernorm", &[hidden]);
                    add("mlp.gate_proj", &[inner, hidden]);
                    add("mlp.up_proj", &[inner, hidden]);
                    add("mlp.down_proj", &[hidden, inner]);
                }
                add("model.norm.weight".into(), &[hidden]);
            }
        }
        tensors
    }

    fn write_weights(&self, path: &Path, random: &mut Random) {
        let (width, dtype) = if self.bf16 { (2, "BF16") } else { (4, "F32") };
        let tensors = self.tensors();
        let mut header = Map::new();
        header.insert("__metadata__".into(), json!({"format": "pt"}));
        let mut end = 0;
        for (name, shape) in &tensors {
            let start = end;
            end += width * shape.iter().product::<usize>();
            let entry = json!({"dtype": dtype, "shape": shape, "data_offsets": [start, end]});
            header.insert(name.clone(), entry);
        }
        let mut header = Value::Object(header).to_string();
        header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));

        let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
        file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
        file.write_all(header.as_bytes()).unwrap();
        for (name, shape) in &tensors {
            for _ in 0..shape.iter().product() {
                let value = match shape.len() {
                    2 => random.weight(),
                    _ if name.ends_with(".bias") => 0.,
                    _ => 1.,
                };
                match self.bf16 {
                    true => file.write_all(&bf16::from_f32(value).to_le_bytes()).unwrap(),
                    false => file.write_all(&value.to_le_bytes()).unwrap(),
                }
            }
        }
        // On the disk now, so that writing it does not disturb what is measured.
        file.into_inner().unwrap().sync_all().unwrap();
    }
}
