//! The tokenizer classes of `transformers` 5. Most take a tokenizer.json as it is; these make its
//! normalizer, pre-tokenizer and decoder anew and keep only the vocabulary, the merges and the
//! post-processor.

use serde_json::{Value, json};

use super::settings::Settings;
use crate::error::Result;
use crate::text::special::SpecialTokens;

/// Which class of `transformers` 5 makes the tokenizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `TokenizersBackend`: what the file says.
    File,
    Gpt2,
    GptNeoX,
    Qwen2,
    Llama,
    CodeLlama,
    CodeGen,
    Cohere,
    Gemma,
}

/// What a class makes around a vocabulary and its merges, as tokenizer.json writes it.
pub struct Pipeline {
    pub normalizer: Value,
    pub pre_tokenizer: Value,
    pub decoder: Value,
    /// Of the byte-pair encoding.
    pub unk_token: Option<String>,
    pub fuse_unk: bool,
    pub byte_fallback: bool,
}

/// `PRETOKENIZE_REGEX` in `models/qwen2/tokenization_qwen2.py`.
const QWEN2_SPLIT: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// What `TOKENIZER_MAPPING_NAMES` in `models/auto/tokenization_auto.py` has for a `model_type`.
enum Registered {
    /// A class that counts whatever the files name, which many of its checkpoints name wrongly.
    Always(&'static str),
    /// A class that counts where the files name none.
    Unnamed(&'static str),
    /// No class: what the file says counts, whatever they name.
    File,
    /// Nothing.
    None,
}

impl Registered {
    fn of(model_type: &str) -> Self {
        match model_type {
            "qwen2" => Self::Always("Qwen2Tokenizer"),
            "qwen3" => Self::Unnamed("Qwen2Tokenizer"),
            "codegen" | "gpt2" | "gpt_neo" | "gptj" | "opt" | "phi" | "starcoder2" => {
                Self::Unnamed("GPT2Tokenizer")
            }
            "gpt_neox" | "mpt" | "olmo" => Self::Unnamed("GPTNeoXTokenizer"),
            "gemma" | "gemma2" | "gemma3" | "gemma3_text" => Self::Unnamed("GemmaTokenizer"),
            "cohere" | "cohere2" => Self::Unnamed("CohereTokenizer"),
            "glm" | "glm4" | "gpt_bigcode" | "granite" | "ministral" | "mistral" | "nemotron" | "olmo2"
            | "olmo3" | "phi3" | "stablelm" => Self::File,
            _ => Self::None,
        }
    }
}

impl Class {
    /// The class that `AutoTokenizer` chooses. `byte_level` says whether the tokenizer.json has a
    /// byte-level part, which Llama's class does not take.
    pub fn of(settings: &Settings, byte_level: bool) -> Self {
        let named = settings.class.as_deref();
        let class = match settings.model_type.as_deref().map(Registered::of) {
            Some(Registered::Always(class)) => Some(class),
            Some(Registered::Unnamed(class)) => named.or(Some(class)),
            Some(Registered::File) => None,
            Some(Registered::None) | None => named,
        };
        match class {
            Some("GPT2Tokenizer") => Self::Gpt2,
            Some("GPTNeoXTokenizer") => Self::GptNeoX,
            Some("Qwen2Tokenizer") => Self::Qwen2,
            Some("LlamaTokenizer") if !byte_level => Self::Llama,
            Some("CodeLlamaTokenizer") => Self::CodeLlama,
            Some("CodeGenTokenizer") => Self::CodeGen,
            Some("CohereTokenizer") => Self::Cohere,
            Some("GemmaTokenizer") => Self::Gemma,
            _ => Self::File,
        }
    }

    /// The special tokens that a tokenizer of this class has where its files name no others.
    pub fn default_tokens(self) -> &'static [(&'static str, &'static str)] {
        const END: &str = "<|endoftext|>";
        match self {
            Self::File => &[],
            Self::Gpt2 | Self::CodeGen => &[("bos_token", END), ("eos_token", END), ("unk_token", END)],
            Self::GptNeoX => &[
                ("bos_token", END),
                ("eos_token", END),
                ("unk_token", END),
                ("pad_token", "<|padding|>"),
            ],
            Self::Qwen2 => &[("eos_token", END), ("unk_token", END), ("pad_token", END)],
            Self::Llama => &[
                ("bos_token", "<s>"),
                ("eos_token", "</s>"),
                ("unk_token", "<unk>"),
            ],
            Self::CodeLlama => &[
                ("bos_token", "<s>"),
                ("eos_token", "</s>"),
                ("unk_token", "<unk>"),
                ("prefix_token", "▁<PRE>"),
                ("middle_token", "▁<MID>"),
                ("suffix_token", "▁<SUF>"),
                ("eot_token", "▁<EOT>"),
                ("fill_token", "<FILL_ME>"),
            ],
            Self::Cohere => &[
                ("bos_token", "<BOS_TOKEN>"),
                ("eos_token", "<|END_OF_TURN_TOKEN|>"),
                ("unk_token", "<UNK>"),
                ("pad_token", "<PAD>"),
                ("cls_token", "<CLS>"),
                ("sep_token", "<SEP>"),
                ("mask_token", "<MASK_TOKEN>"),
            ],
            Self::Gemma => &[
                ("bos_token", "<bos>"),
                ("eos_token", "<eos>"),
                ("unk_token", "<unk>"),
                ("pad_token", "<pad>"),
                ("mask_token", "<mask>"),
            ],
        }
    }

    /// Whether its pad token is the one in tokenizer.json where the config names none.
    pub fn pads_as_its_file(self) -> bool {
        matches!(self, Self::File | Self::Llama | Self::CodeLlama)
    }

    /// What this class makes; `None` where the file is taken as it is.
    ///
    /// # Errors
    /// Settings that make no sense.
    pub fn pipeline(self, settings: &Settings, special: &SpecialTokens) -> Result<Option<Pipeline>> {
        let prefix = settings.flag("add_prefix_space")?;
        let byte_level = |prefix: Option<bool>, use_regex| {
            let prefix = prefix.unwrap_or(false);
            json!({"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": true, "use_regex": use_regex})
        };
        let bytes = byte_level(None, true);
        let nfc = json!({"type": "NFC"});
        let space = |scheme| json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false});
        let spelled = |normalizer, pre_tokenizer, decoder| {
            Some(Pipeline {
                normalizer,
                pre_tokenizer,
                decoder,
                unk_token: None,
                fuse_unk: false,
                byte_fallback: false,
            })
        };
        let pieces = |normalizer, pre_tokenizer, unk_token| {
            Some(Pipeline {
                normalizer,
                pre_tokenizer,
                decoder: json!({"type": "Sequence", "decoders": [
                    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                    {"type": "ByteFallback"},
                    {"type": "Fuse"},
                ]}),
                unk_token,
                fuse_unk: true,
                byte_fallback: true,
            })
        };
        let unk = || special.get("unk_token").map(str::to_string);
        Ok(match self {
            Self::File => None,
            Self::Gpt2 | Self::CodeGen => spelled(Value::Null, byte_level(prefix, true), bytes),
            Self::GptNeoX => spelled(nfc, byte_level(prefix, true), bytes),
            Self::Qwen2 => {
                let split = json!({"type": "Split", "pattern": {"Regex": QWEN2_SPLIT}, "behavior": "Isolated", "invert": false});
                let both = json!({"type": "Sequence", "pretokenizers": [split, byte_level(prefix, false)]});
                spelled(nfc, both, bytes)
            }
            Self::Cohere => {
                let digits = json!({"type": "Digits", "individual_digits": true});
                let both = json!({"type": "Sequence", "pretokenizers": [digits, byte_level(prefix, true)]});
                spelled(nfc, both, byte_level(prefix, true))
            }
            Self::Llama => {
                let scheme = match (prefix.unwrap_or(true), settings.flag("legacy")?.unwrap_or(false)) {
                    (false, _) => "never",
                    (true, true) => "always",
                    (true, false) => "first",
                };
                pieces(Value::Null, space(scheme), None)
            }
            Self::CodeLlama => {
                let scheme = if prefix.unwrap_or(true) { "first" } else { "never" };
                pieces(Value::Null, space(scheme), unk())
            }
            Self::Gemma => {
                let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
                let split = json!({"type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": false});
                pieces(replace, split, unk())
            }
        })
    }
}
