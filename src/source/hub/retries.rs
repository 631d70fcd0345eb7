//! Trying again, within reason.

use std::time::Duration;

use super::failure::Failure;

/// How often something that fails in passing is tried again, with growing pauses.
pub struct Retries {
    failures: u32,
    /// Bytes that came since the failures were counted anew.
    progress: u64,
}

impl Retries {
    const MOST: u32 = 4;
    /// So many bytes are worth another round. With fewer, a server that gives a byte for each
    /// connection would hold a run for as long as it likes.
    const WORTHWHILE: u64 = 64 << 10;

    pub fn new() -> Self {
        Self {
            failures: 0,
            progress: 0,
        }
    }

    /// Something new came: with enough of it, the next failure is the first again.
    pub fn progress(&mut self, bytes: u64) {
        self.progress += bytes;
        if self.progress >= Self::WORTHWHILE {
            *self = Self::new();
        }
    }

    /// Waits a little, or for as long as `failure` asks for, or answers that it has been long enough.
    pub fn wait(&mut self, failure: &Failure) -> bool {
        if self.failures == Self::MOST {
            return false;
        }
        let pause = Duration::from_millis(100 << self.failures);
        std::thread::sleep(failure.asks_for().map_or(pause, |asked| asked.max(pause)));
        self.failures += 1;
        true
    }
}
