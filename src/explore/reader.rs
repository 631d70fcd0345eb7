//! The thread that reads: what is seen first, the rest behind it, and nothing that is no longer wanted.

use std::any::Any;
use std::collections::HashSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};

use super::picture::{Name, Names, Picture};
use super::state::Busy;
use crate::engine::Bands;
use crate::error::{Error, Result};
use crate::lens::{Request, Trajectory};
use crate::machine::progress::{Progress, Stage};
use crate::model::Model;
use crate::readout::Tracked;
use crate::run::Run;
use crate::text::prompt::Prompt;

/// The most positions that are read at once: so many are there before one waits for them.
const MOST_AT_ONCE: usize = 32;

/// What the reader is asked.
#[derive(Debug)]
pub enum Ask {
    /// Read this prompt, what is near the position `near` first, and follow these tokens.
    Read {
        id: u64,
        prompt: Prompt,
        request: Box<Request>,
        wanted: Vec<u32>,
        near: usize,
        /// How many positions are seen.
        seen: usize,
    },
    /// Follow these tokens too.
    Follow(Vec<u32>),
    /// Read what is near this position first.
    Look(usize),
    /// Read the prompt as the run asks for it, and write its outputs to the file.
    Write {
        run: Box<Run>,
        prompt: Prompt,
        file: String,
    },
}

/// What it says, each of the prompt with the number that it was asked with.
pub enum Answer {
    /// The prompt is through the blocks.
    Began(u64, Box<Picture>),
    /// The readings of some positions.
    Read(u64, Range<usize>, Arc<Trajectory>, Names),
    /// Tokens followed at some positions, `[position][row][token]`.
    Followed(u64, Range<usize>, Vec<Vec<Vec<Tracked>>>, Names),
    Failed(u64, Error),
    /// A file was written, or why it was not.
    Written(String, Result<()>),
    /// A defect, to be passed on.
    Panicked(Box<dyn Any + Send>),
}

/// What both sides see: which prompt is wanted, and how far its reading is.
#[derive(Default)]
pub struct Shared {
    wanted: AtomicU64,
    busy: Mutex<Option<Busy>>,
}

impl Shared {
    /// From now on only what was asked with the number `id` is wanted.
    pub fn want(&self, id: u64) {
        self.wanted.store(id, Ordering::Relaxed);
    }

    /// How far the reader is; `None` where it has nothing to do.
    pub fn busy(&self) -> Option<Busy> {
        *self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_busy(&self, busy: Option<Busy>) {
        *self.busy.lock().unwrap_or_else(PoisonError::into_inner) = busy;
    }
}

/// Progress through the blocks; cancelled once another prompt is wanted.
struct Gauge<'a> {
    id: u64,
    shared: &'a Shared,
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
        self.shared.wanted.load(Ordering::Relaxed) != self.id
    }
}

/// A prompt that is being read.
struct Job<'a> {
    id: u64,
    bands: Bands<'a>,
    parts: Vec<Part>,
    /// The tokens to follow at every position.
    wanted: Vec<u32>,
    near: usize,
}

/// Positions that are read together.
struct Part {
    range: Range<usize>,
    read: Option<Arc<Trajectory>>,
    /// Of each position, the tokens that are followed.
    followed: Vec<HashSet<u32>>,
}

/// Answers what is asked until nobody asks any more.
pub struct Reader<'a> {
    model: &'a Model,
    write: Writer<'a>,
    shared: &'a Shared,
    answers: &'a dyn Fn(Answer),
    job: Option<Job<'a>>,
}

/// Reads a prompt as a run asks for it, and writes the run's outputs.
pub type Writer<'a> = &'a (dyn Fn(&Run, Prompt) -> Result<()> + Sync);

impl<'a> Reader<'a> {
    /// A reader that has nothing to do yet.
    pub fn new(model: &'a Model, write: Writer<'a>, shared: &'a Shared, answers: &'a dyn Fn(Answer)) -> Self {
        Self {
            model,
            write,
            shared,
            answers,
            job: None,
        }
    }

    /// Reads what is asked, a step at a time, until nobody asks any more.
    pub fn run(mut self, asks: &Receiver<Ask>) {
        loop {
            let ask = match self.job.as_ref().and_then(Job::todo) {
                Some(_) => match asks.try_recv() {
                    Ok(ask) => Some(ask),
                    Err(TryRecvError::Empty) => None,
                    Err(TryRecvError::Disconnected) => return,
                },
                None => {
                    self.shared.set_busy(None);
                    match asks.recv() {
                        Ok(ask) => Some(ask),
                        Err(_) => return,
                    }
                }
            };
            let step = AssertUnwindSafe(|| match ask {
                Some(ask) => self.take(ask),
                None => self.work(),
            });
            if let Err(panic) = catch_unwind(step) {
                return (self.answers)(Answer::Panicked(panic));
            }
        }
    }

