//! The GGUF files of a repository: which there are, and which of them a name means.
//!
//! `owner/name:Q4_K_M` is the file whose name ends in that type, `…-Q4_K_M.gguf`, with all its parts if it is split.

use super::failure::About;
use crate::error::{Error, Result};
use crate::source::gguf::{is_no_language_model, numbered};
use crate::source::parts::{Incomplete, Missing, stays_below};

/// Types that a message names.
const SHOWN: usize = 40;

/// The id in a name, and the type after a colon.
///
/// # Errors
/// What can be no type.
pub fn parse(name: &str) -> Result<(&str, Option<&str>)> {
    let Some((id, wanted)) = name.split_once(':') else {
        return Ok((name, None));
    };
    let is_type = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    match wanted.len() {
        1..=96 if wanted.chars().all(is_type) => Ok((id, Some(wanted))),
        _ => Err(Error::usage(
            format!("{wanted:?} is no type of a GGUF file."),
            "Write a hub id and a type, such as unsloth/Qwen3-4B-GGUF:Q4_K_M.",
        )),
    }
}

/// A model in GGUF by the names of its files, the parts of a split one in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantised {
    /// The file's name without directories, its ending and the number of a part.
    stem: String,
    pub files: Vec<String>,
}

impl Quantised {
    /// The models among the files of a repository. What is no language model (`mmproj-…`, `imatrix…`), a split one
    /// of which a part is missing, and a name that leads out of the model's directory are left out.
    pub fn among(names: &[String]) -> Vec<Self> {
        let of = |name: &String| {
            let (path, files) = match numbered(name) {
                None => (name.strip_suffix(".gguf")?, vec![name.clone()]),
                Some((path, 1, count)) if count <= names.len() => {
                    let part = |number: usize| format!("{path}-{number:05}-of-{count:05}.gguf");
                    (path, (1..=count).map(part).collect())
                }
                Some(_) => return None,
            };
            let stem = path.rsplit('/').next()?.to_string();
            let is_other = is_no_language_model(&stem);
            let is_whole = files.iter().all(|file| stays_below(file) && names.contains(file));
            (is_whole && !is_other).then_some(Self { stem, files })
        };
        let mut models: Vec<Self> = names.iter().filter_map(of).collect();
        models.sort_by(|a, b| a.files.cmp(&b.files));
        models
    }

    /// The type in its name, `Q4_K_M` or `UD-Q4_K_XL`; the whole name where there is none.
    pub fn kind(&self) -> &str {
        let start = self.stem.rfind(['-', '.']).map_or(0, |at| at + 1);
        let (before, last) = self.stem.split_at(start);
        let prefix = before.strip_suffix("UD-");
        let prefix = prefix.filter(|before| before.is_empty() || before.ends_with(['-', '.']));
        match (is_type(last), prefix) {
            (false, _) => &self.stem,
            (true, Some(before)) => &self.stem[before.len()..],
            (true, None) => last,
        }
    }

    /// Whether `wanted` is the end of its name, from a `-` or `.` on; a letter's case does not count.
    fn ends_in(&self, wanted: &str) -> bool {
        let stem = self.stem.to_ascii_lowercase();
        let before = stem.strip_suffix(&wanted.to_ascii_lowercase());
        before.is_some_and(|before| before.is_empty() || before.ends_with(['-', '.']))
    }
}

/// Whether a text is the name of a type of numbers, as files are named by it.
fn is_type(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    let digits = ["IQ", "TQ", "Q"].iter().find_map(|kind| text.strip_prefix(kind));
    let is_quantised = digits.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    is_quantised || ["F16", "F32", "BF16", "FP16", "FP32", "MXFP4"].contains(&text.as_str())
}

/// The types of these models, each once, for a message.
pub fn types(models: &[Quantised]) -> Vec<String> {
    let mut types: Vec<String> = Vec::new();
    for kind in models.iter().map(Quantised::kind) {
        if !types.iter().any(|known| known == kind) {
            types.push(kind.to_string());
        }
    }
    types.truncate(SHOWN);
    types
}

