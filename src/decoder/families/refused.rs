//! Families that lens does not read although people know them, each with what it has that no part of a
//! decoder here computes.

use crate::error::Error;

/// What stands in the way, for a sentence, and the `model_type`s that have it.
type Mechanism = (&'static str, &'static [&'static str]);

const EXPERTS: &str = "a mixture of experts";
const LATENT: &str = "compressed keys and values (multi-head latent attention)";
const RECURRENT: &str = "recurrent layers";
const LINEAR: &str = "layers of linear attention";
const OWN_CODE: &str = "code of its own beside its weights, and no class in transformers";
const IMAGES: &str = "a part for images or sound around its decoder";

#[rustfmt::skip]
const REFUSED: &[Mechanism] = &[
    (EXPERTS, &[
        "afmoe", "cohere2_moe", "dbrx", "dots1", "ernie4_5_moe", "exaone_moe", "flex_olmo", "glm4_moe", "gpt_oss",
        "granitemoe", "granitemoeshared", "hunyuan_v1_moe", "jetmoe", "llama4", "llama4_text", "minimax_m2",
        "mixtral", "olmoe", "phimoe", "qwen2_moe", "qwen3_moe", "solar_open",
    ]),
    (LATENT, &[
        "deepseek_v2", "deepseek_v3", "deepseek_v32", "glm4_moe_lite", "kimi_k2", "longcat_flash", "minicpm3",
        "mistral4", "youtu",
    ]),
    (RECURRENT, &[
        "bamba", "falcon_h1", "falcon_mamba", "granitemoehybrid", "jamba", "mamba", "mamba2", "nemotron_h",
        "recurrent_gemma", "rwkv", "xlstm", "zamba", "zamba2",
    ]),
    (LINEAR, &[
        "kimi_linear", "minimax", "olmo_hybrid", "qwen3_5", "qwen3_5_moe", "qwen3_5_moe_text", "qwen3_5_text",
        "qwen3_next",
    ]),
    ("layers of convolution", &["lfm2", "lfm2_moe"]),
    ("four residual streams side by side (AltUp)", &["gemma3n", "gemma3n_text"]),
    ("embeddings by layer, and keys and values that layers share", &[
        "gemma4", "gemma4_text", "gemma4_unified", "gemma4_unified_text",
    ]),
    ("queries that are scaled by position", &["ministral3"]),
    ("attention as the difference of two", &["diffllama"]),
    (OWN_CODE, &[
        "RefinedWeb", "RefinedWebModel", "aquila", "baichuan", "bailing_moe", "chatglm", "codeshell", "deci",
        "deepseek", "exaone", "hf_olmo", "internlm", "internlm2", "minicpm", "nemotron-nas",
        "openelm", "orion", "phi-msft", "phi3small", "qwen", "skywork", "stablelm_alpha", "stablelm_epoch",
        "xverse",
    ]),
    (IMAGES, &[
        "aya_vision", "cohere2_vision", "glm4v", "idefics2", "idefics3", "internvl", "llava", "llava_next",
        "llava_onevision", "mistral3", "mllama", "paligemma", "phi3_v", "phi4_multimodal", "pixtral",
        "qwen2_5_vl", "qwen2_audio", "qwen2_vl", "qwen3_vl", "smolvlm",
    ]),
    ("an encoder", &["bart", "bert", "deberta-v2", "mt5", "roberta", "t5", "umt5", "xlm-roberta"]),
];

/// The error for a `model_type` that lens does not read; `known` are those that it does.
pub fn refusal<'a>(model_type: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let of_type = |(_, types): &&Mechanism| types.contains(&model_type);
    if let Some((mechanism, _)) = REFUSED.iter().find(of_type) {
        return Error::failed(
            format!("The model's family, {model_type}, has {mechanism}, which lens does not read."),
            "lens --families lists the families that it does read.",
        );
    }
    let nearest = known.min_by_key(|known| distance(known, model_type));
    let near = nearest.filter(|known| distance(known, model_type) <= MISSPELT);
    Error::failed(
        format!("The model's family, {model_type}, is none that lens reads."),
        match near {
            Some(near) => format!("The nearest that it does is {near}; lens --families lists all."),
            None => "lens --families lists those that it does.".to_string(),
        },
    )
}

/// Names that so few letters tell apart may be one and the same.
const MISSPELT: usize = 1;

/// How many letters have to be put in, taken out or changed to make one name the other, hyphens and
/// capitals apart. Another number is another family.
fn distance(a: &str, b: &str) -> usize {
    let letters = |name: &str| -> String {
        let kept = name.chars().filter(|c| c.is_alphanumeric());
        kept.flat_map(char::to_lowercase).collect()
    };
    let (a, b) = (letters(a), letters(b));
    let digits = |name: &str| -> String { name.chars().filter(char::is_ascii_digit).collect() };
    match digits(&a) == digits(&b) {
        true => strsim::levenshtein(&a, &b),
        false => usize::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decoder::supported;

    #[test]
    fn no_family_is_both_read_and_refused_and_none_is_twice() {
        let mut all: Vec<&str> = REFUSED.iter().flat_map(|(_, types)| *types).copied().collect();
        all.extend(supported().map(|family| family.model_type));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_name_is_near_another_but_for_numbers() {
        for (a, b, apart) in [
            ("gpt_neox", "GPT-NeoX", 0),
            ("gptj", "gptjx", 1),
            ("falcon", "facon", 1),
            ("gemma", "gamba", 2),
            ("opt", "", 3),
            ("phi3", "phi4", usize::MAX),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (apart, apart), "{a} {b}");
        }
        let remedy = |name: &str| refusal(name, ["gpt_neox", "phi3"].into_iter()).remedy;
        assert!(remedy("phii3").contains("is phi3;") && !remedy("phiii3").contains("nearest"));
        assert!(remedy("gpt-neo-x").contains("is gpt_neox;"));
        assert!(!remedy("phi4").contains("nearest"));
    }
}
