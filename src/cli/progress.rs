//! A bar on stderr for runs that take a while.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use logit_lens::machine::progress::{Progress, Stage};

/// A run shorter than this shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// Draws a bar once the run has taken a second, and wipes it at the end. Over many prompts it says how many
/// of them are done, over one how far it is.
pub struct Bar {
    since: Instant,
    bar: ProgressBar,
    /// Whether anything of it was shown yet.
    is_shown: AtomicBool,
    /// The number of prompts, where there are several and it is known.
    prompts: Option<usize>,
}

impl Bar {
    /// A bar over so many prompts. It shows only on a terminal, and not when `quiet`.
    pub fn new(quiet: bool, prompts: Option<usize>) -> Self {
        let bar = match quiet || !io::stderr().is_terminal() {
            true => ProgressBar::hidden(),
            false => ProgressBar::no_length(),
        };
        let prompts = prompts.filter(|&prompts| prompts > 1);
        let style = ProgressStyle::with_template(match prompts {
            Some(_) => "{msg:>10} {wide_bar:.cyan/blue} {pos}/{len} eta {eta}",
            None => "{msg:>10} {wide_bar:.cyan/blue} {pos}/{len}",
        });
        Self {
            since: Instant::now(),
            bar: style.map(|style| bar.clone().with_style(style)).unwrap_or(bar),
            is_shown: AtomicBool::new(false),
            prompts,
        }
    }

    /// Shows that so many prompts are done.
    pub fn prompts_done(&self, done: usize) {
        if let Some(prompts) = self.prompts {
            self.show("prompts", done, prompts);
        }
    }

    fn show(&self, what: &'static str, done: usize, total: usize) {
        if self.bar.is_hidden() || self.since.elapsed() < PATIENCE {
            return;
        }
        self.is_shown.store(true, Ordering::Relaxed);
        self.bar.set_message(what);
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
    }

    /// Runs `f`, which writes to the terminal, with the bar out of its way. `f` must leave the bar alone: it
    /// would wait for itself.
    pub fn hide<R>(&self, f: impl FnOnce() -> R) -> R {
        match self.is_shown.load(Ordering::Relaxed) {
            true => self.bar.suspend(f),
            false => f(),
        }
    }
}

impl Progress for Bar {
    fn report(&self, stage: Stage, done: usize, total: usize) {
        if self.prompts.is_some() {
            return;
        }
        let what = match stage {
            Stage::Blocks => "blocks",
            Stage::Rows => "rows read",
        };
        self.show(what, done, total);
    }

    fn say(&self, what: &str) {
        if self.bar.is_hidden() || self.since.elapsed() < PATIENCE {
            return;
        }
        self.is_shown.store(true, Ordering::Relaxed);
        self.bar.set_message(logit_lens::text::tokens::escaped(what));
        self.bar.tick();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.is_shown.load(Ordering::Relaxed) {
            self.bar.finish_and_clear();
        }
    }
}
