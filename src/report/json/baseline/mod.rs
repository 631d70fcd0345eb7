//! Readings held against those of an earlier run, from its JSON.

mod earlier;
mod moves;
mod tolerance;

use crate::error::{Error, Result};
use crate::report::Document;
use earlier::{Earlier, is_table};
use moves::Moves;

pub use moves::Move;
pub use tolerance::{Quantity, Tolerance};

/// The documents of an earlier run, in order.
#[derive(Debug)]
pub struct Baseline {
    name: String,
    documents: Vec<Earlier>,
}

impl Baseline {
    /// The documents in `text`: one, an array of them, or one a line.
    ///
    /// # Errors
    /// What is no such document.
    pub fn parse(text: &str, name: &str) -> Result<Self> {
        let wrong = |problem: String| {
            Error::failed(
                format!("{name} is no baseline: {problem}."),
                "Give the JSON of an earlier run of prompts: lens … -o before.json",
            )
        };
        let mut documents = Vec::new();
        let read = match text.trim_start().starts_with('[') {
            true => serde_json::from_str(text).map(|read| documents = read),
            false => (serde_json::Deserializer::from_str(text).into_iter::<Earlier>())
                .try_for_each(|document| document.map(|document| documents.push(document))),
        };
        read.map_err(|error| match is_table(text) {
            true => wrong(
                "it is a summary or another table, and a baseline holds the readings of prompts".to_string(),
            ),
            false => wrong(error.to_string()),
        })?;
        match documents.is_empty() {
            true => Err(wrong("it holds no document".to_string())),
            false => Ok(Self {
                name: name.to_string(),
                documents,
            }),
        }
    }

    /// What moved most of each quantity on one prompt.
    ///
    /// # Errors
    /// A prompt that the earlier run does not have, or that had other tokens there; readings that have no layer
    /// and position in common.
    pub fn compare(&self, document: &Document) -> Result<Vec<Move>> {
        let trajectory = document.trajectory;
        let number = document.number;
        let wrong = |problem: &str| {
            Error::failed(
                format!("{}: {problem} prompt {number} of this run.", self.name),
                "Read the prompts of the earlier run, in its order and with its model's tokenizer.",
            )
        };
        let Some(earlier) = self.documents.get(number) else {
            return Err(wrong("it has no document for"));
        };
        if earlier.input_ids != trajectory.prompt.ids {
            return Err(wrong("its tokens are not those of"));
        }
        let lenses: Vec<&str> = trajectory.of_each_lens().map(|read| read.lens.name()).collect();
        let before = earlier.lens_names();
        if before != lenses {
            return Err(Error::failed(
                format!(
                    "{} was read under the lenses {}, and this run under {}.",
                    self.name,
                    before.join(", "),
                    lenses.join(", ")
                ),
                format!("Read with --lens {}, each as it was then.", before.join(",")),
            ));
        }
        let mut moves = Moves::new(document);
        let of_each_lens = std::iter::once(earlier).chain(&earlier.lenses);
        for (earlier, now) in of_each_lens.zip(trajectory.of_each_lens()) {
            moves.compare(earlier, now);
        }
        let most = moves.most();
        match most.is_empty() {
            true => Err(wrong("it has no layer and position of")),
            false => Ok(most),
        }
    }

    /// How many prompts there are.
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_document_is_no_baseline() {
        let document = r#"{"layers": [], "input_ids": [], "topk_ids": [], "topk_probs": []}"#;
        let count = |text: &str| Baseline::parse(text, "b").map(|baseline| baseline.len());
        assert_eq!(count(document).unwrap(), 1);
        assert_eq!(count(&format!("[{document}, {document}]")).unwrap(), 2);
        assert_eq!(
            count(&format!("{document}\n{document}\n{document}\n")).unwrap(),
            3
        );
        for wrong in [
            "",
            "[]",
            "{}",
            "7",
            "[1]",
            "{\"meta\": {}, \"rows\": []}",
            "not JSON",
        ] {
            let error = count(wrong).unwrap_err();
            assert!(
                error.problem.starts_with("b is no baseline: "),
                "{wrong}: {error}"
            );
        }
    }
}
