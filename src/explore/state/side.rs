//! One of the prompts that are shown, in its model.

use super::Target;
use crate::explore::picture::{Names, Picture, label};

/// A prompt in a model: all there is, or one of the two that stand beside each other.
#[derive(Debug, Clone)]
pub struct Side {
    /// Which of the two: 0 or 1.
    pub which: usize,
    pub model: String,
    /// The prompt as it is asked for.
    pub prompt: String,
    /// `None` until the first readings are there.
    pub picture: Option<Picture>,
    pub names: Names,
    /// The tokens that are pinned.
    pub pins: Vec<Target>,
    /// Which of them is selected: the one that colours are of.
    pub pin: usize,
}

impl Side {
    /// A prompt of which nothing is read.
    pub fn new(which: usize, model: String, prompt: String) -> Self {
        Self {
            which,
            model,
            prompt,
            picture: None,
            names: Names::new(),
            pins: Vec::new(),
            pin: 0,
        }
    }

    /// The token that colours are of, where one is pinned.
    pub fn color_target(&self) -> Option<&Target> {
        self.pins.get(self.pin)
    }

    /// The token `id` as a target.
    pub fn target(&self, id: u32) -> Target {
        Target {
            name: label(&self.names, id).to_string(),
            ids: vec![id],
            other_form: None,
            sequence: false,
        }
    }

    /// The label of a cell's top token, if it is read.
    pub fn top1(&self, row: usize, at: usize) -> Option<&str> {
        let reading = self.picture.as_ref()?.reading(row, at)?;
        Some(label(&self.names, reading.top1().id))
    }
}