/// The model that `wanted` means.
///
/// # Errors
/// None, or several.
pub fn choose(
    models: &[Quantised],
    wanted: &str,
    about: &About,
) -> std::result::Result<Quantised, Incomplete> {
    let exact = |model: &&Quantised| model.kind().eq_ignore_ascii_case(wanted);
    let mut meant: Vec<&Quantised> = models.iter().filter(exact).collect();
    if meant.is_empty() {
        meant = models.iter().filter(|model| model.ends_in(wanted)).collect();
    }
    match meant.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err(Incomplete::Lacks(Missing::Gguf {
            wanted: wanted.to_string(),
            there: types(models),
        })),
        several => {
            let stems: Vec<&str> = several
                .iter()
                .map(|model| model.stem.as_str())
                .take(SHOWN)
                .collect();
            Err(Incomplete::Error(Error::usage(
                format!(
                    "{} has several GGUF files of the type {wanted}: {}.",
                    about.model(),
                    stems.join(", ")
                ),
                format!("Write the whole name, as in --model {}:{}.", about.id, stems[0]),
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among(names: &[&str]) -> Vec<Quantised> {
        Quantised::among(&names.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn types_are_told_by_the_names_of_files() {
        let models = among(&[
            "Qwen3-4B-Q4_K_M.gguf",
            "Qwen3-4B-UD-Q4_K_XL.gguf",
            "tiny.Q8_0.gguf",
            "m-IQ4_XS.gguf",
            "m-bf16.gguf",
            "README.md",
            "mmproj-F16.gguf",
            "imatrix_unsloth.gguf",
            "model.gguf",
            "BF16/Qwen3-BF16-00001-of-00002.gguf",
            "BF16/Qwen3-BF16-00002-of-00002.gguf",
            "Q2_K/Qwen3-Q2_K-00001-of-00002.gguf",
            "../m-Q5_0.gguf",
            "/m-Q5_1.gguf",
            "a\\b-Q3_K.gguf",
        ]);
        let types = types(&models);
        assert_eq!(
            types,
            ["BF16", "Q4_K_M", "UD-Q4_K_XL", "IQ4_XS", "bf16", "model", "Q8_0"]
        );
        let split = models.iter().find(|model| model.kind() == "BF16").unwrap();
        assert_eq!(
            split.files,
            [
                "BF16/Qwen3-BF16-00001-of-00002.gguf",
                "BF16/Qwen3-BF16-00002-of-00002.gguf"
            ]
        );
    }

    #[test]
    fn a_type_means_the_file_whose_name_ends_in_it() {
        let about = About {
            id: "a/b".to_string(),
            revision: "main".to_string(),
            hub: String::new(),
            has_token: false,
            cache: std::path::PathBuf::new(),
        };
        let models = among(&[
            "m-Q4_K_M.gguf",
            "m-UD-Q4_K_XL.gguf",
            "m-Q8_0.gguf",
            "n-Q8_0.gguf",
            "m-Q6_K.gguf",
            "m-UD-Q6_K.gguf",
        ]);
        let chosen = |wanted: &str| {
            choose(&models, wanted, &about)
                .ok()
                .map(|model| model.files[0].clone())
        };
        for (wanted, file) in [
            ("Q4_K_M", "m-Q4_K_M.gguf"),
            ("q4_k_m", "m-Q4_K_M.gguf"),
            ("UD-Q4_K_XL", "m-UD-Q4_K_XL.gguf"),
            ("Q4_K_XL", "m-UD-Q4_K_XL.gguf"),
            ("n-Q8_0", "n-Q8_0.gguf"),
            ("Q6_K", "m-Q6_K.gguf"),
            ("UD-Q6_K", "m-UD-Q6_K.gguf"),
        ] {
            assert_eq!(chosen(wanted).as_deref(), Some(file), "{wanted}");
        }
        for wanted in ["K_M", "M", "4_K_M", "Q4", "Q8_0", "Q5_0"] {
            assert_eq!(chosen(wanted), None, "{wanted}");
        }
    }

    #[test]
    fn names_have_a_type_behind_a_colon() {
        assert_eq!(parse("a/b").unwrap(), ("a/b", None));
        assert_eq!(parse("a/b:UD-Q4_K_XL").unwrap(), ("a/b", Some("UD-Q4_K_XL")));
        for name in ["a/b:", "a/b:Q4 K", "a/b:../x", "a/b:é", "a/b:x:y"] {
            assert!(parse(name).is_err(), "{name}");
        }
    }
}