    fn take(&mut self, ask: Ask) {
        match (ask, &mut self.job) {
            (Ask::Follow(ids), Some(job)) => job.wanted.extend(ids),
            (Ask::Look(near), Some(job)) => job.near = near,
            (Ask::Follow(_) | Ask::Look(_), None) => {}
            (Ask::Write { run, prompt, file }, _) => {
                let written = (self.write)(&run, prompt);
                (self.answers)(Answer::Written(file, written));
            }
            (
                Ask::Read {
                    id,
                    prompt,
                    request,
                    wanted,
                    near,
                    seen,
                },
                job,
            ) => {
                *job = None;
                let gauge = Gauge {
                    id,
                    shared: self.shared,
                };
                match self.model.bands(prompt, &request, &gauge) {
                    Ok(bands) => {
                        (self.answers)(Answer::Began(id, Box::new(picture(self.model, &bands))));
                        *job = Some(Job {
                            id,
                            parts: parts(bands.len(), seen),
                            bands,
                            wanted,
                            near,
                        });
                    }
                    Err(error) => self.fail(id, error),
                }
            }
        }
    }

    /// Reads the nearest positions that are not, or follows tokens there that are not.
    fn work(&mut self) {
        let Some(job) = &mut self.job else {
            return;
        };
        let Some(nth) = job.todo() else {
            return;
        };
        let gauge = Gauge {
            id: job.id,
            shared: self.shared,
        };
        let positions = job.parts.iter().filter(|part| part.read.is_some());
        self.shared.set_busy(Some(Busy {
            what: "positions",
            done: positions.map(|part| part.range.len()).sum(),
            total: job.bands.len(),
        }));
        let id = job.id;
        match job.step(nth, self.model, &gauge) {
            Ok(answer) => (self.answers)(answer),
            Err(error) => {
                self.job = None;
                self.fail(id, error);
            }
        }
    }

    /// Says what went wrong, unless that nobody wants it any more.
    fn fail(&self, id: u64, error: Error) {
        let gauge = Gauge {
            id,
            shared: self.shared,
        };
        if !gauge.is_cancelled() {
            (self.answers)(Answer::Failed(id, error));
        }
    }
}

impl Job<'_> {
    /// The part to work on: the nearest with something to do.
    fn todo(&self) -> Option<usize> {
        let with_work = (0..self.parts.len()).filter(|&nth| {
            let part = &self.parts[nth];
            part.read.is_none() || part.missing(&self.wanted).iter().any(|ids| !ids.is_empty())
        });
        with_work.min_by_key(|&nth| {
            let range = &self.parts[nth].range;
            match range.contains(&self.near) {
                true => 0,
                false => self
                    .near
                    .abs_diff(range.start)
                    .min(self.near.abs_diff(range.end - 1)),
            }
        })
    }

    /// Reads a part, or follows what is wanted there and is not followed.
    fn step(&mut self, nth: usize, model: &Model, gauge: &Gauge) -> Result<Answer> {
        let part = &mut self.parts[nth];
        let range = part.range.clone();
        let Some(read) = &part.read else {
            let read = Arc::new(self.bands.read(range.clone(), gauge)?);
            part.read = Some(Arc::clone(&read));
            let tops = read.rows.iter().flat_map(|row| &row.readings).chain(&read.output);
            let ids = tops.flat_map(|reading| reading.top.iter().map(|candidate| candidate.id));
            return Ok(Answer::Read(self.id, range, read.clone(), names(model, ids)));
        };
        let missing = part.missing(&self.wanted);
        let values = self.bands.follow(range.clone(), read, &missing, gauge)?;
        let ids = missing.iter().flatten().copied();
        let names = names(model, ids);
        for (followed, ids) in part.followed.iter_mut().zip(missing) {
            followed.extend(ids);
        }
        Ok(Answer::Followed(self.id, range, values, names))
    }
}

impl Part {
    /// At each position, the tokens to follow that are not: those wanted everywhere, and those that lead at some
    /// row there. Each once, rising.
    fn missing(&self, wanted: &[u32]) -> Vec<Vec<u32>> {
        let Some(read) = &self.read else {
            return Vec::new();
        };
        let at = |(nth, followed): (usize, &HashSet<u32>)| {
            let leading = read.rows.iter().map(|row| row.readings[nth].top1().id);
            let output = read.output[nth].top1().id;
            let all = wanted.iter().copied().chain(leading).chain([output]);
            let mut ids: Vec<u32> = all.filter(|id| !followed.contains(id)).collect();
            ids.sort_unstable();
            ids.dedup();
            ids
        };
        self.followed.iter().enumerate().map(at).collect()
    }
}

/// A prompt's positions in parts of at most as many as are seen, counted from the end.
fn parts(positions: usize, seen: usize) -> Vec<Part> {
    let size = seen.clamp(1, MOST_AT_ONCE);
    let ends = (0..positions).rev().step_by(size).map(|last| last + 1);
    ends.map(|end| {
        let range = end.saturating_sub(size)..end;
        Part {
            followed: vec![HashSet::new(); range.len()],
            range,
            read: None,
        }
    })
    .collect()
}

/// The picture of a prompt of which nothing is read.
fn picture(model: &Model, bands: &Bands) -> Picture {
    let heads = bands.prompt().ids.iter().map(|&id| model.tokens.label(id));
    Picture::new(
        bands.prompt().clone(),
        bands.sites().to_vec(),
        heads.collect(),
        model.card.layers,
    )
}

/// The names of tokens.
fn names(model: &Model, ids: impl Iterator<Item = u32>) -> Names {
    let ids: HashSet<u32> = ids.collect();
    let name = |id: u32| {
        let name = Name {
            label: model.tokens.label(id),
            is_word: model.tokens.is_word(id),
        };
        (id, name)
    };
    ids.into_iter().map(name).collect()
}
