//! The progress bar over a download, on stderr.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A file below this size is there before a bar could be read.
const WORTH_SHOWING: u64 = 256 * 1024;

/// One bar over one file, gone when dropped.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar that stands at `have` bytes; an invisible one unless `wanted` and on a terminal.
    pub fn new(name: &str, have: u64, size: u64, wanted: bool) -> Self {
        if !wanted || size < WORTH_SHOWING || !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} eta {eta}";
        let bar = ProgressBar::with_draw_target(Some(size), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(name.to_string());
        bar.set_position(have);
        // The rate is that of this run, without what was there before it.
        bar.reset_eta();
        // A stalled download should look stalled, not frozen.
        bar.enable_steady_tick(Duration::from_millis(250));
        Self(bar)
    }

    pub fn set(&self, have: u64) {
        self.0.set_position(have);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
