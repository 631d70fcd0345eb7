//! What the reader is asked, what it answers, and what both sides see.

use std::any::Any;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Listed;
use crate::analysis::divergence::Divergence;
use crate::error::{Error, Result};
use crate::explore::picture::{Names, Picture};
use crate::explore::state::Busy;
use crate::lens::{Request, Trajectory};
use crate::machine::progress::{Progress, Stage};
use crate::readout::Tracked;
use crate::run::Run;
use crate::text::prompt::Prompt;

/// Which of two prompts, and the number that it was asked with.
pub type Id = (usize, u64);

/// What the reader is asked.
#[derive(Debug)]
pub enum Ask {
    /// Read this prompt, what is near the position `near` first, and follow these tokens.
    Read {
        id: Id,
        prompt: Prompt,
        request: Box<Request>,
        wanted: Vec<u32>,
        near: usize,
        /// How many positions are seen.
        seen: usize,
    },
    /// Follow these tokens of one of two prompts too.
    Follow(usize, Vec<u32>),
    /// Read what is near this position of it first.
    Look(usize, usize),
    /// Measure how far the two are apart, or stop it.
    Measure(bool),
    /// Let go of the second.
    Leave,
    /// Read these prompts of a list, each with its number there, at their ends.
    Survey {
        prompts: Vec<(usize, Prompt)>,
        request: Box<Request>,
    },
    /// Read a prompt of one of the two as the run asks for it, and write its outputs to the file.
    Write {
        which: usize,
        run: Box<Run>,
        prompt: Prompt,
        file: String,
    },
}

/// What it says, each of the prompt with the number that it was asked with.
pub enum Answer {
    /// The prompt is through the blocks.
    Began(Id, Box<Picture>),
    /// The readings of some positions.
    Read(Id, Range<usize>, Arc<Trajectory>, Names),
    /// Tokens followed at some positions, `[position][row][token]`.
    Followed(Id, Range<usize>, Vec<Vec<Vec<Tracked>>>, Names),
    /// How far the rows of the two are apart at a position, counted from the end.
    Measured([u64; 2], usize, Vec<Option<Divergence>>),
    /// What prompts of a list come to; whether they were the last that are asked for.
    Listed(Vec<Listed>, bool),
    Failed(Id, Error),
    /// A file was written, or why it was not.
    Written(String, Result<()>),
    /// A defect, to be passed on.
    Panicked(Box<dyn Any + Send>),
}

/// What both sides see: which prompts are wanted, and how far its reading is.
#[derive(Default)]
pub struct Shared {
    wanted: [AtomicU64; 2],
    busy: Mutex<Option<Busy>>,
}

impl Shared {
    /// From now on only what was asked with this number is wanted of one of two prompts.
    pub fn want(&self, (which, id): Id) {
        self.wanted[which].store(id, Ordering::Relaxed);
    }

    /// How far the reader is; `None` where it has nothing to do.
    pub fn busy(&self) -> Option<Busy> {
        *self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_busy(&self, busy: Option<Busy>) {
        *self.busy.lock().unwrap_or_else(PoisonError::into_inner) = busy;
    }
}

/// Progress through the blocks; cancelled once another prompt is wanted.
pub(super) struct Gauge<'a> {
    pub id: Id,
    pub shared: &'a Shared,
}

impl Progress for Gauge<'_> {
    fn report(&self, stage: Stage, done: usize, total: usize) {
        // Of rows the positions are counted, by the reader itself.
        if stage == Stage::Blocks {
            self.shared.set_busy(Some(Busy {
                what: "blocks",
                done,
                total,
            }));
        }
    }

    fn is_cancelled(&self) -> bool {
        let (which, id) = self.id;
        self.shared.wanted[which].load(Ordering::Relaxed) != id
    }
}
