//! How many tokens a post-processor makes of a text's. A template may repeat the text, and one name
//! of a special token may stand for any number of ids.

use serde_json::Value;
use tokenizers::PostProcessorWrapper;

/// Special tokens that a post-processor may add: more than any model has room for.
const MOST_ADDED: usize = 1 << 16;
/// How often a post-processor may repeat a text.
const MOST_REPEATED: usize = 16;

/// A bound for what a post-processor makes: the text's tokens so many times, and so many more.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    times: usize,
    added: usize,
}

impl Growth {
    pub fn by(processor: Option<&PostProcessorWrapper>) -> Self {
        // Its parts are not public, what is written of them is.
        let value = processor.map(serde_json::to_value);
        match value {
            Some(Ok(value)) => Self { times: 1, added: 0 }.then(&value),
            _ => Self { times: 1, added: 0 },
        }
    }

    /// The most tokens that come of `count`.
    pub fn of(self, count: usize) -> usize {
        count.saturating_mul(self.times).saturating_add(self.added)
    }

    /// Refuses what no tokenizer needs.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence.
    pub fn check(self) -> Result<(), String> {
        if self.added > MOST_ADDED {
            return Err(format!("its post-processor adds {} tokens to a text", self.added));
        }
        if self.times > MOST_REPEATED {
            return Err(format!("its post-processor repeats a text {} times", self.times));
        }
        Ok(())
    }

    /// The growth when `processor` takes what has grown so far.
    fn then(self, processor: &Value) -> Self {
        let list = |key: &str| processor[key].as_array().map_or(&[][..], Vec::as_slice);
        match processor["type"].as_str() {
            Some("Sequence") => list("processors").iter().fold(self, Self::then),
            Some("TemplateProcessing") => {
                let mut grown = Self { times: 0, added: 0 };
                for piece in list("single") {
                    match piece["SpecialToken"]["id"].as_str() {
                        Some(name) => {
                            let ids = processor["special_tokens"][name]["ids"].as_array();
                            grown.added = grown.added.saturating_add(ids.map_or(0, Vec::len));
                        }
                        None => {
                            grown.times = grown.times.saturating_add(self.times);
                            grown.added = grown.added.saturating_add(self.added);
                        }
                    }
                }
                grown
            }
            Some("RobertaProcessing" | "BertProcessing") => Self {
                added: self.added.saturating_add(2),
                ..self
            },
            _ => self,
        }
    }
}
