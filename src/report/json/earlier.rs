//! The prompts of an earlier run and what they came to, from its JSON.

use serde::Deserialize;

use super::Assertion;
use crate::error::{Error, Result};

/// A prompt of an earlier run.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlierPrompt {
    /// The hub id of its model, or the path as given, and the commit hash of a hub model.
    pub model: String,
    pub revision: Option<String>,
    pub id: Option<String>,
    pub text: String,
    /// The prompt's tokens, without those that were generated.
    pub ids: Vec<u32>,
    /// The output's top token after the prompt, with its probability; `None` where that was not read.
    pub output: Option<(u32, f64)>,
    pub settles_at: Option<usize>,
    /// The targets: what they are called, their tokens, and the first one's probability and rank there.
    pub targets: Vec<(String, Vec<u32>)>,
    pub target: Option<(f64, u64)>,
    /// What was asserted and did not hold.
    pub failures: Vec<String>,
}

#[derive(Deserialize)]
struct Document {
    meta: Meta,
    #[serde(default)]
    id: Option<String>,
    input_ids: Vec<u32>,
    #[serde(default)]
    generated: usize,
    output: Output,
    #[serde(default)]
    settles_at: Vec<Option<usize>>,
    #[serde(default)]
    targets: Vec<Target>,
    #[serde(default)]
    assertions: Vec<Assertion>,
}

#[derive(Deserialize)]
struct Meta {
    model: String,
    #[serde(default)]
    revision: Option<String>,
    #[serde(default)]
    prompt: String,
}

/// The output's row, `[position][k]`.
#[derive(Deserialize)]
struct Output {
    topk_ids: Vec<Vec<u32>>,
    topk_probs: Vec<Vec<f64>>,
}

/// A target, `[layer][position]`.
#[derive(Deserialize)]
struct Target {
    name: String,
    ids: Vec<u32>,
    #[serde(default)]
    sequence: Option<serde::de::IgnoredAny>,
    probs: Vec<Vec<Option<f64>>>,
    ranks: Vec<Vec<Option<u64>>>,
}

/// The prompts in `text`: of one document, an array of them, or one a line.
///
/// # Errors
/// What is no such document.
pub fn earlier_prompts(text: &str, name: &str) -> Result<Vec<EarlierPrompt>> {
    let wrong = |problem: String| {
        Error::failed(
            format!("{name} is not the JSON of an earlier run: {problem}."),
            "Give what a run of prompts wrote: lens … -o run.json",
        )
    };
    let mut documents: Vec<Document> = Vec::new();
    let read = match text.trim_start().starts_with('[') {
        true => serde_json::from_str(text).map(|read| documents = read),
        false => (serde_json::Deserializer::from_str(text).into_iter::<Document>())
            .try_for_each(|document| document.map(|document| documents.push(document))),
    };
    read.map_err(|error| wrong(error.to_string()))?;
    if documents.is_empty() {
        return Err(wrong("it holds no document".to_string()));
    }
    Ok(documents.into_iter().map(Document::prompt).collect())
}

impl Document {
    fn prompt(self) -> EarlierPrompt {
        let mut ids = self.input_ids;
        ids.truncate(ids.len().saturating_sub(self.generated));
        let last = ids.len().saturating_sub(1);
        let first = |row: Option<&Vec<u32>>| row.and_then(|row| row.first()).copied();
        let output = first(self.output.topk_ids.get(last)).zip(
            (self.output.topk_probs.get(last))
                .and_then(|row| row.first())
                .copied(),
        );
        let target = self.targets.first().and_then(|target| {
            let prob = *target.probs.last()?.get(last)?;
            let rank = *target.ranks.last()?.get(last)?;
            prob.zip(rank)
        });
        let failed = self.assertions.into_iter().filter(|assertion| !assertion.holds);
        EarlierPrompt {
            model: self.meta.model,
            revision: self.meta.revision,
            id: self.id,
            text: self.meta.prompt,
            output,
            settles_at: self.settles_at.get(last).copied().flatten(),
            // A text of several tokens has no single line.
            targets: (self.targets.into_iter())
                .filter(|target| target.sequence.is_none())
                .map(|target| (target.name, target.ids))
                .collect(),
            target,
            failures: failed.map(|assertion| assertion.expression).collect(),
            ids,
        }
    }
}
