//! How text is split before its bytes are put together, by llama.cpp's names (`tokenizer.ggml.pre`) and as the
//! tokenizer.json of the models has it.

use serde_json::{Value, json};

/// A named way to split.
pub struct Split {
    names: &'static [&'static str],
    steps: &'static [Step],
    /// Whether characters are composed first (NFC).
    pub composed: bool,
    /// Whether a piece that is a token as a whole is one, whatever the merges say.
    pub whole_first: bool,
    /// Whether a BOS comes first where the file does not say.
    pub adds_bos: bool,
}

enum Step {
    /// Each match is a piece of its own.
    Regex(&'static str),
    /// Each digit is.
    Digits,
    /// Runs of punctuation, runs of digits and groups of three of them, as Falcon has it.
    Falcon,
    /// GPT-2's own split.
    Gpt2,
}

const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const GPT4O: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const BLOOM: &str = r" ?[^(\s|[.,!?…。，、।۔،])]+";

const PLAIN: Split = Split {
    names: &[],
    steps: &[Step::Gpt2],
    composed: false,
    whole_first: false,
    adds_bos: false,
};

#[rustfmt::skip]
const SPLITS: &[Split] = &[
    Split { names: &["gpt-2", "phi-2", "exaone4"], ..PLAIN },
    Split { names: &["olmo", "mpt"], composed: true, ..PLAIN },
    Split { names: &["command-r"], steps: &[Step::Digits, Step::Gpt2], composed: true, ..PLAIN },
    Split { names: &["llama-bpe", "llama3", "llama-v3", "falcon3", "pixtral"], steps: &[Step::Regex(LLAMA3)], whole_first: true, adds_bos: true, ..PLAIN },
    Split { names: &["smaug-bpe", "dbrx", "chatglm-bpe"], steps: &[Step::Regex(LLAMA3)], ..PLAIN },
    Split { names: &["glm4"], steps: &[Step::Regex(LLAMA3)], whole_first: true, ..PLAIN },
    Split { names: &["qwen2", "deepseek-r1-qwen", "megrez"], steps: &[Step::Regex(QWEN2)], composed: true, ..PLAIN },
    Split { names: &["stablelm2"], steps: &[Step::Regex(QWEN2)], ..PLAIN },
    Split { names: &["tekken"], steps: &[Step::Regex(TEKKEN)], whole_first: true, adds_bos: true, ..PLAIN },
    Split { names: &["gpt-4o", "llama4"], steps: &[Step::Regex(GPT4O)], ..PLAIN },
    Split { names: &["starcoder", "refact", "smollm", "codeshell", "exaone"], steps: &[Step::Digits, Step::Gpt2], ..PLAIN },
    Split { names: &["falcon"], steps: &[Step::Falcon], ..PLAIN },
    Split { names: &["bloom"], steps: &[Step::Regex(BLOOM)], ..PLAIN },
];

/// The split of that name.
pub fn of(name: &str) -> Option<&'static Split> {
    SPLITS.iter().find(|split| split.names.contains(&name))
}

/// The names that [`of`] knows.
pub fn known() -> String {
    let names: Vec<&str> = SPLITS.iter().flat_map(|split| split.names).copied().collect();
    names.join(", ")
}

/// The byte-level part of a tokenizer, with GPT-2's split or after another.
pub fn byte_level(splits: bool) -> Value {
    json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": splits})
}

impl Split {
    /// As tokenizer.json has it: the steps, then bytes.
    pub fn pre_tokenizer(&self) -> Value {
        let isolated = |regex: &str| json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false});
        let mut steps: Vec<Value> = Vec::new();
        let mut bytes = true;
        for step in self.steps {
            match step {
                Step::Regex(regex) => steps.push(isolated(regex)),
                Step::Digits => steps.push(json!({"type": "Digits", "individual_digits": true})),
                Step::Gpt2 => {
                    steps.push(byte_level(true));
                    bytes = false;
                }
                Step::Falcon => {
                    steps.push(json!({"type": "Punctuation", "behavior": "Contiguous"}));
                    steps.push(byte_level(true));
                    steps.push(json!({"type": "Digits", "individual_digits": false}));
                    steps.push(isolated("[0-9][0-9][0-9]"));
                    bytes = false;
                }
            }
        }
        if bytes {
            steps.push(byte_level(false));
        }
        json!({"type": "Sequence", "pretokenizers": steps})
    }
}
