//! The thread that reads: what is seen first, the rest behind it, and nothing that is no longer wanted.

mod apart;
mod asks;
mod job;
mod survey;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, TryRecvError};

use super::state::Busy;
use crate::error::{Error, Result};
use crate::machine::progress::Progress;
use crate::model::Model;
use crate::run::Run;
use crate::text::prompt::Prompt;

use apart::Apart;
use asks::Gauge;
use job::{Job, parts, picture};
use survey::Survey;

pub use asks::{Answer, Ask, Id, Shared};
pub use survey::Listed;

/// The most positions that are read at once: so many are there before one waits for them.
const MOST_AT_ONCE: usize = 32;

/// Answers what is asked until nobody asks any more.
pub struct Reader<'a> {
    /// The model of each prompt: of two the same, or another.
    models: [&'a Model; 2],
    write: Writer<'a>,
    shared: &'a Shared,
    answers: &'a dyn Fn(Answer),
    jobs: [Option<Job<'a>>; 2],
    /// What is measured of two, where that is wanted.
    apart: Option<Apart>,
    /// What is read of a list.
    survey: Option<Survey>,
}

/// Reads a prompt of one of two as a run asks for it, and writes the run's outputs.
pub type Writer<'a> = &'a (dyn Fn(usize, &Run, Prompt) -> Result<()> + Sync);

/// A step of what there is to do.
enum Step {
    /// A part of a prompt.
    Part { which: usize, nth: usize },
    /// A position of two, from the end.
    Apart(usize),
    /// Some prompts of a list.
    Survey,
}

impl<'a> Reader<'a> {
    /// A reader that has nothing to do yet.
    pub fn new(
        models: [&'a Model; 2],
        write: Writer<'a>,
        shared: &'a Shared,
        answers: &'a dyn Fn(Answer),
    ) -> Self {
        Self {
            models,
            write,
            shared,
            answers,
            jobs: [None, None],
            apart: None,
            survey: None,
        }
    }

    /// Reads what is asked, a step at a time, until nobody asks any more.
    pub fn run(mut self, asks: &Receiver<Ask>) {
        loop {
            let step = self.next();
            let ask = match &step {
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
            let done = AssertUnwindSafe(|| match (ask, step) {
                (Some(ask), _) => self.take(ask),
                (None, Some(step)) => self.work(&step),
                (None, None) => {}
            });
            if let Err(panic) = catch_unwind(done) {
                return (self.answers)(Answer::Panicked(panic));
            }
        }
    }

    /// What to do next: what is nearest to where one looks, and of two that are as near, what is read before
    /// what is measured.
    fn next(&self) -> Option<Step> {
        let parts = self.jobs.iter().flatten().filter_map(|job| {
            let (far, nth) = job.todo()?;
            let which = job.which;
            Some((far, which, Step::Part { which, nth }))
        });
        let apart = match (&self.apart, &self.jobs) {
            (Some(apart), [Some(first), Some(second)]) => apart.todo(first, second),
            _ => None,
        };
        let apart = apart.map(|(far, from_end)| (far, 2, Step::Apart(from_end)));
        let nearest = parts.chain(apart).min_by_key(|(far, which, _)| (*far, *which));
        // The list comes behind what one looks at.
        let survey = self.survey.as_ref().map(|_| Step::Survey);
        nearest.map(|(_, _, step)| step).or(survey)
    }

    fn take(&mut self, ask: Ask) {
        match ask {
            Ask::Follow(which, ids) => {
                if let Some(job) = &mut self.jobs[which] {
                    job.wanted.extend(ids);
                }
            }
            Ask::Look(which, near) => {
                if let Some(job) = &mut self.jobs[which] {
                    job.near = near;
                }
            }
            Ask::Measure(is_wanted) => self.apart = is_wanted.then(Apart::default),
            Ask::Survey { prompts, request } => {
                self.survey = Some(Survey {
                    request: *request,
                    prompts: prompts.into(),
                });
            }
            Ask::Leave => {
                self.jobs[1] = None;
                self.apart = None;
            }
            Ask::Write {
                which,
                run,
                prompt,
                file,
            } => {
                let written = (self.write)(which, &run, prompt);
                (self.answers)(Answer::Written(file, written));
            }
            Ask::Read {
                id,
                prompt,
                request,
                wanted,
                near,
                seen,
            } => {
                let (which, number) = id;
                self.jobs[which] = None;
                self.apart = self.apart.as_ref().map(|_| Apart::default());
                let model = self.models[which];
                match model.bands(prompt, &request, &self.gauge(id)) {
                    Ok(bands) => {
                        (self.answers)(Answer::Began(id, Box::new(picture(model, &bands))));
                        self.jobs[which] = Some(Job {
                            which,
                            id: number,
                            model,
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

    fn gauge(&self, id: Id) -> Gauge<'a> {
        Gauge {
            id,
            shared: self.shared,
        }
    }

    fn work(&mut self, step: &Step) {
        match *step {
            Step::Part { which, nth } => self.read_part(which, nth),
            Step::Apart(from_end) => self.measure(from_end),
            Step::Survey => {
                self.shared.set_busy(None);
                if let Some(survey) = &mut self.survey {
                    let listed = survey.step(self.models[0]);
                    let is_last = survey.prompts.is_empty();
                    if is_last {
                        self.survey = None;
                    }
                    (self.answers)(Answer::Listed(listed, is_last));
                }
            }
        }
    }

    /// Reads some positions, or follows tokens there that are not followed yet.
    fn read_part(&mut self, which: usize, nth: usize) {
        let jobs = || self.jobs.iter().flatten();
        let total = jobs().map(|job| job.bands.len()).sum();
        let done: usize = jobs().map(Job::done).sum();
        self.shared.set_busy(Some(match done == total {
            // What is left are the ranks of the tokens that are followed.
            true => Busy {
                what: "ranks",
                done: jobs().map(Job::followed).sum(),
                total,
            },
            false => Busy {
                what: "positions",
                done,
                total,
            },
        }));
        let Some(job) = &mut self.jobs[which] else {
            return;
        };
        let id = (which, job.id);
        let gauge = Gauge {
            id,
            shared: self.shared,
        };
        match job.step(nth, &gauge) {
            Ok(answer) => (self.answers)(answer),
            Err(error) => {
                self.jobs[which] = None;
                self.fail(id, error);
            }
        }
    }

    /// Measures how far the two are apart at a position.
    fn measure(&mut self, from_end: usize) {
        let (Some(apart), [Some(first), Some(second)]) = (&mut self.apart, &self.jobs) else {
            return;
        };
        self.shared.set_busy(Some(Busy {
            what: "differences",
            done: apart.done(),
            total: first.bands.len().min(second.bands.len()),
        }));
        let ids = [first.id, second.id];
        match apart.step(first, second, from_end) {
            Ok(gaps) => (self.answers)(Answer::Measured(ids, from_end, gaps)),
            Err(error) => {
                self.apart = None;
                self.fail((0, ids[0]), error);
            }
        }
    }

    /// Says what went wrong, unless that nobody wants it any more.
    fn fail(&self, id: Id, error: Error) {
        if !self.gauge(id).is_cancelled() {
            (self.answers)(Answer::Failed(id, error));
        }
    }
}
